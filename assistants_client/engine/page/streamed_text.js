// A text that grows many times a second: pieces are appended once a frame, to one text node, so that
// nothing else is laid out again.

const growing = new Set();
const afterFrames = new Set();
let isScheduled = false;

function frame() {
    isScheduled = false;
    for (const one of growing) one.flush();
    growing.clear();
    for (const work of afterFrames) work();
}

/** Calls a function after each frame in which text was added; returns what ends that. */
export function afterFrame(work) {
    afterFrames.add(work);
    return () => afterFrames.delete(work);
}

/** A text within an element. */
export class StreamedText {
    #node = document.createTextNode("");
    #pending = "";

    constructor(element) {
        element.append(this.#node);
    }

    add(piece) {
        this.#pending += piece;
        growing.add(this);
        if (!isScheduled) {
            isScheduled = true;
            // No frames are drawn while the tab is hidden, and a timer then does.
            if (document.hidden) setTimeout(frame, 250);
            else requestAnimationFrame(frame);
        }
    }

    flush() {
        if (this.#pending) this.#node.appendData(this.#pending);
        this.#pending = "";
    }

    get text() {
        return this.#node.data + this.#pending;
    }
}
