/*
 * sse.js - server-sent events (WHATWG HTML, section 9.2.6), out of the chunks
 * of an answer as they come.  EventSource itself cannot send the token.
 */

/* Lines end with LF, CR or CR LF; a CR that ends a chunk may be half of one. */
const LINE = /\r\n|\n|\r(?!$)/;

export class EventParser {
	constructor(onEvent) {
		this.onEvent = onEvent;
		this.decoder = new TextDecoder();
		this.rest = "";
		this.begin();
	}

	begin() {
		this.name = "";
		this.data = [];
	}

	/* @chunk is a Uint8Array. */
	push(chunk) {
		const text = this.rest +
		    this.decoder.decode(chunk, { stream: true });
		const lines = text.split(LINE);

		this.rest = lines.pop();
		for (const line of lines)
			this.line(line);
	}

	line(line) {
		if (line === "") {
			if (this.data.length > 0)
				this.onEvent(this.name || "message",
				    this.data.join("\n"));
			this.begin();
			return;
		}
		const colon = line.indexOf(":");
		const field = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? "" :
		    line.slice(colon + 1).replace(/^ /, "");

		if (field === "event")
			this.name = value;
		else if (field === "data")
			this.data.push(value);
	}
}
