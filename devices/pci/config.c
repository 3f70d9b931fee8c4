/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - a function's registers: built from capabilities and BARs, and
 * written by the guest through masks.  What they decode is decode.c's.
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

void pci_put16(struct pci_dev *dev, unsigned reg, uint16_t value)
{
	put16(dev->config + reg, value);
}

void pci_put8(struct pci_dev *dev, unsigned reg, uint8_t value)
{
	dev->config[reg] = value;
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

static unsigned bar_register(unsigned nr)
{
	return nr == PCI_ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * nr;
}

/* The bits of BAR @nr's register that are no address. */
static uint32_t low_bits(unsigned nr, uint32_t bits)
{
	if (nr == PCI_ROM)
		return ~(uint32_t)PCI_ROM_ADDRESS_MASK;
	return bits & PCI_BASE_ADDRESS_SPACE_IO
		       ? ~(uint32_t)PCI_BASE_ADDRESS_IO_MASK
		       : ~(uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
}

bool pci_bar_is_io(const struct pci_bar *bar)
{
	return bar->bits & PCI_BASE_ADDRESS_SPACE_IO;
}

static void check_bar(unsigned nr, uint64_t size, uint32_t bits)
{
	bool io = bits & PCI_BASE_ADDRESS_SPACE_IO;
	bool is64 = bits & PCI_BASE_ADDRESS_MEM_TYPE_64;

	assert(nr < PCI_REGIONS && (size & (size - 1)) == 0);
	assert(nr != PCI_ROM || bits == 0);
	assert(!is64 || (!io && nr + 1 < PCI_BARS));
	assert(size > low_bits(nr, bits));
	assert(is64 || size <= UINT32_C(1) << 31);
}

void pci_dev_bar(struct pci_dev *dev, unsigned nr, uint64_t size, uint32_t bits)
{
	unsigned reg = bar_register(nr);
	uint64_t mask = ~(size - 1);
	bool is64 = bits & PCI_BASE_ADDRESS_MEM_TYPE_64;

	check_bar(nr, size, bits);
	dev->bar[nr] = (struct pci_bar){
		.dev = dev,
		.size = size,
		.bits = bits,
		.is64 = is64,
	};
	uint32_t enable = nr == PCI_ROM ? PCI_ROM_ADDRESS_ENABLE : 0;
	le32_t low = le32_make((uint32_t)mask | enable);
	memcpy(dev->writable + reg, &low, sizeof(low));
	dev->initial[reg] = (unsigned char)bits;
	if (bits & PCI_BASE_ADDRESS_SPACE_IO)
		dev->writable[PCI_COMMAND] |= PCI_COMMAND_IO;
	if (!is64)
		return;
	le32_t high = le32_make((uint32_t)(mask >> 32));
	memcpy(dev->writable + reg + 4, &high, sizeof(high));
}

void pci_dev_pin(struct pci_dev *dev, unsigned pin)
{
	assert(pin >= 1 && pin <= 4);
	dev->initial[PCI_INTERRUPT_PIN] = (unsigned char)pin;
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
	const struct pci_bar *bar = &dev->bar[nr];
	unsigned reg = bar_register(nr);
	uint64_t addr = pci_get32(dev, reg) & ~low_bits(nr, bar->bits);

	if (bar->is64)
		addr |= (uint64_t)pci_get32(dev, reg + 4) << 32;
	return addr;
}

void pci_bar_set_address(struct pci_dev *dev, unsigned nr, uint64_t addr)
{
	const struct pci_bar *bar = &dev->bar[nr];
	unsigned reg = bar_register(nr);
	uint32_t low = pci_get32(dev, reg) & low_bits(nr, bar->bits);

	pci_put32(dev, reg, (uint32_t)addr | low);
	if (bar->is64)
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
