/*
 * canvas.js - colours for what is drawn, out of the style sheet; sparklines.
 */

const cache = new Map();

/* colour("c2s") - what var(--c2s) is now */
export function colour(name) {
	let value = cache.get(name);

	if (value === undefined) {
		const probe = document.createElement("i");

		probe.style.color = `var(--${name})`;
		document.body.append(probe);
		value = getComputedStyle(probe).color;
		probe.remove();
		cache.set(name, value);
	}
	return value;
}

/* Another theme: ask again. */
export function colours_forget() {
	cache.clear();
}

/* Half of the height is each direction's; a root keeps small rates visible. */
function bars(context, values, top, style, { width, half, step }) {
	context.fillStyle = style;
	values.forEach((value, i) => {
		if (value <= 0)
			return;
		const tall = Math.max(1, Math.sqrt(value / top) * (half - 1));
		const x = width - (values.length - i) * step;

		context.fillRect(x, half - tall,
		    Math.max(1, step - 0.5), tall);
	});
}

/*
 * spark_draw() - What the client said upwards, the server's answers downwards
 *
 * @spark is that of the store, or null.
 */
export function spark_draw(canvas, spark) {
	const scale = window.devicePixelRatio || 1;
	const width = canvas.clientWidth;
	const height = canvas.clientHeight;
	const half = height / 2;

	if (width === 0)
		return;
	canvas.width = Math.round(width * scale);
	canvas.height = Math.round(height * scale);
	if (spark === null)
		return;
	const context = canvas.getContext("2d");
	const shape = { width, half, step: width / spark.c2s.length };
	const top = Math.max(1, ...spark.c2s, ...spark.s2c);

	context.scale(scale, scale);
	bars(context, spark.c2s, top, colour("c2s"), shape);
	context.translate(0, height);
	context.scale(1, -1);
	bars(context, spark.s2c, top, colour("s2c"), shape);
}
