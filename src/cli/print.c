#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <pcap/pcap.h>
#include <uv.h>
#include <zlib.h>
#include <zstd.h>

#include "base/log.h"
#include "base/obuf.h"
#include "cli/print.h"
#include "run/run.h"

static int
write_all(const struct obuf *out)
{
	size_t done = 0;

	if (out->failed)
		return -ENOMEM;
	while (done < out->len) {
		ssize_t n =
		    write(STDOUT_FILENO, out->data + done, out->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

int
print_out(struct obuf *out)
{
	int rc = write_all(out);

	obuf_done(out);
	if (rc == 0 || rc == -EPIPE)
		return RUN_OK;
	log_error("standard output: %s", strerror(-rc));
	return RUN_FAIL;
}

int
print_version(void)
{
	const char *pcap = pcap_lib_version();
	struct obuf out = { .data = NULL };

	obuf_printf(&out, "teeline %s\nlibuv %s\njansson %s\n", TEELINE_VERSION,
	    uv_version_string(), jansson_version_str());
	/* "libpcap version 1.10.3 (with ...)": every line is NAME VERSION. */
	while (*pcap != '\0' && (*pcap < '0' || *pcap > '9'))
		pcap++;
	obuf_printf(&out, "libpcap %s\nzlib %s\nlibzstd %s\n", pcap,
	    zlibVersion(), ZSTD_versionString());
	return print_out(&out);
}
