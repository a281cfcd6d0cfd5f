#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "source/capture.h"
#include "source/capture_fanout.h"
#include "source/capture_list.h"
#include "source/capture_open.h"

/*
 * After so long the kernel has handed over a block that was begun: its timer
 * goes off every CAPTURE_OPEN_BLOCK_MS, and leaves a block alone that was
 * begun since it last did.  Once more for a timer that is late.
 */
#define SETTLE_NS (3ULL * CAPTURE_OPEN_BLOCK_MS * CLOCK_NS_PER_MS)

/* Room for the names of the interfaces in a sentence of 512. */
#define NAMES_MAX 300

static bool
is_any(const char *iface)
{
	return strcmp(iface, "any") == 0;
}

/* --- one ring ---------------------------------------------------------- */

static int
no_rights(struct err *err)
{
	char path[256];
	size_t len = sizeof(path);

	if (uv_exepath(path, &len) != 0)
		(void)snprintf(path, sizeof(path), "teeline");
	return err_set(err, -EPERM,
	    "capture needs CAP_NET_RAW: run as root, or: "
	    "setcap cap_net_raw+ep %s",
	    path);
}

static int
no_device(const char *iface, struct err *err)
{
	char names[NAMES_MAX];

	return err_set(err, -ENODEV,
	    "there is no interface '%s' to capture from; there are: %s", iface,
	    capture_list_names(names, sizeof(names)));
}

/* What pcap_activate() said, in words that help. */
static int
explain(pcap_t *h, int status, const char *iface, struct err *err)
{
	const char *why = pcap_geterr(h);

	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return no_device(iface, err);
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return no_rights(err);
	case PCAP_ERROR_IFACE_NOT_UP:
		return err_set(err, -ENETDOWN,
		    "interface '%s' is down: bring it up first "
		    "(ip link set %s up)",
		    iface, iface);
	default:
		return err_set(err, -EIO, "cannot capture from '%s': %s", iface,
		    why[0] != '\0' ? why : pcap_statustostr(status));
	}
}

/* These can fail only once the handle is active, or for want of a feature. */
static void
configure(pcap_t *h, const struct capture_opts *o, const char *iface)
{
	(void)pcap_set_snaplen(h, (int)o->snaplen);
	(void)pcap_set_buffer_size(h, (int)o->buffer);
	(void)pcap_set_promisc(h, o->promiscuous && !is_any(iface));
	(void)pcap_set_timeout(h, CAPTURE_OPEN_BLOCK_MS);
	/* Without: microseconds, as the handle says when it is asked. */
	(void)pcap_set_tstamp_precision(h, PCAP_TSTAMP_PRECISION_NANO);
}

static int
activate(pcap_t *h, const char *iface, struct err *remark, struct err *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	int status = pcap_activate(h);

	if (status < 0)
		return explain(h, status, iface, err);
	if (status > 0)
		(void)err_set(remark, 0, "%s: %s", iface,
		    status == PCAP_WARNING ? pcap_geterr(h)
					   : pcap_statustostr(status));
	/*
	 * The second version of the cooked header names the interface; where
	 * libpcap does not have it, the first one does as well.
	 */
	if (is_any(iface))
		(void)pcap_set_datalink(h, DLT_LINUX_SLL2);
	if (pcap_setnonblock(h, 1, why) != 0)
		return err_set(
		    err, -EIO, "cannot capture from '%s': %s", iface, why);
	if (pcap_get_selectable_fd(h) < 0)
		return err_set(err, -ENOTSUP,
		    "cannot capture from '%s': its packets cannot be "
		    "waited for",
		    iface);
	return 0;
}

static int
open_one(const struct capture_opts *o, const char *iface, pcap_t **ring,
    struct err *remark, struct err *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *h = pcap_create(iface, why);
	int rc;

	if (h == NULL)
		return err_set(
		    err, -EIO, "cannot capture from '%s': %s", iface, why);
	configure(h, o, iface);
	rc = activate(h, iface, remark, err);
	if (rc != 0) {
		pcap_close(h);
		return rc;
	}
	*ring = h;
	return 0;
}

