/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf.c - an uncompressed kernel (vmlinux): its PT_LOAD segments go where
 * their physical addresses say, and a note names the PVH entry point.
 *
 * The file is untrusted.  Only the bytes that the file has are copied; the
 * rest of each segment is RAM that nobody has touched yet.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "firmware/kernel.h"
#include "vmm/core/layout.h"

#define MAX_PHDRS	  64
#define MAX_NOTES_SIZE	  (UINT64_C(1) << 20)
#define NOTE_PHYS32_ENTRY 18 /* XEN_ELFNOTE_PHYS32_ENTRY */

struct elf {
	const struct image *img;
	Elf64_Ehdr head;
	Elf64_Phdr ph[MAX_PHDRS];
};

int elf_probe(const struct image *img, struct err *err)
{
	unsigned char magic[SELFMAG];

	if (!image_has(img, 0, sizeof(magic)))
		return 0;
	int r = image_read(img, 0, magic, sizeof(magic), err);
	return r < 0 ? r : memcmp(magic, ELFMAG, SELFMAG) == 0;
}

static int truncated(const struct image *img, const char *what, struct err *err)
{
	return err_say(err, EINVAL,
		       "'%s' is truncated: its %s lies outside the file's "
		       "%" PRIu64 " bytes; fetch or build it again",
		       img->name, what, img->size);
}

static int check_ident(const struct elf *e, struct err *err)
{
	const unsigned char *id = e->head.e_ident;
	const char *name = e->img->name;

	if (id[EI_CLASS] == ELFCLASS32)
		return err_say(err, ENOEXEC,
			       "'%s' is a 32-bit ELF file; give a kernel built "
			       "for x86_64",
			       name);
	if (id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != ELFDATA2LSB ||
	    e->head.e_machine != EM_X86_64)
		return err_say(
			err, ENOEXEC,
			"'%s' is an ELF file for another machine "
			"(%s, number %u); give a kernel built for x86_64",
			name,
			e->head.e_machine == EM_AARCH64 ? "arm64"
							: "not x86_64",
			e->head.e_machine);
	if (e->head.e_type != ET_EXEC && e->head.e_type != ET_DYN)
		return err_say(err, ENOEXEC,
			       "'%s' is an ELF file that is not executable; "
			       "give the linked vmlinux",
			       name);
	return 0;
}

static int read_headers(struct elf *e, struct err *err)
{
	const struct image *img = e->img;

	if (!image_has(img, 0, sizeof(e->head)))
		return truncated(img, "ELF header", err);
	int r = image_read(img, 0, &e->head, sizeof(e->head), err);
	if (r == 0)
		r = check_ident(e, err);
	if (r < 0)
		return r;

	unsigned nr = e->head.e_phnum;
	if (nr == 0 || nr > MAX_PHDRS ||
	    e->head.e_phentsize != sizeof(e->ph[0]))
		return err_say(err, EINVAL,
			       "'%s' has %u program headers of %u bytes, not 1 "
			       "to %d of %zu; give the linked vmlinux",
			       img->name, nr, e->head.e_phentsize, MAX_PHDRS,
			       sizeof(e->ph[0]));
	if (!image_has(img, e->head.e_phoff, nr * sizeof(e->ph[0])))
		return truncated(img, "program header table", err);
	return image_read(img, e->head.e_phoff, e->ph, nr * sizeof(e->ph[0]),
			  err);
}

static bool is_loaded(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_LOAD && ph->p_memsz > 0;
}

static int check_segment(const struct elf *e, unsigned i, struct err *err)
{
	const Elf64_Phdr *ph = &e->ph[i];
	const char *name = e->img->name;

	if (!image_has(e->img, ph->p_offset, ph->p_filesz))
		return truncated(e->img, "segment", err);
	if (ph->p_filesz > ph->p_memsz ||
	    ph->p_memsz > UINT64_MAX - ph->p_paddr)
		return err_say(err, EINVAL,
			       "'%s' is damaged: the size of segment %u is "
			       "impossible; fetch or build it again",
			       name, i);
	if (ph->p_paddr < LAYOUT_KERNEL)
		return err_say(err, ENOEXEC,
			       "'%s' wants to be loaded at 0x%" PRIx64
			       ", below 1 MiB, where the machine's tables are; "
			       "link it higher",
			       name, (uint64_t)ph->p_paddr);
	return 0;
}

/* Whether @gpa lies in a part that was loaded from the file. */
static bool has_code(const struct elf *e, uint64_t gpa)
{
	for (unsigned i = 0; i < e->head.e_phnum; i++) {
		const Elf64_Phdr *ph = &e->ph[i];

		if (is_loaded(ph) && gpa >= ph->p_paddr &&
		    gpa - ph->p_paddr < ph->p_filesz)
			return true;
	}
	return false;
}

static uint64_t note_pad(uint64_t size, uint64_t align)
{
	return (size + align - 1) & ~(align - 1);
}

/* Read the entry point out of a note's @len bytes at @off. */
static int read_entry(const struct elf *e, uint64_t off, uint64_t len,
		      uint64_t *ret, struct err *err)
{
	uint64_t entry = 0; /* Linux writes 8 bytes, others 4 */
	int r = image_read(e->img, off, &entry, len < 8 ? 4 : 8, err);

	if (r < 0)
		return r;
	*ret = len < 4 ? 0 : entry;
	return 0;
}

static int check_entry(const struct elf *e, uint64_t entry, struct err *err)
{
	if (entry > UINT32_MAX || !has_code(e, entry))
		return err_say(err, EINVAL,
			       "'%s' is damaged: its PVH entry point 0x%" PRIx64
			       " is outside its segments; build it again",
			       e->img->name, entry);
	return 0;
}

/* Search one PT_NOTE segment: 1 and *@ret when it names the entry point. */
static int search_notes(const struct elf *e, const Elf64_Phdr *ph,
			uint64_t *ret, struct err *err)
{
	uint64_t left = ph->p_filesz;
	uint64_t off = ph->p_offset;
	uint64_t align = ph->p_align == 8 ? 8 : 4;

	if (left > MAX_NOTES_SIZE)
		left = MAX_NOTES_SIZE;
	while (left >= sizeof(Elf64_Nhdr)) {
		struct {
			Elf64_Nhdr head;
			char name[4];
		} n = { 0 };
		size_t want = left < sizeof(n) ? sizeof(n.head) : sizeof(n);
		int r = image_read(e->img, off, &n, want, err);
		if (r < 0)
			return r;

		uint64_t desc =
			note_pad(sizeof(n.head) + n.head.n_namesz, align);
		uint64_t next = desc + note_pad(n.head.n_descsz, align);
		if (desc > left || n.head.n_descsz > left - desc)
			return err_say(err, EINVAL,
				       "'%s' is damaged: a note is longer than "
				       "its segment; build it again",
				       e->img->name);
		if (n.head.n_type == NOTE_PHYS32_ENTRY &&
		    n.head.n_namesz == 4 && memcmp(n.name, "Xen", 4) == 0) {
			r = read_entry(e, off + desc, n.head.n_descsz, ret,
				       err);
			return r < 0 ? r : 1;
		}
		if (next > left)
			break;
		off += next;
		left -= next;
	}
	return 0;
}

static int find_pvh_entry(const struct elf *e, uint64_t *ret, struct err *err)
{
	for (unsigned i = 0; i < e->head.e_phnum; i++) {
		const Elf64_Phdr *ph = &e->ph[i];
		if (ph->p_type != PT_NOTE)
			continue;
		if (!image_has(e->img, ph->p_offset, ph->p_filesz))
			return truncated(e->img, "note segment", err);

		int r = search_notes(e, ph, ret, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return err_say(err, ENOEXEC,
		       "'%s' has no PVH note; build it with CONFIG_PVH=y or "
		       "give its bzImage",
		       e->img->name);
}

/*
 * What a bzImage would have said of itself: the same kernel takes the 64-bit
 * boot protocol at its ELF entry point.
 */
static void describe(const struct elf *e, struct kernel *k)
{
	k->long_entry = has_code(e, e->head.e_entry) ? e->head.e_entry : 0;
	k->initrd_end = UINT32_MAX;
	k->cmdline_max = LAYOUT_CMDLINE_MAX - 1;
	k->hdr = (struct setup_header){
		.boot_flag = 0xaa55,
		.header = 0x53726448, /* HdrS */
		.version = 0x20c,
		.loadflags = LOADED_HIGH,
	};
}

int elf_load(const struct image *img, const struct gmem *gm, struct kernel *ret,
	     struct err *err)
{
	struct elf e = { .img = img };
	struct kernel k = { 0 };
	int r = read_headers(&e, err);

	/* First what tells a kernel from any other program. */
	if (r == 0)
		r = find_pvh_entry(&e, &k.pvh_entry, err);
	for (unsigned i = 0; r == 0 && i < e.head.e_phnum; i++) {
		if (!is_loaded(&e.ph[i]))
			continue;
		r = check_segment(&e, i, err);
		if (k.end < e.ph[i].p_paddr + e.ph[i].p_memsz)
			k.end = e.ph[i].p_paddr + e.ph[i].p_memsz;
	}
	if (r == 0)
		r = check_entry(&e, k.pvh_entry, err);
	if (r == 0)
		r = kernel_fits(img, gm, k.end, err);
	for (unsigned i = 0; r == 0 && i < e.head.e_phnum; i++)
		if (is_loaded(&e.ph[i]))
			r = image_load(img, e.ph[i].p_offset, e.ph[i].p_filesz,
				       gm, e.ph[i].p_paddr, err);
	if (r < 0)
		return r;

	describe(&e, &k);
	*ret = k;
	return 0;
}
