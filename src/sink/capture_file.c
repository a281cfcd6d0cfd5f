#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

#include "core/count.h"
#include "core/dir.h"
#include "core/news.h"
#include "core/sink_spec.h"

#include "net/writer.h"

#include "sink/capture_file.h"
#include "sink/capture_head.h"
#include "sink/streams.h"
#include "sink/template.h"

#include "wire/pcap.h"
#include "wire/pcapng.h"

/* What a pcap file without any packet says it would have held. */
#define LINKTYPE_ETHERNET 1

/* Sessions and captures rarely know more than one interface. */
#define FIRST_IFACES 1

/* --- heads ------------------------------------------------------------- */

/*
 * What a file has to say before the first packet of an interface.  A pcap file
 * may be joined by interfaces that cut off later than its first one.
 */
static void
put_iface(const struct capture_files *files, struct obuf *out,
    const struct packet_iface *iface)
{
	uint32_t snaplen = iface->snaplen;

	if (files->pcapng) {
		capture_head_iface(out, iface);
		return;
	}
	if (snaplen < PCAPNG_SNAPLEN)
		snaplen = PCAPNG_SNAPLEN;
	pcap_put_file(out, iface->linktype, snaplen);
}

/* The head of the file for all sessions, as far as it is known now. */
static void
put_head(const struct capture_files *files, struct obuf *out)
{
	size_t n = files->pcapng ? files->nknown : files->nknown > 0;

	obuf_put(out, files->section.data, files->section.len);
	for (size_t i = 0; i < n; i++)
		put_iface(files, out, &files->known[i]);
}

/* --- interfaces -------------------------------------------------------- */

/* Makes @f->iface[@number] be there. */
static int
make_room(struct capture_file *f, uint32_t number)
{
	uint32_t cap = f->cap == 0 ? FIRST_IFACES : f->cap;
	struct capture_iface *iface;

	while (cap <= number)
		cap *= 2;
	if (cap > f->cap) {
		iface = realloc(f->iface, cap * sizeof(*iface));
		if (iface == NULL)
			return -ENOMEM;
		f->iface = iface;
		f->cap = cap;
	}
	for (; f->n <= number; f->n++)
		f->iface[f->n] = (struct capture_iface){ .known = false };
	return 0;
}

/* There is room. */
static void
add_iface(struct capture_file *f, uint32_t number, uint32_t id)
{
	f->last = number;
	f->iface[number].known = true;
	f->iface[number].id = id;
}

static bool
is_iface(const struct capture_iface *i, uint32_t id)
{
	return i->known && i->id == id;
}

static bool
find_iface(struct capture_file *f, uint32_t id)
{
	/* Packets of one interface come in runs. */
	if (f->n > 0 && is_iface(&f->iface[f->last], id))
		return true;
	for (uint32_t i = 0; i < f->n; i++) {
		if (is_iface(&f->iface[i], id)) {
			f->last = i;
			return true;
		}
	}
	return false;
}

/* A pcap file of @linktype cannot hold packets of @iface. */
static int
refuse(struct capture_files *files, int32_t linktype,
    const struct packet_iface *iface)
{
	char text[160];

	if (!atomic_exchange(&files->told, true)) {
		(void)snprintf(text, sizeof(text),
		    "packets of link type %u are left out: a pcap file holds "
		    "those of one (here %d); pcapng holds all",
		    iface->linktype, (int)linktype);
		recorder_tell(&files->rec, text);
	}
	return -EMEDIUMTYPE;
}

static int
describe(const struct capture_files *files, struct writer_port *port,
    struct capture_file *f, const struct packet_iface *iface)
{
	struct obuf head = { 0 };
	int rc;

	put_iface(files, &head, iface);
	rc = head.failed ? -ENOMEM
			 : writer_head(port, f->file, head.data, head.len);
	obuf_done(&head);
	return rc;
}

/*
 * A file says what its packets are before the first of them: pcapng for each
 * interface, pcap once, for all of one link type.
 */
static int
introduce(struct capture_files *files, struct writer_port *port,
    struct capture_file *f, const struct packet_iface *iface, int32_t *linktype)
{
	int rc = 0;

