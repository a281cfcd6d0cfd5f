#ifndef HTTP_HTTP_HOST_H
#define HTTP_HTTP_HOST_H

#include <stdbool.h>

#include "base/addr.h"

/*
 * http_host.h - is a request really meant for us?
 *
 * A page of a stranger can have its visitor's browser call a loopback address,
 * and, by giving its own name that address (DNS rebinding), even read the
 * answers.  Both show: such a name is in Host, and the stranger in Origin.
 */

/**
 * struct http_host_us - What we may be called
 * @name:	The host that the user told us to listen at; NULL: none
 * @local:	Our end of the connection
 * @any:	We listen at every address: what is on the way here (a forwarded
 *		port) may know us by another address
 */
struct http_host_us {
	const char *name;
	const struct addr *local;
	bool any;
};

/**
 * http_host_fits() - May a client call us that?
 * @host:	The value of Host: HOST, HOST:PORT or [V6]:PORT; NULL: there was
 *		none
 *
 * "localhost", the name that the user gave, the address that was called, a
 * loopback address (where a tunnel ends), and with @any every numeric address:
 * these cannot be rebound.  The port says nothing, since tunnels change it.
 * UNIX sockets cannot be called by browsers: there everything fits.
 */
bool http_host_fits(const struct http_host_us *us, const char *host);

/**
 * http_host_is_origin() - Is this the origin of our own page?
 * @origin:	The value of Origin; NULL: there was none, which is right for
 *		whatever is no browser
 * @host:	Of the same request
 */
bool http_host_is_origin(const char *origin, const char *host);

#endif /* HTTP_HTTP_HOST_H */
