# SPDX-License-Identifier: Apache-2.0
# How things are built. Included by the Makefile.

# ---- core, platform, sinks: one library for each flavour ----------------------------------------
CORE_SOURCES := $(sort $(wildcard core/*.c))
SINK_SOURCES := $(sort $(wildcard sinks/*.c))
# Reading and writing captures; the capture sink stands on it.
CAPTURE_SOURCES := $(sort $(wildcard capture/*.c))
SENSOR_SOURCES := $(sort $(wildcard sensor_linux/*.c))
TRACER_SOURCES := $(sort $(wildcard sensor_ptrace/*.c))
# agent: linux_* is for Linux; win32_*, nt_* and what stands on them are for Windows; the rest for both.
AGENT_WINDOWS_ONLY := $(sort $(wildcard agent/win32_*.c agent/nt_*.c agent/verb_driver.c))
AGENT_LINUX_ONLY := $(sort $(wildcard agent/linux_*.c))
AGENT_SOURCES := $(filter-out $(AGENT_WINDOWS_ONLY),$(sort $(wildcard agent/*.c)))
PLATFORM_SOURCES := platform/posix_platform.c

# core is freestanding: it sees include/ and platform/platform.h, and no OS header.
CORE_CFLAGS := -ffreestanding -I. -fPIE -fstack-protector-strong

PROGRAM_OBJECTS := $(patsubst %.c,$(B)/%.o,$(CORE_SOURCES) $(SINK_SOURCES) $(CAPTURE_SOURCES) $(SENSOR_SOURCES) $(TRACER_SOURCES) $(AGENT_SOURCES) $(PLATFORM_SOURCES))

$(B)/core/%.o: core/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CORE_CFLAGS) -c $< -o $@

$(B)/platform/%.o: platform/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -I. -pthread -c $< -o $@

$(B)/sinks/%.o: sinks/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -c $< -o $@

$(B)/capture/%.o: capture/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -c $< -o $@

$(B)/sensor_linux/%.o: sensor_linux/%.c $(B)/bpf/muster.skel.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -isystem $(B)/bpf -pthread -c $< -o $@

$(B)/sensor_ptrace/%.o: sensor_ptrace/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -c $< -o $@

$(B)/agent/%.o: agent/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(HARDENING) -pthread -c $< -o $@

# The version stands in the objects, so they follow it.
$(PROGRAM_OBJECTS): VERSION

$(B)/muster: $(PROGRAM_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LINK_HARDENING) -pthread $^ -lbpf -o $@

include tools/library.mk

# ---- core and platform for Windows --------------------------------------
# mingw-user    what muster.exe will stand on
# mingw-kernel  what muster.sys will stand on, with the DDK's headers in sight
MINGW_CC ?= x86_64-w64-mingw32-gcc
# By default that compiler is gcc, whatever CC is.
MINGW_WARNINGS := $(filter-out -Wthread-safety,$(WARNINGS)) -Wlogical-op -Wduplicated-cond -Wduplicated-branches
MINGW_DDK ?= /usr/share/mingw-w64/include/ddk

# -ffreestanding         no C library; memcpy and memset, which gcc calls even so, are exports of ntoskrnl
# -mgeneral-regs-only    x87, MMX and AVX are not the kernel's to use without saving them; core needs none
# -mno-stack-arg-probe   nobody has ___chkstk_ms in the kernel. It probes frames over a page, and
# -Wframe-larger-than,   with -Wvla and
# -Walloca               there are none: nothing can step over the guard page
# -fstack-protector-strong  driver_nt/stack_protector.c has what it calls
# Not needed: -mno-red-zone, since the ABI has none; frame pointers, since .pdata unwinds.
# _WIN32_WINNT           Windows 10; what came later is looked up at run time
KERNEL_CFLAGS := -ffreestanding -I. -isystem $(MINGW_DDK) -D_WIN32_WINNT=0x0a00 -mgeneral-regs-only \
	-mno-stack-arg-probe -Wframe-larger-than=1280 -Walloca -fstack-protector-strong

MINGW_USER_OBJECTS := $(CORE_SOURCES:%.c=$(B)/mingw-user/%.o)

$(B)/mingw-user/%.o: %.c
	$(call say,CC-user,$<)
	@mkdir -p $(@D)
	$(Q)$(MINGW_CC) $(STANDARD) $(MINGW_WARNINGS) -Iinclude -MMD -MP -O2 -g -ffreestanding -I. -c $< -o $@

$(B)/mingw-kernel/%.o: %.c
	$(call say,CC-sys,$<)
	@mkdir -p $(@D)
	$(Q)$(MINGW_CC) $(STANDARD) $(MINGW_WARNINGS) -Iinclude -MMD -MP -O2 -g $(KERNEL_CFLAGS) -c $< -o $@

include driver_nt/driver.mk

include agent/muster_exe.mk

# ---- BPF ----------------------------------------------------------------------------------------
# sensor_state first: the linker of bpftool 7.1 gives a map that it first meets as extern a wrong offset.
BPF_SOURCES := $(sort $(wildcard sensor_linux/bpf/*.bpf.c))
BPF_SOURCES := sensor_linux/bpf/sensor_state.bpf.c $(filter-out %/sensor_state.bpf.c,$(BPF_SOURCES))
BPF_OBJECTS := $(patsubst sensor_linux/bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(BPF_SOURCES))
# -mcpu=v3: 32-bit ALU and atomics with fetch, in every kernel since 5.12.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -ffreestanding -fno-stack-protector -Wall -Wextra -Werror -Iinclude -D__TARGET_ARCH_x86

$(B)/bpf/%.bpf.o: sensor_linux/bpf/%.bpf.c
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(B)/bpf/muster.bpf.o: $(BPF_OBJECTS)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/bpf/muster.skel.h: $(B)/bpf/muster.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name muster_bpf >$@

# ---- unit tests: one program a file, in four builds -----------------------------------------------
# plain   gcc or clang as CC says
# asan    clang, AddressSanitizer and UndefinedBehaviorSanitizer
# tsan    clang, ThreadSanitizer; without what takes minutes there and has one thread
UNIT_SOURCES := $(sort $(wildcard tests/unit/*_test.c))
UNIT_SUPPORT := tests/unit/test_platform.c tests/unit/crash_world.c
UNIT_NAMES := $(patsubst tests/unit/%.c,%,$(UNIT_SOURCES))
# Of sensor_linux and agent what needs no kernel.
UNIT_LINKED := $(CORE_SOURCES) $(SINK_SOURCES) $(CAPTURE_SOURCES) $(UNIT_SUPPORT) sensor_linux/account.c sensor_linux/account_lease.c \
	sensor_linux/intake.c sensor_linux/journal.c sensor_linux/known.c sensor_linux/live_events.c sensor_linux/ring.c agent/units.c \
	agent/json_scan.c agent/nt_lease.c agent/sequence_set.c agent/utc_text.c agent/verdicts.c agent/verify_gaps.c
UNIT_CFLAGS := -I. -Itests -pthread
# What `muster verify` is made of, but for files and options.
VERIFY_SOURCES := agent/verification.c agent/epoch_account.c agent/epoch_judge.c agent/epoch_numbers.c agent/epoch_text.c \
	agent/verify_capture.c agent/verify_doubles.c agent/verify_event.c agent/verify_findings.c agent/verify_gaps.c \
	agent/verify_line.c agent/verify_lines.c agent/damage_text.c agent/json_scan.c agent/sequence_set.c agent/utc_text.c

define unit_flavour
# $(1) name, $(2) compiler, $(3) flags, $(4) tests to leave out
$(B)/$(1)/%.o: %.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(filter-out -Wnull-dereference -Wlogical-op -Wduplicated-cond -Wduplicated-branches,$$(WARNINGS)) -Iinclude -MMD -MP $(3) $$(UNIT_CFLAGS) -c $$< -o $$@

# The one test that stands on a few lines for the system's header, see there.
$(B)/$(1)/tests/unit/nt_source_test.o: UNIT_CFLAGS += -Itests/unit/few_windows

$(B)/$(1)/tests/unit/%_test: $(B)/$(1)/tests/unit/%_test.o $$(patsubst %.c,$(B)/$(1)/%.o,$$(UNIT_LINKED))
	$$(call say,LINK-$(1),$$@)
	$$(Q)$(2) $(3) -pthread $$^ -lcmocka -o $$@

.PRECIOUS: $(B)/$(1)/%.o
$(1)_TESTS := $$(addprefix $(B)/$(1)/tests/unit/,$$(filter-out $(4),$$(UNIT_NAMES)))
unit-$(1): $$($(1)_TESTS)
.PHONY: unit-$(1)
endef
$(eval $(call unit_flavour,plain,$(CC),-O2 -g))
$(eval $(call unit_flavour,asan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=address$(,)undefined -fno-sanitize-recover=all))
$(eval $(call unit_flavour,tsan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=thread,sink_hostile_test account_crash_test))

include tests/fuzz/fuzz.mk
include tests/capture/capture.mk
include tests/live/probes.mk
include tests/live/variants.mk
include simulated_nt/simulated_nt.mk
include tests/driver/driver_tests.mk
include tests/origin/origin.mk
include tests/text/text.mk
include bench/bench.mk
include tests/simulator/simulator.mk
include tests/wine/wine.mk
include packaging/windows/package.mk
include tools/manual.mk
include tools/install.mk

-include $(shell find $(B) -name '*.d' 2>/dev/null)
