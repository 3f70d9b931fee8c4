/* SPDX-License-Identifier: Apache-2.0 */
/*
 * honest.c - the neighbour: round after round it writes a pattern over its
 * disk and reads it back past the page cache, and sends bytes by vsock and UDP
 * to a host program that returns them.  run.py knows the pattern too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hostile.h"

#define BLOCK	  65536U
#define BLOCKS	  16U
#define WORDS	  (BLOCK / sizeof(uint64_t))
#define ECHO_PORT 7000U
#define TRIES	  30

static uint64_t *pattern, *back;

/* run.py: the same words. */
static void fill(uint64_t round, unsigned block)
{
	for (unsigned i = 0; i < WORDS; i++)
		pattern[i] =
			(round * BLOCKS + block + 1) * 0x9e3779b97f4a7c15 + i;
}

static const char *disk(int fd, uint64_t round)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		fill(round, i);
		if (pwrite(fd, pattern, BLOCK, (off_t)i * BLOCK) != BLOCK)
			return "write";
	}
	if (fsync(fd) < 0)
		return "sync";
	for (unsigned i = 0; i < BLOCKS; i++) {
		fill(round, i);
		if (pread(fd, back, BLOCK, (off_t)i * BLOCK) != BLOCK)
			return "read";
		if (memcmp(pattern, back, BLOCK) != 0)
			return "disk-data";
	}
	return NULL;
}

static const char *vsock(void)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK,
				 .svm_cid = VMADDR_CID_HOST,
				 .svm_port = ECHO_PORT };
	/* Linux gives up after 2 s, which is nothing on a busy host. */
	const struct timeval wait = { .tv_sec = 60 };
	char *to = (void *)back;
	int s = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;

	(void)setsockopt(s, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &wait,
			 sizeof(wait));
	if (connect(s, (const void *)&a, sizeof(a)) < 0 ||
	    write(s, pattern, BLOCK / 2) != BLOCK / 2) {
		(void)close(s);
		return "vsock";
	}
	memset(back, 0, BLOCK);
	while (n < BLOCK / 2) {
		ssize_t r = read(s, to + n, BLOCK / 2 - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	(void)close(s);
	return memcmp(pattern, back, BLOCK / 2) == 0 ? NULL : "vsock-data";
}

/* A datagram may be lost; one that comes back is the one that was sent. */
static const char *udp(int s, uint64_t round)
{
	uint64_t answer[2] = { 0 };

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t question[2] = { round, i };

		if (udp_send(s, question, sizeof(question)) < 0)
			return "udp-send";
		while (recv(s, answer, sizeof(answer), 0) == sizeof(answer))
			if (memcmp(question, answer, sizeof(answer)) == 0)
				return NULL;
	}
	return "udp";
}

void honest(int tty)
{
	int fd = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
	int s = udp_socket();

	pattern = aligned_alloc(4096, BLOCK);
	back = aligned_alloc(4096, BLOCK);
	if (fd < 0 || s < 0 || !pattern || !back)
		give_up("begin");
	for (uint64_t round = 0;; round++) {
		const char *wrong = disk(fd, round);

		if (!wrong)
			wrong = vsock();
		if (!wrong)
			wrong = udp(s, round);
		if (wrong)
			(void)dprintf(tty, "\n@@ wrong %s: %s\n", wrong,
				      strerror(errno));
		else
			(void)dprintf(tty, "\n@@ round %llu\n",
				      (unsigned long long)round);
	}
}
