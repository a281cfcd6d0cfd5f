/*
 * main.js - the page: what is connected to what.
 *
 *	/events ──► store ──► table, plots, figures  always, while looked at;
 *	 the list is asked for when it begins, and if events were left out
 *	/sessions/ID/events ──► details		     one session at a time
 *	/outputs, /stats			     while their view is seen
 *
 * The hash says what is seen ("#outputs", "#session=12"), so that reloading and
 * the browser's buttons do what one expects.
 */

import { Problem, Stream, call, token_set, token_take } from "./api.js";
import { Details } from "./details.js";
import { tell } from "./dialog.js";
import { $, mark, memory, once, say } from "./dom.js";
import { bytes, whole } from "./format.js";
import { Keys } from "./keys.js";
import { Outputs } from "./outputs.js";
import { Plots } from "./plots.js";
import { Program } from "./program.js";
import { MOST, Store } from "./store.js";
import { Table } from "./table.js";

const VIEWS = ["sessions", "outputs", "program"];

/* Sessions per request, the most that the program gives. */
const PAGE = 1000;

/* A page that nobody has looked at for so long lets its streams go. */
const UNSEEN = 10000;

/* How often views other than the sessions ask. */
const POLL = 2000;

/* Arrow keys may run through many sessions: wait until one is chosen. */
const CHOSEN = 150;

const store = new Store();
const plots = new Plots();
const outputs = new Outputs();
const program = new Program();
const details = new Details(store, { back });
const table = new Table(store, { select: selected, open: opened });
let view = "sessions";
let stream = null;
let early = null;
let connection = 0;
let searched = 0;
let chosen = 0;

/* --- what is seen -------------------------------------------------------- */

/* go("outputs"), go("sessions", 12) */
function go(name, id = null) {
	const hash = id !== null ? `#session=${id}` :
	    name === "sessions" ? "" : `#${name}`;

	/* From one session to the next is no step that one would go back. */
	const keep = id !== null && details.session;

	if (location.hash !== hash)
		history[keep ? "replaceState" : "pushState"](null, "",
		    location.pathname + hash);
	show();
}

function show() {
	const found = /^#session=(\d+)$/.exec(location.hash);

	view = found ? "sessions" :
	    VIEWS.find((name) => location.hash === `#${name}`) ?? "sessions";
	for (const name of VIEWS) {
		$(`#view-${name}`).hidden = name !== view;
		mark($(`#go-${name}`), "aria-current",
		    name === view ? "page" : null);
	}
	show_session(found ? Number(found[1]) : null);
	plots.update();
	poll();
}

function show_session(id) {
	const s = store.sessions.get(id);

	document.body.classList.toggle("detailed", s !== undefined);
	if (s) {
		if (table.selected !== id)
			table.select(id);
		details.follow(s);
	} else {
		details.leave();
		if (id !== null && stream && !early)
			look_up(id);
	}
	say($("title"), s ? `#${id} – teeline` : "teeline");
}

/* One that this page does not hold: an old one, by a link. */
async function look_up(id) {
	try {
		store.merge(await call("GET", `/sessions/${id}`));
		table.refresh();
		show();
	} catch (problem) {
		tell(`Session #${id}: ${problem.message}`);
		go("sessions");
	}
}

/* The selection moves: whoever looks at one session looks at the next. */
function selected(session) {
	clearTimeout(chosen);
	if (details.session && details.session.id !== session.id)
		chosen = setTimeout(() => opened(session), CHOSEN);
}

function opened(session, focus = false) {
	clearTimeout(chosen);
	go("sessions", session.id);
	if (focus || getComputedStyle($(".list")).display === "none")
		$("#lines").focus();
}

function back() {
	go("sessions");
	$("#sessions").focus();
}

/* --- connecting ---------------------------------------------------------- */

/* Fetches all pages of the list; @early events wait meanwhile. */
async function fetch_list(query, most) {
	const ids = new Set();
	let after = "";
	let told;

	do {
		told = await call("GET",
		    `/sessions?limit=${PAGE}&order=desc${query}${after}`);
		for (const s of told.sessions) {
			store.merge(s);
			ids.add(s.id);
		}
		after = `&after=${told.next}`;
	} while (told.next !== null && ids.size < most);
	return { ids, told };
}

async function connected() {
	const about = await call("GET", "/version");

	plots.belong(`${about.started}`);
	const { inputs } = await call("GET", "/inputs");

	program.about(about, inputs);
	outputs.inputs_set(inputs.map(({ name }) => name));
	const open = await fetch_list("&state=open", MOST);
	const closed = await fetch_list("&state=closed", PAGE);

	store.keep_only(new Set([...open.ids, ...closed.ids]));
	store.total = open.told.next === null && closed.told.next === null ?
		store.sessions.size : open.told.total + closed.told.total;
	store.open = closed.told.open;
}

/* Every connection starts by asking what there is. */
async function on_open() {
	const mine = ++connection;

	early = [];
	try {
		await connected();
	} catch (problem) {
		if (mine === connection)
			stream?.failed(problem);
		return;
	}
	if (mine !== connection)
		return;
	const waiting = early;

	early = null;
	waiting.forEach(([name, event]) => on_event(name, event));
	offline(null);
	table.refresh();
	figures();
	show();
}

