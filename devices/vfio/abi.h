/* SPDX-License-Identifier: Apache-2.0 */
/*
 * abi.h - requests of newer kernels than the headers this is built with: the
 * device node's (Linux 6.6) and iommufd's (Linux 6.2).  Numbers and layouts
 * as Documentation/userspace-api/iommufd.rst and vfio.rst have them; where
 * the kernel's headers know a request, they must agree.
 */
#ifndef DEVICES_VFIO_ABI_H
#define DEVICES_VFIO_ABI_H

#include <linux/ioctl.h>
#include <stdint.h>

#define ABI_TYPE ';' /* of both kinds of request */

#define ABI_DEVICE_BIND	  _IO(ABI_TYPE, 118)
#define ABI_DEVICE_ATTACH _IO(ABI_TYPE, 119)
#define ABI_IOAS_ALLOC	  _IO(ABI_TYPE, 129)
#define ABI_IOAS_RANGES	  _IO(ABI_TYPE, 132)
#define ABI_IOAS_MAP	  _IO(ABI_TYPE, 133)
#define ABI_IOAS_UNMAP	  _IO(ABI_TYPE, 134)

#define ABI_MAP_FIXED	  1U
#define ABI_MAP_WRITEABLE 2U
#define ABI_MAP_READABLE  4U

/* Flags of struct vfio_pci_hot_reset_info. */
#define ABI_HOT_RESET_BY_DEVICE 1U /* entries carry device ids, not groups */
#define ABI_HOT_RESET_OWNED	2U /* all of them are the caller's */

struct abi_device_bind {
	uint32_t size, flags;
	int32_t iommufd;
	uint32_t device_id; /* out */
};

struct abi_device_attach {
	uint32_t size, flags;
	uint32_t ioas;
};

struct abi_ioas_alloc {
	uint32_t size, flags;
	uint32_t ioas; /* out */
};

struct abi_iova_range {
	uint64_t first, last;
};

struct abi_ioas_ranges {
	uint32_t size;
	uint32_t ioas;
	uint32_t nr; /* room in, number out; -EMSGSIZE when there are more */
	uint32_t reserved;
	uint64_t ranges; /* struct abi_iova_range[] */
	uint64_t alignment; /* out */
};

struct abi_ioas_map {
	uint32_t size, flags;
	uint32_t ioas;
	uint32_t reserved;
	uint64_t host, length, iova;
};

struct abi_ioas_unmap {
	uint32_t size;
	uint32_t ioas;
	uint64_t iova, length;
};

_Static_assert(sizeof(struct abi_device_bind) == 16, "VFIO's ABI");
_Static_assert(sizeof(struct abi_device_attach) == 12, "VFIO's ABI");
_Static_assert(sizeof(struct abi_ioas_alloc) == 12, "iommufd's ABI");
_Static_assert(sizeof(struct abi_iova_range) == 16, "iommufd's ABI");
_Static_assert(sizeof(struct abi_ioas_ranges) == 32, "iommufd's ABI");
_Static_assert(sizeof(struct abi_ioas_map) == 40, "iommufd's ABI");
_Static_assert(sizeof(struct abi_ioas_unmap) == 24, "iommufd's ABI");
_Static_assert(ABI_DEVICE_BIND == 0x3b76, "VFIO's ABI");
_Static_assert(ABI_DEVICE_ATTACH == 0x3b77, "VFIO's ABI");
_Static_assert(ABI_IOAS_ALLOC == 0x3b81, "iommufd's ABI");
_Static_assert(ABI_IOAS_MAP == 0x3b85, "iommufd's ABI");

#ifdef VFIO_DEVICE_BIND_IOMMUFD
_Static_assert(ABI_DEVICE_BIND == VFIO_DEVICE_BIND_IOMMUFD, "VFIO's ABI");
_Static_assert(ABI_DEVICE_ATTACH == VFIO_DEVICE_ATTACH_IOMMUFD_PT,
	       "VFIO's ABI");
#endif

#endif
