# SPDX-License-Identifier: Apache-2.0
# What the tests under Wine need on top of what ships. Included by tools/rules.mk.
#
# pstest.sys        stands in for what Wine's kernel lacks, and raises process events (pstest/pstest.h)
# wine/muster.sys   the driver's own objects once more, linked so that those names come from pstest.sys
# device_probe.exe  talks to both devices and prints the truth

WINE_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Iinclude -Itests/wine/pstest -MMD -MP -O2
WINE_DRIVER_CFLAGS := $(WINE_CFLAGS) -isystem $(MINGW_DDK) -D_WIN32_WINNT=0x0a00 -ffreestanding -mno-stack-arg-probe \
	-fno-stack-protector
WINE_DRIVER_LINK := -nostdlib -shared -s -Wl,--subsystem,native:10.0,--dynamicbase,--nxcompat,--section-alignment,0x1000 \
	-Wl,--no-insert-timestamp -Wl,-e,DriverEntry

PSTEST_OBJECTS := $(patsubst %.c,$(B)/wine/%.o,$(sort $(wildcard tests/wine/pstest/*.c)))

$(B)/wine/tests/wine/pstest/%.o: tests/wine/pstest/%.c
	$(call say,CC-wine,$<)
	@mkdir -p $(@D)
	$(Q)$(MINGW_CC) $(WINE_DRIVER_CFLAGS) -c $< -o $@

$(B)/wine/pstest.sys: $(PSTEST_OBJECTS) tests/wine/pstest/pstest.def
	$(call say,LINK-sys,$@)
	$(Q)$(MINGW_CC) $(WINE_DRIVER_LINK) $^ -o $@ -lntoskrnl

$(B)/wine/libpstest.a: tests/wine/pstest/pstest.def
	@mkdir -p $(@D)
	$(Q)$(shell $(MINGW_CC) -print-prog-name=dlltool) -d $< -l $@

# With the libraries in this order a name that pstest.def has is taken from there.
$(B)/wine/muster.sys: $(DRIVER_OBJECTS) $(B)/mingw-kernel/driver_nt/muster.res.o $(B)/wine/libpstest.a tools/nt-finish-image
	$(call say,LINK-sys,$@)
	$(Q)$(MINGW_CC) $(DRIVER_LDFLAGS) $(filter %.o,$^) $(B)/wine/libpstest.a -lntoskrnl -o $@
	$(Q)$(PYTHON) tools/nt-finish-image $@ INIT

$(B)/wine/device_probe.exe: tests/wine/probes/device_probe.c
	$(call say,PROBE,$@)
	@mkdir -p $(@D)
	$(Q)$(MINGW_CC) $(WINE_CFLAGS) -MF $(B)/wine/device_probe.d -D__USE_MINGW_ANSI_STDIO=1 -static -s $< -o $@ -lntdll

WINE_PROGRAMS := $(B)/wine/pstest.sys $(B)/wine/muster.sys $(B)/wine/device_probe.exe $(B)/muster.sys $(B)/muster.exe

.PHONY: wine-programs
wine-programs: $(WINE_PROGRAMS) package-windows package-windows-test-signed ## build what the tests under Wine run
