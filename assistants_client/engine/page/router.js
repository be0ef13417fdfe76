// From the address behind "#" to a view, and back. A view is a function that fills an element; it is
// told by a signal when it is left.

import { failure, heading } from "./ui.js";

let current = new AbortController();
let routes = [];
let draws = 0;

/** Takes the routes, `[pattern, view]`, and shows the one that the address names. */
export function start(known) {
    routes = known.map(([pattern, view]) => [pattern.split("/"), view]);
    window.addEventListener("hashchange", () => draw());
    draw({ keepsFocus: true });
}

/** Goes to another view. */
export function go(address) {
    if (location.hash === address) draw();
    else location.hash = address;
}

/** Gives the view that is shown another address, which leads there when it is opened again. */
export function rename(address) {
    history.replaceState(null, "", address);
    mark();
}

/** Shows the view of the address anew. */
export function draw({ keepsFocus = false } = {}) {
    current.abort();
    current = new AbortController();
    draws += 1;
    const { view, params, query } = found();
    const section = document.createElement("section");
    document.getElementById("main").replaceChildren(section);
    window.scrollTo(0, 0);
    mark();
    show(view, section, { params, query, signal: current.signal }, draws, keepsFocus);
}

async function show(view, section, context, number, keepsFocus) {
    try {
        await view(section, context);
    } catch (error) {
        if (context.signal.aborted) return;
        if (!section.querySelector("h1")) section.append(heading("This did not work"));
        section.append(failure(error, () => draw()));
        section.dataset.failed = "true";
    }
    if (number !== draws) return;
    const title = section.querySelector("h1");
    document.title = title ? `${title.textContent} – Assistants` : "Assistants";
    if (!keepsFocus && !section.contains(document.activeElement)) title?.focus({ preventScroll: true });
}

/** Shows the view anew if it could not be shown; called when the server is back. */
export function drawIfFailed() {
    if (document.querySelector("#main > section[data-failed]")) draw({ keepsFocus: true });
}

function found() {
    const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
    const query = new URLSearchParams(search);
    const segments = path.split("/");
    for (const [pattern, view] of routes) {
        const params = matched(pattern, segments);
        if (params) return { view, params, query };
    }
    return { view: routes[0][1], params: {}, query };
}

function matched(pattern, segments) {
    if (pattern.length !== segments.length) return null;
    const params = {};
    for (const [index, part] of pattern.entries()) {
        if (part.startsWith(":") && segments[index]) {
            try {
                params[part.slice(1)] = decodeURIComponent(segments[index]);
            } catch {
                return null;
            }
        } else if (part !== segments[index]) return null;
    }
    return params;
}

function mark() {
    const first = location.hash.replace(/^#\/?/, "").split(/[/?]/)[0] || "try";
    for (const link of document.querySelectorAll("nav a")) {
        if (link.getAttribute("href") === `#/${first}`) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
}