/* --- filters ----------------------------------------------------------- */

static int
set_program(pcap_t *h, struct bpf_program *program, struct err *err)
{
	return pcap_setfilter(h, program) == 0
		   ? 0
		   : err_set(err, -EIO, "cannot set the filter: %s",
			 pcap_geterr(h));
}

/* An empty one, too: it tells the kernel about the snapshot length. */
static int
set_filter(pcap_t *h, const char *text, const char *iface, struct err *err)
{
	char why[PCAP_ERRBUF_SIZE];
	struct bpf_program program;
	bpf_u_int32 net, mask;
	int rc;

	/* Only "ip broadcast" needs it; then the user is told. */
	if (is_any(iface) || pcap_lookupnet(iface, &net, &mask, why) != 0)
		mask = PCAP_NETMASK_UNKNOWN;
	if (text == NULL)
		text = "";
	if (pcap_compile(h, &program, text, 1, mask) != 0)
		return err_set(err, -EINVAL, "filter '%.160s%s': %s", text,
		    strlen(text) > 160 ? "..." : "", pcap_geterr(h));
	rc = set_program(h, &program, err);
	pcap_freecode(&program);
	return rc;
}

static int
reject_all(pcap_t *h, struct err *err)
{
	struct bpf_insn nothing = { .code = BPF_RET | BPF_K, .k = 0 };
	struct bpf_program program = { .bf_len = 1, .bf_insns = &nothing };

	return set_program(h, &program, err);
}

/* --- several rings ----------------------------------------------------- */

static void
ignore(u_char *self, const struct pcap_pkthdr *header, const u_char *data)
{
	(void)self;
	(void)header;
	(void)data;
}

/* Throw away what came before; @until is the same time for all rings. */
static int
drain(pcap_t *h, uint64_t until_ns, struct err *err)
{
	struct pollfd pfd = { pcap_get_selectable_fd(h), POLLIN, 0 };
	uint64_t now_ns;

	do {
		now_ns = clock_mono_ns();
		/* A signal only makes it look earlier. */
		(void)poll(&pfd, 1,
		    now_ns >= until_ns
			? 0
			: (int)((until_ns - now_ns) / CLOCK_NS_PER_MS + 1));
		if (pcap_dispatch(h, -1, ignore, NULL) < 0)
			return err_set(err, -EIO, "cannot read packets: %s",
			    pcap_geterr(h));
	} while (now_ns < until_ns);
	return 0;
}

static int
join(const struct capture_opts *o, const char *iface, pcap_t **rings,
    struct err *err)
{
	uint64_t settled_ns;
	int group = -1, rc = 0;

	for (unsigned i = 0; i < o->rings && rc == 0; i++)
		rc = reject_all(rings[i], err);
	for (unsigned i = 0; i < o->rings && rc == 0; i++)
		rc = capture_fanout_join(pcap_fileno(rings[i]), &group, err);
	settled_ns = clock_mono_ns() + SETTLE_NS;
	for (unsigned i = 0; i < o->rings && rc == 0; i++)
		rc = drain(rings[i], settled_ns, err);
	for (unsigned i = 0; i < o->rings && rc == 0; i++)
		rc = set_filter(rings[i], o->filter, iface, err);
	return rc;
}

int
capture_open(const struct capture_opts *o, const char *iface, pcap_t **rings,
    struct err *remark, struct err *err)
{
	unsigned n;
	int rc = 0;

	if (o->snaplen > INT_MAX || o->buffer > INT_MAX)
		return err_set(err, -EINVAL,
		    "a snapshot length and a kernel buffer are at most %d "
		    "bytes",
		    INT_MAX);
	for (n = 0; n < o->rings; n++) {
		rc = open_one(o, iface, &rings[n], remark, err);
		if (rc != 0)
			goto fail;
	}
	rc = n == 1 ? set_filter(rings[0], o->filter, iface, err)
		    : join(o, iface, rings, err);
	if (rc != 0)
		goto fail;
	return 0;

fail:
	while (n > 0)
		pcap_close(rings[--n]);
	return rc;
}
