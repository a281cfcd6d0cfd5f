/*
 * details.js - one session: who it is, and what is said in it as it is said.
 *
 *	stream ──► waiting ──► transcript ──► lines
 *	           (a frame,     (bounded)
 *	            or paused)
 *
 * While it is paused, what comes waits, bounded as the transcript is.
 */

import { Problem, Stream, call, fetched } from "./api.js";
import { ask, copy, tell } from "./dialog.js";
import { $, h, mark, memory, once, put, say } from "./dom.js";
import { age, bytes, clock, exactly, whole } from "./format.js";
import { Hearing } from "./hearing.js";
import { Lines } from "./lines.js";
import { Search } from "./search.js";
import { missing, state_of } from "./store.js";
import { hex, hex_side, text_runs } from "./text.js";
import { MOST_BYTES, MOST_ROWS, Transcript } from "./transcript.js";
import { closing, notes } from "./words.js";

/* How often what came is searched, in milliseconds. */
const SEARCH_EVERY = 300;

const FACTS = [
	["input", (s) => s.input],
	["target", (s) => s.target !== s.server && s.target],
	["listening at", (s) => s.listen],
	["from here", (s) => s.local],
	["packets", (s) => s.packets &&
	    `▶ ${whole(s.packets.c2s)}  ◀ ${whole(s.packets.s2c)}`],
	["community id", (s) => s.community_id],
	["midstream", (s) => s.midstream && "its beginning was not seen"],
];

export class Details {
	/* @on: back(), to the list */
	constructor(store, on) {
		this.store = store;
		this.on = on;
		this.session = null;
		this.stream = null;
		this.transcript = new Transcript();
		this.transcript.mode = memory.read("mode", "text");
		this.search = new Search(this.transcript);
		this.forget();
		this.lines = new Lines({
			viewport: $("#lines"), body: $("#lines-body"),
			transcript: this.transcript,
			on_scroll: () => this.tell_place(),
		});
		this.take_in = once(() => this.ingest());
		this.connect_buttons();
		this.show_mode();
	}

	forget() {
		this.transcript.clear();
		this.waiting = [];
		this.waiting_bytes = 0;
		this.left_out = { c2s: 0, s2c: 0 };
		this.paused = false;
		this.problem = null;
		this.hearing = new Hearing();
		this.unseen = 0;
	}

	connect_buttons() {
		const on = (id, f) => $(id).addEventListener("click", f);

		on("#details-back", () => this.on.back());
		on("#mode-text", () => this.mode("text"));
		on("#mode-hex", () => this.mode("hex"));
		on("#dir-c2s", () => this.toggle_dir("c2s"));
		on("#dir-s2c", () => this.toggle_dir("s2c"));
		on("#pause", () => this.pause());
		on("#newest", () => this.newest());
		on("#copy", () => this.copy());
		on("#end-session", () => this.end_session());
		on("#find-next", () => this.step(1));
		on("#find-previous", () => this.step(-1));
		for (const item of $("#download-menu").children)
			item.addEventListener("click", () =>
				this.download(item.dataset));
		$("#find").addEventListener("input", () => this.find());
		$("#find").addEventListener("keydown", (e) => {
			if (e.key !== "Enter")
				return;
			e.preventDefault();
			this.step(e.shiftKey ? -1 : 1);
		});
	}

	/* --- which session --------------------------------------------- */

	follow(session) {
		if (this.session?.id === session.id)
			return;
		this.stream?.stop();
		this.session = session;
		$("#find").value = "";
		$("#details").hidden = false;
		this.begin();
		this.start();
	}

	/* Nothing was heard yet. */
	begin() {
		this.forget();
		this.show_pause();
		this.find_anew();
		this.lines.look({});
		this.lines.newest();
		this.update();
	}

	start() {
		const path = `/sessions/${this.session.id}/events`;

		this.stream?.stop();
		this.stream = new Stream(path, {
			open: () => this.opened(),
			event: (name, event) => this.heard(name, event),
			lost: (problem, wait) => this.lost(problem, wait),
		});
	}

	opened() {
		this.problem = null;
		this.hearing.connected();
		this.tell_place();
	}

	lost(problem, wait) {
		this.problem = wait === null && problem.status === 404 ?
		    new Problem(404, "the program knows it no more") : problem;
		this.tell_place();
	}

	/* The page is not looked at: no need to be told. */
	rest() {
		this.stream?.stop();
		this.stream = null;
	}

	wake() {
		if (this.session && !this.stream && !this.hearing.over)
			this.start();
	}

