/* SPDX-License-Identifier: Apache-2.0 */
/* allow_test.c - what people write behind --allow, and the pinned form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/allow.h"
#include "vmm/manager/pin.h"

static void pinned_is(const char *text, const char *pinned)
{
	char got[ALLOW_TEXT_MAX];
	struct allow a;
	struct allow again;
	struct err err = { .code = 0 };

	if (allow_parse(text, &a, &err) != 0)
		fail_msg("%s", err.msg);
	allow_format(&a, got, sizeof(got));
	assert_string_equal(got, pinned);
	if (a.name[0])
		return;
	assert_int_equal(allow_parse_pinned(got, &again, &err), 0);
	assert_memory_equal(&a, &again, sizeof(a));
}

static void hosts_and_ports_are_understood(void **state)
{
	(void)state;
	pinned_is("pypi.org:443", "tcp:443:pypi.org");
	pinned_is("pypi.org.:443/tcp", "tcp:443:pypi.org");
	pinned_is("a_b-c.X1:1", "tcp:1:a_b-c.X1");
	pinned_is("host:65535/udp", "udp:65535:host");
	pinned_is("192.0.2.1:80", "tcp:80:=192.0.2.1");
	pinned_is("169.254.169.254:80", "tcp:80:=169.254.169.254");
	pinned_is("[2001:db8::1]:53/udp", "udp:53:=2001:db8::1");
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} bad[] = {
		{ "pypi.org", "a port is missing" },
		{ "pypi.org:", "a port is missing" },
		{ ":443", "a port is missing" },
		{ "", "a port is missing" },
		{ "[2001:db8::1]", "a port is missing" },
		{ "pypi.org:0", "port" },
		{ "pypi.org:65536", "port" },
		{ "pypi.org:http", "port" },
		{ "pypi.org:80-90", "port" },
		{ "pypi.org:443/icmp", "must be tcp or udp" },
		{ "pypi.org:443/", "must be tcp or udp" },
		{ "https://pypi.org:443", "must be tcp or udp" },
		{ "2001:db8::1:443", "brackets around" },
		{ "[2001:db8::g]:443", "not an IPv6 address" },
		{ "[]:443", "not an IPv6 address" },
		{ "[192.0.2.1]:443", "not an IPv6 address" },
		{ "*.pypi.org:443", "must stand a host name" },
		{ "pypi..org:443", "must stand a host name" },
		{ ".pypi.org:443", "must stand a host name" },
		{ "a=b:443", "must stand a host name" },
		{ "127.1:443", "must stand a host name" },
		{ "10.0.0.300:443", "must stand a host name" },
		{ "10.0.0.0/8:443", "must be tcp or udp" },
		{ "127.0.0.1:80", "own loopback" },
		{ "[::1]:80", "own loopback" },
		{ "0.0.0.0:80", "no machine" },
		{ "[::ffff:192.0.2.1]:80", "stands for an IPv4" },
		{ "224.0.0.1:80", "multicast" },
		{ "255.255.255.255:80", "multicast, broadcast" },
		{ "[ff02::1]:80", "multicast" },
		{ "[fe80::1]:80", "link-local" },
		{ "10.0.2.3:53/udp", "guest's own network" },
		{ "[fd00:be11:1a5::2]:80", "guest's own network" },
	};
	struct allow a;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct err){ .code = 0 };
		if (allow_parse(bad[i].text, &a, &err) == 0)
			fail_msg("'%s' was taken", bad[i].text);
		if (!strstr(err.msg, bad[i].says))
			fail_msg("'%s': %s", bad[i].text, err.msg);
		assert_non_null(strstr(err.msg, "--allow"));
	}
}

static void names_have_their_limits(void **state)
{
	char text[ALLOW_NAME_MAX + 32];
	struct allow a;
	struct err err;

	(void)state;
	/* Labels of 63 letters, 253 in all. */
	memset(text, 'a', sizeof(text));
	for (size_t i = 63; i < ALLOW_NAME_MAX; i += 64)
		text[i] = '.';
	(void)snprintf(text + ALLOW_NAME_MAX, 32, ":65535/udp");
	assert_int_equal(allow_parse(text, &a, &err), 0);
	assert_int_equal(strlen(a.name), ALLOW_NAME_MAX);
	text[63] = 'a'; /* 127 letters */
	assert_int_equal(allow_parse(text, &a, &err), -EINVAL);
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(allow_parse(text, &a, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "longer than any"));
}

