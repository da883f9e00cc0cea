/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * player_check: see player.h.
 */
#include <stdio.h>
#include <string.h>

#include "player.h"

static bool
is_like(struct span text, struct span pattern)
{
	while (pattern.n > 0 && *pattern.p != '*') {
		if (text.n == 0 || *text.p != *pattern.p)
			return false;
		text = span_skip(text, 1);
		pattern = span_skip(pattern, 1);
	}
	if (pattern.n == 0)
		return text.n == 0;
	pattern = span_skip(pattern, 1);
	for (;;) {
		if (is_like(text, pattern))
			return true;
		if (text.n == 0)
			return false;
		text = span_skip(text, 1);
	}
}

/* For messages. */
static const char *
shown(struct span text)
{
	static char	 buf[1024];
	size_t		 i, n = 0;

	for (i = 0; i < text.n && n < sizeof buf - 5; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			n += (size_t)sprintf(buf + n, "\\x%02x",
			    (unsigned char)text.p[i]);
		else
			buf[n++] = text.p[i];
	buf[n] = '\0';
	return buf;
}

static bool
check_line(struct player *p, enum dialogue_side side, struct span pattern,
    bool is_asked)
{
	struct bytes	*out = &p->stage.out[side];
	const char	*lf = out->n == 0 ? NULL : memchr(out->p, '\n',
			    out->n);
	struct span	 line = { out->p, out->n }, text;

	if (lf != NULL)
		line.n = (size_t)(lf - out->p) + 1;
	text = line;
	if (is_asked ? lf == NULL || *text.p != STAGE_ASKED :
	    text.n < 2 || memcmp(text.p + text.n - 2, "\r\n", 2) != 0)
		return player_fail(p, "want \"%.*s\", got \"%s\"",
		    (int)pattern.n, pattern.p, shown(line));
	text.n -= is_asked ? 1 : 2;
	if (is_asked)
		text = span_skip(text, 1);
	if (!is_like(text, pattern))
		return player_fail(p, "want \"%.*s\", got \"%s\"",
		    (int)pattern.n, pattern.p, shown(text));
	bytes_drop(out, line.n);
	return true;
}

static bool
check_exact(struct player *p, enum dialogue_side side, struct span want)
{
	struct bytes	*out = &p->stage.out[side];

	if (out->n < want.n || memcmp(out->p, want.p, want.n) != 0)
		return player_fail(p, "got \"%s\"", shown((struct span){ out->p,
		    out->n }));
	bytes_drop(out, want.n);
	return true;
}

/* A PROXY header, and, if want is not empty, of whom ("LOCAL": of nobody), and
 * behind a blank where he has connected to. */
static bool
check_header(struct player *p, struct span want)
{
	struct bytes		*out = &p->stage.out[DIALOGUE_HOP];
	struct proxy_header	 h;
	struct err		 err;
	size_t			 used;
	char			 got[2 * (ADDRESS_TEXT_SIZE + 8)] = "LOCAL";
	char			 addr[ADDRESS_TEXT_SIZE];
	size_t			 n;

	if (out->n == 0 || proxy_header_find(out->p, out->n, &h, &used,
	    &err) != PROXY_HEADER_DONE)
		return player_fail(p, "no header: \"%s\"", shown((struct span){
		    out->p, out->n }));
	if (!h.is_local)
		(void)snprintf(got, sizeof got, "%s/%u",
		    address_format(&h.source, addr, sizeof addr),
		    h.source_port);
	n = strlen(got);
	if (!h.is_local && span_has(want, ' '))
		(void)snprintf(got + n, sizeof got - n, " %s/%u",
		    address_format(&h.destination, addr, sizeof addr),
		    h.destination_port);
	if (want.n > 0 && !span_eq(want, got))
		return player_fail(p, "a header of %s", got);
	bytes_drop(out, used);
	return true;
}

static struct stage_note *
find_note(struct player *p, struct span pattern)
{
	unsigned	 i;

	for (i = 0; i < p->stage.n_notes; i++)
		if (!p->stage.notes[i].is_seen &&
		    is_like(span_of(p->stage.notes[i].text), pattern))
			return &p->stage.notes[i];
	return NULL;
}

static bool
check_note(struct player *p, struct span pattern)
{
	struct stage_note	*note = find_note(p, pattern);
	char			 all[2048] = "";
	unsigned		 i;
	size_t			 n = 0;

	if (note != NULL) {
		note->is_seen = true;
		return true;
	}
	for (i = 0; i < p->stage.n_notes && n < sizeof all - 600; i++)
		n += (size_t)snprintf(all + n, sizeof all - n, " \"%s\"",
		    p->stage.notes[i].text);
	return player_fail(p, "want note \"%.*s\", got%s", (int)pattern.n,
	    pattern.p, all);
}

static bool
check_rule(struct player *p, struct span pattern)
{
	unsigned	 i;

	for (i = p->stage.n_notes; i > 0; i--)
		if (p->stage.notes[i - 1].rule[0] != '\0')
			return is_like(span_of(p->stage.notes[i - 1].rule),
			    pattern) || player_fail(p, "the rule was \"%s\"",
			    p->stage.notes[i - 1].rule);
	return player_fail(p, "there was no rule");
}

static bool
check_deadline(struct player *p, struct span want)
{
	uint64_t	 deadline = dialogue_deadline(p->stage.d);
	char		 got[32];

	(void)snprintf(got, sizeof got, "%lld",
	    ((long long)deadline - (long long)p->stage.now_ms) / 1000);
	return span_eq(want, got) || player_fail(p, "it is in %s s", got);
}

bool
player_check_nothing_left(struct player *p)
{
	struct stage	*s = &p->stage;
	unsigned	 i;

	for (i = 0; i < 2; i++)
		if (s->out[i].n > 0)
			return player_fail(p, "unexpected to %s: \"%s\"", i ==
			    DIALOGUE_CLIENT ? "client" : "hop",
			    shown((struct span){ s->out[i].p, s->out[i].n }));
	for (i = 0; i < s->n_notes; i++)
		if (s->notes[i].is_grave && !s->notes[i].is_seen)
			return player_fail(p, "unexpected note \"%s\"",
			    s->notes[i].text);
	return true;
}

bool
player_is_word(const struct step *step, const char *word)
{
	return strcmp(step->word, word) == 0;
}

static bool
check_output(struct player *p, const struct step *step)
{
	enum dialogue_side	 side = step->word[3] == 'c' ?
				     DIALOGUE_CLIENT : DIALOGUE_HOP;

	if (player_is_word(step, "to-hop"))
		return check_header(p, span_skip(step->text, step->text.n >
		    strlen("header ") ? strlen("header ") : step->text.n));
	if (step->word[strlen(step->word) - 1] == ':')
		return check_line(p, side, step->text, false);
	return check_exact(p, side, step->text);
}

/* What the dialogue has asked for. */
static bool
check_asked(struct player *p, const struct step *step)
{
	char	 whole[PLAYER_LINE_SIZE];

	if (player_is_word(step, "secure"))
		return check_line(p, span_eq(step->text, "hop") ?
		    DIALOGUE_HOP : DIALOGUE_CLIENT, span_of("secure"), true);
	if (player_is_word(step, "close"))
		return check_line(p, DIALOGUE_CLIENT, span_of("close"), true);
	(void)snprintf(whole, sizeof whole, "%s%s%.*s", step->word,
	    step->text.n == 0 ? "" : " ", (int)step->text.n, step->text.p);
	return check_line(p, DIALOGUE_HOP, span_of(whole), true);
}

bool
player_check(struct player *p, const struct step *step)
{
	static const char *const	 asked[] = {
		"connect", "connect-next", "disconnect", "secure",
		"hand-over", "close"
	};
	size_t				 i;

	if (strncmp(step->word, "to-", 3) == 0)
		return check_output(p, step);
	for (i = 0; i < sizeof asked / sizeof asked[0]; i++)
		if (player_is_word(step, asked[i]))
			return check_asked(p, step);
	if (player_is_word(step, "note"))
		return check_note(p, step->text);
	if (player_is_word(step, "nonote"))
		return find_note(p, step->text) == NULL ||
		    player_fail(p, "it is there");
	if (player_is_word(step, "rule"))
		return check_rule(p, step->text);
	if (player_is_word(step, "wants") || player_is_word(step, "ignores"))
		return dialogue_wants(p->stage.d, span_eq(step->text,
		    "client") ? DIALOGUE_CLIENT : DIALOGUE_HOP) ==
		    (step->word[0] == 'w') || player_fail(p, "it is not so");
	if (player_is_word(step, "deadline"))
		return check_deadline(p, step->text);
	return player_fail(p, "unknown line \"%s\"", step->word);
}

