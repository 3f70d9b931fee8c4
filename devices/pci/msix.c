/* SPDX-License-Identifier: Apache-2.0 */
/* msix.c - the MSI-X table and pending bits of one function. */
#include "devices/pci/msix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/le.h"

int msix_init(struct msix *msix, struct irqchip *chip, unsigned nr, bool lazy,
	      struct err *err)
{
	*msix = (struct msix){ .chip = chip };
	(void)pthread_mutex_init(&msix->lock, NULL);
	if (nr > MSIX_VECTORS_MAX)
		return err_say(err, ENOSPC, "more than %d MSI-X vectors",
			       MSIX_VECTORS_MAX);
	msix->vector = calloc(nr, sizeof(msix->vector[0]));
	if (!msix->vector)
		return err_set(err, ENOMEM, "allocate MSI-X vectors");

	for (unsigned i = 0; i < nr; i++) {
		struct msix_vector *v = &msix->vector[i];

		v->masked = true;
		v->irq = (struct irq){ .fd = -1, .resample_fd = -1 };
		int r = lazy ? 0 : irq_open_msi(&v->irq, chip, err);
		if (r < 0) {
			msix_done(msix);
			return r;
		}
		msix->nr++;
	}
	return 0;
}

void msix_done(struct msix *msix)
{
	for (unsigned i = 0; i < msix->nr; i++)
		irq_close(&msix->vector[i].irq);
	free(msix->vector);
	msix->vector = NULL;
	msix->nr = 0;
	(void)pthread_mutex_destroy(&msix->lock);
}

/* Caller holds the lock. */
static void apply(struct msix *msix, unsigned nr)
{
	struct msix_vector *v = &msix->vector[nr];
	bool masked = v->masked || msix->all_masked || !msix->enabled;
	bool opened = false;

	if (v->irq.fd < 0) {
		/* Out of descriptors or routes, it stays silent. */
		if (masked || irq_open_msi(&v->irq, msix->chip, NULL) < 0)
			return;
		opened = true;
	}
	/* An address KVM refuses leaves the vector silent: the guest's loss. */
	(void)irq_set_msi(&v->irq, (uint64_t)v->addr_hi << 32 | v->addr_lo,
			  v->data, masked);
	if (opened && msix->opened)
		msix->opened(msix, nr);
}

void msix_control(struct msix *msix, bool enabled, bool all_masked)
{
	(void)pthread_mutex_lock(&msix->lock);
	if (msix->enabled != enabled || msix->all_masked != all_masked) {
		__atomic_store_n(&msix->enabled, enabled, __ATOMIC_RELAXED);
		msix->all_masked = all_masked;
		for (unsigned i = 0; i < msix->nr; i++)
			apply(msix, i);
	}
	(void)pthread_mutex_unlock(&msix->lock);
}

static bool whole_words(uint64_t off, unsigned len, uint64_t size)
{
	return (len == 4 || len == 8) && off % len == 0 && off < size &&
	       len <= size - off;
}

static uint32_t read_word(const struct msix_vector *v, unsigned word)
{
	switch (word) {
	case 0:
		return v->addr_lo;
	case 1:
		return v->addr_hi;
	case 2:
		return v->data;
	default:
		return v->masked;
	}
}

void msix_table_read(struct msix *msix, uint64_t off, void *data, unsigned len)
{
	memset(data, 0, len);
	if (!whole_words(off, len, (uint64_t)msix->nr * MSIX_ENTRY_SIZE))
		return;

	const struct msix_vector *v = &msix->vector[off / MSIX_ENTRY_SIZE];
	(void)pthread_mutex_lock(&msix->lock);
	for (unsigned i = 0; i < len; i += 4) {
		unsigned word = (unsigned)(off + i) % MSIX_ENTRY_SIZE / 4;
		le32_t value = le32_make(read_word(v, word));

		memcpy((char *)data + i, &value, sizeof(value));
	}
	(void)pthread_mutex_unlock(&msix->lock);
}

static void write_word(struct msix_vector *v, unsigned word, uint32_t value)
{
	switch (word) {
	case 0:
		v->addr_lo = value;
		break;
	case 1:
		v->addr_hi = value;
		break;
	case 2:
		v->data = value;
		break;
	default:
		v->masked = value & 1;
	}
}

void msix_table_write(struct msix *msix, uint64_t off, const void *data,
		      unsigned len)
{
	if (!whole_words(off, len, (uint64_t)msix->nr * MSIX_ENTRY_SIZE))
		return;

	struct msix_vector *v = &msix->vector[off / MSIX_ENTRY_SIZE];
	(void)pthread_mutex_lock(&msix->lock);
	for (unsigned i = 0; i < len; i += 4) {
		unsigned word = (unsigned)(off + i) % MSIX_ENTRY_SIZE / 4;
		le32_t value;

		memcpy(&value, (const char *)data + i, sizeof(value));
		write_word(v, word, le32_get(value));
	}
	apply(msix, (unsigned)(off / MSIX_ENTRY_SIZE));
	(void)pthread_mutex_unlock(&msix->lock);
}

void msix_pba_read(struct msix *msix, uint64_t off, void *data, unsigned len)
{
	uint64_t pending = 0;

	memset(data, 0, len);
	if (!whole_words(off, len, msix_pba_size(msix->nr)))
		return;

	unsigned first = (unsigned)(off / 8) * 64;
	(void)pthread_mutex_lock(&msix->lock);
	for (unsigned i = 0; i < 64 && first + i < msix->nr; i++)
		if (irq_pending(&msix->vector[first + i].irq))
			pending |= UINT64_C(1) << i;
	(void)pthread_mutex_unlock(&msix->lock);
	le64_t value = le64_make(pending >> (8 * (off % 8)));
	memcpy(data, &value, len);
}

void msix_raise(struct msix *msix, unsigned nr)
{
	/* Disabled is not masked: such a message is lost, not pending. */
	if (nr < msix->nr && __atomic_load_n(&msix->enabled, __ATOMIC_RELAXED))
		irq_raise(&msix->vector[nr].irq);
}
