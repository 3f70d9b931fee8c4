/* SPDX-License-Identifier: Apache-2.0 */
/* aml.c - terms of ACPI machine language, one function each. */
#include "firmware/aml.h"

#include <assert.h>
#include <string.h>

void aml_init(struct aml *a, unsigned char *buf, size_t size)
{
	*a = (struct aml){ .buf = buf, .size = size };
}

static void put(struct aml *a, const void *bytes, size_t len)
{
	assert(len <= a->size - a->len);
	memcpy(a->buf + a->len, bytes, len);
	a->len += len;
}

/* The low @len bytes of @value, least significant first. */
static void put_num(struct aml *a, uint64_t value, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)(value >> (8 * i));
		put(a, &byte, 1);
	}
}

static void open_here(struct aml *a)
{
	assert(a->depth < AML_DEPTH);
	a->open[a->depth++] = a->len;
}

/* Bytes in front of everything since the term was opened. */
static void insert(struct aml *a, size_t at, const unsigned char *bytes,
		   size_t len)
{
	assert(len <= a->size - a->len);
	memmove(a->buf + at + len, a->buf + at, a->len - at);
	memcpy(a->buf + at, bytes, len);
	a->len += len;
}

/* PkgLength counts itself: section 20.2.4. */
void aml_close(struct aml *a)
{
	assert(a->depth > 0);
	size_t at = a->open[--a->depth];
	size_t body = a->len - at;
	unsigned char head[3];

	if (body + 1 < 0x40) {
		head[0] = (unsigned char)(body + 1);
		insert(a, at, head, 1);
	} else if (body + 2 < 0x1000) {
		head[0] = (unsigned char)(0x40 | ((body + 2) & 0xf));
		head[1] = (unsigned char)((body + 2) >> 4);
		insert(a, at, head, 2);
	} else {
		assert(body + 3 < 0x100000);
		head[0] = (unsigned char)(0x80 | ((body + 3) & 0xf));
		head[1] = (unsigned char)((body + 3) >> 4);
		head[2] = (unsigned char)((body + 3) >> 12);
		insert(a, at, head, 3);
	}
}

void aml_op(struct aml *a, enum aml_op op)
{
	put_num(a, op, 1);
}

void aml_name(struct aml *a, const char *name)
{
	size_t root = name[0] == '\\';
	size_t len = strlen(name) - root;

	assert(len <= 4);
	put(a, name, root + len);
	put(a, "____", 4 - len);
}

void aml_int(struct aml *a, uint64_t value)
{
	if (value <= 1) {
		put_num(a, value, 1); /* ZeroOp, OneOp */
	} else if (value <= UINT8_MAX) {
		put_num(a, 0x0a, 1);
		put_num(a, value, 1);
	} else if (value <= UINT16_MAX) {
		put_num(a, 0x0b, 1);
		put_num(a, value, 2);
	} else if (value <= UINT32_MAX) {
		put_num(a, 0x0c, 1);
		put_num(a, value, 4);
	} else {
		put_num(a, 0x0e, 1);
		put_num(a, value, 8);
	}
}

static unsigned hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c | 0x20);

	assert(at && *at);
	return (unsigned)(at - digits);
}

/* Three letters of five bits and four hexadecimal digits, big-endian. */
void aml_eisaid(struct aml *a, const char *id)
{
	uint32_t v = 0;

	assert(strlen(id) == 7);
	for (unsigned i = 0; i < 3; i++)
		v = v << 5 | ((uint32_t)(id[i] - '@') & 0x1f);
	for (unsigned i = 3; i < 7; i++)
		v = v << 4 | hex_digit(id[i]);
	put_num(a, 0x0c, 1);
	put_num(a, __builtin_bswap32(v), 4);
}

void aml_string(struct aml *a, const char *text)
{
	put_num(a, 0x0d, 1);
	put(a, text, strlen(text) + 1);
}

void aml_buffer(struct aml *a, const unsigned char *bytes, size_t len)
{
	put_num(a, 0x11, 1);
	open_here(a);
	aml_int(a, len);
	put(a, bytes, len);
	aml_close(a);
}

