#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "base/text.h"
#include "cli/interfaces.h"
#include "cli/print.h"
#include "run/run.h"
#include "source/capture.h"

#define NAME_WIDTH  16
#define STATE_WIDTH 16

/*
 * "eth0            up              192.0.2.7 2001:db8::7"
 *
 * Interfaces are called as whoever made them liked, a container or a device.
 */
static void
line_put(struct obuf *out, const struct capture_listed *l)
{
	struct obuf line = { .data = NULL };
	const char *what = l->addrs[0] != '\0' ? l->addrs : l->description;
	char state[48];

	(void)snprintf(state, sizeof(state), "%s%s%s", l->up ? "up" : "down",
	    l->loopback ? ", loopback" : "", l->wireless ? ", wireless" : "");
	obuf_printf(&line, "%-*s%s%-*s%s", NAME_WIDTH - 1, l->name, " ",
	    what[0] != '\0' ? STATE_WIDTH : 0, state, what);
	obuf_putc(&line, '\0');
	if (line.failed)
		out->failed = true;
	else
		text_escape_put(out, (const char *)line.data, TEXT_WORDS);
	obuf_putc(out, '\n');
	obuf_done(&line);
}

int
interfaces_put(struct obuf *out, struct err *err)
{
	struct capture_listed *list;
	size_t n;
	int rc = capture_list(&list, &n, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		line_put(out, &list[i]);
	free(list);
	return 0;
}

int
interfaces_print(void)
{
	struct obuf out = { .data = NULL };
	struct err err = { "" };

	if (interfaces_put(&out, &err) != 0) {
		log_error("%s", err.text);
		obuf_done(&out);
		return RUN_FAIL;
	}
	return print_out(&out);
}
