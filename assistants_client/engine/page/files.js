// Uploaded files: the list, uploads, downloads.

import { at, get, remove, upload } from "./api.js";
import { h, newId } from "./dom.js";
import { bytes, time, words } from "./format.js";
import { download, openFile } from "./file_dialog.js";
import { pagedList } from "./paged_list.js";
import { draw } from "./router.js";
import { actionButton, announce, badge, confirmed, heading, whileBusy } from "./ui.js";

const PAGE = 100;

/** A form that uploads files and does something with each. */
export function uploadForm(label, { purposes, uploaded, done }) {
    const files = h("input", { type: "file", id: newId(), multiple: true, required: true });
    const purpose = h("select", { id: newId() }, purposes.map(([value, text]) => h("option", { value }, text)));
    const submit = h("button", { type: "submit" }, "Upload");
    const state = h("span", { role: "status", class: "muted" });
    return h(
        "form",
        { class: "inline", on: { submit: (event) => {
            event.preventDefault();
            whileBusy(submit, async () => {
                for (const [index, file] of Array.from(files.files).entries()) {
                    state.textContent = `${index + 1} of ${files.files.length}: ${file.name}`;
                    await uploaded(await upload(file, purpose.value));
                }
                files.value = "";
                done();
            }).finally(() => {
                state.textContent = "";
            });
        } } },
        h("label", { for: files.id }, label),
        files,
        purposes.length > 1 ? [h("label", { for: purpose.id }, "for"), purpose] : null,
        submit,
        state,
    );
}

/** A table with a caption for screen readers, and rows that become cards on narrow screens. */
export function table(caption, columns) {
    const body = h("tbody");
    const element = h(
        "table",
        {},
        h("caption", { class: "hidden" }, caption),
        h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column)))),
        body,
    );
    const row = (cells) => h("tr", {}, cells.map((cell, index) => h(index ? "td" : "th", { "data-label": columns[index], scope: index ? null : "row" }, h("div", {}, cell))));
    return { element, body, row };
}

export async function listFiles(section, { signal }) {
    const { element, body, row } = table("Files", ["Name", "Purpose", "Size", "Uploaded", "State", "Actions"]);
    const rest = pagedList({
        container: body,
        load: (after) => get("files", { query: { limit: PAGE, after }, signal }),
        row: (file) => fileRow(file, row),
        empty: "There are no files.",
        signal,
    });
    const form = uploadForm("Files", {
        purposes: [["assistants", "assistants"], ["vision", "pictures in messages"]],
        uploaded: async (file) => announce(`${file.filename} is uploaded.`),
        done: () => draw({ keepsFocus: true }),
    });
    section.append(heading("Files"), form, element, rest.element);
    await rest.first;
}

function fileRow(file, row) {
    const name = file.filename || file.id;
    const element = row([
        h("button", { type: "button", class: "link", on: { click: () => openFile(file.id) } }, name),
        words(file.purpose),
        bytes(file.bytes),
        time(file.created_at),
        [badge(file.status), file.status_details ? ` ${file.status_details}` : null],
        [
            actionButton("Download", () => download(file), { "aria-label": `Download ${name}` }),
            " ",
            actionButton("Delete", async () => {
                if (!(await confirmed(`Delete the file ${name}, also out of every vector store?`, "Delete"))) return;
                await remove(at`files/${file.id}`);
                element.remove();
                announce(`${name} is deleted.`);
                document.querySelector("h1").focus();
            }, { "aria-label": `Delete ${name}` }),
        ],
    ]);
    return element;
}
