#include <errno.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/packet.h"
#include "source/filter.h"
#include "source/linktype.h"

/* Most of an expression that a sentence about it repeats. */
#define SHOWN_MAX 160

/* "No cut": libpcap's largest snapshot length. */
#define SNAPLEN 262144

/**
 * struct compiled - The expression for one link type
 * @usable:	It can be had there; else nothing passes
 */
struct compiled {
	uint16_t linktype;
	bool usable;
	struct bpf_program program;
};

/**
 * struct filter - See filter.h
 * @text:	NULL: everything passes
 * @v:		@n of them, in the order in which their packets came
 * @last:	The one that was used last: captures of one interface never
 *		look further
 */
struct filter {
	char *text;
	struct compiled *v;
	size_t n;
	size_t last;
};

/*
 * The compiler before libpcap 1.8, which systems other than Debian may still
 * have, keeps its state in globals.
 */
static pthread_mutex_t compiling = PTHREAD_MUTEX_INITIALIZER;

/* Why not becomes @err; the program is @prog's on success. */
static int
compile(const char *text, int dlt, struct bpf_program *prog, struct err *err)
{
	pcap_t *dead;
	int rc = 0;

	pthread_mutex_lock(&compiling);
	dead = pcap_open_dead(dlt, SNAPLEN);
	if (dead == NULL) {
		rc = err_set(err, -ENOMEM, "out of memory");
	} else if (pcap_compile(dead, prog, text, 1, PCAP_NETMASK_UNKNOWN) !=
		   0) {
		rc = err_set(err, -EINVAL, "filter '%.*s%s': %s", SHOWN_MAX,
		    text, strlen(text) > SHOWN_MAX ? "..." : "",
		    pcap_geterr(dead));
	}
	if (dead != NULL)
		pcap_close(dead);
	pthread_mutex_unlock(&compiling);
	return rc;
}

/* A program for another link type; NULL without memory. */
static struct compiled *
add(struct filter *f, uint16_t linktype, struct err *err)
{
	struct compiled *v = realloc(f->v, (f->n + 1) * sizeof(*v));
	struct compiled *c;

	if (v == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	f->v = v;
	c = &v[f->n++];
	*c = (struct compiled){ .linktype = linktype };
	c->usable =
	    compile(f->text, linktype_to_dlt(linktype), &c->program, err) == 0;
	return c;
}

/*
 * What is no expression at all fails for every link type; "type mgt" is one
 * for 802.11 only.  The first of these tells the user what is wrong.  Where
 * the optimizer has found it to be never true it is wrong as well, though
 * 802.11's headers of variable length would keep that from being seen.
 */
static int
try_it(struct filter *f, struct err *err)
{
	static const int tried[] = { DLT_EN10MB, DLT_RAW, DLT_LINUX_SLL,
		DLT_IEEE802_11_RADIO };
	struct err why = { "" };
	const struct compiled *c = add(f, linktype_of_dlt(tried[0]), &why);

	if (strstr(why.text, "rejects all packets") == NULL) {
		for (size_t i = 1; i < ATTR_COUNT(tried); i++) {
			if (c == NULL || c->usable)
				break;
			c = add(f, linktype_of_dlt(tried[i]), NULL);
		}
	}
	if (c != NULL && c->usable)
		return 0;
	return err_set(err, -EINVAL, "%s", why.text);
}

struct filter *
filter_new(const char *text, struct err *err)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (text == NULL || text[strspn(text, " \t\r\n")] == '\0')
		return f;
	f->text = strdup(text);
	if (f->text == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	if (try_it(f, err) != 0)
		goto fail;
	return f;

fail:
	filter_free(f);
	return NULL;
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].usable)
			pcap_freecode(&f->v[i].program);
	free(f->v);
	free(f->text);
	free(f);
}

static const struct compiled *
program_for(struct filter *f, uint16_t linktype)
{
	if (f->v[f->last].linktype == linktype)
		return &f->v[f->last];
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].linktype == linktype) {
			f->last = i;
			return &f->v[i];
		}
	}
	return add(f, linktype, NULL);
}

bool
filter_passes(struct filter *f, const struct packet *p)
{
	struct pcap_pkthdr header = { .caplen = p->len, .len = p->wire_len };
	const struct compiled *c;

	if (f->text == NULL)
		return true;
	c = program_for(f, p->iface->linktype);
	/* An empty packet has no byte to point at. */
	return c != NULL && c->usable &&
	       pcap_offline_filter(&c->program, &header,
		   p->data != NULL ? p->data : (const uint8_t *)"") != 0;
}
