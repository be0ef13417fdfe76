// One run within its thread: its state, steps, messages, errors, and the forms by which a person
// answers its calls. How it is followed is follow.js's.

import { at, get, PASSAGES, post } from "./api.js";
import { h, newId } from "./dom.js";
import { count, duration, prettyJson, time, usage, words } from "./format.js";
import { MessageView } from "./message_view.js";
import { StepView } from "./step_view.js";
import { actionButton, announce, badge, facts, failure, whileBusy } from "./ui.js";

const FINAL = new Set(["completed", "incomplete", "failed", "cancelled", "expired"]);

/** Returns whether nothing changes any more before somebody acts. */
export function isSettled(run) {
    return FINAL.has(run.status) || run.status === "requires_action";
}

/** The view of a run. `element` is an item of the conversation. */
export class RunView {
    #summary = h("summary");
    #facts = h("div");
    #steps = h("ol", { class: "steps", "aria-label": "Steps" });
    #more = h("details", {}, h("summary", {}, "About this run"), this.#facts);
    #details = h("details", { class: "run" }, this.#summary, this.#steps, this.#more);
    #messages = h("div", { class: "messages" });
    #connection = h("p", { class: "muted", role: "status", hidden: true });
    #notes = h("div");
    #actions = h("div", { class: "actions" });
    #stepViews = new Map();
    #messageViews = new Map();
    #areStepsRead = false;
    #formFor = null;

    /**
     * @param {object} run
     * @param {{submit: function(RunView, Array): Promise}} conversation What sends the outputs of calls.
     */
    constructor(run, conversation) {
        this.conversation = conversation;
        this.element = h("li", { class: "turn" }, this.#details, this.#messages, this.#connection, this.#notes, this.#actions);
        this.#details.addEventListener("toggle", () => {
            if (this.#details.open && !this.#areStepsRead) this.#readSteps().catch((error) => this.#steps.replaceChildren(h("li", {}, failure(error))));
        });
        this.update(run);
    }

    get path() {
        return at`threads/${this.run.thread_id}/runs/${this.run.id}`;
    }

    /** Opens the steps as they come, for a run that is being followed. */
    open() {
        this.#areStepsRead = true;
        this.#details.open = true;
    }

    /** Shows another state of the run. */
    update(run) {
        const before = this.run?.status;
        this.run = run;
        const over = run.completed_at ?? run.failed_at ?? run.cancelled_at;
        const took = over && run.started_at ? duration(over - run.started_at) : null;
        const used = run.usage ? `${count(run.usage.total_tokens)} tokens` : null;
        const notes = [run.model, used, took].filter(Boolean).join(" · ");
        this.#summary.replaceChildren("Run ", badge(run.status), " ", h("span", { class: "muted small" }, notes));
        this.#facts.replaceChildren(factsOf(run, took));
        this.#showEnd(run);
        if (before && before !== run.status && isSettled(run)) announce(`The run is ${words(run.status)}.`);
    }

