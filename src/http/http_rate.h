#ifndef HTTP_HTTP_RATE_H
#define HTTP_HTTP_RATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * http_rate.h - so many requests a second, and some more after a quiet time
 * (a token bucket).
 *
 * A page asks a few times a second, a metrics server once in many: what
 * exceeds HTTP_RATE_PER_S is a mistake or an attack, and the main thread has
 * other things to do.
 */

#define HTTP_RATE_PER_S 200
#define HTTP_RATE_BURST 400

/** struct http_rate - Private; zeroed it is full. */
struct http_rate {
	uint64_t spent_ns;
	uint64_t at_ns;
};

/** http_rate_take() - One more at @mono_ns; false: that is too many. */
static inline bool
http_rate_take(struct http_rate *r, uint64_t mono_ns)
{
	const uint64_t each_ns = 1000000000 / HTTP_RATE_PER_S;
	uint64_t gone_ns = mono_ns - r->at_ns;

	r->at_ns = mono_ns;
	r->spent_ns = r->spent_ns > gone_ns ? r->spent_ns - gone_ns : 0;
	if (r->spent_ns + each_ns > HTTP_RATE_BURST * each_ns)
		return false;
	r->spent_ns += each_ns;
	return true;
}

#endif /* HTTP_HTTP_RATE_H */
