# SPDX-License-Identifier: Apache-2.0
# Further versions of muster, for tests/live/service_takeover_test.py and fair_share_test.py. Included by tools/rules.mk.
#   other-programs   the same BPF programs, linked in another order: another build
#   other-abi        agent and programs that say that they share something else
#   no-shares        nobody is held to a fair share of the ring
VARIANTS := $(B)/other-programs/muster $(B)/other-abi/muster $(B)/no-shares/muster
UNVARIED_OBJECTS := $(filter-out $(B)/sensor_linux/%,$(PROGRAM_OBJECTS))
VARIED_OBJECTS := $(SENSOR_SOURCES:sensor_linux/%.c=%.o)

reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))

$(B)/other-programs/muster.bpf.o: $(BPF_OBJECTS)
	$(call say,BPFLINK,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen object $@ $(firstword $^) $(call reverse,$(wordlist 2,$(words $^),$^))

$(B)/other-programs/muster.skel.h: $(B)/other-programs/muster.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name muster_bpf >$@

$(B)/other-programs/sensor_linux/%.o: sensor_linux/%.c $(B)/other-programs/muster.skel.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -isystem $(B)/other-programs -pthread -c $< -o $@

$(B)/other-abi/sensor_linux/%.o: sensor_linux/%.c $(B)/bpf/muster.skel.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -DSENSOR_ABI_VERSION=99U -isystem $(B)/bpf -pthread -c $< -o $@

$(B)/no-shares/bpf/%.bpf.o: sensor_linux/bpf/%.bpf.c
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DMUSTER_SHARE_PRESSED=16 -MMD -MP -c $< -o $@

$(B)/no-shares/muster.bpf.o: $(BPF_OBJECTS:$(B)/bpf/%=$(B)/no-shares/bpf/%)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/no-shares/muster.skel.h: $(B)/no-shares/muster.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name muster_bpf >$@

$(B)/no-shares/sensor_linux/%.o: sensor_linux/%.c $(B)/no-shares/muster.skel.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -isystem $(B)/no-shares -pthread -c $< -o $@

$(VARIANTS): $(B)/%/muster: $(UNVARIED_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LINK_HARDENING) -pthread $^ -lbpf -o $@

$(B)/other-programs/muster: $(VARIED_OBJECTS:%=$(B)/other-programs/sensor_linux/%)
$(B)/other-abi/muster: $(VARIED_OBJECTS:%=$(B)/other-abi/sensor_linux/%)
$(B)/no-shares/muster: $(VARIED_OBJECTS:%=$(B)/no-shares/sensor_linux/%)

.PHONY: variants
variants: $(VARIANTS) ## build other versions of muster that the live tests upgrade from and to
