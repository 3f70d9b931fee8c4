/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_fuzz.c - the life of a device by its registers: features, status,
 * queues, notifications, the MSI-X table, BAR and configuration space, in any
 * order and width; and the queue of the random number generator.
 */
#include "devices/virtio/models.h"
#include "tests/fuzz/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine m = { .act = NULL };

	input_begin();
	machine_open(&m, &rng_ops, NULL, &in);
	machine_run(&m, &in);
	machine_close(&m);
	return 0;
}
