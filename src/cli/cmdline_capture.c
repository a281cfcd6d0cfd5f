#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cmdline.h"
#include "cli/cmdline_capture.h"

/* As tcpdump's -C: millions of bytes. */
#define ROTATE_UNIT 1000000

static struct plan_capture *
capture(void *self)
{
	return &cmdline_source(self)->capture;
}

/* The last option that only makes sense with an interface; see -r. */
static void
needs_interface(void *self, const struct option_value *v)
{
	((struct cmdline *)self)->live_option = v->row;
}

int
cmdline_capture_interface(
    void *self, const struct option_value *v, struct err *err)
{
	char *copy = strdup(v->text);

	if (copy == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	needs_interface(self, v);
	free(capture(self)->iface);
	capture(self)->iface = copy;
	return 0;
}

int
cmdline_capture_snaplen(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	/* 0 means "whole packets", and is what people type for a file too. */
	if (v->number == 0)
		return 0;
	needs_interface(self, v);
	capture(self)->snaplen = (uint32_t)v->number;
	return 0;
}

int
cmdline_capture_buffer(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	needs_interface(self, v);
	capture(self)->buffer = (size_t)v->number * 1024;
	return 0;
}

int
cmdline_capture_no_promiscuous(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	needs_interface(self, v);
	capture(self)->promiscuous = false;
	return 0;
}

int
cmdline_capture_list(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->interfaces = true;
	return -ECANCELED;
}

int
cmdline_capture_file(void *self, const struct option_value *v, struct err *err)
{
	if (plan_add_file(cmdline_source(self), v->text) != 0)
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

int
cmdline_capture_rings(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	needs_interface(self, v);
	cmdline_source(self)->workers = (unsigned)v->number;
	return 0;
}

int
cmdline_capture_packets(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	capture(self)->max_packets = v->number;
	return 0;
}

int
cmdline_capture_hold(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	capture(self)->hold = (size_t)v->number;
	return 0;
}

int
cmdline_capture_hold_total(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	capture(self)->hold_total = (size_t)v->number;
	return 0;
}

int
cmdline_capture_hold_time(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	capture(self)->hold_ns = v->number;
	return 0;
}

int
cmdline_capture_overlap(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err; /* the row lists the same words */
	return reasm_overlap_parse(v->text, &capture(self)->overlap);
}

int
cmdline_capture_decap(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->has_decap = true;
	capture(self)->decap = (unsigned)v->number;
	return 0;
}

int
cmdline_capture_rotate_size(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->rotation.bytes = v->number * ROTATE_UNIT;
	return 0;
}

int
cmdline_capture_rotate_time(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->rotation.span_ns = v->number;
	return 0;
}

int
cmdline_capture_rotate_keep(
    void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->rotation.keep = (unsigned)v->number;
	return 0;
}
