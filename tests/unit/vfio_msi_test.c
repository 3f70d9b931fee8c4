/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_msi_test.c - interrupts of a real function: which eventfds the kernel
 * is given, when, and what becomes of it when it gives fewer or none.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/vfio/priv.h"
#include "tests/harness/vfio_device.h"
#include "tests/harness/vfio_rig.h"

#define VECTORS 5

static struct vfio_rig rig;
static struct fake_function *fn = &rig.kernel.fn[0];

static void open_with(unsigned vectors, void (*change)(void))
{
	struct vfio_pci_config cfg = { 0 };

	vfio_rig_init(&rig, 1);
	vfio_kernel_endpoint(&rig.kernel, 0, vectors);
	if (change)
		change();
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	cfg.fd = vfio_kernel_group(&rig.kernel, 0);
	assert_int_equal(vfio_rig_add(&rig, 0, &cfg), 0);
	assert_int_equal(vfio_rig_start(&rig), 0);
	vfio_rig_enable(&rig);
}

static int setup(void **state)
{
	(void)state;
	open_with(VECTORS, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vfio_rig_close(&rig);
	return 0;
}

static void reopen(unsigned vectors, void (*change)(void))
{
	vfio_rig_close(&rig);
	open_with(vectors, change);
}

static void msi_flags(unsigned flags)
{
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_FLAGS, flags, 2);
}

static void msix_flags(unsigned flags)
{
	vfio_rig_put(&rig, RIG_MSIX + PCI_MSIX_FLAGS, flags, 2);
}

static void table(unsigned vector, unsigned word, uint32_t value)
{
	pci_rig_write(&rig.pci,
		      vfio_rig_bar(&rig, 0) + RIG_TABLE + 16 * vector +
			      4 * word,
		      value, 4);
}

static void unmask(unsigned vector)
{
	table(vector, 0, 0xfee00000);
	table(vector, 2, 0x40 + vector);
	table(vector, 3, 0);
}

static const struct vfio_pci *dev(void)
{
	return rig.vfio->dev[0];
}

/* KVM's route of an MSI. */
static const struct irq_msi_route *route(const struct irq *irq)
{
	return &rig.pci.chip.msi[irq->gsi - rig.pci.chip.pins];
}

static void lines_are_the_beginning(void **state)
{
	(void)state;
	assert_int_equal(fn->mode, VFIO_PCI_INTX_IRQ_INDEX);
	assert_int_equal(fn->trigger[0], dev()->intx.fd);
	assert_int_equal(fn->unmask, dev()->intx.resample_fd);
	assert_true(dev()->intx.fd >= 0 && dev()->intx.resample_fd >= 0);
	assert_true(dev()->intx.connected);
	assert_int_equal(dev()->intx.gsi,
			 pci_intx_gsi(&rig.vfio->dev[0]->pci, 1));
}

static void one_message(void **state)
{
	(void)state;
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_ADDRESS_LO, 0xfee01003, 4);
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_ADDRESS_HI, 1, 4);
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_DATA_64, 0x41, 2);
	assert_int_equal(fn->mode, VFIO_PCI_INTX_IRQ_INDEX);
	msi_flags(PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(fn->mode, VFIO_PCI_MSI_IRQ_INDEX);
	assert_int_equal(fn->nr_vectors, 1);
	assert_int_equal(dev()->intx.fd, -1);
	const struct irq *irq = &dev()->msi[0];
	assert_int_equal(fn->trigger[0], irq->fd);
	assert_true(irq->connected);
	assert_int_equal(route(irq)->addr, UINT64_C(0x1fee01000));
	assert_int_equal(route(irq)->data, 0x41);
	/* Moved while enabled, as Linux does for affinity. */
	unsigned calls = fn->irq_calls;
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_DATA_64, 0x42, 2);
	assert_int_equal(route(irq)->data, 0x42);
	assert_int_equal(fn->irq_calls, calls);
	/* The host's function never saw any of it. */
	assert_int_equal(fn->config[RIG_MSI + PCI_MSI_DATA_64], 0);
	assert_int_equal(fn->config[RIG_MSI + PCI_MSI_FLAGS] & 1, 0);
	msi_flags(0);
	assert_int_equal(fn->mode, VFIO_PCI_INTX_IRQ_INDEX);
}