	if (!files->pcapng && *linktype != CAPTURE_FILE_NO_LINKTYPE &&
	    *linktype != iface->linktype)
		return refuse(files, *linktype, iface);
	if (files->pcapng || *linktype == CAPTURE_FILE_NO_LINKTYPE)
		rc = describe(files, port, f, iface);
	if (rc == 0)
		*linktype = iface->linktype;
	return rc;
}

/* Under the lock. */
static int
number_shared(struct capture_files *files, struct writer_port *port,
    struct capture_file *f, const struct packet_iface *iface, uint32_t *number)
{
	uint32_t *more;
	int rc;

	for (*number = 0; *number < files->nids; ++*number)
		if (files->ids[*number] == iface->id)
			return 0;
	more = realloc(files->ids, (files->nids + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	files->ids = more;
	rc = introduce(files, port, f, iface, &files->linktype);
	if (rc != 0)
		return rc;
	more[files->nids++] = iface->id;
	/* Batches are written in the order in which they are handed over. */
	writer_flush(port);
	return 0;
}

int
capture_file_iface(struct capture_files *files, struct writer_port *port,
    struct capture_file *f, const struct packet_iface *iface, uint32_t *number)
{
	uint32_t new = f->n;
	int rc;

	if (find_iface(f, iface->id)) {
		*number = f->last;
		return 0;
	}
	if (f->file == files->shared) {
		(void)pthread_mutex_lock(&files->lock);
		rc = number_shared(files, port, f, iface, &new);
		(void)pthread_mutex_unlock(&files->lock);
		if (rc == 0)
			rc = make_room(f, new);
	} else {
		rc = make_room(f, new);
		if (rc == 0)
			rc = introduce(files, port, f, iface, &f->linktype);
		/* Its number is that of the next one: this is not in it. */
		if (rc != 0)
			f->n = new;
	}
	if (rc != 0)
		return rc;
	add_iface(f, new, iface->id);
	*number = new;
	return 0;
}

void
capture_file_put(const struct capture_files *files, struct capture_file *f,
    struct obuf *out, uint32_t number, const struct frame *frame)
{
	struct capture_iface *i = &f->iface[number];

	if (i->packets == 0 || frame->ts_ns < i->first_ns)
		i->first_ns = frame->ts_ns;
	if (i->packets == 0 || frame->ts_ns > i->last_ns)
		i->last_ns = frame->ts_ns;
	i->packets++;
	if (files->pcapng)
		pcapng_put_packet(out, number, frame);
	else
		pcap_put_packet(out, frame);
}

static void
tell_file(const struct capture_files *files, enum news_type type)
{
	const struct news n = {
		.type = type,
		.kind = files->pcapng ? "pcapng" : "pcap",
	};

	if (files->tell != NULL)
		files->tell(files->tell_self, &n);
}

/* --- a file of a session ----------------------------------------------- */

int
capture_file_open(const struct capture_files *files, struct capture_file *f,
    const struct session *s)
{
	char path[TEMPLATE_PATH_MAX];
	int rc;

	rc = template_expand(files->names, s, DIR_CLIENT, path);
	if (rc != 0)
		return rc;
	*f = (struct capture_file){ .linktype = CAPTURE_FILE_NO_LINKTYPE };
	/*
	 * Never over a file that is there, whatever was asked for: it may be
	 * one that an earlier session of this run has made.
	 */
	f->file = writer_file_new(&(struct writer_file_opts){
	    .path = path,
	    .fd = -1,
	    .exists = WRITER_EXISTS_SUFFIX,
	    .mode = files->mode,
	    .lazy = true,
	    .head = files->section.data,
	    .head_len = files->section.len,
	});
	if (f->file == NULL)
		return -ENOMEM;
	tell_file(files, NEWS_FILE_OPENED);
	return 0;
}

static void
put_stats(struct obuf *out, const struct capture_file *f, uint32_t number,
    struct pcapng_stats *stats)
{
	/* With several interfaces nobody knows what each has lost. */
	bool known = f->n == 1 && f->dropped != CAPTURE_FILE_UNKNOWN;

	stats->interface = number;
	stats->received = f->iface[number].packets;
	stats->dropped = PCAPNG_UNKNOWN;
	if (known) {
		stats->received += f->dropped;
		stats->dropped = f->dropped;
	}
	pcapng_put_stats(out, stats);
}

/* The name that a file gets when it is over. */
static void
name_closed(const struct capture_files *files, struct writer_port *port,
    struct writer_file *f, const struct session *s)
{
	char path[TEMPLATE_PATH_MAX];

	if (files->closed == NULL ||
	    (s == NULL && template_has_fields(files->closed)))
		return;
	/* A path that would be too long: it keeps the one it has. */
	if (template_expand(files->closed, s, DIR_CLIENT, path) == 0)
		writer_name(port, f, path);
}

void
capture_file_close(const struct capture_files *files, struct writer_port *port,
    struct capture_file *f, const struct session *s)
{
	struct pcapng_stats stats;
	struct obuf *out;

	if (files->pcapng && f->n > 0) {
		out = writer_begin(port);
		for (uint32_t i = 0; i < f->n; i++) {
			stats.start_ns = f->iface[i].first_ns;
			stats.end_ns = f->iface[i].last_ns;
			put_stats(out, f, i, &stats);
		}
		writer_end(port, f->file, 0);
	}
	name_closed(files, port, f->file, s);
	writer_close(port, f->file);
	tell_file(files, NEWS_FILE_CLOSED);
	free(f->iface);
	*f = (struct capture_file){ 0 };
}

/* --- the file of all sessions ------------------------------------------ */

int
capture_file_share(const struct capture_files *files, struct capture_file *f)
{
	*f = (struct capture_file){
		.file = files->shared,
		.linktype = CAPTURE_FILE_NO_LINKTYPE,
	};
	for (uint32_t i = 0; i < files->nids; i++) {
		if (make_room(f, i) != 0) {
			capture_file_unshare(f);
			return -ENOMEM;
		}
		add_iface(f, i, files->ids[i]);
	}
	return 0;
}

void
capture_file_unshare(struct capture_file *f)
{
	free(f->iface);
	*f = (struct capture_file){ 0 };
}

/* Packets that a lane has lost; the fan-out knows where packets are kept. */
static uint64_t
dropped_of(const struct capture_files *files, const struct capture_lane *l)
{
	if (!files->packets)
		return l->shared.dropped;
	return count_get(&l->count->drop_chunks[DROP_QUEUE_FULL]);
}

/* To @sum, which has room for all interfaces, what another lane counted. */
static void
add_counts(struct capture_file *sum, const struct capture_file *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct capture_iface *to = &sum->iface[i];
		const struct capture_iface *from = &f->iface[i];

		if (from->packets == 0)
			continue;
		if (to->packets == 0 || from->first_ns < to->first_ns)
			to->first_ns = from->first_ns;
		if (to->packets == 0 || from->last_ns > to->last_ns)
			to->last_ns = from->last_ns;
		to->packets += from->packets;
	}
}

static void
finish_pcapng(const struct capture_files *files, struct capture_lane *first)
{
	struct capture_file *sum = &first->shared;
	struct obuf *out = writer_begin(first->rec.port);

	for (uint32_t i = 0; i < sum->n; i++) {
		struct pcapng_stats stats = {
			.start_ns = files->start_ns,
			.end_ns = clock_event_ns(),
		};

		if (files->replay && sum->iface[i].packets > 0) {
			stats.start_ns = sum->iface[i].first_ns;
			stats.end_ns = sum->iface[i].last_ns;
		}
		put_stats(out, sum, i, &stats);
	}
	writer_end(first->rec.port, files->shared, 0);
}

/* Without a packet nobody has said what the file holds. */
static void
finish_pcap(const struct capture_files *files, struct capture_lane *first)
{
	static const struct packet_iface none = {
		.linktype = LINKTYPE_ETHERNET,
	};

	if (files->linktype != CAPTURE_FILE_NO_LINKTYPE)
		return;
	/* Without memory for it the file stays empty. */
	(void)describe(files, first->rec.port, &first->shared, &none);
}

void
capture_file_finish(const struct capture_files *files)
{
	struct recorder_lane *at = files->rec.lanes;
	struct capture_lane *first;

	if (files->shared == NULL || at == NULL)
		return;
	first = ATTR_CONTAINER(at, struct capture_lane, rec);
	/* Without memory for it nothing is said at the end. */
	if (files->nids > 0 && make_room(&first->shared, files->nids - 1) != 0)
		return;
	first->shared.dropped = dropped_of(files, first);
	for (at = at->next; at != NULL; at = at->next) {
		const struct capture_lane *l =
		    ATTR_CONTAINER(at, struct capture_lane, rec);

		add_counts(&first->shared, &l->shared);
		first->shared.dropped += dropped_of(files, l);
	}
	if (files->pcapng)
		finish_pcapng(files, first);
	else
		finish_pcap(files, first);
	name_closed(files, first->rec.port, files->shared, NULL);
}

/* --- making ------------------------------------------------------------ */

static bool
rotates(const struct sink_spec *spec)
{
	return spec->rotation.bytes != 0 || spec->rotation.span_ns != 0;
}

/* @path: the one file's */
static int
check_rotation(const struct sink_spec *spec, const char *path, struct err *err)
{
	struct stat st;

	if (!rotates(spec))
		return 0;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL,
		    "%s cannot be rotated: it is no regular file", path);
	return 0;
}

