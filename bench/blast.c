/*
 * blast.c - sends the packets of a capture file, as fast as asked or as can be.
 *
 *	blast IFACE FILE PACKETS-PER-SECOND ROUNDS
 *
 * FILE is a pcap file of Ethernet frames in this machine's byte order (from
 * make_capture); 0 packets per second: no limit.  Goes through it ROUNDS
 * times, each with addresses of its own, so that no connection comes twice:
 * the second byte of 10.x.y.z rises (checksums are put right).  Prints one
 * line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
open_iface(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL) };
	int one = 1;
	int bytes = 8 << 20;
	/* Protocol 0: nothing is received. */
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	to.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || to.sll_ifindex == 0 ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die(name);
	/* Only faster with them. */
	(void)setsockopt(
	    fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return fd;
}

/* Private and writable: addresses are changed in place. */
static uint8_t *
map_file(const char *path, size_t *len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	*len = (size_t)st.st_size;
	uint8_t *p =
	    mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		die(path);
	(void)close(fd);
	return p;
}

/* RFC 1624: a 16-bit word of what is summed has grown by one. */
static void
fix_sum(uint8_t *p)
{
	uint32_t sum = (uint32_t)(p[0] << 8 | p[1]);

	sum = (~sum & 0xffff) + 1;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	p[0] = (uint8_t)(sum >> 8);
	p[1] = (uint8_t)sum;
}

/* 10.x.y.z becomes 10.x+1.y.z, as source or as destination. */
static void
next_address(uint8_t *frame)
{
	uint8_t *addr = frame[26] == 10 ? frame + 26 : frame + 30;

	addr[1]++;
	fix_sum(frame + 24);
	fix_sum(frame + 50);
}

static void
send_all(int fd, struct mmsghdr *msg, unsigned count)
{
	unsigned sent = 0;

	while (sent < count) {
		int n = sendmmsg(fd, msg + sent, count - sent, 0);

		if (n > 0)
			sent += (unsigned)n;
		else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("sendmmsg");
	}
}

static void
hold_back(double start, uint64_t packets, double rate)
{
	while (rate > 0 && now() - start < (double)packets / rate)
		continue;
}

int
main(int argc, char **argv)
{
	struct mmsghdr msg[BATCH] = { 0 };
	struct iovec part[BATCH];
	uint64_t packets = 0;
	uint64_t bytes = 0;
	size_t len;

	if (argc != 5) {
		(void)fputs(
		    "usage: blast IFACE FILE PACKETS/S ROUNDS\n", stderr);
		return 2;
	}
	int fd = open_iface(argv[1]);
	uint8_t *file = map_file(argv[2], &len);
	double rate = strtod(argv[3], NULL);
	unsigned long rounds = strtoul(argv[4], NULL, 10);
	double start = now();

	for (unsigned long round = 0; round < rounds; round++) {
		unsigned n = 0;
		uint32_t size;

		for (size_t at = 24; at + 16 <= len; at += 16 + size) {
			memcpy(&size, file + at + 8, sizeof(size));
			part[n].iov_base = file + at + 16;
			part[n].iov_len = size;
			msg[n].msg_hdr.msg_iov = &part[n];
			msg[n].msg_hdr.msg_iovlen = 1;
			bytes += size;
			packets++;
			if (++n == BATCH || at + 16 + size + 16 > len) {
				send_all(fd, msg, n);
				hold_back(start, packets, rate);
				for (unsigned i = 0; i < n; i++)
					next_address(part[i].iov_base);
				n = 0;
			}
		}
	}
	printf("{\"packets\": %llu, \"bytes\": %llu, \"seconds\": %.6f}\n",
	    (unsigned long long)packets, (unsigned long long)bytes,
	    now() - start);
	return 0;
}
