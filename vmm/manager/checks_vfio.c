/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks_vfio.c - what `belljar doctor` looks at for devices in VMs.  Nothing
 * here fails: a machine without a GPU or an IOMMU runs VMs all the same.
 */
#include "vmm/manager/checks_vfio.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/hostdev/hostdev_bind.h"
#include "vmm/lib/sysfs.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/host.h"

#define MIB ((uint64_t)1 << 20)

/* What several questions need of the host's devices. */
struct survey {
	struct hostdev_list all;
	unsigned gpus, grouped; /* GPUs; functions with an IOMMU group */
};

static void survey_done(struct survey *s)
{
	hostdev_list_done(&s->all);
}

#define AUTO_SURVEY __attribute__((cleanup(survey_done)))

static void survey(const struct manager *mgr, struct survey *ret)
{
	struct survey s = { .gpus = 0 };

	(void)hostdev_list(&mgr->sys, &s.all, NULL);
	for (size_t i = 0; i < s.all.nr; i++) {
		s.gpus += hostdev_is_gpu(&s.all.dev[i]);
		s.grouped += s.all.dev[i].group >= 0;
	}
	*ret = s;
}

/* Only who has a GPU misses something. */
static enum check_level if_gpu(const struct survey *s)
{
	return s->gpus ? CHECK_WARN : CHECK_OK;
}

void ask_iommu(const struct manager *mgr, struct check *c)
{
	AUTO_SURVEY struct survey s;
	struct err err;

	survey(mgr, &s);
	if (s.grouped) {
		check_fact(c, CHECK_OK, "on, %u PCI functions in groups",
			   s.grouped);
		return;
	}
	check_fact(c, if_gpu(&s), "off, so no device can be given to a VM");
	(void)hostdev_say_iommu(&mgr->sys, &err);
	check_remedy(c, err.msg);
}

void ask_remapping(const struct manager *mgr, struct check *c)
{
	AUTO_SURVEY struct survey s;

	survey(mgr, &s);
	switch (hostdev_remapping(&mgr->sys)) {
	case HOSTDEV_REMAP_ON:
		check_fact(c, CHECK_OK, "on");
		return;
	case HOSTDEV_REMAP_UNKNOWN:
		check_fact(c, CHECK_OK, "not known");
		return;
	case HOSTDEV_REMAP_OFF:
		break;
	}
	if (s.grouped == 0) {
		check_fact(c, CHECK_OK, "off, as the IOMMU is");
		return;
	}
	check_fact(c, CHECK_WARN,
		   hostdev_unsafe_allowed(&mgr->sys)
			   ? "off, and allowed to be: a device can forge "
			     "interrupts"
			   : "off, so VFIO gives no device to a VM");
	check_remedy(c, "switch it on in the firmware, boot without "
			"'intremap=off'");
}

/* GPUs that share their group with something of another slot. */
void ask_groups(const struct manager *mgr, struct check *c)
{
	AUTO_SURVEY struct survey s;
	const struct hostdev *bad = NULL, *with = NULL;

	survey(mgr, &s);
	for (size_t i = 0; i < s.all.nr; i++) {
		const struct hostdev *d = &s.all.dev[i];

		for (size_t k = 0; k < s.all.nr; k++) {
			const struct hostdev *o = &s.all.dev[k];

			if (hostdev_is_gpu(d) && d->group >= 0 && !o->bridge &&
			    o->group == d->group && !hostdev_same_slot(d, o)) {
				bad = d;
				with = o;
			}
		}
	}
	if (!bad) {
		check_fact(c, CHECK_OK, "%s",
			   s.gpus ? "each GPU has one of its own" : "no GPU");
		return;
	}
	check_fact(c, CHECK_WARN,
		   "GPU %s shares IOMMU group %d with %s (%.60s)", bad->bdf,
		   bad->group, with->bdf, with->name);
	check_remedy(c, "switch ACS on in the firmware, or use a slot of "
			"another root port; else one VM gets both");
}

/*
 * Whether bridges keep the functions below them apart can be read from the
 * groups: without ACS all that is below a bridge is in one group with it.
 */
