/* SPDX-License-Identifier: Apache-2.0 */
/*
 * end.c - a guest that kills itself, in the way its command line says, with
 * requests under way on the last of its devices: their rings are in one place.
 */
#include "tests/hostile/lib/target.h"

static const char *word;

static bool is(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return memcmp(word, s, n + 1) == 0;
}

static void requests_everywhere(void)
{
	for (unsigned t = 0; t < nr_devices; t++) {
		target_use(&targets[t]);
		target_works();
		for (uint16_t d = 0; d < QUEUE_SIZE; d++) {
			queue_desc(victim, d, (void *)SCRATCH, 4096,
				   target->writes ? VRING_DESC_F_WRITE : 0, 0);
			queue_offer(victim, d);
		}
		queue_kick(victim);
	}
}

static void triple_fault(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

/* Code where there is no memory: KVM has nothing to run. */
static void run_in_the_hole(void)
{
	void (*nowhere)(void) = (void (*)(void))LAYOUT_LOW_RAM_END;

	nowhere();
}

void guest_main(const struct start_info *si)
{
	word = (const char *)si->cmdline;
	attack_begin(si);
	requests_everywhere();
	if (is("power-off"))
		power_off();
	else if (is("reset"))
		reset();
	else if (is("triple-fault"))
		triple_fault();
	else if (is("hole"))
		run_in_the_hole();
	else if (is("halt"))
		__asm__ volatile("cli; hlt");
	else if (is("spin"))
		for (;;)
			__asm__ volatile("" : : : "memory");
	check(false);
}
