// One message: its parts as text, pictures and citations; whole, or as it grows.

import { at, get, PASSAGES } from "./api.js";
import { h } from "./dom.js";
import { openFile, pictureOf } from "./file_dialog.js";
import { time, words } from "./format.js";
import { StreamedText } from "./streamed_text.js";
import { announce } from "./ui.js";

const SENTENCES = /^[\s\S]*[.!?:\n](?=\s|$)/;

/** Returns the passages of a file that the searches of a run have shown to the model. */
async function passagesShown(threadId, runId, fileId) {
    if (!runId) return [];
    const query = { limit: 100, order: "asc" };
    const steps = await get(at`threads/${threadId}/runs/${runId}/steps`, { query, include: PASSAGES });
    return steps.data
        .flatMap((step) => step.step_details.tool_calls ?? [])
        .flatMap((call) => call.file_search?.results ?? [])
        .filter((result) => result.file_id === fileId)
        .flatMap((result) => result.content ?? [])
        .map((part) => part.text);
}

/** A link to another site; the text of it where the address is of no kind that is opened. */
function webLink(address, label) {
    const isWeb = /^https?:\/\//i.test(address);
    return isWeb ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label || address) : `${label || ""} ${address}`;
}

/** The view of a message. `element` is its list item. */
export class MessageView {
    #body = h("div", { class: "body" });
    #state = h("span");
    #growing = new Map(); // StreamedText by the index of a part
    #unsaid = "";

    constructor(message) {
        this.message = message;
        const isUser = message.role === "user";
        this.element = h(
            "article",
            { class: `message ${isUser ? "user" : "assistant"}`, "aria-label": isUser ? "Message of the user" : "Message of the assistant" },
            h("p", { class: "who small" }, h("strong", {}, isUser ? "User" : "Assistant"), " ", time(message.created_at), " ", this.#state),
            this.#body,
        );
        this.set(message);
    }

    /** Shows the message as it is now, in place of what was there. */
    set(message) {
        const isGrowing = message.status === "in_progress" && !message.content.length;
        if (isGrowing && this.#growing.size) return;
        this.message = message;
        this.#growing.clear();
        this.#body.replaceChildren(...message.content.map((part) => this.#part(part)), ...this.#attachments());
        const reason = message.incomplete_details?.reason;
        const isOver = ["completed", undefined, null].includes(message.status);
        this.#state.textContent = isOver ? "" : `${words(message.status)}${reason ? `: ${words(reason)}` : ""}`;
    }

    /** Adds a delta of a stream. */
    add(delta) {
        for (const part of delta.content ?? []) {
            const piece = part.text?.value ?? part.refusal;
            if (piece === undefined || piece === null) {
                if (part.type !== "text" && part.type !== "refusal") this.#body.append(this.#part(part));
                continue;
            }
            if (!this.#growing.has(part.index)) {
                const element = h("div", { class: part.type === "refusal" ? "text refusal" : "text" });
                this.#body.append(element);
                this.#growing.set(part.index, new StreamedText(element));
            }
            this.#growing.get(part.index).add(piece);
            this.#say(piece);
        }
    }

    /** Says the rest of what was streamed. */
    finish(message) {
        this.set(message);
        if (this.#unsaid.trim()) announce(this.#unsaid);
        this.#unsaid = "";
    }

    /** Screen readers get whole sentences, not each piece. */
    #say(piece) {
        this.#unsaid += piece;
        if (this.#unsaid.length < 80) return;
        const [sentences] = SENTENCES.exec(this.#unsaid) ?? [""];
        if (sentences) announce(sentences);
        this.#unsaid = this.#unsaid.slice(sentences.length);
    }

    #part(part) {
        switch (part.type) {
            case "text":
                return h("div", { class: "text" }, this.#cited(part.text));
            case "refusal":
                return h("div", { class: "text refusal" }, part.refusal);
            case "image_file":
                return pictureOf(part.image_file.file_id, "A picture of the message");
            case "image_url": // not loaded: it would tell its server who reads this
                return h("p", {}, "A picture at ", webLink(part.image_url.url));
            default:
                return h("pre", { tabindex: "0" }, JSON.stringify(part, null, 2));
        }
    }

    /** The text with its marks as what they refer to; each is found behind the one before it. */
    #cited(text) {
        const value = typeof text === "string" ? text : text.value;
        const annotations = [...(text.annotations ?? [])].sort((one, other) => (one.start_index ?? 0) - (other.start_index ?? 0));
        const pieces = [];
        let place = 0;
        for (const annotation of annotations) {
            const found = annotation.text ? value.indexOf(annotation.text, place) : -1;
            if (found < 0) {
                pieces.push({ at: Infinity, node: this.#reference(annotation, annotation.text || "source") });
                continue;
            }
            pieces.push({ at: found, end: found + annotation.text.length, node: this.#reference(annotation, annotation.text) });
            place = found + annotation.text.length;
        }
        const nodes = [];
        let shown = 0;
        for (const { at: begin, end, node } of pieces.filter((one) => one.at < Infinity)) {
            nodes.push(value.slice(shown, begin), node);
            shown = end;
        }
        nodes.push(value.slice(shown), ...pieces.filter((one) => one.at === Infinity).flatMap((one) => [" ", one.node]));
        return nodes;
    }

    #reference(annotation, text) {
        const { thread_id: threadId, run_id: runId } = this.message;
        if (annotation.type === "url_citation") {
            return webLink(annotation.url_citation?.url ?? "", annotation.url_citation?.title ?? text);
        }
        const fileId = annotation.file_citation?.file_id ?? annotation.file_path?.file_id;
        const isCitation = Boolean(annotation.file_citation);
        const passagesOf = isCitation ? () => passagesShown(threadId, runId, fileId) : undefined;
        const open = () => openFile(fileId, { passagesOf });
        const label = isCitation ? `Citation ${text}: open the passage` : `Open the file ${text}`;
        return h("button", { type: "button", class: "cite", "aria-label": label, on: { click: open } }, text);
    }

    #attachments() {
        const ids = (this.message.attachments ?? []).map((one) => one.file_id).filter(Boolean);
        if (!ids.length) return [];
        const open = (id) => h("button", { type: "button", class: "link", on: { click: () => openFile(id) } }, id);
        return [h("p", { class: "small" }, "Attached: ", ids.flatMap((id) => [open(id), " "]))];
    }
}
