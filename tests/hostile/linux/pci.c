/* SPDX-License-Identifier: Apache-2.0 */
/* pci.c - the virtio functions as user space finds and touches them. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

#define DEVICES	    "/sys/bus/pci/devices"
#define VIRTIO	    0x1af4UL
#define VIRTIO_BASE 0x1040UL

struct function function[FUNCTIONS_MAX];
unsigned nr_functions;

static unsigned long read_number(const char *name, const char *file)
{
	char path[256];
	char text[64] = "";

	(void)snprintf(path, sizeof(path), DEVICES "/%s/%s", name, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	return strtoul(text, NULL, 16);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	(void)close(fd);
}

volatile uint8_t *map_physical(uint64_t address, size_t size)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	void *at = fd < 0 ? MAP_FAILED
			  : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
				 fd, (off_t)address);

	if (fd >= 0)
		(void)close(fd);
	return at == MAP_FAILED ? NULL : at;
}

static volatile uint8_t *map_bar(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), DEVICES "/%s/resource0", name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	void *at =
		mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	return at == MAP_FAILED ? NULL : at;
}

static void add(const char *name)
{
	struct function *f = &function[nr_functions];

	if (nr_functions == FUNCTIONS_MAX ||
	    read_number(name, "vendor") != VIRTIO)
		return;
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	f->slot = (unsigned)strtoul(name + strlen("0000:00:"), NULL, 16);
	f->type = (unsigned)(read_number(name, "device") - VIRTIO_BASE);
	f->address = (uint32_t)read_number(name, "resource");
	/* Without a driver nobody else has switched it on. */
	char path[256];
	(void)snprintf(path, sizeof(path), DEVICES "/%s/enable", name);
	if (read_number(name, "enable") == 0)
		write_text(path, "1");
	f->bar = map_bar(name);
	f->config = map_physical(ECAM_AT + f->slot * ECAM_SLOT, 4096);
	if (!f->bar || !f->config)
		give_up("map a BAR or the ECAM");
	poke(f->config + 4, 2, 6);
	nr_functions++;
}

void find_functions(void)
{
	struct dirent **list;
	int n = scandir(DEVICES, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			add(list[i]->d_name);
		free(list[i]);
	}
}

void unbind(const struct function *f)
{
	write_text("/sys/bus/pci/drivers/virtio-pci/unbind", f->name);
	/* The driver switched it off; an attacker switches it on. */
	poke(f->config + 4, 2, 6);
}

struct function *of_type(unsigned type, unsigned nr)
{
	for (unsigned i = 0; i < nr_functions; i++)
		if (function[i].type == type && nr-- == 0)
			return &function[i];
	give_up("find a device");
}

uint64_t peek(const volatile uint8_t *at, unsigned size)
{
	uint64_t value = 0;

	/* By hand: a compiler may split an access that is not aligned. */
	switch (size) {
	case 1:
		__asm__ volatile("movb (%1), %b0" : "+q"(value) : "r"(at));
		break;
	case 2:
		__asm__ volatile("movw (%1), %w0" : "+r"(value) : "r"(at));
		break;
	case 4:
		__asm__ volatile("movl (%1), %k0" : "+r"(value) : "r"(at));
		break;
	default:
		__asm__ volatile("movq (%1), %0" : "+r"(value) : "r"(at));
		break;
	}
	return value;
}

void poke(volatile uint8_t *at, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		__asm__ volatile("movb %b0, (%1)"
				 :
				 : "q"(value), "r"(at)
				 : "memory");
		break;
	case 2:
		__asm__ volatile("movw %w0, (%1)"
				 :
				 : "r"(value), "r"(at)
				 : "memory");
		break;
	case 4:
		__asm__ volatile("movl %k0, (%1)"
				 :
				 : "r"(value), "r"(at)
				 : "memory");
		break;
	default:
		__asm__ volatile("movq %0, (%1)"
				 :
				 : "r"(value), "r"(at)
				 : "memory");
		break;
	}
}

uint64_t wild(void)
{
	static const uint64_t edge[] = {
		0,	    1,		2,	    3,		0xfff,
		0x1000,	    0xffff,	0x10000,    0xa0000,	0x100000,
		WINDOW_AT,  ECAM_AT,	0xfec00000, 0xfee00000, 0xfffffff0,
		0xffffffff, 1ULL << 32, 1ULL << 40, 1ULL << 52, 1ULL << 63,
		~0ULL,	    ~0ULL - 15, 0xc0000000, 0x0bfffff0,
	};
	uint64_t d = dice();

	switch (d % 4) {
	case 0:
		return dice();
	case 1:
		return dice() & 0xfffffff;
	default:
		return edge[(d >> 8) % (sizeof(edge) / sizeof(edge[0]))];
	}
}

uint64_t beyond_linux(uint64_t address)
{
	return address < LINUX_END ? LINUX_END + address : address;
}

void kick_all(const struct function *f)
{
	for (unsigned i = 0; i < 4; i++)
		poke(f->bar + BAR_NOTIFY + (size_t)4 * i, 2, i);
}
