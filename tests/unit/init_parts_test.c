/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init_parts_test.c - init's records, settings, users, commands, files of
 * /etc, addresses and disks: what needs neither root nor a machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/init/disks.h"
#include "images/init/etc.h"
#include "images/init/lookup.h"
#include "images/init/net.h"
#include "images/init/settings.h"
#include "images/init/stdin_queue.h"
#include "images/init/sysctl.h"
#include "images/init/user.h"
#include "images/init/wire.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

static char dir[64];
static int sock[2];
static struct wire wire;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/belljar-parts.XXXXXX");
	err = (struct err){ 0 };
	if (!mkdtemp(dir) || chdir(dir) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, sock) < 0)
		return -1;
	return wire_init(&wire, sock[0]);
}

static int tear_down(void **state)
{
	(void)state;
	wire_done(&wire);
	(void)close(sock[0]);
	(void)close(sock[1]);
	return chdir("/") < 0 ? -1 : io_remove_tree(dir, NULL);
}

static void make_file(const char *name, mode_t mode, const char *text)
{
	AUTO_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
}

static char *read_text(const char *name)
{
	char *text = NULL;

	assert_int_equal(io_read_file(name, 65536, &text, &err), 0);
	return text;
}

static void send_head(uint32_t type, uint32_t len)
{
	struct agent_head head = { htole32(type), htole32(len) };

	assert_int_equal(io_write_full(sock[1], &head, sizeof(head)), 0);
}

static void record_in_single_bytes_is_whole_at_the_end(void **state)
{
	struct {
		struct agent_head head;
		char text[3];
	} raw = { { htole32(AGENT_ENV), htole32(3) }, "A=1" };
	const size_t size = WIRE_HEAD + sizeof(raw.text);
	struct record rec;

	(void)state;
	for (size_t i = 0; i < size; i++) {
		assert_int_equal(wire_next(&wire, &rec), 0);
		assert_int_equal(io_write_full(sock[1], (char *)&raw + i, 1),
				 0);
		assert_int_equal(wire_fill(&wire), 0);
	}
	assert_int_equal(wire_next(&wire, &rec), 1);
	assert_int_equal(rec.type, AGENT_ENV);
	assert_int_equal(rec.len, 3);
	assert_memory_equal(rec.data, "A=1", 3);
	assert_int_equal(wire_next(&wire, &rec), 0);
}

static void several_records_come_out_of_one_read(void **state)
{
	struct record rec;

	(void)state;
	for (uint32_t i = 1; i <= 3; i++)
		send_head(i, 0);
	assert_int_equal(wire_next(&wire, &rec), 0);
	assert_int_equal(wire_fill(&wire), 0);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(wire_next(&wire, &rec), 1);
		assert_int_equal(rec.type, i);
	}
	assert_int_equal(wire_next(&wire, &rec), 0);
}

static void longest_record_fits_and_a_longer_one_is_refused(void **state)
{
	static char payload[AGENT_MAX];
	struct record rec;
	int big = 1 << 20;

	(void)state;
	(void)setsockopt(sock[1], SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	send_head(AGENT_ARG, AGENT_MAX);
	assert_int_equal(io_set_nonblock(sock[1], true), 0);
	for (size_t sent = 0; wire_next(&wire, &rec) == 0;) {
		ssize_t n =
			write(sock[1], payload + sent, sizeof(payload) - sent);
		sent += n > 0 ? (size_t)n : 0;
		assert_int_equal(wire_fill(&wire), 0);
	}
	assert_int_equal(rec.len, AGENT_MAX);

	send_head(AGENT_ARG, AGENT_MAX + 1);
	assert_int_equal(wire_fill(&wire), 0);
	assert_int_equal(wire_next(&wire, &rec), -EPROTO);
}

static void end_of_stream_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(shutdown(sock[1], SHUT_WR), 0);
	assert_int_equal(wire_fill(&wire), -ECONNRESET);
}

