/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_host.c - belljar on a host of files, with a pretend kernel behind its
 * /sys, so that taking devices and giving them back can be tested anywhere:
 *
 *   fake_host make              a host with two GPUs, an audio function and a
 *                               disk; prints its root
 *   fake_host ROOT bound BDF    the driver that has it
 *   fake_host ROOT run|ps|rm    as belljar has it
 *
 * While ROOT/slow is there, a driver does not let go; ROOT/waits appears when
 * one was asked to.  While ROOT/stuck is there, the driver whose name it has
 * takes nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/fake_sysfs.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/dirs.h"

#define SECOND "0000:03:00.0"

static const struct fake_function functions[] = {
	{ .bdf = "0000:01:00.0",
	  .above = "pci0000:00/0000:00:01.0",
	  .vendor = 0x10de,
	  .device = 0x2330,
	  .class = 0x030000,
	  .driver = "nouveau",
	  .group = 12,
	  .reset = "flr bus\n" },
	{ .bdf = "0000:01:00.1",
	  .above = "pci0000:00/0000:00:01.0",
	  .vendor = 0x10de,
	  .device = 0x22bb,
	  .class = 0x040300,
	  .driver = "snd_hda_intel",
	  .group = 12,
	  .reset = "bus\n" },
	{ .bdf = "0000:02:00.0",
	  .above = "pci0000:00/0000:00:02.0",
	  .vendor = 0x1b36,
	  .device = 0x0010,
	  .class = 0x010802,
	  .driver = "nvme",
	  .group = 13,
	  .reset = "flr\n" },
	{ .bdf = SECOND,
	  .above = "pci0000:00/0000:00:03.0",
	  .vendor = 0x10de,
	  .device = 0x2330,
	  .class = 0x030000,
	  .driver = "nouveau",
	  .group = 14,
	  .reset = "flr bus\n" },
};

struct host {
	struct fake_host h;
	struct hostdev_ops ops; /* before the pretend kernel's own */
	char stuck[64];
};

static void file_of(const struct host *host, const char *name, char *ret,
		    size_t size)
{
	(void)snprintf(ret, size, "%s/%s", host->h.root, name);
}

static int slow_write(void *arg, const char *path, const char *text)
{
	const struct timespec tick = { 0, 10000000 };
	struct host *host = arg;
	char slow[80], stuck[80];
	AUTO_FREE char *driver = NULL;

	file_of(host, "slow", slow, sizeof(slow));
	file_of(host, "stuck", stuck, sizeof(stuck));
	if (strcmp(strrchr(path, '/'), "/unbind") == 0 &&
	    access(slow, F_OK) == 0) {
		fake_host_file(&host->h, "", "waits");
		while (access(slow, F_OK) == 0)
			(void)nanosleep(&tick, NULL);
	}
	host->h.refuses = NULL;
	if (io_read_file(stuck, sizeof(host->stuck) - 1, &driver, NULL) == 0) {
		(void)snprintf(host->stuck, sizeof(host->stuck), "%.*s",
			       (int)strcspn(driver, "\n"), driver);
		host->h.refuses = host->stuck;
	}
	return host->h.ops.write(host->h.ops.arg, path, text);
}

static int make(void)
{
	struct fake_host h;

	fake_host_init(&h);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		fake_host_add(&h, &functions[i]);
	fake_host_file(&h, "", "dev/vfio/vfio");
	fake_host_file(&h, "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n",
		       "proc/meminfo");
	fake_host_file(&h, "Name:\tx\nCapEff:\t0000000000004000\n",
		       "proc/self/status");
	return puts(h.root) < 0;
}

/* The host that make() made, with the kernel of a new one. */
static int open_host(struct host *host, const char *root)
{
	fake_host_init(&host->h);
	fake_host_done(&host->h);
	if (strlen(root) >= sizeof(host->h.root))
		return -ENAMETOOLONG;
	(void)snprintf(host->h.root, sizeof(host->h.root), "%s", root);
	host->ops = host->h.ops;
	host->ops.write = slow_write;
	host->ops.arg = host; /* for load() it is the fake_host in front */
	host->h.sys.ops = &host->ops;
	return 0;
}

static int belljar(struct host *host, int argc, char **argv)
{
	static const struct {
		const char *name;
		cmd_fn *run;
	} verbs[] = { { "run", cmd_run }, { "ps", cmd_ps }, { "rm", cmd_rm } };
	struct manager mgr = { .kvm = "/dev/kvm", .sys = host->h.sys };
	struct err err;
	int status = 2;

	if (dirs_init(&mgr, NULL, NULL, &err) < 0)
		return cmd_fail(&err);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, argv[0]) == 0)
			status = verbs[i].run(&mgr, argc, argv);
	dirs_done(&mgr);
	return status;
}

int main(int argc, char **argv)
{
	struct host host;

	if (argc == 2 && strcmp(argv[1], "make") == 0)
		return make();
	if (argc < 3 || open_host(&host, argv[1]) < 0)
		return 2;
	if (argc == 4 && strcmp(argv[2], "bound") == 0)
		return puts(fake_host_bound(&host.h, argv[3])) < 0;
	return belljar(&host, argc - 2, argv + 2);
}
