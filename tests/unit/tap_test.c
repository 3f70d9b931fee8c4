/* SPDX-License-Identifier: Apache-2.0 */
/* tap_test.c - taps and bridges of the host, and what each refusal says. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/tapns.h"
#include "vmm/manager/tap.h"

static const uint8_t mac[6] = { 2, 0xa, 0xb, 0xc, 0xd, 0xe };
static const char *step;
static int entered;

static int setup(void **state)
{
	(void)state;
	entered = tapns_enter(&step);
	if (entered < 0)
		return 0;
	tapns_ip("link add br0 type bridge");
	tapns_ip("link set br0 mtu 9000");
	tapns_ip("tuntap add dev tap0 mode tap");
	tapns_ip("tuntap add dev tun0 mode tun");
	tapns_ip("tuntap add dev queues mode tap multi_queue");
	return 0;
}

static void need(void)
{
	if (entered == 0)
		return;
	print_message("%s: %s\n", step, strerrordesc_np(-entered));
	skip();
}

static void expect(int r, int code, const struct err *err, const char *words)
{
	assert_int_equal(r, code);
	assert_non_null(strstr(err->msg, words));
}

static void a_tap_is_attached_to(void **state)
{
	struct tap_end end;
	struct err err;

	(void)state;
	need();
	tapns_ip("link set tap0 mtu 1400");
	assert_int_equal(tap_attach(TAP_CLONE, "tap0", 1, &end, &err), 0);
	assert_string_equal(end.name, "tap0");
	assert_int_equal(end.mtu, 1400);
	assert_true(fcntl(end.fd[0], F_GETFD) & FD_CLOEXEC);
	tap_close(&end);
	assert_int_not_equal(if_nametoindex("tap0"), 0);
}

static void one_that_is_missing(void **state)
{
	struct tap_end end;
	struct err err;

	(void)state;
	need();
	expect(tap_attach(TAP_CLONE, "tap7", 1, &end, &err), -ENODEV, &err,
	       "there is no interface 'tap7'");
	/* Asking has made none. */
	assert_int_equal(if_nametoindex("tap7"), 0);
}

static void one_in_use(void **state)
{
	struct tap_end end, again;
	struct err err;

	(void)state;
	need();
	assert_int_equal(tap_attach(TAP_CLONE, "tap0", 1, &end, &err), 0);
	expect(tap_attach(TAP_CLONE, "tap0", 1, &again, &err), -EBUSY, &err,
	       "in use");
	tap_close(&end);
	assert_int_equal(tap_attach(TAP_CLONE, "tap0", 1, &end, &err), 0);
	tap_close(&end);
}

static void what_is_no_tap(void **state)
{
	static const char *const names[] = { "lo", "br0", "tun0" };
	struct tap_end end;
	struct err err;

	(void)state;
	need();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		expect(tap_attach(TAP_CLONE, names[i], 1, &end, &err), -EINVAL,
		       &err, "is no tap");
}

/* As many as are wanted, where it can have them. */
static void one_of_several_queues(void **state)
{
	struct tap_end end;
	struct err err;

	(void)state;
	need();
	assert_int_equal(tap_attach(TAP_CLONE, "queues", 3, &end, &err), 0);
	assert_int_equal(end.nr, 3);
	tap_close(&end);
	assert_int_equal(tap_attach(TAP_CLONE, "queues", 1, &end, &err), 0);
	assert_int_equal(end.nr, 1);
	tap_close(&end);
	assert_int_equal(tap_attach(TAP_CLONE, "tap0", 3, &end, &err), 0);
	assert_int_equal(end.nr, 1);
	tap_close(&end);
	assert_int_equal(tap_make(TAP_CLONE, "mine", "br0", mac, 2, &end, &err),
			 0);
	assert_int_equal(end.nr, 2);
	tap_close(&end);
	assert_int_equal(if_nametoindex("mine"), 0);
}

