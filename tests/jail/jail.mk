# SPDX-License-Identifier: Apache-2.0
#
# Monitors whose guest may make system calls in them: gate.c.  With all
# stages of the jail, and without the last, to see what the others hold.

JAILDIR    := tests/jail
GATE_WRAPS := power_init serial_init control_init blk_flush
wrap        = $(addprefix -Wl$(comma)--wrap=,$1)

$O/escape/monitor: $(call obj,$(JAILDIR)/gate.c) \
	$(call obj,$(call sources,vmm/monitor)) \
	$(call layerlib,firmware devices core jail lib)
	@mkdir -p $(@D)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) $(call wrap,$(GATE_WRAPS)) \
		$(filter %.o %.a,$^) -lfdt -ljson-c -lcap-ng -l:liburing.a -lpthread -o $@

$O/escape/nofilter: $(call obj,$(JAILDIR)/nofilter.c) $O/escape/monitor
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) \
		$(call wrap,$(GATE_WRAPS) jail_filter) \
		$(call obj,$(JAILDIR)/nofilter.c \
			$(JAILDIR)/gate.c $(call sources,vmm/monitor)) \
		$(call layerlib,firmware devices core jail lib) \
		-lfdt -ljson-c -lcap-ng -l:liburing.a -lpthread -o $@

$(eval $(call guest_rule,$(JAILDIR),escape))

# Companions whose filters tell instead of killing: recorder.c.
$O/escape/lib/belljar-monitor: $(call obj,$(JAILDIR)/recorder.c) \
	$(call obj,$(call sources,vmm/monitor)) \
	$(call layerlib,firmware devices core jail lib)
$O/escape/lib/belljar-net: $(call obj,$(JAILDIR)/recorder.c) \
	$(call obj,vmm/net/main.c) $(call layerlib,net jail lib)
$O/escape/lib/belljar-switch: $(call obj,$(JAILDIR)/recorder.c) \
	$(call obj,vmm/switch/main.c) $(call layerlib,switch net jail lib)
$O/escape/lib/%:
	@mkdir -p $(@D)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) $(call wrap,jail_filter) \
		$(filter %.o %.a,$^) -lfdt -ljson-c -lslirp -lresolv -lcap-ng \
		-l:liburing.a -lpthread -o $@

# What the filters' rows are: rows.sh compares them with what is called.
$O/escape/rows: $O/tests/jail/rows.o
	@mkdir -p $(@D)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $< -o $@

jailprogs: $(addprefix $O/escape/lib/belljar-,monitor net switch)
jailprogs: $O/escape/monitor $O/escape/nofilter $O/escape/rows \
	$O/escape/guest.elf

.PHONY: jailprogs

# What the jail costs at the start: build/escape/cost [ROUNDS]
$O/escape/cost: $O/tests/bench/jail.o $(call layerlib,jail lib)
	@mkdir -p $(@D)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $^ -lcap-ng -o $@
bench: $O/escape/cost