/* What stands in the head of the file for all has its number by that. */
static int
note_known(struct capture_files *files)
{
	if (files->nknown > 0)
		files->linktype = files->known[0].linktype;
	if (!files->pcapng || files->nknown == 0)
		return 0;
	files->ids = calloc(files->nknown, sizeof(*files->ids));
	if (files->ids == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < files->nknown; i++)
		files->ids[files->nids++] = files->known[i].id;
	return 0;
}

/* A capture begins with its head: it does not go on in a file with others. */
static enum writer_exists
what_if_it_exists(const struct sink_spec *spec, bool overwrite)
{
	if (spec->past != SINK_PAST_NONE)
		return WRITER_EXISTS_SUFFIX;
	return overwrite ? WRITER_EXISTS_OVERWRITE : WRITER_EXISTS_REFUSE;
}

static int
open_shared(struct capture_files *files, const struct sink_spec *spec,
    bool overwrite, struct err *err)
{
	struct writer_file_opts o = {
		.fd = -1,
		.exists = what_if_it_exists(spec, overwrite),
		.mode = files->mode,
		.rotation = &spec->rotation,
	};
	char path[TEMPLATE_PATH_MAX];
	struct obuf head = { 0 };
	int rc;

	rc = template_expand(files->names, NULL, DIR_CLIENT, path);
	if (rc != 0)
		return err_set(err, rc, "%s: the path is too long", spec->arg);
	rc = check_rotation(spec, path, err);
	if (rc != 0)
		return rc;
	if (strcmp(path, "-") == 0)
		o.fd = STDOUT_FILENO;
	else
		o.path = path;
	if (note_known(files) != 0)
		return err_set(err, -ENOMEM, "no memory for %s", spec->arg);
	put_head(files, &head);
	o.head = head.data;
	o.head_len = head.len;
	if (!head.failed)
		files->shared = writer_file_new(&o);
	obuf_done(&head);
	if (files->shared == NULL)
		return err_set(err, -ENOMEM, "no memory for %s", spec->arg);
	rc = writer_file_open(files->shared, err);
	if (rc == -EEXIST)
		return err_set(
		    err, rc, "%s exists; --overwrite would replace it", path);
	return rc;
}

