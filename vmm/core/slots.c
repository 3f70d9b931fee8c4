/* SPDX-License-Identifier: Apache-2.0 */
/* slots.c - one table of the memory that KVM shows to the guest. */
#include "vmm/core/slots.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "vmm/core/kvm.h"

#define PAGE UINT64_C(4096)

int slots_init(struct slots *s, int vm_fd, struct err *err)
{
	int max = SLOTS_MAX;

	*s = (struct slots){ .vm_fd = vm_fd };
	if (vm_fd >= 0)
		max = kvm_ioctl_val(vm_fd, KVM_CHECK_EXTENSION,
				    KVM_CAP_NR_MEMSLOTS, err);
	if (max < 0)
		return max;
	if (max > SLOTS_MAX)
		max = SLOTS_MAX;
	/* A KVM that does not say how many has 32 at least. */
	if (max == 0)
		max = 32;

	s->max = (unsigned)max;
	(void)pthread_mutex_init(&s->lock, NULL);
	return 0;
}

void slots_done(struct slots *s)
{
	if (s->max == 0)
		return;
	(void)pthread_mutex_destroy(&s->lock);
	free(s->slot);
	*s = (struct slots){ .vm_fd = -1 };
}

static bool overlap(const struct slot *slot, gpa_t gpa, uint64_t size)
{
	return slot->gpa < gpa ? gpa - slot->gpa < slot->size
			       : slot->gpa - gpa < size;
}

/* One slot more.  Few VMs have more than a handful. */
static int grow(struct slots *s, struct err *err)
{
	if (s->nr == s->max)
		return err_say(err, ENOSPC,
			       "no memory slot is left: KVM on this host has "
			       "%u of them; give the VM fewer devices",
			       s->max);
	struct slot *slot = reallocarray(s->slot, s->nr + 1, sizeof(*slot));
	if (!slot)
		return err_set(err, ENOMEM, "make a memory slot");
	s->slot = slot;
	s->slot[s->nr++] = (struct slot){ 0 };
	return 0;
}

/* A free slot for [@gpa, @gpa + @size).  s->lock is held. */
static int choose(struct slots *s, gpa_t gpa, uint64_t size, unsigned *ret,
		  struct err *err)
{
	unsigned id = s->nr;

	for (unsigned i = s->nr; i-- > 0;) {
		const struct slot *slot = &s->slot[i];

		if (slot->size == 0)
			id = i;
		else if (overlap(slot, gpa, size))
			return err_say(err, EEXIST,
				       "guest memory at 0x%" PRIx64
				       " is taken already",
				       gpa);
	}
	int r = id == s->nr ? grow(s, err) : 0;
	if (r == 0)
		*ret = id;
	return r;
}

static int map(const struct slots *s, unsigned id, const struct slot *slot,
	       struct err *err)
{
	if (s->vm_fd < 0)
		return 0;
	return kvm_map(s->vm_fd, id, slot->gpa, slot->size, slot->host,
		       slot->flags, err);
}

int slots_add(struct slots *s, gpa_t gpa, uint64_t size, void *host,
	      uint32_t flags, unsigned *ret_id, struct err *err)
{
	const struct slot slot = { gpa, size, host, flags };
	unsigned id = 0;

	if (size == 0 || size - 1 > UINT64_MAX - gpa ||
	    ((gpa | size | (uintptr_t)host) & (PAGE - 1)))
		return err_say(err, EINVAL,
			       "guest memory of 0x%" PRIx64
			       " bytes at 0x%" PRIx64 " is not whole pages",
			       size, gpa);
	(void)pthread_mutex_lock(&s->lock);
	int r = choose(s, gpa, size, &id, err);
	if (r == 0)
		r = map(s, id, &slot, err);
	if (r == 0)
		s->slot[id] = slot;
	(void)pthread_mutex_unlock(&s->lock);
	if (r == 0)
		*ret_id = id;
	return r;
}

int slots_remove(struct slots *s, unsigned id)
{
	(void)pthread_mutex_lock(&s->lock);
	assert(id < s->nr && s->slot[id].size > 0);
	struct slot none = s->slot[id];
	none.size = 0;
	int r = map(s, id, &none, NULL);
	if (r == 0)
		s->slot[id] = (struct slot){ 0 };
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}
