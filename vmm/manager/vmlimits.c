/* SPDX-License-Identifier: Apache-2.0 */
/* vmlimits.c - what was changed of a VM's limits while it ran. */
#include "vmm/manager/vmlimits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"

int vmlimits_lock(const struct vmdir *vm, struct err *err)
{
	AUTO_CLOSE int fd = open(vm->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open '%s'", vm->path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "lock '%s'", vm->path);
	return TAKE_FD(fd);
}

static void overlay(struct json_object *o, struct vmlimits *l)
{
	const char *cpus = "";
	int64_t memory = 0;

	if (json_get_i64(o, "memory", &memory, NULL) == 0 && memory > 0)
		l->memory = (uint64_t)memory;
	if (json_get_str(o, "cpuset_cpus", &cpus, NULL) == 0)
		(void)snprintf(l->cpus, sizeof(l->cpus), "%s", cpus);
}

void vmlimits_read(const struct vmdir *vm, struct json_object *spec,
		   struct vmlimits *ret)
{
	AUTO_JSON struct json_object *o = NULL;
	struct json_object *limits = NULL;
	struct vmlimits l = { 0 };

	overlay(spec, &l);
	/* Its "memory" is the control group's. */
	if (json_get_obj(spec, "limits", &limits, NULL) == 0)
		(void)snprintf(l.cpus, sizeof(l.cpus), "%s",
			       json_str_or(limits, "cpuset_cpus", ""));
	if (vmdir_read(vm, VMLIMITS_FILE, &o, NULL) == 0)
		overlay(o, &l);
	*ret = l;
}

int vmlimits_write(const struct vmdir *vm, const struct vmlimits *l,
		   struct err *err)
{
	AUTO_JSON struct json_object *o = vmlimits_to_json(l);

	return vmdir_write(vm, VMLIMITS_FILE, o, err);
}

struct json_object *vmlimits_to_json(const struct vmlimits *l)
{
	struct json_object *o = json_object_new_object();

	if (l->memory)
		json_put_u64(o, "memory", l->memory);
	if (l->cpus[0])
		json_put_str(o, "cpuset_cpus", l->cpus);
	return o;
}
