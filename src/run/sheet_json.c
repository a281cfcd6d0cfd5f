#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/outfile.h"
#include "net/writer_path.h"
#include "run/sheet.h"

/* The sheet for machines: the names are those of teeline-files(5). */

static json_t *
json_of(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
ends_json(const struct sheet *sh)
{
	json_t *ends = json_object();

	/* A failed set leaves NULL in the tree; dumping then fails. */
	for (int i = 0; i < HOW_NHOWS; i++)
		(void)json_object_set_new(
		    ends, event_how_name((enum how)i), json_of(sh->ended[i]));
	return ends;
}

/* Where nothing is put in order, only what was delivered is not zero. */
static json_t *
direction_json(const struct sheet *sh, enum dir d)
{
	const struct tally *t = &sh->tally;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "received", json_of(sh->received[d]), "delivered",
	    json_of(sh->bytes[d]), "duplicate",
	    json_of(t->payload[d].duplicate), "differing",
	    json_of(t->payload[d].differing), "late",
	    json_of(t->payload[d].late), "strays",
	    json_of(t->payload[d].strays), "held", json_of(t->payload[d].held),
	    "gap", json_of(sh->gap_bytes[d]), "undelivered",
	    json_of(sh->lost_bytes[d]));
}

static json_t *
packets_json(const struct sheet *sh)
{
	const struct tally *t = &sh->tally;
	json_t *undecodable;

	if (!sh->has_packets)
		return json_null();
	undecodable = json_object();
	for (size_t i = 0; i < t->nreasons; i++)
		(void)json_object_set_new(undecodable, t->undecodable[i].name,
		    json_of(t->undecodable[i].packets));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "received",
	    json_of(t->received), "sessions", json_of(t->sessions), "not_tcp",
	    json_of(t->not_tcp), "undecodable", undecodable, "fragments",
	    json_of(t->fragments), "strays", json_of(t->strays), "filtered",
	    json_of(t->filtered), "bad_checksums", json_of(t->bad_checksums));
}

static json_t *
kernel_json(const struct sheet *sh)
{
	const struct tally *t = &sh->tally;

	if (!t->has_kernel)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "received",
	    json_of(t->kernel_received), "dropped", json_of(t->kernel_dropped),
	    "interface_dropped", json_of(t->interface_dropped));
}

static json_t *
sink_json(const struct sheet_sink *s)
{
	json_t *dropped = json_object();
	json_t *one;

	for (int r = 0; r < DROP_NREASONS; r++) {
		if (!sheet_sink_has_drop(s, (enum drop_reason)r))
			continue;
		(void)json_object_set_new(dropped,
		    count_drop_name((enum drop_reason)r),
		    json_pack("{s:o, s:o, s:o}", "chunks",
			json_of(s->drop_chunks[r]), "bytes",
			json_of(s->drop_bytes[r]), "records",
			json_of(s->drop_records[r])));
	}
	one = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", s->name,
	    "kind", s->kind, "offered", json_of(s->offered), "written",
	    json_of(s->written), "queued", json_of(s->queued),
	    "missed_sessions", json_of(s->missed), "dropped", dropped);
	/* Only of sinks that compare. */
	if (s->equal > 0 || s->different > 0 || s->incomparable > 0)
		(void)json_object_set_new(one, "compared",
		    json_pack("{s:o, s:o, s:o}", "equal", json_of(s->equal),
			"different", json_of(s->different), "unknown",
			json_of(s->incomparable)));
	/* Only of sinks that send them one by one. */
	if (s->sent > 0 || s->failed_tries > 0)
		(void)json_object_set_new(one, "payloads",
		    json_pack("{s:o, s:o, s:o}", "sent", json_of(s->sent),
			"bytes", json_of(s->sent_bytes), "failed_tries",
			json_of(s->failed_tries)));
	return one;
}

/*
 * The most memory that was resident, in bytes.  The system's own count of a
 * process begins before exec, with what it was forked from: a large caller's
 * memory would be ours.  That of its address space does not, where it is told.
 */
static uint64_t
peak_resident(const struct rusage *ru)
{
	uint64_t kib = (uint64_t)ru->ru_maxrss;
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];

	if (f == NULL)
		return kib * 1024;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtoull(line + 6, NULL, 10);
	(void)fclose(f); /* it was only read */
	return kib * 1024;
}

static json_t *
process_json(void)
{
	struct rusage ru;
	uint64_t ns;

	if (getrusage(RUSAGE_SELF, &ru) != 0)
		return json_null();
	ns = ((uint64_t)ru.ru_utime.tv_sec + (uint64_t)ru.ru_stime.tv_sec) *
	     1000000000;
	ns += ((uint64_t)ru.ru_utime.tv_usec + (uint64_t)ru.ru_stime.tv_usec) *
	      1000;
	return json_pack("{s:o, s:o}", "cpu_ns", json_of(ns), "max_rss_bytes",
	    json_of(peak_resident(&ru)));
}

/* What was heard: by one input, or by all of them. */
static json_t *
heard_json(const struct sheet *sh)
{
	return json_pack("{s:o, s:o, s:{s:o, s:o}, s:{s:o, s:o, s:o}, s:o}",
	    "packets", packets_json(sh), "kernel", kernel_json(sh), "bytes",
	    "c2s", direction_json(sh, DIR_CLIENT), "s2c",
	    direction_json(sh, DIR_SERVER), "sessions", "total",
	    json_of(sh->sessions), "open", json_of(sh->open), "ends",
	    ends_json(sh), "conflicts", json_of(sh->conflicts));
}

/* @o with one more key; NULL, and both are released, without memory. */
static json_t *
with(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) == 0)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *
input_json(const struct sheet_input *in)
{
	json_t *one =
	    json_pack("{s:s, s:s}", "name", in->name, "source", in->source);
	json_t *heard = heard_json(&in->figures);

	if (json_object_update(one, heard) != 0) {
		json_decref(one);
		one = NULL;
	}
	json_decref(heard);
	return one;
}

static json_t *
inputs_json(const struct sheet *sh)
{
	json_t *inputs = json_array();

	for (size_t i = 0; i < sh->ninputs; i++) {
		if (json_array_append_new(inputs, input_json(&sh->inputs[i])) ==
		    0)
			continue;
		json_decref(inputs);
		return NULL;
	}
	return inputs;
}

static json_t *
sinks_json(const struct sheet *sh)
{
	json_t *sinks = json_array();

	for (size_t i = 0; i < sh->nsinks; i++) {
		if (json_array_append_new(sinks, sink_json(&sh->sinks[i])) == 0)
			continue;
		json_decref(sinks);
		return NULL;
	}
	return sinks;
}

json_t *
sheet_json(const struct sheet *sh)
{
	json_t *root = with(heard_json(sh), "inputs", inputs_json(sh));

	root = with(root, "sinks", sinks_json(sh));
	return with(root, "process", process_json());
}

static int
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int
sheet_write(const struct sheet *sh, const char *path, struct err *err)
{
	json_t *root = sheet_json(sh);
	char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	char *own = strdup(path);
	int fd, rc = -ENOMEM;

	json_decref(root);
	if (text == NULL || own == NULL)
		goto out;
	fd = writer_path_open(own, O_CREAT | O_TRUNC, 0600, OUTFILE_NAMED);
	if (fd < 0) {
		rc = fd;
		goto out;
	}
	rc = write_all(fd, text, strlen(text));
	if (rc == 0)
		rc = write_all(fd, "\n", 1);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
out:
	free(own);
	free(text);
	if (rc != 0)
		return err_set(
		    err, rc, "--stats %s: %s", path, outfile_why(rc));
	return 0;
}
