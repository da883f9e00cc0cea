/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion: see assertion.h.  What the single attributes may say stands in
 * assertion_rule.c.
 *
 * What would surprise a reader: smtpd splits a command by its own rules, with
 * quotes, angle brackets and backslashes, and we split it at blanks.  A line
 * on which the two could differ is refused.
 */
#include "assertion.h"

#include <stdio.h>

#include "assertion_rule.h"

#define TAG		"IPV6:"
#define QUOTE_MAX	64	/* bytes of hostile text in an error */

static const char *const	name_texts[ASSERTION_COUNT] = {
	[ASSERTION_ADDR]		= "ADDR",
	[ASSERTION_DESTADDR]		= "DESTADDR",
	[ASSERTION_NAME]		= "NAME",
	[ASSERTION_REVERSE_NAME]	= "REVERSE_NAME",
	[ASSERTION_PORT]		= "PORT",
	[ASSERTION_DESTPORT]		= "DESTPORT",
	[ASSERTION_PROTO]		= "PROTO",
	[ASSERTION_HELO]		= "HELO",
	[ASSERTION_LOGIN]		= "LOGIN",
	[ASSERTION_IDENT]		= "IDENT",
	[ASSERTION_SOURCE]		= "SOURCE"
};

static const char *const	command_texts[] = {
	[ASSERTION_XCLIENT]	= "XCLIENT",
	[ASSERTION_XFORWARD]	= "XFORWARD"
};

const char *
assertion_name_text(enum assertion_name name)
{
	return name_texts[name];
}

int
assertion_name_find(enum assertion_command command, struct span text)
{
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (assertion_rule_find(command, i) != NULL &&
		    span_caseeq(text, name_texts[i]))
			return i;
	return -1;
}

void
assertion_init(struct assertion_set *set, enum assertion_command command)
{
	size_t	 i;

	memset(set, 0, sizeof(*set));
	set->command = command;
	for (i = 0; i < ASSERTION_COUNT; i++)
		set->v[i].value = "";
}

void
assertion_copy(struct assertion_set *to, const struct assertion_set *from)
{
	size_t	 i;

	if (to == from)
		return;
	assertion_init(to, from->command);
	to->addr = from->addr;
	to->destaddr = from->destaddr;
	to->text_used = from->text_used;
	memcpy(to->text, from->text, from->text_used);
	for (i = 0; i < ASSERTION_COUNT; i++) {
		to->v[i].status = from->v[i].status;
		if (from->v[i].status == ASSERTION_VALUE)
			to->v[i].value = to->text +
			    (from->v[i].value - from->text);
	}
}

/* The parsed address that goes with an attribute; NULL: none does. */
static struct address *
address_slot(struct assertion_set *set, enum assertion_name name)
{
	if (name == ASSERTION_ADDR)
		return &set->addr;
	return name == ASSERTION_DESTADDR ? &set->destaddr : NULL;
}

/* Takes an attribute out and closes the gap that its text leaves. */
static void
drop(struct assertion_set *set, enum assertion_name name)
{
	const char	*old = set->v[name].value;
	struct address	*addr = address_slot(set, name);
	size_t		 i, at, size;

	if (set->v[name].status == ASSERTION_VALUE) {
		at = (size_t)(old - set->text);
		size = strlen(old) + 1;
		set->text_used -= size;
		memmove(set->text + at, set->text + at + size,
		    set->text_used - at);
		for (i = 0; i < ASSERTION_COUNT; i++)
			if (set->v[i].status == ASSERTION_VALUE &&
			    set->v[i].value > old)
				set->v[i].value -= size;
	}
	set->v[name] = (struct assertion){ ASSERTION_ABSENT, "" };
	if (addr != NULL)
		*addr = (struct address){ .family = AF_UNSPEC };
}

