#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_clock.h"

#include "base/attr.h"
#include "base/bytes.h"
#include "base/obuf.h"

#include "sink/capture.h"

/* Whole content of a file in the folder. */
static struct obuf
read_file(const char *name)
{
	struct obuf o = { 0 };
	char *text = rig_read(&rig, name, &o.len);

	if (text == NULL)
		fail_msg("%s does not exist", name);
	o.data = (uint8_t *)text;
	o.cap = o.len + 1;
	return o;
}

/*
 * Files are read back as lines: "SHB", "IDB", "ISB received dropped", and
 * for a packet the sender, its flags, its payload's length and its comment.
 * The packets themselves are the matter of test_synth.c.
 */

static void
packet_line(struct obuf *text, const uint8_t *p, size_t len)
{
	static const char letter[] = "FSRPA";
	size_t tcp = p[0] >> 4 == 4 ? 20 : 40;
	size_t head = tcp + (size_t)(p[tcp + 12] >> 4) * 4;

	obuf_putc(text, bytes_get_be16(p + tcp + 2) == 21 ? 'C' : 'S');
	obuf_putc(text, ' ');
	for (unsigned i = 0; i < 5; i++) {
		if (p[tcp + 13] & 1U << i)
			obuf_putc(text, letter[i]);
	}
	obuf_printf(text, " %zu", len - head);
}

/* Options from @p on: comments are added, others are passed over. */
static void
comment_line(struct obuf *text, const uint8_t *p)
{
	unsigned code, len;

	for (;; p += 4 + (len + 3) / 4 * 4) {
		code = bytes_get_le16(p);
		len = bytes_get_le16(p + 2);
		if (code == 0)
			return;
		if (code == 1)
			obuf_printf(text, " %.*s", (int)len, p + 4);
	}
}

static uint64_t
count_option(const uint8_t *p, unsigned code)
{
	while (bytes_get_le16(p) != code) {
		assert_int_not_equal(bytes_get_le16(p), 0);
		p += 4 + (bytes_get_le16(p + 2) + 3U) / 4 * 4;
	}
	return bytes_get_le64(p + 4);
}

static void
block_line(struct obuf *text, const uint8_t *p)
{
	size_t len;

	switch (bytes_get_le32(p)) {
	case 0x0a0d0d0a:
		obuf_puts(text, "SHB");
		break;
	case 1:
		obuf_puts(text, "IDB");
		break;
	case 5:
		obuf_printf(text, "ISB %u %u",
		    (unsigned)count_option(p + 20, 4),
		    (unsigned)count_option(p + 20, 5));
		break;
	case 6:
		len = bytes_get_le32(p + 20);
		packet_line(text, p + 28, len);
		comment_line(text, p + 28 + (len + 3) / 4 * 4);
		break;
	default:
		fail_msg("block of type %u", bytes_get_le32(p));
	}
	obuf_putc(text, '\n');
}

static void
assert_pcapng(const char *file, const char *want)
{
	struct obuf o = read_file(file), text = { 0 };
	uint32_t len;

	if (o.data == NULL)
		return; /* not reached, which analysers do not know */
	for (size_t i = 0; i < o.len; i += len) {
		assert_true(o.len - i >= 12);
		len = bytes_get_le32(o.data + i + 4);
		assert_true(len >= 12 && len % 4 == 0 && len <= o.len - i);
		assert_int_equal(bytes_get_le32(o.data + i + len - 4), len);
		block_line(&text, o.data + i);
	}
	obuf_putc(&text, '\0');
	assert_string_equal((char *)text.data, want);
	obuf_done(&text);
	obuf_done(&o);
}

static void
assert_pcap(const char *file, const char *want)
{
	struct obuf o = read_file(file), text = { 0 };
	uint32_t len;

	if (o.data == NULL)
		return; /* not reached, which analysers do not know */
	assert_true(o.len >= 24);
	assert_int_equal(bytes_get_le32(o.data), 0xa1b23c4d);
	assert_int_equal(bytes_get_le32(o.data + 20), 101);
	for (size_t i = 24; i < o.len; i += 16 + len) {
		assert_true(o.len - i >= 16);
		len = bytes_get_le32(o.data + i + 8);
		assert_true(len <= o.len - i - 16);
		packet_line(&text, o.data + i + 16, len);
		obuf_putc(&text, '\n');
	}
	obuf_putc(&text, '\0');
	assert_string_equal((char *)text.data, want);
	obuf_done(&text);
	obuf_done(&o);
}

