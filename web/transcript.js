/*
 * transcript.js - what was said in a session, as rows to be shown.
 *
 *	items	data (a direction, an offset, bytes) and notes (gaps, ends), in
 *		the order in which they came
 *	rows	what is seen of them: lines of text, or hex dumps
 *
 * Bounded by MOST_BYTES and MOST_ROWS (items, too): then the oldest items go,
 * and are counted.  Rows are known by their place in `rows`, of which the first
 * `gone_rows` ever made are not there any more.
 */

import { text_lines, text_unfinished } from "./text.js";

export const MOST_BYTES = 4 * 1024 * 1024;
export const MOST_ROWS = 200000;

/* What comes so soon after the same side's last byte is the same line. */
const TOGETHER_MS = 200;
/* ... up to this length: what is longer was no typing. */
const TOGETHER_BYTES = 4096;

const LF = 0x0a;

/* An item's bytes together with what came later. */
function joined(a, b) {
	const all = new Uint8Array(a.length + b.length);

	all.set(a);
	all.set(b, a.length);
	return all;
}

export class Transcript {
	/* @columns: what fits into a line; @mode: "text" or "hex" */
	constructor() {
		this.mode = "text";
		this.columns = 100;
		this.dirs = { c2s: true, s2c: true };
		this.clear();
	}

	clear() {
		this.items = [];
		this.rows = [];
		this.bytes = 0;
		this.gone_bytes = 0;
		this.gone_rows = 0;
		this.next = 0;
	}

	/* Another look: every row is made anew. */
	look(changes) {
		Object.assign(this, changes);
		this.rows = [];
		for (const item of this.items)
			this.lay_out(item);
	}

	/* A chunk: { dir, off, ts, ms, data } */
	said(chunk) {
		const item = { kind: "data", serial: this.next++, ...chunk };
		const last = this.items.at(-1);

		if (last && this.continues(last, item))
			this.extend(last, item);
		else
			this.append(item);
		this.bytes += chunk.data.length;
		this.trim();
	}

	/* A remark: { dir (or null), off, ts, kind, text } */
	note(remark) {
		this.append({ serial: this.next++, ...remark });
		this.trim();
	}

	append(item) {
		this.items.push(item);
		this.lay_out(item);
	}

	continues(last, item) {
		return last.kind === "data" && last.dir === item.dir &&
		    last.off + last.data.length === item.off;
	}

	/*
	 * The same side goes on.  A line typed letter by letter becomes one
	 * item; of others only a character that was cut in two moves over.
	 */
	extend(last, item) {
		const soon = item.ms - last.ms < TOGETHER_MS &&
		    last.data.length < TOGETHER_BYTES &&
		    last.data.at(-1) !== LF;

		if (soon) {
			last.data = joined(last.data, item.data);
			last.ms = item.ms;
			this.lay_out_anew(last);
			return;
		}
		const cut = text_unfinished(last.data);

		if (cut > 0 && cut < last.data.length) {
			item.data = joined(last.data.subarray(-cut), item.data);
			item.off -= cut;
			last.data = last.data.subarray(0, -cut);
			this.lay_out_anew(last);
		}
		this.append(item);
	}

	lay_out_anew(last) {
		while (this.rows.length > 0 && this.rows.at(-1).item === last)
			this.rows.pop();
		this.lay_out(last);
	}

	/* Does anybody want to see it? */
	shows(item) {
		return !item.dir || this.dirs[item.dir];
	}

	lay_out(item) {
		if (!this.shows(item))
			return;
		if (item.kind !== "data")
			this.rows.push({ item, start: 0, end: 0, head: true });
		else if (this.mode === "hex")
			this.lay_out_hex(item);
		else
			this.lay_out_text(item);
	}

	lay_out_text(item) {
		let head = true;

		text_lines(item.data, this.columns, (start, end) => {
			this.rows.push({ item, start, end, head });
			head = false;
		});
	}

	lay_out_hex(item) {
		const wide = this.wide();

		this.rows.push({ item, start: 0, end: 0, head: true });
		for (let start = 0; start < item.data.length; start += wide)
			this.rows.push({ item, start, head: false, end:
				Math.min(start + wide, item.data.length) });
	}

	/* Bytes in a row of a dump. */
	wide() {
		return this.columns >= 78 ? 16 : 8;
	}

	trim() {
		let items = 0;
		let rows = 0;

		while (this.items.length - items > 1 &&
		    (this.bytes > MOST_BYTES ||
		    this.items.length - items > MOST_ROWS ||
		    this.rows.length - rows > MOST_ROWS)) {
			const item = this.items[items++];

			if (item.kind === "data") {
				this.bytes -= item.data.length;
				this.gone_bytes += item.data.length;
			}
			while (rows < this.rows.length &&
			    this.rows[rows].item === item)
				rows++;
		}
		if (items === 0)
			return;
		this.items.splice(0, items);
		this.rows.splice(0, rows);
		this.gone_rows += rows;
	}
}
