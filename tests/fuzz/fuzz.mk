# SPDX-License-Identifier: Apache-2.0
#
# make fuzz T=60   each target of tests/fuzz under libFuzzer for T seconds,
#                  built by clang into build-fuzz/ (docs/fuzzing.md)
# make SAN=1 reproducers   the same built by gcc: they replay inputs

T          ?= 60
FUZZCC     ?= clang
FUZZNAMES  := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZERS    := $(patsubst %,$O/tests/fuzz/%,$(FUZZNAMES))
# Not -fno-strict-overflow: it would hide overflows from UBSan.
FUZZFLAGS  := O=build-fuzz "CC=$(FUZZCC)" "CFLAGS=-O1 -g" \
	      "HARDEN=-fstack-protector-strong -fPIE -Wno-gnu \
	      -Wno-format-nonliteral -Wno-string-plus-int" \
	      "SANFLAG=-fsanitize=fuzzer-no-link,address,undefined \
	      -fno-sanitize-recover=undefined -fno-omit-frame-pointer" \
	      "FUZZMAIN=-fsanitize=fuzzer"
FUZZMAIN   := $O/tests/fuzz/replay.o
FUZZSHARED := $(call obj,$(addprefix tests/fuzz/, \
	      input.c machine.c nowhere.c tarlet.c))
FUZZCTL    := $(call obj,$(addprefix vmm/monitor/,control.c control_stats.c))
FUZZLIBS   := -lcmocka -ljson-c -larchive -lcrypto -lfdt -lslirp -lyaml \
	      -lresolv -lcap-ng -l:liburing.a -lpthread

$O/tests/fuzz/%: $O/tests/fuzz/%_fuzz.o $(FUZZSHARED) $(HARNESS) \
		$O/tests/fuzz/replay.o $(FUZZCTL) \
		$(call layerlib,switch net manager hostdev firmware devices core jail lib)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) $< $(FUZZSHARED) $(HARNESS) \
		$(if $(filter control,$*),$(FUZZCTL)) \
		$(FUZZMAIN) $(filter %.a,$^) $(FUZZLIBS) -o $@

# The guest's side has names of its own for what the host has, too.
$O/tests/fuzz/init: $O/tests/fuzz/init_fuzz.o $(call obj,tests/fuzz/input.c) \
		$O/tests/fuzz/replay.o $(call layerlib,init lib)
	@echo '  LD    $@'
	@$(CC) $(SANFLAG) $(CFLAGS) $(LDFLAGS) $< \
		$(call obj,tests/fuzz/input.c) $(FUZZMAIN) $(filter %.a,$^) \
		-o $@

reproducers fuzzers: $(FUZZERS)
ifdef SAN
testprogs: reproducers
endif

fuzz:
	@$(MAKE) --no-print-directory -j$(shell nproc) $(FUZZFLAGS) fuzzers
	@tests/fuzz/run.sh $T

.PHONY: reproducers fuzzers fuzz
