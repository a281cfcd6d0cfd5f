/*
 * hearing.js - the events of a session, told once, however often its stream
 * is connected.
 *
 * Each time the program begins with what its history holds.  What was heard
 * before is left out, by its place in the stream; a gap is cut to the part
 * that is new.
 */

import { chunk, notes } from "./words.js";

export class Hearing {
	/*
	 * live		the history is told: what comes happens now
	 * over		the session is
	 * thinned	bytes that came too fast for this page
	 */
	constructor() {
		this.opened = null;
		this.upto = { c2s: 0, s2c: 0 };
		this.ended = { c2s: false, s2c: false };
		this.live = false;
		this.over = false;
		this.thinned = 0;
		this.repeats = false;
	}

	/* Connected, for the first time or again. */
	connected() {
		this.live = false;
		this.repeats = this.opened !== null;
	}

	/* Is this another session of the same number (of another run)? */
	is_other(name, event) {
		return name === "open" && this.opened !== null &&
		    this.opened !== event.ts;
	}

	/* A chunk or a remark for the transcript, or null: nothing new. */
	hear(name, event) {
		switch (name) {
		case "open":
			this.opened = event.ts;
			return null;
		case "live":
			this.live = true;
			return null;
		case "dropped":
			/* The gap that belongs to it stands at its place. */
			this.thinned += event.bytes;
			return null;
		case "data":
			return this.data(event);
		case "gap":
			return this.gap(event);
		case "conflict":
			return this.repeats && !this.live ? null :
			    notes.conflict(event);
		case "end":
			return this.end(event);
		case "close":
			this.over = true;
			return notes.close(event);
		default:
			return null;
		}
	}

	/* How much of [offset, offset + len) was heard; then all of it is. */
	known(dir, offset, len) {
		const known = Math.min(len,
		    Math.max(0, this.upto[dir] - offset));

		this.upto[dir] = Math.max(this.upto[dir], offset + len);
		return known;
	}

	data(event) {
		const heard = chunk(event);
		const known = this.known(event.dir, event.offset, event.len);

		if (known === event.len && known > 0)
			return null;
		heard.off += known;
		heard.data = heard.data.subarray(known);
		return heard;
	}

	gap(event) {
		const known = this.known(event.dir, event.offset, event.len);

		if (known === event.len)
			return null;
		return notes.gap({ ...event, offset: event.offset + known,
			len: event.len - known,
			why: event.why === "queue" && this.live ? "thinned" :
			    event.why });
	}

	end(event) {
		if (this.ended[event.dir])
			return null;
		this.ended[event.dir] = true;
		return notes.end(event);
	}
}
