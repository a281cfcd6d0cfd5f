#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "base/text.h"
#include "config/nearest.h"
#include "config/plan.h"
#include "personality/golog.h"
#include "personality/personality.h"
#include "personality/personality_teecp.h"
#include "personality/teecp_args.h"
#include "personality/teecp_stats.h"
#include "run/run.h"
#include "source/capture.h"

/* As often, and as long, as the original. */
#define STATS_MS   10000
#define SILENCE_NS (30 * (60 * CLOCK_NS_PER_S))

/** struct teecp - A run of it. */
struct teecp {
	struct teecp_args args;
	struct teecp_stats stats;
};

/* --- which interface --------------------------------------------------- */

static int
take_first(struct plan *p, const struct capture_listed *list, size_t n,
    struct err *err)
{
	size_t i = 0;

	while (i < n && !list[i].first)
		i++;
	if (i == n)
		return err_set(
		    err, -ENODEV, "there is no interface to capture from");
	p->sources[0].capture.iface = strdup(list[i].name);
	return p->sources[0].capture.iface != NULL
		   ? 0
		   : err_set(err, -ENOMEM, "out of memory");
}

/* "lo0" is the loopback of other systems, and what examples have. */
static int
check_name(const char *name, const struct capture_listed *list, size_t n,
    struct err *err)
{
	struct nearest near;

	nearest_init(&near, name);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, name) == 0)
			return 0;
		nearest_offer(&near, list[i].name);
	}
	if (nearest_word(&near) == NULL)
		return 0;
	return err_set(err, -ENODEV,
	    "--device: there is no interface '%.64s' to capture from (did you "
	    "mean %s?)",
	    name, nearest_word(&near));
}

static int
settle_device(struct plan *p, struct err *err)
{
	struct capture_listed *list = NULL;
	size_t n = 0;
	int rc = capture_list(&list, &n, err);

	if (rc != 0)
		return rc;
	rc = p->sources[0].capture.iface == NULL
		 ? take_first(p, list, n, err)
		 : check_name(p->sources[0].capture.iface, list, n, err);
	free(list);
	return rc;
}

/* --- what it tells ----------------------------------------------------- */

static void
pair_put(struct obuf *out, const char *name, const char *value)
{
	obuf_printf(out, ",\"%s\":", name);
	text_json_put(out, value);
}

static void
flag_put(struct obuf *out, const char *name, bool value)
{
	obuf_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

/* As the original begins, less what has no meaning here. */
static void
on_ready(const struct plan *p, const struct addr *listening, size_t n)
{
	const struct teecp_args *a = &((const struct teecp *)p->self)->args;
	const char *filter = p->sources[0].capture.filter;
	struct obuf out = { .data = NULL };

	(void)listening;
	(void)n;
	obuf_puts(&out, "config {\"Device\":");
	text_json_put(&out, p->sources[0].capture.iface);
	pair_put(&out, "BpfFilter", filter != NULL ? filter : "");
	pair_put(&out, "Output", a->output);
	pair_put(&out, "Layers", sink_spec_get(&p->sinks[0], "layers"));
	obuf_printf(
	    &out, ",\"MaxPacketSize\":%" PRIu32, p->sources[0].capture.snaplen);
	flag_put(&out, "StatsPrinter", a->stats);
	flag_put(&out, "StatsHealthCheck", a->health);
	flag_put(&out, "Verbose", a->verbose);
	flag_put(&out, "PrefixHeader", a->prefix);
	obuf_puts(&out, "}");
	obuf_putc(&out, '\0');
	if (!out.failed)
		golog_line((const char *)out.data);
	obuf_done(&out);
	golog_ready();
	log_info("start listening at %s", p->sources[0].capture.iface);
}

static int
on_watch(const struct plan *p, const struct sheet *sh)
{
	struct teecp *t = p->self;

	return teecp_stats_tell(&t->stats, sh, clock_mono_ns());
}

/* --- the run ----------------------------------------------------------- */

static int
make_plan(struct plan *p, struct teecp *t, struct err *err)
{
	const struct teecp_stats_opts stats = {
		.print = t->args.stats,
		.health = t->args.health,
		.silence_ns = SILENCE_NS,
		.say = golog_line,
	};
	int rc = teecp_args_plan(&t->args, p, err);

	if (rc == 0)
		rc = settle_device(p, err);
	if (rc != 0)
		return rc;
	teecp_stats_init(&t->stats, &stats, clock_mono_ns());
	p->self = t;
	p->ready = on_ready;
	if (t->args.stats || t->args.health) {
		p->watch = on_watch;
		p->watch_ms = STATS_MS;
	}
	return 0;
}

int
personality_teecp(int argc, char **argv)
{
	struct teecp t = { .args = { .device = NULL } };
	struct err err = { "" };
	struct plan p;
	int status = RUN_FAIL;

	teecp_args_init(&t.args);
	if (!personality_flags(
		teecp_args_options(), &argc, argv, &t.args, &status))
		return status;
	golog_start("failed to start: ");
	log_init("teecp", t.args.verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN);
	if (argc > 1)
		log_warn("\"%.64s\" and what follows it is ignored: flags are "
			 "written --name=value",
		    argv[1]);
	if (personality_taps(&p, &err) == 0 && make_plan(&p, &t, &err) == 0)
		status = run_plan(&p);
	else
		log_error("%s", err.text);
	plan_done(&p);
	/* Its own convention: whatever fails later than a flag is 1. */
	return status == RUN_USAGE ? RUN_FAIL : status;
}