static void output_leaves_room_for_control_records(void **state)
{
	struct record rec;
	size_t space;

	(void)state;
	while ((space = wire_space(&wire)) > 0) {
		assert_true(space <= WIRE_CHUNK);
		memset(wire_reserve(&wire), 'x', space);
		wire_commit(&wire, AGENT_OUT, space);
	}
	assert_int_equal(wire_put_u32(&wire, AGENT_EXIT, 42), 0);
	assert_int_equal(wire_put(&wire, AGENT_OUT, wire.in, WIRE_ROOM),
			 -ENOBUFS);

	/* All of it arrives, the last being what was put last. */
	struct wire peer;
	uint32_t last = 0;
	assert_int_equal(wire_init(&peer, sock[1]), 0);
	assert_int_equal(io_set_nonblock(sock[0], true), 0);
	while (last != AGENT_EXIT) {
		int r = wire_flush(&wire);
		assert_true(r == 0 || r == -EAGAIN);
		while ((r = wire_next(&peer, &rec)) > 0)
			last = rec.type;
		assert_int_equal(r, 0);
		if (last != AGENT_EXIT)
			assert_int_equal(wire_fill(&peer), 0);
	}
	assert_false(wire_pending(&wire));
	wire_done(&peer);
}

static int add(struct settings *s, uint32_t type, const void *data,
	       uint32_t len)
{
	const struct record rec = { type, len, data };

	return settings_add(s, &rec, &err);
}

static void settings_keep_what_they_are_given(void **state)
{
	struct settings s = { 0 };
	struct agent_size size = { htole16(24), htole16(80) };

	(void)state;
	assert_int_equal(add(&s, AGENT_ARG, "a b", 3), 0);
	assert_int_equal(add(&s, AGENT_ARG, "", 0), 0);
	assert_int_equal(add(&s, AGENT_ENV, "AB=1", 4), 0);
	assert_int_equal(add(&s, AGENT_ENV, "A=2", 3), 0);
	assert_int_equal(add(&s, AGENT_ENV, "AB=\n3", 5), 0);
	assert_int_equal(add(&s, AGENT_CWD, "/x", 2), 0);
	assert_int_equal(add(&s, AGENT_CWD, "/y", 2), 0);
	assert_int_equal(add(&s, AGENT_TTY, &size, sizeof(size)), 0);
	assert_int_equal(s.args.n, 2);
	assert_string_equal(s.args.v[1], "");
	assert_null(s.args.v[2]);
	assert_int_equal(s.env.n, 2);
	assert_string_equal(settings_getenv(&s, "AB"), "\n3");
	assert_string_equal(settings_getenv(&s, "A"), "2");
	assert_null(settings_getenv(&s, "B"));
	assert_string_equal(s.cwd, "/y");
	assert_true(s.tty && s.size.rows == 24 && s.size.cols == 80);
	settings_done(&s);
}

static void settings_refuse_what_breaks_the_protocol(void **state)
{
	struct settings s = { 0 };

	(void)state;
	assert_int_equal(add(&s, AGENT_IN, "x", 1), -EPROTO);
	assert_int_equal(add(&s, 63, "", 0), -EPROTO);
	assert_int_equal(add(&s, 0, "", 0), -EPROTO);
	assert_int_equal(add(&s, AGENT_ARG, "a\0b", 3), -EPROTO);
	assert_int_equal(add(&s, AGENT_HOSTS, "a\nb", 3), -EPROTO);
	assert_int_equal(add(&s, AGENT_ENV, "=x", 2), -EPROTO);
	assert_int_equal(add(&s, AGENT_ENV, "x", 1), -EPROTO);
	assert_int_equal(add(&s, AGENT_TTY, "abc", 3), -EPROTO);
	assert_int_equal(add(&s, AGENT_TIME, "abcdefg", 7), -EPROTO);
	assert_int_equal(add(&s, AGENT_READONLY, "a", 1), -EPROTO);
	settings_done(&s);
}

static void settings_are_bounded(void **state)
{
	static char longest[AGENT_MAX];
	struct settings s = { 0 };
	int r = 0;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	for (int i = 0; i < AGENT_SETTINGS / AGENT_MAX && r == 0; i++)
		r = add(&s, AGENT_ARG, longest, sizeof(longest));
	assert_int_equal(r, -E2BIG);
	settings_done(&s);
}

