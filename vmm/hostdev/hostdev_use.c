/* SPDX-License-Identifier: Apache-2.0 */
/* hostdev_use.c - the reasons against giving a function to a VM, in order. */
#include "vmm/hostdev/hostdev_use.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm/hostdev/module.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/sysfs.h"

#define HINDERS_MAX 4 /* named in one sentence */
#define CAP_LOCK    14 /* CAP_IPC_LOCK, linux/capability.h */

bool hostdev_with_vfio(const struct hostdev *dev)
{
	size_t n = strlen(dev->driver);

	return n >= 8 && (strcmp(dev->driver + n - 8, "vfio-pci") == 0 ||
			  strcmp(dev->driver + n - 8, "vfio_pci") == 0);
}

static bool in_set(const struct hostdev_set *set, const struct hostdev *dev,
		   size_t *ret)
{
	for (size_t i = 0; i < set->nr; i++)
		if (strcmp(set->dev[i]->bdf, dev->bdf) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static int set_put(struct hostdev_set *set, const struct hostdev *dev,
		   bool companion, bool no_reset, struct err *err)
{
	size_t i = set->nr;

	if (in_set(set, dev, &i)) {
		set->companion[i] = set->companion[i] && companion;
		set->no_reset[i] = set->no_reset[i] || no_reset;
		return 0;
	}
	if (i == HOSTDEV_TAKE_MAX)
		return err_say(err, E2BIG,
			       "%s is one function too many: a VM can have %d",
			       dev->bdf, HOSTDEV_TAKE_MAX);
	set->dev[i] = dev;
	set->companion[i] = companion;
	set->no_reset[i] = no_reset;
	set->nr++;
	return 0;
}

int hostdev_set_add(struct hostdev_set *set, const struct hostdev_list *all,
		    const struct hostdev *dev, bool no_reset, struct err *err)
{
	struct hostdev_set s = *set;
	int r = set_put(&s, dev, false, no_reset, err);

	for (size_t i = 0; r == 0 && i < all->nr; i++) {
		const struct hostdev *d = &all->dev[i];

		if (d != dev && !d->bridge && dev->group >= 0 &&
		    d->group == dev->group && hostdev_same_slot(d, dev))
			r = set_put(&s, d, true, no_reset, err);
	}
	if (r == 0)
		*set = s;
	return r;
}

size_t hostdev_hinders(const struct hostdev_list *all,
		       const struct hostdev_set *set, const struct hostdev *dev,
		       const struct hostdev **ret, size_t max)
{
	size_t n = 0, at;

	for (size_t i = 0; i < all->nr; i++) {
		const struct hostdev *d = &all->dev[i];

		/* As the kernel has it: iommu_group_claim_dma_owner(). */
		if (d->group != dev->group || d->bridge || !d->driver[0] ||
		    hostdev_with_vfio(d) ||
		    strcmp(d->driver, "pci-stub") == 0 ||
		    strcmp(d->driver, "pcieport") == 0 || in_set(set, d, &at))
			continue;
		if (n < max)
			ret[n] = d;
		n++;
	}
	return n;
}

int hostdev_say_iommu(const struct hostdev_sys *sys, struct err *err)
{
	AUTO_FREE char *cpu = NULL;
	char path[PATH_MAX], cmdline[2048];
	const char *how = "switch the IOMMU on in the firmware";

	sysfs_path(sys->root, path, "/proc/cpuinfo");
	(void)io_read_file(path, 4U << 20, &cpu, NULL);
	(void)sysfs_text(sys->root, cmdline, sizeof(cmdline), "/proc/cmdline");
	if (cpu && strstr(cpu, "GenuineIntel"))
		how = strstr(cmdline, "intel_iommu=on")
			      ? "'intel_iommu=on' is there, so switch VT-d on "
				"in the firmware"
			      : "switch VT-d on in the firmware and boot with "
				"'intel_iommu=on'";
	else if (cpu && strstr(cpu, "AuthenticAMD"))
		how = strstr(cmdline, "amd_iommu=off")
			      ? "boot without 'amd_iommu=off'"
			      : "switch the IOMMU (AMD-Vi) on in the firmware";
	return err_say(err, ENOTSUP, "%s", how);
}

static int no_iommu(const struct hostdev_sys *sys, const struct hostdev *dev,
		    struct err *err)
{
	struct err how;

	(void)hostdev_say_iommu(sys, &how);
	return err_say(err, ENOTSUP,
		       "%s (%.80s) is in no IOMMU group, so nothing would keep "
		       "it out of the host's memory; %s",
		       dev->bdf, dev->name, how.msg);
}

static int check_remapping(const struct hostdev_sys *sys, struct err *err)
{
	if (hostdev_remapping(sys) != HOSTDEV_REMAP_OFF ||
	    hostdev_unsafe_allowed(sys))
		return 0;
	return err_say(
		err, EPERM,
		"this host does not remap interrupts, so a device given to a "
		"VM could forge them; switch interrupt remapping on in the "
		"firmware and boot without 'intremap=off', or take the risk: "
		"'echo 1 > /sys/module/vfio_iommu_type1/parameters/"
		"allow_unsafe_interrupts'");
}

static int check_group(const struct hostdev_list *all,
		       const struct hostdev_set *set, const struct hostdev *dev,
		       struct err *err)
{
	const struct hostdev *other[HINDERS_MAX];
	size_t n = hostdev_hinders(all, set, dev, other, HINDERS_MAX);
	char text[360] = "", more[32] = "";
	size_t len = 0;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n && i < HINDERS_MAX && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s (%.40s, driver %.20s)",
					i ? ", " : "", other[i]->bdf,
					other[i]->name, other[i]->driver);
	if (n > HINDERS_MAX)
		(void)snprintf(more, sizeof(more), " and %zu more",
			       n - HINDERS_MAX);
	return err_say(err, EBUSY,
		       "%s shares IOMMU group %d with %s%s, which the host "
		       "uses; give the VM all of them, or free them with "
		       "'belljar gpu bind', or use another slot",
		       dev->bdf, dev->group, text, more);
}

/* A reset of the whole bus hits only functions that are in the set. */
static bool bus_is_ours(const struct hostdev_list *all,
			const struct hostdev_set *set,
			const struct hostdev *dev)
{
	size_t at, bus = strlen(dev->bdf) - 4; /* "0000:01:", without 00.0 */

	for (size_t i = 0; i < all->nr; i++)
		if (strncmp(all->dev[i].bdf, dev->bdf, bus) == 0 &&
		    !in_set(set, &all->dev[i], &at))
			return false;
	return true;
}

bool hostdev_can_reset(const struct hostdev_sys *sys,
		       const struct hostdev_list *all,
		       const struct hostdev_set *set, const struct hostdev *dev)
{
	struct hostdev_path path;

	if (dev->reset[0])
		return true;
	/* SR-IOV functions and those of a root bus have no bus to reset. */
	return !dev->physfn[0] && hostdev_path(sys, dev, &path, NULL) == 0 &&
	       path.nr > 0 && bus_is_ours(all, set, dev);
}

static int check_reset(const struct hostdev_sys *sys,
		       const struct hostdev_list *all,
		       const struct hostdev_set *set, size_t i, struct err *err)
{
	const struct hostdev *dev = set->dev[i];

	if (set->no_reset[i] || hostdev_can_reset(sys, all, set, dev))
		return 0;
	return err_say(err, ENOTSUP,
		       "%s (%.80s) cannot be reset, so what one VM leaves in "
		       "it the next one finds; take another, or accept that "
		       "with '--device vfio=%s,reset=off'",
		       dev->bdf, dev->name, dev->bdf);
}

static int check_one(const struct hostdev_sys *sys,
		     const struct hostdev_list *all,
		     const struct hostdev_set *set, size_t i, struct err *err)
{
	const struct hostdev *dev = set->dev[i];

	if (dev->class >> 16 == 0x06)
		return err_say(err, EINVAL,
			       "%s (%.80s) is a bridge, and only what is "
			       "behind bridges can be given to a VM; 'belljar "
			       "gpu ls --all' lists that",
			       dev->bdf, dev->name);
	if (dev->group < 0)
		return no_iommu(sys, dev, err);
	int r = check_remapping(sys, err);
	if (r == 0)
		r = check_group(all, set, dev, err);
	if (r == 0)
		r = check_reset(sys, all, set, i, err);
	if (r == 0 && dev->vfs > 0)
		r = err_say(err, EBUSY,
			    "%s (%.80s) has %u SR-IOV functions switched on, "
			    "which would go with it; give those to VMs, or "
			    "'echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs'",
			    dev->bdf, dev->name, dev->vfs, dev->bdf);
	return r;
}

static int check_use(const struct hostdev_sys *sys, const struct hostdev *dev,
		     struct err *err)
{
	struct hostdev_why why;

	if (!hostdev_in_use(sys, dev, &why))
		return 0;
	return err_say(err, EBUSY, "%s (%.80s) is in use: %s; %s", dev->bdf,
		       dev->name, why.fact, why.remedy);
}

static int check_rights(const struct hostdev_sys *sys,
			const struct hostdev *dev, struct err *err)
{
	char path[PATH_MAX];

	if (!hostdev_with_vfio(dev)) {
		sysfs_path(sys->root, path, SYSFS_PCI "%s/driver_override",
			   dev->bdf);
		if (access(path, W_OK) == 0)
			return 0;
		return err_say(err, EPERM,
			       "only root can move %s (%.80s) from the driver "
			       "%s to vfio-pci; have it done once with 'sudo "
			       "belljar gpu bind %s'",
			       dev->bdf, dev->name,
			       dev->driver[0] ? dev->driver : "(none)",
			       dev->bdf);
	}
	sysfs_path(sys->root, path, "/dev/vfio/%d", dev->group);
	if (access(path, R_OK | W_OK) == 0 || errno == ENOENT)
		return 0;
	return hostdev_say_group(dev, errno, err);
}

int hostdev_check(const struct hostdev_sys *sys, const struct hostdev_list *all,
		  const struct hostdev_set *set, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->nr; i++)
		r = check_one(sys, all, set, i, err);
	for (size_t i = 0; r == 0 && i < set->nr; i++)
		if (!hostdev_with_vfio(set->dev[i]) &&
		    module_need_driver(sys, "vfio-pci") < 0)
			r = err_say(err, ENOENT,
				    "the driver vfio-pci is not there and "
				    "'modprobe vfio-pci' does not load it; run "
				    "a kernel that has it (Debian's "
				    "linux-image-amd64, not the cloud one)");
	for (size_t i = 0; r == 0 && i < set->nr; i++)
		r = check_use(sys, set->dev[i], err);
	for (size_t i = 0; r == 0 && i < set->nr; i++)
		r = check_rights(sys, set->dev[i], err);
	return r;
}

static bool may_lock_all(const struct hostdev_sys *sys)
{
	AUTO_FREE char *text = NULL;

	if (sysfs_read(sys->root, &text, NULL, "/proc/self/status") < 0)
		return false;
	const char *caps = strstr(text, "\nCapEff:");
	return caps &&
	       (strtoull(caps + strlen("\nCapEff:"), NULL, 16) >> CAP_LOCK & 1);
}

int hostdev_check_memlock(const struct hostdev_sys *sys, uint64_t bytes,
			  struct err *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return err_set(err, errno, "RLIMIT_MEMLOCK");
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes ||
	    may_lock_all(sys))
		return 0;
	return err_say(err, EPERM,
		       "a VM with a device keeps all its memory in place, here "
		       "%llu MiB, and we may lock %llu MiB; raise the limit "
		       "('ulimit -l unlimited', or LimitMEMLOCK= in the "
		       "service) or give less with -m",
		       (unsigned long long)bytes >> 20,
		       (unsigned long long)limit.rlim_cur >> 20);
}
