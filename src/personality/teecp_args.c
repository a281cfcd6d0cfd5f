#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/obuf.h"
#include "base/quantity.h"
#include "config/plan.h"
#include "personality/personality.h"
#include "personality/teecp_args.h"

/* Between the words of --output-tcp. */
#define SEPARATOR "|"

/* gopacket has some hundreds; which ones we know is the sink's to say. */
#define LAYER_MAX 1999

/* As often as the original, which calls them retries. */
#define TRIES "3"

#define DEFAULT_BPF    "icmp"
#define DEFAULT_LAYERS "44,45"

/* --- flags ------------------------------------------------------------- */

void
teecp_args_init(struct teecp_args *a)
{
	*a = (struct teecp_args){
		.device = "",
		.bpf = DEFAULT_BPF,
		.output = "",
		.layers = DEFAULT_LAYERS,
		.stats = true,
		.health = true,
	};
}

/* A setter that keeps the value in a member of struct teecp_args. */
#define SETTER(member, value)                                                  \
	static int set_##member(                                               \
	    void *self, const struct option_value *v, struct err *err)         \
	{                                                                      \
		(void)err;                                                     \
		((struct teecp_args *)self)->member = (value);                 \
		return 0;                                                      \
	}

SETTER(device, v->text)
SETTER(bpf, v->text)
SETTER(output, v->text)
SETTER(layers, v->text)
SETTER(verbose, v->number != 0)
SETTER(stats, v->number != 0)
SETTER(health, v->number != 0)
SETTER(prefix, v->number != 0)

/* In the order of the alphabet, as Go prints them. */
static const struct option_row rows[] = {
	{
	    .name = "bpf",
	    .arg = "string",
	    .type = OPTION_STRING,
	    .dflt = DEFAULT_BPF,
	    .help = "BPF filter, see pcap-filter(7) (e.g. tcp port 1234)",
	    .set = set_bpf,
	},
	{
	    .name = "device",
	    .arg = "string",
	    .type = OPTION_STRING,
	    .help = "interface to listen on; without it the first one",
	    .complete = OPTION_COMPLETE_INTERFACE,
	    .set = set_device,
	},
	{
	    .name = "health-check",
	    .type = OPTION_FLAG,
	    .dflt = "true",
	    .help = "exit with 1 when nothing was sent for 30 minutes",
	    .set = set_health,
	},
	{
	    .name = "layers",
	    .arg = "string",
	    .type = OPTION_STRING,
	    .dflt = DEFAULT_LAYERS,
	    .help = "layers whose payload is sent, gopacket's numbers "
		    "separated by commas (44 = TCP, 45 = UDP); the whole "
		    "packet if empty",
	    .set = set_layers,
	},
	{
	    .name = "output-tcp",
	    .arg = "string",
	    .type = OPTION_STRING,
	    .help = "where to send payloads: your-host:1234, or "
		    "your-host:1234|keepalive for one connection",
	    .set = set_output,
	},
	{
	    .name = "prefix-header",
	    .type = OPTION_FLAG,
	    .help = "put a header before each payload (its size, source, "
		    "source port, destination, destination port)",
	    .set = set_prefix,
	},
	{
	    .name = "stats",
	    .type = OPTION_FLAG,
	    .dflt = "true",
	    .help = "print stats every 10 seconds",
	    .set = set_stats,
	},
	{
	    .name = "verbose",
	    .type = OPTION_FLAG,
	    .help = "print every payload that is heard and sent",
	    .set = set_verbose,
	},
	{ .name = "h", .type = OPTION_FLAG, .set = personality_help },
	{ .name = "help", .type = OPTION_FLAG, .set = personality_help },
};

static const struct option_table table = {
	.rows = rows,
	.nrows = ATTR_COUNT(rows),
};

const struct option_table *
teecp_args_options(void)
{
	return &table;
}

/* --- the plan ---------------------------------------------------------- */

static int
out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Is there nothing but blanks? */
static bool
is_blank(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return *text == '\0';
}

static int
copy(const char *text, char **to, struct err *err)
{
	if (is_blank(text))
		return 0;
	*to = strdup(text);
	return *to != NULL ? 0 : out_of_memory(err);
}

