#ifndef PERSONALITY_TEECP_ARGS_H
#define PERSONALITY_TEECP_ARGS_H

#include <stdbool.h>

#include "base/attr.h"
#include "config/option.h"

/*
 * teecp_args.h - the flags of teecp, and the plan that they mean.
 */

struct err;
struct plan;

/**
 * struct teecp_args - What was asked for
 * @device:	--device, where packets are captured
 * @bpf:	--bpf
 * @output:	--output-tcp: HOST:PORT, or HOST:PORT|keepalive
 * @layers:	--layers: gopacket's numbers, divided by commas
 * @verbose:	--verbose
 * @stats:	--stats
 * @health:	--health-check
 * @prefix:	--prefix-header
 *
 * The texts point into argv or are constant.
 */
struct teecp_args {
	const char *device;
	const char *bpf;
	const char *output;
	const char *layers;
	bool verbose;
	bool stats;
	bool health;
	bool prefix;
};

/** teecp_args_init() - What holds without flags. */
void teecp_args_init(struct teecp_args *a);

/** teecp_args_options() - The flags; their setters take a struct teecp_args. */
const struct option_table *teecp_args_options(void);

/**
 * teecp_args_plan() - Fill in a plan that personality_taps() has made
 * @p:		A tap on @a->device, or with "" on what plans take without one
 * @err:	Names the flag, the value and what would be right
 *
 * Return: 0; -EINVAL when a value is wrong; -ENOMEM
 */
int teecp_args_plan(
    const struct teecp_args *a, struct plan *p, struct err *err) ATTR_WUNRES;

#endif /* PERSONALITY_TEECP_ARGS_H */
