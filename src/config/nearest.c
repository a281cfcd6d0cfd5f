#include <stdint.h>
#include <string.h>

#include "config/nearest.h"

/* Longer words than this are never mistyped names of ours. */
#define MAX_WORD 48

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment; rows i - 2, i - 1 and i of the matrix suffice. */
static size_t
distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t rows[3][MAX_WORD + 1];
	size_t *before = rows[0];
	size_t *last = rows[1];
	size_t *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		last[j] = j;
	memset(before, 0, sizeof(rows[0]));
	for (size_t i = 1; i <= na; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
			    last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[nb];
}

void
nearest_init(struct nearest *n, const char *text)
{
	n->text = text;
	n->best = NULL;
	n->distance = SIZE_MAX;
}

void
nearest_offer(struct nearest *n, const char *word)
{
	size_t na = strlen(n->text);
	size_t nb = word != NULL ? strlen(word) : 0;
	size_t d;

	if (na == 0 || nb == 0 || na > MAX_WORD || nb > MAX_WORD)
		return;
	d = distance(n->text, na, word, nb);
	/* "--max-conc": worse than any slip, better than nothing. */
	if (d > (nb + 2) / 3 && na >= 3 && strncmp(n->text, word, na) == 0)
		d = (nb + 2) / 3;
	if (d > (nb + 2) / 3 || d >= nb)
		return;
	if (d < n->distance) {
		n->best = word;
		n->distance = d;
	}
}

const char *
nearest_word(const struct nearest *n)
{
	return n->best;
}
