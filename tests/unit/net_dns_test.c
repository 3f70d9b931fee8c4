/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_dns_test.c - the name server of a guest with --allow, asked properly and
 * with whatever bytes a guest can send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/net/dns.h"

#define NAME "Files.example.com"

static struct allow_list list;
static uint8_t reply[DNS_REPLY_MAX];
static char refused[NS_MAXDNAME];

static int setup(void **state)
{
	static const char *const entries[] = {
		"tcp:443:files.EXAMPLE.com=192.0.2.7,192.0.2.8,2001:db8::7",
		"tcp:80:files.EXAMPLE.com=192.0.2.7,192.0.2.8,2001:db8::7",
		"udp:53:=192.0.2.9",
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		if (allow_parse_pinned(entries[i], &list.v[list.n++], &err))
			return -1;
	return 0;
}

/* A query as a resolver library writes it. */
static size_t ask(const char *name, int class, int type, uint8_t *query)
{
	int n = res_mkquery(ns_o_query, name, class, type, NULL, 0, NULL, query,
			    512);

	assert_true(n > 0);
	return (size_t)n;
}

/* In memory of exactly that size, so that the sanitizer sees a byte more. */
static size_t answer(const uint8_t *query, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	memcpy(exact, query, len);
	memset(reply, 0xee, sizeof(reply));
	size_t n = dns_answer(&list, exact, len, reply, refused);
	free(exact);
	assert_in_range(n, 0, DNS_REPLY_MAX);
	if (n == 0)
		return 0;

	/* Whatever was asked: a reply to it that parses to its last byte. */
	ns_msg m;
	assert_int_equal(ns_initparse(reply, (int)n, &m), 0);
	assert_memory_equal(reply, query, 2);
	assert_int_equal(ns_msg_getflag(m, ns_f_qr), 1);
	assert_int_equal(ns_msg_getflag(m, ns_f_tc), 0);
	return n;
}

static void rcode_is(const uint8_t *query, size_t len, int rcode)
{
	ns_msg m;
	size_t n = answer(query, len);

	assert_true(n > 0);
	assert_int_equal(ns_initparse(reply, (int)n, &m), 0);
	assert_int_equal(ns_msg_getflag(m, ns_f_rcode), rcode);
	assert_int_equal(ns_msg_count(m, ns_s_an), 0);
}

/* The answers to @name, as text separated by blanks. */
static void addresses_are(const char *name, int type, const char *want)
{
	char got[600] = "";
	uint8_t query[512];
	size_t len = ask(name, ns_c_in, type, query);
	size_t n = answer(query, len);
	ns_msg m;
	ns_rr rr;

	assert_int_equal(ns_initparse(reply, (int)n, &m), 0);
	assert_int_equal(ns_msg_getflag(m, ns_f_rcode), ns_r_noerror);
	assert_int_equal(ns_msg_getflag(m, ns_f_ra), 1);
	assert_int_equal(ns_msg_getflag(m, ns_f_rd), 1);
	assert_int_equal(ns_parserr(&m, ns_s_qd, 0, &rr), 0);
	assert_string_equal(ns_rr_name(rr), name); /* its case is kept */
	assert_int_equal(ns_rr_type(rr), type);
	for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
		char ip[INET6_ADDRSTRLEN + 1];

		assert_int_equal(ns_parserr(&m, ns_s_an, i, &rr), 0);
		assert_string_equal(ns_rr_name(rr), name);
		assert_int_equal(ns_rr_type(rr), type);
		assert_int_equal(ns_rr_ttl(rr), DNS_TTL_S);
		assert_int_equal(ns_rr_rdlen(rr), type == ns_t_a ? 4 : 16);
		assert_non_null(inet_ntop(type == ns_t_a ? AF_INET : AF_INET6,
					  ns_rr_rdata(rr), ip, sizeof(ip)));
		(void)strcat(strcat(got, ip), " ");
	}
	assert_string_equal(got, want);
	assert_string_equal(refused, "");
}