static void pinned_form_is_checked(void **state)
{
	static const char *const bad[] = {
		"",
		"tcp",
		"tcp:443",
		"tcp:443:pypi.org",
		"tcp:443:pypi.org=",
		"tcp:443:pypi.org=192.0.2.1,",
		"tcp:443:pypi.org=,192.0.2.1",
		"tcp:443:pypi.org=pypi.org",
		"tcp:443:pypi.org=1.2.3.4:5",
		"sctp:443:=192.0.2.1",
		"tcp:0:=192.0.2.1",
		"tcp:443:bad name=192.0.2.1",
		"tcp:443:=1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,"
		"1.1.1.7,1.1.1.8,1.1.1.9",
	};
	char got[ALLOW_TEXT_MAX];
	struct allow a;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (allow_parse_pinned(bad[i], &a, &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
	static const char good[] = "udp:9:a.b=192.0.2.1,1.1.1.1,2001:db8::1";
	assert_int_equal(allow_parse_pinned(good, &a, &err), 0);
	assert_int_equal(a.nr4, 2);
	assert_int_equal(a.nr6, 1);
	allow_format(&a, got, sizeof(got));
	assert_string_equal(got, good);
}

static void entries_are_found_by_all_three(void **state)
{
	static struct allow_list list = { .n = 2 };
	struct in6_addr v6;
	struct in_addr v4;
	struct err err;

	(void)state;
	assert_int_equal(allow_parse_pinned("tcp:80:a.b=192.0.2.1,2001:db8::1",
					    &list.v[0], &err),
			 0);
	assert_int_equal(
		allow_parse_pinned("udp:53:=192.0.2.2", &list.v[1], &err), 0);
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &v4), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &v6), 1);
	assert_ptr_equal(allow_find4(&list, false, v4, 80), &list.v[0]);
	assert_ptr_equal(allow_find6(&list, false, &v6, 80), &list.v[0]);
	assert_null(allow_find4(&list, true, v4, 80));
	assert_null(allow_find6(&list, true, &v6, 80));
	assert_null(allow_find4(&list, false, v4, 81));
	assert_null(allow_find6(&list, false, &v6, 81));
	v6.s6_addr[15] ^= 1;
	assert_null(allow_find6(&list, false, &v6, 80));
	assert_int_equal(inet_pton(AF_INET, "192.0.2.2", &v4), 1);
	assert_null(allow_find4(&list, false, v4, 80));
	assert_null(allow_find4(&list, false, v4, 53));
	assert_ptr_equal(allow_find4(&list, true, v4, 53), &list.v[1]);
	assert_ptr_equal(allow_find_name(&list, "A.b"), &list.v[0]);
	assert_null(allow_find_name(&list, "a.b.c"));
	assert_null(allow_find_name(&list, "")); /* not the nameless entry */
}

static void lists_are_pinned(void **state)
{
	static struct allow_list list;
	struct strv texts = { .n = 0 };
	struct err err = { .code = 0 };

	(void)state;
	assert_int_equal(strv_add(&texts, "192.0.2.1:80"), 0);
	assert_int_equal(strv_add(&texts, "[2001:db8::1]:80/udp"), 0);
	assert_int_equal(pin_all(&texts, &list, &err), 0);
	assert_int_equal(list.n, 2);
	struct json_object *o = pin_to_json(&list);
	assert_string_equal(
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
		"[{\"addresses\":[\"192.0.2.1\"],\"port\":80,"
		"\"protocol\":\"tcp\"},{\"addresses\":[\"2001:db8::1\"],"
		"\"port\":80,\"protocol\":\"udp\"}]");
	(void)json_object_put(o);

	/* RFC 6761 section 6.3: no resolver knows it otherwise. */
	assert_int_equal(strv_add(&texts, "localhost:80"), 0);
	assert_int_equal(pin_all(&texts, &list, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "'localhost' is this machine's own"));
	strv_done(&texts);
	texts = (struct strv){ .n = 0 };
	for (int i = 0; i <= ALLOW_MAX; i++)
		assert_int_equal(strv_add(&texts, "192.0.2.1:%d", i + 1), 0);
	assert_int_equal(pin_all(&texts, &list, &err), -E2BIG);
	assert_int_equal(list.n, ALLOW_MAX);
	strv_done(&texts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_and_ports_are_understood),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(names_have_their_limits),
		cmocka_unit_test(pinned_form_is_checked),
		cmocka_unit_test(entries_are_found_by_all_three),
		cmocka_unit_test(lists_are_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
