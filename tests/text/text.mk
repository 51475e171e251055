# SPDX-License-Identifier: Apache-2.0
# Every text through every output format: programs that stand on libmuster.a and the public headers alone, with the JSON
# parser of Debian's libjansson-dev as the judge. Included by tools/rules.mk, behind library.mk.
TEXT_TEST_SOURCES := $(sort $(wildcard tests/text/*_test.c))
text_TESTS := $(TEXT_TEST_SOURCES:%.c=$(B)/plain/%)

# Optimised whatever CFLAGS says: there are many texts.
$(B)/plain/tests/text/%_test: tests/text/%_test.c tests/text/text_judge.c tests/text/text_judge_parts.c tests/text/text_judge.h \
		tests/unit/json_checker.h $(B)/libmuster.a
	$(call say,LINK-text,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(STANDARD) $(WARNINGS) -Iinclude -Itests -O2 -g $(filter %.c %.a,$^) -lcmocka -ljansson -o $@

$(B)/plain/tests/text/text_lines: tests/text/text_lines.c $(B)/libmuster.a
	$(call say,LINK-text,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(STANDARD) $(WARNINGS) -Iinclude -O2 -g $^ -o $@

text-programs: $(text_TESTS) $(B)/plain/tests/text/text_lines
.PHONY: text-programs
