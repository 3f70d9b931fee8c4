# SPDX-License-Identifier: Apache-2.0
#
# Payload guests: freestanding ELF files that run in ring 0 of our monitor.

GUESTDIR   := tests/guest
GUESTLIB   := $(call sources,$(GUESTDIR)/lib)
GUESTSRC   := $(call sources,$(GUESTDIR))
GUESTS     := $(patsubst $(GUESTDIR)/%.c,$O/guest/%.elf,$(GUESTSRC))
GUESTFLAGS := -m64 -Os -ffreestanding -nostdlib -static -no-pie -fno-pic \
	      -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	      -fcf-protection=none -fno-asynchronous-unwind-tables \
	      -fno-tree-loop-distribute-patterns -Wno-main
TESTSRC    += $(GUESTSRC) $(GUESTLIB)

$O/guest/lib/start.o: $(GUESTDIR)/lib/start.S
	@mkdir -p $(@D)
	@echo '  GUEST $<'
	@$(CC) $(GUESTFLAGS) -c $< -o $@

# $1: directory of guests, $2: of their ELF files below $O, $3: objects that
# each of them has beside the library.
define guest_rule
$O/$2/%.o: $1/%.c
	@mkdir -p $$(@D)
	@echo '  GUEST $$<'
	@$$(CC) $$(CSTD) $$(WARN) $$(GUESTFLAGS) -MMD -MP -c $$< -o $$@

$O/$2/%.elf: $O/$2/%.o $O/guest/lib/start.o \
		$$(patsubst $(GUESTDIR)/lib/%.c,$O/guest/lib/%.o,$(GUESTLIB)) \
		$3 $(GUESTDIR)/lib/link.ld
	@echo '  LD    $$@'
	@$$(CC) $$(GUESTFLAGS) -Wl,-T,$(GUESTDIR)/lib/link.ld \
		-Wl,--build-id=none,-z,noexecstack,-z,max-page-size=4096 \
		$$(filter %.o,$$^) -o $$@
endef
$(eval $(call guest_rule,$(GUESTDIR),guest))

guests: $(GUESTS)
testprogs: guests

payload: guests $O/belljar-monitor
	@BELLJAR_BUILD=$O $(GUESTDIR)/run.sh

.PHONY: guests payload