    #showEnd(run) {
        const notes = [];
        if (run.last_error) notes.push(h("p", { class: "error" }, `${run.last_error.code}: ${run.last_error.message}`));
        if (run.status === "incomplete") notes.push(h("p", { class: "error" }, `Incomplete: ${words(run.incomplete_details?.reason)}.`));
        if (run.status === "expired") notes.push(h("p", { class: "error" }, "It took longer than runs may, and expired."));
        if (run.status === "cancelled") notes.push(h("p", { class: "muted" }, "It was cancelled."));
        const calls = run.required_action?.submit_tool_outputs?.tool_calls ?? [];
        const formFor = run.status === "requires_action" ? calls.map((call) => call.id).join() : null;
        if (formFor !== this.#formFor || !formFor) { // what was written in a form stays
            this.#formFor = formFor;
            if (formFor) notes.push(outputsForm(calls, (outputs) => this.conversation.submit(this, outputs)));
            this.#notes.replaceChildren(...notes);
        }
        const canCancel = !FINAL.has(run.status) && run.status !== "cancelling";
        if (!canCancel) this.#actions.replaceChildren();
        else if (!this.#actions.childElementCount) {
            this.#actions.append(actionButton("Cancel the run", async () => this.update(await post(`${this.path}/cancel`))));
        }
    }

    /** Says something about the connection; nothing where all is well. */
    note(text) {
        this.#connection.textContent = text ?? "";
        this.#connection.hidden = !text;
    }

    /** Shows an event of a stream. */
    apply(name, data) {
        if (name === "thread.message.delta") this.#messageViews.get(data.id)?.add(data.delta);
        else if (name === "thread.run.step.delta") this.#stepViews.get(data.id)?.add(data.delta);
        else if (name.startsWith("thread.run.step.")) this.setStep(data);
        else if (name.startsWith("thread.message.")) {
            this.setMessage(data);
            if (name !== "thread.message.created" && name !== "thread.message.in_progress") this.#messageViews.get(data.id).finish(data);
        } else if (name.startsWith("thread.run.")) this.update(data);
    }

    setMessage(message) {
        const known = this.#messageViews.get(message.id);
        if (known) {
            known.set(message);
            return;
        }
        const view = new MessageView(message);
        this.#messageViews.set(message.id, view);
        this.#messages.append(view.element);
    }

    setStep(step) {
        const known = this.#stepViews.get(step.id);
        if (known) {
            known.set(step);
            return;
        }
        const view = new StepView(step);
        this.#stepViews.set(step.id, view);
        this.#steps.append(view.element);
    }

    /** Reads what is stored of the run, its messages and steps, and shows it. */
    async refresh(signal) {
        const query = { limit: 100, order: "asc" };
        const own = { run_id: this.run.id, ...query };
        const run = await get(this.path, { signal });
        const messages = await get(at`threads/${run.thread_id}/messages`, { query: own, signal });
        await this.#readSteps(signal);
        for (const message of messages.data) this.setMessage(message);
        this.update(run);
        return run;
    }

    async #readSteps(signal) {
        let after = null;
        do {
            const query = { limit: 100, order: "asc", after };
            const page = await get(`${this.path}/steps`, { query, signal, include: PASSAGES });
            for (const step of page.data) this.setStep(step);
            after = page.has_more ? page.last_id : null;
        } while (after);
        this.#areStepsRead = true;
    }
}

function factsOf(run, took) {
    return facts({
        Id: run.id,
        Assistant: run.assistant_id ? h("a", { href: `#/assistants/${encodeURIComponent(run.assistant_id)}` }, run.assistant_id) : null,
        Model: run.model,
        Tokens: usage(run.usage),
        Created: time(run.created_at),
        Started: run.started_at ? time(run.started_at) : null,
        Took: took,
        Instructions: run.instructions ? h("div", { class: "text" }, run.instructions) : null,
        Metadata: Object.entries(run.metadata ?? {}).map(([key, value]) => `${key}=${value}`).join(", "),
    });
}

/** The form by which a person answers calls of functions. */
function outputsForm(calls, submit) {
    const inputs = calls.map((call) => {
        const input = h("textarea", { rows: 3, id: newId(), class: "code", spellcheck: "false" });
        return { call, input, element: h(
            "div",
            { class: "call" },
            h("h4", {}, `Function ${call.function.name}`),
            h("pre", { class: "code", tabindex: "0", "aria-label": "Arguments" }, prettyJson(call.function.arguments)),
            h("label", { for: input.id }, `Output of ${call.function.name}`),
            input,
        ) };
    });
    const button = h("button", { type: "submit", class: "primary" }, "Submit");
    return h("form", { class: "outputs", on: { submit: (event) => {
        event.preventDefault();
        const outputs = inputs.map(({ call, input }) => ({ tool_call_id: call.id, output: input.value }));
        whileBusy(button, () => submit(outputs));
    } } }, h("p", {}, "The run waits for what these functions return."), inputs.map((one) => one.element), h("div", { class: "actions" }, button));
}
