/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edu.h - QEMU's educational device (docs/specs/edu.txt): a factorial unit, a
 * DMA engine with a buffer of 4 KiB, and an interrupt that is raised on demand.
 */
#ifndef TESTS_GUEST_LIB_EDU_H
#define TESTS_GUEST_LIB_EDU_H

#include "tests/guest/lib/guest.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8
#define EDU_ID	   0x010000ed

#define EDU_REG_ID	  0x00
#define EDU_REG_INVERT	  0x04
#define EDU_REG_FACTORIAL 0x08
#define EDU_REG_STATUS	  0x20
#define EDU_REG_IRQ	  0x24
#define EDU_REG_RAISE	  0x60
#define EDU_REG_ACK	  0x64
#define EDU_REG_SRC	  0x80
#define EDU_REG_DST	  0x88
#define EDU_REG_COUNT	  0x90
#define EDU_REG_DMA	  0x98

#define EDU_BUSY    1 /* STATUS: computing; DMA: to start, and under way */
#define EDU_FROM    2 /* DMA: from the device to memory */
#define EDU_DMA_IRQ 4 /* DMA: interrupt when it is done */

#define EDU_BUFFER 0x40000 /* an address of the device, not of memory */
#define EDU_SIZE   4088 /* of 4096: QEMU 7.2 ends itself at the last byte */

struct edu {
	unsigned slot;
	uint64_t regs;
};

/* The first edu, its memory BAR and its DMA switched on; false without one. */
bool edu_find(struct edu *ret);
uint32_t edu_factorial(const struct edu *edu, uint32_t n);
/*
 * Move @len bytes between memory at @addr and the start of the device's buffer.
 * Whether the bytes came to lie there the device does not say.  Takes 0.1 s.
 */
void edu_put(const struct edu *edu, uint64_t addr, uint32_t len);
void edu_get(const struct edu *edu, uint64_t addr, uint32_t len);
/* Start one and do not wait; @flags: EDU_FROM, EDU_DMA_IRQ. */
void edu_dma(const struct edu *edu, uint64_t addr, uint32_t len,
	     uint32_t flags);
void edu_dma_wait(const struct edu *edu);

#endif
