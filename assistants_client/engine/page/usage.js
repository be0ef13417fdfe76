// The tokens that models took, by assistant, model, day or a metadata key.

import { at, get } from "./api.js";
import { h } from "./dom.js";
import { table } from "./files.js";
import { count } from "./format.js";
import { bars } from "./plot.js";
import { failure, field, heading } from "./ui.js";

const GROUPS = [["assistant", "assistant"], ["model", "model"], ["day", "day"], ["metadata", "a key of metadata"]];
const PLOTTED = 20;

export async function showUsage(section, { signal }) {
    const group = field("By", h("select", {}, GROUPS.map(([value, text]) => h("option", { value }, text))));
    const key = field("Key", h("input", { type: "text", placeholder: "user" }));
    key.element.hidden = true;
    const place = h("div", { "aria-live": "polite" });
    const names = new Map();

    async function nameOf(id) {
        if (!names.has(id)) names.set(id, get(at`assistants/${id}`, { signal }).then((one) => one.name || id, () => id));
        return names.get(id);
    }

    async function show() {
        key.element.hidden = group.control.value !== "metadata";
        const by = group.control.value === "metadata" ? `metadata:${key.control.value.trim()}` : group.control.value;
        if (by === "metadata:") {
            place.replaceChildren(h("p", { class: "muted" }, "Which key?"));
            return;
        }
        const page = await get("usage", { query: { group_by: by }, signal });
        const rows = await Promise.all(page.data.map(async (one) => ({
            ...one,
            label: by === "assistant" && one.key ? await nameOf(one.key) : one.key || "(none)",
        })));
        place.replaceChildren(...shown(rows, by));
    }

    const tryShow = () => show().catch((error) => {
        if (!signal.aborted) place.replaceChildren(failure(error, tryShow));
    });
    group.control.addEventListener("change", tryShow);
    key.control.addEventListener("change", tryShow);
    section.append(heading("Usage"), h("div", { class: "inline" }, group.element, key.element), place);
    await show();
}

function shown(rows, by) {
    if (!rows.length) return [h("p", { class: "muted" }, "No run has used any tokens yet.")];
    const plotted = by === "day" ? rows.slice(-PLOTTED) : rows.slice(0, PLOTTED);
    const parts = plotted.map((one) => ({ label: one.label, parts: [one.prompt_tokens, one.completion_tokens] }));
    const { element, body, row } = table(`Tokens by ${by}`, [by, "Runs", "Read", "Written", "Tokens"]);
    element.classList.add("numbers");
    body.append(...rows.map((one) => row([one.label, ...[one.runs, one.prompt_tokens, one.completion_tokens, one.total_tokens].map(count)])));
    const legend = h("p", { class: "legend small" }, h("span", { class: "key first" }), " read by the model ", h("span", { class: "key second" }), " written by it");
    const plot = bars(`Tokens by ${by}; the numbers are in the table below`, parts);
    return [h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Plot" }, plot), legend, element];
}
