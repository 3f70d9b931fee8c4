/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acpi_tables.c - the tables that are plain numbers: RSDP, XSDT, FADT, MADT
 * and MCFG.  Sections are those of ACPI 6.4.
 */
#include <assert.h>
#include <string.h>

#include "firmware/acpi.h"
#include "vmm/core/layout.h"

#define MAX_CPUS 64

/* Section 5.2.3.2. */
struct gas {
	uint8_t space;
	uint8_t bits;
	uint8_t offset;
	uint8_t access;
	le64_t address;
} __attribute__((packed));

/* Section 5.2.5.3. */
struct rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	le32_t rsdt;
	le32_t length;
	le64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

/* Section 5.2.9; what hardware-reduced ACPI ignores is left unnamed. */
struct fadt {
	struct acpi_header head;
	le32_t facs;
	le32_t dsdt;
	uint8_t unused1[65];
	le16_t boot_arch; /* at 109 */
	uint8_t reserved;
	le32_t flags;
	struct gas reset;
	uint8_t reset_value;
	le16_t arm_boot_arch;
	uint8_t minor;
	le64_t x_facs;
	le64_t x_dsdt;
	uint8_t unused2[96];
	struct gas sleep_control; /* at 244 */
	struct gas sleep_status;
	char hypervisor[8];
} __attribute__((packed));
_Static_assert(sizeof(struct fadt) == 276, "FADT revision 6");

#define FADT_NO_VGA	    (1U << 2)
#define FADT_NO_RTC	    (1U << 5)
#define FADT_WBINVD	    (1U << 0)
#define FADT_C1		    (1U << 2)
#define FADT_NO_PWR_BUTTON  (1U << 4) /* no fixed one */
#define FADT_NO_SLP_BUTTON  (1U << 5)
#define FADT_RESET_REGISTER (1U << 10)
#define FADT_HW_REDUCED	    (1U << 20)

/* Section 5.2.12. */
struct madt_lapic {
	uint8_t type;
	uint8_t length;
	uint8_t uid;
	uint8_t apic_id;
	le32_t flags;
} __attribute__((packed));

struct madt_ioapic {
	uint8_t type;
	uint8_t length;
	uint8_t id;
	uint8_t reserved;
	le32_t address;
	le32_t gsi_base;
} __attribute__((packed));

struct madt_nmi {
	uint8_t type;
	uint8_t length;
	uint8_t uid; /* 0xff: all */
	uint8_t flags[2];
	uint8_t lint;
} __attribute__((packed));

struct madt {
	struct acpi_header head;
	le32_t lapic;
	le32_t flags;
	struct madt_ioapic ioapic;
	struct madt_nmi nmi;
	struct madt_lapic cpu[MAX_CPUS]; /* as many as there are CPUs */
} __attribute__((packed));

struct mcfg {
	struct acpi_header head;
	uint8_t reserved[8];
	le64_t base;
	le16_t segment;
	uint8_t first_bus;
	uint8_t last_bus;
	uint8_t reserved2[4];
} __attribute__((packed));

struct xsdt {
	struct acpi_header head;
	le64_t table[5]; /* as many as there are */
} __attribute__((packed));

/* Tables being laid one after the other. */
struct room {
	unsigned char *buf;
	size_t len;
	gpa_t base;
};

