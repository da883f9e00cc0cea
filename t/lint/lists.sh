#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Each list of tests in t/t.am, and each list of sources, names what stands in
# the folders: all of it, once, in order.  A test that is in no list does not
# run.
: "${srcdir:=.}"
cd "$srcdir" || exit 1
LC_ALL=C
export LC_ALL
want=$(mktemp) && got=$(mktemp) && wrong=$(mktemp) || exit 1
trap 'rm -f "$want" "$got" "$wrong"' EXIT

# Prints the words of a list in an automake fragment.
list() {
	sed -n "/^$2 = /,/[^\\\\]\$/p" "$1" | tr -s ' \t\\' '\n' |
	    sed -e 1,2d -e '/^$/d'
}

# check FRAGMENT LIST [SED-SCRIPT] < the names that there are
check() {
	sed "${3:-}" | sort > "$want"
	list "$1" "$2" > "$got"
	[ -s "$got" ] && cmp -s "$want" "$got" && return
	echo "$1: $2 is not what there is, in order:"
	diff "$want" "$got"
	echo "$2" >> "$wrong"		# each runs in a pipeline
}

files() {
	ls "$@" 2> /dev/null
}

files t/unit/*_test.c | check t/t.am UNIT_TESTS 's/\.c$//'
files t/fuzz/*_fuzz.c | check t/t.am FUZZ_TESTS 's/\.c$//'
files t/lint/*.sh t/unit/*.sh | check t/t.am LINT_TESTS
files t/replay/*.replay | check t/t.am REPLAY_TESTS
files t/replay/*.dialogue | check t/t.am DIALOGUE_TESTS
files t/replay/preamble/* | check t/t.am DIALOGUE_PREAMBLES
files t/mutants.d/*.list | check t/t.am MUTANT_LISTS
files t/live/relay-*.t | check t/t.am RELAY_LIVE_TESTS
files t/live/*.t | grep -v -e /relay- -e -oracle | check t/t.am LIVE_TESTS
files t/live/*-oracle.t | check t/t.am ORACLE_TESTS

files common/*/*.[ch] | check common/common.am common_libcommon_a_SOURCES
for dir in ctl milter policy relay; do
	files $dir/*.[ch] | grep -v /main.c |
	    check $dir/$dir.am "${dir}_lib${dir}_a_SOURCES"
done

# Two of one stem have one log, and one of them does not run.
files t/*/*.replay t/*/*.dialogue t/*/*.t t/*/*.sh t/*/*_test.c t/*/*_fuzz.c |
    sed 's/\.[a-z]*$//' | sort | uniq -d > "$got"
[ ! -s "$got" ] || {
	echo "two tests have one stem:"
	tee -a "$wrong" < "$got"
}
[ ! -s "$wrong" ]
