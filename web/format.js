/*
 * format.js - figures and times, as people read them.
 */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const WHOLE = new Intl.NumberFormat("en-US");

/* 2896 -> "2,896" */
export function whole(n) {
	return WHOLE.format(n);
}

/* 2896 -> "2.8 KiB" */
export function bytes(n) {
	let unit = 0;

	while (n >= 1000 && unit < UNITS.length - 1) {
		n /= 1024;
		unit++;
	}
	if (unit === 0)
		return `${Math.round(n)} B`;
	return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${UNITS[unit]}`;
}

/* Exact, for where there is room: 2896 -> "2,896 bytes" */
export function exactly(n) {
	return n === 1 ? "1 byte" : `${whole(n)} bytes`;
}

/* Bytes per second; nothing where there are none. */
export function rate(n) {
	return n > 0 ? `${bytes(n)}/s` : "";
}

/* Milliseconds -> "850 ms", "16.6 s", "4:07", "2:04:07", "3 d 04 h" */
export function duration(ms) {
	const s = Math.floor(ms / 1000);
	const two = (n) => String(n).padStart(2, "0");

	if (ms < 1000)
		return `${Math.max(0, Math.round(ms))} ms`;
	if (s < 60)
		return `${(ms / 1000).toFixed(1)} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)}:${two(s % 60)}`;
	if (s < 86400)
		return `${Math.floor(s / 3600)}:` +
		    `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
	return `${whole(Math.floor(s / 86400))} d ` +
	    `${two(Math.floor(s / 3600) % 24)} h`;
}

/* The same without what changes ten times a second: for what goes on. */
export function age(ms) {
	if (ms < 60000)
		return `${Math.max(0, Math.floor(ms / 1000))} s`;
	return duration(ms);
}

/* "2026-11-21T08:30:00.123456789Z" -> milliseconds since 1970 */
export function instant(stamp) {
	return Date.parse(stamp.slice(0, 23).replace(/Z?$/, "Z"));
}

/* The same -> "09:30:00.123", where the reader is */
export function clock(stamp) {
	const t = new Date(instant(stamp));
	const part = (n, width) => String(n).padStart(width, "0");

	return `${part(t.getHours(), 2)}:${part(t.getMinutes(), 2)}:` +
	    `${part(t.getSeconds(), 2)}.${part(t.getMilliseconds(), 3)}`;
}

/* plural(2, "session") -> "2 sessions" */
export function plural(n, noun) {
	return `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;
}
