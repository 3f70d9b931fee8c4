/* SPDX-License-Identifier: Apache-2.0 */
/* uevents.h - wait for what the kernel announces: no polling, no sleeping. */
#ifndef IMAGES_INIT_UEVENTS_H
#define IMAGES_INIT_UEVENTS_H

#include <stdbool.h>

/*
 * Return when @fact, asked now and after each event of the kernel, is true.
 * 0, -ETIMEDOUT after @timeout_ms, or another -errno.
 */
int uevents_wait(bool (*fact)(void *arg), void *arg, int timeout_ms);

#endif
