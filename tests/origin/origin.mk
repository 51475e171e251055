# SPDX-License-Identifier: Apache-2.0
# The experiments of docs/origin.md. Included by tools/rules.mk, behind simulated_nt.mk.

define origin_flavour
# $(1) name, $(2) compiler, $(3) flags
$(B)/$(1)/origin/origin_queue.o: tests/origin/origin_queue.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(SIM_WARNINGS) $$(call sim_nt_flags,$(2)) -I. -Iinclude -MMD -MP $(3) -c $$< -o $$@

$(B)/$(1)/origin/origin_experiment.o: tests/origin/origin_experiment.c
	$$(call say,CC-$(1),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(STANDARD) $$(SIM_WARNINGS) -I. -Iinclude -Isimulated_nt/include -MMD -MP $(3) -pthread -c $$< -o $$@

$(B)/$(1)/origin/origin_experiment: $(B)/$(1)/origin/origin_experiment.o $(B)/$(1)/origin/origin_queue.o \
		$(B)/$(1)/nt/libdriver.a $(B)/$(1)/libsimulated_nt.a
	$$(call say,LINK-$(1),$$@)
	$$(Q)$(2) $(3) -pthread -rdynamic $$^ -o $$@
endef
$(eval $(call origin_flavour,plain,$(CC),-O1 -g -fno-omit-frame-pointer))
$(eval $(call origin_flavour,asan,$(CLANG),-O1 -g -fno-omit-frame-pointer -fsanitize=address))

.PHONY: origin origin-programs
origin-programs: $(B)/plain/origin/origin_experiment $(B)/asan/origin/origin_experiment

# A move that does not compile, as the program that tries it stands.
ORIGIN_COPY := $(CC) -std=c11 -Iinclude -fsyntax-only -x c -

origin: origin-programs ## run the experiments of docs/origin.md
	$(Q)$(B)/plain/origin/origin_experiment
	$(Q)echo
	$(Q)echo 'The access, as AddressSanitizer sees it (take-together-unchecked):'
	$(Q)ASAN_OPTIONS=detect_stack_use_after_return=1:handle_segv=0 $(B)/asan/origin/origin_experiment take-together-unchecked 2>&1 \
		| grep -E '(ERROR|WRITE of|#[0-9]+ |is located in|mutex)' | head -13
	$(Q)echo
	$(Q)echo 'Copying a muster_queue outside core:'
	$(Q)printf '#include "muster/queue.h"\nvoid copy(struct muster_queue *to, struct muster_queue *from)\n{\n    *to = *from;\n}\n' \
		| $(ORIGIN_COPY) 2>&1 | grep error
