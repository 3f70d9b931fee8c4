/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - a function's registers: built from capabilities and BARs, and
 * written by the guest through masks.  Placing BARs is host.c's.
 */
#include "devices/pci/config.h"

#include <assert.h>
#include <string.h>

#include "vmm/lib/le.h"

static void put16(unsigned char *at, uint16_t v)
{
	le16_t le = le16_make(v);

	memcpy(at, &le, sizeof(le));
}

uint32_t pci_get32(const struct pci_dev *dev, unsigned reg)
{
	le32_t v;

	memcpy(&v, dev->config + reg, sizeof(v));
	return le32_get(v);
}

uint16_t pci_get16(const struct pci_dev *dev, unsigned reg)
{
	le16_t v;

	memcpy(&v, dev->config + reg, sizeof(v));
	return le16_get(v);
}

void pci_put32(struct pci_dev *dev, unsigned reg, uint32_t value)
{
	/*
	 * One store: vCPUs read this page without us, and must not see half a
	 * register.  Nothing is published by it, so no order is needed.
	 */
	__atomic_store_n((uint32_t *)(void *)(dev->config + reg),
			 htole32(value), __ATOMIC_RELAXED);
}

void pci_dev_init(struct pci_dev *dev, const struct pci_ops *ops,
		  const struct pci_ids *ids)
{
	*dev = (struct pci_dev){ .ops = ops };
	dev->config = dev->initial;
	dev->next_cap = PCI_STD_HEADER_SIZEOF;

	unsigned char *c = dev->initial;
	put16(c + PCI_VENDOR_ID, ids->vendor);
	put16(c + PCI_DEVICE_ID, ids->device);
	pci_put32(dev, PCI_CLASS_REVISION,
		  ids->class_code << 8 | ids->revision);
	put16(c + PCI_SUBSYSTEM_VENDOR_ID, ids->subsystem_vendor);
	put16(c + PCI_SUBSYSTEM_ID, ids->subsystem);

	put16(dev->writable + PCI_COMMAND, PCI_COMMAND_MEMORY |
						   PCI_COMMAND_MASTER |
						   PCI_COMMAND_INTX_DISABLE);
	dev->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	dev->writable[PCI_INTERRUPT_LINE] = 0xff;
}

void pci_dev_bar(struct pci_dev *dev, unsigned nr, uint64_t size, bool is64)
{
	unsigned reg = PCI_BASE_ADDRESS_0 + 4 * nr;
	uint64_t mask = ~(size - 1);

	assert(nr < PCI_BARS && (!is64 || nr + 1 < PCI_BARS));
	assert(size >= 4096 && (size & (size - 1)) == 0);

	dev->bar[nr] = (struct pci_bar){
		.dev = dev,
		.size = size,
		.is64 = is64,
	};
	le32_t low = le32_make((uint32_t)mask);
	memcpy(dev->writable + reg, &low, sizeof(low));
	if (!is64)
		return;
	dev->initial[reg] = PCI_BASE_ADDRESS_MEM_TYPE_64;
	le32_t high = le32_make((uint32_t)(mask >> 32));
	memcpy(dev->writable + reg + 4, &high, sizeof(high));
}

unsigned pci_dev_cap(struct pci_dev *dev, uint8_t id, const void *cap,
		     unsigned len, const void *writable)
{
	unsigned at = dev->next_cap;

	assert(len >= 4 && len % 4 == 0 && at + len <= 0xfc);
	memcpy(dev->initial + at, cap, len);
	if (writable)
		memcpy(dev->writable + at, writable, len);
	dev->initial[at] = id;
	dev->initial[at + 1] = 0;

	if (dev->last_cap)
		dev->initial[dev->last_cap + 1] = (uint8_t)at;
	else
		dev->initial[PCI_CAPABILITY_LIST] = (uint8_t)at;
	dev->initial[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	dev->last_cap = (uint8_t)at;
	dev->next_cap = (uint8_t)(at + len);
	return at;
}

uint64_t pci_bar_address(const struct pci_dev *dev, unsigned nr)
{
	unsigned reg = PCI_BASE_ADDRESS_0 + 4 * nr;
	uint64_t addr = pci_get32(dev, reg) & ~UINT32_C(0xf);

	if (dev->bar[nr].is64)
		addr |= (uint64_t)pci_get32(dev, reg + 4) << 32;
	return addr;
}

void pci_bar_set_address(struct pci_dev *dev, unsigned nr, uint64_t addr)
{
	unsigned reg = PCI_BASE_ADDRESS_0 + 4 * nr;

	pci_put32(dev, reg,
		  (uint32_t)addr | (pci_get32(dev, reg) & UINT32_C(0xf)));
	if (dev->bar[nr].is64)
		pci_put32(dev, reg + 4, (uint32_t)(addr >> 32));
}

/* Bytes [reg, reg + len) lie in one aligned word. */
static bool write_word(struct pci_dev *dev, unsigned reg,
		       const unsigned char *data, unsigned len)
{
	unsigned word = reg & ~3U;
	unsigned char bytes[4];
	le32_t v;

	memcpy(bytes, dev->config + word, 4);
	for (unsigned i = 0; i < len; i++) {
		unsigned char m = dev->writable[reg + i];
		unsigned char *b = &bytes[(reg & 3) + i];

		*b = (unsigned char)((*b & ~m) | (data[i] & m));
	}
	if (memcmp(bytes, dev->config + word, 4) == 0)
		return false;
	memcpy(&v, bytes, sizeof(v));
	pci_put32(dev, word, le32_get(v));
	return true;
}

bool pci_config_write(struct pci_dev *dev, unsigned reg, const void *data,
		      unsigned len)
{
	const unsigned char *bytes = data;
	bool changed = false;

	/* What lies beyond is read-only zero. */
	if (reg >= PCI_CONFIG_SIZE)
		return false;
	if (len > PCI_CONFIG_SIZE - reg)
		len = PCI_CONFIG_SIZE - reg;

	while (len > 0) {
		unsigned n = 4 - (reg & 3);

		if (n > len)
			n = len;
		changed |= write_word(dev, reg, bytes, n);
		reg += n;
		bytes += n;
		len -= n;
	}
	return changed;
}
