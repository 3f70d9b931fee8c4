/* SPDX-License-Identifier: Apache-2.0 */
/* publish_test.c - what -p accepts, what it refuses and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/publish.h"

static void text_becomes(const char *text, const char *expect)
{
	struct publish p;
	struct err err = { 0 };
	char line[PUBLISH_TEXT_MAX];

	if (publish_parse(text, &p, &err) < 0)
		fail_msg("'%s' refused: %s", text, err.msg);
	publish_format(&p, line, sizeof(line));
	assert_string_equal(line, expect);
}

static void forms_of_docker_are_understood(void **state)
{
	(void)state;
	text_becomes("80", "tcp 127.0.0.1:0 -> 80");
	text_becomes("80/udp", "udp 127.0.0.1:0 -> 80");
	text_becomes(":80", "tcp 127.0.0.1:0 -> 80");
	text_becomes("8080:80", "tcp 127.0.0.1:8080 -> 80");
	text_becomes("0:80", "tcp 127.0.0.1:0 -> 80");
	text_becomes("8080:80/tcp", "tcp 127.0.0.1:8080 -> 80");
	text_becomes("5353:53/udp", "udp 127.0.0.1:5353 -> 53");
	text_becomes("0.0.0.0:8080:80", "tcp 0.0.0.0:8080 -> 80");
	text_becomes("127.0.0.1::80", "tcp 127.0.0.1:0 -> 80");
	text_becomes("[::1]:8080:80", "tcp [::1]:8080 -> 80");
	text_becomes("[::1]::80/udp", "udp [::1]:0 -> 80");
	text_becomes("[fe80::1]:65535:65535", "tcp [fe80::1]:65535 -> 65535");
}

static void longest_line_fits(void **state)
{
	(void)state;
	text_becomes("[1111:2222:3333:4444:5555:6666:123.123.123.123]:65535:"
		     "65535/udp",
		     "udp [1111:2222:3333:4444:5555:6666:7b7b:7b7b]:65535 -> "
		     "65535");
}

static void text_is_refused(const char *text, const char *because)
{
	struct publish p;
	struct err err = { 0 };

	memset(&p, 0x5a, sizeof(p));
	struct publish before = p;

	assert_true(publish_parse(text, &p, &err) < 0);
	if (!strstr(err.msg, because))
		fail_msg("'%s' refused with '%s', expected '%s'", text, err.msg,
			 because);
	assert_memory_equal(&p, &before, sizeof(p));
}

static void nonsense_is_refused_with_the_reason(void **state)
{
	(void)state;
	text_is_refused("", "not a whole number");
	text_is_refused("8080:", "not a whole number");
	text_is_refused("http", "'http' is not a whole number");
	text_is_refused("0", "outside 1..65535");
	text_is_refused("8080:0", "outside 1..65535");
	text_is_refused("65536:80", "outside 0..65535");
	text_is_refused("80:99999999999999999999", "outside 1..65535");
	text_is_refused("+80:80", "not a whole number");
	text_is_refused(" 80:80", "not a whole number");
	text_is_refused("8000-8010:80", "port ranges are not supported");
	text_is_refused("80:8000-8010", "port ranges are not supported");
	text_is_refused("80:80/sctp", "must be tcp or udp");
	text_is_refused("80:80/", "must be tcp or udp");
	text_is_refused("80:80/tcp/udp", "must be tcp or udp");
	text_is_refused("localhost:80:80", "address must be numeric");
	text_is_refused("1.2.3:80:80", "address must be numeric");
	text_is_refused("::1:80:80", "brackets around an IPv6 address");
	text_is_refused("[::1:80:80", "[ADDRESS]:HOSTPORT:GUESTPORT");
	text_is_refused("[::1]80:80", "[ADDRESS]:HOSTPORT:GUESTPORT");
	text_is_refused("[127.0.0.1]:80:80", "address must be numeric");
	text_is_refused("1.2.3.4:5:6:7", "too many ':'");
}

static void endless_text_is_refused(void **state)
{
	char text[1024];

	(void)state;
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text_is_refused(text, "longer than any port");
}

/* Opens @text, and fills in the port that the system picked. */
static int opened(const char *text, struct publish *p)
{
	struct err err = { 0 };
	socklen_t len = sizeof(p->host);

	assert_int_equal(publish_parse(text, p, &err), 0);
	int fd = publish_open(p, &err);
	if (fd < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(getsockname(fd, &p->host.any, &len), 0);
	assert_int_not_equal(publish_host_port(p), 0);
	return fd;
}

static void taken_port_is_named(void **state)
{
	static const char *const specs[] = { "80", "80/udp" };

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct publish p;
		struct err err = { 0 };
		char port[16];
		AUTO_CLOSE int fd = opened(specs[i], &p);

		assert_int_equal(publish_open(&p, &err), -EADDRINUSE);
		(void)snprintf(port, sizeof(port), ":%u",
			       publish_host_port(&p));
		assert_non_null(strstr(err.msg, port));
		assert_non_null(strstr(err.msg, "already in use; choose"));
	}
}

static void foreign_address_is_named(void **state)
{
	struct publish p;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(publish_parse("192.0.2.77::80", &p, &err), 0);
	assert_int_equal(publish_open(&p, &err), -EADDRNOTAVAIL);
	assert_non_null(strstr(err.msg, "192.0.2.77"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_of_docker_are_understood),
		cmocka_unit_test(longest_line_fits),
		cmocka_unit_test(nonsense_is_refused_with_the_reason),
		cmocka_unit_test(endless_text_is_refused),
		cmocka_unit_test(taken_port_is_named),
		cmocka_unit_test(foreign_address_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
