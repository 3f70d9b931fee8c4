/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest.c - asks the gate for one system call, as its command line
 * says: THREAD NUMBER [ARGUMENT...].  An argument is a number, 's:TEXT', the
 * address of that text, or 'b', that of a page of zeros.  Prints the result.
 */
#include "tests/guest/lib/blk.h"
#include "tests/jail/gate.h"

static unsigned char page[4096] __attribute__((aligned(4096)));
static char line[512];

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint64_t number(const char *s)
{
	bool minus = *s == '-';
	unsigned base = 10;
	uint64_t v = 0;

	if (minus)
		s++;
	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	}
	for (; digit(*s) >= 0; s++)
		v = v * base + (unsigned)digit(*s);
	check(*s == '\0');
	return minus ? -v : v;
}

/* The next word of the command line, or NULL; blanks become its end. */
static char *next_word(char **at)
{
	char *s = *at;

	while (*s == ' ')
		s++;
	if (!*s)
		return NULL;
	char *word = s;
	while (*s && *s != ' ')
		s++;
	if (*s)
		*s++ = '\0';
	*at = s;
	return word;
}

static uint64_t argument(const char *s)
{
	if (s[0] == 's' && s[1] == ':')
		return GATE_POINTER | (uintptr_t)(s + 2);
	if (same(s, "b"))
		return GATE_POINTER | (uintptr_t)page;
	return number(s);
}

static void put_word(uint64_t v)
{
	out32(GATE_PORT + GATE_WORD, (uint32_t)v);
	out32(GATE_PORT + GATE_WORD, (uint32_t)(v >> 32));
}

static enum gate_thread thread_of(const char *s)
{
	if (same(s, "vcpu"))
		return GATE_VCPU;
	if (same(s, "loop"))
		return GATE_LOOP;
	if (same(s, "disk"))
		return GATE_DISK;
	check(same(s, "main"));
	return GATE_MAIN;
}

static void flush_disk(void)
{
	struct vdev dev;
	struct queue q;

	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	virtio_begin(&dev, BIT(VIRTIO_BLK_F_FLUSH), 1, &q);
	check(blk_request(&q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0) ==
	      VIRTIO_BLK_S_OK);
}

void guest_main(const struct start_info *si)
{
	const char *given = (const char *)(uintptr_t)si->cmdline;
	char *at = line;
	char *word;
	unsigned n = 0;

	while (given[n] && n < sizeof(line) - 1) {
		line[n] = given[n];
		n++;
	}
	word = next_word(&at);
	check(word);
	enum gate_thread thread = thread_of(word);

	out32(GATE_PORT + GATE_RESET, 0);
	for (n = 0; n < GATE_WORDS; n++) {
		word = next_word(&at);
		put_word(word ? argument(word) : 0);
	}
	out32(GATE_PORT + GATE_OPEN, thread);
	if (thread == GATE_DISK)
		flush_disk();
	while (in32(GATE_PORT + GATE_OPEN) != GATE_NOBODY)
		;
	int32_t got = (int32_t)in32(GATE_PORT + GATE_GOT);
	put("result: ");
	if (got < 0)
		put("-");
	put_dec((uint64_t)(got < 0 ? -(int64_t)got : got));
	put("\n");
}
