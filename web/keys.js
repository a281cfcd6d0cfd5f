/*
 * keys.js - what the keyboard does, from wherever one is.
 *
 * Single letters may get in the way of those who speak to their machine: the
 * help has a switch for them (WCAG 2.1, 2.1.4).
 */

import { $, h, memory, put } from "./dom.js";

/* What is asked before a letter means anything. */
function is_typing(target) {
	return target.closest("input:not([type=checkbox]), textarea, select");
}

export class Keys {
	/* @page: go(view), back(), theme(), view(), details, table */
	constructor(page) {
		this.page = page;
		this.enabled = memory.read("keys", "on") === "on";
		this.table = this.keys();
		this.show_help();
		$("#keys-enabled").checked = this.enabled;
		$("#keys-enabled").addEventListener("change", (e) => {
			this.enabled = e.target.checked;
			memory.write("keys", this.enabled ? "on" : "off");
		});
		$("#help-open").addEventListener("click", () => this.help());
		document.addEventListener("keydown", (e) => this.key(e));
	}

	/* [key, what it does, when it means something, f] */
	keys() {
		const { page } = this;
		const always = () => true;
		const following = () => page.details.session !== null &&
		    page.view() === "sessions";
		const focus = (id) => {
			$(id).focus();
			$(id).select?.();
		};

		return [
			["/", "filter the sessions", always, () => {
				page.go("sessions",
				    page.details.session?.id ?? null);
				focus("#filter");
			}],
			["f", "search in what was said", following,
				() => focus("#find")],
			["n", "next place that was found", following,
				() => page.details.step(1)],
			["N", "the one before", following,
				() => page.details.step(-1)],
			["t", "show as text", following,
				() => page.details.mode("text")],
			["h", "show as hex", following,
				() => page.details.mode("hex")],
			["p", "pause, resume", following,
				() => page.details.pause()],
			["e", "jump to the newest", following,
				() => page.details.newest()],
			["c", "copy what was said", following,
				() => page.details.copy()],
			["x", "close the session, after asking", following,
				() => page.details.end_session()],
			["1", "sessions", always, () => page.go("sessions")],
			["2", "outputs", always, () => page.go("outputs")],
			["3", "program", always, () => page.go("program")],
			["d", "light, dark, as the system", always,
				() => page.theme()],
			["?", "this help", always, () => this.help()],
		];
	}

	show_help() {
		const fixed = [["↑ ↓ Home End",
			"move in the sessions, or in what was said"],
			["Enter", "follow the session; leave the filter"],
			["Esc", "close, clear, go back"]];

		put($("#help-keys"), ...[...fixed, ...this.table].map(
		    ([key, what]) => h("div", null,
			h("dt", null, ...key.split(" ").map((one) =>
				h("kbd", null, one))),
			h("dd", null, what))));
	}

	help() {
		$("#help").showModal();
	}

	key(event) {
		if (event.ctrlKey || event.metaKey || event.altKey ||
		    event.defaultPrevented || $("dialog[open]"))
			return;
		if (event.key === "Escape")
			this.escape(event);
		else if (is_typing(event.target))
			this.typed(event);
		else if (this.enabled)
			this.letter(event);
	}

	letter(event) {
		const found = this.table.find(([key, , when]) =>
			key === event.key && when());

		if (!found)
			return;
		event.preventDefault();
		found[3]();
	}

	/* From the filter into what it found. */
	typed(event) {
		if (event.target.id !== "filter")
			return;
		if (event.key === "Enter" || event.key === "ArrowDown") {
			event.preventDefault();
			$("#sessions").focus();
			if (this.page.table.place() < 0)
				this.page.table.move(0);
		}
	}

	/* The innermost thing that can be left. */
	escape(event) {
		const { target } = event;
		const menu = target.closest("details[open]");

		if (menu) {
			menu.open = false;
			menu.firstElementChild.focus();
		} else if (is_typing(target) && target.value) {
			target.value = "";
			target.dispatchEvent(new Event("input"));
		} else if (target.id === "find") {
			$("#lines").focus();
		} else if (target.id === "filter") {
			$("#sessions").focus();
		} else if (this.page.details.session) {
			this.page.back();
		}
	}
}
