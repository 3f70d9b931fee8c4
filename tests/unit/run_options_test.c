/* SPDX-License-Identifier: Apache-2.0 */
/* Options of `belljar run` mean what docker means by them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/manager/cli.h"
#include "vmm/manager/run_options.h"

#define WORDS_MAX 24

/* Split at blanks; a word '' is empty. */
struct line {
	char text[512];
	char *argv[WORDS_MAX + 1];
	int argc;
	struct run_options o;
	struct err err;
	int r;
};

static void parse(struct line *l, const char *text)
{
	char *next = l->text;

	*l = (struct line){ .argc = 0 };
	(void)snprintf(l->text, sizeof(l->text), "run %s", text);
	for (char *w; (w = strsep(&next, " ")) != NULL;)
		l->argv[l->argc++] = strcmp(w, "''") == 0 ? w + 2 : w;
	l->r = run_options_parse(l->argc, l->argv, &l->o, &l->err);
}

static void docker_flags_are_understood(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "-it --rm --name n -e A=1 -eB=2 --env=C= -w /w -u 1:2 "
		  "--entrypoint '' -h box --cpus 1.5 -m 1g --shm-size 64m "
		  "img");
	assert_int_equal(l.r, 0);
	assert_true(l.o.interactive && l.o.tty && l.o.rm);
	assert_string_equal(l.o.name, "n");
	assert_int_equal(l.o.env.n, 3);
	assert_string_equal(l.o.env.v[0], "A=1");
	assert_string_equal(l.o.env.v[1], "B=2");
	assert_string_equal(l.o.env.v[2], "C=");
	assert_string_equal(l.o.workdir, "/w");
	assert_string_equal(l.o.user, "1:2");
	assert_string_equal(l.o.entrypoint, "");
	assert_string_equal(l.o.hostname, "box");
	assert_int_equal(l.o.cpus, 2);
	assert_int_equal(l.o.memory, 1 << 30);
	assert_int_equal(l.o.shm_size, 64 << 20);
	assert_string_equal(l.o.image, "img");
	assert_null(l.o.command[0]);
	run_options_done(&l.o);
}

static void shares_are_kept_in_order(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "-v /a:/b:ro --mount type=bind,src=/c,dst=/d --volume=/e:/f "
		  "img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.shares.n, 3);
	assert_string_equal(l.o.shares.v[0].target, "/b");
	assert_true(l.o.shares.v[0].readonly);
	assert_string_equal(l.o.shares.v[1].source, "/c");
	assert_string_equal(l.o.shares.v[1].option, "--mount");
	assert_string_equal(l.o.shares.v[2].target, "/f");
	run_options_done(&l.o);
	parse(&l, "-v /a:/b -v nothing img");
	assert_int_equal(l.r, -EINVAL);
	run_options_done(&l.o);
}

