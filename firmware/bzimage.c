/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bzimage.c - a compressed Linux kernel that unpacks itself.  It is loaded at
 * the address it prefers and entered by its 64-bit entry point, so none of
 * its real-mode code runs.  Linux, Documentation/arch/x86/boot.rst.
 *
 * The file is untrusted: its header is read once and each number checked.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "firmware/kernel.h"
#include "vmm/core/layout.h"

#define SETUP_HEADER offsetof(struct boot_params, hdr) /* 0x1f1 */
#define HEADER_MAGIC                                                           \
	0x202 /* in the file, and where the header's end counts                \
	       */
#define HDRS	      0x53726448 /* "HdrS" */
#define VERSION_MIN   0x20c
#define LONG_ENTRY    0x200 /* after the start of the loaded part */
#define SECTOR	      512U
#define DEFAULT_SECTS 4U
#define PARAGRAPH     16U

int bzimage_probe(const struct image *img, struct err *err)
{
	uint32_t magic;

	if (!image_has(img, HEADER_MAGIC, sizeof(magic)))
		return 0;
	int r = image_read(img, HEADER_MAGIC, &magic, sizeof(magic), err);
	return r < 0 ? r : magic == HDRS;
}

static int truncated(const struct image *img, uint64_t needed, struct err *err)
{
	return err_say(err, EINVAL,
		       "'%s' is truncated: its header promises %" PRIu64
		       " bytes, the file has %" PRIu64 "; fetch it again",
		       img->name, needed, img->size);
}

/*
 * The second byte of the jump over the header says where the header ends;
 * what an old one does not have stays 0.
 */
static int read_header(const struct image *img, struct setup_header *hdr,
		       struct err *err)
{
	unsigned char jump;
	int r = image_read(img, HEADER_MAGIC - 1, &jump, 1, err);
	if (r < 0)
		return r;

	size_t len = HEADER_MAGIC + jump - SETUP_HEADER;
	if (!image_has(img, SETUP_HEADER, len))
		return truncated(img, SETUP_HEADER + len, err);
	if (len > sizeof(*hdr))
		len = sizeof(*hdr);
	return image_read(img, SETUP_HEADER, hdr, len, err);
}

static int check_header(const struct image *img, const struct setup_header *hdr,
			struct err *err)
{
	if (hdr->version < VERSION_MIN)
		return err_say(err, ENOEXEC,
			       "'%s' speaks boot protocol %u.%u; belljar needs "
			       "2.12 or later (Linux 3.8)",
			       img->name, hdr->version >> 8,
			       hdr->version & 0xff);
	if (!(hdr->xloadflags & XLF_KERNEL_64) ||
	    !(hdr->loadflags & LOADED_HIGH))
		return err_say(err, ENOEXEC,
			       "'%s' has no 64-bit entry point; give a kernel "
			       "built for x86_64",
			       img->name);
	if (hdr->boot_flag != 0xaa55 || hdr->syssize == 0 ||
	    hdr->pref_address < LAYOUT_KERNEL)
		return err_say(err, EINVAL,
			       "'%s' is damaged: its setup header contradicts "
			       "itself; fetch or build it again",
			       img->name);
	return 0;
}

int bzimage_load(const struct image *img, const struct gmem *gm,
		 struct kernel *ret, struct err *err)
{
	struct setup_header hdr = { 0 };
	int r = read_header(img, &hdr, err);
	if (r == 0)
		r = check_header(img, &hdr, err);
	if (r < 0)
		return r;

	uint64_t sects = hdr.setup_sects ? hdr.setup_sects : DEFAULT_SECTS;
	uint64_t setup = (sects + 1) * SECTOR;
	uint64_t size = (uint64_t)hdr.syssize * PARAGRAPH;
	if (!image_has(img, setup, size))
		return truncated(img, setup + size, err);

	/* Where it unpacks itself to, in place, whatever it was loaded at. */
	uint64_t room = hdr.init_size > size ? hdr.init_size : size;
	gpa_t base = hdr.pref_address;
	gpa_t end = room > UINT64_MAX - base ? UINT64_MAX : base + room;
	r = kernel_fits(img, gm, end, err);
	if (r == 0)
		r = image_load(img, setup, size, gm, base, err);
	if (r < 0)
		return r;

	*ret = (struct kernel){
		.long_entry = base + LONG_ENTRY,
		.end = end,
		.initrd_end = (uint64_t)hdr.initrd_addr_max + 1,
		.cmdline_max = hdr.cmdline_size,
		.hdr = hdr,
	};
	return 0;
}
