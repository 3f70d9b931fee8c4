/* SPDX-License-Identifier: Apache-2.0 */
/* now.h - the clock that init waits by. */
#ifndef IMAGES_INIT_NOW_H
#define IMAGES_INIT_NOW_H

#include <stdint.h>

#define NOW_S  UINT64_C(1000000000)
#define NOW_MS UINT64_C(1000000)

/* CLOCK_MONOTONIC in ns. */
uint64_t now_ns(void);

#endif
