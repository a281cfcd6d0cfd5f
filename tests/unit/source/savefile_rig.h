#ifndef SAVEFILE_RIG_H
#define SAVEFILE_RIG_H

#include "../core/fake_sink.h"
#include "../net/loopback.h"
#include "fake_dissect.h"

#include <sys/stat.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "core/fanout.h"
#include "core/tally.h"
#include "net/worker.h"
#include "source/savefile.h"
#include "wire/pcap.h"
#include "wire/pcapng.h"

/*
 * Capture files made by a test, and a source that reads them on a worker whose
 * loop the test turns itself.
 */

/* --- files ------------------------------------------------------------- */

/** struct folder - Where a test's files lie; they go away with it. */
struct folder {
	char path[64];
	char *names[8];
	size_t n;
};

static inline void
folder_init(struct folder *f)
{
	(void)snprintf(f->path, sizeof(f->path), "/tmp/test_savefile.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->n = 0;
}

static inline void
folder_done(struct folder *f)
{
	for (size_t i = 0; i < f->n; i++) {
		assert_int_equal(unlink(f->names[i]), 0);
		free(f->names[i]);
	}
	assert_int_equal(rmdir(f->path), 0);
}

static inline const char *
new_name(struct folder *f, const char *name)
{
	assert_true(f->n < ATTR_COUNT(f->names));
	assert_true(asprintf(&f->names[f->n], "%s/%s", f->path, name) > 0);
	return f->names[f->n++];
}

static inline const char *
add_file(struct folder *f, const char *name, const void *data, size_t len)
{
	const char *path = new_name(f, name);
	FILE *file = fopen(path, "wbx");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return path;
}

static inline const char *
add_obuf(struct folder *f, const char *name, struct obuf *o)
{
	const char *path = add_file(f, name, o->data, o->len);

	obuf_done(o);
	return path;
}

static inline struct frame
frame(uint64_t ts_ns, const char *data, size_t wire_len)
{
	return (struct frame){
		.ts_ns = ts_ns,
		.data = (const uint8_t *)data,
		.data_len = strlen(data),
		.wire_len = wire_len,
	};
}

static inline void
put_pcap(struct obuf *o, uint64_t first_ns, const char *const *packets)
{
	pcap_put_file(o, 1, 65535);
	for (size_t i = 0; packets[i] != NULL; i++) {
		struct frame f = frame(first_ns + i, packets[i], 60);

		pcap_put_packet(o, &f);
	}
}

static inline void
put_pcapng(struct obuf *o, uint64_t first_ns, const char *const *packets)
{
	pcapng_put_section(o, &(struct pcapng_section){ 0 });
	for (unsigned i = 0; i < 2; i++)
		pcapng_put_interface(o, &(struct pcapng_interface){
					    .linktype = (uint16_t)(101 + i),
					    .name = i == 0 ? "eth0" : "eth1",
					});
	for (uint32_t i = 0; packets[i] != NULL; i++) {
		struct frame f = frame(first_ns + i, packets[i], 60);

		pcapng_put_packet(o, i % 2, &f);
	}
}

/* --- a run ------------------------------------------------------------- */

/** struct rig - A worker whose loop the test turns, and a source on it. */
struct rig {
	struct fake fake;
	struct fanout *fan;
	struct worker *worker;
	struct source *src;
	struct savefile_opts o;
	struct source_numbers numbers;
	const char *paths[8];
	unsigned finished;
	unsigned stopped;
	struct obuf trouble;
};

static inline void
on_finished(void *self)
{
	struct rig *r = self;

	assert_int_equal(r->stopped, 0);
	r->finished++;
}

static inline void
on_stopped(void *self)
{
	struct rig *r = self;

	r->stopped++;
}

static inline void
on_trouble(void *self, const char *text)
{
	struct rig *r = self;

	obuf_printf(&r->trouble, "%s\n", text);
}

static inline void
rig_init(struct rig *r)
{
	struct sink *sinks[] = { &r->fake.sink };
	struct err err;

	memset(r, 0, sizeof(*r));
	fake_dissect_reset();
	clock_init();
	fake_init(&r->fake, NEED_MEMORY, ON_FULL_PAUSE);
	r->fan = fanout_new(sinks, 1, NULL, &err);
	r->worker = worker_new(0, &err);
	assert_non_null(r->fan);
	assert_non_null(r->worker);
	r->o.paths = r->paths;
	r->o.place = (struct source_place){ "files", &r->numbers };
	r->o.events = (struct source_events){
		.finished = on_finished,
		.stopped = on_stopped,
		.trouble = on_trouble,
		.self = r,
	};
}

static inline void
rig_start(struct rig *r)
{
	struct err err = { "" };
	int code = 0;

	r->src = savefile_new(&r->o, &code, &err);
	if (r->src == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(r->src->ops->name, "read");
	assert_true(r->src->ops->packets);
	assert_int_equal(
	    r->src->ops->attach(r->src, &r->worker, &r->fan, 1, &err), 0);
	r->src->ops->start(r->src);
}

static inline void
rig_wait(struct rig *r)
{
	LOOPBACK_STEP_UNTIL(r->worker, r->finished > 0);
}

static inline void
rig_stop(struct rig *r)
{
	r->src->ops->stop(r->src, 0);
	LOOPBACK_STEP_UNTIL(r->worker, r->stopped > 0);
	assert_int_equal(fake_dissect_stops, 1);
}

static inline void
rig_done(struct rig *r)
{
	worker_free(r->worker);
	r->src->ops->free(r->src);
	fanout_free(r->fan);
	obuf_done(&r->trouble);
	obuf_done(&fake_dissect_log);
}

static inline const char *
rig_trouble(struct rig *r)
{
	obuf_putc(&r->trouble, '\0');
	r->trouble.len--;
	return (const char *)r->trouble.data;
}

/* Read the paths there are; expect what @want and @trouble say. */
static inline void
rig_run(struct rig *r, const char *want, const char *trouble)
{
	for (r->o.npaths = 0; r->paths[r->o.npaths] != NULL;)
		r->o.npaths++;
	rig_start(r);
	rig_wait(r);
	assert_int_equal(r->finished, 1);
	assert_int_equal(r->stopped, 0);
	rig_stop(r);
	assert_int_equal(r->finished, 1);
	assert_string_equal(fake_dissect_text(), want);
	assert_string_equal(rig_trouble(r), trouble);
	assert_int_equal(r->src->ops->failed(r->src), trouble[0] != '\0');
}

/* Packets to make a file of. */
static const char *const two[] = { "ab", "cde", NULL };

#endif /* SAVEFILE_RIG_H */
