/* SPDX-License-Identifier: Apache-2.0 */
/* blk_many_test.c - 64 disks in one machine, more than bus 0 has places for. */
#include <linux/virtio_blk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/backend/engine.h"
#include "devices/virtio/models.h"
#include "devices/virtio/pci.h"
#include "tests/harness/driver.h"
#include "vmm/core/layout.h"

#define DISKS  64U
#define QUEUES 4U

static struct driver drv;
static struct virtio_dev *disk[DISKS];

static int open_disk(const struct virtio_env *env, unsigned i, struct err *err)
{
	struct blk_config cfg = {
		.fd = memfd_create("disk", MFD_CLOEXEC),
		.serial = "one of many",
		.queues = QUEUES,
	};

	assert_true(cfg.fd >= 0);
	assert_int_equal(ftruncate(cfg.fd, 4096), 0);
	int r = virtio_open(&blk_ops, &cfg, env, &disk[i], err);
	if (r < 0)
		(void)close(cfg.fd);
	return r;
}

static struct virtio_env open_machine(void)
{
	struct err err = { 0 };

	memset(disk, 0, sizeof(disk));
	assert_int_equal(driver_try_open(&drv, NULL, NULL, &err), 0);
	return (struct virtio_env){
		.gm = &drv.gm,
		.chip = &drv.chip,
		.loop = &drv.loop,
		.pci = &drv.host,
	};
}

static void close_machine(void)
{
	for (unsigned i = 0; i < DISKS; i++)
		virtio_close(disk[i]);
	driver_close(&drv);
}

static uint32_t read_config(unsigned bus, unsigned slot, unsigned reg)
{
	uint64_t at = LAYOUT_ECAM + bus * LAYOUT_ECAM_BUS +
		      ((uint64_t)slot << 15) + reg;
	le32_t v = { 0 };

	assert_true(bus_read(&drv.mmio, at, &v, sizeof(v)));
	return le32_get(v);
}

static void each_has_a_place(void **state)
{
	struct virtio_env env = open_machine();
	struct err err = { 0 };
	unsigned found = 0;

	(void)state;
	for (unsigned i = 0; i < DISKS; i++)
		if (open_disk(&env, i, &err) < 0)
			fail_msg("disk %u: %s", i, err.msg);
	assert_int_equal(pci_host_start(&drv.host, &err), 0);
	assert_int_equal(drv.host.nr_buses, 3);
	for (unsigned bus = 0; bus < 3; bus++)
		for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
			found += read_config(bus, slot, 0) == 0x10421af4;
	assert_int_equal(found, DISKS);
	/* In the order in which they were given. */
	assert_int_equal(disk[0]->pci->pci.slot, 1);
	assert_int_equal(disk[31]->pci->pci.bus->number, 1);
	assert_int_equal(disk[63]->pci->pci.bus->number, 2);
	/* BARs of the last one answer. */
	gpa_t bar =
		read_config(2, disk[63]->pci->pci.slot, PCI_BASE_ADDRESS_0) &
		~15U;
	assert_true(bar != 0);
	close_machine();
}

/* A guest without ACPI would not find the other buses. */
static void without_acpi_bus_0_is_all(void **state)
{
	struct virtio_env env = open_machine();
	struct err err = { 0 };
	unsigned n = 0;

	(void)state;
	drv.host.cfg.ports = true;
	while (open_disk(&env, n, &err) == 0)
		n++;
	assert_int_equal(n, PCI_SLOTS - 1);
	assert_non_null(strstr(err.msg, "--hw acpi"));
	close_machine();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_a_place),
		cmocka_unit_test(without_acpi_bus_0_is_all),
	};

	return cmocka_run_group_tests_name("blk, many", tests, NULL, NULL);
}
