# SPDX-License-Identifier: Apache-2.0
#
# make prove: vq.c and gmem.c by enumeration, since Debian 12 has no CBMC.  What
# is proven, within which bounds, and why in this way: docs/proofs.md.

$O/tests/prove/vq_enum: $(call obj,$(addprefix tests/prove/,vq_enum.c \
		choice.c guest.c model.c hooked.c)) $(call layerlib,core lib)
$O/tests/prove/gmem_enum: $(call obj,$(addprefix tests/prove/,gmem_enum.c \
		choice.c)) $(call layerlib,core lib)
$O/tests/prove/vq_enum $O/tests/prove/gmem_enum:
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $(filter %.o %.a,$^) -lpthread -o $@

proveprogs: $O/tests/prove/vq_enum $O/tests/prove/gmem_enum

prove:
	@$(MAKE) --no-print-directory SAN=1 proveprogs
	@tests/prove/run.sh build-san

.PHONY: prove proveprogs