/* Each attribute holds one value of at most ASSERTION_VALUE_MAX: it fits. */
static void
put_value(struct assertion_set *set, enum assertion_name name,
    const struct assertion_value *v)
{
	struct address	*addr = address_slot(set, name);
	size_t		 size = strlen(v->text) + 1;
	char		*to;

	drop(set, name);
	to = set->text + set->text_used;
	memcpy(to, v->text, size);
	set->text_used += size;
	set->v[name] = (struct assertion){ ASSERTION_VALUE, to };
	if (addr != NULL)
		*addr = v->addr;
}

static void
put_word(struct assertion_set *set, enum assertion_name name,
    enum assertion_status status)
{
	drop(set, name);
	set->v[name].status = status;
}

/* Printable ASCII and blanks only; so it holds no NUL either. */
static bool
is_printable(struct span text)
{
	size_t	 i;

	for (i = 0; i < text.n; i++)
		if (text.p[i] < 32 || text.p[i] > 126)
			return false;
	return true;
}

/* Which status the decoded text itself stands for. */
static enum assertion_status
status_of(struct span text)
{
	if (span_caseeq(text, "[UNAVAILABLE]"))
		return ASSERTION_UNAVAILABLE;
	if (span_caseeq(text, "[TEMPUNAVAIL]"))
		return ASSERTION_TEMPUNAVAIL;
	return ASSERTION_VALUE;
}

/* Whether the value can be said again within Postfix's limit. */
static bool
fits_encoded(const char *text)
{
	char	 buf[ASSERTION_VALUE_MAX + 1];
	size_t	 len;

	return xtext_encode(span_of(text), buf, sizeof(buf), &len) == XTEXT_OK;
}

static bool
families_agree(const struct assertion_set *set)
{
	return set->addr.family == AF_UNSPEC ||
	    set->destaddr.family == AF_UNSPEC ||
	    set->addr.family == set->destaddr.family;
}

/* Checks the decoded text and stores it.  False: the set is unchanged. */
static bool
put_text(struct assertion_set *set, enum assertion_name name,
    struct span text, bool on_wire)
{
	const struct assertion_rule	*rule;
	enum assertion_status		 status = status_of(text);
	struct assertion_value		 v = { .on_wire = on_wire };

	rule = assertion_rule_find(set->command, name);
	if (!assertion_rule_allows(rule, status))
		return false;
	if (status != ASSERTION_VALUE) {
		put_word(set, name, status);
		return true;
	}
	if (text.n == 0 || text.n > ASSERTION_VALUE_MAX || !is_printable(text))
		return false;
	memcpy(v.text, text.p, text.n);
	if (!rule->normalise(&v) || !fits_encoded(v.text))
		return false;
	put_value(set, name, &v);
	return true;
}

/*
 * Bytes as they may stand in an error text: what is not printable ASCII as
 * \xHH, cut after QUOTE_MAX bytes.
 */
static const char *
quote(struct span text, char buf[QUOTE_MAX * 4 + 4])
{
	char	*to = buf;
	size_t	 i;

	for (i = 0; i < text.n && i < QUOTE_MAX; i++)
		if (text.p[i] >= 32 && text.p[i] <= 126 &&
		    text.p[i] != '\\' && text.p[i] != '"')
			*to++ = text.p[i];
		else
			to += sprintf(to, "\\x%02X", (unsigned char)text.p[i]);
	memcpy(to, i < text.n ? "..." : "", i < text.n ? 4 : 1);
	return buf;
}

static enum assertion_result
refuse(struct err *err, const char *what, const char *expected,
    struct span got)
{
	char	 buf[QUOTE_MAX * 4 + 4];

	err_set(err, "%s: expected %s, got \"%s\"", what, expected,
	    quote(got, buf));
	return ASSERTION_BAD;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the next word off the front of *rest.  False: there is none. */
static bool
next_token(struct span *rest, struct span *token_r)
{
	size_t	 n;

	while (rest->n > 0 && is_blank(rest->p[0]))
		*rest = span_skip(*rest, 1);
	for (n = 0; n < rest->n && !is_blank(rest->p[n]); n++)
		;
	*token_r = (struct span){ rest->p, n };
	*rest = span_skip(*rest, n);
	return n > 0;
}

/*
 * Whether smtpd's tokenizer sees the same word: it keeps blanks inside quotes
 * and angle brackets and behind a backslash.
 */
static bool
token_is_plain(struct span token)
{
	return is_printable(token) &&
	    memchr(token.p, '"', token.n) == NULL &&
	    memchr(token.p, '<', token.n) == NULL &&
	    token.p[token.n - 1] != '\\';
}

static enum assertion_result
parse_value(struct assertion_set *set, enum assertion_name name,
    struct span raw, enum xtext_mode mode, struct err *err)
{
	const struct assertion_rule	*rule;
	const char			*what = name_texts[name];
	char				 buf[ASSERTION_VALUE_MAX];
	struct span			 text = { buf, 0 };

