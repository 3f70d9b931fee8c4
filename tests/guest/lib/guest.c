/* SPDX-License-Identifier: Apache-2.0 */
/* guest.c - strings, the serial port, the end, for payload guests. */
#include "tests/guest/lib/guest.h"

#include "tests/guest/lib/irq.h"
#include "vmm/core/layout.h"

#define LSR    5
#define LSR_DR 1

#define CMD_LINE_PTR 0x228 /* in boot_params */

void guest_start(const struct start_info *si);
void guest_start_long(uint64_t boot_params);

void *memset(void *dst, int c, size_t len)
{
	void *d = dst;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(len) : "a"(c) : "memory");
	return dst;
}

void *memcpy(void *dst, const void *src, size_t len)
{
	void *d = dst;

	__asm__ volatile("rep movsb"
			 : "+D"(d), "+S"(src), "+c"(len)
			 :
			 : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const unsigned char *x = a;
	const unsigned char *y = b;

	for (size_t i = 0; i < len; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

void put(const char *s)
{
	while (*s)
		out8(LAYOUT_COM1, (uint8_t)*s++);
}

void put_hex(uint64_t v)
{
	bool begun = false;

	put("0x");
	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned digit = (unsigned)(v >> shift) & 15;

		begun = begun || digit || shift == 0;
		if (begun)
			out8(LAYOUT_COM1, (uint8_t) "0123456789abcdef"[digit]);
	}
}

void put_dec(uint64_t v)
{
	char text[21];
	char *p = text + sizeof(text) - 1;

	*p = '\0';
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put(p);
}

void say(const char *name, uint64_t v)
{
	put(name);
	put(": ");
	put_hex(v);
	put("\n");
}

char get(void)
{
	while (!(in8(LAYOUT_COM1 + LSR) & LSR_DR))
		;
	return (char)in8(LAYOUT_COM1);
}

void power_off(void)
{
	for (;;)
		out8(LAYOUT_SLEEP_CONTROL, LAYOUT_OFF_VALUE);
}

void reset(void)
{
	for (;;)
		out8(LAYOUT_RESET, LAYOUT_RESET_VALUE);
}

void check_at(bool fact, const char *text, int line)
{
	if (fact)
		return;
	put("FAIL line ");
	put_dec((uint64_t)line);
	put(": ");
	put(text);
	put("\n");
	power_off();
}

uint32_t checksum(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t a = 1;
	uint32_t b = 0;

	for (size_t i = 0; i < len; i++) {
		a += p[i];
		b += a;
	}
	return b << 16 | (a & 0xffff);
}

void guest_start(const struct start_info *si)
{
	irq_init();
	guest_main(si);
	power_off();
}

/* Not every guest looks at more than this. */
void guest_start_long(uint64_t boot_params)
{
	struct start_info si = {
		.magic = START_MAGIC,
		.cmdline = read32(boot_params + CMD_LINE_PTR),
	};

	guest_start(&si);
}
