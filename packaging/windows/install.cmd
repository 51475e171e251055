@echo off
rem SPDX-License-Identifier: Apache-2.0
rem
rem install.cmd: installs the muster.sys beside this file, and starts it. As administrator.
rem Windows has to accept its signature: docs/first-hour-on-windows.md says what that takes.
setlocal

"%~dp0muster.exe" driver install "%~dp0muster.sys"
if errorlevel 1 exit /b 1
"%~dp0muster.exe" driver start
if errorlevel 1 exit /b 1
"%~dp0muster.exe" driver status
if errorlevel 1 exit /b 1
echo Now: "%~dp0muster.exe" watch
