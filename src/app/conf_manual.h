#ifndef APP_CONF_MANUAL_H
#define APP_CONF_MANUAL_H

struct obuf;

/*
 * conf_manual.h - the keys of configurations, for manuals and tests.
 *
 * Part of "teeline completion", which writes for machines what the tables
 * know.
 */

/**
 * conf_manual_write() - All tables of keys in mdoc(7)
 *
 * Before each stands a line ".\" KEYS PLACE", after it ".\" END"; places are
 * "file", "file.control", "input.tap", "output.pcap.rotate" and so on.
 * scripts/conf-manual puts what is between into the pages.
 */
void conf_manual_write(struct obuf *out);

/** conf_manual_list() - All keys, a line each: see schema_manual_list(). */
void conf_manual_list(struct obuf *out);

#endif /* APP_CONF_MANUAL_H */
