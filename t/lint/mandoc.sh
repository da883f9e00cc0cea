#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The manual pages give mandoc nothing to complain about.
: "${srcdir:=.}"
command -v mandoc > /dev/null || { echo 'no mandoc'; exit 77; }
set -- "$srcdir"/man/*.[1-9]
[ -e "$1" ] || { echo "no manual pages in $srcdir/man"; exit 1; }
# Its standard error has but what it says of its own database.
said=$(mandoc -T lint -W style "$@" 2> /dev/null |
    grep -v -e 'referenced manual not found' \
    -e 'operating system explicitly specified' \
    -e 'Mdocdate missing')
[ -z "$said" ] || { printf '%s\n' "$said"; exit 1; }
