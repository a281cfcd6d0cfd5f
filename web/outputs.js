/*
 * outputs.js - where everything goes, and what each output lost on the way.
 */

import { call } from "./api.js";
import { ask, tell } from "./dialog.js";
import { $, h, put } from "./dom.js";
import { bytes, exactly, plural } from "./format.js";

/* Reasons why a sink got less than it was offered. */
const REASONS = {
	queue_full: "queue full", no_consumer: "no consumer",
	startup_full: "start-up buffer full", closing: "closing",
	write_error: "write error", gone: "consumer gone",
};

function figure(n) {
	return h("td", { class: "num", title: exactly(n) }, bytes(n));
}

/* [["queue full", { chunks, bytes, records }], ...] that are not nothing */
function losses(output) {
	return Object.entries(output.dropped ?? {})
		.filter(([, lost]) => lost.bytes > 0 || lost.chunks > 0 ||
			lost.records > 0)
		.map(([reason, lost]) => [REASONS[reason] ?? reason, lost]);
}

function lost_cell(output) {
	const all = losses(output);
	const cell = h("td", { class: "lost" });

	if (output.missed_sessions > 0)
		cell.append(h("div", null,
		    `${plural(output.missed_sessions, "session")} missed`));
	for (const [reason, lost] of all)
		cell.append(h("div", { title: exactly(lost.bytes) },
		    `${bytes(lost.bytes)} ${reason}` + (lost.records > 0 ?
			`, ${plural(lost.records, "record")}` : "")));
	if (cell.childElementCount === 0)
		put(cell, h("span", { class: "none" }, "nothing"));
	return cell;
}

export class Outputs {
	constructor() {
		this.shown = "";
		this.inputs = [];
		$("#add-output").addEventListener("submit", (e) => {
			e.preventDefault();
			this.add();
		});
	}

	/* Their names; a choice is there only where there is one. */
	inputs_set(names) {
		this.inputs = names;
		$("#output-inputs").hidden = names.length < 2;
		put($("#output-inputs"), "It hears",
		    ...names.flatMap((name) => ["\u2002", h("label", null,
			h("input", { type: "checkbox", value: name,
				checked: true }), name)]));
		this.shown = "";
	}

	/* As keys of an output; null: it would hear nothing. */
	inputs_chosen() {
		const chosen = [...$("#output-inputs")
			.querySelectorAll("input:checked")];

		if (this.inputs.length < 2 ||
		    chosen.length === this.inputs.length)
			return "";
		return chosen.length === 0 ? null :
		    chosen.map((box) => `,input=${box.value}`).join("");
	}

	async refresh() {
		try {
			this.show((await call("GET", "/outputs")).outputs);
		} catch (problem) {
			this.failed(problem);
		}
	}

	failed(problem) {
		/* The page itself says when nobody answers. */
		if (problem.status !== 0)
			tell(`Outputs: ${problem.message}`);
	}

	show(outputs) {
		const told = JSON.stringify(outputs);

		if (told === this.shown)
			return;
		this.shown = told;
		const at = document.activeElement?.dataset?.key;

		put($("#outputs-body"), ...outputs.map((o) => this.row(o)));
		$("#outputs-none").hidden = outputs.length > 0;
		/* Rows were made anew: who was on a button still is. */
		if (at)
			$(`#outputs-body [data-key="${CSS.escape(at)}"]`)
				?.focus();
	}

	row(output) {
		const act = (word, f) => h("button", { type: "button",
			"aria-label": `${word} ${output.name}`,
			"data-key": `${word} ${output.name}`,
			onclick: () => f.call(this, output) }, word);

		return h("tr", null,
		    h("th", { scope: "row" }, output.name),
		    h("td", { class: "text" }, output.text ?? output.kind,
			this.inputs.length > 1 ? h("small", null,
				` hears ${output.inputs.join(", ")}`) : null),
		    h("td", null, output.state ?? ""),
		    figure(output.offered), figure(output.written),
		    figure(output.queued), lost_cell(output),
		    h("td", { class: "acts" }, act("Rotate", this.rotate),
			act("Remove", this.remove)));
	}

	refused(why) {
		put($("#add-problem"), why);
		$("#add-problem").hidden = false;
	}

	async add() {
		const field = $("#output-text");
		const button = $("#add-output button");
		const inputs = this.inputs_chosen();

		$("#add-problem").hidden = true;
		if (inputs === null) {
			this.refused("It has to hear at least one input.");
			$("#output-inputs input").focus();
			return;
		}
		button.disabled = true;
		try {
			const added = await call("POST", "/outputs",
			    { body: { output: field.value.trim() + inputs } });

			field.value = "";
			tell(`“${added.name}” hears the sessions that open ` +
			    "from now on.");
			this.refresh();
		} catch (problem) {
			this.refused(problem.message);
			field.focus();
		} finally {
			button.disabled = false;
		}
	}

	async rotate({ name }) {
		await this.act("POST", `/outputs/${encodeURIComponent(name)}` +
		    "/rotate", `“${name}” begins new files.`,
		    `“${name}” was not rotated`);
	}

	async remove({ name, text, kind }) {
		const yes = await ask({
			title: `Remove output “${name}”?`,
			text: `${text ?? kind} gets what is still queued, ` +
			    "then nothing more. What it has written stays.",
			yes: "Remove",
		});

		if (yes)
			await this.act("DELETE",
			    `/outputs/${encodeURIComponent(name)}`,
			    `“${name}” is removed.`,
			    `“${name}” was not removed`);
	}

	async act(method, path, done, failed) {
		try {
			await call(method, path);
			tell(done);
		} catch (problem) {
			tell(`${failed}: ${problem.message}`);
		}
		this.refresh();
	}
}
