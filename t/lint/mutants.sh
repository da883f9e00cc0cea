#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What the lists of t/mutants would break stands in the sources, once.
exec "${PERL:-perl}" -w "${srcdir:=.}/t/mutants" -c
