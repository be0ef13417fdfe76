// Parts that every view has: headings, notices, buttons that work for a while, dialogs, and words for
// screen readers.

import { h, newId } from "./dom.js";

/** Says something to screen readers, when they have said what they are saying. */
export function announce(text) {
    const announcer = document.getElementById("announcer");
    announcer.append(h("p", {}, text));
    while (announcer.childElementCount > 20) announcer.firstElementChild.remove();
}

/** The view's heading, which the focus goes to, with what can be done beside it. */
export function heading(text, ...actions) {
    return h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, text), h("div", { class: "actions" }, actions));
}

/** A message about what failed, with a way to try again. */
export function failure(error, again) {
    const button = again ? h("button", { type: "button", on: { click: again } }, "Try again") : null;
    const id = error.requestId ? ` (request ${error.requestId})` : "";
    return h("div", { class: "failure", role: "alert" }, h("p", {}, error.message + id), button);
}

/** A status in words, marked by its kind. */
export function badge(status) {
    return h("span", { class: `badge ${String(status).replace(/[^a-z_]/g, "")}` }, String(status).replaceAll("_", " "));
}

/** Names and what they are, as a list of pairs; pairs without a value are left out. */
export function facts(pairs) {
    const shown = Object.entries(pairs).filter(([, value]) => value !== null && value !== undefined && value !== "");
    return h("dl", { class: "facts" }, shown.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/**
 * A button that cannot be pressed while it works. What fails is shown behind it.
 * @param {string} label Its text.
 * @param {function(): Promise} work What it does.
 */
export function actionButton(label, work, attributes = {}) {
    const button = h("button", { type: "button", ...attributes }, label);
    button.addEventListener("click", () => whileBusy(button, work));
    return button;
}

/** Does something while a button is off; what fails is shown behind the button until the next time. */
export async function whileBusy(button, work) {
    button.nextElementSibling?.matches(".failure") && button.nextElementSibling.remove();
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    try {
        return await work();
    } catch (error) {
        if (error.name !== "AbortError") button.after(failure(error));
        return undefined;
    } finally {
        button.disabled = false;
        button.removeAttribute("aria-busy");
    }
}

/**
 * Opens a dialog, and closes it with what a button of it gives; null where it is dismissed.
 * @param {string} title Its heading.
 * @param {function(function(any)): Array} content Makes its content, given what closes it.
 */
export function dialog(title, content, attributes = {}) {
    return new Promise((resolve) => {
        const id = newId();
        const element = h("dialog", { "aria-labelledby": id, ...attributes });
        let result = null;
        const close = (value) => {
            result = value;
            element.close();
        };
        element.append(h("h2", { id }, title), ...content(close));
        element.addEventListener("close", () => {
            element.remove();
            resolve(result);
        });
        element.addEventListener("click", (event) => {
            if (event.target === element) element.close(); // beside it
        });
        document.body.append(element);
        element.showModal();
    });
}

/** Asks before something is done that cannot be undone; returns whether it is to be done. */
export async function confirmed(question, label) {
    const answer = await dialog(question, (close) => [
        h("p", {}, "This cannot be undone."),
        h(
            "div",
            { class: "actions" },
            h("button", { type: "button", autofocus: true, on: { click: () => close(null) } }, "Cancel"),
            h("button", { type: "button", class: "danger", on: { click: () => close(true) } }, label),
        ),
    ]);
    return answer === true;
}

/** Asks for a token; null where none is given. */
export function askForToken(wasRefused) {
    const input = h("input", { type: "password", id: newId(), autocomplete: "off", required: true, spellcheck: "false" });
    return dialog(wasRefused ? "This token is not accepted" : "Which token?", (close) => [
        h(
            "form",
            { on: { submit: (event) => {
                event.preventDefault();
                close(input.value.trim() || null);
            } } },
            h("p", {}, "The server wants a token with every request. It is kept in this tab only, until the tab is closed."),
            h("label", { for: input.id }, "Token"),
            input,
            h(
                "div",
                { class: "actions" },
                h("button", { type: "button", on: { click: () => close(null) } }, "Cancel"),
                h("button", { type: "submit", class: "primary" }, "Use it"),
            ),
        ),
    ], { class: "token" });
}

/** A control with its label, a hint, and the place of an error about it. */
export function field(label, control, hint) {
    control.id ||= newId();
    const [hintId, errorId] = [newId(), newId()];
    const error = h("p", { class: "error", id: errorId, hidden: true });
    control.setAttribute("aria-describedby", hint ? `${hintId} ${errorId}` : errorId);
    const element = h(
        "div",
        { class: "field" },
        h("label", { for: control.id }, label),
        hint ? h("p", { class: "hint", id: hintId }, hint) : null,
        control,
        error,
    );
    const setError = (text) => {
        error.textContent = text ?? "";
        error.hidden = !text;
        if (text) control.setAttribute("aria-invalid", "true");
        else control.removeAttribute("aria-invalid");
    };
    return { element, control, setError };
}

/** A file that the browser saves under a name. */
export function save(blob, name) {
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