uint8_t acpi_checksum(const unsigned char *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

static struct acpi_header header(const char *signature, uint8_t revision,
				 size_t length)
{
	struct acpi_header h = {
		.length = le32_make((uint32_t)length),
		.revision = revision,
		.oem_revision = le32_make(1),
		.creator_revision = le32_make(1),
	};

	memcpy(h.signature, signature, sizeof(h.signature));
	memcpy(h.oem_id, "BELLJR", sizeof(h.oem_id));
	memcpy(h.oem_table, "BELLJAR ", sizeof(h.oem_table));
	memcpy(h.creator, "BELL", sizeof(h.creator));
	return h;
}

/* Where the next table goes: aligned, the gap before it zero. */
static unsigned char *next(struct room *r)
{
	while (r->len % 16 != 0)
		r->buf[r->len++] = 0;
	assert(r->len <= ACPI_SIZE_MAX);
	return r->buf + r->len;
}

/* @len bytes that begin with a header are there: where they will be. */
static gpa_t done(struct room *r, size_t len)
{
	unsigned char *table = r->buf + r->len;
	gpa_t at = r->base + r->len;

	table[offsetof(struct acpi_header, checksum)] =
		acpi_checksum(table, len);
	r->len += len;
	return at;
}

/* Append a table of @len bytes; returns where it will be. */
static gpa_t add(struct room *r, const void *table, size_t len)
{
	unsigned char *at = next(r);

	assert(len <= ACPI_SIZE_MAX - r->len);
	memcpy(at, table, len);
	return done(r, len);
}

typedef size_t (*build_fn)(const struct machine *m, unsigned char *buf,
			   size_t size);

/* A table whose contents another file writes. */
static gpa_t add_built(struct room *r, const struct machine *m,
		       const char *signature, uint8_t revision, build_fn build)
{
	unsigned char *at = next(r);
	size_t len = sizeof(struct acpi_header);

	assert(len <= ACPI_SIZE_MAX - r->len);
	len += build(m, at + len, ACPI_SIZE_MAX - r->len - len);
	struct acpi_header h = header(signature, revision, len);
	memcpy(at, &h, sizeof(h));
	return done(r, len);
}

static struct gas port(uint16_t address)
{
	return (struct gas){
		.space = 1, /* I/O */
		.bits = 8,
		.access = 1, /* byte */
		.address = le64_make(address),
	};
}

static gpa_t add_fadt(struct room *r, gpa_t dsdt)
{
	struct fadt f = {
		.head = header("FACP", 6, sizeof(f)),
		.dsdt = le32_make((uint32_t)dsdt),
		.x_dsdt = le64_make(dsdt),
		.boot_arch = le16_make(FADT_NO_VGA | FADT_NO_RTC),
		.flags = le32_make(FADT_WBINVD | FADT_C1 | FADT_NO_PWR_BUTTON |
				   FADT_NO_SLP_BUTTON | FADT_RESET_REGISTER |
				   FADT_HW_REDUCED),
		.reset = port(LAYOUT_RESET),
		.reset_value = LAYOUT_RESET_VALUE,
		.minor = 4,
		.sleep_control = port(LAYOUT_SLEEP_CONTROL),
		.sleep_status = port(LAYOUT_SLEEP_STATUS),
	};

	memcpy(f.hypervisor, "KVMKVMKV", sizeof(f.hypervisor));
	return add(r, &f, sizeof(f));
}

/*
 * PCAT_COMPAT stays clear: there is no 8259 to mask.  ISA interrupts are
 * their GSIs, so no override is needed.
 */
static gpa_t add_madt(struct room *r, const struct machine *m)
{
	size_t len = offsetof(struct madt, cpu) +
		     m->cpus * sizeof(struct madt_lapic);
	struct madt t = {
		.head = header("APIC", 5, len),
		.lapic = le32_make((uint32_t)LAYOUT_LAPIC),
		.ioapic = { .type = 1,
			    .length = sizeof(t.ioapic),
			    .address = le32_make((uint32_t)LAYOUT_IOAPIC) },
		.nmi = { .type = 4,
			 .length = sizeof(t.nmi),
			 .uid = 0xff,
			 .lint = 1 },
	};

	for (unsigned i = 0; i < m->cpus; i++)
		t.cpu[i] = (struct madt_lapic){
			.length = sizeof(t.cpu[i]),
			.uid = (uint8_t)i,
			.apic_id = (uint8_t)i,
			.flags = le32_make(1), /* enabled */
		};
	return add(r, &t, len);
}

unsigned machine_buses(const struct machine *m)
{
	unsigned last = 0;

	for (unsigned i = 0; i < m->nr_roots; i++)
		if (m->root[i].last_bus > last)
			last = m->root[i].last_bus;
	return last + 1;
}

static gpa_t add_mcfg(struct room *r, const struct machine *m)
{
	struct mcfg t = {
		.head = header("MCFG", 1, sizeof(t)),
		.base = le64_make(LAYOUT_ECAM),
		.last_bus = (uint8_t)(machine_buses(m) - 1),
	};

	return add(r, &t, sizeof(t));
}

static gpa_t add_xsdt(struct room *r, const struct machine *m)
{
	struct xsdt x = { 0 };
	unsigned nr = 0;

	/* DSDT revision 2: integers of 64 bits. */
	gpa_t dsdt = add_built(r, m, "DSDT", 2, dsdt_build);
	x.table[nr++] = le64_make(add_fadt(r, dsdt));
	x.table[nr++] = le64_make(add_madt(r, m));
	x.table[nr++] = le64_make(add_mcfg(r, m));
	if (m->nr_nodes > 0) {
		x.table[nr++] =
			le64_make(add_built(r, m, "SRAT", 3, srat_build));
		x.table[nr++] =
			le64_make(add_built(r, m, "SLIT", 1, slit_build));
	}

	size_t len = offsetof(struct xsdt, table) + nr * sizeof(x.table[0]);
	x.head = header("XSDT", 1, len);
	return add(r, &x, len);
}

size_t acpi_build(const struct machine *m, unsigned char buf[ACPI_SIZE_MAX],
		  gpa_t base)
{
	struct rsdp rsdp = { .revision = 2 };
	struct room r = { .buf = buf, .len = sizeof(rsdp), .base = base };

	assert(m->cpus >= 1 && m->cpus <= MAX_CPUS);
	assert(m->nr_nodes <= GMEM_MAX_NODES);
	memcpy(rsdp.signature, "RSD PTR ", sizeof(rsdp.signature));
	memcpy(rsdp.oem_id, "BELLJR", sizeof(rsdp.oem_id));
	rsdp.length = le32_make(sizeof(rsdp));
	rsdp.xsdt = le64_make(add_xsdt(&r, m));
	memcpy(buf, &rsdp, sizeof(rsdp));
	buf[offsetof(struct rsdp, checksum)] = acpi_checksum(buf, 20);
	buf[offsetof(struct rsdp, extended_checksum)] =
		acpi_checksum(buf, sizeof(rsdp));
	return r.len;
}