static void a_host_without_taps(void **state)
{
	struct tap_end end;
	struct err err;

	(void)state;
	need();
	expect(tap_attach("/dev/net/no-such", "tap0", 1, &end, &err), -ENOENT,
	       &err, "modprobe tun");
	expect(tap_make("/dev/net/no-such", "mine", "br0", mac, 1, &end, &err),
	       -ENOENT, &err, "modprobe tun");
}

/* In a child, without any right over the namespace. */
static int unprivileged(int (*try)(struct err *err), struct err *err)
{
	int p[2], status;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err mine = { 0 };
		int r = setresgid(4242, 4242, 4242) < 0 ||
					setresuid(4242, 4242, 4242) < 0
				? 1
				: -try(&mine);

		(void)!write(p[1], &mine, sizeof(mine));
		_exit(r);
	}
	(void)close(p[1]);
	assert_int_equal(read(p[0], err, sizeof(*err)), sizeof(*err));
	(void)close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static int try_attach(struct err *err)
{
	struct tap_end end;

	return tap_attach(TAP_CLONE, "others", 1, &end, err);
}

static int try_attach_owned(struct err *err)
{
	struct tap_end end;

	return tap_attach(TAP_CLONE, "owned", 1, &end, err);
}

static int try_make(struct err *err)
{
	struct tap_end end;

	return tap_make(TAP_CLONE, "mine", "br0", mac, 1, &end, err);
}

static void without_permission(void **state)
{
	struct err err;

	(void)state;
	need();
	if (getuid() != 0 || access("/proc/self/uid_map", R_OK) < 0)
		skip();
	/* One without an owner is everybody's: so the kernel has it. */
	tapns_ip("tuntap add dev others mode tap user 4343");
	expect(unprivileged(try_attach, &err), -EPERM, &err, "is not yours");
	expect(unprivileged(try_make, &err), -EPERM, &err,
	       "no permission to put a tap on the bridge 'br0'");
	assert_int_equal(if_nametoindex("mine"), 0);
	/* One that an administrator has made for this user. */
	tapns_ip("tuntap add dev owned mode tap user 4242");
	assert_int_equal(unprivileged(try_attach_owned, &err), 0);
}

static void one_is_made_on_a_bridge(void **state)
{
	struct tap_end end;
	struct err err;

	(void)state;
	need();
	assert_int_equal(tap_make(TAP_CLONE, "mine", "br0", mac, 1, &end, &err),
			 0);
	assert_string_equal(end.name, "mine");
	assert_int_equal(end.mtu, 9000);
	tapns_ip("link show dev mine up master br0 | grep -q 'mtu 9000'");
	tapns_ip("link show dev mine | grep -q fe:0a:0b:0c:0d:0e");
	/* Whoever is killed, the kernel closes what it had. */
	tap_close(&end);
	assert_int_equal(if_nametoindex("mine"), 0);
	assert_int_not_equal(if_nametoindex("br0"), 0);
}

static void a_bridge_that_is_missing(void **state)
{
	struct tap_end end;
	struct err err;

	(void)state;
	need();
	expect(tap_make(TAP_CLONE, "mine", "br7", mac, 1, &end, &err), -ENODEV,
	       &err, "there is no bridge 'br7'");
	expect(tap_make(TAP_CLONE, "mine", "lo", mac, 1, &end, &err),
	       -EOPNOTSUPP, &err, "'lo' is no bridge");
	expect(tap_make(TAP_CLONE, "mine", "tap0", mac, 1, &end, &err),
	       -EOPNOTSUPP, &err, "'tap0' is no bridge");
	assert_int_equal(if_nametoindex("mine"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tap_is_attached_to),
		cmocka_unit_test(one_that_is_missing),
		cmocka_unit_test(one_in_use),
		cmocka_unit_test(what_is_no_tap),
		cmocka_unit_test(one_of_several_queues),
		cmocka_unit_test(a_host_without_taps),
		cmocka_unit_test(without_permission),
		cmocka_unit_test(one_is_made_on_a_bridge),
		cmocka_unit_test(a_bridge_that_is_missing),
	};

	return cmocka_run_group_tests_name("taps of the host", tests, setup,
					   NULL);
}
