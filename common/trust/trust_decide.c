/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_decide: the verdict about one command.
 *
 * A verdict's text goes to the peer: it says what was refused and why, but
 * neither which values would pass nor where the rules are kept.  The rule
 * goes to the log.
 */
#include <stdio.h>
#include <string.h>

#include "trust/trust.h"
#include "trust/trust_private.h"

/* Of a value, in a verdict's text; the rest is cut. */
#define VALUE_SHOWN	96

static const char *const	 command_texts[TRUST_COMMAND_COUNT] = {
	[TRUST_XCLIENT] = "XCLIENT",
	[TRUST_XFORWARD] = "XFORWARD",
	[TRUST_XREMOTEIP] = "XREMOTEIP",
	[TRUST_XSETCONTEXT] = "XSETCONTEXT",
	[TRUST_XDUMPCONTEXT] = "XDUMPCONTEXT"
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

const char *
trust_command_text(enum trust_command command)
{
	return command_texts[command];
}

bool
trust_command_find(struct span text, enum trust_command *command_r)
{
	size_t	 i;

	for (i = 0; i < COUNT(command_texts); i++)
		if (span_caseeq(text, command_texts[i])) {
			*command_r = (enum trust_command)i;
			return true;
		}
	return false;
}

/* Copies text so that the result is printable ASCII on one line. */
static void
text_escape(const char *text, char *buf, size_t size)
{
	size_t	 n = 0;

	for (; *text != '\0' && n + 8 < size; text++) {
		unsigned char	 c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f)
			buf[n++] = (char)c;
		else
			n += (size_t)snprintf(buf + n, size - n, "\\x%02X",
			    c);
	}
	(void)snprintf(buf + n, size - n, "%s", *text == '\0' ? "" : "...");
}

static void
verdict_text(struct verdict *verdict, const char *text)
{
	text_escape(text, verdict->text, sizeof verdict->text);
}

void
trust_violation(const struct trust_profile *profile,
    enum verdict_reason reason, const char *text, struct verdict *verdict)
{
	memset(verdict, 0, sizeof *verdict);
	verdict->action = profile == NULL ? VERDICT_TEMPFAIL :
	    profile->on_violation;
	if (reason == REASON_CANNOT_TELL)
		verdict->action = VERDICT_TEMPFAIL;
	verdict->reason = reason;
	verdict->attribute = -1;
	trust_rule(verdict->rule, sizeof verdict->rule,
	    profile == NULL ? NULL : profile->file,
	    profile == NULL ? 0 : profile->line);
	verdict_text(verdict, text);
}

/* "LOGIN is not granted", with a rule at that line of the profile's file. */
static void
refuse_grant(const struct trust_profile *profile, enum trust_command command,
    int name, struct verdict *verdict)
{
	char	 text[64];

	if (command == TRUST_XREMOTEIP)
		(void)snprintf(text, sizeof text, "XREMOTEIP is not granted");
	else
		(void)snprintf(text, sizeof text,
		    "%s: attribute %s is not granted",
		    trust_command_text(command),
		    assertion_name_text((enum assertion_name)name));
	trust_violation(profile, REASON_NO_GRANT, text, verdict);
	trust_rule(verdict->rule, sizeof verdict->rule, profile->file,
	    profile->grants_line[command]);
}

static bool
is_granted(const struct trust_profile *profile, enum trust_command command,
    int name)
{
	if (command == TRUST_XREMOTEIP)
		return profile->xremoteip && name == ASSERTION_ADDR;
	return (profile->grants[command] & (1U << name)) != 0;
}

static const char *
value_shown(const struct assertion *value, char *buf, size_t size)
{
	if (value->status == ASSERTION_UNAVAILABLE)
		return "[UNAVAILABLE]";
	if (value->status == ASSERTION_TEMPUNAVAIL)
		return "[TEMPUNAVAIL]";
	(void)snprintf(buf, size, "%.*s%s", VALUE_SHOWN, value->value,
	    strlen(value->value) > VALUE_SHOWN ? "..." : "");
	return buf;
}

