/*
 * dom.js - making elements.  Whatever came from a network becomes a text node,
 * never markup: nothing in this page assigns innerHTML.
 */

/* $("#id") */
export function $(selector, root = document) {
	return root.querySelector(selector);
}

/*
 * h("td", { class: "num", title: "...", onclick: f }, child, ...) - an element
 *
 * Functions become listeners, true and false an attribute that is there or
 * not; children are nodes or text, and null is none.
 */
export function h(tag, attributes, ...children) {
	const el = document.createElement(tag);

	for (const [key, value] of Object.entries(attributes ?? {})) {
		if (typeof value === "function")
			el.addEventListener(key.slice(2), value);
		else if (value === true)
			el.setAttribute(key, "");
		else if (value !== false && value != null)
			el.setAttribute(key, value);
	}
	put(el, ...children);
	return el;
}

/* Replaces what is in @el. */
export function put(el, ...children) {
	el.replaceChildren(...children.filter((child) => child != null));
}

/* Sets the text only where it changes: an equal one would be laid out anew. */
export function say(el, text) {
	if (el.textContent !== text)
		el.textContent = text;
}

/* Sets an attribute only where it changes; null removes it. */
export function mark(el, name, value) {
	if (value == null)
		el.removeAttribute(name);
	else if (el.getAttribute(name) !== String(value))
		el.setAttribute(name, value);
}

/* once(f) - a function that has @f run in the next frame, once */
export function once(f) {
	let asked = false;

	return () => {
		if (asked)
			return;
		asked = true;
		requestAnimationFrame(() => {
			asked = false;
			f();
		});
	};
}

/* What the browser keeps for us, if its user lets it. */
export const memory = {
	read(key, fallback, storage = "localStorage") {
		try {
			return window[storage].getItem("teeline." + key) ??
			    fallback;
		} catch {
			return fallback;
		}
	},
	write(key, value, storage = "localStorage") {
		try {
			window[storage].setItem("teeline." + key, value);
		} catch {
			/* Then it is known as long as the page stays. */
		}
	},
	remove(key, storage = "localStorage") {
		try {
			window[storage].removeItem("teeline." + key);
		} catch {
			/* It was never written. */
		}
	},
};
