/*
 * lines.js - the rows of a transcript on the screen: what is seen of them,
 * where they are scrolled to, and what is marked in them.
 */

import { h, mark, once, put, say } from "./dom.js";
import { clock, whole } from "./format.js";
import { Rows } from "./rows.js";
import { hex, hex_side, text_runs } from "./text.js";

const LINE = 19;

const ARROWS = { c2s: "▶", s2c: "◀" };
const SPEAKERS = { c2s: "client", s2c: "server" };

function make_line() {
	return h("div", { role: "listitem" },
	    h("time"), h("span", { class: "arrow" }), h("span", {
		    class: "what" }));
}

/* Ranges of @hits that touch [from, to), cut to it. */
function within(hits, from, to) {
	let low = 0;
	let high = hits.length;
	const found = [];

	while (low < high) {
		const middle = (low + high) >> 1;

		if (hits[middle].to <= from)
			low = middle + 1;
		else
			high = middle;
	}
	for (let i = low; i < hits.length && hits[i].from < to; i++)
		found.push({ from: Math.max(from, hits[i].from),
			to: Math.min(to, hits[i].to), hit: hits[i] });
	return found;
}

export class Lines {
	constructor({ viewport, body, transcript, on_scroll }) {
		this.transcript = transcript;
		this.viewport = viewport;
		this.hits = { c2s: [], s2c: [] };
		this.current = null;
		this.sticks = true;
		this.gone = 0;
		this.on_scroll = on_scroll;
		this.rows = new Rows({ viewport, body, height: LINE,
			make: make_line,
			fill: (row, i) => this.fill(row, i) });
		this.update = once(() => this.refresh());
		this.probe = h("span", { class: "probe",
			"aria-hidden": "true" }, "0".repeat(100));
		viewport.append(this.probe);
		viewport.addEventListener("scroll", () => this.scrolled(),
		    { passive: true });
		viewport.addEventListener("keydown", (e) => this.key(e));
		new ResizeObserver(once(() => this.measure()))
			.observe(viewport);
	}

	/* How many characters fit beside the time. */
	measure() {
		const letter = this.probe.getBoundingClientRect().width / 100;
		const margin = parseFloat(getComputedStyle(this.viewport)
			.getPropertyValue("--margin")) || 0;
		const columns = Math.max(20, Math.floor(
		    this.viewport.clientWidth / letter - margin));

		if (letter === 0 || columns === this.transcript.columns)
			return;
		this.transcript.look({ columns });
		this.update();
	}

	look(changes) {
		this.transcript.look(changes);
		this.gone = this.transcript.gone_rows;
		this.update();
	}

	refresh() {
		const { rows, gone_rows } = this.transcript;
		const gone = gone_rows - this.gone;

		this.gone = gone_rows;
		this.rows.update(rows.length);
		if (this.sticks)
			this.rows.to_end();
		else if (gone > 0)
			/* What one reads stays where it is. */
			this.viewport.scrollTop -= gone * LINE;
	}

	scrolled() {
		this.sticks = this.rows.is_at_end();
		this.on_scroll();
	}

	newest() {
		this.sticks = true;
		this.rows.to_end();
	}

	key(event) {
		if (event.ctrlKey || event.metaKey || event.altKey)
			return;
		if (event.key === "End") {
			event.preventDefault();
			this.newest();
		} else if (event.key === "Home") {
			event.preventDefault();
			this.viewport.scrollTop = 0;
		}
	}

	fill(row, i) {
		const line = this.transcript.rows[i];

		if (!line)
			return;
		const { item, head } = line;
		const [time, arrow, what] = row.children;
		const timed = head && item.ts;

		mark(row, "class", `line ${item.kind} ${item.dir ?? ""} ` +
		    (head ? "head" : ""));
		mark(row, "aria-setsize", this.transcript.rows.length);
		mark(row, "aria-posinset", i + 1);
		say(time, timed ? clock(item.ts) : "");
		mark(time, "datetime", timed ? item.ts : null);
		mark(time, "title", timed ? item.ts : null);
		say(arrow, item.kind === "data" && head ? ARROWS[item.dir] :
			"");
		mark(arrow, "aria-label", item.kind === "data" && head ?
			SPEAKERS[item.dir] : null);
		mark(arrow, "role", item.kind === "data" && head ? "img" :
			null);
		if (item.kind !== "data")
			put(what, item.text);
		else if (this.transcript.mode === "hex")
			this.fill_hex(what, line);
		else
			this.fill_text(what, line);
	}

	/* A piece of text, marked where it was found. */
	piece(text, is_spelled, hit) {
		const name = [is_spelled ? "spelled" : "", hit ? "hit" : "",
			hit && hit === this.current ? "current" : ""]
			.filter(Boolean).join(" ");

		return name === "" ? document.createTextNode(text) :
		    h(hit ? "mark" : "span", { class: name }, text);
	}

	fill_text(what, { item, start, end }) {
		const pieces = [];
		const run = (from, to, hit) => text_runs(item.data, from, to,
		    (text, is_spelled) => pieces.push(
			this.piece(text, is_spelled, hit)));

		this.split({ item, start, end }, run);
		put(what, ...pieces);
	}

	/* Calls @run(from, to, hit or null) for the parts of a row. */
	split({ item, start, end }, run) {
		let at = start;

		for (const { from, to, hit } of within(this.hits[item.dir],
		    item.off + start, item.off + end)) {
			if (from - item.off > at)
				run(at, from - item.off, null);
			run(Math.max(at, from - item.off), to - item.off, hit);
			at = to - item.off;
		}
		if (at < end)
			run(at, end, null);
	}

	fill_hex(what, line) {
		const { item, start, end, head } = line;
		const wide = this.transcript.wide();
		const pieces = [];

		if (head) {
			put(what, `${whole(item.data.length)} B at ` +
			    whole(item.off));
			return;
		}
		pieces.push(h("span", { class: "offset" },
		    (item.off + start).toString(16).padStart(8, "0")), "  ");
		this.split(line, (from, to, hit) => {
			if (hit)
				pieces.push(this.piece(this.hex_part(item.data,
				    start, from, to), false, hit), " ");
			else
				pieces.push(this.hex_part(item.data, start,
				    from, to) + " ");
		});
		pieces.push(" ".repeat(this.padding(end - start, wide)),
		    h("span", { class: "side" },
			` ${hex_side(item.data, start, end)}`));
		put(what, ...pieces);
	}

	/* Two digits a byte; the second eight stand apart. */
	hex_part(data, start, from, to) {
		let out = "";

		for (let i = from; i < to; i++) {
			if (i > from)
				out += " ";
			if (i - start === 8)
				out += " ";
			out += hex(data[i]);
		}
		return out;
	}

	/* Blanks after a row of @n bytes that is not full. */
	padding(n, wide) {
		return (wide - n) * 3 + (wide > 8 && n <= 8 ? 1 : 0);
	}

	/* Marks what was found, by direction; @current is one of them. */
	hits_set(hits, current) {
		this.hits = hits;
		this.current = current;
		this.rows.redraw();
	}

	/* Scrolls to where a hit begins. */
	show(hit) {
		const i = this.transcript.rows.findIndex(
		    ({ item, start, end }) => item.dir === hit.dir &&
			item.kind === "data" && end > start &&
			item.off + start <= hit.from &&
			item.off + end > hit.from);

		if (i < 0)
			return;
		this.sticks = false;
		this.rows.center(i);
		this.on_scroll();
	}
}
