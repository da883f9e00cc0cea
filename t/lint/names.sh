#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A function that other files may call is named after the file that it stands
# in: its name begins with the file's, or with the first words of it, as
# session_life_end stands in session_life.c or session_life_store.c.
: "${srcdir:=.}"
cd "$srcdir" || exit 1
awk '
	function base(path,    n, part) {
		n = split(path, part, "/")
		sub(/\.c$/, "", part[n])
		return part[n]
	}
	FNR == 1 { file = base(FILENAME); type = "" }
	# "TYPE", and in the next line "name(...": what stands at column 0.
	type != "" && /^[a-z_0-9]+\(/ {
		name = $0
		sub(/\(.*/, "", name)
		if (type !~ /^static / && name != "main")
			check(name)
	}
	{ type = /^[a-z][a-z_0-9 *]*$/ ? $0 : "" }
	function check(name,    stem) {
		count++
		for (stem = file; ; sub(/_[^_]*$/, "", stem)) {
			if (name == stem || index(name, stem "_") == 1)
				return
			if (stem !~ /_/)
				break
		}
		print FILENAME ": " name " does not begin as the file does"
		is_wrong = 1
	}
	END {
		print count + 0 " functions"
		exit is_wrong || count == 0
	}' common/*/*.c ctl/*.c milter/*.c policy/*.c relay/*.c
