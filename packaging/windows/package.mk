# SPDX-License-Identifier: Apache-2.0
# Packages for Windows. Included by tools/rules.mk.
#
# package-windows              the zip as it would go to Microsoft for signing: the driver is not signed
# package-windows-test-signed  the same for a machine with test signing on; its certificate is in it

WINDOWS_PACKAGE := $(B)/muster-$(VERSION)-windows-x64.zip
WINDOWS_TEST_PACKAGE := $(B)/muster-$(VERSION)-windows-x64-test-signed.zip
WINDOWS_COMMON := muster.exe=$(B)/muster.exe muster.inf=packaging/windows/muster.inf.in install.cmd=packaging/windows/install.cmd \
	remove.cmd=packaging/windows/remove.cmd first-hour-on-windows.md=docs/first-hour-on-windows.md LICENSE.txt=LICENSE
WINDOWS_SOURCES := $(wildcard packaging/windows/*) docs/first-hour-on-windows.md LICENSE VERSION

$(B)/signed/muster.sys: $(B)/muster.sys packaging/windows/sign-test.sh
	$(call say,SIGN,$@)
	$(Q)packaging/windows/sign-test.sh $< $(@D)

$(WINDOWS_PACKAGE): $(B)/muster.sys $(B)/muster.exe $(WINDOWS_SOURCES)
	$(call say,ZIP,$@)
	$(Q)packaging/windows/make-package $@ $(VERSION) $(WINDOWS_COMMON) muster.sys=$(B)/muster.sys

$(WINDOWS_TEST_PACKAGE): $(B)/signed/muster.sys $(B)/muster.exe $(WINDOWS_SOURCES)
	$(call say,ZIP,$@)
	$(Q)packaging/windows/make-package $@ $(VERSION) $(WINDOWS_COMMON) muster.sys=$< muster-test.cer=$(B)/signed/muster-test.cer

.PHONY: package-windows package-windows-test-signed
package-windows: $(WINDOWS_PACKAGE) ## the zip for Windows, its driver not signed
	@:

package-windows-test-signed: $(WINDOWS_TEST_PACKAGE) ## the zip for Windows machines that have test signing on
	@:
