/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etc.h - /etc/hosts, /etc/hostname and /etc/resolv.conf, which as under
 * docker belong to the container and not to its image: files of init's own,
 * bound over the image's.
 */
#ifndef IMAGES_INIT_ETC_H
#define IMAGES_INIT_ETC_H

#include "images/init/settings.h"

/* Write the three files into @dir, which exists.  @s->hostname is not NULL. */
int etc_write(const char *dir, const struct settings *s, struct err *err);

/* Write them into @dir, made if absent, and bind them below @root (a fd). */
int etc_mount(int root, const char *dir, const struct settings *s,
	      struct err *err);

#endif
