// The official Node client: assistants, pages, runs, streams with their events, tools, files, errors.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.CLIENTS_NODE_DIR}/package.json`);
const { default: OpenAI, toFile } = await import(pathToFileURL(require.resolve("openai")));

const client = new OpenAI({ maxRetries: 0 });
const { assistants, threads } = client.beta;
const told = {};
// Up to its fifth version the client took all ids of a path in order, and called deleting del.
const isOld = "del" in assistants;
const within = (id, { thread_id, ...body }) =>
  isOld ? [thread_id, id, ...(Object.keys(body).length ? [body] : [])] : [id, { thread_id, ...body }];
const deleted = async (objects, id) => (await objects[isOld ? "del" : "delete"](id)).object;
const vectorStores = client.vectorStores ?? client.beta.vectorStores;
const weather = { type: "function", function: { name: "get_weather" } };
const ask = (content) => ({ messages: [{ role: "user", content }] });
const texts = async (threadId) => {
  const found = [];
  for await (const message of threads.messages.list(threadId, { order: "asc" })) {
    found.push(message.content[0].text.value);
  }
  return found;
};
const refusal = async (call) => {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.status, error.code, error.param];
  }
  return null;
};

// Pages
const assistant = await assistants.create({
  model: "m",
  name: "node guide",
  tools: [weather, { type: "code_interpreter" }],
});
const made = new Set([assistant.id]);
for (let number = 0; number < 44; number++) {
  made.add((await assistants.create({ model: "m", name: `node ${number}` })).id);
}
const paged = [];
for await (const found of assistants.list({ limit: 20 })) {
  if (made.has(found.id)) paged.push(found.id);
}
told.paged = paged.length;

// A run by polling, with its step
let thread = await threads.create({ ...ask("Hello"), metadata: { a: "1" } });
let run = await threads.runs.createAndPoll(
  thread.id,
  { assistant_id: assistant.id },
  { pollIntervalMs: 20 },
);
told.run = [run.status, await texts(thread.id)];
const steps = await threads.runs.steps.list(...within(run.id, { thread_id: thread.id }));
told.steps = steps.data.map((step) => step.type);

// A stream with its events
const noted = (stream) => {
  const notes = { events: [], text: "", names: [] };
  stream
    .on("event", (event) => notes.names.push(event.event))
    .on("textDelta", (delta) => (notes.text += delta.value))
    .on("textDone", () => notes.events.push("textDone"))
    .on("messageDone", (message) => notes.events.push(`messageDone ${message.status}`))
    .on("toolCallCreated", (call) => notes.events.push(`toolCallCreated ${call.type}`))
    .on("toolCallDone", (call) => notes.events.push(`toolCallDone ${call.type}`))
    .on("end", () => notes.events.push("end"));
  return notes;
};
thread = await threads.create(ask("Good day"));
let stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
told.stream = noted(stream);
told.final = [(await stream.finalRun()).status, (await stream.finalMessages()).length];

// Code
stream = threads.createAndRunStream({
  assistant_id: assistant.id,
  thread: ask("Use code_interpreter"),
});
told.code = noted(stream);
const codeSteps = await stream.finalRunSteps();
told.logs = codeSteps[0].step_details.tool_calls[0].code_interpreter.outputs;

// Tools, plain and streamed
run = await threads.createAndRunPoll(
  { assistant_id: assistant.id, thread: ask("get_weather of Oslo and Bergen") },
  { pollIntervalMs: 20 },
);
const outputs = (asked) =>
  asked.required_action.submit_tool_outputs.tool_calls.map((call) => ({
    tool_call_id: call.id,
    output: JSON.parse(call.function.arguments).city,
  }));
run = await threads.runs.submitToolOutputsAndPoll(
  ...within(run.id, { thread_id: run.thread_id, tool_outputs: outputs(run) }),
);
told.plain_tools = [run.status, (await texts(run.thread_id)).at(-1)];
thread = await threads.create(ask("get_weather of Oslo and Bergen"));
stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
told.first_leg = noted(stream);
const asked = await stream.finalRun();
stream = threads.runs.submitToolOutputsStream(
  ...within(asked.id, { thread_id: thread.id, tool_outputs: outputs(asked) }),
);
told.second_leg = noted(stream);
told.streamed_tools = [asked.status, (await stream.finalRun()).status];

// Cancelling
run = await threads.createAndRun({ assistant_id: assistant.id, thread: ask("Speak slowly") });
run = await threads.runs.cancel(...within(run.id, { thread_id: run.thread_id }));
run = await threads.runs.poll(...within(run.id, { thread_id: run.thread_id }), {
  pollIntervalMs: 20,
});
told.cancelled = run.status;

// A stream whose thread is deleted in the middle
stream = threads.createAndRunStream({ assistant_id: assistant.id, thread: ask("Speak slowly") });
stream.on("messageCreated", (message) => deleted(threads, message.thread_id));
try {
  await stream.finalRun();
} catch (error) {
  told.broken_off = error.message.includes("was deleted");
}

// Files and stores
const store = await vectorStores.create({ name: "node" });
const file = await toFile(Buffer.from("Oslo is the capital of Norway."), "capitals.txt");
const stored = await vectorStores.files.uploadAndPoll(store.id, file, {
  pollIntervalMs: 20,
});
const content = await client.files.content(stored.id);
told.files = [stored.status, await content.text()];
if (vectorStores.search) {
  const search = await vectorStores.search(store.id, { query: "capital of Norway" });
  told.found = search.data[0].filename;
}

// Deletion and errors
told.deleted = [
  await deleted(threads, thread.id),
  await deleted(assistants, assistant.id),
  await deleted(vectorStores, store.id),
  await deleted(client.files, stored.id),
];
told.errors = {
  gone: await refusal(() => assistants.retrieve(assistant.id)),
  temperature: await refusal(() => assistants.create({ model: "m", temperature: 3 })),
  key: await refusal(() => new OpenAI({ apiKey: "wrong" }).beta.threads.create()),
};
console.log(JSON.stringify(told));
