/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serial_fuzz.c - the registers of the serial port and of the power button's
 * neighbours, in any order and width, while bytes come in.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "devices/legacy/power.h"
#include "devices/legacy/serial.h"
#include "tests/fuzz/input.h"
#include "vmm/core/layout.h"

static unsigned ended;

static void end(void *arg)
{
	(void)arg;
	ended++;
}

static void step(struct input *in, struct bus *pio, struct loop *loop, int feed)
{
	uint8_t op = input_u8(in);
	unsigned len = 1U << (op >> 4 & 3);
	uint64_t at = (op & 0x40 ? LAYOUT_POWER : LAYOUT_COM1) +
		      (op & 0x80 ? input_u8(in) & 31U : op >> 1 & 7U);
	uint64_t value = 0;
	size_t have;

	if ((op & 0x8f) == 0x8f) {
		const uint8_t *p = input_bytes(in, input_u8(in), &have);
		(void)!write(feed, p, have);
		MUST(loop_once(loop, 0) >= 0);
		return;
	}
	if (op & 1) {
		value = input_u8(in) * UINT64_C(0x0101010101010101);
		(void)bus_write(pio, at, &value, len);
	} else {
		(void)bus_read(pio, at, &value, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct power power = { .off = end, .reset = end };
	struct serial serial;
	struct irqchip chip;
	struct loop loop;
	struct bus pio;
	int feed[2], out[2];

	input_begin();
	MUST(pipe2(feed, O_CLOEXEC | O_NONBLOCK) == 0);
	MUST(pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0);
	bus_init(&pio);
	MUST(irqchip_init(&chip, -1, NULL) == 0);
	MUST(loop_init(&loop, NULL) == 0);
	MUST(serial_init(&serial, &pio, &chip, &loop, out[1], feed[0], NULL) ==
	     0);
	MUST(power_init(&power, &pio, &chip, NULL) == 0);
	/* Somewhere on the way nobody reads the output any more. */
	size_t turn = size ? size - data[0] % size : 0;
	(void)signal(SIGPIPE, SIG_IGN);
	while (in.left) {
		if (in.left <= turn && out[0] >= 0 && data[0] & 1) {
			(void)close(out[0]);
			out[0] = -1;
		}
		step(&in, &pio, &loop, feed[1]);
		MUST(serial.fifo_len <= SERIAL_FIFO);
	}
	(void)close(feed[1]);
	MUST(loop_once(&loop, 0) >= 0);
	power_done(&power);
	serial_done(&serial);
	(void)close(feed[0]);
	if (out[0] >= 0)
		(void)close(out[0]);
	(void)close(out[1]);
	loop_done(&loop);
	irqchip_done(&chip);
	bus_done(&pio);
	return 0;
}
