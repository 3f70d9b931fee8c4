/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - makes of the monitor one whose guest has won: linked into
 * belljar-monitor for tests/jail/escape.sh, it lets the guest make any
 * system call, with any arguments, in any of the monitor's threads.
 *
 * That is all that code running there could do to the host's kernel.  The
 * guest writes a number, six arguments (an address of its RAM becomes ours)
 * and a thread to GATE_PORT; the thread makes the call, and the result comes
 * back.  What the jail forbids ends the monitor instead.
 *
 * The linker puts __wrap_X() where the monitor calls X(), so that nothing of
 * the monitor's sources knows of this file.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "devices/bus.h"
#include "devices/legacy/power.h"
#include "devices/legacy/serial.h"
#include "devices/virtio/blk_priv.h"
#include "tests/jail/gate.h"
#include "vmm/core/gmem.h"
#include "vmm/monitor/control.h"

static struct {
	const struct gmem *gm;
	/* Written by the guest, before it opens the gate. */
	uint64_t word[GATE_WORDS];
	unsigned next;
	/* The call that waits for its thread. */
	enum gate_thread thread; /* atomic */
	long result;
	struct loop_fd wake[2]; /* GATE_LOOP, GATE_MAIN */
} gate;

/* A pointer argument is marked by the guest: it knows its own addresses. */
static long argument(unsigned i)
{
	uint64_t v = gate.word[i];

	/* A negative number has that bit too, and the one above. */
	if (v >> 62 != GATE_POINTER >> 62)
		return (long)v;
	return (long)(uintptr_t)gmem_ptr(gate.gm, v & ~GATE_POINTER, 1);
}

static void call_now(void)
{
	const long a[] = { argument(1), argument(2), argument(3),
			   argument(4), argument(5), argument(6) };
	long r =
		syscall((long)gate.word[0], a[0], a[1], a[2], a[3], a[4], a[5]);

	gate.result = r < 0 ? -errno : r;
	__atomic_store_n(&gate.thread, GATE_NOBODY, __ATOMIC_RELEASE);
}

static void open_gate(enum gate_thread thread)
{
	uint64_t one = 1;

	__atomic_store_n(&gate.thread, thread, __ATOMIC_RELEASE);
	if (thread == GATE_VCPU)
		call_now();
	else if (thread == GATE_LOOP)
		(void)!write(gate.wake[0].fd, &one, sizeof(one));
	else if (thread == GATE_MAIN)
		(void)!write(gate.wake[1].fd, &one, sizeof(one));
}

static void gate_write(void *owner, uint64_t off, const void *data,
		       unsigned len)
{
	uint32_t v;

	(void)owner;
	if (len != sizeof(v))
		return;
	memcpy(&v, data, sizeof(v));
	switch (off) {
	case GATE_RESET:
		gate.next = 0;
		break;
	case GATE_WORD: /* low half, then high half */
		if (gate.next < 2 * GATE_WORDS) {
			uint64_t *w = &gate.word[gate.next / 2];

			*w = gate.next++ % 2 ? *w | (uint64_t)v << 32 : v;
		}
		break;
	case GATE_OPEN:
		open_gate((enum gate_thread)v);
		break;
	default:
		break;
	}
}

static void gate_read(void *owner, uint64_t off, void *data, unsigned len)
{
	int32_t v = (int32_t)gate.result;

	(void)owner;
	if (off == GATE_OPEN)
		v = (int32_t)__atomic_load_n(&gate.thread, __ATOMIC_ACQUIRE);
	memcpy(data, &v, len < sizeof(v) ? len : sizeof(v));
}

static void woken(struct loop_fd *src, uint32_t events)
{
	uint64_t n;

	(void)events;
	(void)!read(src->fd, &n, sizeof(n));
	call_now();
}

static const struct bus_ops gate_ops = {
	.read = gate_read,
	.write = gate_write,
};

static int add_wake(struct loop_fd *wake, struct loop *loop)
{
	wake->ready = woken;
	wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return wake->fd < 0 ? -errno : loop_set(loop, wake, EPOLLIN);
}

/* The ports, beside the power registers. */
int __real_power_init(struct power *p, struct bus *pio, struct irqchip *chip,
		      struct err *err);
int __wrap_power_init(struct power *p, struct bus *pio, struct irqchip *chip,
		      struct err *err);

int __wrap_power_init(struct power *p, struct bus *pio, struct irqchip *chip,
		      struct err *err)
{
	int r = bus_add(pio, GATE_PORT, GATE_SIZE, &gate_ops, NULL);

	return r < 0 ? err_set(err, -r, "the gate's ports")
		     : __real_power_init(p, pio, chip, err);
}

/* The devices' loop. */
int __real_serial_init(struct serial *s, struct bus *pio, struct irqchip *chip,
		       struct loop *loop, int out_fd, int in_fd,
		       struct err *err);
int __wrap_serial_init(struct serial *s, struct bus *pio, struct irqchip *chip,
		       struct loop *loop, int out_fd, int in_fd,
		       struct err *err);

int __wrap_serial_init(struct serial *s, struct bus *pio, struct irqchip *chip,
		       struct loop *loop, int out_fd, int in_fd,
		       struct err *err)
{
	int r = add_wake(&gate.wake[0], loop);

	return r < 0 ? err_set(err, -r, "the gate in the loop")
		     : __real_serial_init(s, pio, chip, loop, out_fd, in_fd,
					  err);
}

/* The main thread, and guest memory. */
int __real_control_init(struct control *c, struct vm *vm, struct loop *loop,
			int listen_fd, struct err *err);
int __wrap_control_init(struct control *c, struct vm *vm, struct loop *loop,
			int listen_fd, struct err *err);

int __wrap_control_init(struct control *c, struct vm *vm, struct loop *loop,
			int listen_fd, struct err *err)
{
	int r = add_wake(&gate.wake[1], loop);

	gate.gm = &vm->gm;
	return r < 0 ? err_set(err, -r, "the gate in the main thread")
		     : __real_control_init(c, vm, loop, listen_fd, err);
}

/* A disk's thread comes by when the guest flushes. */
void __real_blk_flush(struct blk *blk, struct blk_request *r);
void __wrap_blk_flush(struct blk *blk, struct blk_request *r);

void __wrap_blk_flush(struct blk *blk, struct blk_request *r)
{
	if (__atomic_load_n(&gate.thread, __ATOMIC_ACQUIRE) == GATE_DISK)
		call_now();
	__real_blk_flush(blk, r);
}
