// The protocol's operations over HTTP: the token, errors, pages of lists, files and streams. What an
// object means, and how it is shown, does not belong here.

import { eventsOf } from "./sse.js";

const BASE = new URL("../v1/", import.meta.url); // wherever the application is mounted
const TOKEN = `assistants-token ${BASE.pathname}`; // in this tab alone, and gone with it
const GATEWAY = new Set([502, 504]);

/** A refusal of the server's. */
export class ApiError extends Error {
    constructor(status, detail, requestId) {
        super(detail.message || `The server responded with status ${status}.`);
        this.status = status;
        this.code = detail.code ?? null;
        this.param = detail.param ?? null;
        this.requestId = requestId;
    }
}

/** The server cannot be reached, or the connection broke. */
export class UnreachableError extends Error {
    constructor() {
        super("The server does not respond.");
    }
}

/** Dispatches `lost` and `found` as the server goes and comes back. */
export const connection = new EventTarget();
let isLost = false;

let askForToken = async () => null;
let asking = null;

/** Takes the function that asks the reader for a token; its argument is whether one was refused. */
export function onTokenWanted(ask) {
    askForToken = ask;
}

export const token = {
    get: () => sessionStorage.getItem(TOKEN),
    set: (value) => sessionStorage.setItem(TOKEN, value),
    forget: () => sessionStorage.removeItem(TOKEN),
};

/** Returns a key by which the server knows a request that is sent again. */
export function idempotencyKey() {
    const words = crypto.getRandomValues(new Uint32Array(4)); // randomUUID wants a secure context
    return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}

/**
 * Sends a request; asks for a token as long as the server wants another one.
 * @returns {Promise<Response>} A response that is no refusal.
 * @throws {ApiError|UnreachableError|DOMException} The last one where `signal` was aborted.
 */
async function send(method, path, { query, json, form, key, signal, include } = {}) {
    const url = new URL(path, BASE);
    for (const [name, value] of Object.entries(query ?? {})) {
        if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
    }
    if (include) url.searchParams.set("include[]", include);
    const body = json === undefined ? form : JSON.stringify(json);
    for (;;) {
        const used = token.get();
        const headers = {};
        if (used) headers.authorization = `Bearer ${used}`;
        if (json !== undefined) headers["content-type"] = "application/json";
        if (key) headers["idempotency-key"] = key;
        const response = await fetched(url, { method, headers, body, signal, cache: "no-store" });
        if (response.ok) return response;
        const error = await refusalIn(response);
        if (response.status !== 401) throw error;
        if (token.get() === used && !(await wantToken(Boolean(used)))) throw error;
    }
}

async function fetched(url, options) {
    let response;
    try {
        response = await fetch(url, options);
    } catch (error) {
        if (options.signal?.aborted) throw error;
        lost();
        throw new UnreachableError();
    }
    if (GATEWAY.has(response.status)) {
        lost();
        throw new UnreachableError();
    }
    if (isLost) {
        isLost = false;
        connection.dispatchEvent(new Event("found"));
    }
    return response;
}

function lost() {
    isLost = true;
    connection.dispatchEvent(new Event("lost"));
}

async function refusalIn(response) {
    const requestId = response.headers.get("x-request-id");
    try {
        const document = await response.json();
        return new ApiError(response.status, document.error ?? {}, requestId);
    } catch {
        return new ApiError(response.status, {}, requestId);
    }
}

/** Asks for a token once, however many requests want it; returns whether one was given. */
function wantToken(wasRefused) {
    asking ??= askForToken(wasRefused).then((given) => {
        asking = null;
        if (given) token.set(given);
        return Boolean(given);
    });
    return asking;
}

async function jsonOf(response, signal) {
    try {
        return await response.json();
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new UnreachableError();
    }
}

export async function get(path, options = {}) {
    return jsonOf(await send("GET", path, options), options.signal);
}

export async function post(path, json, options = {}) {
    const key = options.key ?? idempotencyKey();
    return jsonOf(await send("POST", path, { ...options, json, key }), options.signal);
}

export async function remove(path) {
    return jsonOf(await send("DELETE", path));
}

/** Uploads a file. */
export async function upload(file, purpose) {
    const form = new FormData();
    form.set("purpose", purpose);
    form.set("file", file, file.name);
    return jsonOf(await send("POST", "files", { form, key: idempotencyKey() }));
}

/** Returns the content of a file. */
export async function content(fileId, options = {}) {
    const response = await send("GET", `files/${encodeURIComponent(fileId)}/content`, options);
    try {
        return await response.blob();
    } catch (error) {
        if (options.signal?.aborted) throw error;
        throw new UnreachableError();
    }
}

/** What steps have beside their usual fields, where it is asked for. */
export const PASSAGES = "step_details.tool_calls[*].file_search.results[*].content";

/** Sends a request for a stream, and yields its events, `{name, data}`, with the data parsed. */
export async function* stream(path, json, { key, signal } = {}) {
    const options = { json: { ...json, stream: true }, key, signal, include: PASSAGES };
    const response = await send("POST", path, options);
    try {
        for await (const { name, data } of eventsOf(response)) {
            if (data === "[DONE]") return;
            yield { name, data: JSON.parse(data) };
        }
    } catch (error) {
        if (signal?.aborted) throw error;
    }
    throw new UnreachableError(); // it ended before its end
}

/** Makes a path, with the ids in it quoted: at`threads/${id}/runs`. */
export function at(texts, ...ids) {
    return String.raw({ raw: texts }, ...ids.map(encodeURIComponent));
}
