/* SPDX-License-Identifier: Apache-2.0 */
/*
 * irq_test.c - what KVM makes of a message while its vector is masked, given
 * another address and unmasked: it may come twice, it may not be lost.  The
 * processor is there and never runs: what came is a bit of its local APIC.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/pci/msix.h"
#include "vmm/core/kvm.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"

#define TIMES	  5000
#define PATIENCE  30 /* seconds for one interrupt, on a busy machine */
#define FIRST	  64 /* a multiple of 32, and the vector behind it */
#define LAPIC_SVR 0xf0
#define LAPIC_IRR 0x200
#define SVR_ON	  0x1ff

#define ENTRY_ADDR 0
#define ENTRY_DATA 8
#define ENTRY_CTRL 12

struct vm {
	int kvm, fd, vcpu;
	struct irqchip chip;
	struct msix msix;
	bool stop;
};

static struct vm vm;

static uint32_t lapic_word(const struct kvm_lapic_state *s, unsigned at)
{
	uint32_t v;

	memcpy(&v, s->regs + at, sizeof(v));
	return v;
}

static void lapic_put(struct kvm_lapic_state *s, unsigned at, uint32_t v)
{
	memcpy(s->regs + at, &v, sizeof(v));
}

static int open_vm(void)
{
	struct kvm_lapic_state s;

	vm.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm.kvm < 0)
		return -errno;
	vm.fd = ioctl(vm.kvm, KVM_CREATE_VM, 0);
	assert_true(vm.fd >= 0);
	assert_int_equal(ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0), 0);
	vm.vcpu = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
	assert_true(vm.vcpu >= 0);
	assert_int_equal(ioctl(vm.vcpu, KVM_GET_LAPIC, &s), 0);
	lapic_put(&s, LAPIC_SVR, SVR_ON);
	assert_int_equal(ioctl(vm.vcpu, KVM_SET_LAPIC, &s), 0);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	vm = (struct vm){ .kvm = -1, .fd = -1, .vcpu = -1 };
	if (open_vm() < 0)
		return 0;
	assert_int_equal(irqchip_init(&vm.chip, vm.fd, NULL), 0);
	assert_int_equal(msix_init(&vm.msix, &vm.chip, 1, false, NULL), 0);
	msix_control(&vm.msix, true, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (vm.kvm < 0)
		return 0;
	msix_done(&vm.msix);
	irqchip_done(&vm.chip);
	(void)close(vm.vcpu);
	(void)close(vm.fd);
	(void)close(vm.kvm);
	return 0;
}

/* Which of FIRST.. came since the last time: a bit each. */
static uint32_t take(void)
{
	struct kvm_lapic_state s;
	unsigned at = LAPIC_IRR + FIRST / 32 * 16;

	assert_int_equal(ioctl(vm.vcpu, KVM_GET_LAPIC, &s), 0);
	uint32_t came = lapic_word(&s, at);
	if (came) {
		lapic_put(&s, at, 0);
		assert_int_equal(ioctl(vm.vcpu, KVM_SET_LAPIC, &s), 0);
	}
	return came;
}

static uint32_t wait_for_one(void)
{
	time_t end = time(NULL) + PATIENCE;
	uint32_t came;

	do
		came = take();
	while (came == 0 && time(NULL) < end);
	return came;
}

static void word(unsigned at, uint32_t value)
{
	le32_t v = le32_make(value);

	msix_table_write(&vm.msix, at, &v, sizeof(v));
}

static void mask(bool on)
{
	word(ENTRY_CTRL, on);
}

static void address(unsigned vector)
{
	word(ENTRY_ADDR, LAYOUT_LAPIC);
	word(ENTRY_ADDR + 4, 0);
	word(ENTRY_DATA, vector);
}

static bool pending(void)
{
	le64_t v;

	msix_pba_read(&vm.msix, 0, &v, sizeof(v));
	return le64_get(v) == 1;
}

static void waits_while_masked(void **state)
{
	(void)state;
	if (vm.kvm < 0)
		skip();
	address(FIRST);
	mask(false);
	msix_raise(&vm.msix, 0);
	assert_int_equal(wait_for_one(), 1);

	mask(true);
	assert_false(pending());
	msix_raise(&vm.msix, 0);
	assert_true(pending());
	assert_int_equal(take(), 0);

	/* It goes where the vector points when it is unmasked, once. */
	address(FIRST + 1);
	assert_int_equal(take(), 0);
	mask(false);
	assert_int_equal(wait_for_one(), 2);
	mask(true);
	assert_false(pending());
	mask(false);
	assert_int_equal(take(), 0);
}

/* As Linux moves an interrupt; and in one word, without the mask. */
static void *move(void *arg)
{
	unsigned n = 0;

	(void)arg;
	while (!__atomic_load_n(&vm.stop, __ATOMIC_RELAXED)) {
		mask(true);
		address(FIRST + n++ % 2);
		mask(false);
		word(ENTRY_DATA, FIRST + n++ % 2);
		msix_control(&vm.msix, true, true);
		n++;
		msix_control(&vm.msix, true, false);
	}
	return NULL;
}

static void none_is_lost_on_the_move(void **state)
{
	pthread_t mover;
	unsigned i = 0;

	(void)state;
	if (vm.kvm < 0)
		skip();
	address(FIRST);
	assert_int_equal(pthread_create(&mover, NULL, move, NULL), 0);
	while (i < TIMES) {
		msix_raise(&vm.msix, 0);
		if (wait_for_one() == 0)
			break;
		i++;
	}
	__atomic_store_n(&vm.stop, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(mover, NULL), 0);
	assert_int_equal(i, TIMES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(waits_while_masked),
		TEST(none_is_lost_on_the_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
