/*
 * words.js - what happened in a session, in a sentence each.
 */

import { duration, exactly, instant, whole } from "./format.js";

const WHO = { c2s: "client", s2c: "server" };

const WHY = {
	lost: "lost before the capture",
	budget: "given up after waiting for them",
	snaplen: "cut off by the snapshot length",
	/* Before the stream is live, what the history has forgotten. */
	queue: "no longer kept",
	paused: "came while this was paused, more than is kept",
	thinned: "left out, too fast for a page",
};

/* Words for the reasons at which a session or a direction ends. */
const HOW = {
	fin: "fin", rst: "reset", error: "an error", timeout: "a timeout",
	limit: "a limit", stop: "stopped", refused: "refused",
	evicted: "evicted to make room",
};

function hex_of(text) {
	return Array.from(atob(text), (c) =>
		c.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
}

function note(event, kind, text) {
	return { kind, dir: event.dir ?? null, off: event.offset ?? 0,
		ts: event.ts ?? null, ms: event.ts ? instant(event.ts) : 0,
		text };
}

/* notes[event name](event) - a remark for the transcript */
export const notes = {
	gap: (e) => note(e, "gap", `··· ${exactly(e.len)} ` +
	    `${WHY[e.why] ?? e.why}, at ${whole(e.offset)} ···`),
	conflict: (e) => note(e, "gap", `≠ ${exactly(e.len)} at ` +
	    `${whole(e.offset)} came again, but different: kept ` +
	    `${hex_of(e.kept)}, not ${hex_of(e.other)}`),
	end: (e) => note(e, "end", `${WHO[e.dir]} ` + (e.how === "fin" ?
		"has nothing more to say (fin)" :
		`ends: ${HOW[e.how] ?? e.how}`)),
	close: (e) => note(e, "end", `○ ${closing(e)}, after ` +
	    duration(e.duration_ns / 1e6)),
};

/* { reason: "fin", first: "server" } -> "closed by the server (fin)" */
export function closing({ reason, first, error }) {
	const by = first === "us" ? "teeline" : first ? `the ${first}` : null;
	const words = reason === "refused" ? "refused" :
	    `closed${by ? ` by ${by}` : ""} (${HOW[reason] ?? reason})`;

	return error ? `${words}: ${error}` : words;
}

/* A stream's "data" event as a chunk for the transcript. */
export function chunk(event) {
	const data = Uint8Array.from(atob(event.data), (c) => c.charCodeAt(0));

	return { dir: event.dir, off: event.offset, ts: event.ts,
		ms: instant(event.ts), data };
}
