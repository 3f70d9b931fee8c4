/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_fuzz.c - the monitor's control socket: clients that write anything
 * in any pieces, never read, and go.
 *
 *   one byte: which client, and what it does; then a length and its bytes
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "vmm/monitor/control.h"

#define CLIENTS 10 /* more than are served */

static struct vm vm;
static unsigned calls;

/* Instead of vmm/monitor/vm.c, which wants KVM. */
void vm_pause(struct vm *v)
{
	v->paused = true;
	calls++;
}

void vm_resume(struct vm *v)
{
	v->paused = false;
	calls++;
}

void vm_finish(struct vm *v, enum vm_end why)
{
	v->end = why;
	calls++;
}

static int connect_to(int listener)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	MUST(fd >= 0);
	MUST(getsockname(listener, (struct sockaddr *)&sun, &len) == 0);
	(void)connect(fd, (struct sockaddr *)&sun, len);
	return fd;
}

/* An answer is a line; what was cut off by a full socket is not looked at. */
static void read_answers(int fd)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	MUST(n <= 0 || text[0] == '{');
}

static void step(struct input *in, int fd[CLIENTS], int listener)
{
	uint8_t how = input_u8(in);
	int *client = &fd[how % CLIENTS];
	uint8_t want = input_u8(in);
	size_t len;
	const uint8_t *p = input_bytes(in, want, &len);

	if (*client < 0)
		*client = connect_to(listener);
	(void)send(*client, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (how >= 0xc0)
		read_answers(*client);
	if (how >= 0xe0) {
		(void)close(*client);
		*client = -1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config config = { .id = "fuzz" };
	struct input in = { data, size };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct control control;
	struct irqchip chip;
	struct loop loop;
	struct bus pio;
	int fd[CLIENTS];

	input_begin();
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(listener >= 0);
	MUST(bind(listener, (struct sockaddr *)&sun, sizeof(sa_family_t)) == 0);
	MUST(listen(listener, CLIENTS) == 0);
	bus_init(&pio);
	MUST(irqchip_init(&chip, -1, NULL) == 0);
	MUST(loop_init(&loop, NULL) == 0);
	vm.config = &config;
	vm.paused = false;
	MUST(power_init(&vm.power, &pio, &chip, NULL) == 0);
	MUST(control_init(&control, &vm, &loop, listener, NULL) == 0);

	memset(fd, -1, sizeof(fd));
	while (in.left) {
		step(&in, fd, listener);
		unsigned rounds = 0;
		while (loop_once(&loop, 0) > 0)
			MUST(++rounds < 1000);
	}
	control_done(&control);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	power_done(&vm.power);
	loop_done(&loop);
	irqchip_done(&chip);
	bus_done(&pio);
	(void)close(listener);
	return 0;
}