static void machine_options_are_understood(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "-p 80:80 -p 1:2/udp --kernel stock --initrd a --initrd b "
		  "--read-only --timeout 5m -q --hw fdt --serial --timing img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.publish.n, 2);
	assert_string_equal(l.o.publish.v[1], "1:2/udp");
	assert_string_equal(l.o.kernel, "stock");
	assert_int_equal(l.o.initrds.n, 2);
	assert_true(l.o.read_only && l.o.quiet && l.o.serial && l.o.timing);
	assert_int_equal(l.o.timeout, 300);
	assert_true(l.o.fdt);
	assert_int_equal(l.o.network.kind, NETWORK_USER);
	run_options_done(&l.o);

	parse(&l, "--net none img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.network.kind, NETWORK_NONE);
	run_options_done(&l.o);
}

static void allow_is_checked_as_it_is_read(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "--allow a.test:443 --allow=[2001:db8::1]:53/udp img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.allow.n, 2);
	assert_string_equal(l.o.allow.v[0], "a.test:443");
	assert_string_equal(l.o.allow.v[1], "[2001:db8::1]:53/udp");
	assert_int_equal(l.o.network.kind, NETWORK_USER);
	run_options_done(&l.o);

	parse(&l, "--allow a.test img");
	assert_int_equal(l.r, -EINVAL);
	assert_non_null(strstr(l.err.msg, "a port is missing"));
	run_options_done(&l.o);

	parse(&l, "--allow a.test:1 --network none img");
	assert_int_equal(l.r, -EINVAL);
	assert_string_equal(l.err.msg, "--allow a.test:1 needs a network; "
				       "leave out --network none");
	run_options_done(&l.o);
}

static void options_after_the_image_belong_to_the_command(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "-i img ls -la --rm -- x");
	assert_int_equal(l.r, 0);
	assert_true(l.o.interactive);
	assert_false(l.o.rm);
	assert_string_equal(l.o.image, "img");
	assert_string_equal(l.o.command[0], "ls");
	assert_string_equal(l.o.command[1], "-la");
	assert_string_equal(l.o.command[2], "--rm");
	assert_string_equal(l.o.command[3], "--");
	assert_string_equal(l.o.command[4], "x");
	assert_null(l.o.command[5]);
	run_options_done(&l.o);

	parse(&l, "-- img -x");
	assert_int_equal(l.r, 0);
	assert_string_equal(l.o.image, "img");
	assert_string_equal(l.o.command[0], "-x");
	run_options_done(&l.o);
}

static void a_name_alone_copies_our_variable(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(setenv("BJ_TEST_SET", "here", 1), 0);
	assert_int_equal(unsetenv("BJ_TEST_UNSET"), 0);
	parse(&l, "-e BJ_TEST_SET -e BJ_TEST_UNSET img");
	assert_int_equal(l.r, 0);
	assert_string_equal(l.o.env.v[0], "BJ_TEST_SET=here");
	/* Without '=': the image's value goes too. */
	assert_string_equal(l.o.env.v[1], "BJ_TEST_UNSET");
	run_options_done(&l.o);
}

static void env_files_are_read(void **state)
{
	static const char text[] = "# comment\n\nA=1\n  B = 2\n";
	static const char good[] = "# comment\n\r\n  A=x y # z\nB=\r\nC";
	char path[] = "/tmp/belljar-env.XXXXXX";
	char args[64];
	struct line l;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, good, sizeof(good) - 1), sizeof(good) - 1);
	(void)snprintf(args, sizeof(args), "--env-file %s img", path);
	assert_int_equal(setenv("C", "c", 1), 0);
	parse(&l, args);
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.env_file.n, 3);
	assert_string_equal(l.o.env_file.v[0], "A=x y # z");
	assert_string_equal(l.o.env_file.v[1], "B=");
	assert_string_equal(l.o.env_file.v[2], "C=c");
	run_options_done(&l.o);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, sizeof(text) - 1, 0),
			 sizeof(text) - 1);
	parse(&l, args);
	assert_int_equal(l.r, -EINVAL);
	assert_non_null(strstr(l.err.msg, "line 4"));
	run_options_done(&l.o);
	(void)close(fd);
	(void)unlink(path);
}

