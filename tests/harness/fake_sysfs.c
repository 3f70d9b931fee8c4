/* SPDX-License-Identifier: Apache-2.0 */
/* fake_sysfs.c - a host made of files, and the kernel behind them. */
#include "tests/harness/fake_sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define FUNCTION "sys/bus/pci/devices/%s"

/* A test that can't build its world is wrong. */
static void need(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

static void place(struct fake_host *h, char path[PATH_MAX], const char *fmt,
		  va_list ap)
{
	int n = snprintf(path, PATH_MAX, "%s/", h->root);

	(void)vsnprintf(path + n, PATH_MAX - (size_t)n, fmt, ap);
}

static void make_above(const char *path)
{
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	need(io_mkdirs(dir, 0755, NULL) == 0, dir);
}

static void put(const char *path, const char *text)
{
	make_above(path);
	AUTO_CLOSE int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	need(fd >= 0 && io_write_full(fd, text, strlen(text)) == 0, path);
}

void fake_host_file(struct fake_host *h, const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	place(h, path, fmt, ap);
	va_end(ap);
	put(path, text);
}

void fake_host_link(struct fake_host *h, const char *target, const char *fmt,
		    ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	place(h, path, fmt, ap);
	va_end(ap);
	make_above(path);
	(void)unlink(path);
	need(symlink(target, path) == 0, path);
}

void fake_host_remove(struct fake_host *h, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	place(h, path, fmt, ap);
	va_end(ap);
	need(io_remove_tree(path, NULL) == 0, path);
}

bool fake_host_there(struct fake_host *h, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	place(h, path, fmt, ap);
	va_end(ap);
	return access(path, F_OK) == 0;
}

/* Last component of a link; "" when there is none. */
static void link_name(const char *path, char *ret, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	const char *slash = strrchr(target, '/');
	(void)snprintf(ret, size, "%.63s", slash ? slash + 1 : target);
}

static void text_of(const char *path, char *ret, size_t size)
{
	AUTO_FREE char *text = NULL;

	ret[0] = '\0';
	if (io_read_file(path, 4096, &text, NULL) == 0)
		(void)snprintf(ret, size, "%.*s", (int)strcspn(text, "\n"),
			       text);
}

static void attribute(struct fake_host *h, const char *bdf, const char *name,
		      char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/" FUNCTION "/%s", h->root, bdf, name);
}

const char *fake_host_bound(struct fake_host *h, const char *bdf)
{
	static char name[64];
	char path[PATH_MAX];

	attribute(h, bdf, "driver", path);
	link_name(path, name, sizeof(name));
	return name;
}

const char *fake_host_override(struct fake_host *h, const char *bdf)
{
	static char name[64];
	char path[PATH_MAX];

	attribute(h, bdf, "driver_override", path);
	text_of(path, name, sizeof(name));
	return strcmp(name, "(null)") == 0 ? "" : name;
}

/* As really_probe() after a write to drivers_probe. */
static int probe(struct fake_host *h, const char *bdf)
{
	char path[PATH_MAX], driver[64], target[128];

	if (!fake_host_there(h, FUNCTION, bdf))
		return -ENODEV;
	if (fake_host_bound(h, bdf)[0])
		return 0;
	(void)snprintf(driver, sizeof(driver), "%s",
		       fake_host_override(h, bdf));
	if (!driver[0]) {
		attribute(h, bdf, "matches", path);
		text_of(path, driver, sizeof(driver));
	}
	if (!driver[0] || !fake_host_there(h, "sys/bus/pci/drivers/%s", driver))
		return 0;
	if (h->refuses && strcmp(h->refuses, driver) == 0)
		return -EINVAL;
	(void)snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s",
		       driver);
	fake_host_link(h, target, FUNCTION "/driver", bdf);
	return 0;
}

static int unbind(struct fake_host *h, const char *path, const char *bdf)
{
	char driver[PATH_MAX], link[PATH_MAX];

	(void)snprintf(driver, sizeof(driver), "%.*s",
		       (int)(strlen(path) - strlen("/unbind")), path);
	if (strcmp(strrchr(driver, '/') + 1, fake_host_bound(h, bdf)) != 0)
		return -ENODEV;
	attribute(h, bdf, "driver", link);
	need(unlink(link) == 0, link);
	return 0;
}

static int kernel_write(void *arg, const char *path, const char *text)
{
	struct fake_host *h = arg;
	const char *name = strrchr(path, '/') + 1;

	if (h->writes++ == h->die_at)
		_exit(9);
	if (access(path, F_OK) < 0)
		return -ENOENT;
	if (strcmp(name, "driver_override") == 0) {
		put(path, text[0] == '\n' ? "(null)\n" : text);
		return 0;
	}
	if (strcmp(name, "drivers_probe") == 0)
		return probe(h, text);
	return strcmp(name, "unbind") == 0 ? unbind(h, path, text) : -EACCES;
}

static int kernel_load(void *arg, const char *module)
{
	struct fake_host *h = arg;

	if (!h->loadable || strcmp(h->loadable, module) != 0)
		return -ENOENT;
	fake_host_driver(h, module);
	return 0;
}

void fake_host_init(struct fake_host *h)
{
	*h = (struct fake_host){ .root = "/tmp/belljar-host.XXXXXX",
				 .die_at = -1 };
	need(mkdtemp(h->root) != NULL, h->root);
	h->ops = (struct hostdev_ops){ kernel_write, kernel_load, h };
	h->sys = (struct hostdev_sys){ h->root, &h->ops };
	fake_host_file(h, "", "sys/bus/pci/drivers_probe");
	fake_host_file(h, "boot-1\n", "proc/sys/kernel/random/boot_id");
	fake_host_file(h, "", "sys/bus/pci/devices/.made");
	fake_host_driver(h, "vfio-pci");
}

void fake_host_done(struct fake_host *h)
{
	(void)io_remove_tree(h->root, NULL);
}

void fake_host_driver(struct fake_host *h, const char *driver)
{
	fake_host_file(h, "", "sys/bus/pci/drivers/%s/unbind", driver);
}

void fake_host_drop_driver(struct fake_host *h, const char *driver)
{
	fake_host_remove(h, "sys/bus/pci/drivers/%s", driver);
}

static void number(struct fake_host *h, const char *dir, const char *name,
		   int width, unsigned v)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "0x%0*x\n", width, v);
	fake_host_file(h, text, "%s/%s", dir, name);
}

void fake_host_add(struct fake_host *h, const struct fake_function *f)
{
	char dir[256], target[300];
	const char *above = f->above ? f->above : "pci0000:00";

	(void)snprintf(dir, sizeof(dir), "sys/devices/%s/%s", above, f->bdf);
	number(h, dir, "vendor", 4, f->vendor);
	number(h, dir, "device", 4, f->device);
	number(h, dir, "class", 6, f->class);
	fake_host_file(h, "(null)\n", "%s/driver_override", dir);
	fake_host_file(h, f->driver ? f->driver : "", "%s/matches", dir);
	if (f->reset)
		fake_host_file(h, f->reset, "%s/reset_method", dir);
	(void)snprintf(target, sizeof(target), "../../../../%s", dir);
	fake_host_link(h, target, FUNCTION, f->bdf);
	if (f->group) {
		(void)snprintf(target, sizeof(target),
			       "../../../kernel/iommu_groups/%d", f->group);
		fake_host_link(h, target, "%s/iommu_group", dir);
		fake_host_file(h, "", "dev/vfio/%d", f->group);
	}
	if (f->driver) {
		fake_host_driver(h, f->driver);
		need(probe(h, f->bdf) == 0, f->bdf);
	}
}
