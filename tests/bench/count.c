/* SPDX-License-Identifier: Apache-2.0 */
/*
 * count.c - run a command once and print what it cost, as one JSON line:
 *
 *   count COMMAND...
 *   {"status":0,"ns":...,"exits":...,"user_exits":...,"syscalls":...}
 *
 * ns: from exec to the end; under the lab's --icount, where the clock counts
 * instructions, ns * INSTRUCTIONS_PER_NS is what the machine executed.
 * exits: VM exits; user_exits: those that reached the monitor; syscalls: of
 * the monitor.  -1 where the kernel's tracepoints cannot be read.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const tracepoints[] = {
	"kvm/kvm_exit",
	"kvm/kvm_userspace_exit",
	"raw_syscalls/sys_enter",
};

#define NR_COUNTERS (sizeof(tracepoints) / sizeof(tracepoints[0]))

/* Counts for @pid from its next exec on, with all that it starts. */
static int open_counter(const char *tracepoint, pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.disabled = 1,
		.inherit = 1,
		.enable_on_exec = 1,
	};
	char path[128];
	char text[32] = "";

	(void)snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id",
		       tracepoint);
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	if (fgets(text, sizeof(text), f))
		attr.config = strtoull(text, NULL, 10);
	(void)fclose(f);
	return (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

static int64_t read_counter(int fd)
{
	int64_t v;

	return fd >= 0 && read(fd, &v, sizeof(v)) == sizeof(v) ? v : -1;
}

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	int go[2];
	int fd[NR_COUNTERS];
	char byte = 0;
	int status;

	if (argc < 2 || pipe(go) < 0) {
		fprintf(stderr, "usage: count COMMAND...\n");
		return 2;
	}
	(void)mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);

	pid_t pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0) {
		/* The counters are in place when the pipe says so. */
		if (read(go[0], &byte, 1) != 1)
			_exit(2);
		(void)close(go[0]);
		(void)close(go[1]);
		(void)execvp(argv[1], argv + 1);
		fprintf(stderr, "count: %s: %s\n", argv[1], strerror(errno));
		_exit(127);
	}
	for (unsigned i = 0; i < NR_COUNTERS; i++)
		fd[i] = open_counter(tracepoints[i], pid);

	uint64_t begin = now();
	if (write(go[1], &byte, 1) != 1 || waitpid(pid, &status, 0) != pid)
		return 2;
	uint64_t end = now();

	printf("{\"status\":%d,\"ns\":%" PRIu64 ",\"exits\":%" PRId64
	       ",\"user_exits\":%" PRId64 ",\"syscalls\":%" PRId64 "}\n",
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128, end - begin,
	       read_counter(fd[0]), read_counter(fd[1]), read_counter(fd[2]));
	return 0;
}
