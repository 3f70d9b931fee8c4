/* SPDX-License-Identifier: Apache-2.0 */
/* vfio_kernel.c - a made-up kernel behind struct vfio_sys. */
#include "tests/harness/vfio_kernel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/vfio/abi.h"
#include "tests/harness/vfio_device.h"
#include "vmm/lib/le.h"

#define SHIFT 40 /* a region's number in an offset, as Linux has it */
#define PM_AT 0x40

static struct fake_function *function_of(struct vfio_kernel *k, int fd)
{
	for (unsigned i = 0; i < k->nr; i++)
		if (k->fn[i].fd == fd)
			return &k->fn[i];
	return NULL;
}

static int group_of(const struct vfio_kernel *k, int fd)
{
	for (unsigned i = 0; i < FAKE_FUNCTIONS; i++)
		if (k->group_fd[i] == fd)
			return (int)i;
	return -1;
}

static bool asleep(const struct fake_function *f)
{
	return (f->config[PM_AT + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK) != 0;
}

static int add_map(struct vfio_kernel *k, uint64_t iova, uint64_t size,
		   const void *host)
{
	k->map_calls++;
	for (unsigned i = 0; i < k->nr_maps; i++)
		if (iova < k->map[i].iova + k->map[i].size &&
		    k->map[i].iova < iova + size)
			return -EEXIST;
	assert_true(k->nr_maps < FAKE_MAPS);
	k->map[k->nr_maps++] = (struct fake_map){ iova, size, host };
	return 0;
}

static int drop_map(struct vfio_kernel *k, uint64_t iova, uint64_t size)
{
	for (unsigned i = 0; i < k->nr_maps; i++)
		if (k->map[i].iova == iova && k->map[i].size == size) {
			k->map[i] = k->map[--k->nr_maps];
			return 0;
		}
	return -ENOENT;
}

/* Type 1's information: one capability, the ranges. */
static int give_info(const struct vfio_kernel *k, void *data)
{
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_cap_iova_range cap = {
		.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
		.header.version = 1,
		.nr_iovas = k->nr_ranges,
	};
	uint32_t need = (uint32_t)(sizeof(info) + sizeof(cap) +
				   k->nr_ranges * sizeof(k->range[0]));
	unsigned char *at = data;

	memcpy(&info, data, sizeof(info));
	uint32_t room = info.argsz;
	info.flags = VFIO_IOMMU_INFO_PGSIZES;
	info.iova_pgsizes = 4096;
	info.cap_offset = 0;
	if (k->nr_ranges) {
		info.flags |= VFIO_IOMMU_INFO_CAPS;
		info.argsz = need;
		if (room >= need) {
			info.cap_offset = sizeof(info);
			if (k->looped_info) {
				cap.header.id = 99;
				cap.header.next = sizeof(info);
			}
			memcpy(at + sizeof(info), &cap, sizeof(cap));
			memcpy(at + sizeof(info) + sizeof(cap), k->range,
			       k->nr_ranges * sizeof(k->range[0]));
		}
	}
	memcpy(data, &info, sizeof(info));
	return 0;
}

static int container_ioctl(struct vfio_kernel *k, unsigned long request,
			   uintptr_t arg)
{
	void *data = (void *)arg;

	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return arg == VFIO_TYPE1v2_IOMMU;
	case VFIO_SET_IOMMU:
		for (unsigned i = 0; i < FAKE_FUNCTIONS; i++)
			if (k->in_container[i]) {
				k->iommu = true;
				return 0;
			}
		return -EINVAL;
	case VFIO_IOMMU_GET_INFO:
		return k->iommu ? give_info(k, data) : -EINVAL;
	case VFIO_IOMMU_MAP_DMA: {
		struct vfio_iommu_type1_dma_map *m = data;

		return k->iommu ? add_map(k, m->iova, m->size,
					  (void *)(uintptr_t)m->vaddr)
				: -EINVAL;
	}
	case VFIO_IOMMU_UNMAP_DMA: {
		struct vfio_iommu_type1_dma_unmap *m = data;

		return drop_map(k, m->iova, m->size);
	}
	default:
		return -ENOTTY;
	}
}