	rule = assertion_rule_find(set->command, name);
	if (set->v[name].status != ASSERTION_ABSENT)
		return refuse(err, what, "it once", raw);
	if (raw.n == 0 || raw.n > ASSERTION_VALUE_MAX)
		return refuse(err, what, "1 to 255 characters", raw);
	if (xtext_decode(raw, mode, buf, sizeof(buf), &text.n) != XTEXT_OK)
		return refuse(err, what, "xtext (RFC 3461)", raw);
	if (!is_printable(text))
		return refuse(err, what, "printable ASCII", raw);
	if (!put_text(set, name, text, true))
		return refuse(err, what, rule->expected, raw);
	return ASSERTION_OK;
}

static enum assertion_result
parse_token(struct assertion_set *set, struct span token,
    enum xtext_mode mode, struct err *err)
{
	const char	*command = command_texts[set->command];
	const char	*equals;
	struct span	 name;
	int		 found;

	if (!token_is_plain(token))
		return refuse(err, command,
		    "printable ASCII without quote, < or final backslash",
		    token);
	if ((equals = memchr(token.p, '=', token.n)) == NULL)
		return refuse(err, command, "attribute=value", token);
	name = (struct span){ token.p, (size_t)(equals - token.p) };
	if ((found = assertion_name_find(set->command, name)) == -1)
		return refuse(err, command, "a known attribute", name);
	return parse_value(set, (enum assertion_name)found,
	    span_skip(token, name.n + 1), mode, err);
}

enum assertion_result
assertion_parse(struct span args, enum assertion_command command,
    enum xtext_mode mode, struct assertion_set *set_r, struct err *err)
{
	const char	*what = command_texts[command];
	struct span	 rest = args, token;
	size_t		 ntoken;

	assertion_init(set_r, command);
	if (args.n > ASSERTION_LINE_MAX)
		return refuse(err, what, "a shorter line", args);
	for (ntoken = 0; next_token(&rest, &token); ntoken++)
		if (parse_token(set_r, token, mode, err) != ASSERTION_OK)
			return ASSERTION_BAD;
	if (ntoken == 0)
		return refuse(err, what, "attribute=value", args);
	if (!families_agree(set_r))
		return refuse(err, "DESTADDR", "the address family of ADDR",
		    span_of(set_r->v[ASSERTION_DESTADDR].value));
	return ASSERTION_OK;
}

/* put_text as if it had been asked first whether the families will agree. */
static bool
put_text_or_undo(struct assertion_set *set, enum assertion_name name,
    struct span value)
{
	struct assertion_set	 old;

	/* No other attribute has a family. */
	if (address_slot(set, name) == NULL)
		return put_text(set, name, value, false);
	assertion_copy(&old, set);
	if (!put_text(set, name, value, false))
		return false;
	if (families_agree(set))
		return true;
	assertion_copy(set, &old);
	return false;
}

bool
assertion_set_value(struct assertion_set *set, enum assertion_name name,
    enum assertion_status status, struct span value)
{
	const struct assertion_rule	*rule;

