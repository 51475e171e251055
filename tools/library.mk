# SPDX-License-Identifier: Apache-2.0
# libmuster.a, for programs that want the queue, the cache, the records and the sinks. Included by tools/rules.mk.
#
# One object: what one file of ours needs of another is bound here and hidden again, so that a program which links it
# meets no name but those of packaging/libmuster.exports. Position-independent, so that it may go into a shared library
# of somebody else's; in sections, so that a linker with --gc-sections leaves out what is not used.
LIBRARY_EXPORTS := packaging/libmuster.exports
LIBRARY_SOURCES := $(CORE_SOURCES) $(SINK_SOURCES) $(CAPTURE_SOURCES) $(PLATFORM_SOURCES)
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(B)/library/%.o)
LIBRARY_CFLAGS := -I. -fPIC -fstack-protector-strong -ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=. -pthread
LD ?= ld
OBJCOPY ?= objcopy
ifeq ($(origin AR),default)
AR := ar
endif

$(B)/library/core/%.o: LIBRARY_CFLAGS += -ffreestanding

$(B)/library/%.o: %.c
	$(call say,CC-lib,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LIBRARY_CFLAGS) -c $< -o $@

$(B)/library/muster.o: $(LIBRARY_OBJECTS) $(LIBRARY_EXPORTS)
	$(call say,LINK-lib,$@)
	$(Q)$(LD) -r $(LIBRARY_OBJECTS) -o $@.all
	$(Q)sed 's/#.*//' $(LIBRARY_EXPORTS) >$@.exports
	$(Q)$(OBJCOPY) --keep-global-symbols=$@.exports $@.all $@

$(B)/libmuster.a: $(B)/library/muster.o
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $<

all: $(B)/libmuster.a