static void as_many_as_it_has(void **state)
{
	(void)state;
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_ADDRESS_LO, 0xfee00000, 4);
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_DATA_64, 0x43, 2);
	/* 32 asked of a function that has 4. */
	msi_flags(PCI_MSI_FLAGS_ENABLE | 5 << 4);
	assert_int_equal(fn->nr_vectors, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(route(&dev()->msi[i])->data, 0x40 + i);
	msi_flags(PCI_MSI_FLAGS_ENABLE | 1 << 4);
	assert_int_equal(fn->nr_vectors, 2);
	assert_int_equal(dev()->nr_msi, 2);
}

static void fewer_in_the_host(void)
{
	fn->irqs[VFIO_PCI_MSI_IRQ_INDEX] = 2;
}

static void the_register_tells_what_the_host_allows(void **state)
{
	(void)state;
	reopen(VECTORS, fewer_in_the_host);
	assert_int_equal(vfio_rig_get(&rig, RIG_MSI + PCI_MSI_FLAGS, 2) &
				 PCI_MSI_FLAGS_QMASK,
			 1 << 1);
}

static void masked_messages_pend(void **state)
{
	(void)state;
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_ADDRESS_LO, 0xfee00000, 4);
	msi_flags(PCI_MSI_FLAGS_ENABLE | 2 << 4);
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_MASK_64, UINT32_MAX, 4);
	assert_int_equal(vfio_rig_get(&rig, RIG_MSI + PCI_MSI_MASK_64, 4), 0xf);
	assert_false(dev()->msi[2].connected);
	irq_raise(&dev()->msi[2]);
	assert_int_equal(vfio_rig_get(&rig, RIG_MSI + PCI_MSI_PENDING_64, 4),
			 4);
	/* In one access with the masks, too. */
	assert_int_equal(pci_rig_read(&rig.pci,
				      pci_rig_ecam(0, RIG_SLOT,
						   RIG_MSI + PCI_MSI_MASK_64),
				      8),
			 UINT64_C(0x40000000f));
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_MASK_64, 0, 4);
	assert_true(dev()->msi[2].connected);
	assert_int_equal(vfio_rig_get(&rig, RIG_MSI + PCI_MSI_PENDING_64, 4),
			 0);
}

/* All at once where their number is fixed, with nobody to tell yet. */
static void vectors_connect_when_unmasked(void **state)
{
	(void)state;
	msix_flags(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(fn->mode, VFIO_PCI_MSIX_IRQ_INDEX);
	assert_int_equal(fn->nr_vectors, VECTORS);
	unmask(3);
	assert_int_equal(fn->trigger[3], -1);
	msix_flags(PCI_MSIX_FLAGS_ENABLE);
	const struct irq *irq = &dev()->msix.vector[3].irq;
	assert_true(irq->fd >= 0 && irq->connected);
	assert_int_equal(fn->trigger[3], irq->fd);
	assert_int_equal(route(irq)->data, 0x43);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fn->trigger[i], -1);
	unmask(0);
	assert_int_equal(fn->trigger[0], dev()->msix.vector[0].irq.fd);

	/* Masking is between us and KVM: the host keeps its side. */
	unsigned calls = fn->irq_calls;
	table(3, 3, 1);
	assert_false(irq->connected);
	irq_raise(irq);
	assert_int_equal(
		pci_rig_read(&rig.pci, vfio_rig_bar(&rig, 0) + RIG_PBA, 8),
		1 << 3);
	table(3, 3, 0);
	assert_true(irq->connected);
	assert_int_equal(fn->irq_calls, calls);
	/* And the device's own table was never written. */
	unsigned char seen[16 * VECTORS];
	unsigned char zero[16 * VECTORS] = { 0 };
	vfio_kernel_peek(&rig.kernel, 0, 0, RIG_TABLE, seen, sizeof(seen));
	assert_memory_equal(seen, zero, sizeof(seen));
}

