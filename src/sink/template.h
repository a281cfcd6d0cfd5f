#ifndef SINK_TEMPLATE_H
#define SINK_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "core/dir.h"

/*
 * template.h - file names with fields.
 *
 *	{id}		000042
 *	{time}		20261121T083000.123, UTC, when the session opened
 *	{client}	127.0.0.1-40112, or --1-40112 for [::1]:40112
 *	{client_ip}	127.0.0.1
 *	{client_port}	40112
 *	{server} {server_ip} {server_port}	likewise
 *	{dir}		c2s or s2c
 *	{start_ms}	when the session opened, ms since 1970; without one,
 *			when the program started
 *	{local_ip} {local_port} {remote_ip} {remote_port}
 *			the ends as core/locals.h tells them apart, the client
 *			being local if nobody has said otherwise; the colons of
 *			IPv6 become '_'
 *	{end_ms}	when it was over; in names that a file gets then
 *	{reason}	why; likewise
 *	{{ and }}	a brace
 *
 * No value can leave the folder that the template names: separators and
 * control characters in it become '-', and a part of the path that holds a
 * field is never "", "." or "..".
 */

struct err;
struct locals;
struct session;
struct template;

/**
 * struct template_extra - What some fields need beside the session
 * @locals:	Which end is the local one; NULL: the client
 * @timeout:	{reason} of a session that was silent for too long; NULL:
 *		"timeout"
 */
struct template_extra {
	const struct locals *locals;
	const char *timeout;
};

/* Longest path that is made, with its NUL; PATH_MAX is not longer. */
#define TEMPLATE_PATH_MAX 4096

/**
 * template_new() - Read a template
 * @text:	Copied
 * @err:	On failure: which field is unknown and which are known
 *
 * Return: NULL when @text is wrong or memory ran out
 */
struct template *template_new(const char *text, struct err *err) ATTR_WUNRES;

/**
 * template_new_closed() - The same for a name that is given at the end
 *
 * Which may hold {end_ms} and {reason}, too.
 */
struct template *template_new_closed(
    const char *text, struct err *err) ATTR_WUNRES;

/** template_set_extra() - @x outlives @t. */
void template_set_extra(struct template *t, const struct template_extra *x);

/** template_free() - NULL is a no-op. */
void template_free(struct template *t);

/** template_has_fields() - Does each session get a file of its own? */
bool template_has_fields(const struct template *t);

/** template_has_dir() - Does each direction? */
bool template_has_dir(const struct template *t);

/**
 * template_expand() - Fill in the fields
 * @s:		May be NULL for a template without fields of a session: then
 *		{end_ms} is now and {reason} "stop"
 * @dir:	Value of {dir}
 * @path:	Filled in on success
 *
 * Return: 0; -ENAMETOOLONG when the result would not fit
 */
int template_expand(const struct template *t, const struct session *s,
    enum dir dir, char path[TEMPLATE_PATH_MAX]) ATTR_WUNRES;

/**
 * template_clean() - Make a value fit for a file name, in place
 *
 * '/', ':', '\', '"' and control characters become '-'.  For names that are
 * not made from a template.
 */
void template_clean(char *value);

#endif /* SINK_TEMPLATE_H */