/* What the SYN's comment says of every session of the rig. */
#define TARGET "; target ftp.example.com:21"
#define LISTEN "; listen 127.0.0.1:8081"
#define LOCAL  "; local 10.44.2.21:26311"

static void
short_talk(uint64_t id)
{
	struct session *s = rig_open(&rig, id);

	rig_say(at(s, 2), DIR_CLIENT, "hello");
	end(at(s, 3), DIR_CLIENT, HOW_FIN, PARTY_CLIENT);
	end(at(s, 4), DIR_SERVER, HOW_FIN, PARTY_SERVER);
	shut(at(s, 5), HOW_FIN, PARTY_CLIENT);
}

static void
one_file_for_all(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "all.pcapng");
	short_talk(1);
	s = rig_session(&rig, 2);
	s->more->target = "192.246.40.185:21"; /* which the addresses say */
	s->client = (struct addr){ .family = AF_UNIX, .path = "" };
	session_open(s);
	end(at(s, 3), DIR_SERVER, HOW_RST, PARTY_SERVER);
	shut(at(s, 5), HOW_RST, PARTY_SERVER);
	rig_finish(&rig);
	assert_pcapng("all.pcapng",
	    "SHB\n"
	    "IDB\n"
	    "C S 0 session 1" TARGET LISTEN LOCAL "\n"
	    "S SA 0\n"
	    "C A 0\n"
	    "C PA 5\n"
	    "S A 0\n"
	    "C FA 0\n"
	    "S A 0\n"
	    "S FA 0\n"
	    "C A 0\n"
	    "C S 0 session 2; client unix:" LISTEN LOCAL "\n"
	    "S SA 0\n"
	    "C A 0\n"
	    "S RA 0\n"
	    "ISB 13 0\n");
	assert_int_equal(count_get(&rig.count.written), 5);
}

static void
classic_file(void **state)
{
	(void)state;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "all.pcap");
	short_talk(1);
	rig_finish(&rig);
	assert_pcap("all.pcap", "C S 0\nS SA 0\nC A 0\nC PA 5\nS A 0\n"
				"C FA 0\nS A 0\nS FA 0\nC A 0\n");
}

/* Fields make a file per session, whole by itself; clashes get a number. */
static void
file_per_session(void **state)
{
	static const char want[] =
	    "SHB\nIDB\nC S 0 session 1" TARGET LISTEN LOCAL "\n"
	    "S SA 0\nC A 0\nC PA 5\nS A 0\n"
	    "C FA 0\nS A 0\nS FA 0\nC A 0\nISB 9 0\n";

	(void)state;
	/* Even so: the second session must not take the first one's file. */
	rig.spec.overwrite = true;
	rig_make(
	    &rig, capture_pcapng_kind.make, "pcapng", "{client_ip}.pcapng");
	short_talk(1);
	short_talk(1);
	rig_finish(&rig);
	assert_pcapng("127.0.0.1.pcapng", want);
	assert_pcapng("127.0.0.1-2.pcapng", want);
	assert_int_equal(rig_nfiles(&rig, ""), 2);
}

static void
sessions_without_a_server(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "{id}.pcapng");
	s = rig_session(&rig, 1);
	s->more->local.family = AF_UNSPEC;
	s->more->error = "Connection refused";
	session_open(s);
	shut(at(s, 5), HOW_REFUSED, PARTY_SERVER);
	s = rig_session(&rig, 2);
	s->more->local.family = AF_UNSPEC;
	s->server.family = AF_UNSPEC;
	s->more->error = "unknown name";
	session_open(s);
	shut(at(s, 5), HOW_ERROR, PARTY_US);
	rig_finish(&rig);
	assert_pcapng("000001.pcapng",
	    "SHB\nIDB\nC S 0 session 1" TARGET LISTEN "\n"
	    "S RA 0 refused (Connection refused)\nISB 2 0\n");
	/* Its server has a made-up port, so both sides print as S. */
	assert_pcapng("000002.pcapng",
	    "SHB\nIDB\nS S 0 session 2" TARGET "; server unknown" LISTEN "\n"
	    "S RA 0 ended by the recorder: error (unknown name)\nISB 2 0\n");
}

