#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "memory.h"

/* The names that ld(1) gives to both ends of a wrapped function. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);

static uint64_t fail_at;
static bool fail_all;
static bool paused;
static uint64_t asked;
static uint64_t failed;

static void
release(void *p)
{
	free(p);
}

void
memory_fail(uint64_t nth, bool all)
{
	fail_at = nth;
	fail_all = all;
	asked = 0;
	failed = 0;
	/* Harmless when said again; nothing of jansson's is alive here. */
	json_set_alloc_funcs(__wrap_malloc, release);
}

bool
memory_is_short(void)
{
	return fail_at != 0;
}

uint64_t
memory_has_failed(void)
{
	return failed;
}

void
memory_pause(bool on)
{
	paused = on;
}

void *
memory_own(size_t size)
{
	void *p = __real_malloc(size);

	/* Nothing can be tested then. */
	if (p == NULL && size > 0)
		abort();
	return p;
}

void *
memory_own_zeroed(size_t size)
{
	void *p = memory_own(size);

	if (size > 0)
		memset(p, 0, size);
	return p;
}

static bool
fails(void)
{
	if (fail_at == 0 || paused)
		return false;
	asked++;
	if (asked != fail_at && !(fail_all && asked > fail_at))
		return false;
	failed++;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

char *
__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *
__wrap_strndup(const char *text, size_t n)
{
	/*
	 * Not the library's: with strict_string_checks AddressSanitizer wants
	 * an end behind the @n bytes, too.
	 */
	size_t len = strnlen(text, n);
	char *copy = fails() ? NULL : __real_malloc(len + 1);

	if (copy != NULL) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}
