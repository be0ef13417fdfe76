// A file in a dialog: what it is, the passages that were cited, and its content where that can be shown.

import { at, content, get } from "./api.js";
import { h } from "./dom.js";
import { bytes, time, words } from "./format.js";
import { actionButton, dialog, facts, failure, save } from "./ui.js";

const SHOWN_BYTES = 200_000;
const PREVIEWED_BYTES = 5_000_000; // larger ones are downloaded only

/** Image types by the first bytes of a file. A picture that could run scripts (SVG) is none of them. */
const SIGNATURES = [
    ["image/png", [0x89, 0x50, 0x4e, 0x47]],
    ["image/jpeg", [0xff, 0xd8, 0xff]],
    ["image/gif", [0x47, 0x49, 0x46, 0x38]],
    ["image/webp", [0x52, 0x49, 0x46, 0x46]],
];

/** Returns the blob as a picture, or null where it is none. */
async function pictureIn(blob) {
    const head = new Uint8Array(await blob.slice(0, 4).arrayBuffer());
    const found = SIGNATURES.find(([, signature]) => signature.every((byte, index) => head[index] === byte));
    return found ? new Blob([blob], { type: found[0] }) : null;
}

/** Returns the text of a file's beginning, or null where it is no text. */
async function textIn(blob) {
    try {
        const decoder = new TextDecoder("utf-8", { fatal: true });
        const text = decoder.decode(await blob.slice(0, SHOWN_BYTES).arrayBuffer(), { stream: true });
        return text.includes("\0") ? null : text;
    } catch {
        return null;
    }
}

/** Downloads a file. */
export async function download(file) {
    save(await content(file.id), file.filename || file.id);
}

/**
 * Opens a file.
 * @param {string} fileId
 * @param {{passagesOf?: function(): Promise<Array<string>>}} cited Finds what of it was cited.
 */
export function openFile(fileId, { passagesOf } = {}) {
    const body = h("div", { class: "file" }, h("p", { class: "muted" }, "Reading the file…"));
    fill(body, fileId, passagesOf);
    return dialog(passagesOf ? "Cited file" : "File", (close) => [
        body,
        h("div", { class: "actions" }, h("button", { type: "button", on: { click: () => close(null) } }, "Close")),
    ], { class: "wide" });
}

async function fill(body, fileId, passagesOf) {
    try {
        const passages = passagesOf ? await passagesOf() : [];
        let file = { id: fileId };
        try {
            file = await get(at`files/${fileId}`);
        } catch (error) {
            if (error.status !== 404 || !passages.length) throw error;
            file.filename = "This file was deleted; the passages are those that the model was shown.";
        }
        const shown = [h("p", { class: "name" }, file.filename ?? file.id), factsOf(file)];
        if (passages.length) shown.push(h("h3", {}, "Passages that the model was shown"));
        shown.push(...passages.map((text) => h("blockquote", { tabindex: "0" }, text)));
        if (file.bytes !== undefined) {
            shown.push(await preview(file), actionButton("Download", () => download(file)));
        }
        body.replaceChildren(...shown);
    } catch (error) {
        body.replaceChildren(failure(error));
    }
}

function factsOf(file) {
    return facts({
        Id: file.id,
        Size: file.bytes === undefined ? null : bytes(file.bytes),
        Purpose: words(file.purpose ?? ""),
        Uploaded: file.created_at ? time(file.created_at) : null,
    });
}

async function preview(file) {
    if (file.bytes > PREVIEWED_BYTES) return h("p", { class: "muted" }, "Too large to be shown here.");
    const blob = await content(file.id);
    const picture = await pictureIn(blob);
    if (picture) return image(picture, file.filename);
    const text = await textIn(blob);
    if (text === null) return h("p", { class: "muted" }, "Not a text; download it to read it.");
    const rest = blob.size > SHOWN_BYTES ? "\n… (the rest is in the download)" : "";
    return h("details", { open: true }, h("summary", {}, "Content"), h("pre", { tabindex: "0" }, text + rest));
}

function image(blob, name) {
    const url = URL.createObjectURL(blob);
    const element = h("img", { src: url, alt: name || "A picture" });
    element.addEventListener("load", () => URL.revokeObjectURL(url));
    return element;
}

/** A picture of the server's, by its file; a button that opens it. */
export function pictureOf(fileId, alt = "A picture") {
    const button = h("button", { type: "button", class: "picture", "aria-label": `${alt}: open ${fileId}` }, h("span", { class: "muted" }, "Loading the picture…"));
    button.addEventListener("click", () => openFile(fileId));
    content(fileId)
        .then(async (blob) => {
            const picture = await pictureIn(blob);
            button.replaceChildren(picture ? image(picture, alt) : `The file ${fileId} is no picture that can be shown.`);
        })
        .catch((error) => button.replaceChildren(`The picture ${fileId} cannot be read: ${error.message}`));
    return button;
}