static void networks_of_the_host(void **state)
{
	static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };
	struct line l;

	(void)state;
	parse(&l, "--network bridge=br0,ip=192.0.2.5/24,ip=2001:db8::5/64,"
		  "gateway=192.0.2.1,dns=192.0.2.2,mac=02:01:02:03:04:05 img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.network.kind, NETWORK_BRIDGE);
	assert_string_equal(l.o.network.name, "br0");
	assert_int_equal(l.o.network.addrs.n, 2);
	assert_string_equal(l.o.network.addrs.v[1], "2001:db8::5/64");
	assert_string_equal(l.o.network.gateways.v[0], "192.0.2.1");
	assert_string_equal(l.o.network.dns.v[0], "192.0.2.2");
	assert_memory_equal(l.o.network.mac, mac, 6);
	run_options_done(&l.o);

	parse(&l, "--network user,mtu=1500 img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.network.kind, NETWORK_USER);
	assert_int_equal(l.o.network.mtu, 1500);
	run_options_done(&l.o);

	parse(&l, "--network lab.1,mtu=1500 -p 80 --net-bps 1m img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.network.kind, NETWORK_NAMED);
	assert_string_equal(l.o.network.name, "lab.1");
	assert_string_equal(network_options_mode(&l.o.network), "lab.1");
	assert_null(network_options_interface(&l.o.network));
	assert_int_equal(l.o.network.mtu, 1500);
	run_options_done(&l.o);

	/* The last one counts, and whole. */
	parse(&l, "--network tap=t0,ip=192.0.2.5/24 --net tap=t1 img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.network.kind, NETWORK_TAP);
	assert_string_equal(l.o.network.name, "t1");
	assert_int_equal(l.o.network.addrs.n, 0);
	run_options_done(&l.o);
}

static void mistakes_are_one_sentence(void **state)
{
	static const struct {
		const char *args, *said;
	} cases[] = {
		{ "-q", "no image given" },
		{ "--nam x img", NULL }, /* argp takes unique beginnings */
		{ "--nmae x img", "did you mean '--name'?" },
		{ "--rm=yes img", "takes no value" },
		{ "img2 --", NULL },
		{ "--name", "needs a value" },
		{ "-e", "needs a value" },
		{ "-iZ img", "unknown option '-Z'" },
		{ "-Z img", "unknown option '-Z'" },
		{ "-e =x img", "has no variable name" },
		{ "-w rel img", "not an absolute path" },
		{ "--cpus 0 img", "outside 1..64" },
		{ "--cpus 65 img", "outside 1..64" },
		{ "--cpus 1x img", "not a number" },
		{ "--cpus 1.2.3 img", "not a number" },
		{ "-m 12q img", "not a size" },
		{ "-m 0 img", "zero bytes" },
		{ "--timeout 0 img", "--timeout" },
		{ "--timeout 5mm img", "not a time" },
		{ "--timeout m img", "not a time" },
		{ "--timeout -5 img", "not a time" },
		{ "--name -x img", "is not a name" },
		{ "--name a/b img", "is not a name" },
		{ "-h a_b img", "is not a host name" },
		{ "-h a- img", "is not a host name" },
		{ "--network bridge img", "'bridge' is none of user, none" },
		{ "--network tap= img", "'' is not the name of an interface" },
		{ "--network tap=a/b img", "'a/b' is not the name" },
		{ "--network tap=sixteen-letters- img", "1 to 15 characters" },
		{ "--network tap=t,mtu=1 img", "'mtu=1' is not an option" },
		{ "--network user,ip=192.0.2.5/24 img", "option of user" },
		{ "--network user,mtu=1279 img", "outside 1280..65520" },
		{ "--network user,mtu=1e3 img", "not a whole number" },
		{ "--network us/er img", "'us/er' is none of" },
		{ "--network host img", "'host' is none of user, none" },
		{ "--network lab,ip=10.0.0.3/24 img", "there is mtu=" },
		{ "--network lab --allow 192.0.2.1:80 img",
		  "--allow 192.0.2.1:80 needs --network user" },
		{ "--network lab -p [::1]:80:80 img", "have IPv4 only" },
		{ "--network lab --profile untrusted img",
		  "--network lab contradicts --profile untrusted" },
		{ "--network none,mtu=1500 img", "is none of user" },
		{ "--network tap=t,ip=192.0.2.5 img", "192.0.2.5/24" },
		{ "--network tap=t,ip=192.0.2.5/33 img", "outside 0..32" },
		{ "--network tap=t,ip=2001:db8::1/129 img", "outside 0..128" },
		{ "--network tap=t,gateway=here img", "not an IP address" },
		{ "--network tap=t,dns img", "'dns' is not an option" },
		{ "--network tap=t,mac=1:2:3:4:5:6 img", "not a unicast MAC" },
		{ "--network tap=t,vhost=force img", "neither 'off' nor 'on'" },
		{ "--network tap=t,vhost=on --net-pps 9 img",
		  "--net-pps excl" },
		{ "--network tap=t,queues=9 img", "outside 1..8" },
		{ "--network user,queues=2 img",
		  "'queues=2' is not an option" },
		{ "--network bridge=b,queues=2 --net-bps 1m img",
		  "those of one queue" },
		{ "--network bridge=b,queues=1 --net-bps 1m img", NULL },
		{ "--network bridge=b -p 1:1 img", "needs --network user" },
		{ "--network tap=t --allow a:1 img", "needs --network user" },
		{ "--network bridge=b --profile untrusted img",
		  "--network bridge contradicts" },
		{ "--hw efi img", "neither 'acpi' nor 'fdt'" },
		{ "--network none -p 1:1 img", "needs a network" },
		{ "--env-file /nonexistent img", "/nonexistent" },
	};
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(&l, cases[i].args);
		const char *said = cases[i].said;

		if (said ? l.r >= 0 || !strstr(l.err.msg, said) ||
				    strchr(l.err.msg, '\n')
			 : l.r != 0)
			fail_msg("'%s' gave %d: %s", cases[i].args, l.r,
				 l.err.msg);
		run_options_done(&l.o);
	}
}

static void times_have_units(void **state)
{
	static const struct {
		const char *args;
		uint64_t seconds;
	} cases[] = {
		{ "--timeout 90 img", 90 },    { "--timeout 90s img", 90 },
		{ "--timeout 2m img", 120 },   { "--timeout 1h img", 3600 },
		{ "--timeout 1d img", 86400 },
	};
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(&l, cases[i].args);
		assert_int_equal(l.r, 0);
		assert_int_equal(l.o.timeout, cases[i].seconds);
		run_options_done(&l.o);
	}
}

static void suggestions_are_near(void **state)
{
	static const char *const words[] = { "run", "images", "logs", NULL };

	(void)state;
	assert_string_equal(cli_closest("rnu", words), "run");
	assert_string_equal(cli_closest("image", words), "images");
	assert_string_equal(cli_closest("imagse", words), "images");
	assert_null(cli_closest("x", words));
	assert_null(cli_closest("", words));
	assert_null(cli_closest("attach", words));
	assert_null(cli_closest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
				words));
}

