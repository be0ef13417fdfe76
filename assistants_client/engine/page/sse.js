// Server-sent events by the rules of the HTML standard: text in, events out. Pure, but for the reader
// at the end; the meaning of events does not belong here.

/** A parser that is fed the text of a stream, in whatever pieces it comes. */
export class EventParser {
    #rest = "";
    #name = "";
    #data = [];

    /** Returns the events, `{name, data}`, that a piece completes. */
    feed(piece) {
        const events = [];
        const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/); // a CR at the end may have its LF yet
        this.#rest = lines.pop();
        for (const line of lines) {
            if (line === "") {
                if (this.#data.length) events.push({ name: this.#name, data: this.#data.join("\n") });
                this.#name = "";
                this.#data = [];
                continue;
            }
            const colon = line.indexOf(":");
            const field = colon < 0 ? line : line.slice(0, colon);
            const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
            if (field === "event") this.#name = value;
            else if (field === "data") this.#data.push(value);
        }
        return events;
    }
}

/** Yields the events of a response until it ends; leaving the loop ends the response. */
export async function* eventsOf(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            yield* parser.feed(value);
        }
    } finally {
        reader.cancel().catch(() => {}); // which a broken stream refuses
    }
}
