/*
 * store.js - the sessions that this page knows, and how fast they are.
 *
 * A list is fetched when the page connects, events and rates keep it true.
 * Bounded: of more sessions than MOST the closed ones go first, then the
 * oldest; `total` says how many the program knows.
 */

import { instant } from "./format.js";

/* Sessions kept: a second of sorting and filtering stays below a frame. */
export const MOST = 10000;
/* ... of which closed, so that a burst of short ones leaves room. */
const MOST_CLOSED = 2000;

/* Seconds of rates that a session keeps for its sparkline. */
export const SPARK = 60;

/*
 * The program tells of as many sessions a second as it has room for, and of the
 * others later: so long, in seconds, a session may be silent and not be quiet.
 */
const LATEST = 6;

const DIRS = ["c2s", "s2c"];

/* Where a session's words are looked up. */
function haystack(s) {
	return [`#${s.id}`, s.client, s.server, s.client_name, s.server_name,
	    s.target, s.input, s.state, s.reason, s.community_id]
		.filter(Boolean).join(" ").toLowerCase();
}

function blank(id) {
	return {
		id, client: "", server: "", state: "open",
		bytes: { c2s: 0, s2c: 0 }, gap_bytes: { c2s: 0, s2c: 0 },
		lost_bytes: { c2s: 0, s2c: 0 }, packets: null,
		ended: { c2s: null, s2c: null },
		reason: null, first: null, error: null,
		/* Ours: */
		openedMs: 0, lastMs: 0, durationMs: 0,
		rate: { c2s: 0, s2c: 0 }, spark: null, hay: "",
		seen: 0,
	};
}

/* What is known may be newer: a list that came after these figures. */
function grow(count, [c2s, s2c]) {
	count.c2s = Math.max(count.c2s, c2s);
	count.s2c = Math.max(count.s2c, s2c);
}

/* What a session is called in one word. */
export function state_of(s) {
	if (s.state === "closed")
		return s.reason ?? "closed";
	if (s.ended.c2s || s.ended.s2c)
		return "half-closed";
	return "open";
}

/* Bytes that are missing of it, of whatever reason. */
export function missing(s) {
	return s.gap_bytes.c2s + s.gap_bytes.s2c +
	    s.lost_bytes.c2s + s.lost_bytes.s2c;
}

export class Store {
	constructor() {
		this.sessions = new Map();
		this.total = 0;
		this.open = 0;
		this.second = 0;
		/* Some sessions were not told of the last time. */
		this.late = false;
		/* The program's clock less ours, in milliseconds. */
		this.skew = 0;
	}

	now() {
		return Date.now() + this.skew;
	}

	/* What lives is as old as now; what was read from files is not. */
	age(s) {
		if (s.state === "closed")
			return s.durationMs;
		if (s.source === "read")
			return Math.max(0, s.lastMs - s.openedMs);
		return Math.max(0, this.now() - s.openedMs);
	}

	/* A session as the list has it. */
	merge(told) {
		const s = this.sessions.get(told.id) ?? blank(told.id);
		const isNew = s.hay === "";

		Object.assign(s, told);
		s.openedMs = instant(told.opened);
		s.lastMs = instant(told.last);
		s.durationMs = told.duration_ns / 1e6;
		s.hay = haystack(s);
		if (isNew)
			this.sessions.set(s.id, s);
		return s;
	}

	/* The program was asked anew: what it does not list is over. */
	keep_only(ids) {
		for (const id of this.sessions.keys())
			if (!ids.has(id))
				this.sessions.delete(id);
	}

	opened(event) {
		const s = this.sessions.get(event.session) ??
		    blank(event.session);

		if (s.hay === "") {
			this.open++;
			this.total++;
		}
		for (const key of ["source", "input", "client", "server",
			"target", "listen", "local", "client_name",
			"server_name", "community_id", "midstream"])
			s[key] = event[key] ?? s[key];
		s.openedMs = instant(event.ts);
		s.lastMs = Math.max(s.lastMs, s.openedMs);
		s.hay = haystack(s);
		this.sessions.set(s.id, s);
		this.trim();
		return s;
	}

	/* A direction of one that goes on. */
	ended(event) {
		const s = this.sessions.get(event.session);

		if (!s)
			return;
		s.ended[event.dir] = event.how;
		s.lastMs = Math.max(s.lastMs, instant(event.ts));
	}

