#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "personality/personality.h"
#include "personality/personality_netrecord.h"
#include "run/run.h"

static void
on_ready(const struct plan *p, const struct addr *listening, size_t n)
{
	(void)p;
	if (n > 0)
		log_print("Listening on port %" PRIu16 ".", listening[0].port);
}

/* The signal that ended the run; 0: none. */
static int stopped_by;

static void
on_stopping(const struct plan *p, int number)
{
	(void)p;
	stopped_by = number;
}

static int
make_plan(struct plan *p, char **argv, uint16_t server, uint16_t proxy)
{
	const struct personality_end client_end = {
		.how = ENDPOINT_LISTEN,
		.host = "*",
		.port = proxy,
	};
	const struct personality_end server_end = {
		.how = ENDPOINT_DIAL,
		.host = argv[1],
		.port = server,
	};
	const struct personality_sink log = {
		.kind = "netrecord",
		.arg = argv[4],
		.overwrite = true,
		.on_full = ON_FULL_PAUSE,
	};
	const struct personality_sink notes = {
		.kind = "netrecord-notes",
		.arg = "&2",
		.on_full = ON_FULL_DROP,
	};
	char label[ADDR_TEXT_MAX];
	int rc;

	(void)snprintf(label, sizeof(label), "%s:%s", argv[1], argv[2]);
	rc = personality_add_pair(p, &client_end, &server_end, label);
	if (rc == 0)
		rc = personality_add_sink(p, &log);
	if (rc == 0)
		rc = personality_add_sink(p, &notes);
	p->ready = on_ready;
	p->stopping = on_stopping;
	return rc;
}

/* A service name is read too, which the original's atoi(3) could not. */
static int
read_port(const char *text, uint16_t *port)
{
	if (endpoint_parse_port(text, port) == 0)
		return 0;
	log_print("Could not parse port '%s'", text);
	return -1;
}

int
personality_netrecord(int argc, char **argv)
{
	uint16_t server, proxy;
	struct err err = { "" };
	struct plan p;
	int status = RUN_FAIL;

	if (argc != 5) {
		log_print("Usage:");
		log_print("%s <server host> <server port> <proxy port> "
			  "<log file root>",
		    argv[0]);
		return RUN_FAIL;
	}
	if (read_port(argv[2], &server) != 0 || read_port(argv[3], &proxy) != 0)
		return RUN_FAIL;
	if (server == 0) {
		log_print("Could not parse port '%s'", argv[2]);
		return RUN_FAIL;
	}
	if (personality_relays(&p, &err) == 0 &&
	    make_plan(&p, argv, server, proxy) == 0)
		status = run_plan(&p);
	else
		log_error("out of memory");
	plan_done(&p);
	/* Remarks on connections were still under way when the signal came. */
	if (stopped_by == SIGINT)
		log_print("Shutting down.");
	/* Its own convention: whatever is wrong is 1. */
	return status == RUN_USAGE ? RUN_FAIL : status;
}
