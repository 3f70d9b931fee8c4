# SPDX-License-Identifier: Apache-2.0
#
# make check = unit (sanitizers) + payload guests on /dev/kvm (sanitizers) +
# hostile ones (both builds) + processes +
# Linux guests (plain build: on /dev/kvm where it can run Linux, else in the lab).

include tests/guest/guest.mk tests/hostile/hostile.mk tests/jail/jail.mk
include tests/prove/prove.mk

HARNESS := $(call obj,$(call sources,tests/harness))

include tests/fuzz/fuzz.mk

$O/tests/unit/%: $O/tests/unit/%.o $(HARNESS) \
		$(call layerlib,switch net compare manager hostdev firmware devices core jail lib)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $(filter %.o %.a,$^) \
		-lcmocka -ljson-c -larchive -lcrypto -lfdt -lslirp -lcap-ng -lresolv \
		-lyaml -lm -l:liburing.a -lpthread -o $@

# What a disk's requests cost: tests/bench/blk.py BUILD FILE...
$O/bench/blk: $O/tests/bench/blk.o $(call obj,$(addprefix tests/harness/, \
		driver.c disk_guest.c fake_engine.c)) \
		$(call layerlib,devices core jail lib)
	@mkdir -p $(@D)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $(filter %.o %.a,$^) \
		-lcmocka -lcap-ng -l:liburing.a -lpthread -o $@
bench: $O/bench/blk

# Init is no layer: nothing of the host links it but its tests.
init := images/init
$(eval $(call layer_rule,init))
$O/tests/unit/init_%: $O/tests/unit/init_%.o \
		$(call obj,$(call sources,tests/init)) $(call layerlib,init lib)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $(filter %.o %.a,$^) -lcmocka -o $@

# Nor is what the peer QEMU of `belljar compare` starts with.
$O/tests/unit/qemu_job_test: $(call obj,images/compare/qemu_job.c)

$O/tests/cli/fake_monitor: $O/tests/cli/fake_monitor.o \
		$O/tests/cli/fake_control.o \
		$(call layerlib,manager hostdev jail lib)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $^ -ljson-c -lcap-ng -o $@

$O/tests/cli/fake_net: $(call obj,tests/cli/fake_net.c vmm/net/main.c) \
		$(call layerlib,net jail lib)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $^ -lslirp -lresolv -lcap-ng -o $@

$O/tests/cli/fake_virtiofsd: $O/tests/cli/fake_virtiofsd.o
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $^ -o $@

$O/tests/cli/fake_host: $(call obj,tests/cli/fake_host.c \
		tests/harness/fake_sysfs.c) \
		$(call layerlib,manager hostdev jail lib)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $^ \
		-ljson-c -larchive -lcrypto -lyaml -lcap-ng -o $@

# A libcuda.so.1 for machines without a GPU.
$O/tests/compare/cuda/libcuda.so.1: tests/compare/cuda_mock.c \
		tests/compare/ptx.c tests/compare/ptx.h
	@mkdir -p $(@D)
	@echo '  LD    $@'
	@$(CC) $(CSTD) $(WARN) -O2 -fPIC -shared -Wl,-soname,$(@F) \
		$(filter %.c,$^) -lm -o $@

$O/tests/compare/render: $O/tests/compare/render.o \
		$(call layerlib,compare manager hostdev jail lib)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(LDFLAGS) $^ -ljson-c -lcrypto -lm -o $@

unit: testprogs
	@tests/unit/run.sh $O

CLIPROGS := $(addprefix $O/tests/cli/,fake_monitor fake_net fake_host \
	fake_virtiofsd)
cliprogs: $(CLIPROGS)
testprogs: all $(UNIT) cliprogs $O/tests/compare/render \
	$O/tests/compare/cuda/libcuda.so.1

check:
	@images/deps.sh
	@$(MAKE) --no-print-directory -j$(shell nproc) all guests hostileguests jailprogs cliprogs
	@$(MAKE) --no-print-directory -j$(shell nproc) SAN=1 testprogs proveprogs
	@tests/check.sh

bench: all
	tests/bench/run.sh

.PHONY: unit testprogs cliprogs check bench
