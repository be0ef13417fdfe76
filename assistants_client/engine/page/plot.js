// A small plot: horizontal bars, one a row, each in two parts. The numbers are in a table beside it.

import { svg } from "./dom.js";
import { count } from "./format.js";

const ROW = 28;
const BAR = 14;
const LABEL = 150;
const WIDTH = 640;
const VALUE = 90;

/**
 * @param {string} title What screen readers are told.
 * @param {Array<{label: string, parts: [number, number]}>} rows
 */
export function bars(title, rows) {
    const largest = Math.max(1, ...rows.map(({ parts }) => parts[0] + parts[1]));
    const scale = (WIDTH - LABEL - VALUE) / largest;
    const height = ROW * rows.length;
    const drawn = rows.map(({ label, parts: [first, second] }, index) => {
        const top = ROW * index + (ROW - BAR) / 2;
        const middle = ROW * index + ROW / 2 + 4;
        const shown = label.length > 22 ? `${label.slice(0, 21)}…` : label;
        return svg(
            "g",
            {},
            svg("text", { class: "label", x: LABEL - 8, y: middle, "text-anchor": "end" }, shown),
            svg("rect", { class: "first", x: LABEL, y: top, width: first * scale, height: BAR }),
            svg("rect", { class: "second", x: LABEL + first * scale, y: top, width: second * scale, height: BAR }),
            svg("text", { class: "value", x: LABEL + (first + second) * scale + 6, y: middle }, count(first + second)),
        );
    });
    return svg("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": title }, drawn);
}
