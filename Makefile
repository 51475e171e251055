# SPDX-License-Identifier: Apache-2.0
# Muster. `make help` says what there is. Everything built lands under build/; V=1 shows the commands.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
# Objects that only a pattern asks for are kept too.
.SECONDARY:
.DEFAULT_GOAL := all

VERSION := $(shell cat VERSION)

# CC is make's own default unless somebody chose one.
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
CLANG_FORMAT ?= clang-format-14
PYTHON ?= python3
# bpftool lives in sbin, which is not on everyone's PATH.
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)

B := build
# For run and check, which are whole commands; a plain make keeps to the -j it is given.
JOBS = -j$(shell nproc)
, := ,
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

WARNINGS := -Wall -Wextra -Werror -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough \
	-Wnull-dereference -Wdouble-promotion -Wno-variadic-macros
IS_CLANG := $(shell $(CC) --version 2>/dev/null | grep -c clang)
ifneq ($(IS_CLANG),0)
WARNINGS += -Wthread-safety
else
WARNINGS += -Wlogical-op -Wduplicated-cond -Wduplicated-branches
endif

CFLAGS ?= -O2 -g
STANDARD := -std=c11 -D_GNU_SOURCE -DMUSTER_VERSION='"$(VERSION)"'
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LINK_HARDENING := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ALL_CFLAGS = $(STANDARD) $(WARNINGS) -Iinclude -MMD -MP $(CFLAGS)

include tools/rules.mk

.PHONY: all run check clean help
all: $(B)/muster $(B)/muster.sys $(B)/muster.exe ## build build/muster, build/muster.sys and build/muster.exe
	@:

run: ## install what is missing, build, and show live process events (as root)
	@tools/install-dependencies run
	@$(MAKE) --no-print-directory $(JOBS) $(B)/muster
	@tools/run

check: ## install what is missing, build, and run every test of the fast tier (as root)
	@tools/install-dependencies check
	@$(MAKE) --no-print-directory $(JOBS) check-built

include tools/checks.mk

clean: ## remove build/
	$(Q)rm -rf $(B)

help: ## this list
	@awk -F':.*## ' '/^[a-z][a-z_-]*:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
