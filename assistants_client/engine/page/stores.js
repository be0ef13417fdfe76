// Vector stores: the list, and one store with its files, their states, and a search.

import { at, get, post, remove } from "./api.js";
import { h } from "./dom.js";
import { openFile } from "./file_dialog.js";
import { table, uploadForm } from "./files.js";
import { bytes, counted, time } from "./format.js";
import { pagedList } from "./paged_list.js";
import { go } from "./router.js";
import { actionButton, announce, badge, confirmed, facts, field, heading, whileBusy } from "./ui.js";

const PAGE = 100;
const CHECK_MS = 1_500;

export async function listStores(section, { signal }) {
    const list = h("ul", { class: "cards" });
    const rest = pagedList({
        container: list,
        load: (after) => get("vector_stores", { query: { limit: PAGE, after }, signal }),
        row: card,
        empty: "There are no vector stores.",
        signal,
    });
    const name = field("Name of a new store", h("input", { type: "text", required: true }));
    const submit = h("button", { type: "submit" }, "Make it");
    const form = h("form", { class: "inline", on: { submit: (event) => {
        event.preventDefault();
        whileBusy(submit, async () => {
            const made = await post("vector_stores", { name: name.control.value });
            go(`#/stores/${encodeURIComponent(made.id)}`);
        });
    } } }, name.element, submit);
    section.append(heading("Vector stores"), form, list, rest.element);
    await rest.first;
}

function filesIn(store) {
    const { total, completed, failed, in_progress: reading } = store.file_counts;
    const parts = [counted(total, "file")];
    if (reading) parts.push(`${reading} being read`);
    if (failed) parts.push(`${failed} failed`);
    if (total && completed === total) parts.push("all read");
    return parts.join(", ");
}

function card(store) {
    const name = store.name || store.id;
    return h(
        "li",
        { class: "card" },
        h("h2", {}, h("a", { href: `#/stores/${encodeURIComponent(store.id)}` }, name)),
        h("p", {}, badge(store.status), " ", filesIn(store), " · ", bytes(store.usage_bytes)),
        h("p", { class: "muted small" }, "made ", time(store.created_at), ", last used ", time(store.last_active_at)),
    );
}

export async function showStore(section, { params, signal }) {
    const path = at`vector_stores/${params.id}`;
    const store = await get(path, { signal });
    const name = store.name || store.id;
    const state = h("div");
    const { element, body, row } = table(`Files of ${name}`, ["Name", "State", "Size", "Added", "Actions"]);
    const names = new Map();
    const listed = new Map();

    async function nameOfFile(id) {
        if (!names.has(id)) names.set(id, get(at`files/${id}`, { signal }).then((file) => file.filename || id, () => id));
        return names.get(id);
    }

    function fileRow(file) {
        const label = h("button", { type: "button", class: "link", on: { click: () => openFile(file.id) } }, file.id);
        nameOfFile(file.id).then((text) => label.replaceChildren(text));
        const made = row([
            label,
            [badge(file.status), file.last_error ? h("p", { class: "error" }, file.last_error.message) : null],
            bytes(file.usage_bytes),
            time(file.created_at),
            actionButton("Remove", async () => {
                const text = await nameOfFile(file.id);
                if (!(await confirmed(`Remove ${text} from this store?`, "Remove"))) return;
                await remove(`${path}/${at`files/${file.id}`}`);
                made.remove();
                listed.delete(file.id);
                announce(`${text} is removed.`);
                document.querySelector("h1").focus();
                await refresh();
            }),
        ]);
        listed.get(file.id)?.replaceWith(made);
        listed.set(file.id, made);
        return made;
    }

    async function refresh() {
        const now = await get(path, { signal });
        state.replaceChildren(facts({
            Id: now.id,
            State: badge(now.status),
            Files: filesIn(now),
            Size: bytes(now.usage_bytes),
            Made: time(now.created_at),
            "Last used": time(now.last_active_at),
            Expires: now.expires_at ? time(now.expires_at) : null,
        }));
        return now;
    }

    /** Shows the newest files again until all are read. */
    async function watch() {
        for (;;) {
            const now = await refresh();
            const page = await get(`${path}/files`, { query: { limit: PAGE }, signal });
            for (const file of page.data.reverse()) {
                const known = listed.has(file.id);
                const made = fileRow(file);
                if (!known) body.prepend(made);
            }
            if (!now.file_counts.in_progress) return;
            await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
            if (signal.aborted) return;
        }
    }

    const form = uploadForm("Add files", {
        purposes: [["assistants", "assistants"]],
        uploaded: (file) => post(`${path}/files`, { file_id: file.id }),
        done: () => watch().catch(() => {}),
    });
    const rest = pagedList({
        container: body,
        load: (after) => get(`${path}/files`, { query: { limit: PAGE, after }, signal }),
        row: fileRow,
        empty: "There are no files in it.",
        signal,
    });
    const drop = actionButton("Delete the store", async () => {
        if (!(await confirmed(`Delete the vector store ${name}? Its files stay uploaded.`, "Delete"))) return;
        await remove(path);
        announce(`${name} is deleted.`);
        go("#/stores");
    });
    section.append(heading(name, drop), state, search(path), h("h2", {}, "Files"), form, element, rest.element);
    const now = await refresh();
    await rest.first;
    if (now.file_counts.in_progress) watch().catch(() => {}); // the banner says when the server is away
}

function search(path) {
    const query = field("Search this store", h("input", { type: "search", required: true }));
    const submit = h("button", { type: "submit" }, "Search");
    const state = h("p", { role: "status", class: "muted" });
    const results = h("ol", { class: "results" });
    const form = h("form", { class: "inline", role: "search", on: { submit: (event) => {
        event.preventDefault();
        whileBusy(submit, async () => {
            const found = await post(`${path}/search`, { query: query.control.value, max_num_results: 10 });
            state.textContent = `${counted(found.data.length, "passage")} found.`;
            results.replaceChildren(...found.data.map(result));
        });
    } } }, query.element, submit);
    return h("div", { class: "search" }, form, state, results);
}

function result(one) {
    const name = one.filename || one.file_id;
    return h(
        "li",
        {},
        h("button", { type: "button", class: "link", on: { click: () => openFile(one.file_id) } }, name),
        h("span", { class: "muted small" }, ` score ${one.score?.toFixed(2)}`),
        (one.content ?? []).map((part) => h("blockquote", { tabindex: "0" }, part.text)),
    );
}
