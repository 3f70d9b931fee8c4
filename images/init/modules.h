/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modules.h - the kernel modules that came with the initramfs.  Names are in
 * load order (NN-name.ko), dependencies first.
 */
#ifndef IMAGES_INIT_MODULES_H
#define IMAGES_INIT_MODULES_H

#include "vmm/lib/err.h"

#define MODULES_DIR "/lib/belljar/modules"

/*
 * Load every file of @dir in lexical order and remove it, which gives its
 * memory back.  0 when @dir does not exist, or -errno with a sentence.
 */
int modules_load(const char *dir, struct err *err);

#endif
