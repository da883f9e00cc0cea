/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * action: see action.h.  A text is read in Postfix's order: its first word may
 * be an action, with all the rest for an argument; the whole may be a number;
 * the first word may be a reply code; else it is a list of restrictions.
 */
#include "access/action.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/hostname.h"
#include "table/table.h"

#define SHOWN_MAX	60	/* bytes of the text in a message */
#define SECONDS_DIGITS	9	/* what fits in an int in any case */

/* Checks what is behind the first word; NULL: good, else what is expected. */
typedef const char *argument_fn(struct span argument);

/* What must stand behind the name of a restriction. */
enum operand { OPERAND_NONE, OPERAND_DOMAIN, OPERAND_SECONDS, OPERAND_NEXT };

static const char	*const operand_texts[] = {
	[OPERAND_DOMAIN] = "a domain, or domain=d.d.d.d",
	[OPERAND_SECONDS] = "a number of seconds",
	[OPERAND_NEXT] = "a restriction",
};

/*
 * Those that Postfix 3.7 to 3.12 have.  None that needs a table or a service:
 * these can only be given within a restriction class.
 */
static const struct restriction {
	const char	*name;
	enum operand	 operand;
} restrictions[] = {
	{ "check_recipient_maps",			OPERAND_NONE },
	{ "defer",					OPERAND_NONE },
	{ "defer_if_permit",				OPERAND_NONE },
	{ "defer_if_reject",				OPERAND_NONE },
	{ "defer_unauth_destination",			OPERAND_NONE },
	{ "permit",					OPERAND_NONE },
	{ "permit_auth_destination",			OPERAND_NONE },
	{ "permit_dnswl_client",			OPERAND_DOMAIN },
	{ "permit_inet_interfaces",			OPERAND_NONE },
	{ "permit_mx_backup",				OPERAND_NONE },
	{ "permit_mynetworks",				OPERAND_NONE },
	{ "permit_rhswl_client",			OPERAND_DOMAIN },
	{ "permit_sasl_authenticated",			OPERAND_NONE },
	{ "permit_tls_all_clientcerts",			OPERAND_NONE },
	{ "permit_tls_clientcerts",			OPERAND_NONE },
	{ "reject",					OPERAND_NONE },
	{ "reject_authenticated_sender_login_mismatch",	OPERAND_NONE },
	{ "reject_invalid_helo_hostname",		OPERAND_NONE },
	{ "reject_invalid_hostname",			OPERAND_NONE },
	{ "reject_known_sender_login_mismatch",		OPERAND_NONE },
	{ "reject_multi_recipient_bounce",		OPERAND_NONE },
	{ "reject_non_fqdn_helo_hostname",		OPERAND_NONE },
	{ "reject_non_fqdn_hostname",			OPERAND_NONE },
	{ "reject_non_fqdn_recipient",			OPERAND_NONE },
	{ "reject_non_fqdn_sender",			OPERAND_NONE },
	{ "reject_plaintext_session",			OPERAND_NONE },
	{ "reject_rbl",					OPERAND_DOMAIN },
	{ "reject_rbl_client",				OPERAND_DOMAIN },
	{ "reject_rhsbl_client",			OPERAND_DOMAIN },
	{ "reject_rhsbl_helo",				OPERAND_DOMAIN },
	{ "reject_rhsbl_recipient",			OPERAND_DOMAIN },
	{ "reject_rhsbl_reverse_client",		OPERAND_DOMAIN },
	{ "reject_rhsbl_sender",			OPERAND_DOMAIN },
	{ "reject_unauth_destination",			OPERAND_NONE },
	{ "reject_unauth_pipelining",			OPERAND_NONE },
	{ "reject_unauthenticated_sender_login_mismatch", OPERAND_NONE },
	{ "reject_unknown_address",			OPERAND_NONE },
	{ "reject_unknown_client",			OPERAND_NONE },
	{ "reject_unknown_client_hostname",		OPERAND_NONE },
	{ "reject_unknown_helo_hostname",		OPERAND_NONE },
	{ "reject_unknown_hostname",			OPERAND_NONE },
	{ "reject_unknown_recipient_domain",		OPERAND_NONE },
	{ "reject_unknown_reverse_client_hostname",	OPERAND_NONE },
	{ "reject_unknown_sender_domain",		OPERAND_NONE },
	{ "reject_unlisted_recipient",			OPERAND_NONE },
	{ "reject_unlisted_sender",			OPERAND_NONE },
	{ "reject_unverified_recipient",		OPERAND_NONE },
	{ "reject_unverified_sender",			OPERAND_NONE },
	{ "sleep",					OPERAND_SECONDS },
	{ "warn_if_reject",				OPERAND_NEXT },
};

/* A class that Postfix itself defines. */
static const char	own_class[] = "reject_sender_login_mismatch";

