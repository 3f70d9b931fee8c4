/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile.h - the parts of the hostile Linux guest, PID 1 of its initramfs.
 *
 * Every attack runs in a process of its own, which may hang or die; what it
 * and the traffic beside it have counted is in shared memory.
 */
#ifndef TESTS_HOSTILE_LINUX_HOSTILE_H
#define TESTS_HOSTILE_LINUX_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FUNCTIONS_MAX 32U
#define BAR_SIZE      0x4000U /* devices/virtio/pci.h has this layout */
#define BAR_ISR	      0x800U
#define BAR_DEVICE    0x1000U
#define BAR_NOTIFY    0x2000U
#define BAR_TABLE     0x3000U
#define BAR_PBA	      0x3800U
#define HUGE_PAGE     (2U << 20)

/* run.py: the VM's RAM, and what mem= leaves Linux of it. */
#define RAM_END	  UINT64_C(0x0c000000)
#define LINUX_END UINT64_C(0x0b000000)

#define ECAM_AT	   0xe0000000U
#define WINDOW_AT  0xd0000000U
#define ECAM_SLOT  0x8000U /* bytes for a slot: eight functions */
#define USERS	   4
#define TYPE_NET   1U
#define TYPE_BLK   2U
#define TYPE_RNG   4U
#define TYPE_VSOCK 19U

/* A virtio function of bus 0 and what the attacker has of it. */
struct function {
	char name[64]; /* 0000:00:01.0 */
	unsigned slot;
	unsigned type; /* virtio 1.2, section 5 */
	volatile uint8_t *bar;
	volatile uint8_t *config; /* its page of the ECAM */
	uint32_t address; /* of the BAR, as Linux left it */
};

/* Shared by all processes of the guest. */
struct shared {
	uint64_t done; /* operations of the attack */
	uint64_t traffic[USERS]; /* of each that uses a device honestly */
};

struct attack {
	const char *name;
	void (*run)(void);
	uint64_t least; /* operations, if need be beyond its time */
};

extern struct function function[FUNCTIONS_MAX];
extern unsigned nr_functions;
extern struct shared *shared;
extern const struct attack live_attacks[], driver_attacks[];

/* main.c: the attack's time is not over; going_on() counts an operation. */
bool in_time(void);
bool going_on(void);
/* Not the same twice, but the same for the same seed. */
uint64_t dice(void);
void dice_seed(uint64_t seed);
/* Ends the attack as one that did not take place. */
_Noreturn void give_up(const char *what);

/* pci.c */
void find_functions(void);
void unbind(const struct function *f);
struct function *of_type(unsigned type, unsigned nr);
volatile uint8_t *map_physical(uint64_t address, size_t size);
/* One access of 1, 2, 4 or 8 bytes by one instruction, anywhere. */
uint64_t peek(const volatile uint8_t *at, unsigned size);
void poke(volatile uint8_t *at, unsigned size, uint64_t value);
/* A value that is likely to lie on an edge. */
uint64_t wild(void);
/* The same, moved out of the memory that Linux keeps its own things in. */
uint64_t beyond_linux(uint64_t address);
void kick_all(const struct function *f);

/* driver.c: a driver in user space. */
struct pages {
	uint8_t *at; /* HUGE_PAGE bytes, locked */
	uint64_t physical;
};

struct ring {
	struct function *f;
	unsigned nr, size;
	struct pages mem;
	uint8_t *base; /* ring_at() of it */
	uint16_t next; /* avail index to come */
};

struct descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

#define RING_BYTES  0x4000U /* descriptors, rings; then the buffers */
#define RING_AVAIL  0x2000U
#define RING_USED   0x3000U
#define DESC_NEXT   1U
#define DESC_WRITE  2U
#define DESC_TABLE  4U
#define STATUS_RING 0xfU /* acknowledged, driver, features, driver OK */

struct pages pages_get(void);
void device_reset(struct function *f);
/* All that is offered, less @without; status up to FEATURES_OK. */
void device_negotiate(struct function *f, uint64_t without);
void ring_place(struct ring *r, struct function *f, unsigned nr,
		struct pages mem, unsigned slot);
uint64_t ring_physical(const struct ring *r, const void *p);
struct descriptor *ring_desc(const struct ring *r, unsigned i);
void ring_offer(struct ring *r, unsigned head);
void ring_kick(const struct ring *r);
uint16_t ring_used(const struct ring *r);
/* What any driver does: reset, negotiate, queues, DRIVER_OK. */
unsigned device_start(struct function *f, struct pages mem, struct ring *rings,
		      uint64_t without);
unsigned queues_of(const struct function *f);
bool needs_reset(const struct function *f);

/* traffic.c: honest use of whatever the kernel has drivers for. */
void traffic_start(void);
void traffic_stop(void);
/* Which of them get on, as bits; waits for the others for so long. */
unsigned traffic_flows(unsigned seconds);
int udp_socket(void);
ssize_t udp_send(int s, const void *data, size_t len);

/* flood.c */
void attack_connections(void);
void attack_vsock_lies(void);
void attack_serial(void);
void serial_restore(void);
/* rings.c, random.c, honest.c */
void attack_places(void);
void attack_chains(void);
void attack_flipping(void);
void attack_random(void);
_Noreturn void honest(int tty);

#endif
