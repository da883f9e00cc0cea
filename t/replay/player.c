/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * player: see player.h.
 */
#include "player.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_OCTETS	1000000
#define FOR_EVER	(400 * 86400 * 1000ULL)

bool
player_fail(struct player *p, const char *fmt, ...)
{
	va_list	 ap;
	int	 n;

	n = snprintf(p->failure, sizeof p->failure, "%s:%u: ", p->file,
	    p->line);
	va_start(ap, fmt);
	(void)vsnprintf(p->failure + n, sizeof p->failure - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

/* "client eof", "hop lost WHY" ... */
static bool
end_side(struct player *p, const struct step *step, const char *text)
{
	struct stage	*s = &p->stage;

	if (strcmp(text, "eof") == 0)
		stage_eof(s, step->side);
	else if (strncmp(text, "lost", 4) == 0)
		stage_lost(s, step->side, text[4] == '\0' ? "it is gone" :
		    text + 5, false);
	else if (strncmp(text, "unknown", 7) == 0)
		stage_lost(s, step->side, text[7] == '\0' ? "no such host" :
		    text + 8, true);
	else
		return player_fail(p, "unknown line");
	return true;
}

static bool
set_revoked(struct player *p, const char *what, bool is_wanted)
{
	const struct store_revocation	 revocation = { .what = what };
	struct err			 err;

	return (is_wanted ? store_revoke(p->store, &revocation, &err) :
	    store_unrevoke(p->store, what, &err)) == 0 ||
	    player_fail(p, "%s", err.text);
}

/* Something that is no bytes. */
static bool
happen(struct player *p, const struct step *step)
{
	struct stage	*s = &p->stage;
	const char	*text = step->text.p;

	if (player_is_word(step, "client") || player_is_word(step, "hop"))
		return end_side(p, step, text);
	if (player_is_word(step, "connected"))
		stage_connected(s);
	else if (player_is_word(step, "secured"))
		stage_secured(s, strncmp(text, "hop", 3) == 0 ? DIALOGUE_HOP :
		    DIALOGUE_CLIENT, strncmp(text, "client ", 7) == 0 ?
		    text + 7 : "");
	else if (player_is_word(step, "wait"))
		stage_wait(s, strtoull(text, NULL, 10) * 1000);
	else if (player_is_word(step, "room"))
		stage_room(s, strncmp(text, "hop", 3) == 0 ? DIALOGUE_HOP :
		    DIALOGUE_CLIENT, strtoul(strchr(text, ' '), NULL, 10));
	else if (player_is_word(step, "stop"))
		stage_stop(s);
	else if (player_is_word(step, "revoke") ||
	    player_is_word(step, "unrevoke"))
		return set_revoked(p, text, step->word[0] == 'r');
	else
		return player_fail(p, "unknown line \"%s\"", step->word);
	return true;
}

/* What happens at the point of a sweep. */
static void
disturb(struct player *p)
{
	static const char *const	 babble[] = {
		"421 4.3.2 I have had enough\r\n", "250 2.0.0 Ok\r\n",
		"554 5.0.0 No\r\n", "354 Go ahead\r\n", "Hello\r\n"
	};
	struct stage	*s = &p->stage;

	p->is_past = true;
	switch (p->way) {
	case WAY_CLIENT_AWAY:
		if (p->variant == 0)
			stage_eof(s, DIALOGUE_CLIENT);
		else
			stage_lost(s, DIALOGUE_CLIENT, "it is gone", false);
		break;
	case WAY_HOP_AWAY:
		if (p->variant == 0)
			stage_eof(s, DIALOGUE_HOP);
		else
			stage_lost(s, DIALOGUE_HOP, "it is gone",
			    p->variant == 2);
		break;
	case WAY_HOP_BABBLES:
		stage_input(s, DIALOGUE_HOP, span_of(babble[p->variant]));
		break;
	default:
		break;
	}
}

/* Comes to where something is to be done. */
static void
pass_point(struct player *p)
{
	if (p->way >= WAY_CLIENT_AWAY && p->at == p->point)
		disturb(p);
	p->at++;
}

/* Whether a step still happens behind the point of a sweep. */
static bool
is_played(const struct player *p, const struct step *step)
{
	if (!p->is_past || p->way == WAY_HOP_BABBLES)
		return true;
	return p->way == WAY_HOP_AWAY && step->side == DIALOGUE_CLIENT;
}

/* Bytes of one side that stand together, in pieces. */
static void
input(struct player *p, enum dialogue_side side, struct span bytes,
    bool is_together)
{
	size_t	 i, n;

	if (is_together || p->way == WAY_WHOLE) {
		pass_point(p);
		stage_input(&p->stage, side, bytes);
		return;
	}
	if (p->way == WAY_CUT) {
		n = p->point > p->at && p->point - p->at < bytes.n ?
		    p->point - p->at : 0;
		p->at += bytes.n;
		stage_input(&p->stage, side, (struct span){ bytes.p, n });
		stage_input(&p->stage, side, span_skip(bytes, n));
		return;
	}
	for (i = 0; i < bytes.n; i++) {
		pass_point(p);
		stage_input(&p->stage, side, (struct span){ bytes.p + i, 1 });
	}
}

/* "client!", "hop!". */
static bool
comes_at_once(const struct step *step)
{
	return step->word[strlen(step->word) - 1] == '!';
}

/* Returns the index of the step behind those of that side that stand
 * together. */
static unsigned
input_group(struct player *p, unsigned i)
{
	const struct step	*step = &p->steps[i];
	struct bytes		 bytes = { NULL, 0, 0 };
	bool			 is_together = comes_at_once(step);

	for (; i < p->n_steps && p->steps[i].kind == STEP_INPUT &&
	    p->steps[i].side == step->side && (p->way == WAY_WHOLE ||
	    comes_at_once(&p->steps[i]) == is_together); i++)
		bytes_add(&bytes, p->steps[i].text);
	if (is_played(p, step))
		input(p, step->side, (struct span){ bytes.p, bytes.n },
		    is_together);
	bytes_clear(&bytes);
	/* Who cannot be reached is not reached again. */
	while (p->way == WAY_HOP_AWAY && p->is_past &&
	    p->stage.is_connecting)
		stage_lost(&p->stage, DIALOGUE_HOP, "refused", false);
	return i;
}

static void
forget_output(struct player *p)
{
	int	 i;

	for (i = 0; i < 2; i++)
		bytes_drop(&p->stage.out[i], p->stage.out[i].n);
}

/* Whether what comes of it is as the file says. */
static bool
is_checked(const struct player *p)
{
	return p->way < WAY_CLIENT_AWAY;
}

static bool
before_event(struct player *p)
{
	if (!is_checked(p)) {
		forget_output(p);
	} else if (!player_check_nothing_left(p)) {
		return false;
	}
	p->stage.n_notes = 0;
	return true;
}

static bool
play_steps(struct player *p)
{
	unsigned	 i = 0;

	while (i < p->n_steps) {
		const struct step	*step = &p->steps[i];

		p->file = step->file;
		p->line = step->line;
		if (step->kind == STEP_CHECK) {
			i++;
			if (is_checked(p) && !player_check(p, step))
				return false;
			continue;
		}
		if (!before_event(p))
			return false;
		if (step->kind == STEP_INPUT) {
			i = input_group(p, i);
		} else {
			i++;
			pass_point(p);
			if (is_played(p, step) && !happen(p, step))
				return false;
		}
		if (stage_fault(&p->stage) != NULL)
			return player_fail(p, "%s", stage_fault(&p->stage));
	}
	return !is_checked(p) || player_check_nothing_left(p);
}

/* Nothing may be awaited for ever. */
static bool
play_end(struct player *p)
{
	if (is_checked(p))
		return true;
	if (!p->is_past)
		disturb(p);
	stage_wait(&p->stage, FOR_EVER);
	if (stage_fault(&p->stage) != NULL)
		return player_fail(p, "%s", stage_fault(&p->stage));
	return p->stage.is_closed || player_fail(p,
	    "the client is kept for ever");
}

/* Plays the file once. */
static bool
play_once(struct player *p, size_t point)
{
	struct stage	*s = &p->stage;
	struct err	 err;
	unsigned	 i;
	bool		 is_ok;

	s->conf = p->conf;
	s->relay = p->conf->relays;
	s->store = p->store;
	s->peer = p->peer;
	s->proxy = p->has_proxy ? &p->proxy : NULL;
	s->n_addresses = p->n_addresses;
	s->room[0] = s->room[1] = 65536;
	s->refuses_hand_over = p->refuses_hand_over;
	s->now_ms = 1000000000000;
	p->point = point;
	p->at = 0;
	p->is_past = false;
	stage_begin(s);
	is_ok = play_steps(p) && play_end(p);
	stage_end(s);
	for (i = 0; i < p->n_steps; i++)
		if (player_is_word(&p->steps[i], "revoke"))
			(void)store_unrevoke(p->store, p->steps[i].text.p,
			    &err);
	return is_ok;
}

static size_t
sweep_octets(void)
{
	const char	*text = getenv("DIALOGUE_OCTETS");
	size_t		 n = text == NULL ? 0 : strtoul(text, NULL, 10);

	return n == 0 ? SWEEP_OCTETS : n;
}

bool
player_play(struct player *p, enum way way)
{
	static const unsigned	 variants[WAYS] = { 1, 1, 1, 2, 3, 5 };
	size_t			 point, total, step, n;

	p->way = way;
	p->variant = 0;
	if (!play_once(p, SIZE_MAX))
		return false;
	if (way < WAY_CUT)
		return true;
	total = p->at;
	step = total * total / sweep_octets() + 1;
	for (p->variant = 0; p->variant < variants[way]; p->variant++)
		for (point = 0; point < total; point += step)
			if (!play_once(p, point)) {
				n = strlen(p->failure);
				(void)snprintf(p->failure + n,
				    sizeof p->failure - n,
				    " (at %zu, variant %u)", point,
				    p->variant);
				return false;
			}
	return true;
}

