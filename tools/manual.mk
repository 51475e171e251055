# SPDX-License-Identifier: Apache-2.0
# The shells' completions. Included by tools/rules.mk.
.PHONY: completion
completion: $(B)/muster ## write the program's verbs and options into packaging/completion/ again
	$(Q)$(PYTHON) tools/update-completion $(B)/muster
