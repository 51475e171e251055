# SPDX-License-Identifier: Apache-2.0
# The deterministic simulator. Included by tools/rules.mk, behind the flavours of the unit tests.
#
# The product's sources are compiled once more for it, as they stand, with sim_points.h before them. The static variables of
# agent/ come to stand in a section of their own, so that a new agent begins with none of the last one's.
SIMULATOR_SOURCES := $(sort $(wildcard tests/simulator/*.c))
SIMULATED_AGENT := agent/capture.c agent/figures.c agent/pump.c agent/pump_open.c agent/report.c agent/status_record.c agent/verdicts.c agent/watch.c \
	agent/linux_words.c
SIMULATED := $(CORE_SOURCES) $(SINK_SOURCES) $(CAPTURE_SOURCES) $(wildcard sensor_linux/account*.c) sensor_linux/intake.c sensor_linux/journal.c sensor_linux/ring.c $(SIMULATED_AGENT)
# Calls that the simulator looks into.
SIMULATOR_WRAPS := pump_queue_open pump_sink_open pump_close capture_run capture_finish journal_commit
OBJCOPY ?= objcopy

define simulator_flavour
# $(1) name, $(2) compiler, $(3) flags
$(B)/$(1)/simulated/%.o: %.c tests/simulator/sim_points.h
	$$(call say,CC-$(1),$$@)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(filter-out -Wnull-dereference -Wlogical-op -Wduplicated-cond -Wduplicated-branches,$$(WARNINGS)) -Iinclude -MMD -MP $(3) -I. \
		-include tests/simulator/sim_points.h -c $$< -o $$@
	$$(Q)$$(if $$(filter agent/%,$$<),$$(OBJCOPY) --rename-section .bss=agent_statics $$@)

$(B)/$(1)/tests/simulator/%.o: tests/simulator/%.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(filter-out -Wnull-dereference -Wlogical-op -Wduplicated-cond -Wduplicated-branches,$$(WARNINGS)) -Iinclude -MMD -MP $(3) -I. \
		-isystem tests/simulator/few_bpf -c $$< -o $$@

# What it is linked with, for the planted bugs.
$(B)/$(1)/libsimulated.a: $$(patsubst %.c,$(B)/$(1)/simulated/%.o,$$(SIMULATED)) $$(patsubst %.c,$(B)/$(1)/%.o,$$(SIMULATOR_SOURCES))
	$$(Q)rm -f $$@
	$$(Q)ar rcs $$@ $$^

$(B)/$(1)/tests/simulator/simulator: $$(patsubst %.c,$(B)/$(1)/simulated/%.o,$$(SIMULATED)) $$(patsubst %.c,$(B)/$(1)/%.o,$$(SIMULATOR_SOURCES))
	$$(call say,LINK-$(1),$$@)
	$$(Q)$(2) $(3) $$(SIMULATOR_WRAPS:%=-Wl,--wrap=%) $$^ -o $$@

simulator-$(1): $(B)/$(1)/tests/simulator/simulator $(B)/$(1)/libsimulated.a
.PHONY: simulator-$(1)
endef
$(eval $(call simulator_flavour,plain,$(CC),-O2 -g))
$(eval $(call simulator_flavour,asan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=address$(,)undefined -fno-sanitize-recover=all))
