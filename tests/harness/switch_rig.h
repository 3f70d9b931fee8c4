/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch_rig.h - belljar-switch without its process, and VMs at its ports: what
 * a test is to a keeper, a guest and belljar-net.  What fails here fails the
 * test.
 */
#ifndef TESTS_HARNESS_SWITCH_RIG_H
#define TESTS_HARNESS_SWITCH_RIG_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/abi/net.h"
#include "vmm/abi/switch.h"
#include "vmm/switch/switch.h"

#define SUBNET "10.89.7.0"

/* A VM: what its keeper was told, and its ends of the wires. */
struct rig_vm {
	int guest, uplink;
	struct switch_welcome self;
};

extern const uint8_t rig_everybody[ETH_ALEN];
extern struct sw *rig_switch; /* of this test */
extern char rig_path[64]; /* where keepers connect */
extern uint8_t rig_got[NET_FRAME_MAX + 1]; /* by rig_take() */

/* Of a group of tests, and of a test: cmocka's set-up and tear-down. */
int rig_open_dir(void **state);
int rig_close_dir(void **state);
int rig_setup(void **state);
int rig_setup_internal(void **state);
int rig_teardown(void **state);

/* A switch of SUBNET; the one before must be freed. */
void rig_open(unsigned prefix, bool internal);
/* All that is to be done now.  What the last round said. */
int rig_work(void);

/* A wire as a keeper asks for it: its descriptor, or the refusal's -errno. */
int rig_dial(uint32_t wire, const char *id, const char *name,
	     struct switch_welcome *ret);
struct rig_vm rig_join(const char *id, const char *name);
struct rig_vm rig_join_with_uplink(const char *id, const char *name);
/* As rig_work(). */
int rig_leave(struct rig_vm *vm);

/* An IPv4 packet of @len bytes of frame, from @from to @to. */
size_t rig_packet(const struct rig_vm *from, const uint8_t *to, size_t len,
		  uint8_t *ret);
/* A question by ARP, or an answer. */
size_t rig_arp(const struct rig_vm *from, const uint8_t *mac,
	       const uint8_t *addr, const uint8_t *target, uint8_t *ret);
/* The guest sends @frame, and the switch works. */
void rig_put(const struct rig_vm *vm, const void *frame, size_t len);
/* The next frame at @fd, in rig_got: its length, or -errno. */
ssize_t rig_take(int fd);
#define rig_nothing_at(fd) assert_int_equal(rig_take(fd), -EAGAIN)
/* Ask the network's name server; what it says of the answer. */
int rig_ask(const struct rig_vm *vm, const char *name, unsigned type,
	    uint8_t ret[4]);
/* In a static buffer. */
const char *rig_address(const struct rig_vm *vm);

#endif
