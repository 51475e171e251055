#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# packaging/windows/sign-test.sh UNSIGNED FOLDER
#
# Signs a copy of the driver UNSIGNED for machines that have test signing on: FOLDER/muster.sys, with the
# certificate FOLDER/muster-test.cer, which is made once and signs itself. Its key stays in FOLDER,
# under build/, and is nobody's to keep or to trust: make clean, and it is gone.
set -eu

[ $# -eq 2 ] || { sed -n '4,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
unsigned=$1
folder=$2
umask 077
mkdir -p "$folder"
key=$folder/muster-test.key
certificate=$folder/muster-test.pem
log=$(mktemp)
trap 'rm -f "$log" "$folder/muster.sys.new"' EXIT

quietly() {
    "$@" >"$log" 2>&1 </dev/null || { cat "$log" >&2; exit 1; }
}

if [ ! -s "$key" ] || [ ! -s "$certificate" ]; then
    quietly openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 365 -keyout "$key" -out "$certificate" \
        -subj '/CN=Muster test signing, of no worth' -addext 'basicConstraints=critical,CA:FALSE' \
        -addext 'keyUsage=critical,digitalSignature' -addext 'extendedKeyUsage=critical,codeSigning'
    quietly openssl x509 -in "$certificate" -outform DER -out "$folder/muster-test.cer"
    chmod 644 "$folder/muster-test.cer"
fi

rm -f "$folder/muster.sys.new"
quietly osslsigncode sign -h sha256 -certs "$certificate" -key "$key" -n 'Muster' -in "$unsigned" -out "$folder/muster.sys.new"
quietly osslsigncode verify -CAfile "$certificate" -in "$folder/muster.sys.new"
chmod 755 "$folder/muster.sys.new"
mv "$folder/muster.sys.new" "$folder/muster.sys"