void ask_acs(const struct manager *mgr, struct check *c)
{
	AUTO_SURVEY struct survey s;
	unsigned bridges = 0, joined = 0;

	survey(mgr, &s);
	for (size_t i = 0; i < s.all.nr; i++) {
		const struct hostdev *b = &s.all.dev[i];
		bool together = false;

		if (!b->bridge || b->group < 0)
			continue;
		bridges++;
		for (size_t k = 0; k < s.all.nr; k++) {
			const struct hostdev *d = &s.all.dev[k];
			struct hostdev_path p;

			if (d->bridge || d->group != b->group ||
			    hostdev_path(&mgr->sys, d, &p, NULL) < 0)
				continue;
			for (unsigned n = 0; n < p.nr; n++)
				together = together ||
					   strcmp(p.bridge[n], b->bdf) == 0;
		}
		joined += together;
	}
	if (bridges == 0)
		check_fact(c, CHECK_OK, "no bridge in a group");
	else
		check_fact(c, joined ? if_gpu(&s) : CHECK_OK,
			   "%u of %u bridges keep what is below them apart",
			   bridges - joined, bridges);
	if (joined)
		check_remedy(c, "switch ACS on in the firmware, where it can "
				"be; devices below the others go together");
}

void ask_vfio(const struct manager *mgr, struct check *c)
{
	AUTO_SURVEY struct survey s;

	survey(mgr, &s);
	if (sysfs_there(mgr->sys.root, "/sys/bus/pci/drivers/vfio-pci")) {
		check_fact(c, CHECK_OK, "loaded");
		return;
	}
	if (hostdev_can_load(&mgr->sys, "vfio-pci")) {
		check_fact(c, CHECK_OK, "there, loaded when it is needed%s",
			   geteuid() == 0 ? "" : " (by root)");
		return;
	}
	check_fact(c, if_gpu(&s), "this kernel has none");
	check_remedy(c, "boot a kernel with CONFIG_VFIO_PCI; Debian's "
			"linux-image-amd64 has it, its cloud flavour has not");
}

void ask_memlock(const struct manager *mgr, struct check *c)
{
	AUTO_SURVEY struct survey s;
	struct err err;
	uint64_t total = host_meminfo("MemTotal");

	survey(mgr, &s);
	if (hostdev_check_memlock(&mgr->sys, total, &err) == 0) {
		check_fact(c, CHECK_OK,
			   "all of the host's memory may be locked");
		return;
	}
	check_fact(c, if_gpu(&s),
		   "VMs with devices cannot have all of the host's %" PRIu64
		   " MiB",
		   total / MIB);
	check_remedy(c, "raise it: 'ulimit -l unlimited', LimitMEMLOCK= of a "
			"service, or memlock in /etc/security/limits.conf");
}

static void count_pages(const struct hostdev_sys *sys, const char *kib,
			int64_t *total, int64_t *unused)
{
	*total = sysfs_number(
		sys->root, -1,
		"/sys/kernel/mm/hugepages/hugepages-%skB/nr_hugepages", kib);
	*unused = sysfs_number(
		sys->root, 0,
		"/sys/kernel/mm/hugepages/hugepages-%skB/free_hugepages", kib);
}

void ask_reserved(const struct manager *mgr, struct check *c)
{
	int64_t n2m, f2m, n1g, f1g;

	count_pages(&mgr->sys, "2048", &n2m, &f2m);
	count_pages(&mgr->sys, "1048576", &n1g, &f1g);
	check_fact(c, CHECK_OK,
		   "%" PRId64 " of 2 MiB (%" PRId64 " free), %" PRId64
		   " of 1 GiB (%" PRId64 " free)",
		   n2m < 0 ? 0 : n2m, f2m, n1g < 0 ? 0 : n1g, f1g);
	if (n2m <= 0 && n1g <= 0)
		check_remedy(c, "for --hugepages reserve some: 'echo 512 > "
				"/proc/sys/vm/nr_hugepages'");
}

void ask_gpus(const struct manager *mgr, struct check *c)
{
	AUTO_SURVEY struct survey s;
	char why[160];
	size_t len = 0;

	survey(mgr, &s);
	if (s.gpus == 0) {
		check_fact(c, CHECK_OK, "none");
		return;
	}
	c->level = CHECK_OK;
	for (size_t i = 0; i < s.all.nr && len < sizeof(c->fact); i++) {
		const struct hostdev *d = &s.all.dev[i];

		if (!hostdev_is_gpu(d))
			continue;
		enum gpu_state state =
			gpu_state(mgr, &s.all, d, why, sizeof(why));
		int n = snprintf(c->fact + len, sizeof(c->fact) - len,
				 "%s%s (%.50s) with %s%s%s", len ? ", " : "",
				 d->bdf, d->name,
				 d->driver[0] ? d->driver : "no driver",
				 state == GPU_UNFIT ? ", not usable: " : "",
				 state == GPU_UNFIT ? why : "");
		len += n < 0 ? 0 : (size_t)n;
		if (state == GPU_UNFIT)
			c->level = CHECK_WARN;
	}
	check_remedy(c,
		     c->level == CHECK_OK ? "" : "'belljar gpu ls' says more");
}
