/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * judge: reads X command lines and completes overrides.
 *
 * Postfix executes a line up to its first error; so a line is parsed whole
 * first, and what is handed on is written afresh.
 */
#include "session/judge.h"

#include <stdio.h>
#include <string.h>

#include "session/session_change.h"

/* What smtpd(8) takes for one.  A NUL is none. */
static bool
is_blank(char c)
{
	return c != '\0' && strchr(" \t\r\n\v\f", c) != NULL;
}

struct span
judge_next_word(struct span *text)
{
	struct span	 word;

	while (text->n > 0 && is_blank(text->p[0]))
		*text = span_skip(*text, 1);
	word = (struct span){ text->p, 0 };
	while (word.n < text->n && !is_blank(text->p[word.n]))
		word.n++;
	*text = span_skip(*text, word.n);
	return word;
}

static void
refuse(const struct judge_speaker *speaker, enum verdict_reason reason,
    const char *why, struct judgement *j)
{
	trust_violation(speaker->profile, reason, why, &j->verdict);
}

static bool
says(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status != ASSERTION_ABSENT;
}

static void
set_unavailable(struct assertion_set *set, enum assertion_name name)
{
	(void)assertion_set_value(set, name, ASSERTION_UNAVAILABLE,
	    span_of(""));
}

/*
 * Names and port that are not asserted with an address are the messenger's:
 * they must not stay.  NAME sets REVERSE_NAME too, but only with a real name.
 */
static void
complete(struct assertion_set *set)
{
	if (says(set, ASSERTION_ADDR)) {
		if (!says(set, ASSERTION_NAME))
			set_unavailable(set, ASSERTION_NAME);
		if (!says(set, ASSERTION_PORT))
			set_unavailable(set, ASSERTION_PORT);
	}
	if (says(set, ASSERTION_NAME) &&
	    set->v[ASSERTION_NAME].status != ASSERTION_VALUE &&
	    !says(set, ASSERTION_REVERSE_NAME))
		set_unavailable(set, ASSERTION_REVERSE_NAME);
}

static bool
is_empty(const struct assertion_set *set)
{
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (says(set, (enum assertion_name)i))
			return false;
	return true;
}

/* Whether the address is another client's than that of the overrides before:
 * where nothing seals, any is, even the same. */
static bool
names_another(const struct judge_speaker *speaker,
    const struct assertion_set *said, const struct assertion_set *all)
{
	if (!says(said, ASSERTION_ADDR) || !says(all, ASSERTION_ADDR))
		return false;
	return trust_profile_seal(speaker->profile) == TRUST_SEAL_NEVER ||
	    !address_equal(&said->addr, &all->addr);
}

/* All that the session asserts, with what is said now.  False: the session's
 * record is damaged. */
static bool
accumulate(const struct judge_speaker *speaker,
    const struct assertion_set *said, struct judgement *j)
{
	const char		*override = speaker->session->override;
	struct assertion_set	*all = &j->override;

	assertion_init(all, ASSERTION_XCLIENT);
	if (override != NULL && !speaker->begins_anew &&
	    !session_read_override(override, all))
		return false;
	j->is_another = names_another(speaker, said, all);
	if (j->is_another)
		assertion_init(all, ASSERTION_XCLIENT);
	assertion_merge(all, said);
	complete(all);
	if (trust_profile_always_allow(speaker->profile) &&
	    all->v[ASSERTION_LOGIN].status != ASSERTION_VALUE)
		(void)assertion_set_value(all, ASSERTION_LOGIN,
		    ASSERTION_VALUE, span_of(TRUST_ANONYMOUS));
	/* Everything was dropped: XCLIENT resets PROTO to this anyway. */
	if (is_empty(all))
		(void)assertion_set_value(all, ASSERTION_PROTO,
		    ASSERTION_VALUE, span_of("SMTP"));
	return true;
}

/* Writes what was permitted as a line. */
static void
write_line(const struct judge_speaker *speaker, const struct assertion_set *set,
    struct judgement *j)
{
	size_t	 len;

	if (!assertion_print(set, j->line, sizeof j->line, &len))
		refuse(speaker, REASON_MALFORMED,
		    "a value is over 255 characters when encoded", j);
}

static struct trust_speaker
trust_speaker_of(const struct judge_speaker *speaker)
{
	return (struct trust_speaker){ .profile = speaker->profile,
	    .is_overridden = speaker->session->override != NULL,
	    .is_sealed = speaker->session->is_sealed };
}

/* The log is told what was left out of what was said. */
static void
note_unsaid(const struct assertion_set *said, struct verdict *verdict)
{
	char	 names[64];
	size_t	 n = strlen(verdict->text);

	assertion_unsaid(said, names, sizeof names);
	if (names[0] != '\0')
		(void)snprintf(verdict->text + n, sizeof verdict->text - n,
		    "; [UNAVAILABLE] for what cannot be said on: %s", names);
}

static void
decide(const struct judge_speaker *speaker, struct assertion_set *said,
    struct judgement *j)
{
	struct trust_speaker	 trust_speaker = trust_speaker_of(speaker);

