/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_version.h - which version a kernel, or a module for one, says it is.
 */
#ifndef VMM_MANAGER_KERNEL_VERSION_H
#define VMM_MANAGER_KERNEL_VERSION_H

#include <stddef.h>

#define KERNEL_VERSION_MAX 65 /* as Linux's release in struct utsname */

/*
 * What `uname -r` will say of the bzImage or ELF file @path; "" when it does
 * not tell, or is none: whoever loads it says what is wrong with it.
 */
void kernel_version_file(const char *path, char ret[KERNEL_VERSION_MAX]);

/* The kernel a module is for, its vermagic's first word; "" as above. */
void kernel_version_module(const void *module, size_t len,
			   char ret[KERNEL_VERSION_MAX]);

#endif
