# SPDX-License-Identifier: Apache-2.0
# make install and make uninstall. Included by tools/rules.mk.
#
# Copies what is built, as whoever calls it, and writes nowhere but below DESTDIR: after a plain `make`, `sudo make
# install` compiles nothing. The names are those of the GNU coding standards.
PREFIX ?= /usr/local
DESTDIR ?=
bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
datadir ?= $(PREFIX)/share
mandir ?= $(datadir)/man
docdir ?= $(datadir)/doc/muster
pkgconfigdir ?= $(libdir)/pkgconfig
unitdir ?= $(PREFIX)/lib/systemd/system
INSTALL ?= install
INSTALL_PROGRAM ?= $(INSTALL) -m 0755
INSTALL_DATA ?= $(INSTALL) -m 0644

# The sensor needs libbpf and the program's own objects, so it is not in the library.
INSTALLED_HEADERS := $(filter-out include/muster/sensor.h include/muster/tracer.h include/muster/kept.h,$(sort $(wildcard include/muster/*.h)))
INSTALLED_EXAMPLES := examples/Makefile $(sort $(wildcard examples/*.c))

# Each: a file, and where it goes.
completion = packaging/completion/$(1):$(datadir)/$(2)
INSTALLED_FILES = \
	$(INSTALLED_HEADERS:%=%:$(includedir)/muster) \
	$(B)/libmuster.a:$(libdir) \
	$(foreach section,1 5 7,$(patsubst %,%:$(mandir)/man$(section),$(filter %.$(section),$(MANUAL_PAGES)))) \
	$(call completion,muster.bash,bash-completion/completions/muster) \
	$(call completion,_muster,zsh/site-functions/_muster) \
	$(call completion,muster.fish,fish/vendor_completions.d/muster.fish) \
	LICENSE:$(docdir) $(patsubst %,%:$(docdir)/LICENSES,$(sort $(wildcard LICENSES/*))) \
	$(INSTALLED_EXAMPLES:%=%:$(docdir)/examples)

file_of = $(firstword $(subst :, ,$(1)))
# A completion has another name there; all else keeps its own.
target_of = $(if $(findstring completion/,$(file_of)),$(lastword $(subst :, ,$(1))),$(lastword $(subst :, ,$(1)))/$(notdir $(file_of)))

define install_data
	$(Q)$(INSTALL) -d "$(DESTDIR)$(dir $(call target_of,$(1)))"
	$(Q)$(INSTALL_DATA) $(file_of) "$(DESTDIR)$(target_of)"

endef

define remove
	$(Q)rm -f "$(DESTDIR)$(target_of)"

endef

.PHONY: install uninstall
install: $(B)/muster $(B)/libmuster.a $(MADE_PAGES) ## the program, libmuster.a, headers, manual pages, completions and the systemd unit, to PREFIX (/usr/local) below DESTDIR
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)$(INSTALL) -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(pkgconfigdir)" "$(DESTDIR)$(unitdir)"
	$(Q)$(INSTALL_PROGRAM) $(B)/muster "$(DESTDIR)$(bindir)/muster"
	$(foreach entry,$(INSTALLED_FILES),$(call install_data,$(entry)))
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(libdir))|' \
		-e 's|@INCLUDEDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(includedir))|' -e 's|@VERSION@|$(VERSION)|' \
		packaging/muster.pc.in >"$(DESTDIR)$(pkgconfigdir)/muster.pc"
	$(Q)sed -e 's|@BINDIR@|$(bindir)|' packaging/systemd/muster.service.in >"$(DESTDIR)$(unitdir)/muster.service"
	$(Q)chmod 0644 "$(DESTDIR)$(pkgconfigdir)/muster.pc" "$(DESTDIR)$(unitdir)/muster.service"

uninstall: ## remove what `make install` with the same PREFIX and DESTDIR put there
	$(call say,REMOVE,$(DESTDIR)$(PREFIX))
	$(Q)rm -f "$(DESTDIR)$(bindir)/muster" "$(DESTDIR)$(pkgconfigdir)/muster.pc" "$(DESTDIR)$(unitdir)/muster.service"
	$(foreach entry,$(INSTALLED_FILES),$(call remove,$(entry)))
	$(Q)for folder in "$(includedir)/muster" "$(docdir)/LICENSES" "$(docdir)/examples" "$(docdir)"; do \
		if [ -d "$(DESTDIR)$$folder" ]; then rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$folder"; fi; done