static void kernel_modules_have_their_rules(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "--kernel-modules /m --kernel-module nvidia-uvm "
		  "--kernel-module loop --kernel-firmware /f img");
	assert_int_equal(l.r, 0);
	assert_string_equal(l.o.kernel_modules, "/m");
	assert_string_equal(l.o.kernel_firmware, "/f");
	assert_int_equal(l.o.kernel_module.n, 2);
	assert_string_equal(l.o.kernel_module.v[0], "nvidia-uvm");
	run_options_done(&l.o);

	parse(&l, "--kernel-module loop img");
	assert_int_equal(l.r, -EINVAL);
	assert_non_null(strstr(l.err.msg, "needs --kernel-modules"));
	run_options_done(&l.o);
	parse(&l, "--kernel-modules image --kernel-firmware /f img");
	assert_int_equal(l.r, -EINVAL);
	run_options_done(&l.o);
	parse(&l, "--kernel-modules image --kernel-module ../x img");
	assert_int_equal(l.r, -EINVAL);
	assert_non_null(strstr(l.err.msg, "name of a module"));
	run_options_done(&l.o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docker_flags_are_understood),
		cmocka_unit_test(kernel_modules_have_their_rules),
		cmocka_unit_test(shares_are_kept_in_order),
		cmocka_unit_test(machine_options_are_understood),
		cmocka_unit_test(allow_is_checked_as_it_is_read),
		cmocka_unit_test(options_after_the_image_belong_to_the_command),
		cmocka_unit_test(a_name_alone_copies_our_variable),
		cmocka_unit_test(env_files_are_read),
		cmocka_unit_test(networks_of_the_host),
		cmocka_unit_test(mistakes_are_one_sentence),
		cmocka_unit_test(times_have_units),
		cmocka_unit_test(suggestions_are_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