static int give_ranges(const struct vfio_kernel *k, struct abi_ioas_ranges *ask)
{
	struct abi_iova_range *out = (void *)(uintptr_t)ask->ranges;
	unsigned room = ask->nr;

	for (unsigned i = 0; i < k->nr_ranges && i < room; i++)
		out[i] = (struct abi_iova_range){ k->range[i].start,
						  k->range[i].end };
	ask->nr = k->nr_ranges;
	return k->nr_ranges > room ? -EMSGSIZE : 0;
}

static int iommufd_ioctl(struct vfio_kernel *k, unsigned long request,
			 void *data)
{
	struct abi_ioas_alloc *alloc = data;
	const struct abi_ioas_map *m = data;
	const struct abi_ioas_unmap *u = data;

	switch (request) {
	case ABI_IOAS_ALLOC:
		alloc->ioas = FAKE_IOAS;
		return 0;
	case ABI_IOAS_RANGES:
		return give_ranges(k, data);
	case ABI_IOAS_MAP:
		assert_int_equal(m->ioas, FAKE_IOAS);
		assert_true(m->flags & ABI_MAP_FIXED);
		return add_map(k, m->iova, m->length,
			       (void *)(uintptr_t)m->host);
	case ABI_IOAS_UNMAP:
		return drop_map(k, u->iova, u->length);
	default:
		return -ENOTTY;
	}
}

static int open_function(struct vfio_kernel *k, unsigned g, const char *bdf)
{
	for (unsigned i = 0; i < k->nr; i++) {
		struct fake_function *f = &k->fn[i];

		if (strcmp(f->bdf, bdf) != 0 || f->group != g || !f->bound)
			continue;
		f->fd = dup(f->memory);
		assert_true(f->fd >= 0);
		return f->fd;
	}
	return -ENODEV;
}

static int group_ioctl(struct vfio_kernel *k, unsigned g, unsigned long request,
		       void *data)
{
	struct vfio_group_status *status = data;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		status->flags = k->viable[g] ? VFIO_GROUP_FLAGS_VIABLE : 0;
		if (k->taken[g] || k->in_container[g])
			status->flags |= VFIO_GROUP_FLAGS_CONTAINER_SET;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		if (!k->viable[g])
			return -EPERM;
		if (k->taken[g] || k->in_container[g])
			return -EINVAL;
		assert_int_equal(*(int *)data, k->container);
		k->in_container[g] = true;
		return 0;
	case VFIO_GROUP_UNSET_CONTAINER:
		assert_true(k->in_container[g]);
		k->in_container[g] = false;
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		if (!k->in_container[g] || !k->iommu)
			return -EINVAL;
		return open_function(k, g, data);
	default:
		return -ENOTTY;
	}
}

static int fake_ioctl(void *arg, int fd, unsigned long request, uintptr_t data)
{
	struct vfio_kernel *k = arg;
	int r;

	(void)pthread_mutex_lock(&k->lock);
	struct fake_function *f = function_of(k, fd);
	int g = group_of(k, fd);
	if (k->fail_times && k->fail_request == request) {
		k->fail_times--;
		r = k->fail_with;
	} else if (fd == k->container) {
		r = container_ioctl(k, request, data);
	} else if (fd == k->iommufd) {
		r = iommufd_ioctl(k, request, (void *)data);
	} else if (f) {
		r = fake_device_ioctl(k, f, request, (void *)data);
	} else if (g >= 0) {
		r = group_ioctl(k, (unsigned)g, request, (void *)data);
	} else {
		r = -ENOTTY;
	}
	(void)pthread_mutex_unlock(&k->lock);
	return r;
}

/* Where @off points, or NULL with *@ret_r -errno. */
static struct fake_function *locate(struct vfio_kernel *k, int fd, uint64_t off,
				    size_t len, int *ret_r)
{
	struct fake_function *f = function_of(k, fd);
	unsigned region = (unsigned)(off >> SHIFT);
	uint64_t at = off & ((UINT64_C(1) << SHIFT) - 1);

	*ret_r = -EBADF;
	if (!f)
		return NULL;
	*ret_r = -EINVAL;
	if (region >= VFIO_PCI_NUM_REGIONS || at >= f->region[region].size ||
	    len > f->region[region].size - at)
		return NULL;
	*ret_r = -EIO;
	if (fake_is_bar(region) &&
	    (asleep(f) || !(f->config[PCI_COMMAND] & PCI_COMMAND_MEMORY))) {
		f->in_vain++;
		return NULL;
	}
	return f;
}

