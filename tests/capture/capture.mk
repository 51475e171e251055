# SPDX-License-Identifier: Apache-2.0
# Captures: what the C code makes of them, for the tests in this folder. Included by tools/rules.mk, behind the
# flavours of the unit tests.
CAPTURE_PROBE_LINKED := $(CORE_SOURCES) $(SINK_SOURCES) $(CAPTURE_SOURCES) $(VERIFY_SOURCES) $(UNIT_SUPPORT)

define capture_probe_flavour
# $(1) name, $(2) compiler, $(3) flags
$(B)/$(1)/tests/capture/capture_probe: $(B)/$(1)/tests/capture/capture_probe.o $$(patsubst %.c,$(B)/$(1)/%.o,$$(CAPTURE_PROBE_LINKED))
	$$(call say,LINK-$(1),$$@)
	$$(Q)$(2) $(3) -pthread $$^ -lcmocka -o $$@
endef
$(eval $(call capture_probe_flavour,plain,$(CC),-O2 -g))
$(eval $(call capture_probe_flavour,asan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=address$(,)undefined -fno-sanitize-recover=all))

capture-programs: $(B)/plain/tests/capture/capture_probe $(B)/asan/tests/capture/capture_probe
.PHONY: capture-programs
