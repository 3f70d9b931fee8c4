# SPDX-License-Identifier: Apache-2.0
#
# Monitors whose guest may make system calls in them: escape_gate.c.  With all
# stages of the jail, and without the last, to see what the others hold.

ESCAPE     := tests/hostile
GATE_WRAPS := power_init serial_init control_init raw_flush
TESTSRC    += $(ESCAPE)/escape_gate.c $(ESCAPE)/escape_guest.c \
	      $(ESCAPE)/escape_nofilter.c
wrap        = $(addprefix -Wl$(comma)--wrap=,$1)

$O/escape/monitor: $(call obj,$(ESCAPE)/escape_gate.c) \
	$(call obj,$(call sources,vmm/monitor)) \
	$(call layerlib,firmware devices core jail lib)
	@mkdir -p $(@D)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) $(call wrap,$(GATE_WRAPS)) \
		$(filter %.o %.a,$^) -lfdt -ljson-c -lcap-ng -lpthread -o $@

$O/escape/nofilter: $(call obj,$(ESCAPE)/escape_nofilter.c) $O/escape/monitor
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) \
		$(call wrap,$(GATE_WRAPS) jail_filter) \
		$(call obj,$(ESCAPE)/escape_nofilter.c \
			$(ESCAPE)/escape_gate.c $(call sources,vmm/monitor)) \
		$(call layerlib,firmware devices core jail lib) \
		-lfdt -ljson-c -lcap-ng -lpthread -o $@

$O/escape/guest.o: $(ESCAPE)/escape_guest.c
	@mkdir -p $(@D)
	@echo '  GUEST $<'
	@$(CC) $(CSTD) $(WARN) $(GUESTFLAGS) -MMD -MP -c $< -o $@

$O/guest/escape.elf: $O/escape/guest.o $O/guest/lib/start.o \
		$(patsubst $(GUESTDIR)/lib/%.c,$O/guest/lib/%.o,$(GUESTLIB)) \
		$(GUESTDIR)/lib/link.ld
	@echo '  LD    $@'
	@$(CC) $(GUESTFLAGS) -Wl,-T,$(GUESTDIR)/lib/link.ld \
		-Wl,--build-id=none,-z,noexecstack,-z,max-page-size=4096 \
		$(filter %.o,$^) -o $@

escape: $O/escape/monitor $O/escape/nofilter $O/guest/escape.elf

.PHONY: escape
