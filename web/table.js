/*
 * table.js - the sessions, as they live.
 *
 * A grid in the sense of ARIA: it has the focus itself, the selected row is
 * its active descendant.  The order is made anew once a second and whenever
 * sessions come or go; the selection is a session, not a place.
 */

import { spark_draw } from "./canvas.js";
import { $, h, mark, once, put, say } from "./dom.js";
import { age, bytes, exactly, plural, rate, whole } from "./format.js";
import { Rows } from "./rows.js";
import { missing, state_of } from "./store.js";

/* What column is sorted by, its title, and whether the most comes first. */
const COLUMNS = [
	["id", "#", true, "The session's number"],
	["who", "Client", false, "Who opened it"],
	["to", "Server", false, "Whom it was opened to"],
	["age", "Age", false, "How long it has been open, or was"],
	["c2s", "▶ Bytes", true, "Bytes from the client"],
	["s2c", "◀ Bytes", true, "Bytes from the server"],
	["rate", "Rate", true, "The last minute; client above, server below"],
	["missing", "Missing", true, "Bytes lost, or not delivered"],
	["state", "State", false, "Open, or how it ended"],
];

const HEAD = 30;
const TALL = 30;
const TALL_NARROW = 52;
const NARROW = 800;

/* How states are told apart by colour; all are told by words, too. */
const TONES = {
	open: "good", "half-closed": "good", fin: "calm", stop: "calm",
	limit: "warn", timeout: "warn", evicted: "warn",
	rst: "bad", error: "bad", refused: "bad",
};

function cell(name, ...children) {
	return h("div", { role: "gridcell", class: `c-${name}` }, ...children);
}

function make_row() {
	return h("div", { role: "row", class: "row" },
	    cell("id"), cell("who"), cell("to"), cell("age"),
	    cell("c2s"), cell("s2c"),
	    cell("rate", h("canvas", { class: "spark",
		    "aria-hidden": "true" }), h("span")),
	    cell("missing"),
	    cell("state", h("i", { "aria-hidden": "true" }), h("span")));
}

/* A name where there is one, and the address on its title. */
function name_in(el, name, address) {
	say(el, name || address);
	mark(el, "title", name && name !== address ? `${name} (${address})` :
	    address);
}

export class Table {
	/* @on: select(session), open(session) */
	constructor(store, on) {
		this.store = store;
		this.on = on;
		this.sort = { by: "id", down: true };
		this.state = "all";
		this.words = [];
		this.list = [];
		this.places = new Map();
		this.selected = null;
		this.grid = $("#sessions");
		this.body = $("#sessions-body");
		this.update = once(() => this.refresh());
		this.make_head();
		this.rows = new Rows({
			viewport: this.grid, body: this.body, above: HEAD,
			height: TALL, make: make_row,
			fill: (row, i) => this.fill(row, i),
			drawn: () => this.point(),
		});
		new ResizeObserver(() => this.shape()).observe(this.grid);
		this.grid.addEventListener("keydown", (e) => this.key(e));
		this.body.addEventListener("click", (e) => this.click(e));
		this.body.addEventListener("dblclick", (e) => this.click(e));
	}

	/* Where a line is too short for a session, it gets two. */
	shape() {
		const is = this.grid.clientWidth < NARROW;

		this.grid.classList.toggle("cards", is);
		this.rows.height_set(is ? TALL_NARROW : TALL);
		if (this.place() >= 0)
			this.rows.reveal(this.place());
	}

	make_head() {
		put($("#sessions-head"), ...COLUMNS.map(([by, title, , help]) =>
			h("div", { role: "columnheader", class: `c-${by}`,
				"data-by": by },
			    h("button", { type: "button", title: help,
				    onclick: () => this.sort_by(by) },
				title, h("i", { "aria-hidden": "true" })))));
		this.mark_head();
	}

	mark_head() {
		for (const head of $("#sessions-head").children) {
			const is = head.dataset.by === this.sort.by;

			mark(head, "aria-sort", !is ? "none" :
			    this.sort.down ? "descending" : "ascending");
		}
	}

	sort_by(by) {
		const [, , down] = COLUMNS.find(([name]) => name === by);

		this.sort = { by, down: this.sort.by === by ?
			!this.sort.down : down };
		this.mark_head();
		this.grid.scrollTop = 0;
		this.update();
	}

	filter({ words, state }) {
		this.words = words ?? this.words;
		this.state = state ?? this.state;
		this.grid.scrollTop = 0;
		this.update();
	}

