/* SPDX-License-Identifier: Apache-2.0 */
/* switch_priv.h - the switch's state, shared by the files of this folder. */
#ifndef VMM_SWITCH_SWITCH_PRIV_H
#define VMM_SWITCH_SWITCH_PRIV_H

#include <stdint.h>

#include "vmm/abi/net.h"
#include "vmm/abi/switch.h"
#include "vmm/lib/allow.h"
#include "vmm/switch/check.h"
#include "vmm/switch/queue.h"
#include "vmm/switch/switch.h"

/* Whose frames a guest's wire is to carry: other ports', or these. */
#define SENDER_UPLINK SWITCH_PORTS
#define SENDER_SELF   (SWITCH_PORTS + 1) /* DNS */
#define SENDERS	      (SWITCH_PORTS + 2)

struct port;

/* A connection: a wire, or a newcomer (@port NULL). */
struct wire {
	int fd; /* owned; -1: none */
	bool uplink;
	uint32_t events; /* that epoll watches */
	struct port *port;
	struct queue out;
};

struct port {
	struct wire guest, uplink; /* guest.fd -1: nobody's */
	struct station self;
	char id[SWITCH_ID_LEN];
	char name[SWITCH_NAME];
	uint64_t refused; /* frames that were not its to send */
};

struct sw {
	int epoll;
	int listener;
	struct wire door; /* the listener, for epoll */
	struct switch_subnet net;
	unsigned nr_places; /* ports that have an address */
	unsigned nr_ports; /* that are somebody's */
	bool begun; /* there was a port */
	struct station dns;
	struct wire newcomer[SWITCH_NEWCOMERS];
	struct port port[SWITCH_PORTS];
	struct allow_list known; /* for dns.h: the name that is asked for */
	uint8_t buf[NET_FRAME_MAX + 1]; /* the frame received last */
};

/* ports.c: who comes, goes, and has which address. */
void ports_init(struct sw *sw);
/* Somebody connects. */
void ports_accept(struct sw *sw);
/* @w, a newcomer, says what it is. */
void ports_hello(struct sw *sw, struct wire *w);
/* A wire has ended: close it; with a guest's its port ends. */
void ports_close(struct sw *sw, struct wire *w);
/* The port of that id or name, in any case of letters; NULL. */
struct port *ports_named(struct sw *sw, const char *name);
/* The port of that station; NULL. */
struct port *ports_station(struct sw *sw, const uint8_t mac[ETH_ALEN]);

/* forward.c: frames from and to wires. */
/* Read a fair number of frames of @w and pass them on. */
void forward_from(struct sw *sw, struct wire *w);
/* There is room again in @w: what waited. */
void forward_waiting(struct sw *sw, struct wire *w);
/* Send, keep or drop a frame of @sender for @w. */
void forward_to(struct sw *sw, struct wire *w, unsigned sender,
		const void *frame, size_t len);
/* Ask epoll for what @w waits for now. */
void forward_watch(struct sw *sw, struct wire *w);

/* answer.c: true when @frame was a question for us, and is dealt with. */
bool answer_take(struct sw *sw, struct port *from, const uint8_t *frame,
		 size_t len);

#endif