static void users_are_those_of_the_image(void **state)
{
	struct user u;

	(void)state;
	make_file("passwd", 0644,
		  "root:x:0:0:root:/root:/bin/sh\nbroken line\n"
		  "bob:x:1000:1001::/home/bob:/bin/sh\n");
	make_file("group", 0644, "root:x:0:\nbob:x:1001:\nvideo:x:44:bob,al\n");

	assert_int_equal(user_lookup(dir, NULL, &u, &err), 0);
	assert_true(u.uid == 0 && u.gid == 0);
	assert_string_equal(u.home, "/root");

	assert_int_equal(user_lookup(dir, "bob", &u, &err), 0);
	assert_true(u.uid == 1000 && u.gid == 1001 && u.nr_groups == 1 &&
		    u.groups[0] == 44);
	assert_int_equal(user_lookup(dir, "1000", &u, &err), 0);
	assert_true(u.uid == 1000 && u.gid == 1001 && u.nr_groups == 1);
	assert_string_equal(u.home, "/home/bob");

	assert_int_equal(user_lookup(dir, "bob:video", &u, &err), 0);
	assert_true(u.uid == 1000 && u.gid == 44 && u.nr_groups == 0);
	assert_int_equal(user_lookup(dir, "77:88", &u, &err), 0);
	assert_true(u.uid == 77 && u.gid == 88);
	assert_string_equal(u.home, "/");
	assert_int_equal(user_lookup(dir, "77", &u, &err), 0);
	assert_true(u.uid == 77 && u.gid == 0);

	assert_int_equal(user_lookup(dir, "eve", &u, &err), -ENOENT);
	assert_string_equal(err.msg, "unable to find user eve: no matching "
				     "entries in passwd file");
	assert_int_equal(user_lookup(dir, "bob:eve", &u, &err), -ENOENT);
	assert_int_equal(user_lookup(dir, "4294967296", &u, &err), -ENOENT);
	assert_int_equal(user_lookup("/nowhere", "5:6", &u, &err), 0);
}

static void commands_are_looked_up_as_a_shell_does(void **state)
{
	char file[256];

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(mkdir("b", 0755), 0);
	assert_int_equal(mkdir("a/sub", 0755), 0);
	make_file("a/plain", 0644, "");
	make_file("b/tool", 0755, "");
	make_file("b/plain", 0755, "");
	make_file("here", 0755, "");
	make_file("a/only", 0644, "");

	assert_int_equal(
		lookup_command("tool", "a:b", file, sizeof(file), &err), 0);
	assert_string_equal(file, "b/tool");
	assert_int_equal(
		lookup_command("plain", "a:b", file, sizeof(file), &err), 0);
	assert_string_equal(file, "b/plain");
	assert_int_equal(
		lookup_command("here", "a::b", file, sizeof(file), &err), 0);
	assert_string_equal(file, "./here");
	assert_int_equal(
		lookup_command("only", "a:b", file, sizeof(file), &err), 126);
	assert_int_equal(lookup_command("sub", "a:b", file, sizeof(file), &err),
			 127);
	assert_int_equal(
		lookup_command("none", "a:b", file, sizeof(file), &err), 127);
	assert_int_equal(lookup_command("", "a:b", file, sizeof(file), &err),
			 127);
	assert_int_equal(lookup_command("./a", "b", file, sizeof(file), &err),
			 126);
	assert_int_equal(
		lookup_command("a/plain", "b", file, sizeof(file), &err), 126);
	assert_int_equal(
		lookup_command("b/tool/x", "b", file, sizeof(file), &err), 127);
}

static void etc_files_say_what_the_keeper_said(void **state)
{
	struct settings s = { 0 };

	(void)state;
	assert_int_equal(add(&s, AGENT_HOSTNAME, "bell", 4), 0);
	assert_int_equal(add(&s, AGENT_ADDR, "10.0.2.15/24", 12), 0);
	assert_int_equal(add(&s, AGENT_ADDR, "fd00::f/64", 10), 0);
	assert_int_equal(add(&s, AGENT_DNS, "10.0.2.3", 8), 0);
	assert_int_equal(add(&s, AGENT_DNS, "fd00::3", 7), 0);
	assert_int_equal(add(&s, AGENT_HOSTS, "192.0.2.1\tpeer", 14), 0);
	assert_int_equal(etc_write(dir, &s, &err), 0);

	AUTO_FREE char *hosts = read_text("hosts");
	AUTO_FREE char *name = read_text("hostname");
	AUTO_FREE char *resolv = read_text("resolv.conf");
	assert_string_equal(name, "bell\n");
	assert_string_equal(resolv,
			    "nameserver 10.0.2.3\nnameserver fd00::3\n");
	assert_non_null(strstr(hosts, "127.0.0.1\tlocalhost\n"));
	assert_non_null(strstr(hosts, "192.0.2.1\tpeer\n"
				      "10.0.2.15\tbell\nfd00::f\tbell\n"));
	settings_done(&s);
}

