/* SPDX-License-Identifier: Apache-2.0 */
/* init_session_test.c - what a container finds and how it ends, docs/guest.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/init/keeper.h"

static struct keeper k;

static int start(void **state)
{
	(void)state;
	keeper_start(&k);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	keeper_done(&k);
	return 0;
}

static void stdout_and_stderr_stay_apart(void **state)
{
	(void)state;
	keeper_sh(&k, "echo out; echo err >&2; echo more");
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out, "out\nmore\n");
	assert_string_equal(k.err, "err\n");
	assert_true(k.times.mounted <= k.times.network);
	assert_true(k.times.network <= k.times.exec);
}

static void exit_status_is_the_process_s(void **state)
{
	(void)state;
	keeper_sh(&k, "exit 42");
	assert_int_equal(keeper_finish(&k), 42);
}

static void killed_process_gives_128_and_the_signal(void **state)
{
	(void)state;
	keeper_sh(&k, "echo ready; sleep 1000");
	keeper_expect(&k, "ready");
	keeper_u32(&k, AGENT_SIGNAL, SIGKILL);
	assert_int_equal(keeper_finish(&k), 137);
}

static void signal_reaches_a_trap(void **state)
{
	(void)state;
	keeper_sh(&k, "trap 'echo caught; exit 3' TERM; echo ready;"
		      "while :; do sleep 0.05; done");
	keeper_expect(&k, "ready");
	keeper_u32(&k, AGENT_SIGNAL, SIGTERM);
	assert_int_equal(keeper_finish(&k), 3);
	assert_non_null(strstr(k.out, "caught"));
}

static void grandchildren_die_with_the_process(void **state)
{
	(void)state;
	keeper_sh(&k, "sleep 1000 & echo started");
	assert_int_equal(keeper_finish(&k), 0);
}

static void process_is_pid_1_and_sees_only_its_own(void **state)
{
	(void)state;
	keeper_sh(&k, "echo pid $$; echo /proc/[0-9]*");
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out, "pid 1\n/proc/1\n");
}

static void unknown_command_is_127(void **state)
{
	(void)state;
	keeper_run(&k, (const char *[]){ "nosuch", "x", NULL });
	assert_int_equal(keeper_finish(&k), 127);
	assert_int_equal(k.type, AGENT_FAILED);
	assert_string_equal(
		k.sentence,
		"exec: \"nosuch\": executable file not found in $PATH");
}

static void file_without_x_is_126(void **state)
{
	(void)state;
	keeper_run(&k, (const char *[]){ "/bin/plain", NULL });
	assert_int_equal(keeper_finish(&k), 126);
	assert_string_equal(k.sentence,
			    "exec: \"/bin/plain\": permission denied");
}

static void directory_is_126(void **state)
{
	(void)state;
	keeper_run(&k, (const char *[]){ "/etc", NULL });
	assert_int_equal(keeper_finish(&k), 126);
	assert_string_equal(k.sentence, "exec: \"/etc\": is a directory");
}

static void what_is_no_program_is_126(void **state)
{
	(void)state;
	keeper_run(&k, (const char *[]){ "/bin/garbage", NULL });
	assert_int_equal(keeper_finish(&k), 126);
	assert_non_null(strstr(k.sentence, "exec format error"));
}

static void script_without_its_interpreter_is_127(void **state)
{
	(void)state;
	keeper_run(&k, (const char *[]){ "orphan", NULL });
	assert_int_equal(keeper_finish(&k), 127);
	assert_non_null(strstr(k.sentence, "interpreter"));
}

static void unknown_user_is_125(void **state)
{
	(void)state;
	keeper_text(&k, AGENT_USER, "nobody");
	keeper_sh(&k, "true");
	assert_int_equal(keeper_finish(&k), 125);
	assert_string_equal(k.sentence, "unable to find user nobody: no "
					"matching entries in passwd file");
}

static void no_command_is_125(void **state)
{
	(void)state;
	keeper_send(&k, AGENT_START, NULL, 0);
	assert_int_equal(keeper_finish(&k), 125);
	assert_string_equal(k.sentence,
			    "no command given, and the image has none");
}

static void user_has_groups_home_and_its_own_stdout(void **state)
{
	(void)state;
	keeper_text(&k, AGENT_USER, "bob");
	keeper_sh(&k, "id; echo $HOME; stat -L -c %u /proc/self/fd/1;"
		      "echo again >/dev/stdout;"
		      "touch /x 2>/dev/stderr || echo denied");
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out,
			    "uid=1000(bob) gid=1001(bob) groups=44(video)\n"
			    "/home/bob\n1000\nagain\ndenied\n");
}

static void cwd_is_made_and_entered(void **state)
{
	(void)state;
	keeper_text(&k, AGENT_CWD, "/data/a/b");
	keeper_sh(&k, "pwd; stat -c '%a %u' .");
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out, "/data/a/b\n755 0\n");
}

static void environment_is_the_image_s_with_docker_s_defaults(void **state)
{
	(void)state;
	keeper_text(&k, AGENT_ENV, "A=1");
	keeper_text(&k, AGENT_ENV, "B=x=y z");
	keeper_text(&k, AGENT_ENV, "A=2");
	keeper_text(&k, AGENT_HOSTNAME, "bell");
	keeper_run(&k, (const char *[]){ "env", NULL });
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out,
			    "A=2\nB=x=y z\n"
			    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
			    "/usr/bin:/sbin:/bin\n"
			    "HOSTNAME=bell\nHOME=/root\n");
}

static void megabytes_pass_through_stdin_within_the_credit(void **state)
{
	static char block[16384];
	const size_t total = 4U << 20;

	(void)state;
	keeper_send(&k, AGENT_STDIN, NULL, 0);
	keeper_run(&k, (const char *[]){ "cat", NULL });
	for (size_t sent = 0; sent < total; sent += sizeof(block)) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (char)('a' + (sent / 977 + i) % 26);
		while (k.credit < sizeof(block))
			keeper_read(&k);
		keeper_send(&k, AGENT_IN, block, sizeof(block));
		k.credit -= (uint32_t)sizeof(block);
	}
	keeper_send(&k, AGENT_IN, NULL, 0);
	assert_int_equal(keeper_finish(&k), 0);
	assert_int_equal(k.out_len, total);
	for (size_t i = 0; i < total; i++)
		if (k.out[i] !=
		    (char)('a' + (i / 16384 * 16384 / 977 + i % 16384) % 26))
			fail_msg("byte %zu differs", i);
}

static void megabytes_of_output_arrive(void **state)
{
	(void)state;
	keeper_sh(&k, "yes 0123456789abcde | head -c 4000000");
	assert_int_equal(keeper_finish(&k), 0);
	assert_int_equal(k.out_len, 4000000);
}

static void stdin_that_nobody_reads_comes_back_as_credit(void **state)
{
	static const char block[32768];

	(void)state;
	keeper_send(&k, AGENT_STDIN, NULL, 0);
	keeper_sh(&k, "exec <&-; trap 'exit 0' TERM; echo closed;"
		      "while :; do sleep 0.05; done");
	keeper_expect(&k, "closed");
	for (int i = 0; i < 16; i++) {
		while (k.credit < sizeof(block))
			keeper_read(&k);
		keeper_send(&k, AGENT_IN, block, sizeof(block));
		k.credit -= (uint32_t)sizeof(block);
	}
	keeper_u32(&k, AGENT_SIGNAL, SIGTERM);
	assert_int_equal(keeper_finish(&k), 0);
}

static void without_stdin_there_is_dev_null(void **state)
{
	(void)state;
	keeper_run(&k, (const char *[]){ "cat", NULL });
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out, "");
}

static void terminal_has_size_job_control_and_console(void **state)
{
	(void)state;
	keeper_size(&k, AGENT_TTY, 33, 77);
	keeper_send(&k, AGENT_STDIN, NULL, 0);
	keeper_sh(&k, "stty size; echo $TERM; readlink /proc/self/fd/0;"
		      "echo by console >/dev/console; busybox tty;"
		      "trap 'stty size; exit 5' WINCH; echo ready;"
		      "while :; do sleep 0.05; done");
	keeper_expect(&k, "ready");
	keeper_size(&k, AGENT_RESIZE, 44, 88);
	assert_int_equal(keeper_finish(&k), 5);
	assert_string_equal(k.out,
			    "33 77\r\nxterm\r\n/dev/pts/0\r\n"
			    "by console\r\n/dev/pts/0\r\nready\r\n44 88\r\n");
	assert_int_equal(k.err_len, 0);
}

static void ctrl_c_is_a_byte_of_the_terminal(void **state)
{
	(void)state;
	keeper_size(&k, AGENT_TTY, 24, 80);
	keeper_send(&k, AGENT_STDIN, NULL, 0);
	keeper_sh(&k, "trap 'exit 9' INT; echo ready;"
		      "while :; do sleep 0.05; done");
	keeper_expect(&k, "ready");
	keeper_text(&k, AGENT_IN, "\003");
	assert_int_equal(keeper_finish(&k), 9);
}

static void end_of_stdin_ends_a_terminal_s_reader(void **state)
{
	(void)state;
	keeper_size(&k, AGENT_TTY, 24, 80);
	keeper_send(&k, AGENT_STDIN, NULL, 0);
	keeper_run(&k, (const char *[]){ "cat", NULL });
	keeper_text(&k, AGENT_IN, "line\n");
	keeper_send(&k, AGENT_IN, NULL, 0);
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out, "line\r\nline\r\n");
}

static void etc_files_are_the_container_s(void **state)
{
	(void)state;
	keeper_text(&k, AGENT_HOSTNAME, "bell");
	keeper_text(&k, AGENT_DNS, "10.0.2.3");
	keeper_text(&k, AGENT_HOSTS, "192.0.2.1\tpeer");
	keeper_sh(&k, "hostname; cat /etc/hostname /etc/resolv.conf;"
		      "grep -E 'peer|bell|127.0.0.1' /etc/hosts");
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out, "bell\nbell\nnameserver 10.0.2.3\n"
				   "127.0.0.1\tlocalhost\n192.0.2.1\tpeer\n"
				   "127.0.1.1\tbell\n");
}

static void read_only_root_has_its_files_and_its_cwd(void **state)
{
	(void)state;
	keeper_send(&k, AGENT_READONLY, NULL, 0);
	keeper_text(&k, AGENT_DNS, "10.0.2.3");
	keeper_text(&k, AGENT_CWD, "/work");
	keeper_sh(&k,
		  "pwd; cat /etc/resolv.conf; touch /dev/shm/ok && echo shm;"
		  "touch /x || echo refused");
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out,
			    "/work\nnameserver 10.0.2.3\nshm\nrefused\n");
}

static void mounts_are_docker_s(void **state)
{
	uint64_t size = 8U << 20;

	(void)state;
	keeper_send(&k, AGENT_SHM_SIZE, &size, sizeof(size));
	keeper_sh(&k, "while read a b c d; do echo $b $c; done </proc/mounts;"
		      "df -k /dev/shm | grep -o 8192 | head -n 1;"
		      "readlink /dev/ptmx; readlink /dev/fd;"
		      "stat -c %a /dev/shm /dev/pts/ptmx");
	assert_int_equal(keeper_finish(&k), 0);
	static const char *const want[] = {
		"/ overlay\n",
		"/proc proc\n",
		"/dev tmpfs\n",
		"/dev/pts devpts\n",
		"/dev/shm tmpfs\n",
		"/dev/mqueue mqueue\n",
		"/sys sysfs\n",
		"/sys/fs/cgroup cgroup2\n",
		"/etc/hosts tmpfs\n",
		"8192\npts/ptmx\n/proc/self/fd\n1777\n666\n",
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (!strstr(k.out, want[i]))
			fail_msg("'%s' is not in '%s'", want[i], k.out);
}

static void container_may_unshare_and_pivot(void **state)
{
	(void)state;
	keeper_sh(&k,
		  "busybox unshare -U true && echo user;"
		  "mkdir /n /n/old 2>&1; mount -t tmpfs n /n;"
		  "mkdir /n/old; busybox pivot_root /n /n/old && echo pivot");
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out, "user\npivot\n");
}

static void loopback_is_up_without_a_network(void **state)
{
	(void)state;
	keeper_sh(&k, "ip -o addr | grep -c 127.0.0.1/8");
	assert_int_equal(keeper_finish(&k), 0);
	assert_string_equal(k.out, "1\n");
}

static void address_without_an_interface_is_125(void **state)
{
	(void)state;
	keeper_text(&k, AGENT_ADDR, "10.0.2.15/24");
	keeper_sh(&k, "true");
	assert_int_equal(keeper_finish(&k), 125);
	assert_string_equal(k.sentence, "the machine has no network interface");
}

static void broken_connection_ends_the_machine(void **state)
{
	(void)state;
	keeper_sh(&k, "echo ready; sleep 1000");
	keeper_expect(&k, "ready");
	keeper_hang_up(&k);
}

static void stdin_beyond_the_window_ends_the_session(void **state)
{
	static const char block[AGENT_WINDOW + 1];

	(void)state;
	keeper_send(&k, AGENT_STDIN, NULL, 0);
	keeper_sh(&k, "echo ready; sleep 1000");
	keeper_expect(&k, "ready");
	keeper_send(&k, AGENT_IN, block, sizeof(block));
	keeper_hang_up(&k);
}

#define session_test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		session_test(stdout_and_stderr_stay_apart),
		session_test(exit_status_is_the_process_s),
		session_test(killed_process_gives_128_and_the_signal),
		session_test(signal_reaches_a_trap),
		session_test(grandchildren_die_with_the_process),
		session_test(process_is_pid_1_and_sees_only_its_own),
		session_test(unknown_command_is_127),
		session_test(file_without_x_is_126),
		session_test(directory_is_126),
		session_test(what_is_no_program_is_126),
		session_test(script_without_its_interpreter_is_127),
		session_test(unknown_user_is_125),
		session_test(no_command_is_125),
		session_test(user_has_groups_home_and_its_own_stdout),
		session_test(cwd_is_made_and_entered),
		session_test(environment_is_the_image_s_with_docker_s_defaults),
		session_test(megabytes_pass_through_stdin_within_the_credit),
		session_test(megabytes_of_output_arrive),
		session_test(stdin_that_nobody_reads_comes_back_as_credit),
		session_test(without_stdin_there_is_dev_null),
		session_test(terminal_has_size_job_control_and_console),
		session_test(ctrl_c_is_a_byte_of_the_terminal),
		session_test(end_of_stdin_ends_a_terminal_s_reader),
		session_test(etc_files_are_the_container_s),
		session_test(read_only_root_has_its_files_and_its_cwd),
		session_test(mounts_are_docker_s),
		session_test(container_may_unshare_and_pivot),
		session_test(loopback_is_up_without_a_network),
		session_test(address_without_an_interface_is_125),
		session_test(broken_connection_ends_the_machine),
		session_test(stdin_beyond_the_window_ends_the_session),
	};

	if (!keeper_possible())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