	refresh() {
		const [anchor, before] = this.anchor();

		this.list = this.store.view(this);
		this.places.clear();
		this.list.forEach((s, i) => this.places.set(s.id, i));
		mark(this.grid, "aria-rowcount", this.list.length + 1);
		this.rows.update(this.list.length);
		if (this.places.has(anchor))
			this.rows.shift(this.places.get(anchor) - before);
		$("#sessions-none").hidden = this.list.length > 0;
		this.count();
	}

	/*
	 * What stays where it is while sessions come and go above it: the
	 * selected one, or else the first, if the list is not at its top.
	 * Orders that change all the time have none.
	 */
	anchor() {
		const first = Math.floor(
		    this.grid.scrollTop / this.rows.height);
		const place = this.place();
		const i = this.rows.is_seen(place) ? place : first;

		return this.sort.by === "id" && this.grid.scrollTop > 0 ?
		    [this.list[i]?.id, i] : [null, 0];
	}

	count() {
		const known = this.store.sessions.size;
		const told = [plural(this.list.length, "session")];

		if (this.list.length < known)
			told[0] = `${whole(this.list.length)} of ` +
			    plural(known, "session");
		if (this.store.total > known)
			told.push(`the latest of ${whole(this.store.total)}`);
		say($("#count"), told.join(", "));
		say($("#sessions-none"), known > 0 ?
			"No session is like that." : "No session yet.");
	}

	fill(row, i) {
		const s = this.list[i];
		const [id, who, to, since, c2s, s2c, speed, lost, state] =
			row.children;
		const gone = missing(s);
		const word = state_of(s);

		row.id = `session-${s.id}`;
		mark(row, "aria-rowindex", i + 2);
		mark(row, "aria-selected", s.id === this.selected);
		mark(row, "data-state", s.state);
		say(id, `#${s.id}`);
		name_in(who, s.client_name, s.client);
		name_in(to, s.server_name ?? s.target, s.server);
		say(since, age(this.store.age(s)));
		say(c2s, bytes(s.bytes.c2s));
		mark(c2s, "title", exactly(s.bytes.c2s));
		say(s2c, bytes(s.bytes.s2c));
		mark(s2c, "title", exactly(s.bytes.s2c));
		spark_draw(speed.firstChild, s.spark);
		say(speed.lastChild, rate(s.rate.c2s + s.rate.s2c));
		say(lost, gone > 0 ? bytes(gone) : "");
		mark(lost, "title", gone > 0 ? exactly(gone) : null);
		mark(state, "data-tone", TONES[word] ?? "calm");
		say(state.lastChild, word);
		mark(state, "title", s.error ?? (s.first ?
			`ended by ${s.first}` : null));
	}

	place() {
		return this.places.get(this.selected) ?? -1;
	}

	select(id, { reveal = true } = {}) {
		this.selected = id;
		const i = this.place();

		if (reveal && i >= 0)
			this.rows.reveal(i);
		this.rows.redraw();
		if (i >= 0)
			this.on.select(this.list[i]);
	}

	/* Only what exists can be pointed at. */
	point() {
		mark(this.grid, "aria-activedescendant",
		    this.rows.at(this.place()) ? `session-${this.selected}` :
		    null);
	}

	click(event) {
		const row = event.target.closest(".row");

		if (!row || !getSelection().isCollapsed)
			return;
		this.select(Number(row.id.slice("session-".length)),
		    { reveal: false });
		this.on.open(this.store.sessions.get(this.selected));
	}

	/* Moves the selection by @n; from nowhere to the first one. */
	move(n) {
		if (this.list.length === 0)
			return;
		const i = this.place();
		const to = i < 0 ? 0 :
		    Math.max(0, Math.min(this.list.length - 1, i + n));

		this.select(this.list[to].id);
	}

	key(event) {
		const page = Math.max(1, Math.floor(
		    this.grid.clientHeight / this.rows.height) - 2);
		const moves = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1,
			PageDown: page, PageUp: -page,
			Home: -Infinity, End: Infinity };

		if (event.target !== this.grid || event.ctrlKey ||
		    event.metaKey || event.altKey)
			return;
		if (event.key in moves) {
			event.preventDefault();
			this.move(moves[event.key]);
		} else if (event.key === "Enter" && this.place() >= 0) {
			event.preventDefault();
			this.on.open(this.list[this.place()], true);
		}
	}
}