static int
read_names(
    struct capture_files *files, const struct sink_spec *spec, struct err *err)
{
	if (spec->arg[0] == '\0')
		return err_set(err, -EINVAL, "%s: which FILE?", spec->kind);
	files->names = template_new(spec->arg, err);
	if (files->names == NULL)
		return -EINVAL;
	if (template_has_dir(files->names))
		return err_set(err, -EINVAL,
		    "%s: {dir} has no meaning here: a capture file holds "
		    "both directions",
		    spec->arg);
	return 0;
}

/* The names that files get when they are over, and which end is which. */
static int
read_closed(
    struct capture_files *files, const struct sink_spec *spec, struct err *err)
{
	const char *closed = sink_spec_get(spec, "closed");
	const char *timeout = sink_spec_get(spec, "timeout-word");
	int rc = streams_read_locals(&files->locals, spec, err);

	if (rc != 0)
		return rc;
	if (timeout != NULL) {
		files->timeout = strdup(timeout);
		if (files->timeout == NULL)
			return err_set(err, -ENOMEM, "out of memory");
	}
	files->extra.locals = &files->locals;
	files->extra.timeout = files->timeout;
	template_set_extra(files->names, &files->extra);
	if (closed == NULL)
		return 0;
	files->closed = template_new_closed(closed, err);
	if (files->closed == NULL)
		return -EINVAL;
	template_set_extra(files->closed, &files->extra);
	if (template_has_dir(files->closed) || rotates(spec) ||
	    (template_has_fields(files->closed) &&
		!template_has_fields(files->names)))
		return err_set(err, -EINVAL,
		    "closed=%.128s: not with {dir} or rotation, and with a "
		    "session's fields only where each has its own file",
		    closed);
	return 0;
}

