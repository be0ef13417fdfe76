"""Pagination: lists are lazy, and end only where the items do.

1. Iterate a list: pages are fetched as they are needed.
2. Bound it: ``limit`` is the most items that are yielded, however many pages that takes.
3. Go through the pages themselves, of a size of your own.
4. Go on where you stopped, by the id of the last item seen.

Assumes the extra ``engine``, or a server in ``ASSISTANTS_BASE_URL``.
"""

from assistants_client import Client

client = Client()
thread = client.threads.create()
for number in range(25):
    client.messages.create(thread.id, f"Line {number}")

print(sum(1 for _ in client.messages.list(thread.id)), "messages in all")

newest = [message.text for message in client.messages.list(thread.id, limit=3)]
print("The newest:", newest)

for page in client.messages.list(thread.id, order="asc", page_size=10).pages():
    first, last = page.data[0], page.data[-1]
    print(f"A page of {len(page.data)}: {first.text} to {last.text}, more: {page.has_more}")

seen = list(client.messages.list(thread.id, order="asc", limit=20))
rest = client.messages.list(thread.id, order="asc", after=seen[-1].id)
print("After", seen[-1].text, "come", [message.text for message in rest])
