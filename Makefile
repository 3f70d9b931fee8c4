# SPDX-License-Identifier: Apache-2.0
#
# make            all programs, in build/     make check    every test
# make deps       install Debian packages     make lint     format, tidy, cppcheck
# make kernel     the minimal guest kernel    make analyze  gcc -fanalyzer
# make demo       train a model in a microVM  make bench    table, build/bench.json
# make install    DESTDIR= PREFIX=            make fuzz T=60  libFuzzer, 60 s each
# make clean      remove build/, build-san/, build-fuzz/
#
# SAN=1 builds with ASan and UBSan into build-san/; `make check` does so itself.

ifeq ($(origin CC),default)
CC      := gcc
endif
MUSL    ?= musl-gcc
PREFIX  ?= /usr/local
VERSION := 0.1.0
comma   := ,

O       := build$(if $(SAN),-san)
CSTD    := -std=gnu17 -D_GNU_SOURCE -I. -I$O -DBELLJAR_VERSION='"$(VERSION)"'
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	   -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wformat=2 \
	   -Wcast-qual -Wvla -Wimplicit-fallthrough -Wundef -Werror
HARDEN  := -fstack-protector-strong -fstack-clash-protection -fPIE \
	   -U_FORTIFY_SOURCE $(if $(SAN),,-D_FORTIFY_SOURCE=3) \
	   -fno-strict-overflow -ftrivial-auto-var-init=zero
FILTERS := $O/seccomp_filters.h
SANFLAG := $(if $(SAN),-DBELLJAR_DEBUG -fsanitize=address$(comma)undefined \
	   -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
CFLAGS  ?= -O2 -g
LDFLAGS += -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed

# A layer is a static library; each may use only those to its left.
LAYERS  := lib jail core devices firmware hostdev manager compare net switch
lib      := vmm/lib
jail     := vmm/jail
core     := vmm/core vmm/arch/x86
devices  := devices devices/pci devices/virtio devices/legacy devices/backend devices/vfio
firmware := firmware
hostdev  := vmm/hostdev
manager  := vmm/manager
compare  := vmm/compare
net      := vmm/net
switch   := vmm/switch
sources   = $(wildcard $(addsuffix /*.c,$1))
layersrc  = $(filter-out %/main.c %_gen.c,$(call sources,$($1)))
obj       = $(patsubst %.c,$O/%.o,$1)
layerlib  = $(patsubst %,$O/lib%.a,$1)

PROGRAMS := $O/belljar $O/belljar-monitor $O/belljar-net $O/belljar-switch
UNIT     := $(patsubst %.c,$O/%,$(call sources,tests/unit))
SRC      := $(call sources,$(foreach l,$(LAYERS),$($l)) vmm/monitor)
INIT     := $(call sources,images/init)
COMPARE  := $(call sources,images/compare)
GPU      := $(call sources,images/compare/gpu)
GUEST    := $(INIT) $(COMPARE) $(GPU)
TESTSRC  := $(wildcard tests/*/*.c tests/*/*/*.c)
HDR      := $(wildcard vmm/*/*.h devices/*.h devices/*/*.h firmware/*.h \
	    images/*/*.h images/*/*/*.h tests/*/*.h)

all: $(PROGRAMS) $O/init $O/initrd.cpio $O/compare/image/index.json \
	$O/compare/qemu.cpio

$O/belljar: $(call obj,vmm/manager/main.c) \
	$(call layerlib,compare manager hostdev jail lib)
$O/belljar: LIBS := -ljson-c -larchive -lcrypto -lyaml -lcap-ng -lm
$O/belljar-monitor: $(call obj,$(call sources,vmm/monitor)) \
	$(call layerlib,firmware devices core jail lib)
$O/belljar-monitor: LIBS := -lfdt -ljson-c -lcap-ng -l:liburing.a -lpthread
$O/belljar-net: $(call obj,vmm/net/main.c) $(call layerlib,net jail lib)
$O/belljar-net: LIBS := -lslirp -lresolv -lcap-ng
$O/belljar-switch: $(call obj,vmm/switch/main.c) \
	$(call layerlib,switch net jail lib)
$O/belljar-switch: LIBS := -lresolv -lcap-ng
$(PROGRAMS):
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) $(filter %.o %.a,$^) $(LIBS) -o $@

define layer_rule
$O/lib$1.a: $(call obj,$(call layersrc,$1))
	@rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$l)))

$O/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC    $<'
	@$(CC) $(CSTD) $(WARN) $(HARDEN) $(SANFLAG) $(CFLAGS) -MMD -MP -c $< -o $@

# Filters of the jail: libseccomp compiles them now, not when a VM starts.
$O/seccomp_gen: $O/vmm/jail/seccomp_gen.o
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) $< -lseccomp -o $@
$(FILTERS): $O/seccomp_gen
	@$< >$@.new && mv $@.new $@
$O/vmm/jail/seccomp.o: $(FILTERS)

include images/images.mk tests/tests.mk

lint: $(FILTERS)
	@clang-format --dry-run -Werror $(SRC) $(GUEST) $(TESTSRC) $(HDR)
	@printf '%s\n' $(SRC) $(GUEST) | xargs -P 2 -I{} sh -c \
		"clang-tidy --quiet {} -- $(subst ",\",$(CSTD)) 2>/dev/null"
	@cppcheck -q --std=c11 --error-exitcode=1 -D_GNU_SOURCE -I. \
		--enable=warning,portability --inline-suppr \
		--suppress=memleak --suppress=resourceLeak $(SRC) $(GUEST)
	@for h in $(filter vmm/% devices/% firmware/%,$(HDR)); do \
		$(CC) $(CSTD) $(WARN) -fsyntax-only -x c $$h || exit 1; done
	@! grep -L SPDX-License-Identifier $(SRC) $(GUEST) $(TESTSRC) $(HDR) | grep .

analyze: $(FILTERS)
	@for f in $(SRC) $(GUEST); do echo "  GCC -fanalyzer $$f"; \
		$(CC) $(CSTD) -fanalyzer -Wno-analyzer-malloc-leak \
		-Werror -O1 -c $$f -o /dev/null || exit 1; done

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/belljar
	install $O/belljar $(DESTDIR)$(PREFIX)/bin/
	install $O/belljar-monitor $O/belljar-net $O/belljar-switch \
		$(DESTDIR)$(PREFIX)/lib/belljar/
	install -m 644 $O/initrd.cpio $(DESTDIR)$(PREFIX)/lib/belljar/
	install -d $(DESTDIR)$(PREFIX)/lib/belljar/compare
	install -m 644 $O/compare/qemu.cpio $(DESTDIR)$(PREFIX)/lib/belljar/compare/
	rm -rf $(DESTDIR)$(PREFIX)/lib/belljar/compare/image
	cp -r $O/compare/image $(DESTDIR)$(PREFIX)/lib/belljar/compare/
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 \
		vmm/manager/belljar.1
	if [ -d build/kernels ]; then \
		cp -rL build/kernels $(DESTDIR)$(PREFIX)/lib/belljar/; fi

clean:
	$(RM) -r build build-san build-fuzz

.DEFAULT_GOAL := all
.SECONDARY:
.PHONY: all lint analyze install clean
-include $(shell find $O -name '*.d' 2>/dev/null)
