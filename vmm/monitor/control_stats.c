/* SPDX-License-Identifier: Apache-2.0 */
/* control_stats.c - what devices and vCPUs have counted, as JSON. */
#include "vmm/monitor/control_stats.h"

#include "devices/virtio/stats.h"
#include "vmm/lib/json.h"

static void figure(void *arg, const char *name, uint64_t value)
{
	json_put_i64(arg, name, (int64_t)value);
}

static void word(void *arg, const char *name, const char *value)
{
	json_put_str(arg, name, value);
}

static struct json_object *device(const struct virtio_dev *dev)
{
	struct json_object *o = json_object_new_object();
	const struct virtio_teller to = { figure, word, o };

	word(o, "device", dev->ops->name);
	if (dev->ops->stats)
		dev->ops->stats(dev, &to);
	stats_tell(&to, "exits", &dev->counts.exits);
	stats_tell(&to, "interrupts", &dev->counts.interrupts);
	return o;
}

/* Ours are those that left KVM; with "kvm_", all that KVM has counted. */
static struct json_object *vcpu(const struct vcpu *cpu)
{
	struct json_object *o = json_object_new_object();
	const struct vcpu_exits *e = &cpu->exits;

	figure(o, "io_exits", stats_get(&e->io));
	figure(o, "mmio_exits", stats_get(&e->mmio));
	figure(o, "other_exits", stats_get(&e->other));
	kvm_stats_tell(&cpu->stats, figure, o);
	return o;
}

void control_stats(const struct vm *vm, struct json_object *answer)
{
	struct json_object *devices = json_object_new_array();
	struct json_object *vcpus = json_object_new_array();

	for (unsigned i = 0; i < vm->nr_devs; i++)
		(void)json_object_array_add(devices, device(vm->dev[i]));
	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		(void)json_object_array_add(vcpus, vcpu(&vm->vcpu[i]));
	(void)json_object_object_add(answer, "devices", devices);
	(void)json_object_object_add(answer, "vcpus", vcpus);
}
