# SPDX-License-Identifier: Apache-2.0
#
# What goes into a guest: init and its initramfs, kernels, the demo's image.

# Of lib, init takes what no more than a libc is needed for.
INITLIB   := $(patsubst %,vmm/lib/%.c,err io modtree procstat)
INITFLAGS := -static -Os -g0 -fno-asynchronous-unwind-tables -s \
	     -ffunction-sections -Wl,--gc-sections \
	     -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu

$O/init: $(INIT) $(INITLIB) $(wildcard images/init/*.h vmm/abi/*.h vmm/lib/*.h)
	@mkdir -p $(@D)
	@echo '  MUSL  $@'
	@$(MUSL) $(CSTD) $(filter-out -Wundef,$(WARN)) $(INITFLAGS) \
		$(INIT) $(INITLIB) -o $@

$O/initrd.cpio: $O/init images/init/pack.sh
	@echo '  CPIO  $@'
	@images/init/pack.sh $< $@

# The image of `belljar compare`, and init and initramfs of its peer QEMU.
QEMU      := $(wildcard images/compare/qemu_*.c)
SUITE     := $(filter-out $(QEMU),$(COMPARE))
SUITELIB  := vmm/lib/err.c vmm/lib/io.c
QEMUINIT  := $(QEMU) \
	     $(patsubst %,images/init/%.c,disks mounts netlink rootfs say)
GUESTHDR  := $(wildcard images/*/*.h images/*/*/*.h vmm/abi/*.h vmm/lib/*.h)

# Speed is what it is about: not -Os.
$O/compare/suite: $(SUITE) $(SUITELIB) $(GUESTHDR)
	@mkdir -p $(@D)
	@echo '  MUSL  $@'
	@$(MUSL) $(CSTD) $(filter-out -Wundef,$(WARN)) $(INITFLAGS) -O3 \
		$(SUITE) $(SUITELIB) -lm -lpthread -o $@

# Not static, and for any glibc since 2.34: libcuda.so.1 brings its own needs.
$O/compare/gpu: $(GPU) $(addprefix images/compare/,pace.c times.c) \
		vmm/lib/err.c $(GUESTHDR)
	@mkdir -p $(@D)
	@echo '  LD    $@'
	@$(CC) $(CSTD) $(WARN) $(HARDEN) -O2 -s $(LDFLAGS) \
		$(filter %.c,$^) -o $@

$O/compare/qemu_init: $(QEMUINIT) $(SUITELIB) $(GUESTHDR)
	@mkdir -p $(@D)
	@echo '  MUSL  $@'
	@$(MUSL) $(CSTD) $(filter-out -Wundef,$(WARN)) $(INITFLAGS) \
		$(QEMUINIT) $(SUITELIB) -o $@

$O/compare/qemu.cpio: $O/compare/qemu_init images/init/pack.sh
	@echo '  CPIO  $@'
	@images/init/pack.sh $< $@

$O/compare/image/index.json: $O/compare/suite $O/compare/gpu \
		images/compare/build.sh
	@echo '  OCI   $(@D)'
	@images/compare/build.sh $O/compare/suite $O/compare/gpu $(@D)

deps:
	images/deps.sh

kernel:
	images/kernel/build.sh minimal build/kernels

stock-kernel:
	images/kernel/build.sh stock build/kernels

demo:
	@images/deps.sh
	@$(MAKE) --no-print-directory all
	@images/demo/run.sh

.PHONY: deps kernel stock-kernel demo
