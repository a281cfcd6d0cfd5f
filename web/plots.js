/*
 * plots.js - the last minutes: traffic, sessions, drops.
 *
 * A point a second, as the program tells them.  They outlive a reload of the
 * page, but not the program.
 */

import { colour, colours_forget } from "./canvas.js";
import { $, memory, once, say } from "./dom.js";
import { bytes, instant, rate, whole } from "./format.js";
import uPlot from "./uplot.js";

/* Seconds that are shown. */
const SPAN = 300;

/* Seconds between two points after which there is a hole between them. */
const ASLEEP = 5;

/* Least that an axis shows, so that a lone byte is no mountain. */
const LEAST = { bytes: 1024, sessions: 4 };

const two = (n) => String(n).padStart(2, "0");

/* "08:30" or, at the pointer, "08:30:07" */
function clock_of(seconds, exact) {
	const t = new Date(seconds * 1000);

	return `${two(t.getHours())}:${two(t.getMinutes())}` +
	    (exact ? `:${two(t.getSeconds())}` : "");
}

/* The round figure below @top: 1,024 and its doubles, or 1, 2, 5, 10 ... */
function round_bytes(top) {
	return 2 ** Math.floor(Math.log2(top));
}

function round_count(top) {
	const ten = 10 ** Math.floor(Math.log10(top));

	return [5, 2, 1].find((n) => n * ten <= top) * ten;
}

/*
 * The plots: least height, rounding and texts of the axis; for each line its
 * figure, colour, side, and where the figure is written.
 */
const PLOTS = {
	traffic: {
		least: LEAST.bytes, mirrored: true, round: round_bytes,
		axis: (v) => bytes(Math.abs(v)).replace(".0", ""),
		series: [
			{ key: "c2s", colour: "c2s", sign: 1,
				show: "plot-c2s" },
			{ key: "s2c", colour: "s2c", sign: -1,
				show: "plot-s2c" },
		],
		value: (v) => rate(Math.abs(v)) || "0 B/s",
	},
	open: {
		least: LEAST.sessions, mirrored: false, round: round_count,
		axis: (v) => whole(v),
		series: [{ key: "open", colour: "accent", sign: 1,
			show: "plot-open" }],
		value: (v) => whole(v),
	},
	dropped: {
		least: LEAST.bytes, mirrored: false, round: round_bytes,
		axis: (v) => bytes(v).replace(".0", ""),
		series: [{ key: "dropped", colour: "loss", sign: 1,
			show: "plot-dropped" }],
		value: (v) => rate(v) || "0 B/s",
	},
};

function axis(more) {
	return {
		font: "11px system-ui, sans-serif",
		stroke: () => colour("ink-2"),
		grid: { stroke: () => colour("line"), width: 1 },
		ticks: { show: false },
		...more,
	};
}

export class Plots {
	constructor() {
		this.points = [];
		this.last = null;
		this.plots = Object.entries(PLOTS).map(([name, plot]) =>
			this.make(name, plot));
		this.update = once(() => this.draw());
		for (const { host } of this.plots)
			new ResizeObserver(this.update).observe(host);
		addEventListener("pagehide", () => this.save());
	}

	make(name, plot) {
		const host = $(`#plot-${name}-host`);
		const made = { name, plot, host };

		made.u = new uPlot({
			width: 300, height: 96, legend: { show: false },
			cursor: { y: false, points: { size: 5 },
				drag: { setScale: false, x: false } },
			scales: {
				x: { time: true, range: () => this.span() },
				y: { range: (_u, low, high) =>
					this.height(plot, low, high) },
			},
			axes: [
				axis({ size: 20, space: 70, values: (_u, all) =>
					all.map((t) => clock_of(t)) }),
				axis({ size: 62, values: (_u, all) =>
					all.map(plot.axis),
				splits: (_u, _i, low, high) =>
					this.marks(plot, low, high) }),
			],
			series: [{}, ...plot.series.map((one) => ({
				stroke: () => colour(one.colour), width: 1.5,
				fill: () => colour(`${one.colour}-tint`),
				points: { show: false },
			}))],
			hooks: { setCursor: [() => this.read(made)] },
		}, [[], ...plot.series.map(() => [])], host);
		return made;
	}

