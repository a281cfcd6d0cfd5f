#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/*
 * fuzz.h - what all targets share; README.md says how they are run.
 *
 * A target is one file fuzz_NAME.c with fuzz_one().  It takes any bytes, has
 * the code under test read them, and checks what can be known about the
 * outcome.  It opens no socket, reads no file (but what it wrote into memory
 * itself), asks no clock, and leaves nothing behind, so that the same bytes
 * always do the same.
 *
 * When memory_is_short() an allocation of the code under test may have failed:
 * then it may say so, but what it does say must still be right, and nothing
 * may be lost.
 */

/** LLVMFuzzerTestOneInput() - libFuzzer's name for it.  Return: 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Must hold whatever the bytes are. */
#define FUZZ_CHECK(cond)                                                       \
	do {                                                                   \
		if (!(cond))                                                   \
			fuzz_fail(__FILE__, __LINE__, #cond);                  \
	} while (0)

/** fuzz_fail() - Say what did not hold, and end. */
static inline void __attribute__((noreturn))
fuzz_fail(const char *file, int line, const char *what)
{
	(void)fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
	abort();
}

/** struct fuzz_in - Bytes that decisions are drawn from, in order */
struct fuzz_in {
	const uint8_t *p;
	size_t left;
};

/** fuzz_u8() - The next byte; 0 when there is none. */
static inline uint8_t
fuzz_u8(struct fuzz_in *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

/** fuzz_u16() - The next two. */
static inline uint16_t
fuzz_u16(struct fuzz_in *in)
{
	unsigned high = fuzz_u8(in);

	return (uint16_t)(high << 8 | fuzz_u8(in));
}

/** fuzz_u32() - The next four. */
static inline uint32_t
fuzz_u32(struct fuzz_in *in)
{
	uint32_t high = fuzz_u16(in);

	return high << 16 | fuzz_u16(in);
}

/** fuzz_below() - A number below @below, from as few bytes as that takes. */
static inline uint64_t
fuzz_below(struct fuzz_in *in, uint64_t below)
{
	uint64_t high;

	if (below <= 256)
		return fuzz_u8(in) % below;
	if (below <= 65536)
		return fuzz_u16(in) % below;
	high = fuzz_u32(in);
	return (high << 32 | fuzz_u32(in)) % below;
}

/**
 * fuzz_bytes() - The next @n bytes, or as many as there are
 * @len:	How many
 *
 * In memory of exactly that size, so that sanitizers see who reads beyond.
 *
 * Return: to be freed; never NULL
 */
static inline uint8_t *
fuzz_bytes(struct fuzz_in *in, size_t n, size_t *len)
{
	uint8_t *copy;

	if (n > in->left)
		n = in->left;
	copy = memory_own(n);
	if (n > 0)
		memcpy(copy, in->p, n);
	in->p += n;
	in->left -= n;
	*len = n;
	return copy;
}

/** fuzz_text() - What is left as a C string, cut at a NUL; to be freed. */
static inline char *
fuzz_text(struct fuzz_in *in)
{
	char *text = memory_own(in->left + 1);

	if (in->left > 0)
		memcpy(text, in->p, in->left);
	text[in->left] = '\0';
	in->left = 0;
	return text;
}

#endif /* FUZZ_FUZZ_H */
