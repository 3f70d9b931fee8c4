/* SPDX-License-Identifier: Apache-2.0 */
/* smp.c - every processor comes up by INIT and SIPI, with its own APIC id. */
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/irq.h"

#define CPUS 64

static uint64_t ids;
static unsigned up = 1;

void ap_main(unsigned number)
{
	(void)number;
	__atomic_fetch_or(&ids, UINT64_C(1) << (lapic_id() % CPUS),
			  __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
}

static unsigned expected(void)
{
	unsigned a = 1, b, c, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	return b >> 16 & 0xff;
}

void guest_main(const struct start_info *si)
{
	unsigned nr = expected();

	(void)si;
	ids = UINT64_C(1) << lapic_id();
	smp_start();
	while (__atomic_load_n(&up, __ATOMIC_SEQ_CST) < nr)
		__asm__ volatile("pause");
	put("up: ");
	put_dec(up);
	put("\n");
	check(ids == (nr == CPUS ? ~UINT64_C(0) : (UINT64_C(1) << nr) - 1));
	put("pass\n");
}
