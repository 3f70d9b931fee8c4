# SPDX-License-Identifier: Apache-2.0
#
# The payload guests that break the rules; linux* here is not theirs.

HOSTILEDIR := tests/hostile
HOSTILELIB := $(call sources,$(HOSTILEDIR)/lib)
HOSTILESRC := $(filter-out $(HOSTILEDIR)/linux%,$(call sources,$(HOSTILEDIR)))
HOSTILE    := $(patsubst $(HOSTILEDIR)/%.c,$O/hostile/%.elf,$(HOSTILESRC))

$(eval $(call guest_rule,$(HOSTILEDIR),hostile,$(patsubst \
	$(HOSTILEDIR)/%.c,$O/hostile/%.o,$(HOSTILELIB))))

hostileguests: $(HOSTILE)
testprogs: hostileguests

hostile: hostileguests $O/belljar-monitor
	@BELLJAR_BUILD=$O $(HOSTILEDIR)/run.sh

.PHONY: hostile hostileguests
