/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes.c - device nodes of NVIDIA's driver.  Numbers and names are those of
 * its own nvidia-modprobe(1): control device and GPUs share a major, minors
 * 255 and 254 are the control and the mode-setting device, capabilities tell
 * their minor and mode in files below /proc/driver/nvidia/capabilities.
 */
#include "images/init/nodes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "vmm/lib/auto.h"

#define ALL	  0666
#define CAP_DEPTH 6 /* of gpuN/mig/giN/ciN/access, and one to spare */
#define PER_GPU	  (-1) /* a node for each file gpus/BDF/information */
#define PER_CAP	  (-2) /* a node for each capability */

/* Lines of /proc/devices and what they stand for. */
static const struct row {
	const char *device;
	const char *path; /* printf format with the minor, when per something */
	int minor;
} rows[] = {
	{ "nvidia-frontend", "nvidia%u", PER_GPU },
	{ "nvidia-frontend", "nvidiactl", 255 },
	{ "nvidia-frontend", "nvidia-modeset", 254 },
	{ "nvidia", "nvidia%u", PER_GPU },
	{ "nvidia", "nvidiactl", 255 },
	{ "nvidia", "nvidia-modeset", 254 },
	{ "nvidia-uvm", "nvidia-uvm", 0 },
	{ "nvidia-uvm", "nvidia-uvm-tools", 1 },
	{ "nvidia-caps", "nvidia-caps/nvidia-cap%u", PER_CAP },
};

struct making {
	nodes_fn *fn;
	void *arg;
	const struct row *row;
	unsigned major;
};

static int make_row(const struct making *m, unsigned minor, mode_t mode)
{
	char path[64];

	if (strcmp(m->row->path, "nvidia%u") == 0)
		(void)snprintf(path, sizeof(path), "nvidia%u", minor);
	else if (m->row->minor == PER_CAP)
		(void)snprintf(path, sizeof(path), "nvidia-caps/nvidia-cap%u",
			       minor);
	else
		(void)snprintf(path, sizeof(path), "%s", m->row->path);
	return m->fn(m->arg, path, m->major, minor, mode);
}

/* Blanks and a decimal number; what is behind it does not matter. */
static bool read_number(const char *text, unsigned *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*ret = (unsigned)value;
	return end != text && value <= UINT_MAX;
}

/* The number behind "@key:" in the file @name of @dir.  False: none. */
static bool read_key(int dir, const char *name, const char *key, unsigned *ret)
{
	char text[4096];

	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';

	size_t len = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ':')
			return read_number(line + len + 1, ret);
	}
	return false;
}

static int each_gpu(const struct making *m, const char *proc)
{
	char path[512];
	const struct dirent *e;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/driver/nvidia/gpus", proc);
	AUTO_DIR DIR *dir = opendir(path);
	while (dir && r == 0 && (e = readdir(dir))) {
		unsigned minor;

		(void)snprintf(path, sizeof(path), "%s/information", e->d_name);
		if (e->d_name[0] != '.' &&
		    read_key(dirfd(dir), path, "Device Minor", &minor))
			r = make_row(m, minor, ALL);
	}
	return r;
}

static int each_cap(const struct making *m, int at, const char *name,
		    unsigned depth)
{
	AUTO_CLOSE int fd =
		openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int r = 0;

	if (!dir)
		return 0;
	int here = TAKE_FD(fd);
	while (r == 0 && (e = readdir(dir))) {
		unsigned minor, mode;

		if (e->d_name[0] == '.')
			continue;
		if (read_key(here, e->d_name, "DeviceFileMinor", &minor) &&
		    read_key(here, e->d_name, "DeviceFileMode", &mode))
			r = make_row(m, minor, mode & 0777);
		else if (depth < CAP_DEPTH)
			r = each_cap(m, here, e->d_name, depth + 1);
	}
	return r;
}

static int make_rows(struct making *m, const char *proc, const char *device)
{
	char caps[512];
	int r = 0;

	(void)snprintf(caps, sizeof(caps), "%s/driver/nvidia/capabilities",
		       proc);
	for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].device, device) != 0)
			continue;
		m->row = &rows[i];
		if (rows[i].minor == PER_GPU)
			r = each_gpu(m, proc);
		else if (rows[i].minor == PER_CAP)
			r = each_cap(m, AT_FDCWD, caps, 0);
		else
			r = make_row(m, (unsigned)rows[i].minor, ALL);
	}
	return r;
}

int nodes_nvidia(const char *proc, nodes_fn *fn, void *arg)
{
	struct making m = { .fn = fn, .arg = arg };
	char line[256];
	int r = 0;

	(void)snprintf(line, sizeof(line), "%s/devices", proc);
	AUTO_FCLOSE FILE *f = fopen(line, "re");
	/* Block devices, of which NVIDIA has none, come last. */
	while (f && r == 0 && fgets(line, sizeof(line), f) &&
	       strncmp(line, "Block", 5) != 0) {
		const char *device = strrchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (device && read_number(line, &m.major))
			r = make_rows(&m, proc, device + 1);
	}
	return r;
}

static int make_node(void *arg, const char *path, unsigned major,
		     unsigned minor, mode_t mode)
{
	const char *dev = arg;
	char full[512];
	struct stat st;

	(void)snprintf(full, sizeof(full), "%s/%s", dev, path);
	if (stat(full, &st) == 0 && S_ISCHR(st.st_mode) &&
	    st.st_rdev == makedev(major, minor))
		return chmod(full, mode) < 0 ? -errno : 0;
	if (unlink(full) < 0 && errno != ENOENT)
		return -errno;

	char *slash = strrchr(full, '/');
	*slash = '\0';
	if (mkdir(full, 0755) < 0 && errno != EEXIST)
		return -errno;
	*slash = '/';
	/* The mode again: mknod's is subject to the umask. */
	if (mknod(full, S_IFCHR | mode, makedev(major, minor)) < 0 ||
	    chmod(full, mode) < 0)
		return -errno;
	return 0;
}

/* As udev's rules have it: rendering is everybody's, display is not. */
static void open_render_nodes(const char *dev)
{
	char path[512];
	const struct dirent *e;

	(void)snprintf(path, sizeof(path), "%s/kfd", dev);
	(void)chmod(path, ALL);
	(void)snprintf(path, sizeof(path), "%s/dri", dev);
	AUTO_DIR DIR *dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, "renderD", 7) == 0)
			(void)!fchmodat(dirfd(dir), e->d_name, ALL, 0);
}

int nodes_make(const char *proc, const char *dev, struct err *err)
{
	char root[256];

	(void)snprintf(root, sizeof(root), "%s", dev);
	open_render_nodes(dev);
	int r = nodes_nvidia(proc, make_node, root);
	return r < 0 ? err_set(err, -r,
			       "make the device nodes of NVIDIA's "
			       "driver")
		     : 0;
}
