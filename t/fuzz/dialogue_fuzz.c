/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_fuzz: whatever a client and its next hops say, and in whatever
 * order, what t/lib/stage.c watches over holds, memory is bounded, and time
 * ends everything.
 *
 * An input begins with the digit or letter of a relay (dialogue_relays.c), and
 * goes on, if its peers have to send one, with a PROXY header as it is on the
 * wire, and a line "N name" if the source's name is known, "N" alone if nobody
 * can tell it.  All else is lines, each of which begins with what happens:
 *	< > text	the client, the next hop says a line
 *	( ) text	likewise, without CRLF; "\r", "\n", "\0" stand for octets
 *	+ - _		the next hop is there, is lost, does not exist
 *	E X e		the client says no more, is gone; the next hop says no
 *			more
 *	S s		TLS with the next hop, with the client
 *	w number	so many seconds go by
 *	R r digit	room at the next hop, at the client
 *	q		the daemon is about to stop
 * A number in front of < > ( ) has that said so many times, at once.
 */
#include "dialogue_relays.h"

#include <ctype.h>
#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hostname.h"

#define FOR_EVER	(400 * 86400 * 1000ULL)
/* What a dialogue may hold, of however much it has seen. */
#define MEMORY_MAX	(512U * 1024)
/* Octets that a short input may make of itself. */
#define REPEATED_MAX	16384

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char	 dir[64];

