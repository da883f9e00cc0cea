#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# "bootstrap check" names what was skipped, and why, at its end, and ends as
# make did; and bootstrap knows the package of clang's run-time library, whose
# name has a version in it, in Debian 12 and 13.  Instead of make, automake's own
# drivers run tests of ours; what apt and dpkg say is what they say there.
set -u
srcdir=$(cd "${srcdir:-.}" && pwd)
status=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset BUILD CONFIGURE_FLAGS

complain() {
	echo "$*"
	status=1
}

# tool NAME: makes a command of what stands on standard input.
tool() {
	{ echo '#!/bin/sh'; cat; } > "$1"
	chmod +x "$1"
}

# wants NAME GOT WANT
wants() {
	[ "$2" = "$3" ] || {
		complain "$1:"
		printf 'got:\n%s\nwant:\n%s\n' "$2" "$3"
	}
}

mkdir -p "$dir/bin" "$dir/build-aux" "$dir/build/t" "$dir/build-exim" \
    "$dir/build-sendmail"
cp "$srcdir/bootstrap" "$dir" || exit 1
# All that it would make is there.
: > "$dir/Makefile.in"
: > "$dir/build-aux/tap-driver.sh"
: > "$dir/build/Makefile"
: > "$dir/build-exim/unpacked"
: > "$dir/build-sendmail/unpacked"
tool "$dir/configure" < /dev/null
PATH=$dir/bin:$PATH
export PATH

# What was skipped.
tool "$dir/t-all.t" <<'END'
echo '1..0 # SKIP no Sendmail here'
END
tool "$dir/t-part.t" <<'END'
printf '1..2\nok 1 - good\nok 2 # SKIP no IPv6\n'
END
tool "$dir/t-good.t" <<'END'
printf '1..1\nok 1 - SKIP is a word\n'
END
tool "$dir/t-lint.sh" <<'END'
echo 'looks for mandoc'; echo 'no mandoc'; exit 77
END
tool "$dir/t-silent.sh" <<'END'
exit 77
END
tool "$dir/t-old.sh" <<'END'
echo 'an earlier run'; exit 77
END
tool "$dir/bin/dpkg-query" <<'END'
case $* in
*Depends*) echo 'Depends: clang-14 (>= 14~)' ;;
*) printf installed ;;
esac
END
tool "$dir/bin/apt-cache" < /dev/null
tool "$dir/bin/apt-get" <<END
echo "apt-get \$*" >> "$dir/fetched"
exit 1
END
# run_test DRIVER NAME
tool "$dir/run_test" <<END
cd "$dir/build" || exit
log=t/\${2%.*}.log
"$srcdir/build-aux/\$1" --test-name "t/\$2" --log-file "\$log" \\
    --trs-file "\${log%.log}.trs" --color-tests no --enable-hard-errors yes \\
    --expect-failure no -- "$dir/t-\$2"
END
tool "$dir/bin/make" <<END
case \$* in
*check*) ;;
*) exit 0 ;;
esac
for name in all part good; do
	"$dir/run_test" tap-driver.sh \$name.t
done
for name in lint silent; do
	"$dir/run_test" test-driver \$name.sh
done
exit 2
END
"$dir/run_test" test-driver old.sh > /dev/null
touch -d '1 hour ago' "$dir"/build/t/old.*
said=$("$dir/bootstrap" check 2>&1)
wants 'its exit status' $? 2
wants 'what was skipped' "$(echo "$said" | tail -n 4)" \
'skipped: t/all.t - no Sendmail here
skipped: t/lint.sh - no mandoc
skipped: t/part.t 2 # SKIP no IPv6
skipped: t/silent.sh (exit status: 77)'
wants 'what else was' "$(echo "$said" | grep -c skipped)" 4

# clang's run-time library: RELEASE, WANT; what apt says of a clang that is not
# installed stands on standard input.
offers() {
	cat > "$dir/offered"
	tool "$dir/bin/apt-cache" <<-END
		cat "$dir/offered"
	END
	tool "$dir/bin/dpkg-query" <<-'END'
		echo 'dpkg-query: no packages found matching clang' >&2
		exit 1
	END
	wants "$1" "$("$dir/bootstrap" packages | grep libclang)" "$2"
}
offers 'Debian 12' libclang-rt-14-dev <<'END'
Package: clang
Source: llvm-defaults (0.55.7~deb12u1)
Version: 1:14.0-55.7~deb12u1
Replaces: clang (<< 3.2-1~exp2), clang-3.2, clang-3.3, clang-3.4 (<< 1:3.4.2-7~exp1)
Depends: clang-14 (>= 14~)
Breaks: clang-3.2, clang-3.3, clang-3.4 (<< 1:3.4.2-7~exp1), clang-3.5 (<< 1:3.5~+rc1-3~exp1)
Description-en: C, C++ and Objective-C compiler (LLVM based), clang binary
END
offers 'Debian 13' libclang-rt-19-dev <<'END'
Package: clang
Source: llvm-defaults (0.63)
Version: 1:19.0-63
Replaces: clang (<< 3.2-1~exp2), clang-3.2, clang-3.3, clang-3.4 (<< 1:3.4.2-7~exp1), clang-3.5 (<< 1:3.5~+rc1-3~exp1)
Depends: clang-19 (>= 19~)
Breaks: clang-3.2, clang-3.3, clang-3.4 (<< 1:3.4.2-7~exp1), clang-3.5 (<< 1:3.5~+rc1-3~exp1)
Description-en: C, C++ and Objective-C compiler (LLVM based), clang binary
END
# A package that only some have is asked for where it is.
tool "$dir/bin/apt-cache" <<'END'
case $* in
*rspamd) [ -e "$0.rspamd" ] && echo 'Package: rspamd' ;;
*) printf 'Package: clang\nDepends: clang-14\n' ;;
esac
END
wants 'a Debian without rspamd' \
    "$("$dir/bootstrap" packages | grep -c rspamd)" 0
: > "$dir/bin/apt-cache.rspamd"
wants 'a Debian with rspamd' "$("$dir/bootstrap" packages | grep rspamd)" rspamd
[ ! -e "$dir/fetched" ] || complain "it wanted $(cat "$dir/fetched")"
exit $status
