/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aml.h - a small emitter of ACPI machine language: just what dsdt.c says.
 *
 * Terms with a length (scope, device, method, if, else, package, buffer,
 * resource template) are opened and closed; closing inserts the PkgLength in
 * front of what came in between.  ACPI 6.4, section 20.  All that is emitted
 * is ours, so running out of room is our fault and asserts.
 */
#ifndef FIRMWARE_AML_H
#define FIRMWARE_AML_H

#include <stddef.h>
#include <stdint.h>

#define AML_DEPTH 8

struct aml {
	unsigned char *buf;
	size_t size, len;
	unsigned depth;
	size_t open[AML_DEPTH];
};

enum aml_op {
	AML_ZERO = 0x00,
	AML_NAME = 0x08,
	AML_ARG0 = 0x68,
	AML_ARG1 = 0x69,
	AML_ARG2 = 0x6a,
	AML_ARG3 = 0x6b,
	AML_STORE = 0x70,
	AML_AND = 0x7b,
	AML_OR = 0x7d,
	AML_NOTIFY = 0x86,
	AML_CREATE_DWORD_FIELD = 0x8a,
	AML_EQUAL = 0x93,
	AML_RETURN = 0xa4,
};

void aml_init(struct aml *a, unsigned char *buf, size_t size);

void aml_op(struct aml *a, enum aml_op op);
/* A name of up to four characters, padded with '_'; a leading '\' is kept. */
void aml_name(struct aml *a, const char *name);
void aml_int(struct aml *a, uint64_t value);
/* "PNP0A08" as the 32-bit number that _HID wants. */
void aml_eisaid(struct aml *a, const char *id);
void aml_string(struct aml *a, const char *text);
void aml_buffer(struct aml *a, const unsigned char *bytes, size_t len);
/* "e5c937d0-3553-4d7a-9117-ea4d19c3434d" as a 16-byte buffer. */
void aml_uuid(struct aml *a, const char *text);

void aml_scope(struct aml *a, const char *name);
void aml_device(struct aml *a, const char *name);
void aml_method(struct aml *a, const char *name, unsigned args);
void aml_if(struct aml *a);
void aml_else(struct aml *a);
void aml_package(struct aml *a, unsigned elements);
void aml_close(struct aml *a);

/* A resource template: open, descriptors (below), close. */
void aml_resources(struct aml *a);
void aml_resources_close(struct aml *a);

/* Descriptors, ACPI 6.4 section 6.4. */
void aml_res_bus(struct aml *a, unsigned first, unsigned last);
void aml_res_window_io(struct aml *a, uint16_t base, uint32_t size);
void aml_res_window32(struct aml *a, uint32_t base, uint32_t size);
void aml_res_window64(struct aml *a, uint64_t base, uint64_t size);
void aml_res_memory(struct aml *a, uint32_t base, uint32_t size);
void aml_res_io(struct aml *a, uint16_t base, uint8_t size);
/* Edge-triggered, active high, exclusive. */
void aml_res_irq(struct aml *a, uint32_t gsi);

#endif