function on_event(name, event) {
	if (early) {
		early.push([name, event]);
		return;
	}
	if (name === "open")
		store.opened(event);
	else if (name === "end")
		store.ended(event);
	else if (name === "close")
		store.closed(event);
	else if (name === "rates")
		on_rates(event);
	else if (name === "dropped")
		/* Too many came and went to be told one by one. */
		on_open();
	table.update();
	details.update();
}

function on_rates(event) {
	store.rates(event);
	plots.rates(event);
	figures(event);
}

function on_lost(problem, wait) {
	plots.interrupted();
	if (problem.status === 401)
		ask_token();
	offline(problem, wait);
}

function restart() {
	stream?.stop();
	stream = new Stream("/events", { open: on_open, event: on_event,
		lost: on_lost });
}

/* The bar that says that nothing on this page is true any more. */
function offline(problem, wait = null) {
	const bar = $("#offline");

	mark($("#live"), "data-state", problem ? "lost" : "live");
	say($("#live-text"), problem ? "offline" : "live");
	bar.hidden = problem === null;
	document.body.classList.toggle("stale", problem !== null);
	if (problem)
		say($("#offline-text"), problem.status === 401 ?
			"This page needs the token of the running program." :
			`No connection: ${problem.message}. ` +
			(wait === null ? "" : "Trying again…"));
}

function ask_token() {
	const dialog = $("#token");

	if (!dialog.open)
		dialog.showModal();
}

/* --- figures, polling ---------------------------------------------------- */

function figures(event) {
	say($("#figure-open"), whole(store.open));
	if (!event)
		return;
	say($("#figure-bytes"), bytes(event.bytes.c2s + event.bytes.s2c));
	say($("#figure-dropped"), event.dropped_bytes > 0 ?
		bytes(event.dropped_bytes) : "none");
	mark($("#figure-dropped"), "data-tone",
	    event.dropped_bytes > 0 ? "bad" : null);
}

function poll() {
	if (document.hidden || !stream)
		return;
	if (view === "outputs")
		outputs.refresh();
	else if (view === "program")
		program.refresh();
}

/* Nobody looks: a browser has few connections to one host. */
function seen() {
	clearTimeout(seen.timer);
	if (document.hidden) {
		seen.timer = setTimeout(() => {
			stream?.stop();
			stream = null;
			plots.interrupted();
			details.rest();
		}, UNSEEN);
	} else if (!stream) {
		restart();
		details.wake();
	}
}

/* --- filter -------------------------------------------------------------- */

function filter() {
	const text = $("#filter").value.trim().toLowerCase();

	table.filter({ words: text.split(/\s+/).filter(Boolean) });
	clearTimeout(searched);
	/* What this page does not hold, the program may. */
	if (text !== "" && store.total > store.sessions.size)
		searched = setTimeout(async () => {
			try {
				await fetch_list(
				    `&q=${encodeURIComponent(text)}`, PAGE);
				table.update();
			} catch (problem) {
				if (!(problem instanceof Problem))
					throw problem;
			}
		}, 300);
}

function filter_state(button) {
	for (const other of $("#states").children)
		mark(other, "aria-pressed", other === button);
	table.filter({ state: button.dataset.state });
}

/* --- theme --------------------------------------------------------------- */

const THEMES = ["auto", "light", "dark"];

function theme(step) {
	const root = document.documentElement;
	const now = THEMES.indexOf(root.dataset.theme ?? "auto");
	const next = THEMES[(now + step) % THEMES.length];

	if (next === "auto")
		delete root.dataset.theme;
	else
		root.dataset.theme = next;
	memory.write("theme", next);
	mark($("#theme"), "aria-label", `Theme: ${next}`);
	mark($("#theme"), "title", `Theme: ${next} (d)`);
	repaint();
}

const repaint = once(() => {
	plots.repaint();
	table.update();
});

/* --- start --------------------------------------------------------------- */

function connect_page() {
	for (const name of VIEWS)
		$(`#go-${name}`).addEventListener("click", (e) => {
			e.preventDefault();
			go(name);
		});
	$("#filter").addEventListener("input", filter);
	for (const button of $("#states").children)
		button.addEventListener("click", () => filter_state(button));
	$("#theme").addEventListener("click", () => theme(1));
	$("#offline-retry").addEventListener("click", () => restart());
	$("#token-form").addEventListener("submit", (e) => {
		e.preventDefault();
		token_set($("#token-text").value);
		$("#token-text").value = "";
		$("#token").close();
		restart();
	});
	for (const button of document.querySelectorAll("[data-close]"))
		button.addEventListener("click", () => button.closest("dialog")
			.close(button.dataset.close));
	matchMedia("(prefers-color-scheme: dark)")
		.addEventListener("change", repaint);
	document.addEventListener("visibilitychange", seen);
	addEventListener("popstate", show);
	addEventListener("hashchange", () => {
		if (token_take())
			restart();
		show();
	});
	setInterval(poll, POLL);
	setInterval(() => details.update(), 1000);
}

token_take();
connect_page();
theme(0);
new Keys({ go, back, details, table, theme: () => theme(1),
	view: () => view });
show();
restart();