	leave() {
		this.rest();
		this.session = null;
		this.forget();
		$("#details").hidden = true;
	}

	/* --- what is heard --------------------------------------------- */

	heard(name, event) {
		if (this.hearing.is_other(name, event))
			this.begin();
		const item = this.hearing.hear(name, event);

		if (item) {
			this.waiting.push(item);
			this.waiting_bytes += item.data?.length ?? 0;
		}
		if (this.hearing.over)
			this.rest();
		this.bound();
		this.take_in();
	}

	/* Only while it is paused is there ever so much. */
	bound() {
		let n = 0;

		while (this.waiting_bytes > MOST_BYTES ||
		    this.waiting.length - n > MOST_ROWS) {
			const { dir, data } = this.waiting[n++];

			if (!data)
				continue;
			this.waiting_bytes -= data.length;
			this.left_out[dir] += data.length;
		}
		this.waiting.splice(0, n);
	}

	ingest() {
		this.tell_place();
		if (this.paused || this.waiting.length === 0)
			return;
		for (const dir of ["c2s", "s2c"])
			this.tell_left_out(dir);
		for (const item of this.waiting) {
			if (item.kind)
				this.transcript.note(item);
			else
				this.transcript.said(item);
		}
		if (!this.lines.sticks)
			this.unseen += this.waiting_bytes;
		this.waiting = [];
		this.waiting_bytes = 0;
		this.lines.update();
		this.find_soon();
		this.tell_place();
	}

	/* The pause was too long for what came in it. */
	tell_left_out(dir) {
		const first = this.waiting.find((item) =>
			item.dir === dir && item.data);
		const len = this.left_out[dir];

		if (len === 0)
			return;
		this.transcript.note(notes.gap({ dir, len, why: "paused",
			offset: (first?.off ?? len) - len }));
		this.left_out[dir] = 0;
	}

	/* --- what is shown --------------------------------------------- */

	/* Once a second, and when the session changes. */
	update() {
		const s = this.session;

		if (!s)
			return;
		const gone = missing(s);

		say($("#details-id"), `#${s.id}`);
		say($("#details-client"), s.client_name ?? s.client);
		say($("#details-server"), s.server_name ?? s.target ??
			s.server);
		say($("#details-state"), s.state === "closed" ?
			closing(s) : state_of(s));
		mark($("#details-state"), "data-state", s.state);
		say($("#details-age"), age(this.store.age(s)));
		say($("#details-c2s"), bytes(s.bytes.c2s));
		mark($("#details-c2s"), "title", exactly(s.bytes.c2s));
		say($("#details-s2c"), bytes(s.bytes.s2c));
		mark($("#details-s2c"), "title", exactly(s.bytes.s2c));
		$("#details-missing").hidden = gone === 0;
		say($("#details-missing"), `${exactly(gone)} missing`);
		$("#end-session").disabled = s.state === "closed";
		this.update_facts();
	}

	update_facts() {
		const told = FACTS.map(([name, f]) => [name, f(this.session)])
			.filter(([, value]) => value);
		const text = told.join("\n");

		if (text === this.facts)
			return;
		this.facts = text;
		put($("#facts"), ...told.map(([name, value]) => h("div", null,
		    h("dt", null, name), h("dd", null, value))));
	}

	/* How far what is seen is from what is. */
	tell_place() {
		const { transcript, lines, problem } = this;
		const parts = [];

		if (lines.sticks)
			this.unseen = 0;
		if (problem)
			parts.push(problem.message);
		else if (this.hearing.over)
			parts.push("over");
		else if (this.paused)
			parts.push("paused" + (this.waiting_bytes > 0 ?
				`, ${bytes(this.waiting_bytes)} newer` : ""));
		else
			parts.push("following");
		if (transcript.gone_bytes > 0)
			parts.push(`older ${bytes(transcript.gone_bytes)} ` +
			    "not shown any more");
		if (this.hearing.thinned > 0)
			parts.push(`${bytes(this.hearing.thinned)} left out, ` +
			    "too fast for a page to take");
		say($("#follow-state"), parts.join(" · "));
		mark($("#follow-state"), "data-state", problem ? "lost" :
			this.paused ? "paused" : "");
		$("#newest").hidden = lines.sticks;
		say($("#newest"), this.unseen > 0 ?
			`↓ ${bytes(this.unseen)} newer` : "↓ Newest");
	}

	mode(mode) {
		memory.write("mode", mode);
		this.lines.look({ mode });
		this.show_mode();
	}

