#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# No circle of calls between files of different modules.  Files are one module
# if they stand in one directory and have one stem: the first word of the name.
# What is linked is what counts: XC_OBJECTS are the archives and objects that
# the programs are made of.
: "${NM:=nm}"
[ -n "$XC_OBJECTS" ] || { echo "XC_OBJECTS is empty"; exit 1; }

# An archive is a directory; that of common/ is several, which have an order
# of their own (layers.sh).
# shellcheck disable=SC2086
$NM -P -A $XC_OBJECTS | awk '
	# What can be reached from a file by calls.
	function reach(from, at,    i, n, to) {
		n = split(calls[at], to, " ")
		for (i = 1; i <= n; i++)
			if (!((from, to[i]) in reached)) {
				reached[from, to[i]] = 1
				reach(from, to[i])
			}
	}
	function module(file,    stem) {
		stem = file
		sub(/.*\[/, "", stem)
		sub(/\.o$/, "", stem)
		sub(/_.*/, "", stem)
		sub(/\[.*/, "", file)
		return file "/" stem
	}

	# "archive[object]: symbol type value size", "object: symbol ..."
	{
		file = $1
		sub(/\]?:$/, "", file)
		files[file] = 1
		if ($3 == "U")
			wants[file] = wants[file] " " $2
		else if ($3 ~ /^[TDBRVW]$/)
			where[$2] = file
	}
	END {
		for (file in files) {
			n = split(wants[file], symbols, " ")
			for (i = 1; i <= n; i++) {
				to = where[symbols[i]]
				if (to != "" && to != file)
					calls[file] = calls[file] " " to
			}
		}
		for (file in files)
			reach(file, file)
		for (a in files)
			for (b in files)
				if (a < b && module(a) != module(b) &&
				    ((a, b) in reached) &&
				    ((b, a) in reached)) {
					print "a circle of calls: " a ", " b
					bad = 1
				}
		for (file in files)
			count++
		print count " files"
		exit bad || count == 0
	}'
