/*
 * program.js - the program itself: its balance sheet, its log, its end.
 */

import { call } from "./api.js";
import { ask, tell } from "./dialog.js";
import { $, h, put, say } from "./dom.js";
import { bytes, duration, whole } from "./format.js";

const WORDS = {
	not_tcp: "not TCP", s2c: "◀ server", c2s: "▶ client",
	cpu_ns: "CPU time", max_rss_bytes: "most memory",
};

/* Names of the sheet, as words. */
function word(name) {
	return WORDS[name] ?? name.replaceAll("_", " ");
}

function figure(name, value) {
	if (name.endsWith("_ns"))
		return duration(value / 1e6);
	if (name.endsWith("_bytes"))
		return bytes(value);
	return typeof value === "number" ? whole(value) : String(value);
}

/* A table of figures; of a table of tables, a row each. */
function rows_of(part) {
	return Object.entries(part).flatMap(([name, value]) =>
		value !== null && typeof value === "object" ?
		    Object.entries(value).filter(([, n]) => n !== 0)
			.map(([inner, n]) => [`${word(name)}: ${word(inner)}`,
				figure(inner, n)]) :
		    [[word(name), figure(name, value)]]);
}

function simple(title, part) {
	return h("section", { class: "card" }, h("h3", null, title),
	    h("table", null, h("tbody", null, ...rows_of(part).map(
		([name, value]) => h("tr", null,
		    h("th", { scope: "row" }, name),
		    h("td", { class: "num" }, value))))));
}

/* Bytes: a column for each direction. */
function both_ways(title, { c2s, s2c }) {
	const head = (text) => h("th", { scope: "col", class: "num" }, text);

	return h("section", { class: "card" }, h("h3", null, title),
	    h("table", null,
		h("thead", null, h("tr", null, h("td"),
		    head("▶ client"), head("◀ server"))),
		h("tbody", null, ...Object.keys(c2s).map((name) =>
			h("tr", null, h("th", { scope: "row" }, word(name)),
			    h("td", { class: "num" }, whole(c2s[name])),
			    h("td", { class: "num" }, whole(s2c[name])))))));
}

export class Program {
	constructor() {
		$("#log-level").addEventListener("change", (e) =>
			this.set_level(e.target.value));
		$("#drain").addEventListener("click", () => this.drain());
	}

	async refresh() {
		try {
			const [sheet, log] = await Promise.all([
				call("GET", "/stats"), call("GET", "/log")]);

			this.show(sheet);
			if (document.activeElement !== $("#log-level"))
				$("#log-level").value = log.level;
		} catch (problem) {
			if (problem.status !== 0)
				tell(`Balance sheet: ${problem.message}`);
		}
	}

	show(sheet) {
		const cards = [both_ways("Bytes", sheet.bytes),
			simple("Sessions", sheet.sessions)];

		if (sheet.packets)
			cards.push(simple("Packets", sheet.packets));
		if (sheet.kernel)
			cards.push(simple("Kernel", sheet.kernel));
		if (sheet.process)
			cards.push(simple("Process", sheet.process));
		put($("#sheet"), ...cards);
	}

	/* What listens where, under the title. */
	about(version, inputs) {
		const told = inputs.map(({ name, listening }) =>
			`${name} ${(listening ?? []).join(" ")}`.trim());

		say($("#version"), `teeline ${version.version}, process ` +
		    `${version.pid}.`);
		say($("#inputs"), `Listens in on ${told.join(", ")}.`);
	}

	async set_level(level) {
		try {
			await call("PUT", "/log", { body: { level } });
			tell(`Log level: ${level}.`);
		} catch (problem) {
			tell(`The log level stays: ${problem.message}`);
			this.refresh();
		}
	}

	async drain() {
		const yes = await ask({
			title: "Drain and stop teeline?",
			text: "It accepts nothing more, ends the sessions " +
			    "that are open, writes out what is queued, and " +
			    "exits.",
			yes: "Drain and stop",
		});

		if (!yes)
			return;
		try {
			await call("POST", "/drain");
			tell("It drains, and then stops.");
		} catch (problem) {
			tell(`It goes on: ${problem.message}`);
		}
	}
}