	rule = assertion_rule_find(set->command, name);
	if (rule == NULL || !assertion_rule_allows(rule, status))
		return false;
	if (status == ASSERTION_VALUE)
		return status_of(value) == ASSERTION_VALUE &&
		    put_text_or_undo(set, name, value);
	put_word(set, name, status);
	return true;
}

static bool
names(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status != ASSERTION_ABSENT;
}

/* What base says about the client whom over replaces. */
static void
drop_replaced(struct assertion_set *base, const struct assertion_set *over)
{
	if (names(over, ASSERTION_NAME))
		drop(base, ASSERTION_REVERSE_NAME);
	if (names(over, ASSERTION_ADDR) && names(base, ASSERTION_ADDR) &&
	    !address_equal(&over->addr, &base->addr))
		assertion_init(base, base->command);
}

void
assertion_merge(struct assertion_set *base, const struct assertion_set *over)
{
	struct assertion_value	 v = { .on_wire = false };
	int		 i;

	drop_replaced(base, over);
	for (i = 0; i < ASSERTION_COUNT; i++) {
		if (over->v[i].status == ASSERTION_ABSENT)
			continue;
		if (over->v[i].status != ASSERTION_VALUE) {
			put_word(base, i, over->v[i].status);
			continue;
		}
		memcpy(v.text, over->v[i].value,
		    strlen(over->v[i].value) + 1);
		v.addr = i == ASSERTION_ADDR ? over->addr : over->destaddr;
		put_value(base, i, &v);
	}
	if (!families_agree(base))
		drop(base, ASSERTION_DESTADDR);
}

/*
 * The i-th attribute to print.  Postfix may refuse an address of a family
 * that it does not use: a real address goes before a bracketed word, which
 * would already have changed the session.
 */
static enum assertion_name
print_order(const struct assertion_set *set, int i)
{
	if (set->v[ASSERTION_ADDR].status == ASSERTION_VALUE)
		return i;
	if (i == ASSERTION_ADDR)
		return ASSERTION_DESTADDR;
	return i == ASSERTION_DESTADDR ? ASSERTION_ADDR : i;
}

/* The value as it goes on the wire.  False: it is too long. */
static bool
encode_value(const struct assertion *a, bool is_ipv6,
    char buf[ASSERTION_VALUE_MAX + 1])
{
	size_t	 n, tag = is_ipv6 ? strlen(TAG) : 0;

	if (a->status == ASSERTION_UNAVAILABLE)
		memcpy(buf, "[UNAVAILABLE]", sizeof("[UNAVAILABLE]"));
	else if (a->status == ASSERTION_TEMPUNAVAIL)
		memcpy(buf, "[TEMPUNAVAIL]", sizeof("[TEMPUNAVAIL]"));
	if (a->status != ASSERTION_VALUE)
		return true;
	memcpy(buf, TAG, tag);
	return xtext_encode(span_of(a->value), buf + tag,
	    ASSERTION_VALUE_MAX + 1 - tag, &n) == XTEXT_OK;
}

static bool
is_ipv6(const struct assertion_set *set, enum assertion_name name)
{
	return (name == ASSERTION_ADDR && set->addr.family == AF_INET6) ||
	    (name == ASSERTION_DESTADDR && set->destaddr.family == AF_INET6);
}

/* Adds a text, as far as it goes with the NUL; returns the length that all
 * would have. */
static size_t
add_text(char *buf, size_t size, size_t len, const char *text)
{
	size_t	 n = strlen(text);

	if (len + n < size)
		memcpy(buf + len, text, n + 1);
	return len + n;
}

bool
assertion_print(const struct assertion_set *set, char *buf, size_t size,
    size_t *len_r)
{
	char			 value[ASSERTION_VALUE_MAX + 1];
	enum assertion_name	 name;
	size_t			 len, start;
	int			 i;

	start = len = add_text(buf, size, 0, command_texts[set->command]);
	for (i = 0; i < ASSERTION_COUNT && len < size; i++) {
		name = print_order(set, i);
		if (!names(set, name))
			continue;
		if (!encode_value(&set->v[name], is_ipv6(set, name), value))
			return false;
		len = add_text(buf, size, len, " ");
		len = add_text(buf, size, len, name_texts[name]);
		len = add_text(buf, size, len, "=");
		len = add_text(buf, size, len, value);
	}
	if (len == start || len >= size)
		return false;
	*len_r = len;
	return true;
}
