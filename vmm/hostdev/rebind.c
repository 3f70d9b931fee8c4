/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebind.c - driver_override names the only driver that may take a function;
 * then it is unbound, and drivers_probe has the kernel look for a driver anew
 * (Linux, ABI/testing/sysfs-bus-pci).
 */
#include "vmm/hostdev/rebind.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/hostdev/hostdev_use.h"
#include "vmm/hostdev/module.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/sysfs.h"

#define USERS_MS 3000 /* a process that was killed is gone long before */
#define PAUSE_MS 20

/* Write @text in one write(2), as attributes want it.  0 or -errno. */
__attribute__((format(printf, 3, 4))) static int
write_to(const struct hostdev_sys *sys, const char *text, const char *fmt, ...)
{
	char below[PATH_MAX], path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(below, sizeof(below), fmt, ap);
	va_end(ap);
	sysfs_path(sys->root, path, "%s", below);
	if (sys->ops)
		return sys->ops->write(sys->ops->arg, path, text);

	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int set_override(const struct hostdev_sys *sys, const char *bdf,
			const char *driver)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "%s\n", driver);
	return write_to(sys, text, SYSFS_PCI "%s/driver_override", bdf);
}

static int unbind(const struct hostdev_sys *sys, const struct hostdev *dev)
{
	int r = dev->driver[0] ? write_to(sys, dev->bdf,
					  "/sys/bus/pci/drivers/%s/unbind",
					  dev->driver)
			       : 0;

	/* It is not bound any more: what we wanted. */
	return r == -ENODEV || r == -ENOENT ? 0 : r;
}

static void probe(const struct hostdev_sys *sys, const char *bdf)
{
	/* Whether it helped, the link "driver" says. */
	(void)write_to(sys, bdf, "/sys/bus/pci/drivers_probe");
}

static int fail(const struct hostdev *dev, int r, struct err *err)
{
	return err_set(err, -r, "move %s (%.80s) to another driver", dev->bdf,
		       dev->name);
}

/* To @driver and no other; driver_override stays so. */
static int move(const struct hostdev_sys *sys, const struct hostdev *dev,
		const char *driver, struct err *err)
{
	char now[sizeof(dev->driver)];
	int r = set_override(sys, dev->bdf, driver);

	if (r == 0 && strcmp(dev->driver, driver) != 0)
		r = unbind(sys, dev);
	if (r < 0)
		return fail(dev, r, err);
	if (strcmp(dev->driver, driver) != 0)
		probe(sys, dev->bdf);
	(void)sysfs_link(sys->root, now, sizeof(now), SYSFS_PCI "%s/driver",
			 dev->bdf);
	if (strcmp(now, driver) == 0)
		return 0;
	return err_say(err, ENODEV,
		       "the driver %s does not take %s (%.80s); 'dmesg' says "
		       "why",
		       driver, dev->bdf, dev->name);
}

int rebind_to_vfio(const struct hostdev_sys *sys, const struct hostdev *dev,
		   struct err *err)
{
	return move(sys, dev, "vfio-pci", err);
}

/*
 * The kernel lets unbind wait for whoever has the function open, in a way that
 * no signal ends.  So it is not begun before they are gone.
 */
static int wait_for_users(const struct hostdev_sys *sys,
			  const struct hostdev *dev, struct err *err)
{
	struct hostdev_why why;

	for (int ms = 0; hostdev_in_use(sys, dev, &why); ms += PAUSE_MS) {
		if (ms >= USERS_MS)
			return err_say(err, EBUSY,
				       "%s (%.80s) cannot be given back: %s; "
				       "%s",
				       dev->bdf, dev->name, why.fact,
				       why.remedy);
		(void)poll(NULL, 0, PAUSE_MS);
	}
	return 0;
}

/* The former driver is gone: whichever takes it, or none. */
static int back_to_any(const struct hostdev_sys *sys, const struct hostdev *dev,
		       const struct journal *j, struct err *err)
{
	char now[sizeof(dev->driver)];
	int r = set_override(sys, dev->bdf, j->override);

	if (r == 0)
		r = unbind(sys, dev);
	if (r < 0)
		return fail(dev, r, err);
	probe(sys, dev->bdf);
	(void)sysfs_link(sys->root, now, sizeof(now), SYSFS_PCI "%s/driver",
			 dev->bdf);
	return err_say(err, ENODEV,
		       "%s (%.80s) was with the driver %s, which is gone; %s%s "
		       "has it now, and 'modprobe %s' brings the other back",
		       dev->bdf, dev->name, j->driver,
		       now[0] ? "the driver " : "none", now, j->driver);
}

static int back_to_none(const struct hostdev_sys *sys,
			const struct hostdev *dev, const struct journal *j,
			struct err *err)
{
	int r = hostdev_with_vfio(dev) ? unbind(sys, dev) : 0;

	if (r == 0)
		r = set_override(sys, dev->bdf, j->override);
	return r < 0 ? fail(dev, r, err) : 0;
}

/*
 * Unplugged, another card in its place, a reboot since, or somebody has moved
 * it on by hand: nothing to give back.
 */
static bool is_settled(const struct hostdev_sys *sys, const struct hostdev *dev,
		       const struct journal *j)
{
	if (dev->vendor != j->vendor || dev->device != j->device ||
	    !journal_is_current(sys, j))
		return true;
	return dev->driver[0] && !hostdev_with_vfio(dev) &&
	       strcmp(dev->override, "vfio-pci") != 0 &&
	       strcmp(dev->override, j->driver) != 0;
}

int rebind_back(const struct hostdev_sys *sys, const char *bdf,
		const struct journal *j, struct err *err)
{
	struct hostdev dev;

	if (hostdev_read(sys, bdf, &dev, NULL) < 0 || is_settled(sys, &dev, j))
		return 0;
	int r = hostdev_with_vfio(&dev) ? wait_for_users(sys, &dev, err) : 0;
	if (r < 0)
		return r;
	if (!j->driver[0])
		return back_to_none(sys, &dev, j, err);
	if (module_need_driver(sys, j->driver) < 0)
		return back_to_any(sys, &dev, j, err);

	r = move(sys, &dev, j->driver, err);
	/* Also when the driver refused: the next one may be another. */
	int o = set_override(sys, bdf, j->override);
	if (r == 0 && o < 0)
		r = fail(&dev, o, err);
	return r;
}
