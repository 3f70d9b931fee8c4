/* SPDX-License-Identifier: Apache-2.0 */
/* fw.c - pretend RAM and pretend kernel files. */
#include "tests/harness/fw.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/lib/io.h"

void fw_init(struct fw *fw, uint64_t mib)
{
	const struct gmem_config ram = { .size = mib << 20 };

	*fw = (struct fw){ 0 };
	assert_int_equal(gmem_init(&fw->gm, &ram, &fw->err), 0);
	fw->m = (struct machine){
		.gm = &fw->gm,
		.cpus = 1,
		.hw = MACHINE_ACPI,
		.cmdline = "quiet",
		.nr_roots = 1,
		.root[0] = {
			.node = -1,
			.mmio32 = { LAYOUT_MMIO32,
				    LAYOUT_MMIO32_END - LAYOUT_MMIO32 },
			.mmio64 = { gmem_end(&fw->gm), UINT64_C(1) << 34 },
		},
	};
}

void fw_done(struct fw *fw)
{
	gmem_done(&fw->gm);
}

static struct image from_memfd(int fd, const char *name)
{
	struct image img = { 0 };
	struct err err = { 0 };

	assert_int_equal(image_open(fd, name, &img, &err), 0);
	(void)close(fd);
	return img;
}

struct image fw_image(const void *bytes, size_t len, const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, bytes, len), 0);
	return from_memfd(fd, name);
}

struct image fw_hole(uint64_t size, const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return from_memfd(fd, name);
}

struct fw_elf fw_elf(void)
{
	struct fw_elf e = {
		.head = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = FW_LONG_ENTRY,
			.e_phoff = offsetof(struct fw_elf, load),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
		.load = {
			.p_type = PT_LOAD,
			.p_offset = offsetof(struct fw_elf, code),
			.p_paddr = FW_KERNEL_AT,
			.p_filesz = sizeof(e.code),
			.p_memsz = FW_KERNEL_SIZE,
		},
		.notes = {
			.p_type = PT_NOTE,
			.p_offset = offsetof(struct fw_elf, note),
			.p_filesz = sizeof(e.note),
			.p_align = 4,
		},
		.note = {
			.head = { .n_namesz = 4, .n_descsz = 8, .n_type = 18 },
			.name = "Xen",
			.entry = FW_ENTRY,
		},
	};

	for (unsigned i = 0; i < sizeof(e.code); i++)
		e.code[i] = (unsigned char)(i ^ 0x5a);
	return e;
}

int fw_load(struct fw *fw, const void *bytes, size_t len, struct boot *ret)
{
	struct image img = fw_image(bytes, len, "kernel");
	int r = firmware_load(&fw->m, &img, NULL, 0, ret, &fw->err);

	image_done(&img);
	return r;
}

void fw_refuses(struct fw *fw, const void *bytes, size_t len, int code,
		const char *text)
{
	static const struct boot untouched = { .rip = 0xdead };
	struct boot boot = untouched;

	fw->err = (struct err){ 0 };
	int r = fw_load(fw, bytes, len, &boot);
	if (r != -code || !strstr(fw->err.msg, text) ||
	    !strstr(fw->err.msg, "kernel"))
		fail_msg("%d, \"%s\": expected %d, \"%s\"", r, fw->err.msg,
			 -code, text);
	assert_memory_equal(&boot, &untouched, sizeof(boot));
}

int fw_run_tool(const char *const argv[])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		char *args[8] = { NULL };

		for (unsigned i = 0; i < 7 && argv[i]; i++)
			args[i] = strdup(argv[i]);
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)execvp(args[0], args);
		_exit(127);
	}

	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
