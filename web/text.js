/*
 * text.js - bytes as text that cannot lie: what is no character, or one that
 * nobody sees, is spelled out and marked as such.
 *
 * The rules are those of the program's own text format: UTF-8 stands, C0, C1,
 * bidirectional and other invisible characters, the backslash and bytes that
 * are no UTF-8 do not.
 */

const LF = 0x0a;
const HEX = Array.from({ length: 256 },
    (_, i) => i.toString(16).padStart(2, "0"));

/* Names that everybody knows.  (Few fonts have control pictures.) */
const NAMED = new Map([[0x09, "\\t"], [LF, "\\n"], [0x0d, "\\r"],
	[0x5c, "\\\\"]]);

/* Controls, formats (bidi, joiners), separators, what is not assigned. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/u;
/* Characters two columns wide, for the most part. */
const WIDE = new RegExp("[\\u1100-\\u115f\\u2e80-\\ua4cf\\uac00-\\ud7a3" +
    "\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6" +
    "\\u{1f300}-\\u{1faff}\\u{20000}-\\u{3fffd}]", "u");

export function hex(byte) {
	return HEX[byte];
}

/* Bytes that a sequence that begins so has; 0: nothing begins so. */
function announced(lead) {
	return lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) === 0xe0 ? 3 :
	    lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* The code point at @i and its length; null: no UTF-8 (RFC 3629). */
function sequence(data, i, end) {
	const n = announced(data[i]);
	const least = [0, 0, 0x80, 0x800, 0x10000][n];
	let point = data[i] & (0xff >> (n + 1));

	if (n === 0 || i + n > end)
		return null;
	for (let k = 1; k < n; k++) {
		if ((data[i + k] & 0xc0) !== 0x80)
			return null;
		point = (point << 6) | (data[i + k] & 0x3f);
	}
	if (point < least || point > 0x10ffff ||
	    (point >= 0xd800 && point <= 0xdfff))
		return null;
	return { point, n };
}

/*
 * What stands for the byte or character at @i: its @text, how many bytes @n it
 * is, how many columns it takes, and whether it @is_spelled out.
 */
function glyph(data, i, end) {
	const byte = data[i];
	const named = NAMED.get(byte);
	let text;

	if (named !== undefined)
		return { text: named, n: 1, columns: named.length,
			is_spelled: true };
	if (byte >= 0x20 && byte < 0x7f)
		return { text: String.fromCharCode(byte), n: 1, columns: 1,
			is_spelled: false };
	const found = sequence(data, i, end);

	if (found === null || byte < 0x80) {
		text = `\\x${HEX[byte]}`;
		return { text, n: 1, columns: text.length, is_spelled: true };
	}
	text = String.fromCodePoint(found.point);
	if (!UNSEEN.test(text))
		return { text, n: found.n, columns: WIDE.test(text) ? 2 : 1,
			is_spelled: false };
	text = `\\u{${found.point.toString(16)}}`;
	return { text, n: found.n, columns: text.length, is_spelled: true };
}

/*
 * text_lines() - Where lines of at most @columns end
 *
 * A line ends after a LF or where it is full; @each(start, end) is called for
 * every one of them.
 */
export function text_lines(data, columns, each) {
	const end = data.length;
	let start = 0;
	let used = 0;

	for (let i = 0; i < end;) {
		const byte = data[i];
		let n = 1;
		let wide = 1;

		if (byte < 0x20 || byte >= 0x7f || byte === 0x5c)
			({ n, columns: wide } = glyph(data, i, end));
		if (used + wide > columns && used > 0 && byte !== LF) {
			each(start, i);
			start = i;
			used = 0;
		}
		used += wide;
		i += n;
		if (byte === LF) {
			each(start, i);
			start = i;
			used = 0;
		}
	}
	if (start < end)
		each(start, end);
}

/*
 * text_runs() - The characters of data[start, end) as runs of one kind
 *
 * @each(text, is_spelled, from, to): bytes from ... to - 1.
 */
export function text_runs(data, start, end, each) {
	let text = "";
	let spelled = false;
	let from = start;
	let i = start;

	while (i < end) {
		const g = glyph(data, i, end);

		if (g.is_spelled !== spelled && text !== "") {
			each(text, spelled, from, i);
			text = "";
			from = i;
		}
		spelled = g.is_spelled;
		text += g.text;
		i += g.n;
	}
	if (text !== "")
		each(text, spelled, from, i);
}

/* Bytes at the end that are the beginning of a character. */
export function text_unfinished(data) {
	const end = data.length;

	for (let back = 1; back <= Math.min(3, end); back++) {
		const byte = data[end - back];

		if ((byte & 0xc0) === 0x80)
			continue;
		return announced(byte) > back ? back : 0;
	}
	return 0;
}

/* Bytes as hexdump -C has them beside the digits. */
export function hex_side(data, start, end) {
	let out = "";

	for (let i = start; i < end; i++)
		out += data[i] >= 0x20 && data[i] < 0x7f ?
		    String.fromCharCode(data[i]) : ".";
	return out;
}
