/*
 * search.js - finding bytes in a transcript.
 *
 * Text is looked for without regard to the case of ASCII letters; "0x0d0a" is
 * bytes.  What is found may reach from one chunk of a direction into the next.
 */

const LOWER = Uint8Array.from({ length: 256 },
    (_, i) => i >= 0x41 && i <= 0x5a ? i + 0x20 : i);

/* Places that are kept, the newest: nobody steps through more one by one. */
export const MOST_FOUND = 10000;

/* needle_of("USER") - bytes to look for; null: nothing */
function needle_of(query) {
	const digits = /^0x((?:[0-9a-f]{2}[ :]?)+)$/i.exec(query.trim());

	if (query === "")
		return null;
	if (!digits)
		return { bytes: new TextEncoder().encode(query)
			.map((b) => LOWER[b]), fold: LOWER };
	return {
		bytes: Uint8Array.from(digits[1].replace(/[ :]/g, "")
			.match(/../g), (pair) => parseInt(pair, 16)),
		fold: Uint8Array.from({ length: 256 }, (_, i) => i),
	};
}

function is_at(data, at, { bytes, fold }) {
	for (let k = 1; k < bytes.length; k++)
		if (fold[data[at + k]] !== bytes[k])
			return false;
	return true;
}

/* @each(at) for every place in @data, none within another. */
function places(data, needle, each) {
	const { bytes, fold } = needle;
	const last = data.length - bytes.length;

	for (let at = 0; at <= last; at++)
		if (fold[data[at]] === bytes[0] && is_at(data, at, needle)) {
			each(at);
			at += bytes.length - 1;
		}
}

/* Over the seam between two items: only what lies in both. */
function over_seam(before, item, needle, each) {
	const back = Math.min(needle.bytes.length - 1, before.data.length);
	const seam = new Uint8Array(back + Math.min(needle.bytes.length - 1,
	    item.data.length));

	seam.set(before.data.subarray(before.data.length - back));
	seam.set(item.data.subarray(0, seam.length - back), back);
	places(seam, needle, (at) => {
		if (at < back && at + needle.bytes.length > back)
			each(at - back);
	});
}

/*
 * Search - what is found in a transcript, and goes on being found
 *
 * found	[{ dir, from, to, serial }]: positions in the stream of a
 *		direction, and the item in which they end; in order
 * by_dir	the same, apart
 * current	the one that is looked at, or null
 */
export class Search {
	constructor(transcript) {
		this.transcript = transcript;
		this.begin("");
	}

	/* Looks for something else, or anew. */
	begin(query) {
		this.query = query;
		this.needle = needle_of(query);
		this.found = [];
		this.by_dir = { c2s: [], s2c: [] };
		this.current = null;
		this.cut = false;
		this.next = 0;
		this.update();
	}

	/* Looks at what came since; the last item may have grown. */
	update() {
		if (!this.needle)
			return;
		const { items } = this.transcript;
		let i = items.length;

		while (i > 0 && items[i - 1].serial >= this.next)
			i--;
		this.forget(({ serial }) => serial < (items[0]?.serial ?? 0),
		    ({ serial }) => serial >= (items[i]?.serial ?? Infinity));
		for (; i < items.length; i++)
			this.look_at(items, i);
		this.next = items.at(-1)?.serial ?? 0;
		this.bound();
	}

	/* Hits that @is_old (the first ones) and @is_anew (the last) go. */
	forget(is_old, is_anew) {
		for (const hits of [this.found, this.by_dir.c2s,
			this.by_dir.s2c]) {
			const first = hits.findIndex((hit) => !is_old(hit));

			hits.splice(0, first < 0 ? hits.length : first);
			while (hits.length > 0 && is_anew(hits.at(-1)))
				hits.pop();
		}
	}

	look_at(items, i) {
		const item = items[i];
		const keep = (at) => {
			const hit = { dir: item.dir, serial: item.serial,
				from: item.off + at,
				to: item.off + at + this.needle.bytes.length };

			this.found.push(hit);
			this.by_dir[item.dir].push(hit);
		};

		if (item.kind !== "data" || !this.transcript.shows(item))
			return;
		const last = this.before(items, i);

		if (last)
			over_seam(last, item, this.needle, keep);
		places(item.data, this.needle, keep);
	}

	/* The item that ends where this one begins. */
	before(items, i) {
		const { dir, off } = items[i];

		for (let k = i - 1; k >= 0; k--)
			if (items[k].kind === "data" && items[k].dir === dir)
				return items[k].off + items[k].data.length ===
				    off ? items[k] : null;
		return null;
	}

	bound() {
		const excess = this.found.length - MOST_FOUND;

		if (excess > 0) {
			const gone = this.found.splice(0, excess);

			for (const [dir, hits] of Object.entries(this.by_dir))
				hits.splice(0, gone.filter((hit) =>
					hit.dir === dir).length);
			this.cut = true;
		}
		if (!this.found.includes(this.current))
			this.current = this.same() ?? null;
	}

	/* Where we were, if that was found anew; else the newest. */
	same() {
		const was = this.current;

		return was && this.found.findLast((hit) => hit.dir ===
			was.dir && hit.from === was.from) || this.found.at(-1);
	}

	/* The next one (1) or the one before (-1), around the ends. */
	step(n) {
		const all = this.found.length;
		const at = this.found.indexOf(this.current);

		this.current = all === 0 ? null :
		    this.found[(at + n + all) % all];
		return this.current;
	}

	/* "3 of 17" */
	told() {
		const n = this.found.length;

		return !this.needle ? "" : n === 0 ? "none" :
		    `${this.found.indexOf(this.current) + 1} of ${n}` +
		    (this.cut ? "+" : "");
	}
}
