"""File search: documents in a vector store, found by their content, cited in the answer.

1. Put files into a store, and wait until they have been processed.
2. Search the store yourself.
3. Give the store to an assistant and ask it: its answer cites the passages.

Assumes the extra ``engine``. Its offline tutor does not read files, so ``Scripted`` plays the
language model in step 3, with the marks that a model cites with. For a real one set
``ASSISTANTS_MODEL_URL`` and ``ASSISTANTS_MODEL``, or ``ASSISTANTS_BASE_URL`` for a server.
"""

import os

from assistants_client import Client, FileCitation, FileSearchTool

HOUSE = b"The heating is off from May to September.\n\nKeys are kept by the porter in room 12."
GARDEN = b"The garden is watered before sunrise.\n\nDogs are welcome, on a lead."


def connect() -> Client:
    """A client whose language model can search files."""
    if os.environ.get("ASSISTANTS_BASE_URL") or os.environ.get("ASSISTANTS_MODEL_URL"):
        return Client()
    from assistants_client.engine import Engine, Scripted, call

    search = call("file_search", query="keys porter")
    return Client(engine=Engine(model=Scripted([search, "The porter【0:0†source】."])))


client = connect()
store = client.vector_stores.create(name="House rules")
for name, text in {"house.txt": HOUSE, "garden.txt": GARDEN}.items():
    client.vector_store_files.upload_and_wait(store.id, text, filename=name, timeout=60)

for hit in client.vector_stores.search(store.id, "where are dogs welcome"):
    print(f"{hit.score:.2f} {hit.filename}: {hit.content[0].text}")

assistant = client.assistants.create(
    instructions="Answer from the house rules, and cite them.",
    tools=[FileSearchTool()],
    tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    model=os.environ.get("ASSISTANTS_MODEL", "gpt-4o"),
)
thread = client.threads.create()
reply = client.ask(thread.id, "Who keeps the keys?", assistant_id=assistant.id)
print(reply.text)
for citation in reply.citations:
    if isinstance(citation, FileCitation) and citation.file_citation:
        print("cited:", client.files.retrieve(citation.file_citation.file_id).filename)
