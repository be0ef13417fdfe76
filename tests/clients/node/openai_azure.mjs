// The official Node client's class for Azure OpenAI: only its endpoint is another one.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.CLIENTS_NODE_DIR}/package.json`);
const { AzureOpenAI } = await import(pathToFileURL(require.resolve("openai")));

const endpoint = process.env.OPENAI_BASE_URL.replace(/\/v1$/, "");
const apiKey = process.env.OPENAI_API_KEY;
delete process.env.OPENAI_BASE_URL; // which this class would read instead
const apiVersion = "2024-05-01-preview";
const asked = async (client) => {
  const { assistants, threads } = client.beta;
  const assistant = await assistants.create({ model: "gpt-4o" });
  const thread = await threads.create({ messages: [{ role: "user", content: "Hello" }] });
  const options = { assistant_id: assistant.id };
  const run = await threads.runs.createAndPoll(thread.id, options, { pollIntervalMs: 20 });
  const [message] = (await threads.messages.list(thread.id)).data;
  return [run.status, message.content[0].text.value];
};
const told = {
  key: await asked(new AzureOpenAI({ endpoint, apiKey, apiVersion })),
  deployment: await asked(new AzureOpenAI({ endpoint, apiKey, apiVersion, deployment: "gpt-4o" })),
};
try {
  await new AzureOpenAI({ endpoint, apiKey: "wrong", apiVersion }).beta.assistants.list();
} catch (error) {
  told.wrong = error.code;
}
console.log(JSON.stringify(told));
