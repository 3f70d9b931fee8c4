/* SPDX-License-Identifier: Apache-2.0 */
/* attach_test.c - the user's end of a VM, with a keeper made of records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/io.h"
#include "vmm/manager/attach.h"
#include "vmm/manager/frame.h"
#include "vmm/manager/keeper.h"

/* attach_run() with @ret_text what it wrote to standard output. */
static int run_captured(const struct attach *a, int keeper, char *ret_text,
			size_t size)
{
	struct json_object *times = NULL;
	int saved = dup(STDOUT_FILENO);
	int out[2];

	assert_int_equal(pipe(out), 0);
	(void)fflush(stdout);
	assert_true(dup2(out[1], STDOUT_FILENO) >= 0);
	int status = attach_run(a, keeper, &times);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	(void)close(out[1]);

	ssize_t n = io_read_full(out[0], ret_text, size - 1);
	assert_true(n >= 0);
	ret_text[n] = '\0';
	(void)close(out[0]);
	json_object_put(times);
	return status;
}

/*
 * STARTED makes a terminal's client send its size, to nobody here: the
 * command was so short that the keeper is through before that.
 */
static void last_words_of_a_keeper_are_read(void **state)
{
	const struct attach a = { .tty = true, .id = "test" };
	struct frame_link keeper;
	char text[16];
	int pair[2];

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	frame_open(&keeper, pair[1]);
	(void)frame_send(&keeper, AGENT_STARTED, NULL, 0);
	(void)frame_send_str(&keeper, AGENT_OUT, "bye");
	(void)frame_send_u32(&keeper, KEEPER_END, 7);
	assert_int_equal(frame_flush(&keeper), 0);
	assert_int_equal(frame_waiting(&keeper), 0);
	frame_close(&keeper);

	assert_int_equal(run_captured(&a, pair[0], text, sizeof(text)), 7);
	assert_string_equal(text, "bye");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_words_of_a_keeper_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
