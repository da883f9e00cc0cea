/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue: plays dialogue files against the relay's state machine
 * (relay/dialogue.h): a client, next hops and a clock that are all the file's.
 * Its output is TAP, six tests a file: as it stands, all lines that stand
 * together at once; byte by byte; cut in two at each byte; and what must hold
 * in any case (t/lib/stage.c) when at each byte the client goes away, the next
 * hop goes away, or the next hop says what nobody has asked for.
 *
 * With "-f" before the files only the first two, until one fails.
 *
 * Environment: DIALOGUE_OCTETS, what a sweep may play in all (default 1000000);
 * where that does not do for each byte of a file, each nth has to do.
 *
 * A file is a title and lines:
 *	title SENTENCE
 *	preamble NAME		the lines of preamble/NAME beside the file:
 *				a configuration, and how what follows begins
 *	columns NAME | NAME ...
 *	row TEXT | TEXT ...	the file is a table: all of it is played once
 *				for each row, whose texts stand in place of
 *				$NAME in the title and in all other lines
 *	config / end		a configuration between them, with a relay in it
 *	peer ADDRESS [PORT [NAME]]	who connects; "peer unix"
 *	proxy WORD=VALUE ...	the PROXY header before: source, destination
 *				(ADDRESS/PORT), authority, unique_id,
 *				ssl_version, cipher, cn, verified, aws, azure,
 *				gcp; "proxy local"; name of the source, or
 *				untold
 *	addresses N		of each next hop (default 1)
 *	hand-over fails
 * what happens:
 *	client: TEXT, hop: TEXT	a line, to which CRLF is added
 *	client= TEXT, hop= TEXT	without CRLF
 *	client! TEXT, hop! TEXT	a line; such lines that stand together come at
 *				once whatever is done
 *	client* N TEXT		N lines
 *	client eof, client lost, hop eof, hop lost WHY, hop unknown WHY
 *	connected		to the next hop
 *	secured client [FINGERPRINT], secured hop
 *	wait SECONDS		the clock goes on, and ticks
 *	room client N, room hop N	they take so many octets
 *	stop			the daemon is about to
 *	revoke WHAT, unrevoke WHAT
 * and what must come of it, all of it, in order for each side:
 *	to-client: PATTERN, to-hop: PATTERN	a line, without its CRLF
 *	to-client= TEXT, to-hop= TEXT	exactly these octets
 *	to-hop* N TEXT		N lines
 *	to-hop header		a PROXY header; "to-hop header SOURCE/PORT", or
 *				with a blank and DESTINATION/PORT behind that
 *	connect PATTERN, connect-next, disconnect, secure hop,
 *	hand-over PATTERN, secure client, close
 *	note PATTERN		a note that came since something happened last;
 *				grave ones must be told
 *	nonote PATTERN		none like that came
 *	rule PATTERN		by which rule XCLIENT was decided about in the
 *				last note
 *	deadline SECONDS	from now
 *	wants SIDE, ignores SIDE	whether more of its bytes are of use
 * In a pattern "*" is any text.  In all texts "\r", "\n", "\\" and "\xHH" stand
 * for octets.
 */
#include <sys/stat.h>

#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "player.h"

static const char *const	 way_texts[WAYS] = {
	"as it stands", "byte by byte", "cut at each byte",
	"the client goes away", "the next hop goes away",
	"the next hop says what nobody has asked for"
};

static int
remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static bool
prepare(struct player *p, const char *file, unsigned row)
{
	const char	*tmp = getenv("TMPDIR");

	p->file = file;
	p->row = row;
	p->n_addresses = 1;
	(void)address_parse(span_of("127.0.0.1"), &p->peer.addr);
	p->peer.local = p->peer.addr;
	p->peer.port = 40000;
	p->peer.local_port = 10025;
	(void)snprintf(p->dir, sizeof p->dir, "%.40s/dialogue.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(p->dir) == NULL)
		return player_fail(p, "%s: %s", p->dir, strerror(errno));
	(void)snprintf(p->conf_path, sizeof p->conf_path, "%s/conf", p->dir);
	return player_read(p);
}

static void
clear(struct player *p)
{
	store_close(p->store);
	conf_unref(p->conf);
	player_read_clear(p);
	(void)nftw(p->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(p);
}

/* Returns how many tests of the file, or of a row of its table, failed; before
 * says how many there were before. */
static unsigned
test_row(const char *file, unsigned row, unsigned n_ways, unsigned before)
{
	struct player	*p = calloc(1, sizeof *p);
	char		*name = strdup(file);
	unsigned	 i, failed = 0;
	bool		 is_ready, is_ok;

	if (p == NULL || name == NULL)
		abort();
	is_ready = prepare(p, file, row);
	for (i = 0; i < n_ways; i++) {
		is_ok = is_ready && player_play(p, (enum way)i);
		printf("%s %u - %s: %s\n", is_ok ? "ok" : "not ok",
		    before + i + 1, p->title[0] == '\0' ? basename(name) :
		    p->title, way_texts[i]);
		if (!is_ok)
			printf("# %s\n", p->failure);
		failed += !is_ok;
	}
	free(name);
	clear(p);
	return failed;
}

int
main(int argc, char **argv)
{
	bool		 is_fast = argc > 1 && strcmp(argv[1], "-f") == 0;
	char		**files = argv + (is_fast ? 2 : 1);
	unsigned	 n_ways = is_fast ? WAY_CUT : WAYS;
	unsigned	 row, n_rows, before = 0, n_tests = 0, failed = 0;
	int		 i;

	for (i = 0; files[i] != NULL; i++) {
		n_rows = player_count_rows(files[i]);
		n_tests += n_ways * (n_rows == 0 ? 1 : n_rows);
	}
	printf("1..%u\n", n_tests);
	for (; *files != NULL; files++) {
		n_rows = player_count_rows(*files);
		row = n_rows == 0 ? 0 : 1;
		for (; row <= n_rows && !(is_fast && failed > 0); row++) {
			failed += test_row(*files, row, n_ways, before);
			before += n_ways;
		}
	}
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
