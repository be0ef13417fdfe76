// One step of a run: the code that ran with its output, what was searched, the functions that were
// called; whole, or as it grows.

import { h } from "./dom.js";
import { openFile, pictureOf } from "./file_dialog.js";
import { duration, prettyJson, usage, words } from "./format.js";
import { StreamedText } from "./streamed_text.js";
import { badge } from "./ui.js";

const block = (label, ...children) => h("div", { class: "block" }, h("p", { class: "muted small" }, label), children);
const code = (text, name) => h("pre", { class: "code", tabindex: "0", "aria-label": name }, text);

/** The view of a step. `element` is its list item. */
export class StepView {
    #head = h("p", { class: "step-head" });
    #calls = h("div");
    #growing = new Map(); // by index of a call: its element, and the texts that grow in it

    constructor(step) {
        this.step = step;
        this.element = h("li", { class: "step" }, this.#head, this.#calls);
        this.set(step);
    }

    /** Shows the step as it is now, in place of what was there. */
    set(step) {
        const calls = step.step_details?.tool_calls ?? [];
        this.step = step;
        this.#showHead();
        // A step begins with no calls, or with empty ones: what has grown meanwhile is more.
        if (step.status === "in_progress" && this.#growing.size) return;
        this.#growing.clear();
        const shown = calls.map(callView);
        if (step.reasoning) shown.unshift(block("Reasoning", h("div", { class: "text" }, step.reasoning)));
        if (step.last_error) shown.push(h("p", { class: "error" }, `${step.last_error.code}: ${step.last_error.message}`));
        this.#calls.replaceChildren(...shown);
    }

    /** Adds a delta of a stream. */
    add(delta) {
        for (const call of delta.step_details?.tool_calls ?? []) this.#addCall(call);
        this.#showHead();
    }

    #showHead() {
        const { type, status, created_at: began, completed_at: ended, failed_at: failed, usage: used } = this.step;
        const isMessage = type === "message_creation";
        const over = ended ?? failed;
        const notes = [over ? duration(over - began) : null, usage(used)].filter(Boolean).join(" · ");
        this.#head.replaceChildren(h("strong", {}, isMessage ? "Wrote a message" : "Called tools"), " ", badge(status), " ", h("span", { class: "muted small" }, notes));
    }

    #addCall(call) {
        let growing = this.#growing.get(call.index);
        if (!growing) {
            if (!this.#growing.size) this.#calls.replaceChildren(); // what the step began with
            growing = { element: h("div", { class: "call" }, h("h4", {}, titleOf(call))), texts: {} };
            this.#growing.set(call.index, growing);
            this.#calls.append(growing.element);
        }
        const add = (name, label, piece) => {
            if (!piece) return;
            if (!growing.texts[name]) {
                const place = code("", label);
                growing.element.append(block(label, place));
                growing.texts[name] = new StreamedText(place);
            }
            growing.texts[name].add(piece);
        };
        add("input", "Code", call.code_interpreter?.input);
        for (const output of call.code_interpreter?.outputs ?? []) {
            if (output.type === "image") growing.element.append(pictureOf(output.image?.file_id, "A picture that the code made"));
            else add("logs", "Output", output.logs);
        }
        if (call.function?.name) growing.element.querySelector("h4").textContent = titleOf(call);
        add("arguments", "Arguments", call.function?.arguments);
        add("output", "Output", call.function?.output);
        if (call.file_search?.results?.length) growing.element.append(resultsView(call.file_search.results));
    }
}

function titleOf(call) {
    if (call.type === "function") return `Function ${call.function?.name ?? ""}`;
    return { code_interpreter: "Code interpreter", file_search: "File search" }[call.type] ?? words(call.type);
}

function callView(call) {
    const children = [h("h4", {}, titleOf(call))];
    if (call.type === "code_interpreter") children.push(...codeView(call.code_interpreter));
    else if (call.type === "file_search") children.push(resultsView(call.file_search?.results ?? []));
    else if (call.type === "function") children.push(...functionView(call.function));
    else children.push(code(JSON.stringify(call, null, 2), "Call"));
    return h("div", { class: "call" }, children);
}

function codeView({ input, outputs }) {
    const shown = [block("Code", code(input, "Code"))];
    for (const output of outputs ?? []) {
        if (output.type === "logs") shown.push(block("Output", code(output.logs, "Output")));
        else if (output.type === "image") shown.push(pictureOf(output.image.file_id, "A picture that the code made"));
        else shown.push(block("Output", code(JSON.stringify(output, null, 2), "Output")));
    }
    return shown;
}

function functionView({ arguments: given, output }) {
    const shown = [block("Arguments", code(prettyJson(given), "Arguments"))];
    if (output !== null && output !== undefined) shown.push(block("Output", code(prettyJson(output), "Output")));
    return shown;
}

function resultsView(results) {
    if (!results.length) return h("p", { class: "muted" }, "Nothing was found.");
    return h("ol", { class: "results" }, results.map((result) => h(
        "li",
        {},
        h("button", { type: "button", class: "link", on: { click: () => openFile(result.file_id) } }, result.file_name || result.file_id),
        h("span", { class: "muted small" }, ` score ${result.score?.toFixed(2)}`),
        (result.content ?? []).map((part) => h("details", {}, h("summary", {}, "Passage"), h("blockquote", { tabindex: "0" }, part.text))),
    )));
}
