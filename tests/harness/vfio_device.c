/* SPDX-License-Identifier: Apache-2.0 */
/* vfio_device.c - the made-up kernel's functions: what they are asked. */
#include "tests/harness/vfio_device.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "devices/vfio/abi.h"

#define SHIFT	   40 /* a region's number in an offset, as Linux has it */
#define GROUP_BASE 20 /* number of function 0's group */

bool fake_is_bar(unsigned index)
{
	return index <= VFIO_PCI_BAR5_REGION_INDEX;
}

static void add_area_cap(const struct fake_region *r, unsigned char *at)
{
	struct vfio_region_info_cap_sparse_mmap cap = {
		.header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP,
		.header.version = 1,
		.nr_areas = r->nr_areas,
	};

	if (r->looped) {
		cap.header.id = 99;
		cap.header.next = sizeof(struct vfio_region_info);
	}
	memcpy(at, &cap, sizeof(cap));
	memcpy(at + sizeof(cap), r->area, r->nr_areas * sizeof(r->area[0]));
}

static int give_region(const struct fake_function *f, void *data)
{
	struct vfio_region_info info;

	memcpy(&info, data, sizeof(info));
	if (info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	const struct fake_region *r = &f->region[info.index];
	uint32_t room = info.argsz;
	info.size = r->size;
	info.offset = (uint64_t)info.index << SHIFT;
	info.flags = r->flags;
	info.cap_offset = 0;
	if (r->size && !r->flags) {
		info.flags = VFIO_REGION_INFO_FLAG_READ |
			     VFIO_REGION_INFO_FLAG_WRITE;
		if (fake_is_bar(info.index) && r->size >= 4096 && !r->no_mmap)
			info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
	}
	if (r->nr_areas) {
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		info.argsz =
			(uint32_t)(sizeof(info) +
				   sizeof(struct
					  vfio_region_info_cap_sparse_mmap) +
				   r->nr_areas * sizeof(r->area[0]));
		if (room >= info.argsz) {
			info.cap_offset = sizeof(info);
			add_area_cap(r, (unsigned char *)data + sizeof(info));
		}
	}
	memcpy(data, &info, sizeof(info));
	return 0;
}

static int give_irq(const struct fake_function *f, struct vfio_irq_info *info)
{
	if (info->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info->count = f->irqs[info->index];
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	if (info->index == VFIO_PCI_INTX_IRQ_INDEX)
		info->flags |=
			VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	else if (!f->dynamic || info->index != VFIO_PCI_MSIX_IRQ_INDEX)
		info->flags |= VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

void fake_forget_vectors(struct fake_function *f)
{
	f->mode = -1;
	f->nr_vectors = 0;
	f->unmask = -1;
	for (unsigned i = 0; i < FAKE_VECTORS; i++)
		f->trigger[i] = -1;
}

static int set_triggers(struct fake_function *f, const struct vfio_irq_set *set,
			const int32_t *fds)
{
	unsigned end = set->start + set->count;

	if (f->mode >= 0 && f->mode != (int)set->index)
		return -EINVAL;
	if (f->mode < 0) {
		if (f->vectors_max && end > f->vectors_max)
			return (int)f->vectors_max;
		f->mode = (int)set->index;
		f->nr_vectors = end;
	}
	if (end > f->nr_vectors) {
		if (!f->dynamic || set->index != VFIO_PCI_MSIX_IRQ_INDEX)
			return -EINVAL;
		f->nr_vectors = end;
	}
	for (unsigned i = 0; i < set->count; i++)
		f->trigger[set->start + i] = fds[i];
	return 0;
}

static int set_irqs(struct fake_function *f, const void *data)
{
	struct vfio_irq_set set;
	int32_t fds[FAKE_VECTORS];

	memcpy(&set, data, sizeof(set));
	f->irq_calls++;
	if (set.index >= VFIO_PCI_NUM_IRQS || set.start > f->irqs[set.index] ||
	    set.count > f->irqs[set.index] - set.start)
		return -EINVAL;
	if (set.flags & VFIO_IRQ_SET_DATA_NONE) {
		if (f->mode != (int)set.index || set.count)
			return -EINVAL;
		fake_forget_vectors(f);
		return 0;
	}
	assert_true(set.argsz >= sizeof(set) + set.count * sizeof(*fds));
	memcpy(fds, (const char *)data + sizeof(set), set.count * sizeof(*fds));
	if (set.index == VFIO_PCI_ERR_IRQ_INDEX) {
		f->on_error = fds[0];
		return 0;
	}
	if (set.index == VFIO_PCI_REQ_IRQ_INDEX) {
		f->on_request = fds[0];
		return 0;
	}
	if (set.flags & VFIO_IRQ_SET_ACTION_UNMASK) {
		assert_int_equal(f->mode, VFIO_PCI_INTX_IRQ_INDEX);
		f->unmask = fds[0];
		return 0;
	}
	return set_triggers(f, &set, fds);
}

static int give_hot_reset(const struct vfio_kernel *k,
			  struct vfio_pci_hot_reset_info *info)
{
	unsigned count = k->nr + k->neighbour;
	size_t size = sizeof(*info) + count * sizeof(info->devices[0]);

	info->count = count;
	if (info->argsz < size)
		return -ENOSPC;
	info->flags = 0;
	bool owned = true;
	for (unsigned i = 0; i < count; i++) {
		info->devices[i] = (struct vfio_pci_dependent_device){
			.group_id =
				GROUP_BASE + (i < k->nr ? k->fn[i].group : 9),
			.bus = (uint8_t)(i + 1),
		};
		owned &= i < k->nr && k->fn[i].fd >= 0;
	}
	if (k->iommufd >= 0 && k->fn[0].ioas)
		info->flags = ABI_HOT_RESET_BY_DEVICE |
			      (owned ? ABI_HOT_RESET_OWNED : 0);
	return 0;
}

static int hot_reset(struct vfio_kernel *k, struct fake_function *f,
		     const struct vfio_pci_hot_reset *reset)
{
	/* Every group on the bus has to be shown. */
	for (unsigned g = 0; g < k->nr; g++) {
		bool shown = f->ioas;

		for (unsigned i = 0; i < reset->count; i++)
			shown |= reset->group_fds[i] == k->group_fd[g];
		if (!shown || k->neighbour)
			return -EINVAL;
	}
	f->hot_resets++;
	return 0;
}

int fake_device_ioctl(struct vfio_kernel *k, struct fake_function *f,
		      unsigned long request, void *data)
{
	struct vfio_device_info *info = data;
	const struct abi_device_bind *bind = data;
	const struct abi_device_attach *attach = data;

	switch (request) {
	case ABI_DEVICE_BIND:
		assert_int_equal(bind->iommufd, k->iommufd);
		return k->taken[f->group] ? -EBUSY : 0;
	case ABI_DEVICE_ATTACH:
		assert_int_equal(attach->ioas, FAKE_IOAS);
		if (!k->viable[f->group])
			return -EBUSY;
		f->ioas = true;
		return 0;
	case VFIO_DEVICE_GET_INFO:
		info->flags = VFIO_DEVICE_FLAGS_PCI |
			      (f->no_reset ? 0 : VFIO_DEVICE_FLAGS_RESET);
		info->num_regions = VFIO_PCI_NUM_REGIONS;
		info->num_irqs = VFIO_PCI_NUM_IRQS;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return give_region(f, data);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return give_irq(f, data);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(f, data);
	case VFIO_DEVICE_RESET:
		f->resets++;
		return f->no_reset ? -EINVAL : 0;
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return give_hot_reset(k, data);
	case VFIO_DEVICE_PCI_HOT_RESET:
		return hot_reset(k, f, data);
	default:
		return -ENOTTY;
	}
}
