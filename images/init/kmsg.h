/* SPDX-License-Identifier: Apache-2.0 */
/* kmsg.h - what the kernel complained of meanwhile. */
#ifndef IMAGES_INIT_KMSG_H
#define IMAGES_INIT_KMSG_H

#include <stddef.h>

/* A place in the kernel's log: its end.  Negative, which is fine, on failure.
 */
int kmsg_mark(void);

/*
 * The first warning or worse since @mark, its control characters replaced;
 * "" when there is none.  Moves @mark to the end.
 */
void kmsg_complaint(int mark, char *ret, size_t size);

#endif
