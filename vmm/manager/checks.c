/* SPDX-License-Identifier: Apache-2.0 */
/* checks.c - what `belljar doctor` looks at. */
#include "vmm/manager/checks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/checks_cgroup.h"
#include "vmm/manager/checks_jail.h"
#include "vmm/manager/checks_vfio.h"
#include "vmm/manager/host.h"
#include "vmm/manager/kernel.h"
#include "vmm/manager/kvm_check.h"

#define MIB	  ((unsigned long long)1 << 20)
#define MIN_SPACE (1024 * MIB)

void check_fact(struct check *c, enum check_level level, const char *fmt, ...)
{
	va_list ap;

	c->level = level;
	va_start(ap, fmt);
	(void)vsnprintf(c->fact, sizeof(c->fact), fmt, ap);
	va_end(ap);
}

void check_remedy(struct check *c, const char *text)
{
	(void)snprintf(c->remedy, sizeof(c->remedy), "%s", text);
}

static void ask_kvm(const struct manager *mgr, struct check *c)
{
	struct err err;
	AUTO_CLOSE int kvm = kvm_check_open(mgr->kvm, &err);

	if (kvm < 0)
		check_fact(c, CHECK_FAIL, "%s", err.msg);
	else
		check_fact(c, CHECK_OK, "'%s' opens, API 12", mgr->kvm);
}

static void ask_caps(const struct manager *mgr, struct check *c)
{
	struct err err;
	AUTO_CLOSE int kvm = kvm_check_open(mgr->kvm, &err);

	if (kvm < 0)
		check_fact(c, CHECK_FAIL, "not known without KVM");
	else if (kvm_check_caps(kvm, &err) < 0)
		check_fact(c, CHECK_FAIL, "%s", err.msg);
	else
		check_fact(c, CHECK_OK, "all that the monitor needs");
}

static void ask_hardware(const struct manager *mgr, struct check *c)
{
	struct err err;

	(void)mgr;
	if (kvm_check_hardware("/proc/cpuinfo", &err) < 0)
		check_fact(c, CHECK_FAIL, "%s", err.msg);
	else
		check_fact(c, CHECK_OK, "present");
}

static void ask_nested(const struct manager *mgr, struct check *c)
{
	static const char *const files[] = {
		"/sys/module/kvm_intel/parameters/nested",
		"/sys/module/kvm_amd/parameters/nested",
	};

	(void)mgr;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		AUTO_FREE char *text = NULL;

		if (io_read_file(files[i], 64, &text, NULL) == 0) {
			bool on = text[0] == 'Y' || text[0] == '1';
			check_fact(c, CHECK_OK, "%s (guests do not need it)",
				   on ? "on" : "off");
			return;
		}
	}
	check_fact(c, CHECK_OK, "not known (guests do not need it)");
}

static void ask_memory(const struct manager *mgr, struct check *c)
{
	unsigned long long total = host_meminfo("MemTotal") / MIB;
	unsigned long long available = host_meminfo("MemAvailable") / MIB;

	(void)mgr;
	check_fact(c, available < 256 ? CHECK_WARN : CHECK_OK,
		   "%llu MiB of %llu MiB available", available, total);
	if (available < 256)
		check_remedy(c, "a guest needs 64 MiB at least, Python more");
}

static void ask_hugepages(const struct manager *mgr, struct check *c)
{
	AUTO_FREE char *text = NULL;
	char mode[16] = "unknown";

	(void)mgr;
	if (io_read_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
			 256, &text, NULL) == 0 &&
	    strchr(text, '['))
		(void)sscanf(strchr(text, '['), "[%15[^]]", mode);
	check_fact(c, CHECK_OK, "transparent in shared memory: %s", mode);
	if (strcmp(mode, "never") == 0)
		check_remedy(c,
			     "'advise' in /sys/kernel/mm/transparent_hugepage/"
			     "shmem_enabled makes big guests faster");
}

static void ask_limits(const struct manager *mgr, struct check *c)
{
	struct rlimit files = { 0 };
	struct rlimit locked = { 0 };

	(void)mgr;
	(void)getrlimit(RLIMIT_NOFILE, &files);
	(void)getrlimit(RLIMIT_MEMLOCK, &locked);
	bool few = files.rlim_cur < 256;
	check_fact(c, few ? CHECK_WARN : CHECK_OK,
		   "%llu open files, %lld KiB locked memory",
		   (unsigned long long)files.rlim_cur,
		   locked.rlim_cur == RLIM_INFINITY
			   ? -1LL
			   : (long long)(locked.rlim_cur >> 10));
	if (few)
		check_remedy(c, "'ulimit -n 1024'");
}

static void ask_overcommit(const struct manager *mgr, struct check *c)
{
	AUTO_FREE char *text = NULL;
	bool strict = io_read_file("/proc/sys/vm/overcommit_memory", 16, &text,
				   NULL) == 0 &&
		      text[0] == '2';

	(void)mgr;
	check_fact(c, strict ? CHECK_WARN : CHECK_OK,
		   strict ? "strict (vm.overcommit_memory=2)" : "not strict");
	if (strict)
		check_remedy(c,
			     "guests may be refused memory they do not touch; "
			     "'sysctl vm.overcommit_memory=0'");
}

/* The directory, or the nearest above it that is there. */
static void nearest(const char *path, char ret[PATH_MAX])
{
	struct stat st;

	(void)snprintf(ret, PATH_MAX, "%s", path);
	while (stat(ret, &st) < 0 && strrchr(ret, '/') != ret)
		*strrchr(ret, '/') = '\0';
	if (stat(ret, &st) < 0)
		(void)snprintf(ret, PATH_MAX, "/");
}