static ssize_t fake_pread(void *arg, int fd, void *buf, size_t len,
			  uint64_t off)
{
	struct vfio_kernel *k = arg;
	int r;

	(void)pthread_mutex_lock(&k->lock);
	struct fake_function *f = locate(k, fd, off, len, &r);
	if (f && off >> SHIFT == VFIO_PCI_CONFIG_REGION_INDEX) {
		memcpy(buf, f->config + (off & 0xfff), len);
		r = (int)len;
	} else if (f) {
		f->region_reads++;
		r = (int)pread(f->memory, buf, len, (off_t)off);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return r;
}

static ssize_t fake_pwrite(void *arg, int fd, const void *buf, size_t len,
			   uint64_t off)
{
	struct vfio_kernel *k = arg;
	int r;

	(void)pthread_mutex_lock(&k->lock);
	struct fake_function *f = locate(k, fd, off, len, &r);
	if (f && off >> SHIFT == VFIO_PCI_CONFIG_REGION_INDEX) {
		unsigned reg = off & 0xfff;

		/* As hardware: in pieces of natural size and alignment. */
		assert_true((len == 1 || len == 2 || len == 4) &&
			    reg % len == 0);
		f->config_writes++;
		f->last_reg = reg;
		f->last_len = (unsigned)len;
		f->last_value = 0;
		memcpy(&f->last_value, buf, len);
		memcpy(f->config + reg, buf, len);
		r = (int)len;
	} else if (f) {
		f->region_writes++;
		r = (int)pwrite(f->memory, buf, len, (off_t)off);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return r;
}

static int new_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void vfio_kernel_open(struct vfio_kernel *k, unsigned functions)
{
	static const char *const bdf[FAKE_FUNCTIONS] = { "0000:01:00.0",
							 "0000:02:00.0",
							 "0000:03:00.0" };

	*k = (struct vfio_kernel){ .nr = functions };
	(void)pthread_mutex_init(&k->lock, NULL);
	k->sys = (struct vfio_sys){ fake_ioctl, fake_pread, fake_pwrite, k };
	k->container = new_fd();
	k->iommufd = new_fd();
	for (unsigned i = 0; i < FAKE_FUNCTIONS; i++) {
		struct fake_function *f = &k->fn[i];

		k->group_fd[i] = -1;
		k->viable[i] = true;
		f->bdf = bdf[i];
		f->group = i;
		f->bound = true;
		f->fd = f->on_error = f->on_request = -1;
		fake_forget_vectors(f);
		f->memory = memfd_create("device", MFD_CLOEXEC);
		assert_true(f->memory >= 0);
		assert_int_equal(
			ftruncate(f->memory,
				  (off_t)VFIO_PCI_NUM_REGIONS << SHIFT),
			0);
	}
}

void vfio_kernel_close(struct vfio_kernel *k)
{
	for (unsigned i = 0; i < FAKE_FUNCTIONS; i++) {
		assert_false(k->in_container[i]);
		(void)close(k->fn[i].memory);
	}
	(void)pthread_mutex_destroy(&k->lock);
}

void vfio_kernel_set(struct vfio_kernel *k, unsigned i, unsigned reg,
		     uint32_t value, unsigned len)
{
	le32_t v = le32_make(value);

	memcpy(k->fn[i].config + reg, &v, len);
}

int vfio_kernel_group(struct vfio_kernel *k, unsigned i)
{
	unsigned g = k->fn[i].group;

	k->group_fd[g] = new_fd();
	return k->group_fd[g];
}

int vfio_kernel_node(struct vfio_kernel *k, unsigned i)
{
	k->fn[i].fd = dup(k->fn[i].memory);
	assert_true(k->fn[i].fd >= 0);
	return k->fn[i].fd;
}

const struct fake_map *vfio_kernel_map(const struct vfio_kernel *k,
				       uint64_t iova)
{
	for (unsigned i = 0; i < k->nr_maps; i++)
		if (k->map[i].iova == iova)
			return &k->map[i];
	return NULL;
}

void vfio_kernel_peek(const struct vfio_kernel *k, unsigned i, unsigned region,
		      uint64_t off, void *data, unsigned len)
{
	off_t at = (off_t)(((uint64_t)region << SHIFT) + off);

	assert_int_equal(pread(k->fn[i].memory, data, len, at), len);
}
