/* SPDX-License-Identifier: Apache-2.0 */
/* gpu.c - which GPU, and who has it now. */
#include "vmm/compare/gpu.h"

#include <errno.h>
#include <stdio.h>

#include "vmm/manager/cdi.h"
#include "vmm/manager/devices.h"

static int choose(const struct devices *d, struct gpu *ret, struct err *err)
{
	const struct hostdev *first = NULL;
	size_t n = devices_given(d);

	for (size_t i = 0; !first && i < d->set.nr; i++)
		if (!d->set.companion[i])
			first = d->set.dev[i];
	if (!first || n != 1)
		return err_say(err, EINVAL,
			       "--gpus: that is %zu GPUs here, and one is "
			       "compared; give device=%s",
			       n, first ? first->bdf : "ADDRESS");
	(void)snprintf(ret->bdf, sizeof(ret->bdf), "%s", first->bdf);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", first->name);
	return 0;
}

int gpu_find(const struct manager *mgr, const struct gpu_plan *plan,
	     struct gpu *ret, struct err *err)
{
	const struct run_options o = { .devices = plan->asks,
				       .cdi_dirs = plan->cdi_dirs };
	struct devices d = { 0 };

	*ret = (struct gpu){ .plan = plan };
	if (plan->asks.n == 0)
		return 0;
	int r = devices_find(mgr, &o, &d, err);
	if (r == 0)
		r = choose(&d, ret, err);
	devices_done(&d);
	return r;
}

int gpu_check_driver(const struct manager *mgr, const struct gpu *gpu,
		     struct err *err)
{
	struct hostdev dev;
	int r = hostdev_read(&mgr->sys, gpu->bdf, &dev, err);

	if (r < 0)
		return r;
	if (!dev.driver[0])
		return err_say(err, EBUSY,
			       "%s (%s) has no driver of the host's now; "
			       "install or load it",
			       gpu->bdf, gpu->name);
	if (hostdev_with_vfio(&dev))
		return err_say(err, EBUSY,
			       "%s (%s) is with %s and not with a driver of "
			       "the host's; 'belljar gpu unbind %s' gives it "
			       "back",
			       gpu->bdf, gpu->name, dev.driver, gpu->bdf);
	return 0;
}

int gpu_edits(const struct manager *mgr, const struct gpu *gpu,
	      struct json_object **ret, struct err *err)
{
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };
	const struct hostdev *dev;

	int r = hostdev_list(&mgr->sys, &all, err);
	if (r < 0)
		return r;
	dev = hostdev_find(&all, gpu->bdf, err);
	return dev ? cdi_edits(&mgr->sys, &gpu->plan->cdi_dirs, &all, dev, ret,
			       err)
		   : -ENODEV;
}

int gpu_vm_options(const struct gpu *gpu, struct strv *argv)
{
	int r = strv_add(argv, "--gpus=device=%s", gpu->bdf);

	return r < 0 ? r : strv_add_all(argv, gpu->plan->vm_options.v);
}

void gpu_plan_done(struct gpu_plan *plan)
{
	strv_done(&plan->cdi_dirs);
	strv_done(&plan->vm_options);
}
