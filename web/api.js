/*
 * api.js - requests to the program, with the token, and its streams.
 *
 * The token comes behind the "#" of the address that the program prints.  It
 * is kept for this tab alone, and taken out of the address bar at once, so that
 * it is in no bookmark and on no screenshot.
 */

import { memory } from "./dom.js";
import { EventParser } from "./sse.js";

const ROOT = "/api/v1";

/* Waits between tries to connect again, in milliseconds. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;
/* The server sends at least a comment in a quarter of a minute. */
const SILENCE = 40000;

let token = memory.read("token", "", "sessionStorage");

/* A problem as the server told it (RFC 9457), or none: @status is 0. */
export class Problem extends Error {
	constructor(status, detail) {
		super(detail);
		this.status = status;
	}
}

/* token_set("...") - a token, or the whole address that was printed */
export function token_set(text) {
	token = text.trim().replace(/^.*#token=/s, "");
	memory.write("token", token, "sessionStorage");
}

/* Takes the token from the address bar, if there is one. */
export function token_take() {
	const found = /^#token=(.+)$/.exec(location.hash);

	if (!found)
		return false;
	token_set(decodeURIComponent(found[1]));
	history.replaceState(null, "", location.pathname);
	return true;
}

async function problem_of(response) {
	try {
		const told = await response.json();

		return new Problem(response.status,
		    told.detail || told.title || response.statusText);
	} catch {
		return new Problem(response.status,
		    `${response.status} ${response.statusText}`);
	}
}

/* The answer, if it is a good one; else throws a Problem. */
async function ask(method, path, options = {}) {
	const headers = {};
	let response;

	if (token)
		headers.Authorization = `Bearer ${token}`;
	if (options.body !== undefined)
		headers["Content-Type"] = "application/json";
	try {
		response = await fetch(ROOT + path, {
			method, headers, signal: options.signal,
			cache: "no-store", credentials: "omit",
			body: options.body === undefined ? undefined :
			    JSON.stringify(options.body),
		});
	} catch (error) {
		if (error.name === "AbortError")
			throw error;
		throw new Problem(0, "the program does not answer");
	}
	if (!response.ok)
		throw await problem_of(response);
	return response;
}

/* call("GET", "/sessions") - what the answer says; null if nothing */
export async function call(method, path, options) {
	const response = await ask(method, path, options);
	const text = await response.text();

	return text === "" ? null : JSON.parse(text);
}

/* fetched("/sessions/1/bytes?...") - a Blob */
export async function fetched(path) {
	return (await ask("GET", path)).blob();
}

/*
 * Stream - events of one path, connected again whenever that is lost
 *
 * The path may change from one connection to the next.  @on has:
 *	open()		     connected (again): what is known may be stale
 *	event(name, object)  as they come
 *	lost(problem, wait)  no connection; the next try is in @wait ms, or
 *			     never (null): the problem would not go away
 */
export class Stream {
	constructor(path, on) {
		this.path = path;
		this.on = on;
		this.wait = FIRST_WAIT;
		this.stopped = false;
		this.timer = 0;
		this.connect();
	}

	async connect() {
		const abort = new AbortController();
		let watchdog = 0;
		const alive = () => {
			clearTimeout(watchdog);
			watchdog = setTimeout(() => abort.abort(), SILENCE);
		};

		clearTimeout(this.timer);
		this.timer = 0;
		this.abort = abort;
		try {
			const response = await ask("GET", this.path,
			    { signal: abort.signal });

			alive();
			this.wait = FIRST_WAIT;
			this.on.open();
			await this.read(response.body.getReader(), alive);
			this.failed(new Problem(0, "the connection was lost"));
		} catch (error) {
			this.failed(error);
		} finally {
			clearTimeout(watchdog);
		}
	}

	async read(reader, alive) {
		const parser = new EventParser((name, data) => {
			if (!this.stopped)
				this.on.event(name, JSON.parse(data));
		});

		for (;;) {
			const { done, value } = await reader.read();

			if (done || this.stopped)
				return;
			alive();
			parser.push(value);
		}
	}

	/* Also for its owner, if it could not make use of the connection. */
	failed(error) {
		if (this.stopped || this.timer)
			return;
		this.abort.abort();
		const told = error instanceof Problem ? error :
		    new Problem(0, "the connection was lost");
		const hopeless = told.status >= 400 && told.status < 500 &&
		    told.status !== 429;

		this.stopped = hopeless;
		if (!hopeless)
			this.timer = setTimeout(() => this.connect(),
			    this.wait);
		this.on.lost(told, hopeless ? null : this.wait);
		this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
	}

	/* Nothing is told after this. */
	stop() {
		this.stopped = true;
		clearTimeout(this.timer);
		this.abort?.abort();
	}
}
