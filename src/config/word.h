#ifndef CONFIG_WORD_H
#define CONFIG_WORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

/**
 * word_find() - Which of these words is it?
 * @words:	Ended by NULL
 * @fold:	Capitals or not is the same
 * @index:	Set on success
 * @err:	"\"wait\" is none of drop, pause, close"
 *
 * Return: 0 or -EINVAL
 */
int word_find(const char *const *words, bool fold, const char *text,
    uint64_t *index, struct err *err) ATTR_WUNRES;

#endif /* CONFIG_WORD_H */
