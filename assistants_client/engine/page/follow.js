// Follows a run until it settles: by its stream, and by polling where that breaks or never began here.

import { ApiError, stream, UnreachableError } from "./api.js";
import { isSettled } from "./run_view.js";

const POLL_MS = 700;
const MOST_MS = 5_000;

/**
 * Sends a request for a stream and shows its events; goes on by polling when the stream breaks.
 * @param {function(string, object): RunView|null} viewOf Returns the view that an event belongs to, or
 *     null as long as there is none.
 * @throws {ApiError|UnreachableError} The run is not known to have begun: the request may be sent again
 *     with the same key.
 */
export async function streamRun(path, body, viewOf, { key, signal }) {
    let view = null;
    try {
        for await (const { name, data } of stream(path, body, { key, signal })) {
            if (name === "error") throw new ApiError(500, data.error ?? data, null);
            view = viewOf(name, data) ?? view;
            view?.apply(name, data);
        }
        if (view && !isSettled(view.run)) throw new UnreachableError();
    } catch (error) {
        if (signal.aborted) return view;
        if (!view) throw error;
        await pollRun(view, signal, "The connection broke; the run goes on, and is asked for again and again.");
    }
    return view;
}

/** Polls a run until it settles, however long the server is away; `note` is shown so long. */
export async function pollRun(view, signal, note = null) {
    let pause = 0;
    view.note(note);
    for (;;) {
        try {
            const run = await view.refresh(signal);
            view.note(isSettled(run) ? null : note);
            if (isSettled(run)) return;
            pause = Math.min(pause ? pause * 1.2 : POLL_MS, MOST_MS);
        } catch (error) {
            if (signal.aborted) return;
            const isGone = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
            view.note(isGone ? error.message : "The server does not respond; the run is asked for again and again.");
            if (isGone) return;
            pause = MOST_MS / 3;
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (signal.aborted) return;
    }
}
