# SPDX-License-Identifier: Apache-2.0
# How build/muster.sys is linked. Included by tools/rules.mk.

DRIVER_SOURCES := $(sort $(wildcard driver_nt/*.c))
DRIVER_OBJECTS := $(patsubst %.c,$(B)/mingw-kernel/%.o,$(CORE_SOURCES) platform/nt_platform.c $(DRIVER_SOURCES))
MINGW_WINDRES ?= x86_64-w64-mingw32-windres
VERSION_NUMBERS := $(subst .,$(,),$(VERSION)),0

$(DRIVER_OBJECTS): KERNEL_CFLAGS += -DMUSTER_VERSION_NUMBERS=$(VERSION_NUMBERS)
$(DRIVER_OBJECTS): VERSION
$(B)/mingw-kernel/driver_nt/stack_protector.o: KERNEL_CFLAGS += -fno-stack-protector

$(B)/mingw-kernel/driver_nt/muster.res.o: driver_nt/muster.rc VERSION
	$(call say,WINDRES,$<)
	@mkdir -p $(@D)
	$(Q)$(MINGW_WINDRES) -D 'MUSTER_VERSION="\"$(VERSION)\""' -D 'MUSTER_VERSION_NUMBERS=$(VERSION_NUMBERS)' $< -o $@

# --forceinteg             without it PsSetCreateProcessNotifyRoutineEx refuses
# --dynamicbase, --nxcompat, --high-entropy-va   ASLR and no executable data
# --no-insert-timestamp    two builds are the same
# -s                       symbols are kept in muster.sys.debug, which nobody has to install
DRIVER_LDFLAGS := -nostdlib -shared -Wl,--subsystem,native:10.0 -Wl,--major-os-version,10 -Wl,--minor-os-version,0 \
	-Wl,-e,DriverEntry -Wl,--wdmdriver -Wl,--dynamicbase -Wl,--nxcompat -Wl,--high-entropy-va -Wl,--forceinteg \
	-Wl,--section-alignment,0x1000 -Wl,--file-alignment,0x200 -Wl,--image-base,0x140000000 -Wl,--no-insert-timestamp \
	-Wl,--exclude-all-symbols -Wl,--no-seh -s

$(B)/muster.sys: $(DRIVER_OBJECTS) $(B)/mingw-kernel/driver_nt/muster.res.o tools/nt-finish-image
	$(call say,LINK-sys,$@)
	$(Q)$(MINGW_CC) $(DRIVER_LDFLAGS) $(filter %.o,$^) -lntoskrnl -o $@
	$(Q)$(PYTHON) tools/nt-finish-image $@ INIT
