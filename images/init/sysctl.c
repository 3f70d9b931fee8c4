/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl.c - settings of the guest's kernel. */
#include "images/init/sysctl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "vmm/lib/auto.h"

#define RESERVE_MIN 128U /* KiB, as the kernel has them */
#define RESERVE_MAX 262144U

void sysctl_set(const char *path, const char *value)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, value, strlen(value));
}

uint64_t sysctl_reserve_kib(uint64_t total)
{
	const uint64_t square = total / 1024 * 16;
	uint64_t root = 0;

	for (uint64_t bit = RESERVE_MAX; bit > 0; bit >>= 1)
		if ((root | bit) * (root | bit) <= square)
			root |= bit;
	if (root < RESERVE_MIN)
		return RESERVE_MIN;
	return root < RESERVE_MAX ? root : RESERVE_MAX;
}

void sysctl_reserve_little(void)
{
	struct sysinfo info;
	char text[32];

	if (sysinfo(&info) < 0)
		return;
	(void)snprintf(
		text, sizeof(text), "%" PRIu64,
		sysctl_reserve_kib((uint64_t)info.totalram * info.mem_unit));
	sysctl_set("/proc/sys/vm/min_free_kbytes", text);
}