/* What stands in the text: names, and what does not go with them. */
static int
read_text(
    struct capture_files *files, const struct sink_spec *spec, struct err *err)
{
	int rc = read_names(files, spec, err);
	char path[TEMPLATE_PATH_MAX];

	if (rc == 0)
		rc = read_closed(files, spec, err);
	if (rc != 0)
		return rc;
	if (template_has_fields(files->names) && rotates(spec))
		return err_set(err, -EINVAL,
		    "%s: a file for each session is not rotated", spec->arg);
	if (rotates(spec) && strcmp(spec->arg, "-") == 0)
		return err_set(err, -EINVAL,
		    "standard output cannot be rotated; name a FILE");
	if (!template_has_fields(files->names) &&
	    template_expand(files->names, NULL, DIR_CLIENT, path) != 0)
		return err_set(err, -EINVAL, "the path is too long");
	return 0;
}

static void
forget_text(struct capture_files *files)
{
	template_free(files->names);
	template_free(files->closed);
	free(files->timeout);
}

int
capture_file_check(const struct sink_spec *spec, struct err *err)
{
	struct capture_files files = { .names = NULL };
	int rc = read_text(&files, spec, err);

	forget_text(&files);
	return rc;
}

int
capture_file_init(struct capture_files *files, const struct sink_spec *spec,
    const struct sink_env *env, bool packets, struct err *err)
{
	int rc;

	/* A default mutex cannot fail on the systems this runs on. */
	(void)pthread_mutex_init(&files->lock, NULL);
	files->linktype = CAPTURE_FILE_NO_LINKTYPE;
	files->mode = spec->mode != 0 ? (mode_t)spec->mode : 0600;
	files->start_ns = env->start_ns;
	files->tell = env->tell;
	files->tell_self = env->self;
	files->packets = packets;
	files->replay = strcmp(env->source, "read") == 0;
	files->made = capture_head_made(env->source);
	files->known = packets ? env->ifaces : &files->made;
	files->nknown = packets ? env->nifaces : 1;
	rc = read_text(files, spec, err);
	if (rc != 0)
		return rc;
	if (files->pcapng)
		capture_head_section(&files->section);
	if (files->section.failed)
		return err_set(
		    err, -ENOMEM, "no memory for the head of a file");
	if (template_has_fields(files->names))
		return 0;
	tell_file(files, NEWS_FILE_OPENED);
	return open_shared(files, spec, spec->overwrite || env->overwrite, err);
}

void
capture_file_start(struct capture_files *files, const struct sink_spec *spec)
{
	if (rotates(spec))
		recorder_rotate(&files->rec, files->shared);
}

void
capture_file_done(struct capture_files *files)
{
	(void)pthread_mutex_destroy(&files->lock); /* nobody holds it */
	free(files->ids);
	writer_file_free(files->shared);
	forget_text(files);
	obuf_done(&files->section);
}
