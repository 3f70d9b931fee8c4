/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - jobs, one after the other. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "images/init/sysctl.h"

#define PAGE 4096

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void rest(void)
{
	for (;;)
		(void)pause();
}

void fail(const struct job *job, const char *what)
{
	printf("failed %s: %s: %s\n", job->text, what, strerror(errno));
	if (getpid() == 1)
		rest();
	exit(1);
}

uint64_t number(const struct job *job, unsigned i)
{
	const char *text = job->field[i] ? job->field[i] : "";
	char *end;
	uint64_t v = strtoull(text, &end, 10);

	if (end == text || *end) {
		errno = EINVAL;
		fail(job, "a number");
	}
	return v;
}

void begin(struct job *job)
{
	printf("begin %s\n", job->text);
	/* Whoever started the guest counts what was spent until here first. */
	while (getpid() == 1 && getchar() != '\n')
		;
	job->began = now();
}

void end(const struct job *job, uint64_t units)
{
	printf("end %s %" PRIu64 " %" PRIu64 "\n", job->text, units,
	       now() - job->began);
}

void do_touch(struct job *job)
{
	size_t len = number(job, 1) * MIB;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail(job, "memory");
	begin(job);
	for (size_t i = 0; i < len; i += PAGE)
		p[i] = 1;
	if (munmap(p, len) < 0)
		fail(job, "give memory back");
	end(job, len);
}

static void do_wait(struct job *job)
{
	begin(job);
	rest();
}

static const struct {
	const char *name;
	void (*run)(struct job *job);
} kinds[] = {
	{ "blk", do_blk },     { "bridge", do_bridge }, { "fs", do_fs },
	{ "ip", do_ip },       { "serve", do_serve },	{ "tcp", do_tcp },
	{ "touch", do_touch }, { "vsock", do_vsock },	{ "wait", do_wait },
};

static void run(const char *text)
{
	struct job job = { .text = text };
	char *copy = strdup(text), *rest_of = copy;

	for (unsigned i = 0; copy && i < FIELDS_MAX; i++)
		job.field[i] = strsep(&rest_of, ":");
	for (unsigned i = 0; copy && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, job.field[0]) == 0) {
			kinds[i].run(&job);
			free(copy);
			return;
		}
	}
	errno = EINVAL;
	fail(&job, "no such job");
}

int main(int argc, char **argv)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (getpid() == 1) {
		(void)mkdir("/dev", 0755);
		(void)mkdir("/mnt", 0755);
		(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
		(void)mkdir("/proc", 0755);
		(void)mount("proc", "/proc", "proc", 0, NULL);
		sysctl_reserve_little(); /* as belljar's init */
	}
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	puts("done");
	if (getpid() == 1)
		rest();
	return 0;
}
