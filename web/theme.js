/*
 * theme.js - light or dark, before the first pixel; so it is no module, which
 * would wait for the page to be read.
 */
"use strict";

try {
	const theme = localStorage.getItem("teeline.theme");

	if (theme === "light" || theme === "dark")
		document.documentElement.dataset.theme = theme;
} catch {
	/* The browser's preference, then. */
}
