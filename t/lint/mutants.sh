#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What t/mutants.list would break stands in the sources, once.
exec "${PERL:-perl}" -w "${srcdir:=.}/t/mutants" -c
