# SPDX-License-Identifier: Apache-2.0
# How build/muster.exe is built: core, sinks and agent as on Linux, and what is for Windows. Included by
# tools/rules.mk.

EXE_SOURCES := $(CORE_SOURCES) platform/win32_platform.c $(SINK_SOURCES) $(CAPTURE_SOURCES) \
	$(filter-out $(AGENT_LINUX_ONLY),$(AGENT_SOURCES)) $(AGENT_WINDOWS_ONLY)
EXE_OBJECTS := $(EXE_SOURCES:%.c=$(B)/mingw-exe/%.o)
MINGW_WINDRES ?= x86_64-w64-mingw32-windres

# -municode                       wmain, so the command line as it is
# __USE_MINGW_ANSI_STDIO          printf of the standard: %zu, %PRIu64
# _POSIX_THREAD_SAFE_FUNCTIONS    localtime_r
# _WIN32_WINNT                    Windows 10
EXE_CFLAGS := -D_WIN32_WINNT=0x0a00 -D__USE_MINGW_ANSI_STDIO=1 -D_POSIX_THREAD_SAFE_FUNCTIONS=200112L -DUNICODE -D_UNICODE -municode \
	-fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$(CURDIR)=. -O2 -g

# --dynamicbase, --nxcompat, --high-entropy-va   ASLR and no executable data
# --no-insert-timestamp                          two builds are the same
# -static                                        nothing but what Windows has; tools/check-nt-exe proves it
# -s                                             no symbols: they are half of the file
EXE_LDFLAGS := -municode -static -Wl,--subsystem,console:10.0 -Wl,--major-os-version,10 -Wl,--minor-os-version,0 \
	-Wl,--dynamicbase -Wl,--nxcompat -Wl,--high-entropy-va -Wl,--no-insert-timestamp -s

$(EXE_OBJECTS): VERSION

$(B)/mingw-exe/%.o: %.c
	$(call say,CC-exe,$<)
	@mkdir -p $(@D)
	$(Q)$(MINGW_CC) $(STANDARD) $(MINGW_WARNINGS) -Iinclude -MMD -MP $(EXE_CFLAGS) -c $< -o $@

$(B)/mingw-exe/core/%.o: core/%.c
	$(call say,CC-exe,$<)
	@mkdir -p $(@D)
	$(Q)$(MINGW_CC) $(STANDARD) $(MINGW_WARNINGS) -Iinclude -MMD -MP $(EXE_CFLAGS) -ffreestanding -I. -c $< -o $@

$(B)/mingw-exe/platform/%.o: platform/%.c
	$(call say,CC-exe,$<)
	@mkdir -p $(@D)
	$(Q)$(MINGW_CC) $(STANDARD) $(MINGW_WARNINGS) -Iinclude -MMD -MP $(EXE_CFLAGS) -I. -c $< -o $@

$(B)/mingw-exe/muster_exe.res.o: agent/muster_exe.rc agent/muster_exe.manifest VERSION
	$(call say,WINDRES,$<)
	@mkdir -p $(@D)
	$(Q)$(MINGW_WINDRES) -D 'MUSTER_VERSION="\"$(VERSION)\""' -D 'MUSTER_VERSION_NUMBERS=$(subst .,$(,),$(VERSION)),0' $< -o $@

$(B)/muster.exe: $(EXE_OBJECTS) $(B)/mingw-exe/muster_exe.res.o
	$(call say,LINK-exe,$@)
	$(Q)$(MINGW_CC) $(EXE_LDFLAGS) $^ -ladvapi32 -lssp -o $@
