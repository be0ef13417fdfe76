// Numbers, times and sizes in the reader's language. Pure, but for the elements of times.

import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat();
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Returns a count, such as "12,345". */
export function count(number) {
    return NUMBER.format(number ?? 0);
}

/** Returns a count with its noun: "1 run", "2 runs". */
export function counted(number, noun) {
    return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Returns a time of the protocol, in Unix seconds, as an element; a dash where there is none. */
export function time(seconds) {
    if (!seconds) return h("span", { class: "muted" }, "–");
    const date = new Date(seconds * 1000);
    return h("time", { datetime: date.toISOString(), title: EXACT.format(date) }, TIME.format(date));
}

/** Returns a size in bytes, such as "1.5 KiB". */
export function bytes(size) {
    let value = size ?? 0;
    let unit = 0;
    while (value >= 1024 && unit < UNITS.length - 1) {
        value /= 1024;
        unit += 1;
    }
    const shown = new Intl.NumberFormat(undefined, { maximumFractionDigits: unit ? 1 : 0 });
    return `${shown.format(value)} ${UNITS[unit]}`;
}

/** Returns seconds as people say them. */
export function duration(seconds) {
    if (seconds < 1) return "under 1 s"; // times are whole seconds
    if (seconds < 60) return `${count(seconds)} s`;
    return `${count(Math.floor(seconds / 60))} min ${count(Math.round(seconds % 60))} s`;
}

/** Returns what a run or a step used, such as "1,234 tokens (1,200 read, 34 written)". */
export function usage(used) {
    if (!used) return "";
    const parts = `${count(used.prompt_tokens)} read, ${count(used.completion_tokens)} written`;
    return `${counted(used.total_tokens, "token")} (${parts})`;
}

/** Returns a status in words. */
export function words(status) {
    return String(status ?? "unknown").replaceAll("_", " ");
}

/** Returns the beginning of a text, in one line. */
export function beginning(text, longest = 160) {
    const line = String(text ?? "").replace(/\s+/g, " ").trim();
    const signs = Array.from(line.slice(0, 2 * longest + 2)); // no half of a pair at the end
    return signs.length > longest ? `${signs.slice(0, longest).join("")}…` : line;
}

/** Returns JSON text with its levels indented, or the text as it is where it is none. */
export function prettyJson(text) {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return String(text ?? "");
    }
}
