#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "config/nearest.h"
#include "config/word.h"

int
word_find(const char *const *words, bool fold, const char *text,
    uint64_t *index, struct err *err)
{
	struct nearest near;
	char known[256];
	size_t len = 0;

	nearest_init(&near, text);
	known[0] = '\0';
	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0 ||
		    (fold && strcasecmp(words[i], text) == 0)) {
			*index = i;
			return 0;
		}
		nearest_offer(&near, words[i]);
		if (len < sizeof(known))
			len +=
			    (size_t)snprintf(known + len, sizeof(known) - len,
				"%s%s", i == 0 ? "" : ", ", words[i]);
	}
	if (nearest_word(&near) != NULL)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is none of %s (did you mean %s?)", text, known,
		    nearest_word(&near));
	return err_set(err, -EINVAL, "\"%.64s\" is none of %s", text, known);
}
