// Threads, newest first: the list, its filters, and the first words of each.

import { at, get } from "./api.js";
import { h } from "./dom.js";
import { beginning, time } from "./format.js";
import { pagedList } from "./paged_list.js";
import { go } from "./router.js";
import { announce, field, heading } from "./ui.js";

const PAGE = 50;
const AT_ONCE = 4; // first words that are read at a time

/** Returns the filters of "key=value, other=value" as parameters; a comma in a value is kept as %2C. */
function metadataFilters(text) {
    const found = {};
    for (const pair of text.split(",").map((one) => one.trim()).filter(Boolean)) {
        const [key, ...value] = pair.split("=");
        if (!value.length) throw new Error(`${pair}: expected key=value, such as user=7.`);
        found[`metadata[${key.trim()}]`] = value.join("=").trim().replaceAll("%2C", ",");
    }
    return found;
}

export async function listThreads(section, { query, signal }) {
    const words = field("Words in messages", h("input", { type: "search", value: query.get("search") ?? "" }));
    const metadata = field("Metadata", h("input", { type: "text", value: query.get("metadata") ?? "", placeholder: "user=7, shop=oslo" }));
    const form = h("form", { class: "inline", role: "search", on: { submit: (event) => {
        event.preventDefault();
        try {
            metadataFilters(metadata.control.value);
        } catch (error) {
            metadata.setError(error.message);
            metadata.control.focus();
            return;
        }
        const wanted = new URLSearchParams();
        if (words.control.value.trim()) wanted.set("search", words.control.value.trim());
        if (metadata.control.value.trim()) wanted.set("metadata", metadata.control.value.trim());
        go(`#/threads${wanted.size ? `?${wanted}` : ""}`);
    } } }, words.element, metadata.element, h("button", { type: "submit" }, "Search"));
    const list = h("ul", { class: "rows" });
    const filters = { search: query.get("search"), ...metadataFilters(query.get("metadata") ?? "") };
    const isFiltered = Object.values(filters).some(Boolean);
    const reader = firstWordsReader(signal);
    const rest = pagedList({
        container: list,
        load: (after) => get("threads", { query: { limit: PAGE, order: "desc", after, ...filters }, signal }),
        row: (thread) => threadRow(thread, reader),
        empty: isFiltered ? "No thread has these." : "There are no threads yet. Try an assistant to make one.",
        signal,
    });
    section.append(heading("Threads", h("a", { class: "button primary", href: "#/try" }, "New thread")), form, list, rest.element);
    await rest.first;
    if (isFiltered) announce(`${list.childElementCount} threads found.`);
}

function threadRow(thread, reader) {
    const link = h("a", { href: `#/threads/${encodeURIComponent(thread.id)}` }, thread.id);
    const pairs = Object.entries(thread.metadata ?? {});
    const row = h(
        "li",
        {},
        link,
        h("span", { class: "muted small" }, time(thread.created_at), " · ", thread.id),
        pairs.length ? h("ul", { class: "tags", "aria-label": "Metadata" }, pairs.map(([key, value]) => h("li", {}, `${key}=${beginning(value, 60)}`))) : null,
    );
    reader.read(row, thread.id, (text) => link.replaceChildren(text));
    return row;
}

/** Reads the first words of threads as their rows come into view, a few at a time. */
function firstWordsReader(signal) {
    const waiting = [];
    const wanted = new WeakMap();
    let active = 0;

    async function work() {
        if (active >= AT_ONCE || !waiting.length || signal.aborted) return;
        const { id, show } = waiting.shift();
        active += 1;
        try {
            const page = await get(at`threads/${id}/messages`, { query: { limit: 1, order: "asc" }, signal });
            show(firstWords(page.data[0]));
        } catch {
            // Its id stays.
        } finally {
            active -= 1;
            work();
        }
    }

    const observer = new IntersectionObserver((entries) => {
        for (const { isIntersecting, target } of entries) {
            if (!isIntersecting) continue;
            observer.unobserve(target);
            waiting.push(wanted.get(target));
            work();
        }
    });
    signal.addEventListener("abort", () => observer.disconnect());
    return {
        read(row, id, show) {
            wanted.set(row, { id, show });
            observer.observe(row);
        },
    };
}

function firstWords(message) {
    if (!message) return "(no messages)";
    const text = message.content.find((part) => part.type === "text");
    return beginning(text?.text.value) || "(a picture)";
}
