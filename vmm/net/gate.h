/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - the network of a guest with --allow: what may pass to libslirp, and
 * what becomes of the rest.
 *
 *   guest --> relay of published UDP --> filter --> gate --> libslirp
 *                                                    |
 *               DNS reply, reset or ICMP error <-----+
 *
 * libslirp opens a socket for a SYN that belongs to no connection, and for any
 * UDP datagram and echo request (tcp_input.c, udp.c, udp6.c, ip_icmp.c of
 * 4.7.0).  So these need an entry of the list; other TCP segments pass, since
 * they can only belong to what exists, published ports included.  Fragments
 * and IP options, in which a header can hide, do not pass.
 */
#ifndef VMM_NET_GATE_H
#define VMM_NET_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/allow.h"
#include "vmm/net/frames.h"
#include "vmm/net/packet.h"

enum gate_verdict {
	GATE_PASS,
	GATE_DNS, /* a datagram for our name server */
	GATE_RESET, /* refuse with a TCP reset */
	GATE_PORT, /* refuse with ICMP port unreachable */
	GATE_PROHIBITED, /* refuse with ICMP administratively prohibited */
	GATE_FRAGMENT, /* drop: too long, or evasion */
	GATE_DROP,
};

/* How many different refusals a VM's log gets, and the longest of them. */
#define GATE_NOTES    16
#define GATE_NOTE_MAX 400

struct gate {
	struct allow_list list;
	uint64_t refused; /* connections, datagrams, pings and other frames */
	uint64_t asked; /* DNS queries */
	uint64_t from_strangers; /* datagrams to the guest, dropped */
	unsigned nr_notes; /* GATE_NOTES + 1: said that no more follow */
	char notes[GATE_NOTES][GATE_NOTE_MAX];
};

/*
 * What to do with a frame of the guest that filter_admits().  @p is filled
 * when it is an IP packet that can be answered.
 */
enum gate_verdict gate_judge(const struct allow_list *list,
			     const uint8_t *frame, size_t len,
			     struct packet *p);

/* True: for libslirp.  Else it is dealt with, answers went to @f. */
bool gate_out(struct gate *g, const uint8_t *frame, size_t len,
	      struct frames *f);

/*
 * May libslirp's @frame reach the guest?  Its UDP sockets take datagrams from
 * everybody who knows the port; only those from allowed addresses are wanted.
 */
bool gate_in(struct gate *g, const uint8_t *frame, size_t len);

#endif
