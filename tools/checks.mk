# SPDX-License-Identifier: Apache-2.0
# What `make check` is made of, each part a target of its own. Included by the Makefile.

.PHONY: check-built check-unit check-text check-library check-asan check-tsan check-sim check-driver check-fuzz check-capture check-simulator check-model check-deep check-wine check-live check-vm check-vm-built check-compilers check-mingw check-nt check-layers check-headers \
	check-format format compile-commands

RUN_TESTS := $(PYTHON) tests/run_tests.py

# The runner's line is the last that is printed. Everything is built before the first test runs,
# so that a live test does not see the compiler at work.
check-built: check-layers check-headers check-format all check-compilers check-mingw check-nt probes variants wine-programs unit-plain unit-asan unit-tsan text-programs \
		sim-plain sim-asan sim-tsan driver-plain driver-asan driver-tsan origin-programs replay-plain replay-asan capture-programs simulator-plain simulator-asan
	$(Q)$(RUN_TESTS) $(plain_TESTS) $(asan_TESTS) $(tsan_TESTS) $(sim_plain_TESTS) $(sim_asan_TESTS) $(sim_tsan_TESTS) \
		$(driver_plain_TESTS) $(driver_asan_TESTS) $(driver_tsan_TESTS) $(replay_plain_TESTS) $(replay_asan_TESTS) tests/fuzz tests/model tests/simulator tests/capture tests/origin $(text_TESTS) tests/text tests/library tests/golden tests/live tests/vm tests/wine

check-unit: unit-plain ## the unit tests
	$(Q)$(RUN_TESTS) $(plain_TESTS)

check-asan: unit-asan ## the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)$(RUN_TESTS) $(asan_TESTS)

check-tsan: unit-tsan ## the unit tests under ThreadSanitizer
	$(Q)$(RUN_TESTS) $(tsan_TESTS)

check-sim: sim-plain sim-asan sim-tsan ## the simulated NT kernel, and driver source on it, in all three builds
	$(Q)$(RUN_TESTS) $(sim_plain_TESTS) $(sim_asan_TESTS) $(sim_tsan_TESTS)

check-driver: driver-plain driver-asan driver-tsan origin-programs ## the driver on the simulated NT kernel, in all three builds
	$(Q)$(RUN_TESTS) $(driver_plain_TESTS) $(driver_asan_TESTS) $(driver_tsan_TESTS) tests/origin

check-text: text-programs ## every text through every output format
	$(Q)$(RUN_TESTS) $(text_TESTS) tests/text

check-library: all ## what `make install` puts there, and the examples against it
	$(Q)$(RUN_TESTS) tests/library

check-fuzz: replay-plain replay-asan ## the kept hostile inputs, planted bugs, and two readings of the record's format
	$(Q)$(RUN_TESTS) $(replay_plain_TESTS) $(replay_asan_TESTS) tests/fuzz

check-capture: all capture-programs ## captures: written, read back, damaged in every way
	$(Q)$(RUN_TESTS) tests/capture

check-simulator: simulator-plain simulator-asan ## the whole way of an event in one seeded thread, and planted bugs that it finds
	$(Q)$(RUN_TESTS) tests/simulator

check-model: ## the protocols as models, searched exhaustively and replayed, and every bug that is planted in them (minutes)
	$(Q)MUSTER_DEEP=1 $(RUN_TESTS) --timeout 1800 tests/model

check-deep: all probes variants driver-plain unit-plain text-programs replay-asan simulator-plain simulator-asan ## what takes longer than `make check` may: 100,000 life cycles, all control codes, all texts, hundreds of SIGKILLs, ten minutes at full rate (hours; as root)
	$(Q)MUSTER_DEEP=1 MUSTER_LIFE_CYCLES=100000 $(RUN_TESTS) --timeout 14400 $(driver_plain_TESTS) $(B)/plain/tests/unit/text_utf16_test $(B)/plain/tests/unit/account_crash_test $(text_TESTS) tests/fuzz/planted_bugs_test.py tests/simulator tests/model \
		tests/live/service_kill_test.py tests/live/stall_test.py tests/deep

check-wine: wine-programs ## the Windows binaries in Wine
	$(Q)$(RUN_TESTS) tests/wine

check-live: all probes variants ## the tests of the command line and those on the real kernel (as root)
	$(Q)$(RUN_TESTS) tests/golden tests/live

check-vm: ## the live tests on Debian's 6.1 and 6.12 kernels in QEMU (long: the processor is emulated); installs what that needs
	@tools/install-dependencies vm
	@$(MAKE) --no-print-directory $(JOBS) check-vm-built

check-vm-built: $(B)/muster probes variants
	$(Q)tests/vm/check_vm.py --build $(B)

# make itself has built with CC; the other compiler has to find nothing to say either.
check-compilers: ## build with clang too
	$(Q)$(MAKE) --no-print-directory B=$(B)/clang CC=$(CLANG) $(B)/clang/muster

# The same sources for Windows, as user and as kernel code; the latter may need nothing but what
# tools/nt-imports.allow has.
check-mingw: $(MINGW_USER_OBJECTS) $(DRIVER_OBJECTS) ## core builds for Windows, user and kernel, and imports only what it may
	$(Q)MINGW_CC=$(MINGW_CC) tools/check-nt-imports $(DRIVER_OBJECTS)

# As they would ship: mitigations, sections, imports, version; and two builds are the same bytes.
NT_BINARIES := $(B)/muster.sys $(B)/muster.exe

check-nt: $(NT_BINARIES) ## inspect the Windows binaries, and build them a second time
	$(Q)tools/check-nt-binary $(NT_BINARIES)
	$(Q)tools/check-nt-reproducible $(NT_BINARIES)

check-layers: ## which folder may include what
	$(Q)tools/check-layers

check-headers: ## each public header compiles alone, as C and C++
	$(Q)tools/check-headers

FORMATTED = $(shell git ls-files -co --exclude-standard '*.c' '*.h')

check-format: ## fails where `make format` would change something
	$(Q)test -n "$(firstword $(FORMATTED))" || { echo 'check-format: git lists no files' >&2; exit 1; }
	$(Q)$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)

format: ## bring all C files into the project's form
	$(Q)$(CLANG_FORMAT) -i $(FORMATTED)

compile-commands: ## compile_commands.json for clangd (needs bear)
	$(Q)bear -- $(MAKE) --no-print-directory -B all
