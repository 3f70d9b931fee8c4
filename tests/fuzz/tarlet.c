/* SPDX-License-Identifier: Apache-2.0 */
/* tarlet.c - a tar archive that the input describes. */
#include "tests/fuzz/tarlet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512U

/* POSIX.1-1988, ustar. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12];
	char sum[8], kind, link[100], magic[8], user[32], group[32];
	char major[8], minor[8], prefix[155], pad[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "ustar");

static const char zeros[BLOCK];

static void add_header(struct blob *to, struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	memcpy(h->magic, "ustar\00000", 8);
	memset(h->sum, ' ', sizeof(h->sum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += p[i];
	(void)snprintf(h->sum, sizeof(h->sum), "%06o", sum & 0777777);
	blob_add(to, h, BLOCK);
}

static void add_data(struct blob *to, const void *data, size_t len)
{
	if (len == 0)
		return;
	blob_add(to, data, len);
	blob_add(to, zeros, (BLOCK - len % BLOCK) % BLOCK);
}

static void field(char *to, size_t size, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)size - 1,
		       (unsigned long long)value);
	memcpy(to, text, size - 1);
}

static void long_name(struct blob *to, const char *name)
{
	struct header h = { .name = "././@LongLink", .kind = 'L' };
	struct blob text = { 0 };

	for (int i = 0; i < 20; i++) {
		blob_add(&text, "/", i > 0);
		blob_add(&text, name, strlen(name));
	}
	field(h.size, sizeof(h.size), text.len + 1);
	blob_add(&text, "", 1);
	add_header(to, &h);
	add_data(to, text.data, text.len);
	blob_done(&text);
}

static void add_entry(struct blob *to, struct input *in, char kind)
{
	struct header h = { .kind = kind };
	uint8_t how = input_u8(in);
	char *name = input_text(in);
	char *link = how & TARLET_LINK ? input_text(in) : NULL;
	uint16_t want = input_u16(in);
	size_t len;
	const uint8_t *data = input_bytes(in, want, &len);

	if (how & TARLET_RAW) {
		blob_add(to, data, len);
		free(name);
		free(link);
		return;
	}
	if (how & TARLET_LONG)
		long_name(to, name);
	memcpy(h.name, name, strnlen(name, sizeof(h.name)));
	if (link)
		memcpy(h.link, link, strnlen(link, sizeof(h.link)));
	field(h.mode, sizeof(h.mode), 0644);
	field(h.uid, sizeof(h.uid), how & TARLET_ODD ? want : 0);
	field(h.gid, sizeof(h.gid), 0);
	field(h.mtime, sizeof(h.mtime), 0);
	field(h.size, sizeof(h.size), len);
	if (how & TARLET_LIE && len >= sizeof(h.size)) {
		memcpy(h.size, data, sizeof(h.size));
		memcpy(h.major, data, sizeof(h.major));
	}
	if (how & TARLET_ODD && len >= sizeof(h.uid))
		memcpy(h.uid, data, sizeof(h.uid));
	add_header(to, &h);
	add_data(to, data, len);
	free(name);
	free(link);
}

struct blob tarlet(struct input *in)
{
	struct blob to = { 0 };

	while (in->left) {
		uint8_t kind = input_u8(in);

		if (kind == TARLET_END)
			break;
		add_entry(&to, in, (char)kind);
	}
	blob_add(&to, zeros, BLOCK);
	blob_add(&to, zeros, BLOCK);
	return to;
}
