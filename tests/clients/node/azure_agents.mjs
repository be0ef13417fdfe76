// Azure's Node client: agents, a run, a stream. It asks for HTTPS and a token of Azure's; a policy
// that sets the key, in the place of its own, is the way in.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.CLIENTS_NODE_DIR}/package.json`);
const { AgentsClient } = await import(pathToFileURL(require.resolve("@azure/ai-agents")));

const client = new AgentsClient(
  process.env.OPENAI_BASE_URL,
  { getToken: async () => ({ token: "unused", expiresOnTimestamp: Date.now() + 3600_000 }) },
  { allowInsecureConnection: true },
);
client.pipeline.removePolicy({ name: "bearerTokenAuthenticationPolicy" });
client.pipeline.addPolicy({
  name: "key",
  sendRequest(request, next) {
    request.allowInsecureConnection = true;
    request.headers.set("Authorization", `Bearer ${process.env.OPENAI_API_KEY}`);
    return next(request);
  },
});

const told = {};
const agent = await client.createAgent("m", { name: "azure node", instructions: "Be brief." });
told.agent = [agent.name, (await client.getAgent(agent.id)).tools];
const thread = await client.threads.create();
await client.messages.create(thread.id, "user", "Hello");
let run = await client.runs.create(thread.id, agent.id);
while (["queued", "in_progress"].includes(run.status)) {
  run = await client.runs.get(thread.id, run.id);
}
const said = [];
for await (const message of client.messages.list(thread.id, { order: "asc" })) {
  said.push(message.content[0].text.value);
}
told.run = [run.status, said];
await client.messages.create(thread.id, "user", "Good day");
const events = [];
let text = "";
for await (const event of await client.runs.create(thread.id, agent.id).stream()) {
  events.push(event.event);
  if (event.event === "thread.message.delta") text += event.data.delta.content[0].text.value;
}
told.stream = [events[0], events.at(-1), text];
await client.threads.delete(thread.id);
await client.deleteAgent(agent.id);
try {
  await client.getAgent(agent.id);
} catch (error) {
  told.gone = error.statusCode;
}
console.log(JSON.stringify(told));