static void addresses_are_parsed_whole(void **state)
{
	struct net_addr a;

	(void)state;
	assert_int_equal(net_parse("10.0.2.15/24", &a, &err), 0);
	assert_true(a.family == AF_INET && a.prefix == 24 && a.bytes[3] == 15);
	assert_int_equal(net_parse("fd00::2", &a, &err), 0);
	assert_true(a.family == AF_INET6 && a.prefix == 128 &&
		    a.bytes[15] == 2);
	static const char *const bad[] = {
		"",	      "10.0.2",	    "10.0.2.15/33",
		"10.0.2.15/", "fd00::/129", "10.0.2.15/2x",
		"x"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(net_parse(bad[i], &a, &err), -EINVAL);
}

static void the_reserve_is_the_kernel_s_own(void **state)
{
	(void)state;
	assert_int_equal(sysctl_reserve_kib(0), 128);
	assert_int_equal(sysctl_reserve_kib(UINT64_C(256) << 20), 2048);
	assert_int_equal(sysctl_reserve_kib(UINT64_C(1) << 30), 4096);
	assert_int_equal(sysctl_reserve_kib(UINT64_C(64) << 30), 32768);
	assert_int_equal(sysctl_reserve_kib(UINT64_MAX), 262144);
}

static void disks_are_found_by_serial(void **state)
{
	char name[32];

	(void)state;
	assert_int_equal(mkdir("vda", 0755), 0);
	assert_int_equal(mkdir("vdb", 0755), 0);
	assert_int_equal(mkdir("loop0", 0755), 0);
	make_file("vda/serial", 0644, "image\n");
	make_file("vdb/serial", 0644, "layer");
	assert_int_equal(disks_find(dir, "layer", name, sizeof(name)), 0);
	assert_string_equal(name, "vdb");
	assert_int_equal(disks_find(dir, "image", name, sizeof(name)), 0);
	assert_string_equal(name, "vda");
	assert_int_equal(disks_find(dir, "lay", name, sizeof(name)), -ENOENT);
	assert_int_equal(disks_wait(dir, "none", 20, name, sizeof(name), &err),
			 -ENOENT);
	assert_string_equal(err.msg, "the machine has no disk 'none'");
}

static void stdin_credit_never_exceeds_the_window(void **state)
{
	static uint8_t data[AGENT_WINDOW];
	AUTO_FREE struct stdin_queue *q = malloc(sizeof(*q));

	(void)state;
	assert_non_null(q);
	stdin_queue_init(q);
	assert_int_equal(stdin_queue_add(q, data, sizeof(data)), 0);
	assert_int_equal(stdin_queue_add(q, data, 1), -EPROTO);
	assert_int_equal(stdin_queue_credit(q), 0);
	assert_int_equal(stdin_queue_drain(q, -1), 0);
	assert_int_equal(stdin_queue_credit(q), AGENT_WINDOW);
	assert_int_equal(stdin_queue_credit(q), 0);
	assert_int_equal(stdin_queue_add(q, data, sizeof(data)), 0);
	assert_int_equal(stdin_queue_end(q, true), 0);
	assert_int_equal(q->end - q->start, AGENT_WINDOW + 1);
	assert_int_equal(stdin_queue_end(q, true), -EPROTO);
	assert_int_equal(stdin_queue_add(q, data, 0), -EPROTO);
}

#define parts_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		parts_test(record_in_single_bytes_is_whole_at_the_end),
		parts_test(several_records_come_out_of_one_read),
		parts_test(longest_record_fits_and_a_longer_one_is_refused),
		parts_test(end_of_stream_is_an_error),
		parts_test(output_leaves_room_for_control_records),
		parts_test(settings_keep_what_they_are_given),
		parts_test(settings_refuse_what_breaks_the_protocol),
		parts_test(settings_are_bounded),
		parts_test(users_are_those_of_the_image),
		parts_test(commands_are_looked_up_as_a_shell_does),
		parts_test(etc_files_say_what_the_keeper_said),
		parts_test(addresses_are_parsed_whole),
		parts_test(the_reserve_is_the_kernel_s_own),
		parts_test(disks_are_found_by_serial),
		parts_test(stdin_credit_never_exceeds_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