static void ask_store(const struct manager *mgr, struct check *c)
{
	char path[PATH_MAX];
	struct statvfs vfs;

	nearest(mgr->data, path);
	if (access(path, W_OK | X_OK) < 0 || statvfs(path, &vfs) < 0) {
		check_fact(c, CHECK_FAIL, "'%s' cannot be written: %s", path,
			   strerror(errno));
		check_remedy(c, "give another place with --root DIR");
		return;
	}
	unsigned long long left =
		(unsigned long long)vfs.f_bavail * vfs.f_frsize;
	check_fact(c, left < MIN_SPACE ? CHECK_WARN : CHECK_OK,
		   "'%s', %llu MiB free", mgr->data, left / MIB);
	if (left < MIN_SPACE)
		check_remedy(c, "'belljar rm' and 'belljar rmi' free space");
}

static void ask_kernel(const struct manager *mgr, struct check *c,
		       const char *flavour, const char *how)
{
	struct kernel k;

	if (kernel_installed(mgr->libdir, flavour, &k)) {
		check_fact(c, CHECK_OK, "%s",
			   k.version[0] ? k.version : "present");
		return;
	}
	/* One of the two is enough. */
	struct err err;
	bool other = kernel_find(mgr->libdir, NULL, &k, &err) == 0;
	check_fact(c, other ? CHECK_WARN : CHECK_FAIL, "not in '%s/kernels'",
		   mgr->libdir);
	check_remedy(c, how);
}

static void ask_minimal(const struct manager *mgr, struct check *c)
{
	ask_kernel(mgr, c, "minimal", "'make kernel' builds it: fastest boot");
}

static void ask_stock(const struct manager *mgr, struct check *c)
{
	ask_kernel(mgr, c, "stock",
		   "'make stock-kernel' unpacks it from Debian's package");
}

static void ask_companions(const struct manager *mgr, struct check *c)
{
	static const char *const names[] = { "belljar-monitor", "belljar-net",
					     "initrd.cpio" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", mgr->libdir,
			       names[i]);
		if (access(path, R_OK) == 0)
			continue;
		check_fact(c, CHECK_FAIL, "'%s' is missing", path);
		check_remedy(c, "build it with 'make', or set BELLJAR_LIBDIR");
		return;
	}
	check_fact(c, CHECK_OK, "in '%s'", mgr->libdir);
}

static bool in_path(const char *name, const char *dirs)
{
	AUTO_FREE char *copy = strdup(dirs);
	char *next = copy;
	char path[PATH_MAX];

	for (const char *dir; (dir = strsep(&next, ":")) != NULL;) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void ask_tool(struct check *c, const char *name, const char *package,
		     enum check_level missing, const char *what_for)
{
	const char *path = getenv("PATH");

	if (in_path(name, path ? path : "/usr/bin:/bin") ||
	    in_path(name, "/usr/sbin:/sbin:/usr/libexec")) {
		check_fact(c, CHECK_OK, "present");
		return;
	}
	check_fact(c, missing, "missing (%s)", what_for);
	(void)snprintf(c->remedy, sizeof(c->remedy), "'apt install %s'",
		       package);
}

static void ask_mke2fs(const struct manager *mgr, struct check *c)
{
	(void)mgr;
	ask_tool(c, "mke2fs", "e2fsprogs", CHECK_FAIL, "writable layers");
}

static void ask_tar2sqfs(const struct manager *mgr, struct check *c)
{
	(void)mgr;
	ask_tool(c, "tar2sqfs", "squashfs-tools-ng", CHECK_FAIL,
		 "'belljar load' converts with it");
}

static void ask_skopeo(const struct manager *mgr, struct check *c)
{
	(void)mgr;
	ask_tool(c, "skopeo", "skopeo", CHECK_WARN, "'belljar pull'");
}

static void ask_virtiofsd(const struct manager *mgr, struct check *c)
{
	(void)mgr;
	ask_tool(c, "virtiofsd", "qemu-system-common", CHECK_OK,
		 "not needed yet");
	if (c->level == CHECK_OK)
		c->remedy[0] = '\0';
}

const struct check_question check_questions[] = {
	{ "kvm", ask_kvm },
	{ "kvm-capabilities", ask_caps },
	{ "hardware-virtualization", ask_hardware },
	{ "nested-virtualization", ask_nested },
	{ "memory", ask_memory },
	{ "hugepages", ask_hugepages },
	{ "limits", ask_limits },
	{ "overcommit", ask_overcommit },
	{ "store", ask_store },
	{ "companions", ask_companions },
	{ "kernel-minimal", ask_minimal },
	{ "kernel-stock", ask_stock },
	{ "mke2fs", ask_mke2fs },
	{ "tar2sqfs", ask_tar2sqfs },
	{ "skopeo", ask_skopeo },
	{ "virtiofsd", ask_virtiofsd },
	{ "cgroup", ask_cgroup },
	{ "jail", ask_jail },
	{ "iommu", ask_iommu },
	{ "interrupt-remapping", ask_remapping },
	{ "iommu-groups", ask_groups },
	{ "acs", ask_acs },
	{ "vfio-pci", ask_vfio },
	{ "memlock", ask_memlock },
	{ "hugepages-reserved", ask_reserved },
	{ "gpus", ask_gpus },
	{ NULL, NULL },
};
