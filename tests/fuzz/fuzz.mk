# SPDX-License-Identifier: Apache-2.0
# Hostile input. Included by tools/rules.mk, behind the flavours of the unit tests.
#
# Each target is built three times: plain and asan, driven by replay_main.c over the kept inputs, for
# `make check`; and fuzz, driven by libFuzzer.

FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/fuzz_input.c tests/fuzz/fuzz_sink.c,$(sort $(wildcard tests/fuzz/fuzz_*.c))))
# Of those, the ones that take records.
FUZZ_RECORD_TARGETS := $(filter-out fuzz_capture fuzz_units fuzz_utf16 fuzz_verify,$(FUZZ_TARGETS))
FUZZ_LINKED := tests/fuzz/capture_repair.c tests/fuzz/fuzz_input.c tests/fuzz/fuzz_sink.c core/record.c core/record_validate.c core/event_names.c core/identity.c \
	core/status.c core/text_utf16.c $(SINK_SOURCES) $(CAPTURE_SOURCES) $(VERIFY_SOURCES) agent/nt_lease.c agent/units.c sensor_linux/ring.c
FUZZ_SECONDS ?= 60
FUZZ_MOST_BYTES ?= 4096
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address$(,)undefined -fno-sanitize-recover=all

define fuzz_replay_flavour
# $(1) name, $(2) compiler, $(3) flags
$(B)/$(1)/tests/fuzz/%_replay.o: tests/fuzz/replay_main.c
	$$(call say,CC-$(1),$$@)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(filter-out -Wnull-dereference -Wlogical-op -Wduplicated-cond -Wduplicated-branches,$$(WARNINGS)) -Iinclude -MMD -MP $(3) $$(UNIT_CFLAGS) -DFUZZ_TARGET='"$$*"' -c $$< -o $$@

$(B)/$(1)/tests/fuzz/fuzz_%_replay: $(B)/$(1)/tests/fuzz/fuzz_%_replay.o $(B)/$(1)/tests/fuzz/fuzz_%.o $$(patsubst %.c,$(B)/$(1)/%.o,$$(FUZZ_LINKED))
	$$(call say,LINK-$(1),$$@)
	$$(Q)$(2) $(3) $$^ -ljansson -o $$@

$(B)/$(1)/tests/fuzz/record_probe: $(B)/$(1)/tests/fuzz/record_probe.o $(B)/$(1)/core/record.o $(B)/$(1)/core/record_validate.o
	$$(call say,LINK-$(1),$$@)
	$$(Q)$(2) $(3) $$^ -o $$@

# What the targets are linked with, for the planted bugs.
$(B)/$(1)/libfuzzed.a: $$(patsubst %.c,$(B)/$(1)/%.o,$$(FUZZ_LINKED))
	$$(Q)rm -f $$@
	$$(Q)ar rcs $$@ $$^

replay_$(1)_TESTS := $$(patsubst %,$(B)/$(1)/tests/fuzz/%_replay,$$(FUZZ_TARGETS))
replay-$(1): $$(replay_$(1)_TESTS) $(B)/$(1)/tests/fuzz/record_probe $(B)/$(1)/libfuzzed.a
.PHONY: replay-$(1)
endef
$(eval $(call fuzz_replay_flavour,plain,$(CC),-O2 -g))
$(eval $(call fuzz_replay_flavour,asan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=address$(,)undefined -fno-sanitize-recover=all))

# ---- libFuzzer ------------------------------------------------------------------------------------------
$(B)/fuzz/%.o: %.c
	$(call say,CC-fuzz,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(STANDARD) $(filter-out -Wnull-dereference -Wlogical-op -Wduplicated-cond -Wduplicated-branches,$(WARNINGS)) -Iinclude -MMD -MP \
		$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(UNIT_CFLAGS) -c $< -o $@

$(FUZZ_RECORD_TARGETS:%=$(B)/fuzz/%): $(B)/fuzz/tests/fuzz/record_mutator.o $(B)/fuzz/tests/fuzz/record_repair.o

$(B)/fuzz/fuzz_%: $(B)/fuzz/tests/fuzz/fuzz_%.o $(patsubst %.c,$(B)/fuzz/%.o,$(FUZZ_LINKED))
	$(call say,LINK-fuzz,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer $^ -ljansson -o $@

.PHONY: fuzz fuzz-minimise fuzz-targets
fuzz-targets: $(FUZZ_TARGETS:%=$(B)/fuzz/%)

fuzz: fuzz-targets ## hostile input for FUZZ_SECONDS (60) a target; FUZZ_TARGETS=... chooses
	$(Q)FUZZ_MOST_BYTES=$(FUZZ_MOST_BYTES) tests/fuzz/fuzz run $(B) $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz-minimise: fuzz-targets ## what `make fuzz` has found goes into tests/fuzz/corpus, as few inputs as cover the same
	$(Q)tests/fuzz/fuzz minimise $(B) $(FUZZ_TARGETS)
