/* SPDX-License-Identifier: Apache-2.0 */
/* kvm_stats.c - the file behind KVM_GET_STATS_FD. */
#include "vmm/core/kvm_stats.h"

#include <linux/kvm.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

/* No kernel comes near these; a file that exceeds them is not understood. */
#define DESC_MAX  1024U
#define NAME_MAX_ 256U
#define SPAN_MAX  8192U

/* Names of x86's KVM (arch/x86/kvm/x86.c); others have some of them. */
static const char *const names[KVM_STATS_FIGURES] = {
	"kvm_exits",	      "kvm_io_exits",	"kvm_mmio_exits",
	"kvm_halt_exits",     "kvm_irq_exits",	"kvm_signal_exits",
	"kvm_irq_injections", "kvm_hypercalls", "kvm_insn_emulation",
};

#define PREFIX (sizeof("kvm_") - 1)

void kvm_stats_init(struct kvm_stats *s)
{
	*s = (struct kvm_stats){ .fd = -1 };
	memset(s->place, 0xff, sizeof(s->place));
}

void kvm_stats_close(struct kvm_stats *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	kvm_stats_init(s);
}

/* The description @d, whose name ends within it, of @h's file. */
static void note(struct kvm_stats *s, const struct kvm_stats_desc *d)
{
	/* A figure that is not one number of 64 bits is none of ours. */
	if (d->size != 1 || d->offset > SPAN_MAX - sizeof(uint64_t))
		return;
	for (unsigned i = 0; i < KVM_STATS_FIGURES; i++)
		if (strcmp(d->name, names[i] + PREFIX) == 0)
			s->place[i] = d->offset;
}

static int read_all(struct kvm_stats *s)
{
	struct kvm_stats_header h;

	if (io_pread_full(s->fd, &h, sizeof(h), 0) != sizeof(h) ||
	    h.num_desc > DESC_MAX || h.name_size < 1 || h.name_size > NAME_MAX_)
		return -1;

	size_t each = sizeof(struct kvm_stats_desc) + h.name_size;
	AUTO_FREE char *all = malloc(each * h.num_desc + 1);
	AUTO_FREE struct kvm_stats_desc *d = malloc(each);
	if (!all || !d ||
	    io_pread_full(s->fd, all, each * h.num_desc, h.desc_offset) !=
		    (ssize_t)(each * h.num_desc))
		return -1;
	for (unsigned i = 0; i < h.num_desc; i++) {
		memcpy(d, all + i * each, each);
		((char *)d)[each - 1] = '\0';
		note(s, d);
	}
	s->at = h.data_offset;
	return 0;
}

/* From the first of ours to the last; places count from there. */
static void span(struct kvm_stats *s)
{
	uint32_t first = UINT32_MAX, last = 0;

	for (unsigned i = 0; i < KVM_STATS_FIGURES; i++) {
		if (s->place[i] == UINT32_MAX)
			continue;
		first = s->place[i] < first ? s->place[i] : first;
		last = s->place[i] > last ? s->place[i] : last;
	}
	if (first == UINT32_MAX)
		return;
	for (unsigned i = 0; i < KVM_STATS_FIGURES; i++)
		if (s->place[i] != UINT32_MAX)
			s->place[i] -= first;
	s->at += first;
	s->len = last - first + (uint32_t)sizeof(uint64_t);
}

void kvm_stats_use(struct kvm_stats *s, int fd)
{
	kvm_stats_init(s);
	s->fd = fd;
	if (fd >= 0 && read_all(s) == 0)
		span(s);
	if (s->len == 0)
		kvm_stats_close(s);
}

void kvm_stats_open(struct kvm_stats *s, int vcpu_fd)
{
	kvm_stats_use(s, ioctl(vcpu_fd, KVM_GET_STATS_FD, 0));
}

void kvm_stats_tell(const struct kvm_stats *s,
		    void (*figure)(void *arg, const char *name, uint64_t value),
		    void *arg)
{
	char buf[SPAN_MAX];
	struct iovec iov = { buf, s->len };

	if (s->fd < 0 || preadv2(s->fd, &iov, 1, s->at, 0) != (ssize_t)s->len)
		return;
	for (unsigned i = 0; i < KVM_STATS_FIGURES; i++) {
		uint64_t v;

		if (s->place[i] == UINT32_MAX)
			continue;
		memcpy(&v, buf + s->place[i], sizeof(v));
		figure(arg, names[i], v);
	}
}
