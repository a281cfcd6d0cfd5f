#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include <stddef.h>

/*
 * nearest.h - "did you mean ...?"
 *
 * Start with the word that was written, offer every word that is known, ask
 * for the nearest.  Distance is that of Damerau and Levenshtein (a letter
 * added, missing, changed, or two neighbours swapped), which is how people
 * mistype; a word that merely begins with what was written counts as near.
 */

/** struct nearest - A search under way; its fields are nearest.c's. */
struct nearest {
	const char *text;
	const char *best;
	size_t distance;
};

/** nearest_init() - Start for @text, which is borrowed. */
void nearest_init(struct nearest *n, const char *text);

/** nearest_offer() - Consider @word, which is borrowed; NULL is ignored. */
void nearest_offer(struct nearest *n, const char *word);

/**
 * nearest_word() - The best so far
 *
 * Return: NULL when no word was near enough to be what was meant: more than
 *	   a third of its letters differ
 */
const char *nearest_word(const struct nearest *n);

#endif /* CONFIG_NEAREST_H */
