# SPDX-License-Identifier: Apache-2.0
# Benchmarks that have to be built. Included by tools/rules.mk, behind library.mk. LIBRARY is another day's libmuster.a.
$(B)/bench/%: bench/%.c $(or $(LIBRARY),$(B)/libmuster.a)
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(STANDARD) $(WARNINGS) -Iinclude -O2 -g $^ -o $@