#define NELEM(a)	(sizeof(a) / sizeof((a)[0]))

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t
count_digits(struct span s)
{
	size_t	 n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n;
}

/* The first word, which is empty if there are blanks before it. */
static struct span
first_word(struct span text)
{
	size_t	 n = 0;

	while (n < text.n && !is_blank(text.p[n]))
		n++;
	return (struct span){ text.p, n };
}

/* Where c is, n if it is nowhere. */
static size_t
find(struct span s, char c)
{
	const char	*at = span_find(s, c);

	return at == NULL ? s.n : (size_t)(at - s.p);
}

static enum action_result
refuse(struct err *err, struct span text, const char *why)
{
	(void)err_set(err, "\"%.*s%s\": %s",
	    (int)(text.n > SHOWN_MAX ? SHOWN_MAX : text.n), text.p,
	    text.n > SHOWN_MAX ? "..." : "", why);
	return ACTION_BAD;
}

static enum action_result
refuse_word(struct err *err, struct span word, struct span text)
{
	static const char	why[] = "expected an action, a restriction "
				    "or the name of a restriction class";
	struct err		in;

	if (word.n == text.n)
		return refuse(err, text, why);
	(void)refuse(&in, text, why);
	(void)err_set(err, "\"%.*s\" in %s",
	    (int)(word.n > SHOWN_MAX ? SHOWN_MAX : word.n), word.p, in.text);
	return ACTION_BAD;
}

static const char *
check_none(struct span argument)
{
	return argument.n == 0 ? NULL :
	    "expected nothing behind that word, for Postfix ignores it";
}

static const char *
check_text(struct span argument)
{
	(void)argument;
	return NULL;
}

static const char *
check_undocumented(struct span argument)
{
	(void)argument;
	return "expected an action that access(5) knows";
}

/* The length of the "N.NNN.NNN" (RFC 3463) at the front, 0 if it is none. */
static size_t
status_len(struct span s)
{
	struct span	 rest = s;
	size_t		 n;
	int		 i;

	if (rest.n == 0 || find((struct span){ "245", 3 }, rest.p[0]) == 3)
		return 0;
	rest = span_skip(rest, 1);
	for (i = 0; i < 2; i++) {
		if (rest.n == 0 || rest.p[0] != '.')
			return 0;
		rest = span_skip(rest, 1);
		n = count_digits(rest);
		if (n < 1 || n > 3)
			return 0;
		rest = span_skip(rest, n);
	}
	return s.n - rest.n;
}

static const char *
check_reply(struct span argument)
{
	return argument.n == 0 || status_len(argument) != argument.n ? NULL :
	    "expected a text behind the enhanced status code";
}

/* Postfix takes the address as it is: quotes would be part of it. */
static const char *
check_address(struct span argument)
{
	static const char	*expected = "expected one user@domain, "
				    "without quotes, brackets and blanks";
	size_t			 i, at = argument.n;

	for (i = 0; i < argument.n; i++) {
		if (argument.p[i] == '@')
			at = i;
		if (find((struct span){ " \t,\"<>", 6 }, argument.p[i]) < 6)
			return expected;
	}
	return at > 0 && at + 1 < argument.n ? NULL : expected;
}

static const char *
check_filter(struct span argument)
{
	size_t	 i, n = find(argument, ':');

	for (i = 0; i < n; i++)
		if (!is_alnum(argument.p[i]) && find((struct span){ "._-", 3 },
		    argument.p[i]) == 3)
			break;
	return n > 0 && i == n && n < argument.n ? NULL :
	    "expected transport:destination";
}

