/* SPDX-License-Identifier: Apache-2.0 */
/* hooked.c - vq.c itself, its loads and stores of guest memory answered. */
#include "tests/prove/guest.h"

/* le.h and vq.h were read above; here they would be hooked as well. */
static inline uint16_t hooked_acquire(const le16_t *p)
{
	return le16toh((uint16_t)guest_load(&p->raw, sizeof(p->raw)));
}

static inline void hooked_release(le16_t *p, uint16_t v)
{
	guest_store(&p->raw, htole16(v), sizeof(p->raw));
}

#define le16_load_acquire(p)	 hooked_acquire(p)
#define le16_store_release(p, v) hooked_release(p, v)
#define le16_load_once(p)	 ((uint16_t)guest_load(p, 2))
#define le32_load_once(p)	 ((uint32_t)guest_load(p, 4))
#define le64_load_once(p)	 guest_load(p, 8)
#define __atomic_load_n(p, order)                                              \
	((__typeof__(*(p)))guest_load(p, sizeof(*(p))))
#define __atomic_store_n(p, v, order) guest_store(p, v, sizeof(*(p)))

#include "devices/virtio/vq.c"
