/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acpi_numa.c - which processors and which RAM are near each other (SRAT), and
 * how far the nodes are apart (SLIT).  Sections are those of ACPI 6.4.
 */
#include <assert.h>
#include <string.h>

#include "firmware/acpi.h"

#define ENABLED 1U

/* Section 5.2.16, behind the header. */
struct srat {
	le32_t one; /* reserved, for backward compatibility */
	uint8_t reserved[8];
} __attribute__((packed));

/* Section 5.2.16.1. */
struct srat_cpu {
	uint8_t type;
	uint8_t length;
	uint8_t node; /* low byte; we have no more than one */
	uint8_t apic_id;
	le32_t flags;
	uint8_t sapic_eid;
	uint8_t node_high[3];
	le32_t clock_domain;
} __attribute__((packed));

/* Section 5.2.16.2. */
struct srat_memory {
	uint8_t type;
	uint8_t length;
	le32_t node;
	uint8_t reserved[2];
	le64_t base;
	le64_t size;
	uint8_t reserved2[4];
	le32_t flags;
	uint8_t reserved3[8];
} __attribute__((packed));
_Static_assert(sizeof(struct srat_memory) == 40, "memory affinity");

static size_t append(unsigned char *buf, size_t size, size_t at,
		     const void *bytes, size_t len)
{
	assert(at <= size && len <= size - at);
	memcpy(buf + at, bytes, len);
	return at + len;
}

size_t srat_build(const struct machine *m, unsigned char *buf, size_t size)
{
	const struct srat head = { .one = le32_make(1) };
	size_t at = append(buf, size, 0, &head, sizeof(head));

	for (unsigned n = 0; n < m->nr_nodes; n++)
		for (unsigned i = 0; i < m->node[n].nr_cpus; i++) {
			const struct srat_cpu cpu = {
				.length = sizeof(cpu),
				.node = (uint8_t)n,
				.apic_id = (uint8_t)(m->node[n].first_cpu + i),
				.flags = le32_make(ENABLED),
			};
			at = append(buf, size, at, &cpu, sizeof(cpu));
		}
	for (unsigned i = 0; i < m->gm->nr_ranges; i++) {
		const struct gmem_range *range = &m->gm->range[i];
		const struct srat_memory memory = {
			.type = 1,
			.length = sizeof(memory),
			.node = le32_make(range->node),
			.base = le64_make(range->gpa),
			.size = le64_make(range->size),
			.flags = le32_make(ENABLED),
		};
		at = append(buf, size, at, &memory, sizeof(memory));
	}
	return at;
}

/* Section 5.2.17. */
size_t slit_build(const struct machine *m, unsigned char *buf, size_t size)
{
	const le64_t nr = le64_make(m->nr_nodes);
	size_t at = append(buf, size, 0, &nr, sizeof(nr));

	for (unsigned n = 0; n < m->nr_nodes; n++)
		at = append(buf, size, at, m->node[n].distance, m->nr_nodes);
	return at;
}