/* The server is known to be there once it has sent: no local end needed. */
static void
late_handshake(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "{id}.pcapng");
	s = rig_session(&rig, 1);
	s->more->local.family = AF_UNSPEC;
	session_open(s);
	rig_say(s, DIR_SERVER, "220");
	shut(at(s, 5), HOW_RST, PARTY_CLIENT);
	rig_finish(&rig);
	assert_pcapng("000001.pcapng",
	    "SHB\nIDB\nC S 0 session 1" TARGET LISTEN "\n"
	    "S SA 0\nC A 0\nS PA 3\nC A 0\nC RA 0\nISB 6 0\n");
}

/* The record says what it lacks, where it lacks it. */
static void
gaps(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "{id}.pcapng");
	s = rig_open(&rig, 1);
	rig_lose(at(s, 2), DIR_SERVER, 2896);
	rig_say(at(s, 3), DIR_CLIENT, "hello");
	rig_say(at(s, 4), DIR_SERVER, "ab");
	shut(at(s, 5), HOW_LIMIT, PARTY_US);
	rig_finish(&rig);
	assert_pcapng("000001.pcapng",
	    "SHB\nIDB\nC S 0 session 1" TARGET LISTEN LOCAL "\n"
	    "S SA 0\nC A 0\nC PA 5\n"
	    "S A 0 2896 bytes are missing before this packet: lost\n"
	    "S PA 2\nC A 0\n"
	    "S RA 0 ended by the recorder: limit\nISB 8 0\n");
}

/* A path comes from outside: no line break of it reaches the comment. */
static void
comments_are_lines(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "{id}.pcapng");
	s = rig_session(&rig, 1);
	s->client = (struct addr){ .family = AF_UNIX, .path = "a\n\x1b[0m" };
	session_open(s);
	shut(at(s, 5), HOW_STOP, PARTY_US);
	rig_finish(&rig);
	assert_pcapng("000001.pcapng",
	    "SHB\nIDB\nC S 0 session 1" TARGET
	    "; client unix:a??[0m" LISTEN LOCAL "\n"
	    "S SA 0\nC A 0\nS RA 0 ended by the recorder: stop\nISB 4 0\n");
}

static void
existing_file_is_refused(void **state)
{
	struct err err;

	(void)state;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "a.pcapng");
	short_talk(1);
	rig_finish(&rig);
	assert_int_equal(
	    rig_try(&rig, capture_pcapng_kind.make, "pcapng", "a.pcapng", &err),
	    -EEXIST);
	assert_non_null(strstr(err.text, "a.pcapng"));
	assert_non_null(strstr(err.text, "--overwrite"));
	rig.env.overwrite = true;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "a.pcapng");
	rig_finish(&rig);
	assert_pcapng("a.pcapng", "SHB\nIDB\nISB 0 0\n");
}

static void
mode_of_new_files(void **state)
{
	struct stat st;
	char path[128];

	(void)state;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "a.pcapng");
	rig_finish(&rig);
	(void)snprintf(path, sizeof(path), "%s/a.pcapng", rig.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
wrong_words(void **state)
{
	static const struct {
		const char *arg;
		const char *named;
	} row[] = {
		{ "", "FILE" },
		{ "{dir}.pcap", "{dir}" },
		{ "{nothing}.pcap", "nothing" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		assert_int_equal(rig_try(&rig, capture_pcap_kind.make, "pcap",
				     row[i].arg, &err),
		    -EINVAL);
		assert_non_null(strstr(err.text, row[i].named));
	}
	assert_int_equal(rig_nfiles(&rig, ""), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_file_for_all),
		TEST(classic_file),
		TEST(file_per_session),
		TEST(sessions_without_a_server),
		TEST(late_handshake),
		TEST(gaps),
		TEST(comments_are_lines),
		TEST(existing_file_is_refused),
		TEST(mode_of_new_files),
		TEST(wrong_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