static void allowed_names_have_their_addresses(void **state)
{
	(void)state;
	addresses_are(NAME, ns_t_a, "192.0.2.7 192.0.2.8 ");
	addresses_are("fIlEs.eXample.COM", ns_t_a, "192.0.2.7 192.0.2.8 ");
	addresses_are(NAME, ns_t_aaaa, "2001:db8::7 ");
	/* Exists, but has none: else a client would give up on A as well. */
	addresses_are(NAME, ns_t_mx, "");
	addresses_are(NAME, ns_t_txt, "");
	addresses_are(NAME, ns_t_any, "");
}

static void the_longest_name_with_all_addresses_fits(void **state)
{
	static char name[ALLOW_NAME_MAX + 1];
	static struct allow_list longest = { .n = 1 };
	struct allow *a = &longest.v[0];
	uint8_t query[512];
	ns_msg m;

	(void)state;
	memset(name, 'a', ALLOW_NAME_MAX);
	for (size_t i = 63; i < ALLOW_NAME_MAX; i += 64)
		name[i] = '.';
	memcpy(a->name, name, sizeof(name));
	a->nr4 = a->nr6 = ALLOW_ADDRS;
	size_t len = ask(name, ns_c_in, ns_t_aaaa, query);
	size_t n = dns_answer(&longest, query, len, reply, refused);
	assert_int_equal(ns_initparse(reply, (int)n, &m), 0);
	assert_int_equal(ns_msg_count(m, ns_s_an), ALLOW_ADDRS);
}

static void other_names_do_not_exist(void **state)
{
	static const char *const names[] = {
		"example.com",	    "a.files.example.com",
		"files.example.co", "files.example.com.evil.org",
		"evil.org",	    "7.2.0.192.in-addr.arpa",
	};
	uint8_t query[512];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		size_t len = ask(names[i], ns_c_in, ns_t_a, query);

		rcode_is(query, len, ns_r_nxdomain);
		assert_string_equal(refused, names[i]);
	}
	/* Only who wants to connect is worth a word. */
	rcode_is(query, ask("evil.org", ns_c_in, ns_t_txt, query),
		 ns_r_nxdomain);
	assert_string_equal(refused, "");
	/* The root has an empty name, as have entries of addresses. */
	rcode_is(query, ask(".", ns_c_in, ns_t_a, query), ns_r_nxdomain);
}

static void names_of_any_bytes_are_printable(void **state)
{
	uint8_t query[64] = { 0, 7, 1, 0, 0, 1 };
	size_t at = NS_HFIXEDSZ;

	(void)state;
	memcpy(query + at, "\x0b\x1b[31m\n\"\xff\x00.\x07\x00", 13);
	at += 13;
	memcpy(query + at, "\0\1\0\1", 4);
	rcode_is(query, at + 4, ns_r_nxdomain);
	assert_string_equal(refused, "\\027[31m\\010\\\"\\255\\000\\.\\007");
}

static void what_is_no_question_is_no_answer(void **state)
{
	uint8_t query[512];
	size_t len = ask(NAME, ns_c_in, ns_t_a, query);

	(void)state;
	for (size_t n = 0; n < NS_HFIXEDSZ; n++)
		assert_int_equal(answer(query, n), 0);
	/* Cut anywhere behind the header: broken, and said so. */
	for (size_t n = NS_HFIXEDSZ; n < len; n++)
		rcode_is(query, n, ns_r_formerr);
	query[2] |= 0x80; /* a reply */
	assert_int_equal(answer(query, len), 0);
	query[2] &= 0x7f;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		query[2] = (uint8_t)(opcode << 3 | 1);
		rcode_is(query, len, ns_r_notimpl);
	}
	query[2] = 1;
	query[len] = 0; /* a byte too many */
	rcode_is(query, len + 1, ns_r_formerr);
	rcode_is(query, ask(NAME, ns_c_chaos, ns_t_txt, query), ns_r_refused);
	rcode_is(query, ask(NAME, ns_c_any, ns_t_a, query), ns_r_refused);
}