	show_mode() {
		for (const mode of ["text", "hex"])
			mark($(`#mode-${mode}`), "aria-pressed",
			    this.transcript.mode === mode);
	}

	toggle_dir(dir) {
		const dirs = { ...this.transcript.dirs };

		dirs[dir] = !dirs[dir];
		this.lines.look({ dirs });
		mark($(`#dir-${dir}`), "aria-pressed", dirs[dir]);
		this.find_anew();
	}

	pause() {
		this.paused = !this.paused;
		this.show_pause();
		this.ingest();
	}

	show_pause() {
		mark($("#pause"), "aria-pressed", this.paused);
		say($("#pause"), this.paused ? "Resume" : "Pause");
	}

	newest() {
		if (this.paused)
			this.pause();
		this.lines.newest();
		this.tell_place();
		$("#lines").focus();
	}

	/* --- search ---------------------------------------------------- */

	/* Something else is looked for; the newest place is shown. */
	find() {
		this.search.begin($("#find").value);
		this.tell_found();
		if (this.search.current)
			this.lines.show(this.search.current);
	}

	/* The transcript begins anew, or shows other things. */
	find_anew() {
		this.search.begin($("#find").value);
		this.tell_found();
	}

	find_soon() {
		if (this.find_timer || !this.search.needle)
			return;
		this.find_timer = setTimeout(() => {
			this.find_timer = 0;
			this.search.update();
			this.tell_found();
		}, SEARCH_EVERY);
	}

	tell_found() {
		const none = this.search.found.length === 0;

		say($("#find-count"), this.search.told());
		for (const id of ["#find-next", "#find-previous"])
			$(id).disabled = none;
		this.lines.hits_set(this.search.by_dir, this.search.current);
	}

	step(n) {
		if (!this.search.step(n))
			return;
		this.tell_found();
		this.lines.show(this.search.current);
	}

	/* --- what can be done with it ---------------------------------- */

	/* As it stands there, in text or hex. */
	as_text() {
		return this.transcript.rows.map((row) =>
			this.lead(row) + this.row_text(row) + "\n").join("");
	}

	/* Time and direction, as wide in each row. */
	lead({ item, head }) {
		const arrow = { c2s: "▶", s2c: "◀" }[item.dir];

		if (!head || !item.ts)
			return " ".repeat(17);
		return `${clock(item.ts)}  ` +
		    (item.kind === "data" ? `${arrow}  ` : "");
	}

	row_text({ item, start, end, head }) {
		let out = "";

		if (item.kind !== "data")
			return item.text;
		if (this.transcript.mode === "text") {
			text_runs(item.data, start, end, (text) => {
				out += text;
			});
			return out;
		}
		if (head)
			return `${item.data.length} B at ${item.off}`;
		for (let i = start; i < end; i++)
			out += (i - start === 8 ? " " : "") +
			    hex(item.data[i]) + " ";
		return (item.off + start).toString(16).padStart(8, "0") +
		    `  ${out.padEnd(this.transcript.wide() * 3 + 2)}` +
		    `|${hex_side(item.data, start, end)}|`;
	}

	async copy() {
		const chosen = getSelection();
		const text = chosen.isCollapsed ||
		    !$("#lines").contains(chosen.anchorNode) ?
		    this.as_text() : chosen.toString();

		await copy(text);
		tell("Copied.");
	}

	async download({ dir, format }) {
		const { id } = this.session;
		const name = { raw: dir, hex: "hex.txt", pcapng: "pcapng" };
		const path = `/sessions/${id}/bytes?dir=${dir}` +
		    `&format=${format}`;

		$("#download").open = false;
		$("#download").firstElementChild.focus();
		try {
			const url = URL.createObjectURL(await fetched(path));

			h("a", { href: url, download:
				`session-${id}.${name[format]}` }).click();
			setTimeout(() => URL.revokeObjectURL(url), 60000);
		} catch (problem) {
			tell(`Nothing was downloaded: ${problem.message}`);
		}
	}

	async end_session() {
		const s = this.session;

		if (!s || s.state === "closed")
			return;
		const yes = await ask({
			title: `Close session #${s.id}?`,
			text: `${s.client} and ${s.target ?? s.server} will ` +
			    "see their connection reset. This cannot be " +
			    "undone.",
			yes: "Close the session",
		});

		if (!yes)
			return;
		try {
			await call("DELETE", `/sessions/${s.id}`);
		} catch (problem) {
			tell(`Session #${s.id} was not closed: ` +
			    problem.message);
		}
	}
}
