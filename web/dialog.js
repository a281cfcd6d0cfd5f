/*
 * dialog.js - questions, and short words at the edge of the page.
 */

import { $, h, say } from "./dom.js";

/* How long a word stays: enough to be read twice. */
const STAYS = 6000;

let timer = 0;

/* tell("Copied.") - seen for a while, and read by screen readers */
export function tell(text) {
	const toast = $("#toast");

	clearTimeout(timer);
	say(toast, text);
	toast.hidden = false;
	timer = setTimeout(() => {
		toast.hidden = true;
		say(toast, "");
	}, STAYS);
}

/* ask({ title, text, yes }) - true if the answer is yes */
export function ask({ title, text, yes }) {
	const dialog = $("#ask");

	say($("#ask-title"), title);
	say($("#ask-text"), text);
	say($("#ask-yes"), yes);
	dialog.returnValue = "";
	dialog.showModal();
	/* What cannot be undone is not what Enter does. */
	$("#ask-no").focus();
	return new Promise((resolve) => {
		dialog.addEventListener("close", () =>
			resolve(dialog.returnValue === "yes"), { once: true });
	});
}

/* Pages that do not come from here or by TLS have no clipboard of their own. */
export async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
		return;
	} catch {
		/* There is an older way. */
	}
	const area = h("textarea", { "aria-hidden": "true" });
	const before = document.activeElement;

	area.value = text;
	document.body.append(area);
	area.select();
	document.execCommand("copy");
	area.remove();
	before?.focus();
}
