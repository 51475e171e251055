# SPDX-License-Identifier: Apache-2.0
# Tests of the driver on the simulated NT kernel: its sources as they stand, in the flavours of the unit
# tests. Included by tools/rules.mk, behind simulated_nt.mk.

DRIVER_TEST_SOURCES := $(sort $(wildcard tests/driver/*_test.c))
DRIVER_TEST_NAMES := $(patsubst tests/driver/%.c,%,$(DRIVER_TEST_SOURCES))
DRIVER_TEST_SUPPORT := $(filter-out $(DRIVER_TEST_SOURCES),$(sort $(wildcard tests/driver/*.c)))

define driver_test_flavour
# $(1) name, $(2) compiler, $(3) flags
$(B)/$(1)/tests/driver/%.o: tests/driver/%.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(SIM_WARNINGS) -I. -Iinclude -Isimulated_nt/include -Itests/driver -MMD -MP $(3) -pthread -c $$< -o $$@

$(B)/$(1)/tests/driver/%_test: $(B)/$(1)/tests/driver/%_test.o $$(patsubst %.c,$(B)/$(1)/%.o,$$(DRIVER_TEST_SUPPORT)) \
		$(B)/$(1)/nt/libdriver.a $(B)/$(1)/libsimulated_nt.a
	$$(call say,LINK-$(1),$$@)
	$$(Q)$(2) $(3) -pthread -rdynamic $$^ -lcmocka -o $$@

.PRECIOUS: $(B)/$(1)/tests/driver/%.o
driver_$(1)_TESTS := $$(addprefix $(B)/$(1)/tests/driver/,$$(DRIVER_TEST_NAMES))
driver-$(1): $$(driver_$(1)_TESTS)
.PHONY: driver-$(1)
endef
$(eval $(call driver_test_flavour,plain,$(CC),-O2 -g))
$(eval $(call driver_test_flavour,asan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=address$(,)undefined -fno-sanitize-recover=all))
$(eval $(call driver_test_flavour,tsan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=thread))
