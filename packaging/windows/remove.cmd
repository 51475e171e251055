@echo off
rem SPDX-License-Identifier: Apache-2.0
rem
rem remove.cmd: stops the driver, and takes its service and its file away. As administrator.
rem What nobody has read by then is gone.
setlocal

"%~dp0muster.exe" driver remove
if errorlevel 1 exit /b 1
