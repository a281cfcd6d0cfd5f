#include <string.h>

#include "base/attr.h"

#include "sink/formats.h"

static const struct format *const formats[] = {
	&format_text,
	&format_hex,
	&format_c,
	&format_strip,
	&format_raw,
	&format_count,
	&format_jsonl,
	&format_summary,
	&format_password,
	&format_tcpreen_c,
	&format_tcpreen_hex,
	&format_tcpreen_count,
	&format_tcpreen_null,
	&format_tcpreen_raw,
	&format_tcpreen_strip,
	&format_tcpreen_password,
	&format_tcpreen_errors,
	&format_tcpreen_peers,
	&format_netrecord_notes,
	&format_gotcpspy_errors,
};

const struct format *
formats_at(size_t i)
{
	return i < ATTR_COUNT(formats) ? formats[i] : NULL;
}

const struct format *
formats_find(const char *name)
{
	for (size_t i = 0; i < ATTR_COUNT(formats); i++) {
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return NULL;
}
