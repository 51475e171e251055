# SPDX-License-Identifier: Apache-2.0
# Probes: tiny programs that do one thing and print the truth, for the live tests to compare with.
# Included by tools/rules.mk. One file a program.

PROBE_SOURCES := $(sort $(wildcard tests/live/probes/*.c))
PROBES := $(patsubst tests/live/probes/%.c,$(B)/probes/%,$(PROBE_SOURCES))
PROBE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wstrict-prototypes -O2 -g -MMD -MP

# No libc, so nothing but the exec itself takes time.
$(B)/probes/tiny: tests/live/probes/tiny.c
	$(call say,PROBE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(PROBE_CFLAGS) -MF $@.d -ffreestanding -fno-stack-protector -fno-pie -no-pie -static -nostdlib $< -o $@

$(B)/probes/%: tests/live/probes/%.c
	$(call say,PROBE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(PROBE_CFLAGS) -MF $@.d -pthread $< -o $@

.PHONY: probes
probes: $(PROBES) ## build the programs that the live tests run