	span() {
		const end = this.points.at(-1)?.t ?? Date.now() / 1000;

		return [end - SPAN, end];
	}

	/* Round figures on each side that has room for them. */
	marks(plot, low, high) {
		const top = plot.round(Math.max(high, -low) / 1.05);

		return [-top, 0, top / 2, top].filter((mark) =>
			mark >= low && mark <= high &&
			(mark !== top / 2 || low === 0));
	}

	/* A side on which little happens gets little room. */
	height(plot, low, high) {
		const top = Math.max(plot.least, high ?? 0, -(low ?? 0));
		const side = (value) => Math.max(value, top * 0.3) * 1.15;

		return plot.mirrored ? [-side(-(low ?? 0)), side(high ?? 0)] :
		    [0, top * 1.15];
	}

	/* A second's figures (the "rates" event). */
	rates(event) {
		const t = instant(event.ts) / 1000;

		/* Somebody slept: this machine, or that of the program. */
		if (this.last && t - this.last.t > ASLEEP)
			this.interrupted();
		const { last } = this;

		this.last = { t, c2s: event.bytes.c2s, s2c: event.bytes.s2c,
			dropped: event.dropped_bytes };
		if (last && t > last.t) {
			const per = (key) => Math.max(0,
			    this.last[key] - last[key]) / (t - last.t);

			this.points.push({ t, open: event.sessions,
				c2s: per("c2s"), s2c: per("s2c"),
				dropped: per("dropped") });
		}
		while (this.points.length > 0 && this.points[0].t < t - SPAN)
			this.points.shift();
		this.update();
	}

	/* A hole in the plots: nobody knows what was meanwhile. */
	interrupted() {
		if (this.last)
			this.points.push({ t: this.last.t + 0.001, c2s: null,
				s2c: null, dropped: null, open: null });
		this.last = null;
	}

	draw() {
		const times = this.points.map(({ t }) => t);

		for (const made of this.plots) {
			const { u, host, plot } = made;
			const width = host.clientWidth;
			const height = host.clientHeight;

			if (width === 0 || height === 0)
				continue;
			if (u.width !== width || u.height !== height)
				u.setSize({ width, height });
			u.setData([times, ...plot.series.map(({ key, sign }) =>
				this.points.map((p) => p[key] === null ? null :
					p[key] * sign))]);
			this.read(made);
		}
	}

	/* The figures beside the title: at the pointer, or the latest. */
	read({ u, plot, name }) {
		const at = u?.cursor.idx ?? this.points.length - 1;
		const pointed = u?.cursor.idx != null;

		for (const { key, show } of plot.series) {
			const value = this.points[at]?.[key];

			say($(`#${show}`), value == null ? "–" :
				plot.value(value));
		}
		if (name === "traffic")
			say($("#plot-time"), pointed && this.points[at] ?
				clock_of(this.points[at].t, true) : "");
	}

	/* Another theme. */
	repaint() {
		colours_forget();
		for (const { u } of this.plots)
			u.redraw(false, true);
	}

	save() {
		memory.write("plots", JSON.stringify({ run: this.run,
			points: this.points }), "sessionStorage");
	}

	/* The program is @run, a name that no other run has. */
	belong(run) {
		if (this.run === run)
			return;
		this.run = run;
		const kept = JSON.parse(memory.read("plots", "{}",
		    "sessionStorage"));

		this.last = null;
		this.points = kept.run === run ? kept.points : [];
		if (this.points.length > 0)
			this.points.push({ ...this.points.at(-1), c2s: null,
				s2c: null, dropped: null, open: null,
				t: this.points.at(-1).t + 0.001 });
		this.update();
	}
}
