// A thread that is there, and one that begins with the first question: the conversation, and the box in
// which to ask.

import { at, get, idempotencyKey, remove } from "./api.js";
import { nameOf } from "./assistants.js";
import { Conversation } from "./conversation.js";
import { h } from "./dom.js";
import { time } from "./format.js";
import { go, rename } from "./router.js";
import { actionButton, announce, confirmed, facts, failure, field, heading } from "./ui.js";

export async function showThread(section, { params, signal }) {
    const path = at`threads/${params.id}`;
    const thread = await get(path, { signal });
    const drop = actionButton("Delete the thread", async () => {
        if (!(await confirmed("Delete this thread, with its messages and runs?", "Delete"))) return;
        await remove(path);
        announce("The thread is deleted.");
        go("#/threads");
    });
    const conversation = new Conversation(thread.id, signal);
    section.append(
        heading("Thread", drop),
        facts({
            Id: thread.id,
            Created: time(thread.created_at),
            Metadata: Object.entries(thread.metadata ?? {}).map(([key, value]) => `${key}=${value}`).join(", "),
        }),
        conversation.element,
    );
    await conversation.begin();
    section.append(await box(conversation, conversation.assistantId, signal));
    conversation.scrollToEnd();
}

export async function tryAssistant(section, { query, signal }) {
    const conversation = new Conversation(null, signal);
    section.append(heading("Try an assistant"), conversation.element);
    section.append(await box(conversation, query.get("assistant"), signal));
}

/** The newest assistants, and the one that is wanted, which may be older, or deleted. */
async function assistantsWith(wanted, signal) {
    const { data } = await get("assistants", { query: { limit: 100 }, signal });
    if (wanted && !data.some((one) => one.id === wanted)) {
        const one = await get(at`assistants/${wanted}`, { signal }).catch((error) => {
            if (error.status !== 404) throw error;
            return null;
        });
        if (one) data.unshift(one);
    }
    return data;
}

/** The box in which to ask. */
async function box(conversation, wanted, signal) {
    const assistants = await assistantsWith(wanted, signal);
    if (!assistants.length) {
        return h("p", {}, "There is no assistant to ask. ", h("a", { href: "#/assistants/new" }, "Make one"), ".");
    }
    const assistant = field("Assistant", h("select", { value: wanted && assistants.some((one) => one.id === wanted) ? wanted : assistants[0].id }, assistants.map((one) => h("option", { value: one.id }, nameOf(one)))));
    const question = field("Question", h("textarea", { rows: 2, required: true }), "Enter asks; Shift and Enter begins a line.");
    const instructions = field("Instructions for this run", h("textarea", { rows: 3 }), "In place of the assistant's; empty keeps those.");
    const model = field("Model for this run", h("input", { type: "text", spellcheck: "false" }));
    const ask = h("button", { type: "submit", class: "primary" }, "Ask");
    const notes = h("div");
    const form = h(
        "form",
        { class: "box", "aria-label": "Ask" },
        h("div", { class: "pair" }, assistant.element, h("details", {}, h("summary", {}, "Options"), instructions.element, model.element)),
        h("div", { class: "pair" }, question.element, ask),
        notes,
    );

    function bodyFor(text) {
        const message = { role: "user", content: text };
        const body = { assistant_id: assistant.control.value };
        if (instructions.control.value.trim()) body.instructions = instructions.control.value;
        if (model.control.value.trim()) body.model = model.control.value.trim();
        if (conversation.threadId) body.additional_messages = [message];
        else body.thread = { messages: [message] };
        return body;
    }

    async function send(text, body, path, key) {
        notes.replaceChildren();
        ask.disabled = true;
        const takeBack = conversation.addQuestion(text);
        let hasBegun = false;
        try {
            const began = (view) => {
                hasBegun = true;
                question.control.value = "";
                rename(`#/threads/${encodeURIComponent(view.run.thread_id)}`);
                question.control.focus();
            };
            await conversation.run(path, body, { key, began });
        } catch (error) {
            if (signal.aborted) return;
            takeBack();
            // With the same key the server knows it again, if it has come through.
            const again = () => send(text, body, path, key);
            notes.append(failure(error, hasBegun ? null : again));
        } finally {
            ask.disabled = false;
        }
    }

    function submit() {
        const text = question.control.value;
        if (ask.disabled || !text.trim()) return;
        const path = conversation.threadId ? at`threads/${conversation.threadId}/runs` : "threads/runs";
        send(text, bodyFor(text), path, idempotencyKey());
    }

    form.addEventListener("submit", (event) => {
        event.preventDefault();
        submit();
    });
    question.control.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        submit();
    });
    return form;
}