static void counts_that_lie_are_errors(void **state)
{
	uint8_t query[512];
	size_t len = ask(NAME, ns_c_in, ns_t_a, query);

	(void)state;
	for (size_t at = 4; at < NS_HFIXEDSZ; at += 2) {
		static const uint16_t counts[] = { 2, 255, 65535 };

		for (size_t i = 0; i < 3; i++) {
			(void)ask(NAME, ns_c_in, ns_t_a, query);
			ns_put16(counts[i], query + at);
			rcode_is(query, len, ns_r_formerr);
		}
	}
	(void)ask(NAME, ns_c_in, ns_t_a, query);
	ns_put16(0, query + 4);
	rcode_is(query, len, ns_r_formerr);
	rcode_is(query, NS_HFIXEDSZ, ns_r_formerr); /* none, truly */

	/* Two questions, both whole. */
	(void)ask(NAME, ns_c_in, ns_t_a, query);
	size_t question = len - NS_HFIXEDSZ;
	memcpy(query + len, query + NS_HFIXEDSZ, question);
	ns_put16(2, query + 4);
	rcode_is(query, len + question, ns_r_formerr);
}

/* A question whose name is @bytes. */
static size_t raw(const void *bytes, size_t n, uint8_t *query)
{
	memset(query, 0, NS_HFIXEDSZ);
	query[2] = 1;
	query[5] = 1;
	memcpy(query + NS_HFIXEDSZ, bytes, n);
	memcpy(query + NS_HFIXEDSZ + n, "\0\1\0\1", 4);
	return NS_HFIXEDSZ + n + 4;
}

static void pointers_lead_nowhere(void **state)
{
	uint8_t query[512];
	uint8_t many[400];

	(void)state;
	rcode_is(query, raw("\xc0\x0c", 2, query), ns_r_formerr); /* itself */
	rcode_is(query, raw("\x01\x61\xc0\x0c", 4, query), ns_r_formerr);
	rcode_is(query, raw("\xc0\x0e\xc0\x0c", 4, query), ns_r_formerr);
	rcode_is(query, raw("\xff\xff", 2, query), ns_r_formerr); /* outside */
	rcode_is(query, raw("\xc0", 1, query), ns_r_formerr);
	rcode_is(query, raw("\x40\x00", 2, query), ns_r_formerr); /* reserved */
	rcode_is(query, raw("\x80\x00", 2, query), ns_r_formerr);
	rcode_is(query, raw("\x3f\x61\x00", 3, query), ns_r_formerr);

	/* 260 bytes of name, and labels one after the other for ever. */
	memset(many, 1, sizeof(many));
	many[399] = 0;
	rcode_is(query, raw(many, sizeof(many), query), ns_r_formerr);

	/* Into the header: there is a name there, but never an allowed one. */
	size_t n = answer(query, raw("\xc0\x00", 2, query));
	assert_true(n == NS_HFIXEDSZ || n == NS_HFIXEDSZ + 5);
}

static void extra_records_are_passed_over(void **state)
{
	uint8_t query[512];
	size_t len = ask(NAME, ns_c_in, ns_t_a, query);
	/* EDNS, RFC 6891: root, OPT, 1232 bytes. */
	static const uint8_t opt[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0 };
	ns_msg m;

	(void)state;
	memcpy(query + len, opt, sizeof(opt));
	ns_put16(1, query + 10);
	size_t n = answer(query, len + sizeof(opt));
	assert_int_equal(ns_initparse(reply, (int)n, &m), 0);
	assert_int_equal(ns_msg_count(m, ns_s_an), 2);
	assert_int_equal(ns_msg_count(m, ns_s_ar), 0);
}

static void any_bytes_end_well(void **state)
{
	uint8_t query[512];
	uint32_t r = 11;

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		size_t len = ask(NAME, ns_c_in, ns_t_a, query);

		/* A proper query, damaged in one to four places. */
		for (unsigned k = 0; k <= i % 4; k++) {
			r = r * 1664525 + 1013904223;
			query[(r >> 16) % len] = (uint8_t)(r >> 8);
		}
		if (i % 8 == 7)
			len = (r >> 20) % len;
		(void)answer(query, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_names_have_their_addresses),
		cmocka_unit_test(the_longest_name_with_all_addresses_fits),
		cmocka_unit_test(other_names_do_not_exist),
		cmocka_unit_test(names_of_any_bytes_are_printable),
		cmocka_unit_test(what_is_no_question_is_no_answer),
		cmocka_unit_test(counts_that_lie_are_errors),
		cmocka_unit_test(pointers_lead_nowhere),
		cmocka_unit_test(extra_records_are_passed_over),
		cmocka_unit_test(any_bytes_end_well),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
