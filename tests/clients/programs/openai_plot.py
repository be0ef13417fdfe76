"""The official Python client: a question whose answer is a picture and a table, by code."""

import json

import openai

client = openai.OpenAI(max_retries=0)
beta = client.beta

assistant = beta.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
thread = beta.threads.create(
    messages=[{"role": "user", "content": "Plot sin x and give me the CSV."}]
)
run = beta.threads.runs.create_and_poll(
    thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=50
)
[message] = beta.threads.messages.list(thread.id, run_id=run.id).data
steps = beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc").data
[call] = steps[0].step_details.tool_calls
picture = next(part.image_file.file_id for part in message.content if part.type == "image_file")
text = next(part.text for part in message.content if part.type == "text")
[link] = text.annotations
table = client.files.content(link.file_path.file_id).read().decode()
told = {
    "status": [run.status, run.last_error and run.last_error.message],
    "outputs": [output.to_dict() for output in call.code_interpreter.outputs],
    "picture": picture,
    "begins": client.files.content(picture).read()[:8].hex(),
    "parts": [part.type for part in message.content],
    "link": [link.type, link.text, text.value[link.start_index : link.end_index]],
    "table": table.splitlines()[:2],
    "lines": len(table.splitlines()),
    "name": client.files.retrieve(link.file_path.file_id).filename,
}
print(json.dumps(told))
