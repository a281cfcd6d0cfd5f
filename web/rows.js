/*
 * rows.js - a list of any length of which only what is seen exists.
 *
 *	viewport  ┌──────────┐ scrolls
 *	          │ body     │ as tall as all rows together
 *	          │ ┌──────┐ │
 *	          │ │ pool │ │ rows first ... first + pool.length - 1
 *	          │ └──────┘ │
 *	          └──────────┘
 *
 * All rows are of one height.  The pool stays in the order of the rows, since
 * that is the order in which a screen reader reads it; scrolling moves rows
 * from one end of it to the other.
 */

import { once } from "./dom.js";

/* Rows beyond each edge, so that a fast wheel shows no blank. */
const SPARE = 6;

/* Browsers end an element's height somewhere beyond this. */
const TALLEST = 15e6;

export class Rows {
	/*
	 * @make() gives an empty row, @fill(row, i) fills it for row @i;
	 * @above is what stands above the body within the viewport (pixels),
	 * @drawn() is called whenever other rows are there.
	 */
	constructor({ viewport, body, height, make, fill, above = 0,
		drawn = () => {} }) {
		Object.assign(this, { viewport, body, height, make, fill,
			above, drawn });
		this.count = 0;
		this.first = 0;
		this.pool = [];
		this.draw = once(() => this.render(false));
		this.redraw = once(() => this.render(true));
		viewport.addEventListener("scroll", this.draw,
		    { passive: true });
		new ResizeObserver(this.draw).observe(viewport);
	}

	/* There are so many rows now, and all may have changed. */
	update(count) {
		this.count = Math.min(count,
		    Math.floor(TALLEST / this.height));
		this.redraw();
	}

	height_set(height) {
		if (height === this.height)
			return;
		this.height = height;
		this.redraw();
	}

	/* Which rows should be there. */
	range() {
		const top = this.viewport.scrollTop - this.above;
		const seen = Math.ceil(
		    this.viewport.clientHeight / this.height) + 1;
		const first = Math.max(0, Math.min(
		    Math.floor(top / this.height) - SPARE,
		    this.count - seen - 2 * SPARE));

		return [first, Math.min(this.count, first + seen + 2 * SPARE)];
	}

	/* The body is as tall as all rows, so that one can scroll there. */
	stretch() {
		const tall = `${this.count * this.height}px`;

		if (this.body.style.height !== tall)
			this.body.style.height = tall;
	}

	render(all) {
		this.stretch();
		const [first, last] = this.range();
		const fits = this.pool.length === last - first;

		if (!fits)
			this.resize(last - first);
		if (fits && !all && Math.abs(first - this.first) <
		    this.pool.length)
			this.slide(first);
		else
			this.refill(first);
		this.drawn();
	}

	resize(n) {
		while (this.pool.length > n)
			this.pool.pop().remove();
		while (this.pool.length < n) {
			const row = this.make();

			this.body.append(row);
			this.pool.push(row);
		}
	}

	refill(first) {
		this.first = first;
		this.pool.forEach((row, i) => this.show(row, first + i));
	}

	slide(first) {
		while (this.first < first) {
			const row = this.pool.shift();

			this.body.append(row);
			this.pool.push(row);
			this.show(row, this.first + this.pool.length);
			this.first++;
		}
		while (this.first > first) {
			const row = this.pool.pop();

			this.body.prepend(row);
			this.pool.unshift(row);
			this.first--;
			this.show(row, this.first);
		}
	}

	show(row, i) {
		row.style.transform = `translateY(${i * this.height}px)`;
		this.fill(row, i);
	}

	/* The element of row @i, if it is there. */
	at(i) {
		return this.pool[i - this.first] ?? null;
	}

	/* Scrolls as little as it takes to see row @i. */
	reveal(i) {
		this.stretch();
		const top = i * this.height;
		const room = this.viewport.clientHeight - this.above;

		if (top < this.viewport.scrollTop)
			this.viewport.scrollTop = top;
		else if (top + this.height > this.viewport.scrollTop + room)
			this.viewport.scrollTop = top + this.height - room;
	}

	/* Is row @i on the screen? */
	is_seen(i) {
		const top = i * this.height - this.viewport.scrollTop;

		return i >= 0 && top >= 0 &&
		    top < this.viewport.clientHeight - this.above;
	}

	/* @n rows came (or, below 0, went) above what is seen. */
	shift(n) {
		if (n === 0)
			return;
		this.stretch();
		this.viewport.scrollTop += n * this.height;
	}

	/* Row @i in the middle. */
	center(i) {
		this.stretch();
		this.viewport.scrollTop = (i + 0.5) * this.height -
		    this.viewport.clientHeight / 2;
	}

	is_at_end() {
		const { scrollTop, clientHeight, scrollHeight } = this.viewport;

		return scrollTop + clientHeight >= scrollHeight - this.height;
	}

	/* The last row. */
	to_end() {
		this.stretch();
		this.viewport.scrollTop = this.viewport.scrollHeight;
		this.draw();
	}
}
