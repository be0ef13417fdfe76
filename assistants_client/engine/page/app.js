// The page: its routes, the token, and what is said while the server is away.

import { connection, get, onTokenWanted, token } from "./api.js";
import { editAssistant, listAssistants, newAssistant } from "./assistants.js";
import { h } from "./dom.js";
import { listFiles } from "./files.js";
import { draw, drawIfFailed, start } from "./router.js";
import { listStores, showStore } from "./stores.js";
import { listThreads } from "./threads.js";
import { showThread, tryAssistant } from "./thread.js";
import { askForToken } from "./ui.js";
import { showUsage } from "./usage.js";

const CHECK_MS = 3_000;

onTokenWanted(askForToken);

document.getElementById("token").addEventListener("click", async () => {
    const given = await askForToken(false);
    if (given) token.set(given);
    if (given) draw({ keepsFocus: true });
});

document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address behind "#" is the view's
    document.getElementById("main").focus();
});

const banner = document.getElementById("connection");
let checks = 0;

async function check() {
    try {
        await get("assistants", { query: { limit: 1 } });
    } catch {
        // "found" is dispatched by any response, also by a refusal.
    }
}

connection.addEventListener("lost", () => {
    if (banner.hidden) {
        const again = h("button", { type: "button", on: { click: check } }, "Try again");
        banner.replaceChildren(h("p", {}, "The server does not respond. What is on this page may be out of date."), again);
        banner.hidden = false;
    }
    clearTimeout(checks);
    checks = setTimeout(check, CHECK_MS);
});

connection.addEventListener("found", () => {
    clearTimeout(checks);
    banner.hidden = true;
    drawIfFailed();
});

async function offerUsage() {
    try {
        await get("usage", { query: { group_by: "day" } });
        document.getElementById("usage-link").hidden = false;
    } catch {
        // This server does not count it, or not for this token.
    }
}

start([
    ["try", tryAssistant],
    ["threads", listThreads],
    ["threads/:id", showThread],
    ["assistants", listAssistants],
    ["assistants/new", newAssistant],
    ["assistants/:id", editAssistant],
    ["files", listFiles],
    ["stores", listStores],
    ["stores/:id", showStore],
    ["usage", showUsage],
]);
offerUsage();