/* The first three groups are numbers, so their bytes turn round. */
void aml_uuid(struct aml *a, const char *text)
{
	static const unsigned char order[16] = {
		6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34
	};
	unsigned char bytes[16];

	assert(strlen(text) == 36);
	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (unsigned char)(hex_digit(text[order[i]]) << 4 |
					   hex_digit(text[order[i] + 1]));
	aml_buffer(a, bytes, sizeof(bytes));
}

void aml_scope(struct aml *a, const char *name)
{
	put_num(a, 0x10, 1);
	open_here(a);
	aml_name(a, name);
}

void aml_device(struct aml *a, const char *name)
{
	put(a, "\x5b\x82", 2);
	open_here(a);
	aml_name(a, name);
}

/* Serialized: a method that creates names may run once at a time. */
void aml_method(struct aml *a, const char *name, unsigned args)
{
	assert(args <= 7);
	put_num(a, 0x14, 1);
	open_here(a);
	aml_name(a, name);
	put_num(a, args | 8, 1);
}

void aml_if(struct aml *a)
{
	put_num(a, 0xa0, 1);
	open_here(a);
}

void aml_else(struct aml *a)
{
	put_num(a, 0xa1, 1);
	open_here(a);
}

void aml_package(struct aml *a, unsigned elements)
{
	put_num(a, 0x12, 1);
	open_here(a);
	put_num(a, elements, 1);
}

void aml_resources(struct aml *a)
{
	put_num(a, 0x11, 1);
	open_here(a); /* the buffer */
	open_here(a); /* its contents, whose size is not known yet */
}

void aml_resources_close(struct aml *a)
{
	unsigned char size[3] = { 0x0b };

	put(a, "\x79", 2); /* end tag, checksum 0: not used */

	assert(a->depth > 1);
	size_t at = a->open[--a->depth];
	size_t len = a->len - at;
	size[1] = (unsigned char)len;
	size[2] = (unsigned char)(len >> 8);
	insert(a, at, size, sizeof(size));
	aml_close(a);
}

#define FIXED_RANGE 0x0c /* minimum and maximum fixed, positive decode */

/* An address space descriptor whose five numbers have @width bytes. */
static void put_range(struct aml *a, uint8_t tag, uint8_t type,
		      uint8_t type_flags, unsigned width, uint64_t first,
		      uint64_t len)
{
	put_num(a, tag, 1);
	put_num(a, 3 + 5 * width, 2);
	put_num(a, type, 1);
	put_num(a, FIXED_RANGE, 1);
	put_num(a, type_flags, 1);
	put_num(a, 0, width); /* granularity */
	put_num(a, first, width);
	put_num(a, first + len - 1, width);
	put_num(a, 0, width); /* translation */
	put_num(a, len, width);
}

void aml_res_bus(struct aml *a, unsigned first, unsigned last)
{
	put_range(a, 0x88, 2, 0, 2, first, last - first + 1);
}

void aml_res_window_io(struct aml *a, uint16_t base, uint32_t size)
{
	put_range(a, 0x88, 1, 3, 2, base, size); /* all of its addresses */
}

/*
 * Read-write, not prefetchable: Linux puts prefetchable BARs into such a
 * window, but no other BAR into a prefetchable one.
 */
void aml_res_window32(struct aml *a, uint32_t base, uint32_t size)
{
	put_range(a, 0x87, 0, 1, 4, base, size);
}

void aml_res_window64(struct aml *a, uint64_t base, uint64_t size)
{
	put_range(a, 0x8a, 0, 1, 8, base, size);
}

void aml_res_memory(struct aml *a, uint32_t base, uint32_t size)
{
	put_num(a, 0x86, 1);
	put_num(a, 9, 2);
	put_num(a, 1, 1); /* read-write */
	put_num(a, base, 4);
	put_num(a, size, 4);
}

void aml_res_io(struct aml *a, uint16_t base, uint8_t size)
{
	put_num(a, 0x47, 1);
	put_num(a, 1, 1); /* 16-bit decode */
	put_num(a, base, 2);
	put_num(a, base, 2);
	put_num(a, 1, 1); /* alignment */
	put_num(a, size, 1);
}

void aml_res_irq(struct aml *a, uint32_t gsi)
{
	put_num(a, 0x89, 1);
	put_num(a, 6, 2);
	put_num(a, 3, 1); /* consumer, edge, active high, exclusive */
	put_num(a, 1, 1);
	put_num(a, gsi, 4);
}
