// The fields of an assistant: from its object to controls, and from these to the body of a request.
// Only what was changed is sent, so that what this form does not show stays as it is.

import { ApiError, get } from "./api.js";
import { h, newId } from "./dom.js";
import { field, whileBusy } from "./ui.js";

const json = (value) => (value === null || value === undefined ? "" : JSON.stringify(value, null, 2));
const isEmpty = (value) => [null, undefined, ""].includes(value) || (typeof value === "object" && !Object.keys(value).length);

/** What is wrong with one field, before anything is sent. */
class FieldError extends Error {
    constructor(name, message) {
        super(message);
        this.param = name;
    }
}

/**
 * Makes the form.
 * @param {object} first The assistant, or what a new one begins with.
 * @param {{label: string, isNew: boolean, save: function(object): Promise, saved: function(object)}} options
 */
export function assistantForm(first, { label, isNew, save, saved }) {
    let assistant = first;
    const fields = controls(assistant);
    const submit = h("button", { type: "submit", class: "primary" }, label);
    const note = h("span", { role: "status", class: "muted" });
    const form = h(
        "form",
        { class: "form", novalidate: true },
        Object.values(fields).map((one) => one.element),
        h("div", { class: "actions" }, submit, note),
    );
    form.addEventListener("input", () => {
        note.textContent = "";
    });
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        note.textContent = "";
        for (const one of Object.values(fields)) one.setError?.(null);
        whileBusy(submit, async () => {
            try {
                const body = bodyOf(fields, assistant, isNew);
                assistant = await save(body);
                note.textContent = isNew ? "" : "Saved.";
                saved(assistant);
            } catch (error) {
                const name = error.param?.split(/[.[]/)[0];
                if (!(error instanceof FieldError || error instanceof ApiError) || !fields[name]?.setError) throw error;
                fields[name].setError(error.message);
                fields[name].control.focus();
            }
        });
    });
    return form;
}

function controls(assistant) {
    const text = (value, attributes = {}) => h("input", { type: "text", value: value ?? "", ...attributes });
    const area = (value, rows, attributes = {}) => h("textarea", { rows, value: value ?? "", ...attributes });
    const number = (value) => h("input", { type: "text", inputmode: "decimal", value: value ?? "" });
    const code = (value, rows) => area(isEmpty(value) ? "" : json(value), rows, { class: "code", spellcheck: "false" });
    const { models, element: known } = modelNames();
    const model = field("Model", text(assistant.model, { list: models, required: true, spellcheck: "false" }), "The model that the server asks.");
    model.element.append(known);
    const functions = (assistant.tools ?? []).filter((tool) => !BUILT_IN.has(tool.type));
    return {
        name: field("Name", text(assistant.name)),
        description: field("Description", text(assistant.description)),
        model,
        instructions: field("Instructions", area(assistant.instructions, 8)),
        built_in: builtIn(assistant.tools ?? []),
        tools: field("Functions", code(functions, 4), "Further tools, as a JSON array: [{\"type\": \"function\", \"function\": {\"name\": …}}]."),
        tool_resources: field("Resources of tools", code(assistant.tool_resources, 3), "JSON, such as {\"file_search\": {\"vector_store_ids\": [\"vs_…\"]}}."),
        temperature: field("Temperature", number(assistant.temperature), "0 to 2; empty is the model's own."),
        top_p: field("Top p", number(assistant.top_p), "0 to 1; empty is the model's own."),
        response_format: field("Form of answers", code(assistant.response_format === "auto" ? null : assistant.response_format, 2), "JSON, such as {\"type\": \"json_object\"}; empty is text."),
        metadata: field("Metadata", code(assistant.metadata, 3), "JSON of texts, such as {\"user\": \"7\"}."),
    };
}

const BUILT_IN = new Map([["code_interpreter", "Code interpreter"], ["file_search", "File search"]]);

function builtIn(tools) {
    const boxes = [...BUILT_IN].map(([type, label]) => {
        const box = h("input", { type: "checkbox", id: newId(), name: type, checked: tools.some((tool) => tool.type === type) });
        return [box, h("label", { for: box.id }, label)];
    });
    return { element: h("fieldset", {}, h("legend", {}, "Tools"), boxes.map((pair) => h("div", { class: "check" }, pair))), boxes: boxes.map(([box]) => box) };
}

/** The names of models that the server knows, where it has a list of them. */
function modelNames() {
    const list = h("datalist", { id: newId() });
    get("models").then(
        (page) => list.append(...page.data.map((one) => h("option", { value: one.id }))),
        () => {},
    );
    return { models: list.id, element: list };
}

function bodyOf(fields, assistant, isNew) {
    const wanted = {
        name: fields.name.control.value || null,
        description: fields.description.control.value || null,
        model: fields.model.control.value.trim(),
        instructions: fields.instructions.control.value || null,
        tools: toolsOf(fields, assistant.tools ?? []),
        tool_resources: read("tool_resources", fields) ?? {},
        temperature: numberOf("temperature", fields),
        top_p: numberOf("top_p", fields),
        response_format: read("response_format", fields) ?? "auto",
        metadata: read("metadata", fields) ?? {},
    };
    if (!wanted.model) throw new FieldError("model", "Which model? The server needs a name.");
    const [before, body] = [isNew ? {} : assistant, {}];
    for (const [name, value] of Object.entries(wanted)) {
        const was = before[name] ?? (name === "response_format" ? "auto" : null);
        const isSame = isEmpty(value) && isEmpty(was) ? true : JSON.stringify(value) === JSON.stringify(was);
        if (!isSame) body[name] = value;
    }
    return body;
}

/** The tools that are chosen; those that were there keep their options. */
function toolsOf(fields, before) {
    const chosen = fields.built_in.boxes.filter((box) => box.checked).map((box) => before.find((tool) => tool.type === box.name) ?? { type: box.name });
    const further = read("tools", fields) ?? [];
    if (!Array.isArray(further)) throw new FieldError("tools", "Functions: expected a JSON array, such as [{…}].");
    const wanted = [...chosen, ...further];
    const order = before.map((tool) => JSON.stringify(tool));
    const place = (tool) => (order.indexOf(JSON.stringify(tool)) + 1 || order.length + 1);
    return wanted.sort((one, other) => place(one) - place(other)); // as they were, new ones last
}

function read(name, fields) {
    const text = fields[name].control.value.trim();
    if (!text) return null;
    try {
        return JSON.parse(text);
    } catch (error) {
        throw new FieldError(name, `This is not JSON: ${error.message}`);
    }
}

function numberOf(name, fields) {
    const text = fields[name].control.value.trim().replace(",", ".");
    if (!text) return null;
    if (!Number.isFinite(Number(text))) throw new FieldError(name, `${text} is not a number.`);
    return Number(text);
}
