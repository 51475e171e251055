# SPDX-License-Identifier: Apache-2.0
# The manual pages, and the shells' completions. Included by tools/rules.mk.
#
# Pages of verbs are written by hand (docs/man/), and so are the completions' functions (packaging/completion/). Pages of
# fields are made from the documents and include/muster/fields.h. tests/golden compares all of them with the program.
MADE_PAGES := $(patsubst docs/man/%.in,$(B)/man/%,$(sort $(wildcard docs/man/*.in)))
MANUAL_PAGES := $(sort $(wildcard docs/man/*.[1-8])) $(MADE_PAGES)

$(B)/man/%: docs/man/%.in tools/make-manual docs/events.md docs/record-format.md docs/completeness.md docs/capture-format.md include/muster/fields.h
	$(call say,MANUAL,$@)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/make-manual $< >$@

all: $(MADE_PAGES)

.PHONY: completion
completion: $(B)/muster ## write the program's verbs and options into packaging/completion/ again
	$(Q)$(PYTHON) tools/update-completion $(B)/muster
