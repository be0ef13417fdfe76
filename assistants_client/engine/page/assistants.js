// Assistants: the list, and what can be done with each. Their fields are in assistant_form.js.

import { at, get, post, remove } from "./api.js";
import { assistantForm } from "./assistant_form.js";
import { h } from "./dom.js";
import { beginning, time } from "./format.js";
import { pagedList } from "./paged_list.js";
import { go } from "./router.js";
import { actionButton, announce, confirmed, heading } from "./ui.js";

const PAGE = 50;

/** Returns the name that an assistant is called by. */
export function nameOf(assistant) {
    return assistant.name || assistant.id;
}

export async function listAssistants(section, { signal }) {
    const list = h("ul", { class: "cards" });
    const rest = pagedList({
        container: list,
        load: (after) => get("assistants", { query: { limit: PAGE, after }, signal }),
        row: card,
        empty: "There are no assistants yet. Make the first one.",
        signal,
    });
    section.append(heading("Assistants", h("a", { class: "button primary", href: "#/assistants/new" }, "New assistant")), list, rest.element);
    await rest.first;
}

function card(assistant) {
    const name = nameOf(assistant);
    const id = encodeURIComponent(assistant.id);
    const tools = assistant.tools.map((tool) => tool.function?.name ?? tool.type?.replaceAll("_", " "));
    const element = h(
        "li",
        { class: "card" },
        h("h2", {}, h("a", { href: `#/assistants/${id}` }, name)),
        assistant.description ? h("p", {}, assistant.description) : null,
        assistant.instructions ? h("p", { class: "muted" }, beginning(assistant.instructions)) : null,
        h("p", { class: "muted small" }, assistant.model, tools.length ? ` · ${tools.join(", ")}` : "", " · ", time(assistant.created_at)),
        h(
            "div",
            { class: "actions" },
            h("a", { class: "button", href: `#/try?assistant=${id}`, "aria-label": `Try ${name}` }, "Try"),
            h("a", { class: "button", href: `#/assistants/new?from=${id}`, "aria-label": `Copy ${name}` }, "Copy"),
            actionButton("Delete", async () => {
                if (!(await confirmed(`Delete the assistant ${name}?`, "Delete"))) return;
                await remove(at`assistants/${assistant.id}`);
                const neighbour = element.nextElementSibling ?? element.previousElementSibling;
                element.remove();
                announce(`${name} is deleted.`);
                (neighbour?.querySelector("a") ?? document.querySelector("h1"))?.focus();
            }, { "aria-label": `Delete ${name}` }),
        ),
    );
    return element;
}

export async function newAssistant(section, { query, signal }) {
    const from = query.get("from");
    section.append(heading(from ? "Copy an assistant" : "New assistant"));
    const copied = from ? await get(at`assistants/${from}`, { signal }) : null;
    const first = copied ? { ...copied, name: copied.name ? `Copy of ${copied.name}` : null } : {};
    section.append(assistantForm(first, {
        label: "Make it",
        isNew: true,
        save: (fields) => post("assistants", fields),
        saved: (made) => go(`#/try?assistant=${encodeURIComponent(made.id)}`),
    }));
}

export async function editAssistant(section, { params, signal }) {
    const assistant = await get(at`assistants/${params.id}`, { signal });
    const id = encodeURIComponent(assistant.id);
    section.append(
        heading(
            nameOf(assistant),
            h("a", { class: "button", href: `#/try?assistant=${id}` }, "Try"),
            h("a", { class: "button", href: `#/assistants/new?from=${id}` }, "Copy"),
        ),
        h("p", { class: "muted small" }, assistant.id, " · made ", time(assistant.created_at)),
        assistantForm(assistant, {
            label: "Save",
            isNew: false,
            save: (fields) => post(at`assistants/${assistant.id}`, fields),
            saved: (made) => {
                section.querySelector("h1").textContent = nameOf(made);
                announce("Saved.");
            },
        }),
    );
}
