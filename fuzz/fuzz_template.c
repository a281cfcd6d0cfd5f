#include <errno.h>

#include "base/err.h"
#include "core/fanout.h"
#include "core/locals.h"
#include "core/session.h"
#include "fuzz.h"
#include "sink/template.h"

/*
 * File names with fields (sink/template.h): byte 0 is the kind of session, 32
 * bytes are its addresses, the rest is the template.
 *
 * No value of a field leads out of the folder that the template names: parts of
 * a path are as many as there were in the template, and none that holds a
 * field is "", "." or "..".
 */

static unsigned
count_slashes(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '/';
	return n;
}

static void
draw_addr(struct fuzz_in *in, unsigned how, struct addr *a)
{
	static const uint16_t families[] = { AF_INET, AF_INET6, AF_UNIX,
		AF_UNSPEC };

	*a = (struct addr){ .family = families[how & 3] };
	for (size_t i = 0; i < sizeof(a->ip); i++)
		a->ip[i] = fuzz_u8(in);
	if (a->family == AF_UNIX) {
		a->path = how & 4 ? "/run/../x/y" : "";
		return;
	}
	a->port = fuzz_u16(in);
	a->scope = a->family == AF_INET6 ? fuzz_u8(in) : 0;
}

static void
check_path(const char *text, const char *path)
{
	size_t len = strlen(path);

	FUZZ_CHECK(len < TEMPLATE_PATH_MAX);
	FUZZ_CHECK(len > 0 || text[0] == 0);
	FUZZ_CHECK(count_slashes(path) == count_slashes(text));
	/* Only a template that has them itself leads to them. */
	if (strstr(text, "..") == NULL)
		FUZZ_CHECK(strcmp(path, "..") != 0 &&
			   strstr(path, "/../") == NULL &&
			   strncmp(path, "../", 3) != 0);
}

static void
expand(struct fuzz_in *in, unsigned how, const char *text,
    const struct template *t)
{
	struct session s = { .id = how, .reason = HOW_TIMEOUT };
	char path[TEMPLATE_PATH_MAX] = "";
	int rc;

	draw_addr(in, how, &s.client);
	draw_addr(in, how >> 3, &s.server);
	s.open_ns = (uint64_t)fuzz_u32(in) << 30;
	rc = template_expand(t, &s, DIR_CLIENT, path);
	FUZZ_CHECK(rc == 0 || rc == -ENAMETOOLONG);
	if (rc == 0)
		check_path(text, path);
	if (!template_has_fields(t)) {
		rc = template_expand(t, NULL, DIR_SERVER, path);
		FUZZ_CHECK(rc == 0 || rc == -ENAMETOOLONG);
	}
	template_clean(path);
	FUZZ_CHECK(count_slashes(path) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct locals locals = { .n = 0, .remote_port = 80 };
	const struct template_extra extra = { &locals, "idle_timeout_120s" };
	struct fuzz_in in = { data, size };
	unsigned how = fuzz_u8(&in);
	struct fuzz_in addresses = in;
	struct err err = { "" };
	struct template *t;
	char *text;

	in.p += in.left < 40 ? in.left : 40;
	in.left -= in.left < 40 ? in.left : 40;
	text = fuzz_text(&in);
	t = how & 1 ? template_new(text, &err)
		    : template_new_closed(text, &err);
	if (t != NULL) {
		if (how & 128)
			template_set_extra(t, &extra);
		expand(&addresses, how, text, t);
	} else {
		FUZZ_CHECK(err.text[0] != '\0' || memory_is_short());
	}
	template_free(t);
	free(text);
	return 0;
}
