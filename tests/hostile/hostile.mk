# SPDX-License-Identifier: Apache-2.0
#
# The payload guests that break the rules; linux* here is not theirs.

HOSTILEDIR := tests/hostile
HOSTILELIB := $(call sources,$(HOSTILEDIR)/lib)
HOSTILESRC := $(filter-out $(HOSTILEDIR)/linux%,$(call sources,$(HOSTILEDIR)))
HOSTILE    := $(patsubst $(HOSTILEDIR)/%.c,$O/hostile/%.elf,$(HOSTILESRC))

$O/hostile/%.o: $(HOSTILEDIR)/%.c
	@mkdir -p $(@D)
	@echo '  GUEST $<'
	@$(CC) $(CSTD) $(WARN) $(GUESTFLAGS) -MMD -MP -c $< -o $@

$O/hostile/%.elf: $O/hostile/%.o $O/guest/lib/start.o \
		$(patsubst $(HOSTILEDIR)/%.c,$O/hostile/%.o,$(HOSTILELIB)) \
		$(patsubst $(GUESTDIR)/lib/%.c,$O/guest/lib/%.o,$(GUESTLIB)) \
		$(GUESTDIR)/lib/link.ld
	@echo '  LD    $@'
	@$(CC) $(GUESTFLAGS) -Wl,-T,$(GUESTDIR)/lib/link.ld \
		-Wl,--build-id=none,-z,noexecstack,-z,max-page-size=4096 \
		$(filter %.o,$^) -o $@

hostileguests: $(HOSTILE)
testprogs: hostileguests

hostile: hostileguests $O/belljar-monitor
	@BELLJAR_BUILD=$O $(HOSTILEDIR)/run.sh

.PHONY: hostile hostileguests
