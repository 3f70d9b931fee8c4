/* SPDX-License-Identifier: Apache-2.0 */
/* dns.c - answers for allowed names, out of memory. */
#include "vmm/net/dns.h"

#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

/* A name compressed to a pointer at the question's, RFC 1035 section 4.1.4. */
#define QUESTION_NAME (0xc000 | NS_HFIXEDSZ)

#define FLAG_REPLY	   0x8000
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_CAN_RECURSE   0x0080
#define MASK_OPCODE_RD	   0x7900 /* these go back as they came */

struct writer {
	uint8_t *at;
	uint8_t *end;
};

static void put(struct writer *w, const void *data, size_t len)
{
	memcpy(w->at, data, len);
	w->at += len;
}

static void put16(struct writer *w, unsigned v)
{
	ns_put16(v, w->at);
	w->at += NS_INT16SZ;
}

/* One record about the name asked for, when it has room. */
static unsigned put_address(struct writer *w, unsigned type, const void *addr,
			    size_t len)
{
	if ((size_t)(w->end - w->at) < 12 + len)
		return 0;
	put16(w, QUESTION_NAME);
	put16(w, type);
	put16(w, ns_c_in);
	ns_put32(DNS_TTL_S, w->at);
	w->at += NS_INT32SZ;
	put16(w, (unsigned)len);
	put(w, addr, len);
	return 1;
}

static unsigned put_addresses(struct writer *w, const struct allow *a,
			      unsigned type)
{
	unsigned n = 0;

	for (unsigned i = 0; type == ns_t_a && i < a->nr4; i++)
		n += put_address(w, type, &a->v4[i], sizeof(a->v4[i]));
	for (unsigned i = 0; type == ns_t_aaaa && i < a->nr6; i++)
		n += put_address(w, type, &a->v6[i], sizeof(a->v6[i]));
	return n;
}

/*
 * The question in our own spelling: the guest's may be made of pointers.  Its
 * letters keep their case, which some resolvers check.
 */
static bool put_question(struct writer *w, const ns_rr *q)
{
	int n = ns_name_compress(ns_rr_name(*q), w->at,
				 (size_t)(w->end - w->at - NS_QFIXEDSZ), NULL,
				 NULL);

	if (n < 0)
		return false;
	w->at += n;
	put16(w, ns_rr_type(*q));
	put16(w, ns_rr_class(*q));
	return true;
}

/* The header goes in last: it counts what follows. */
static size_t finish(uint8_t *reply, const uint8_t *query, unsigned rcode,
		     unsigned questions, unsigned answers, const uint8_t *end)
{
	struct writer w = { reply, reply + NS_HFIXEDSZ };
	unsigned flags = ns_get16(query + NS_INT16SZ) & MASK_OPCODE_RD;

	put(&w, query, NS_INT16SZ); /* the id */
	put16(&w, flags | FLAG_REPLY | FLAG_AUTHORITATIVE | FLAG_CAN_RECURSE |
			  rcode);
	put16(&w, questions);
	put16(&w, answers);
	put16(&w, 0);
	put16(&w, 0);
	return (size_t)(end - reply);
}

/* What is wrong with the message before any name matters, or NOERROR. */
static ns_rcode judge(const uint8_t *query, size_t len, ns_msg *msg, ns_rr *q)
{
	/* Fails on loops of pointers and on every count that is a lie. */
	if (ns_initparse(query, (int)len, msg) < 0)
		return ns_r_formerr;
	if (ns_msg_getflag(*msg, ns_f_opcode) != ns_o_query)
		return ns_r_notimpl;
	if (ns_msg_count(*msg, ns_s_qd) != 1 ||
	    ns_parserr(msg, ns_s_qd, 0, q) < 0)
		return ns_r_formerr;
	return ns_rr_class(*q) == ns_c_in ? ns_r_noerror : ns_r_refused;
}

static bool asks_address(const ns_rr *q)
{
	return ns_rr_type(*q) == ns_t_a || ns_rr_type(*q) == ns_t_aaaa;
}

size_t dns_answer(const struct allow_list *list, const uint8_t *query,
		  size_t len, uint8_t reply[DNS_REPLY_MAX],
		  char ret_refused[NS_MAXDNAME])
{
	struct writer w = { reply + NS_HFIXEDSZ, reply + DNS_REPLY_MAX };
	ns_msg msg;
	ns_rr q;

	ret_refused[0] = '\0';
	/* A reply is never answered: two servers would play ball for ever. */
	if (len < NS_HFIXEDSZ || len > NS_MAXMSG ||
	    ns_get16(query + NS_INT16SZ) & FLAG_REPLY)
		return 0;

	ns_rcode rcode = judge(query, len, &msg, &q);
	if (rcode == ns_r_noerror && !put_question(&w, &q))
		rcode = ns_r_formerr;
	if (rcode != ns_r_noerror)
		return finish(reply, query, rcode, 0, 0, w.at);

	const struct allow *a = allow_find_name(list, ns_rr_name(q));
	if (!a) {
		if (asks_address(&q))
			(void)snprintf(ret_refused, NS_MAXDNAME, "%s",
				       ns_rr_name(q));
		return finish(reply, query, ns_r_nxdomain, 1, 0, w.at);
	}
	unsigned n = put_addresses(&w, a, ns_rr_type(q));
	return finish(reply, query, ns_r_noerror, 1, n, w.at);
}
