// A list that is read page by page: by a button, and as its end comes into view.

import { h } from "./dom.js";
import { failure } from "./ui.js";

/**
 * @param {Element} container Where the rows go.
 * @param {function(string|null): Promise} load Returns the page behind an item: `{data, has_more, last_id}`.
 * @param {function(object): Element} row Makes the row of an item.
 * @param {string} empty What is said where there is nothing.
 * @param {AbortSignal} signal Aborted when the view is left.
 * @returns {{element: Element, first: Promise}} What comes behind the container, and the first page.
 */
export function pagedList({ container, load, row, empty, signal }) {
    const more = h("button", { type: "button", hidden: true }, "Show more");
    const place = h("div", { class: "more" }, more);
    let last = null;
    let isLoading = false;

    async function next() {
        if (isLoading) return;
        isLoading = true;
        more.disabled = true;
        try {
            const page = await load(last);
            if (signal.aborted) return;
            place.querySelector(".failure")?.remove();
            container.append(...page.data.map(row));
            if (!last && !page.data.length) place.prepend(h("p", { class: "muted" }, empty));
            last = page.last_id ?? page.data.at(-1)?.id ?? null;
            more.hidden = !page.has_more;
        } finally {
            isLoading = false;
            more.disabled = false;
        }
    }

    async function tryNext() {
        try {
            await next();
        } catch (error) {
            if (signal.aborted) return;
            place.querySelector(".failure")?.remove();
            place.append(failure(error));
        }
    }

    more.addEventListener("click", tryNext);
    const observer = new IntersectionObserver((entries) => {
        if (entries.some((entry) => entry.isIntersecting) && !place.querySelector(".failure")) tryNext();
    });
    observer.observe(more);
    signal.addEventListener("abort", () => observer.disconnect());
    return { element: place, first: next() };
}
