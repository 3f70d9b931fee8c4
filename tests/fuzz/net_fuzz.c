/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_fuzz.c - the network device between a guest's queues and a socket at
 * whose other end somebody sends, reads too little, or goes.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio/models.h"
#include "tests/fuzz/machine.h"

#define WIRE 0 /* of machine.host: the other end; -1: it has gone */

static void wire(struct machine *m, struct input *in)
{
	static uint8_t sink[80000];
	uint8_t how = input_u8(in);
	size_t len = how & 0x80 ? input_u16(in) + UINT64_C(10000)
				: input_u16(in) & 2047U;

	switch (how & 7) {
	case 0:
	case 1:
	case 2:
		(void)send(m->host[WIRE], sink, len,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 3:
		(void)recv(m->host[WIRE], sink, sizeof(sink), MSG_DONTWAIT);
		break;
	case 4: /* buffers for what comes */
		for (unsigned i = 0; i < 4; i++) {
			struct driver_buf buf = { MACHINE_DATA + i * 0x1000U,
						  (uint32_t)len, true };
			(void)driver_chain(&m->drv.queue[0], &buf, 1);
		}
		machine_kick(m, 0);
		break;
	case 5: {
		struct driver_buf buf = { MACHINE_DATA, (uint32_t)len, false };
		(void)driver_chain(&m->drv.queue[1], &buf, 1);
		machine_kick(m, 1);
		break;
	}
	case 6:
		while (recv(m->host[WIRE], sink, sizeof(sink), MSG_DONTWAIT) >
		       0)
			;
		break;
	default:
		if (m->host[WIRE] >= 0)
			(void)close(m->host[WIRE]);
		m->host[WIRE] = -1;
		break;
	}
	driver_settle(&m->drv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine m = { .act = wire };
	int pair[2];

	input_begin();
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	struct net_config cfg = {
		.fd = { pair[0] },
		.mac = { 2, 0, 0, 0, 0, 1 },
	};

	m.host[WIRE] = pair[1];
	machine_open(&m, &net_ops, &cfg, &in);
	machine_run(&m, &in);
	machine_close(&m);
	if (m.host[WIRE] >= 0)
		(void)close(m.host[WIRE]);
	return 0;
}
