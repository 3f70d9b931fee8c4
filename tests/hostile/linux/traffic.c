/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic.c - processes that use the devices through the kernel's own
 * drivers while these are attacked.  Those that hang in the kernel stay.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hostile.h"

#define BLOCK	  65536
#define ECHO_PORT 7000

enum { USER_DISK, USER_NET, USER_VSOCK, USER_RNG };

static pid_t user[USERS];

static void count(unsigned who)
{
	(void)__atomic_add_fetch(&shared->traffic[who], 1, __ATOMIC_RELAXED);
}

/* Half reads, half writes, past the page cache. */
static void use_disk(void)
{
	void *buffer = aligned_alloc(4096, BLOCK);
	int fd = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);

	if (!buffer || fd < 0)
		return;
	memset(buffer, 0x5a, BLOCK);
	for (off_t at = 0;; at = (at + BLOCK) % (4 << 20)) {
		if (pwrite(fd, buffer, BLOCK, at) == BLOCK)
			count(USER_DISK);
		if (pread(fd, buffer, BLOCK, at) == BLOCK)
			count(USER_DISK);
	}
}

static void bring_up(int s, const char *name)
{
	struct ifreq r = { 0 };
	struct sockaddr_in a = { .sin_family = AF_INET };

	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	a.sin_addr.s_addr = inet_addr("10.0.0.2");
	memcpy(&r.ifr_addr, &a, sizeof(a));
	(void)ioctl(s, SIOCSIFADDR, &r);
	r.ifr_flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST;
	(void)ioctl(s, SIOCSIFFLAGS, &r);
}

int udp_socket(void)
{
	const struct timeval wait = { .tv_sec = 1 };
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(ECHO_PORT) };
	int one = 1;
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	bring_up(s, "eth0");
	(void)setsockopt(s, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	(void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return bind(s, (const void *)&a, sizeof(a)) < 0 ? -1 : s;
}

ssize_t udp_send(int s, const void *data, size_t len)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(ECHO_PORT) };

	/* So that no address has to be resolved. */
	a.sin_addr.s_addr = inet_addr("10.255.255.255");
	return sendto(s, data, len, MSG_DONTWAIT, (const void *)&a, sizeof(a));
}

/* The answers stay where they are. */
static void use_net(void)
{
	char frame[1400] = { 0 };
	int s = udp_socket();

	if (s < 0)
		return;
	for (unsigned n = 0;; n++)
		if (udp_send(s, frame, sizeof(frame)) > 0)
			count(USER_NET);
		else if (n % 16 == 0)
			(void)usleep(1000);
}

static void use_vsock(void)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK,
				 .svm_cid = VMADDR_CID_HOST,
				 .svm_port = ECHO_PORT };
	char block[4096] = { 0 };

	for (;;) {
		int s = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(s, (const void *)&a, sizeof(a)) == 0)
			for (unsigned i = 0; i < 16; i++)
				if (write(s, block, sizeof(block)) > 0 &&
				    read(s, block, sizeof(block)) > 0)
					count(USER_VSOCK);
		(void)close(s);
	}
}

static void use_random(void)
{
	char bytes[64];
	int fd = open("/dev/hwrng", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	for (;;)
		if (read(fd, bytes, sizeof(bytes)) > 0)
			count(USER_RNG);
		else
			(void)usleep(1000);
}

void traffic_start(void)
{
	static void (*const use[USERS])(void) = { use_disk, use_net, use_vsock,
						  use_random };

	for (unsigned i = 0; i < USERS; i++) {
		user[i] = fork();
		if (user[i] == 0) {
			(void)signal(SIGPIPE, SIG_IGN);
			/* What is slow is the attack's number of chances. */
			(void)nice(10);
			use[i]();
			_exit(1);
		}
	}
}

void traffic_stop(void)
{
	for (unsigned i = 0; i < USERS; i++)
		(void)kill(user[i], SIGKILL);
}

static bool grew(const uint64_t *before, unsigned who)
{
	return __atomic_load_n(&shared->traffic[who], __ATOMIC_RELAXED) >
	       before[who];
}

unsigned traffic_flows(unsigned seconds)
{
	uint64_t before[USERS];
	unsigned flows = 0;

	memcpy(before, shared->traffic, sizeof(before));
	for (unsigned i = 0; i < 100 * seconds; i++) {
		for (unsigned who = 0; who < USERS; who++)
			if (grew(before, who))
				flows |= 1u << who;
		if (flows == (1u << USERS) - 1)
			break;
		(void)usleep(10000);
	}
	return flows;
}
