#ifndef SINK_RIG_H
#define SINK_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/fanout.h"
#include "core/session.h"
#include "core/sink_spec.h"

/*
 * A sink in a folder of its own, with sessions that it watches, and what it
 * left in the folder.
 */
struct rig {
	char dir[64];
	struct sink_env env;
	struct sink_spec spec;
	struct sink sink;
	struct fanout *fan;
	struct sink_count count; /* as they were at the end */
};

static inline void
rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->env.source = "proxy";
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/teeline-sink-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
}

static inline int
rig_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void
rig_done(struct rig *r)
{
	/* Those were lent by rig_try(). */
	r->spec.kind = NULL;
	r->spec.arg = NULL;
	sink_spec_done(&r->spec);
	assert_int_equal(nftw(r->dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Make the sink; @arg lies in the folder unless it is a console. */
static inline int
rig_try(struct rig *r,
    int (*make)(struct sink *sink, const struct sink_spec *spec,
	const struct sink_env *env, struct err *err),
    const char *kind, const char *arg, struct err *err)
{
	char kind_text[32], arg_text[256];
	int rc;

	(void)snprintf(kind_text, sizeof(kind_text), "%s", kind);
	if (arg[0] == '\0' || arg[0] == '-' || arg[0] == '&')
		(void)snprintf(arg_text, sizeof(arg_text), "%s", arg);
	else
		(void)snprintf(
		    arg_text, sizeof(arg_text), "%s/%s", r->dir, arg);
	r->spec.kind = kind_text;
	r->spec.arg = arg_text;
	r->sink = (struct sink){ .name = kind_text, .queue = 1 << 20 };
	r->sink.on_full = r->spec.has_on_full ? r->spec.on_full : ON_FULL_PAUSE;
	err->text[0] = '\0';
	rc = make(&r->sink, &r->spec, &r->env, err);
	r->sink.name = NULL;
	return rc;
}

static inline void
rig_make(struct rig *r,
    int (*make)(struct sink *sink, const struct sink_spec *spec,
	const struct sink_env *env, struct err *err),
    const char *kind, const char *arg)
{
	struct sink *list = &r->sink;
	struct err err;

	if (rig_try(r, make, kind, arg, &err) != 0)
		fail_msg("%s", err.text);
	r->fan = fanout_new(&list, 1, NULL, &err);
	assert_non_null(r->fan);
}

/* Everything is written, and everything freed. */
static inline void
rig_finish(struct rig *r)
{
	assert_int_equal(
	    r->sink.ops->drain(&r->sink, clock_mono_ns() + 20 * CLOCK_NS_PER_S),
	    0);
	r->count = fanout_lane(r->fan, 0)->count;
	fanout_free(r->fan);
	r->fan = NULL;
	r->sink.ops->free(&r->sink);
}

static inline void
rig_address(struct addr *a, const char *ip, uint16_t port)
{
	assert_int_equal(addr_parse_ip(a, ip), 0);
	a->port = port;
}

/* A session as a proxy makes them, not open yet; to be freed. */
static inline struct session *
rig_session(struct rig *r, uint64_t id)
{
	struct {
		struct session s;
		struct session_more more;
	} *whole = malloc(sizeof(*whole));
	void *slots = calloc(1, fanout_session_size(r->fan));
	struct session *s = &whole->s;

	assert_non_null(whole);
	assert_non_null(slots);
	session_init(s, r->fan, slots);
	session_use_more(s, &whole->more);
	s->id = id;
	s->source = "proxy";
	s->open_ns = 1795249800123456789ULL; /* 2026-11-21T08:30:00.123 */
	rig_address(&s->client, "127.0.0.1", (uint16_t)(40000 + id));
	rig_address(&s->more->listen, "127.0.0.1", 8081);
	rig_address(&s->more->local, "10.44.2.21", 26311);
	rig_address(&s->server, "192.246.40.185", 21);
	s->more->target = "ftp.example.com:21";
	return s;
}

static inline struct session *
rig_open(struct rig *r, uint64_t id)
{
	struct session *s = rig_session(r, id);

	session_open(s);
	return s;
}

static inline void
rig_say(struct session *s, enum dir dir, const char *text)
{
	struct chunk c = {
		.dir = dir,
		.off = s->off[dir],
		.ts_ns = s->open_ns,
		.data = (const uint8_t *)text,
		.len = strlen(text),
	};

	session_data(s, &c);
}

static inline void
rig_lose(struct session *s, enum dir dir, uint64_t len)
{
	struct gap g = { dir, s->off[dir], s->open_ns, len, GAP_LOST };

	session_gap(s, &g);
}

static inline void
rig_close(struct session *s, enum how how)
{
	session_close(s, s->open_ns, how, PARTY_CLIENT);
	free(s->slots);
	free(s);
}

/* All of a file, its length, and a NUL; NULL when there is none. */
static inline char *
rig_read(const struct rig *r, const char *name, size_t *len)
{
	char path[512], *text;
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &st), 0);
	*len = (size_t)st.st_size;
	text = calloc(1, *len + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, *len), (ssize_t)*len);
	(void)close(fd);
	return text;
}

static inline void
rig_assert_bytes(
    const struct rig *r, const char *name, const char *want, size_t len)
{
	size_t got_len = 0;
	char *got = rig_read(r, name, &got_len);

	if (got == NULL) {
		fail_msg("%s does not exist", name);
		return;
	}
	if (got_len != len || memcmp(got, want, len) != 0)
		fail_msg("%s is (%zu bytes)\n%s\nnot (%zu bytes)\n%s", name,
		    got_len, got, len, want);
	free(got);
}

static inline void
rig_assert_file(const struct rig *r, const char *name, const char *want)
{
	rig_assert_bytes(r, name, want, strlen(want));
}

static inline void
rig_assert_holds(const struct rig *r, const char *name, const char *part)
{
	size_t len = 0;
	char *got = rig_read(r, name, &len);

	if (got == NULL) {
		fail_msg("%s does not exist", name);
		return;
	}
	if (strstr(got, part) == NULL)
		fail_msg("%s does not hold \"%s\":\n%s", name, part, got);
	free(got);
}

/* ON_FULL_CLOSE struck: the sink lets go of a session that goes on. */
static inline void
rig_abort(struct rig *r, struct session *s)
{
	struct sink_lane lane = *fanout_lane(r->fan, 0);

	r->sink.ops->abort(&lane, (char *)s->slots + lane.slot_off, s);
	s->active = 0;
}

/* How many files the folder (not those below it) holds. */
static inline unsigned
rig_nfiles(const struct rig *r, const char *below)
{
	char path[512];
	unsigned n = 0;
	glob_t g;

	(void)snprintf(path, sizeof(path), "%s/%s/*", r->dir, below);
	if (glob(path, 0, NULL, &g) != 0)
		return 0;
	n = (unsigned)g.gl_pathc;
	globfree(&g);
	return n;
}

static inline void
rig_put(const struct rig *r, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#endif /* SINK_RIG_H */