/* Postfix takes blanks before the colon, too. */
static const char *
check_header(struct span argument)
{
	struct span	 name;
	size_t		 i, n = find(argument, ':');

	name = span_trim((struct span){ argument.p, n });
	for (i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			break;
	return name.n > 0 && i == name.n && n < argument.n ? NULL :
	    "expected a header, \"Name: value\"";
}

static const struct word {
	const char	*name;
	argument_fn	*check;
} words[] = {
	{ "BCC",		check_address },
	{ "DEFER",		check_reply },
	{ "DEFER_IF_PERMIT",	check_reply },
	{ "DEFER_IF_REJECT",	check_reply },
	{ "DISCARD",		check_text },
	{ "DUNNO",		check_none },
	{ "FILTER",		check_filter },
	{ "HANGUP",		check_undocumented },
	{ "HOLD",		check_text },
	{ "INFO",		check_text },
	{ "OK",			check_none },
	{ "PREPEND",		check_header },
	{ "REDIRECT",		check_address },
	{ "REJECT",		check_reply },
	{ "RELAY",		check_none },
	{ "WARN",		check_text },
};

static const struct word *
find_word(struct span name)
{
	size_t	 i;

	for (i = 0; i < NELEM(words); i++)
		if (span_caseeq(name, words[i].name))
			return &words[i];
	return NULL;
}

static const struct restriction *
find_restriction(struct span name)
{
	size_t	 i;

	for (i = 0; i < NELEM(restrictions); i++)
		if (span_caseeq(name, restrictions[i].name))
			return &restrictions[i];
	return NULL;
}

static bool
is_class(struct span name, const char *const *classes)
{
	for (; classes != NULL && *classes != NULL; classes++)
		if (span_eq(name, *classes))
			return true;
	return span_eq(name, own_class);
}

/* Takes the next word off the list; empty: there is none. */
static struct span
next_token(struct span *list)
{
	struct span	 token;

	while (list->n > 0 && (is_blank(list->p[0]) || list->p[0] == ','))
		*list = span_skip(*list, 1);
	token = first_word(*list);
	token.n = find(token, ',');
	*list = span_skip(*list, token.n);
	return token;
}

/*
 * The filter behind the domain may say more in main.cf, but a mistake there
 * ends the SMTP server: only a plain address is taken.
 */
static bool
is_list_domain(struct span token)
{
	size_t		 n = find(token, '=');
	char		 text[INET_ADDRSTRLEN];
	struct in_addr	 addr;
	struct span	 filter;

	if (!hostname_valid((struct span){ token.p, n }))
		return false;
	if (n == token.n)
		return true;
	filter = span_skip(token, n + 1);
	if (filter.n >= sizeof text)
		return false;
	span_copy(text, filter);
	text[filter.n] = '\0';
	return inet_pton(AF_INET, text, &addr) == 1;
}

/* Reads what is to stand behind a restriction's name. */
static bool
take_operand(enum operand operand, struct span *list)
{
	struct span	 token;

	switch (operand) {
	case OPERAND_DOMAIN:
		token = next_token(list);
		return is_list_domain(token);
	case OPERAND_SECONDS:
		token = next_token(list);
		return token.n > 0 && token.n <= SECONDS_DIGITS &&
		    count_digits(token) == token.n;
	case OPERAND_NEXT:
		token = next_token(&(struct span){ list->p, list->n });
		return token.n > 0;
	default:
		return true;
	}
}

static enum action_result
check_restrictions(struct span text, const char *const *classes,
    struct err *err)
{
	const struct restriction	*r;
	struct span			 list = text, token;
	size_t				 count;

	for (count = 0; (token = next_token(&list)).n > 0; count++) {
		r = find_restriction(token);
		if (r == NULL && !is_class(token, classes))
			return refuse_word(err, token, text);
		if (r != NULL && !take_operand(r->operand, &list)) {
			(void)err_set(err, "%s: expected %s behind it",
			    r->name, operand_texts[r->operand]);
			return ACTION_BAD;
		}
	}
	return count > 0 ? ACTION_VALID :
	    refuse(err, text, "expected an action, got nothing");
}

/* True for what may have been meant for a reply code, and is OK to Postfix. */
static bool
is_code_alone(struct span text)
{
	return text.n > 0 && text.n <= 3 && count_digits(text) == text.n &&
	    (text.p[0] == '4' || text.p[0] == '5');
}

static enum action_result
check_words(struct span text, const char *const *classes, struct err *err)
{
	struct span		 first = first_word(text);
	struct span		 rest = span_trim(span_skip(text, first.n));
	const struct word	*word = find_word(first);
	const char		*why = NULL;

	if (word != NULL)
		why = word->check(rest);
	else if (rest.n == 0 && is_code_alone(first))
		why = "expected a text behind the reply code";
	else if (text.n > 0 && count_digits(text) == text.n)
		return ACTION_VALID;
	else if (first.n == 3 && is_code_alone(first))
		why = check_reply(rest);
	else if (find(text, ':') < text.n)
		why = "expected no table or service, which can only be given "
		    "within a restriction class";
	else
		return check_restrictions(text, classes, err);
	if (why != NULL)
		return refuse(err, text, why);
	return word != NULL && span_eq(span_of(word->name), "DUNNO") ?
	    ACTION_DUNNO : ACTION_VALID;
}

enum action_result
action_check(struct span text, const char *const *classes, struct err *err)
{
	unsigned char	 c;
	size_t		 i;

	if (text.n == 0)
		text.p = "";
	if (text.n > ACTION_MAX) {
		(void)err_set(err, "%zu bytes, expected %d at most", text.n,
		    ACTION_MAX);
		return ACTION_BAD;
	}
	for (i = 0; i < text.n; i++) {
		c = (unsigned char)text.p[i];
		if ((c < ' ' && c != '\t') || c == 0x7f) {
			(void)err_set(err, "expected no control characters, "
			    "got 0x%02X at byte %zu", c, i + 1);
			return ACTION_BAD;
		}
	}
	if (!table_is_utf8(text)) {
		(void)err_set(err, "expected UTF-8");
		return ACTION_BAD;
	}
	return check_words(text, classes, err);
}
