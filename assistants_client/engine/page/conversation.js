// A thread as a conversation: its newest messages and runs, older ones page by page as they are asked
// for, and the run that is being followed.

import { at, get } from "./api.js";
import { h } from "./dom.js";
import { pollRun, streamRun } from "./follow.js";
import { MessageView } from "./message_view.js";
import { isSettled, RunView } from "./run_view.js";
import { afterFrame } from "./streamed_text.js";
import { failure } from "./ui.js";

const PAGE = 100;
const NEAR = 120; // pixels above the end from which it is followed as it grows

/** `element` holds the conversation; `threadId` is null until the first question. */
export class Conversation {
    #older = h("button", { type: "button", hidden: true }, "Show older messages");
    #place = h("div", { class: "more" }, this.#older);
    #items = h("ol", { class: "conversation", "aria-label": "Conversation" });
    #views = new Map(); // of runs, by id
    #runs = []; // read but not shown yet, newest first
    #areRunsRead = false;
    #lastRun = null; // id of the oldest that was read
    #oldest = null; // the oldest message that is shown
    #isLoading = false;
    #height = 0; // of the document, when it was looked at last

    /** The assistant that was asked last; null where none was. */
    assistantId = null;

    constructor(threadId, signal) {
        this.threadId = threadId;
        this.signal = signal;
        this.element = h("div", {}, this.#place, this.#items);
        this.#older.addEventListener("click", () => this.#loadOlder());
        const observer = new IntersectionObserver((entries) => {
            if (entries.some((entry) => entry.isIntersecting)) this.#loadOlder();
        });
        observer.observe(this.#older);
        const end = afterFrame(() => this.#stayAtEnd());
        signal.addEventListener("abort", () => {
            observer.disconnect();
            end();
        });
    }

    /** Shows the newest page, and follows a run that is under way. */
    async begin() {
        await this.#load();
        this.scrollToEnd();
        const newest = [...this.#views.values()].filter((view) => !isSettled(view.run));
        for (const view of newest) {
            view.open();
            pollRun(view, this.signal);
        }
    }

    async #loadOlder() {
        if (this.#isLoading || this.#older.hidden) return;
        this.#place.querySelector(".failure")?.remove();
        const fromEnd = document.documentElement.scrollHeight - window.scrollY;
        const hadFocus = document.activeElement === this.#older;
        try {
            await this.#load();
        } catch (error) {
            if (!this.signal.aborted) this.#place.append(failure(error, () => this.#loadOlder()));
            return;
        }
        // What was in sight stays where it was.
        window.scrollTo(0, document.documentElement.scrollHeight - fromEnd);
        if (hadFocus && this.#older.hidden) this.#items.querySelector("button, summary")?.focus({ preventScroll: true });
    }

    async #load() {
        this.#isLoading = true;
        this.#older.disabled = true;
        try {
            const query = { limit: PAGE, order: "desc", after: this.#oldest?.id };
            const page = await get(at`threads/${this.threadId}/messages`, { query, signal: this.signal });
            const isLast = !page.has_more;
            const since = isLast ? 0 : page.data.at(-1).created_at;
            await this.#readRuns(since, new Set(page.data.map((message) => message.run_id)));
            this.#oldest = page.data.at(-1) ?? this.#oldest;
            this.#show(page.data.reverse(), since);
            this.#older.hidden = isLast;
        } finally {
            this.#isLoading = false;
            this.#older.disabled = false;
        }
    }

    /**
     * Reads runs until all since a time are there, and looks on one page further for those that wrote
     * the messages; of imported messages there may be none.
     */
    async #readRuns(since, writers) {
        const mayMiss = () => !this.#runs.length || this.#runs.at(-1).created_at >= since;
        const isMissing = (id) => id && !this.#views.has(id) && !this.#runs.some((run) => run.id === id);
        for (let further = 1; !this.#areRunsRead && (mayMiss() || further > 0); ) {
            if (!mayMiss()) {
                if (![...writers].some(isMissing)) return;
                further -= 1;
            }
            const query = { limit: PAGE, order: "desc", after: this.#lastRun };
            const page = await get(at`threads/${this.threadId}/runs`, { query, signal: this.signal });
            this.#runs.push(...page.data);
            this.#lastRun = page.data.at(-1)?.id ?? this.#lastRun;
            this.#areRunsRead = !page.has_more || !page.data.length;
            this.assistantId ??= page.data[0]?.assistant_id ?? null;
        }
    }

    /** Puts a page above what is shown: messages, oldest first, and the runs since a time. */
    #show(messages, since) {
        const withMessages = new Set(messages.map((message) => message.run_id));
        const isShown = (run) => run.created_at >= since || withMessages.has(run.id);
        const runs = this.#runs.filter(isShown).reverse();
        this.#runs = this.#runs.filter((run) => !isShown(run));
        const known = new Map(runs.map((run) => [run.id, run]));
        const silent = runs.filter((run) => !withMessages.has(run.id));
        const elements = [];
        const addSilent = (until) => {
            while (silent.length && silent[0].created_at < until) elements.push(this.#runView(silent.shift()).element);
        };
        for (const message of messages) {
            addSilent(message.created_at);
            const run = known.get(message.run_id);
            if (!run) elements.push(h("li", {}, new MessageView(message).element));
            else {
                if (!this.#views.has(run.id)) elements.push(this.#runView(run).element);
                this.#views.get(run.id).setMessage(message);
            }
        }
        addSilent(Infinity);
        this.#items.prepend(...elements);
    }

    #runView(run) {
        const view = new RunView(run, this);
        this.#views.set(run.id, view);
        return view;
    }

    /** Shows a question that has just been asked; returns what takes it away again. */
    addQuestion(text) {
        const message = { role: "user", created_at: Date.now() / 1000, content: [{ type: "text", text: { value: text } }] };
        const element = h("li", {}, new MessageView(message).element);
        this.#items.append(element);
        this.scrollToEnd();
        return () => element.remove();
    }

    /** Runs an assistant, and shows what it does as it comes. `began` is called with the run. */
    async run(path, body, { key, began }) {
        await streamRun(path, body, (name, data) => {
            if (name !== "thread.run.created") return null;
            const view = this.#runView(data);
            view.open();
            this.threadId = data.thread_id;
            this.assistantId = data.assistant_id;
            this.#items.append(view.element);
            began(view);
            return view;
        }, { key, signal: this.signal });
    }

    /** Submits the outputs of a run's calls, and goes on with what it does then. */
    async submit(view, outputs) {
        view.open();
        await streamRun(`${view.path}/submit_tool_outputs`, { tool_outputs: outputs }, () => view, { signal: this.signal });
    }

    scrollToEnd() {
        window.scrollTo(0, document.documentElement.scrollHeight);
        this.#height = document.documentElement.scrollHeight;
    }

    /** Follows the end as it grows, unless the reader has scrolled away from it. */
    #stayAtEnd() {
        const height = document.documentElement.scrollHeight;
        const fromEnd = this.#height - window.scrollY - window.innerHeight; // before it grew
        if (height > this.#height && fromEnd < NEAR) window.scrollTo(0, height);
        this.#height = height;
    }
}
