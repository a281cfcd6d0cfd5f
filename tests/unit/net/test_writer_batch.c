#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "writer_rig.h"

static int
set_up(void **state)
{
	(void)state;
	/* A limit of the process stands for a full disk. */
	(void)signal(SIGXFSZ, SIG_IGN);
	rig_init(&rig, 1 << 20, 0);
	return 0;
}

static struct writer_file *
plain(const char *name)
{
	return rig_file(&rig, name, (struct writer_file_opts){ 0 });
}

/* Bytes of a stream are not all that can be lost. */
static void
records_without_bytes_are_counted(void **state)
{
	struct writer_file *f = plain("f");
	const struct count *lost = rig.count.drop_records;

	(void)state;
	rig_limit_files(20);
	writer_put(rig.port, f, "no byte;", 8, 0);
	writer_put(rig.port, f, "", 0, 0);
	rig_say(&rig, f, "eight 2;");
	writer_put(rig.port, f, "no byte;", 8, 0);
	writer_put(rig.port, f, "no byte;", 8, 0);
	rig_say(&rig, f, "eight 3;");
	writer_flush(rig.port);
	rig_wait(&lost[DROP_WRITE_ERROR], 2);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 8);
	rig_limit_files(RLIM_INFINITY);
	writer_lose(rig.port, 0);
	writer_flush(rig.port);
	rig_wait(&lost[DROP_WRITE_ERROR], 3);
	writer_close(rig.port, f);
	rig_finish(&rig);
	assert_int_equal(count_get(&lost[DROP_WRITE_ERROR]), 3);
	assert_int_equal(count_get(&lost[DROP_CLOSING]), 0);
	assert_int_equal(
	    count_get(&rig.count.drop_chunks[DROP_WRITE_ERROR]), 1);
	rig_assert_file(&rig, "f", "no byte;eight 2;");
}

/* A file that never came to be, and a head that has nothing behind it. */
static void
file_without_records_is_one(void **state)
{
	struct writer_file *f = plain("folder/f");
	struct writer_file *head = plain("head");
	char path[256];

	(void)state;
	rig_limit_files(3);
	assert_int_equal(writer_head(rig.port, head, "HEAD;", 5), 0);
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_records[DROP_WRITE_ERROR], 1);
	rig_limit_files(RLIM_INFINITY);
	rig_say(&rig, head, "text");
	writer_close(rig.port, head);
	/* A file is where the folder should be. */
	assert_true(close(creat(rig_path(&rig, "folder", path), 0600)) == 0);
	writer_close(rig.port, f);
	rig_finish(&rig);
	assert_int_equal(
	    count_get(&rig.count.drop_records[DROP_WRITE_ERROR]), 2);
	assert_int_equal(rig_dropped(&rig, DROP_WRITE_ERROR), 0);
	rig_assert_file(&rig, "head", "HEAD;text");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(records_without_bytes_are_counted),
		RIG(file_without_records_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
