/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch_fuzz.c - belljar-switch between two VMs and a way out: frames of
 * guests, whole or dressed as IPv4 and DNS, what belljar-net sends, and what
 * newcomers say.  What one guest hears of another has to be the other's own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "vmm/abi/net.h"
#include "vmm/abi/switch.h"
#include "vmm/switch/switch.h"

enum { A, B, WAY, NEWCOMER, NR };

static const uint8_t dns[4] = { 10, 89, 0, 2 };

static struct sockaddr_un door;
static socklen_t door_len;
static int wire[NR];
static struct switch_welcome self[NR];
static uint8_t buf[NET_FRAME_MAX + 1];

static int call(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	MUST(fd >= 0);
	MUST(connect(fd, (struct sockaddr *)&door, door_len) == 0);
	return fd;
}

static void join(struct sw *sw, int nr, uint32_t kind, const char *id)
{
	struct switch_hello h = { .version = SWITCH_VERSION, .wire = kind };

	memcpy(h.id, id, strlen(id));
	wire[nr] = call();
	MUST(send(wire[nr], &h, sizeof(h), 0) == sizeof(h));
	for (int i = 0; i < 3; i++)
		MUST(switch_step(sw, 0) <= 0);
	MUST(recv(wire[nr], &self[nr], sizeof(self[nr]), MSG_DONTWAIT) ==
	     sizeof(self[nr]));
	MUST(self[nr].error == 0);
}

/* A datagram of @from to the name server, the other or everybody. */
static size_t dress(struct input *in, int from, const uint8_t *data, size_t len)
{
	static uint8_t frame[2048];
	uint8_t how = input_u8(in);
	const uint8_t *to = how & 1 ? self[!from].addr : dns;
	struct ip ip = {
		.ip_v = 4,
		.ip_hl = 5,
		.ip_p = how & 2 ? 6 : 17,
		.ip_len = htons((uint16_t)(sizeof(ip) + 8 + len)),
	};
	struct udphdr udp = {
		.uh_dport = htons(53),
		.uh_ulen = htons((uint16_t)(8 + len)),
	};

	memset(frame, how & 4 ? 0xff : 2, 6);
	if (how & 8)
		memcpy(frame, self[!from].mac, 6);
	memcpy(frame + 6, self[from].mac, 6);
	frame[12] = 8;
	frame[13] = 0;
	memcpy(&ip.ip_src, self[from].addr, 4);
	memcpy(&ip.ip_dst, to, 4);
	memcpy(frame + 14, &ip, sizeof(ip));
	memcpy(frame + 34, &udp, sizeof(udp));
	memcpy(frame + 42, data, len);
	(void)send(wire[from], frame, 42 + len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return len;
}

/* All that waits at @at: the other's, as itself, or the name server's. */
static void listen_to(int at)
{
	ssize_t n;

	while ((n = recv(wire[at], buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		MUST(n >= NET_FRAME_MIN && n <= NET_FRAME_MAX);
		if (at == WAY) {
			MUST(memcmp(buf + 6, self[A].mac, 6) == 0);
			continue;
		}
		/* To A anything may come by its own way out. */
		if (at == A)
			continue;
		MUST(buf[12] == 8 && (buf[13] == 0 || buf[13] == 6));
		/* The MAC is made of the address; or its name server's reply.
		 */
		if (buf[13] == 0)
			MUST(memcmp(buf + 26, buf + 8, 4) == 0 ||
			     memcmp(buf + 26, dns, 4) == 0);
		else
			MUST(memcmp(buf + 22, buf + 6, 6) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct switch_subnet net = { .prefix = 24 };
	struct sw *sw = NULL;
	struct err err;

	input_begin();
	door = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* A name that the kernel chooses. */
	MUST(bind(fd, (struct sockaddr *)&door, sizeof(sa_family_t)) == 0);
	MUST(listen(fd, 8) == 0);
	door_len = sizeof(door);
	MUST(getsockname(fd, (struct sockaddr *)&door, &door_len) == 0);
	MUST(inet_pton(AF_INET, "10.89.0.0", &net.base) == 1);
	MUST(switch_new(fd, &net, &sw, &err) == 0);
	join(sw, A, SWITCH_GUEST, "a");
	join(sw, B, SWITCH_GUEST, "b");
	join(sw, WAY, SWITCH_UPLINK, "a");
	wire[NEWCOMER] = call();

	while (in.left) {
		uint8_t how = input_u8(&in);
		size_t len;
		const uint8_t *p =
			input_bytes(&in, input_u16(&in) & 1023U, &len);

		if (how & 4 && (how & 3) <= B)
			(void)dress(&in, how & 3, p, len);
		else
			(void)send(wire[how & 3], p, len,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
		MUST(switch_step(sw, 0) == 0);
		if (how & 8)
			for (int i = A; i <= WAY; i++)
				listen_to(i);
	}
	for (int i = 0; i < NR; i++)
		(void)close(wire[i]);
	for (int i = 0; i < 4; i++)
		if (switch_step(sw, 0) == -EPIPE)
			break;
	switch_free(sw);
	return 0;
}