	closed(event) {
		const s = this.sessions.get(event.session);

		if (!s)
			return;
		if (s.state === "open")
			this.open--;
		Object.assign(s, {
			state: "closed", reason: event.reason,
			first: event.first, error: event.error ?? null,
			bytes: event.bytes, gap_bytes: event.gap_bytes,
			lost_bytes: event.lost ?? s.lost_bytes,
			packets: event.packets ?? s.packets,
			lastMs: instant(event.ts),
			durationMs: event.duration_ns / 1e6,
			rate: { c2s: 0, s2c: 0 },
		});
		s.hay = haystack(s);
	}

	/* A second has passed. */
	rates(event) {
		const before = this.second;
		const late = event.untold > 0 || this.late;

		this.skew = instant(event.ts) - Date.now();
		this.second = instant(event.ts) / 1000;
		this.open = event.sessions;
		const passed = before ? this.second - before : 1;

		for (const [id, c2s, s2c, ...more] of event.changed) {
			const s = this.sessions.get(id);

			if (!s)
				continue;
			this.moved(s, { c2s, s2c }, late ? Math.max(passed,
			    Math.min(this.second - s.seen, LATEST)) : passed);
			grow(s.gap_bytes, more);
			if (more[2] !== null)
				grow(s.packets ??= { c2s: 0, s2c: 0 },
				    more.slice(2));
		}
		this.late = event.untold > 0;
		this.quieten(late ? LATEST : 0);
	}

	/* It has said so much by now, the rest of it in @passed seconds. */
	moved(s, now, passed) {
		if (now.c2s <= s.bytes.c2s && now.s2c <= s.bytes.s2c)
			return;
		s.spark ??= { c2s: new Float32Array(SPARK),
			s2c: new Float32Array(SPARK) };
		for (const dir of DIRS) {
			s.rate[dir] = Math.max(0, now[dir] - s.bytes[dir]) /
			    Math.max(passed, 0.2);
			s.bytes[dir] = Math.max(now[dir], s.bytes[dir]);
		}
		s.lastMs = Math.max(s.lastMs, this.second * 1000);
		s.seen = this.second;
	}

	/* Everybody's sparkline moves on; who was last seen then is quiet. */
	quieten(grace) {
		for (const s of this.sessions.values()) {
			if (s.spark === null)
				continue;
			for (const dir of DIRS) {
				if (this.second - s.seen > grace)
					s.rate[dir] = 0;
				s.spark[dir].copyWithin(0, 1);
				s.spark[dir][SPARK - 1] = s.rate[dir];
			}
		}
	}

	trim() {
		let closed = this.sessions.size - this.open;
		let excess = this.sessions.size - MOST;

		if (closed <= MOST_CLOSED * 1.1 && excess <= 0)
			return;
		for (const s of this.sessions.values()) {
			if (closed <= MOST_CLOSED && excess <= 0)
				return;
			if (s.state !== "closed")
				continue;
			this.sessions.delete(s.id);
			closed--;
			excess--;
		}
		for (const id of this.sessions.keys()) {
			if (excess-- <= 0)
				return;
			this.sessions.delete(id);
		}
	}

	/* Its counts, in this order, sorted and filtered: an array of them. */
	view({ words, state, sort }) {
		const keys = ORDERS[sort.by];
		const sign = sort.down ? -1 : 1;
		const found = [];

		for (const s of this.sessions.values())
			if ((state === "all" || s.state === state) &&
			    words.every((word) => s.hay.includes(word)))
				found.push(s);
		for (const s of found)
			s.key = keys(s, this);
		return found.sort((a, b) => sign *
		    (a.key < b.key ? -1 : a.key > b.key ? 1 : a.id - b.id));
	}
}

/* "10.0.0.9:80" before "10.0.0.10:80", as people count */
function natural(text) {
	return text.replace(/\d+/g, (n) => n.padStart(10, "0"));
}

const ORDERS = {
	id: (s) => s.id,
	who: (s) => natural(s.client),
	to: (s) => natural(s.target ?? s.server),
	age: (s, store) => store.age(s),
	c2s: (s) => s.bytes.c2s,
	s2c: (s) => s.bytes.s2c,
	rate: (s) => s.rate.c2s + s.rate.s2c,
	state: (s) => state_of(s),
	missing: (s) => missing(s),
};
