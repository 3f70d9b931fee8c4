/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields in guest order (little-endian).  They are structs, so that a plain
 * `=` between guest order and host order does not compile.
 */
#ifndef VMM_LIB_LE_H
#define VMM_LIB_LE_H

#include <endian.h>
#include <stdint.h>

typedef struct {
	uint16_t raw;
} le16_t;
typedef struct {
	uint32_t raw;
} le32_t;
typedef struct {
	uint64_t raw;
} le64_t;

static inline uint16_t le16_get(le16_t v)
{
	return le16toh(v.raw);
}

static inline uint32_t le32_get(le32_t v)
{
	return le32toh(v.raw);
}

static inline uint64_t le64_get(le64_t v)
{
	return le64toh(v.raw);
}

static inline le16_t le16_make(uint16_t v)
{
	return (le16_t){ htole16(v) };
}

static inline le32_t le32_make(uint32_t v)
{
	return (le32_t){ htole32(v) };
}

static inline le64_t le64_make(uint64_t v)
{
	return (le64_t){ htole64(v) };
}

/*
 * One load, of a field that lies at any address: what is at a place that the
 * guest names need not be aligned, and atomic loads must be.
 */
typedef uint16_t unaligned16_t __attribute__((aligned(1), may_alias));
typedef uint32_t unaligned32_t __attribute__((aligned(1), may_alias));
typedef uint64_t unaligned64_t __attribute__((aligned(1), may_alias));

static inline uint16_t le16_load_once(const void *p)
{
	return le16toh(*(const volatile unaligned16_t *)p);
}

static inline uint32_t le32_load_once(const void *p)
{
	return le32toh(*(const volatile unaligned32_t *)p);
}

static inline uint64_t le64_load_once(const void *p)
{
	return le64toh(*(const volatile unaligned64_t *)p);
}

/* For ring indices: the caller's comment names the other half of the pair. */
static inline uint16_t le16_load_acquire(const le16_t *p)
{
	return le16toh(__atomic_load_n(&p->raw, __ATOMIC_ACQUIRE));
}

static inline void le16_store_release(le16_t *p, uint16_t v)
{
	__atomic_store_n(&p->raw, htole16(v), __ATOMIC_RELEASE);
}

#endif