static void switched_off_and_on_again(void **state)
{
	(void)state;
	msix_flags(PCI_MSIX_FLAGS_ENABLE);
	unmask(1);
	int fd = dev()->msix.vector[1].irq.fd;
	msix_flags(0);
	assert_int_equal(fn->mode, VFIO_PCI_INTX_IRQ_INDEX);
	assert_false(dev()->msix.vector[1].irq.connected);
	msix_flags(PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(fn->trigger[1], fd);
	assert_true(dev()->msix.vector[1].irq.connected);
	/* Straight to the other kind: MSI-X is what counts of the two. */
	msi_flags(PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(fn->mode, VFIO_PCI_MSIX_IRQ_INDEX);
	msix_flags(0);
	assert_int_equal(fn->mode, VFIO_PCI_MSI_IRQ_INDEX);
	msi_flags(0);
	assert_int_equal(fn->mode, VFIO_PCI_INTX_IRQ_INDEX);
}

static void may_grow(void)
{
	fn->dynamic = true;
}

static void vectors_are_added_where_they_can_be(void **state)
{
	(void)state;
	reopen(2048, may_grow);
	msix_flags(PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(fn->nr_vectors, 1);
	unmask(100);
	assert_int_equal(fn->nr_vectors, 101);
	assert_int_equal(fn->trigger[100], dev()->msix.vector[100].irq.fd);
	msix_flags(0);
	msix_flags(PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(fn->nr_vectors, 101);
}

static void scarce(void)
{
	fn->vectors_max = 3;
}

static void fewer_vectors_than_asked(void **state)
{
	(void)state;
	reopen(VECTORS, scarce);
	msix_flags(PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(fn->nr_vectors, 3);
	unmask(2);
	assert_int_equal(fn->trigger[2], dev()->msix.vector[2].irq.fd);
	unmask(4); /* silent, and nothing worse */
	assert_int_equal(fn->nr_vectors, 3);
	msix_flags(0);
	msi_flags(PCI_MSI_FLAGS_ENABLE | 2 << 4);
	assert_int_equal(fn->nr_vectors, 3);
}

static void no_interrupts_at_all(void **state)
{
	(void)state;
	rig.kernel.fail_request = VFIO_DEVICE_SET_IRQS;
	rig.kernel.fail_with = -EBUSY;
	rig.kernel.fail_times = 1000;
	msix_flags(PCI_MSIX_FLAGS_ENABLE);
	unmask(0);
	msix_flags(0);
	msi_flags(PCI_MSI_FLAGS_ENABLE);
	msi_flags(0);
	assert_int_equal(dev()->mode, VFIO_IRQ_OFF);
	assert_int_equal(dev()->nr_msi, 0);
	assert_int_equal(dev()->intx.fd, -1);
	/* What it refused was also to end what had been before. */
	rig.kernel.fail_times = 0;
	fake_forget_vectors(fn);
	msix_flags(PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(dev()->mode, VFIO_IRQ_MSIX);
	assert_int_equal(fn->trigger[0], dev()->msix.vector[0].irq.fd);
}

static void no_pin(void)
{
	vfio_kernel_set(&rig.kernel, 0, PCI_INTERRUPT_PIN, 0, 1);
}

static void a_virtual_function_has_no_line(void **state)
{
	(void)state;
	reopen(VECTORS, no_pin);
	assert_int_equal(fn->mode, -1);
	assert_int_equal(vfio_rig_get(&rig, PCI_INTERRUPT_PIN, 1), 0);
}

/* A guest that hammers what it can, for the sanitizers to watch. */
static void every_value_of_the_control_words(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 0x10000; v += 0x11) {
		msi_flags(v);
		msix_flags(v);
		unmask(v % VECTORS);
	}
	msix_flags(0);
	msi_flags(0);
	assert_int_equal(fn->mode, VFIO_PCI_INTX_IRQ_INDEX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_the_beginning),
		TEST(one_message),
		TEST(as_many_as_it_has),
		TEST(the_register_tells_what_the_host_allows),
		TEST(masked_messages_pend),
		TEST(vectors_connect_when_unmasked),
		TEST(switched_off_and_on_again),
		TEST(vectors_are_added_where_they_can_be),
		TEST(fewer_vectors_than_asked),
		TEST(no_interrupts_at_all),
		TEST(a_virtual_function_has_no_line),
		TEST(every_value_of_the_control_words),
	};

	return cmocka_run_group_tests_name("vfio_msi", tests, NULL, NULL);
}