/* Why a table failed is for the log, not for the peer. */
static void
rule_append(struct verdict *verdict, const char *why)
{
	char	 escaped[sizeof verdict->rule];
	size_t	 n = strlen(verdict->rule);

	text_escape(why, escaped, sizeof escaped);
	(void)snprintf(verdict->rule + n, sizeof verdict->rule - n, ": %.*s",
	    (int)sizeof escaped, escaped);
}

static void
refuse_value(const struct trust_profile *profile,
    const struct assertion_set *set, int name, enum verdict_reason reason,
    const struct trust_hit *hit, struct verdict *verdict)
{
	char	 shown[VALUE_SHOWN + 4], text[256];

	(void)snprintf(text, sizeof text, "%s=%s %s",
	    assertion_name_text((enum assertion_name)name),
	    value_shown(&set->v[name], shown, sizeof shown), hit->why);
	trust_violation(profile, reason, text, verdict);
	if (hit->file != NULL)
		trust_rule(verdict->rule, sizeof verdict->rule, hit->file,
		    hit->line);
	else
		trust_rule(verdict->rule, sizeof verdict->rule,
		    profile->file, profile->values_line[name]);
	if (reason == REASON_CANNOT_TELL)
		rule_append(verdict, hit->err.text);
}

/* True if that attribute may pass, by what hit says; else the verdict is a
 * refusal. */
static bool
attribute_decide(const struct trust *trust,
    const struct trust_profile *profile, enum trust_command command,
    const struct assertion_set *set, int name, struct trust_hit *hit,
    struct verdict *verdict)
{
	enum verdict_reason	 reason = REASON_VALUE;

	if (!is_granted(profile, command, name)) {
		refuse_grant(profile, command, name, verdict);
		return false;
	}
	switch (trust_list_match(trust, profile->values[name],
	    (enum assertion_name)name, set, hit)) {
	case TRUST_MATCH_ALLOWED:
		return true;
	case TRUST_MATCH_REFUSED:
		break;
	case TRUST_MATCH_CANNOT_TELL:
	default:
		reason = REASON_CANNOT_TELL;
		break;
	}
	refuse_value(profile, set, name, reason, hit, verdict);
	return false;
}

void
trust_let_pass(struct verdict *verdict)
{
	verdict->action = VERDICT_PERMIT;
	verdict->report_only = true;
}

/* Tells of one violation behind what is told already. */
static void
also_append(struct verdict *verdict, const struct verdict *one)
{
	size_t	 n = strlen(verdict->also);

	(void)snprintf(verdict->also + n, sizeof verdict->also - n,
	    "%s%s (%s)", n > 0 ? "; " : "", one->text, one->rule);
}

void
trust_add_violation(struct verdict *verdict, unsigned n, struct verdict *one)
{
	struct verdict	 old;

	if (n == 0) {
		*verdict = *one;
	} else if (verdict->report_only && !one->report_only) {
		old = *verdict;
		*verdict = *one;
		also_append(verdict, &old);
		if (old.also[0] != '\0')
			(void)snprintf(verdict->also + strlen(verdict->also),
			    sizeof verdict->also - strlen(verdict->also),
			    "; %s", old.also);
	} else {
		also_append(verdict, one);
	}
}

/*
 * Lets the violation pass if the profile only reports, and nobody gets rights
 * by it: a login, or the address of somebody whom the rules of the mail server
 * may know, is no matter for a trial.
 */
static void
attribute_report(const struct trust *trust,
    const struct trust_profile *profile, const struct assertion_set *set,
    int name, struct verdict *verdict)
{
	struct trust_hit	 hit = { .why =
	    "cannot be checked at the moment" };

	if (profile->report == TRUST_REPORT_NO ||
	    verdict->reason == REASON_CANNOT_TELL)
		return;
	if (profile->report == TRUST_REPORT_EVERYTHING ||
	    set->v[name].status != ASSERTION_VALUE ||
	    (name != ASSERTION_LOGIN && name != ASSERTION_ADDR)) {
		trust_let_pass(verdict);
		return;
	}
	if (name == ASSERTION_LOGIN)
		return;
	switch (trust_public_check(trust, &set->addr, &hit.err)) {
	case TRUST_PUBLIC_YES:
		trust_let_pass(verdict);
		break;
	case TRUST_PUBLIC_CANNOT_TELL:
		refuse_value(profile, set, name, REASON_CANNOT_TELL, &hit,
		    verdict);
		break;
	case TRUST_PUBLIC_SPECIAL:
	case TRUST_PUBLIC_OWN:
	case TRUST_PUBLIC_PROFILE:
		break;
	}
}

/* All attributes in their order; false: the verdict is about violations. */
static bool
set_decide(const struct trust *trust, const struct trust_profile *profile,
    enum trust_command command, const struct assertion_set *set,
    struct verdict *verdict)
{
	struct trust_hit	 hit;
	struct verdict		 one;
	unsigned		 n = 0;
	int			 i;

	for (i = 0; i < ASSERTION_COUNT; i++) {
		if (set->v[i].status == ASSERTION_ABSENT ||
		    attribute_decide(trust, profile, command, set, i, &hit,
		    &one))
			continue;
		attribute_report(trust, profile, set, i, &one);
		one.attribute = i;
		trust_add_violation(verdict, n++, &one);
	}
	return n == 0;
}

bool
trust_is_sealed(const struct trust_speaker *speaker,
    const struct trust_profile *profile, struct verdict *verdict)
{
	if (!speaker->is_sealed)
		return false;
	trust_violation(profile, REASON_SEALED,
	    "the identity of this session can no longer be changed", verdict);
	return true;
}

void
trust_permit(const struct trust_profile *profile, enum trust_command command,
    struct verdict *verdict)
{
	trust_violation(profile, REASON_GRANTED, "granted", verdict);
	verdict->action = VERDICT_PERMIT;
	trust_rule(verdict->rule, sizeof verdict->rule, profile->file,
	    profile->grants_line[command]);
}

const struct trust_profile *
trust_speaker_profile(const struct trust *trust,
    const struct trust_speaker *speaker)
{
	return speaker->profile != NULL ? speaker->profile :
	    trust_profile_find(trust, TRUST_STRANGER);
}

void
trust_decide(const struct trust *trust, const struct trust_speaker *speaker,
    enum trust_command command, const struct assertion_set *set,
    struct verdict *verdict)
{
	const struct trust_profile	*profile =
	    trust_speaker_profile(trust, speaker);

	/* What is forwarded is no identity, as long as there is no other. */
	if ((command != TRUST_XFORWARD || speaker->is_overridden) &&
	    trust_is_sealed(speaker, profile, verdict))
		return;
	if (set_decide(trust, profile, command, set, verdict))
		trust_permit(profile, command, verdict);
}

/* Where it stands that the value is allowed. */
static void
permit_value(const struct trust_profile *profile, enum trust_command command,
    int name, const struct trust_hit *hit, struct verdict *verdict)
{
	trust_permit(profile, command, verdict);
	if (hit->file != NULL)
		trust_rule(verdict->rule, sizeof verdict->rule, hit->file,
		    hit->line);
	else
		trust_rule(verdict->rule, sizeof verdict->rule, profile->file,
		    profile->values_line[name]);
}

void
trust_decide_attribute(const struct trust *trust,
    const struct trust_speaker *speaker, enum trust_command command,
    const struct assertion_set *set, enum assertion_name name,
    struct verdict *verdict)
{
	const struct trust_profile	*profile =
	    trust_speaker_profile(trust, speaker);
	struct trust_hit		 hit;

	if (attribute_decide(trust, profile, command, set, name, &hit,
	    verdict))
		permit_value(profile, command, name, &hit, verdict);
	else
		attribute_report(trust, profile, set, name, verdict);
	verdict->attribute = name;
}
