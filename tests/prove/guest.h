/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest.h - guest RAM without bytes.  vq.c is compiled with its atomic loads
 * and stores calling here.  A load gets a value that the case chooses at that
 * moment, so the driver may have changed anything between any two loads; RAM
 * itself is mapped PROT_NONE, so an access that goes another way kills.
 */
#ifndef TESTS_PROVE_GUEST_H
#define TESTS_PROVE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/virtio/vq.h"

#define GIB UINT64_C(0x40000000)

/* Where the rings of every case lie. */
#define GUEST_DESC  UINT64_C(0x10000)
#define GUEST_AVAIL UINT64_C(0x20002)
#define GUEST_USED  UINT64_C(0x30004)

enum guest_what { GUEST_NUMBER, GUEST_DESCRIPTOR, GUEST_STORE };

struct guest_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* What the device did, in order; the four loads of a descriptor are one. */
struct guest_event {
	enum guest_what what;
	gpa_t at;
	unsigned len;
	uint64_t value;
	struct guest_desc desc;
};

#define GUEST_EVENTS 1024

struct guest {
	struct gmem gm;
	uint16_t size; /* of the queue */
	gpa_t table; /* the indirect table, while there is one */
	unsigned table_nr;
	/* The family's answers. */
	uint16_t (*number)(gpa_t at);
	struct guest_desc (*desc)(unsigned nr, bool nested);
	unsigned nr, taken;
	struct guest_event event[GUEST_EVENTS];
	unsigned fields; /* of the last descriptor, that were loaded */
};

extern struct guest guest;

/* Two regions, [0, 3 GiB) and 3 GiB from @high on. */
void guest_layout(gpa_t high);
void guest_begin(uint16_t size);
void *guest_host(gpa_t at);
/* The next event, which must be a load or store at @at; NULL and a failure. */
const struct guest_event *guest_take(enum guest_what what, gpa_t at);
/* Nothing but what was taken. */
void guest_no_more(void);

uint64_t guest_load(const void *p, size_t len);
void guest_store(const void *p, uint64_t value, size_t len);

#endif
