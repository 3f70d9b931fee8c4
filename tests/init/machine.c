/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - stands in for images/init/main.c in tests: the same steps, with
 * tmpfs for disks and this kernel for the guest's.
 */
#include "tests/init/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/init/rootfs.h"
#include "images/init/session.h"
#include "vmm/lib/auto.h"

static const char *const applets[] = {
	"sh",	 "cat",	  "stty",      "id",	   "ls",       "ps",
	"env",	 "head",  "wc",	       "stat",	   "readlink", "touch",
	"mount", "sleep", "ip",	       "hostname", "mkdir",    "grep",
	"seq",	 "yes",	  "sha256sum", "df",
};

static const struct {
	const char *path, *text;
	mode_t mode;
} files[] = {
	{ "etc/passwd",
	  "root:x:0:0:root:/root:/bin/sh\n"
	  "bob:x:1000:1001::/home/bob:/bin/sh\n",
	  0644 },
	{ "etc/group", "root:x:0:\nbob:x:1001:\nvideo:x:44:alice,bob\n", 0644 },
	{ "bin/plain", "no program\n", 0644 },
	{ "bin/garbage", "\x7fGARBAGE", 0755 },
	{ "bin/orphan", "#!/no/such/shell\n", 0755 },
};

static int copy_busybox(void)
{
	AUTO_CLOSE int in = open("/bin/busybox", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int out =
		open("bin/busybox", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		return -1;
	return sendfile(out, in, NULL, (size_t)st.st_size) == st.st_size ? 0
									 : -1;
}

static int make_files(void)
{
	static const char *const dirs[] = { "bin", "etc", "home", "home/bob" };
	char path[64];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(dirs[i], 0755) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]); i++) {
		(void)snprintf(path, sizeof(path), "bin/%s", applets[i]);
		if (symlink("busybox", path) < 0)
			return -1;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		AUTO_CLOSE int fd =
			open(files[i].path, O_WRONLY | O_CREAT | O_CLOEXEC,
			     files[i].mode);
		size_t len = strlen(files[i].text);

		if (fd < 0 || write(fd, files[i].text, len) != (ssize_t)len)
			return -1;
	}
	/* As Debian's images have it: a link to what is not there. */
	if (symlink("/run/resolve/stub.conf", "etc/resolv.conf") < 0)
		return -1;
	return copy_busybox();
}

static int make_root(const char *base)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("base", base, "tmpfs", 0, NULL) < 0 || chdir(base) < 0 ||
	    mkdir("image", 0755) < 0 || mkdir("layer", 0755) < 0 ||
	    mkdir("files", 0755) < 0 || chdir("image") < 0)
		return -1;
	if (make_files() < 0 || chdir("/") < 0)
		return -1;
	return rootfs_overlay(base, NULL);
}

int machine_main(int fd, const char *base)
{
	char root[128], etc[128];
	struct err err = { 0 };
	struct session s;

	if (make_root(base) < 0)
		return 1;
	(void)snprintf(root, sizeof(root), "%s/root", base);
	(void)snprintf(etc, sizeof(etc), "%s/files", base);

	const struct session_place place = {
		.root = root, .etc = etc, .shares = "/none", .dev_type = "tmpfs"
	};
	int r = session_open(&s, fd, &err);
	if (r == 0)
		r = session_run(&s, &place, &err);
	if (r < 0)
		session_fail(&s, &err);
	session_linger(&s);
	session_done(&s);
	/* A broken connection is the tests' only reason for 1. */
	return r == -ECONNRESET || r == -EPIPE || r == -EPROTO;
}
