# SPDX-License-Identifier: Apache-2.0
# The simulated NT kernel: a library for each flavour, driver source compiled natively against mingw-w64's
# DDK headers, and test programs. Included by tools/rules.mk.
#
#   build/<flavour>/libsimulated_nt.a              the library: plain, asan, tsan
#   build/<flavour>/nt/%.o                         driver source as it stands: core, platform, driver_nt
#   build/<flavour>/simulated_nt/tests/*_test      the tests

MINGW_INCLUDE ?= /usr/share/mingw-w64/include

# What driver source is compiled with, beside a flavour's own flags. $(1) is the compiler: its own headers
# come before mingw's, and libc's are not seen at all.
sim_nt_flags = -nostdinc -isystem simulated_nt/include/ddk \
	-isystem $(shell $(1) -print-file-name=include) -isystem $(MINGW_INCLUDE) -isystem $(MINGW_DDK) \
	-include simulated_nt/include/simulated_nt_prefix.h -fms-extensions -fshort-wchar -Wno-multichar \
	-D_WIN32 -D_WIN64 -D__MINGW32__ -D__MINGW64__ -D_AMD64_ -D_M_AMD64=100 -D_WIN32_WINNT=0x0a00
SIM_NT_CFLAGS := $(call sim_nt_flags,$(CLANG))

# For drivers that live elsewhere: clang $(make -s -C <here> sim-flags) -c driver.c
sim-flags:
	@echo '$(subst simulated_nt/include,$(CURDIR)/simulated_nt/include,$(SIM_NT_CFLAGS)) -std=c11'
.PHONY: sim-flags

# host_*.c stand on libc; the rest on the DDK's headers.
SIM_SOURCES := $(sort $(wildcard simulated_nt/*.c))
SIM_TEST_SOURCES := $(sort $(wildcard simulated_nt/tests/*_test.c))
SIM_TEST_NAMES := $(patsubst simulated_nt/tests/%.c,%,$(SIM_TEST_SOURCES))
SIM_TEST_SUPPORT := $(filter-out $(SIM_TEST_SOURCES),$(sort $(wildcard simulated_nt/tests/*.c)))
SIM_DRIVER_SOURCES := $(CORE_SOURCES) platform/nt_platform.c $(sort $(wildcard driver_nt/*.c))

SIM_WARNINGS := $(filter-out -Wnull-dereference -Wlogical-op -Wduplicated-cond -Wduplicated-branches,$(WARNINGS))

define sim_flavour
# $(1) name, $(2) compiler, $(3) flags
$(B)/$(1)/simulated_nt/host_%.o: simulated_nt/host_%.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(SIM_WARNINGS) -I. -Iinclude -MMD -MP $(3) -pthread -c $$< -o $$@

$(B)/$(1)/simulated_nt/tests/host_%.o: simulated_nt/tests/host_%.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(SIM_WARNINGS) -I. -Iinclude -MMD -MP $(3) -pthread -c $$< -o $$@

$(B)/$(1)/simulated_nt/%.o: simulated_nt/%.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(SIM_WARNINGS) $$(call sim_nt_flags,$(2)) -I. -Iinclude -MD -MP $(3) -c $$< -o $$@

$(B)/$(1)/nt/%.o: %.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(SIM_WARNINGS) $$(call sim_nt_flags,$(2)) -I. -Iinclude -MD -MP $(3) \
		-DMUSTER_VERSION_NUMBERS=$$(subst .,$$(,),$$(VERSION)),0 -c $$< -o $$@

$(B)/$(1)/libsimulated_nt.a: $$(patsubst %.c,$(B)/$(1)/%.o,$$(SIM_SOURCES))
	$$(call say,AR-$(1),$$@)
	$$(Q)rm -f $$@
	$$(Q)$(AR) rcs $$@ $$^

# An archive, so that a test has of the driver what it calls and no more.
$(B)/$(1)/nt/libdriver.a: $$(patsubst %.c,$(B)/$(1)/nt/%.o,$$(SIM_DRIVER_SOURCES))
	$$(call say,AR-$(1),$$@)
	$$(Q)rm -f $$@
	$$(Q)$(AR) rcs $$@ $$^

# Functions keep their names (-rdynamic), so that a broken rule's backtrace has them.
$(B)/$(1)/simulated_nt/tests/%_test: $(B)/$(1)/simulated_nt/tests/%_test.o \
		$$(patsubst %.c,$(B)/$(1)/%.o,$$(SIM_TEST_SUPPORT)) $(B)/$(1)/nt/libdriver.a \
		$(B)/$(1)/libsimulated_nt.a
	$$(call say,LINK-$(1),$$@)
	$$(Q)$(2) $(3) -pthread -rdynamic $$^ -lcmocka -o $$@

.PRECIOUS: $(B)/$(1)/nt/%.o $(B)/$(1)/simulated_nt/tests/%.o
sim_$(1)_TESTS := $$(addprefix $(B)/$(1)/simulated_nt/tests/,$$(SIM_TEST_NAMES))
sim-$(1): $$(sim_$(1)_TESTS)
.PHONY: sim-$(1)
endef
$(eval $(call sim_flavour,plain,$(CC),-O2 -g))
$(eval $(call sim_flavour,asan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=address$(,)undefined -fno-sanitize-recover=all))
$(eval $(call sim_flavour,tsan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=thread))