/* ":80" is this machine's, as for Go. */
static int
add_sink(const char *target, struct plan *p, struct err *err)
{
	struct personality_sink sink = {
		.kind = "payload",
		.on_full = ON_FULL_DROP,
	};
	struct obuf arg = { .data = NULL };
	int rc = -ENOMEM;

	obuf_printf(&arg, "%s", target[0] == ':' ? "localhost" : "");
	obuf_puts(&arg, target);
	obuf_putc(&arg, '\0');
	sink.arg = (const char *)arg.data;
	if (!arg.failed)
		rc = personality_add_sink(p, &sink);
	obuf_done(&arg);
	return rc == 0 ? 0 : out_of_memory(err);
}

/* What follows the target in --output-tcp. */
static int
read_word(const char *word, bool *keepalive, struct err *err)
{
	if (strcmp(word, "keepalive") != 0)
		return err_set(err, -EINVAL,
		    "--output-tcp: \"%.64s\" is not keepalive, the only word "
		    "that may follow HOST:PORT" SEPARATOR,
		    word);
	*keepalive = true;
	return 0;
}

/* Adds the sink for "HOST:PORT|keepalive". */
static int
read_output(
    const char *output, struct plan *p, bool *keepalive, struct err *err)
{
	char *words = strdup(output);
	char *rest = words;
	char *target;
	int rc = 0;

	if (words == NULL)
		return out_of_memory(err);
	target = strsep(&rest, SEPARATOR);
	if (is_blank(target))
		rc = err_set(err, -EINVAL,
		    "--output-tcp is needed: HOST:PORT, or "
		    "'HOST:PORT" SEPARATOR "keepalive' for one connection");
	while (rc == 0 && rest != NULL)
		rc = read_word(strsep(&rest, SEPARATOR), keepalive, err);
	if (rc == 0)
		rc = add_sink(target, p, err);
	free(words);
	return rc;
}

/* Appends the number in "44", " 45 "; nothing is none. */
static int
layer_put(char *word, struct obuf *out, struct err *err)
{
	static const struct quantity_range range = { 1, LAYER_MAX };
	uint64_t number;
	size_t len;
	int rc;

	word += strspn(word, " \t");
	len = strcspn(word, " \t");
	if (is_blank(word + len))
		word[len] = '\0';
	if (*word == '\0')
		return 0;
	rc = quantity_parse(QUANTITY_COUNT, word, &range, &number, err);
	if (rc != 0) {
		err_prefix(err, "--layers: ");
		return -EINVAL;
	}
	obuf_printf(out, "%s%u", out->len > 0 ? "," : "", (unsigned)number);
	return 0;
}

static int
read_layers(const char *layers, struct obuf *out, struct err *err)
{
	char *words = strdup(layers);
	char *rest = words;
	int rc = 0;

	if (words == NULL)
		return out_of_memory(err);
	while (rc == 0 && rest != NULL)
		rc = layer_put(strsep(&rest, ","), out, err);
	free(words);
	obuf_putc(out, '\0');
	return rc;
}

static int
set_keys(const struct teecp_args *a, struct sink_spec *spec, bool keepalive,
    struct err *err)
{
	struct obuf layers = { .data = NULL };
	int rc = read_layers(a->layers, &layers, err);

	if (rc != 0)
		goto out;
	rc = layers.failed
		 ? -ENOMEM
		 : sink_spec_set(spec, "layers", (const char *)layers.data);
	if (rc == 0)
		rc = sink_spec_set(spec, "tries", TRIES);
	if (rc == 0)
		rc = sink_spec_set(
		    spec, "prefix", a->prefix ? "header" : "none");
	if (rc == 0)
		rc = sink_spec_set(spec, "keepalive", keepalive ? "yes" : "no");
	if (rc == 0 && a->verbose)
		rc = sink_spec_set(spec, "tell", "yes");
	if (rc != 0)
		rc = out_of_memory(err);
out:
	obuf_done(&layers);
	return rc;
}

int
teecp_args_plan(const struct teecp_args *a, struct plan *p, struct err *err)
{
	bool keepalive = false;
	int rc = read_output(a->output, p, &keepalive, err);

	if (rc == 0)
		rc = set_keys(a, &p->sinks[p->nsinks - 1], keepalive, err);
	if (rc == 0)
		rc = copy(a->device, &p->sources[0].capture.iface, err);
	if (rc == 0)
		rc = copy(a->bpf, &p->sources[0].capture.filter, err);
	return rc;
}