static int
remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
clean_up(void)
{
	dialogue_relays_unload();
	(void)nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void
prepare(void)
{
	const char	*tmp = getenv("TMPDIR");

	(void)snprintf(dir, sizeof dir, "%.40s/dialogue.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(dir) == NULL)
		abort();
	(void)atexit(clean_up);
	dialogue_relays_load(dir);
}

static struct span
unescape(struct span text, char *buf)
{
	size_t	 i, n = 0;

	for (i = 0; i < text.n; i++) {
		char	 next = i + 1 < text.n ? text.p[i + 1] : '\0';

		if (text.p[i] != '\\' || memchr("rn0", next, 4) == NULL) {
			buf[n++] = text.p[i];
			continue;
		}
		buf[n++] = next == 'r' ? '\r' : next == 'n' ? '\n' : '\0';
		i += next != '\0';
	}
	return (struct span){ buf, n };
}

static uint64_t
number(struct span text)
{
	uint64_t	 n = 0;

	for (; text.n > 0 && *text.p >= '0' && *text.p <= '9' && n < 100000;
	    text = span_skip(text, 1))
		n = n * 10 + (uint64_t)(*text.p - '0');
	return n;
}

/* So many times, all at once. */
static void
say(struct stage *s, char how, struct span text, size_t times)
{
	enum dialogue_side	 side = how == '<' || how == '(' ?
				     DIALOGUE_CLIENT : DIALOGUE_HOP;
	char			*buf = malloc(times * (text.n + 2) + 1);
	size_t			 i, n = 0;

	if (buf == NULL)
		abort();
	for (i = 0; i < times; i++) {
		n += unescape(text, buf + n).n;
		if (how != '<' && how != '>')
			continue;
		buf[n++] = '\r';
		buf[n++] = '\n';
	}
	stage_input(s, side, (struct span){ buf, n });
	free(buf);
}

/* How often the text of a line is said, as far as there is room. */
static size_t
times_of(struct span *line, size_t *room)
{
	size_t	 n = 1, len = 0, max;

	while (len < line->n && isdigit((unsigned char)line->p[len]))
		len++;
	if (len == 0)
		return 1;
	n = number(*line);
	*line = span_skip(*line, len);
	max = *room / (line->n + 1);
	n = n < max ? n : max;
	*room -= n * (line->n + 1);
	return n;
}

/* room: octets that repetitions may still have. */
static void
happen(struct stage *s, struct span line, size_t *room)
{
	size_t		 times = times_of(&line, room);
	struct span	 rest;

	if (line.n == 0)
		return;
	rest = span_skip(line, 1);
	switch (*line.p) {
	case '<':
	case '>':
	case '(':
	case ')':
		say(s, *line.p, rest, times);
		break;
	case '+':
		stage_connected(s);
		break;
	case '-':
	case '_':
		stage_lost(s, DIALOGUE_HOP, "lost", *line.p == '_');
		break;
	case 'E':
	case 'e':
		stage_eof(s, *line.p == 'E' ? DIALOGUE_CLIENT :
		    DIALOGUE_HOP);
		break;
	case 'X':
		stage_lost(s, DIALOGUE_CLIENT, "lost", false);
		break;
	case 'S':
	case 's':
		stage_secured(s, *line.p == 's' ? DIALOGUE_CLIENT :
		    DIALOGUE_HOP, rest.n > 0 ? "AB:CD" : "");
		break;
	case 'w':
		stage_wait(s, number(rest) * 1000);
		break;
	case 'R':
	case 'r':
		stage_room(s, *line.p == 'R' ? DIALOGUE_HOP :
		    DIALOGUE_CLIENT, (size_t)number(rest));
		break;
	case 'q':
		stage_stop(s);
		break;
	default:
		break;
	}
}

static void
check(struct stage *s, size_t before)
{
	int	 i;

	if (stage_fault(s) != NULL) {
		(void)fprintf(stderr, "%s\n", stage_fault(s));
		abort();
	}
	/* What was sent is not the dialogue's any more. */
	for (i = 0; i < 2; i++)
		bytes_clear(&s->out[i]);
	if (mallinfo2().uordblks > before + MEMORY_MAX + 4 *
	    (s->in[0].size + s->in[1].size + s->client.said.size +
	    s->hop.replied.size)) {
		(void)fprintf(stderr, "too much memory\n");
		abort();
	}
}

static void
play(struct stage *s, struct span input)
{
	size_t	 before = mallinfo2().uordblks, room = REPEATED_MAX;

	stage_begin(s);
	while (input.n > 0 && !s->is_closed) {
		const char	*lf = memchr(input.p, '\n', input.n);
		struct span	 line = { input.p, lf == NULL ? input.n :
				     (size_t)(lf - input.p) };

		if (line.n > 0)
			happen(s, line, &room);
		check(s, before);
		input = span_skip(input, line.n + (lf != NULL));
	}
	stage_wait(s, FOR_EVER);
	check(s, before);
	if (!s->is_closed)
		abort();
	stage_end(s);
}

/* Takes the line "N name" off. */
static void
take_name(struct span *input, struct proxy_header *h)
{
	static char	 name[256];
	const char	*lf;
	size_t		 n;

	if (input->n == 0 || *input->p != 'N')
		return;
	lf = memchr(input->p, '\n', input->n);
	n = lf == NULL ? input->n : (size_t)(lf - input->p);
	if (n > 2 && n - 2 < sizeof name) {
		memcpy(name, input->p + 2, n - 2);
		name[n - 2] = '\0';
		if (hostname_valid(span_of(name)))
			h->source_name = name;
	}
	h->is_name_untold = h->source_name == NULL;
	*input = span_skip(*input, n + (lf != NULL));
}

/* As the carrier does it.  False: it would have cut the peer off. */
static bool
take_header(struct span *input, struct proxy_header *h)
{
	struct err	 err;
	size_t		 used;

	if (proxy_header_find(input->p, input->n, h, &used, &err) !=
	    PROXY_HEADER_DONE)
		return false;
	*input = span_skip(*input, used);
	if (input->n > 0 && *input->p == '\n')
		*input = span_skip(*input, 1);
	take_name(input, h);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stage	 stage;
	struct proxy_header	 header;
	struct span		 input = { (const char *)data, size };

	if (size == 0)
		return 0;
	if (dir[0] == '\0')
		prepare();
	stage = (struct stage){ .room = { 65536, 65536 },
	    .now_ms = 1000000000000 };
	if (!dialogue_relays_set(*input.p, &stage))
		return 0;
	input = span_skip(input, 1);
	if (stage.relay->n_proxy_nets > 0) {
		if (!take_header(&input, &header))
			return 0;
		stage.proxy = &header;
	}
	play(&stage, input);
	return 0;
}