	trust_profile_drop(speaker->profile, said);
	j->says_nothing = is_empty(said);
	trust_decide(speaker->conf->trust, &trust_speaker, j->command, said,
	    &j->verdict);
	if (j->verdict.action != VERDICT_PERMIT)
		return;
	note_unsaid(said, &j->verdict);
	if (j->command == TRUST_XFORWARD) {
		j->line[0] = '\0';
		if (!is_empty(said))
			write_line(speaker, said, j);
	} else if (!accumulate(speaker, said, j)) {
		refuse(speaker, REASON_CANNOT_TELL,
		    "the session's record is damaged", j);
	} else {
		write_line(speaker, &j->override, j);
	}
}

/* The octets of the line, CRLF included.  Whoever has taken it apart may have
 * taken the blank behind the verb, too. */
static size_t
line_length(const struct judgement *j, struct span args)
{
	return strlen(trust_command_text(j->command)) +
	    (args.n > 0 && !is_blank(args.p[0])) + args.n + strlen("\r\n");
}

/* Besides, Postfix cuts off what is beyond its line_length_limit.  What a
 * client made too long (excess) is not the speaker's. */
static bool
is_too_long(const struct judge_speaker *speaker, struct span args, size_t max,
    size_t excess, const char *advice, struct judgement *j)
{
	char	 text[80];

	if (line_length(j, args) - excess <= max)
		return false;
	(void)snprintf(text, sizeof text, "the line is over %zu octets%s",
	    max, advice);
	refuse(speaker, REASON_MALFORMED, text, j);
	return true;
}

static void
judge_assertions(const struct judge_speaker *speaker, struct span args,
    struct judgement *j)
{
	struct assertion_set	 said;
	struct err		 err;

	bool			 is_valid;

	is_valid = assertion_parse(args, j->command == TRUST_XCLIENT ?
	    ASSERTION_XCLIENT : ASSERTION_XFORWARD, speaker->conf->xtext, &said,
	    &err) == ASSERTION_OK;
	if (is_too_long(speaker, args, ASSERTION_COMMAND_MAX, is_valid ?
	    said.unsaid_octets : 0, "; say it in several commands", j))
		return;
	if (is_valid)
		decide(speaker, &said, j);
	else
		refuse(speaker, REASON_MALFORMED, err.text, j);
}

static void
judge_xremoteip(const struct judge_speaker *speaker, struct span args,
    struct judgement *j)
{
	struct assertion_set	 said;
	struct span		 address, more;

	if (is_too_long(speaker, args, ASSERTION_COMMAND_MAX, 0, "", j))
		return;
	address = judge_next_word(&args);
	more = judge_next_word(&args);
	assertion_init(&said, ASSERTION_XCLIENT);
	if (more.n > 0 || !assertion_take_value(&said, ASSERTION_ADDR,
	    address))
		refuse(speaker, REASON_MALFORMED,
		    "XREMOTEIP: expected one IPv4 "
		    "or IPv6 address and nothing else", j);
	else
		decide(speaker, &said, j);
}

static void
judge_xsetcontext(const struct judge_speaker *speaker, struct span args,
    struct judgement *j)
{
	struct trust_speaker		 trust_speaker =
	    trust_speaker_of(speaker);
	const struct conf_limits	*limits = &speaker->conf->limits;
	struct err			 err;

	if (is_too_long(speaker, args, CONTEXT_LINE_MAX, 0,
	    "; say it in several commands", j))
		return;
	if (!context_line_parse(args, &j->context, &err)) {
		refuse(speaker, REASON_MALFORMED, err.text, j);
		return;
	}
	trust_decide_context(speaker->conf->trust, &trust_speaker, &j->context,
	    &j->verdict);
	if (j->verdict.action == VERDICT_PERMIT &&
	    !session_has_room(speaker->session, &j->context,
	    limits->context_pairs, limits->context_size, &err))
		refuse(speaker, REASON_LIMIT, err.text, j);
}

static void
judge_xdumpcontext(const struct judge_speaker *speaker, struct span args,
    struct judgement *j)
{
	struct trust_speaker	 trust_speaker = trust_speaker_of(speaker);

	if (judge_next_word(&args).n > 0)
		refuse(speaker, REASON_MALFORMED,
		    "XDUMPCONTEXT takes no arguments", j);
	else
		trust_decide_dump(speaker->conf->trust, &trust_speaker,
		    &j->verdict);
}

/* Either the peer was not seen, or the tables could not say what it may. */
static void
judge_nobody(const struct judge_speaker *speaker, struct judgement *j)
{
	const struct session	*s = speaker->session;

	if (s->refused != VERDICT_PERMIT &&
	    s->refused_reason == REASON_CANNOT_TELL)
		refuse(speaker, REASON_CANNOT_TELL,
		    SESSION_CANNOT_TELL, j);
	else
		refuse(speaker, REASON_NO_SESSION,
		    "it is not known who connected", j);
}

void
judge_command(const struct judge_speaker *speaker, enum trust_command command,
    struct span args, struct judgement *j)
{
	j->command = command;
	j->said = args;
	if (speaker->profile == NULL) {
		judge_nobody(speaker, j);
		return;
	}
	switch (command) {
	case TRUST_XCLIENT:
	case TRUST_XFORWARD:
		judge_assertions(speaker, args, j);
		break;
	case TRUST_XREMOTEIP:
		judge_xremoteip(speaker, args, j);
		break;
	case TRUST_XSETCONTEXT:
		judge_xsetcontext(speaker, args, j);
		break;
	case TRUST_XDUMPCONTEXT:
		judge_xdumpcontext(speaker, args, j);
		break;
	}
}
