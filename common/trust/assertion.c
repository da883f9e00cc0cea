/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion: see assertion.h.  What the single attributes may say stands in
 * assertion_rule.c.
 *
 * What would surprise a reader: smtpd splits a command by its own rules, with
 * quotes, angle brackets and backslashes, and we split it at blanks.  A line
 * on which the two could differ is refused, also where the client may have
 * chosen the word: what stands behind that might be its, too.
 */
#include "trust/assertion.h"

#include <stdio.h>

#include "trust/assertion_rule.h"

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

	memset(set, 0, sizeof *set);
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
	to->unsaid = from->unsaid;
	to->unsaid_octets = from->unsaid_octets;
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
	set->unsaid &= ~(1U << name);
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

static bool
families_agree(const struct assertion_set *set)
{
	return set->addr.family == AF_UNSPEC ||
	    set->destaddr.family == AF_UNSPEC ||
	    set->addr.family == set->destaddr.family;
}

/* Checks the decoded text and stores it.  Unless it fits, the set is
 * unchanged. */
static enum assertion_worth
put_text(struct assertion_set *set, enum assertion_name name,
    struct span text)
{
	struct assertion_value	 v = { .addr = { .family = AF_UNSPEC } };
	enum assertion_worth	 worth;

	worth = assertion_rule_try(assertion_rule_find(set->command, name),
	    text, &v);
	if (worth == ASSERTION_FITS)
		put_value(set, name, &v);
	return worth;
}

/* What is said to be unknown, in the word that Postfix has for it there. */
static void
put_unknown(struct assertion_set *set, enum assertion_name name,
    enum assertion_status status)
{
	const struct assertion_rule	*rule;

	rule = assertion_rule_find(set->command, name);
	if (!assertion_rule_allows(rule, status))
		status = ASSERTION_UNAVAILABLE;
	if (rule->unknown != NULL)
		(void)put_text(set, name, span_of(rule->unknown));
	else
		put_word(set, name, status);
}

/* The speaker has done nothing wrong: what the client made of it is left
 * out. */
static void
put_unsaid(struct assertion_set *set, enum assertion_name name)
{
	put_word(set, name, ASSERTION_UNAVAILABLE);
	set->unsaid |= 1U << name;
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

	(void)err_set(err, "%s: expected %s, got \"%s\"", what, expected,
	    quote(got, buf));
	return ASSERTION_BAD;
}

/*
 * Whether smtpd's tokenizer sees the same word: it keeps blanks inside quotes
 * and angle brackets and behind a backslash.
 */
static bool
token_is_plain(struct span token)
{
	return span_is_printable(token) &&
	    !span_has(token, '"') && !span_has(token, '<') &&
	    token.p[token.n - 1] != '\\';
}

/* The same of a word that may hold all these, in pairs. */
static bool
token_is_closed(struct span token)
{
	size_t	 i, depth = 0;
	bool	 is_quoted = false;

	for (i = 0; i < token.n; i++)
		if (token.p[i] == '\\')
			i++;
		else if (token.p[i] == '"')
			is_quoted = !is_quoted;
		else if (token.p[i] == '<' && !is_quoted)
			depth++;
		else if (token.p[i] == '>' && !is_quoted && depth > 0)
			depth--;
	return i == token.n && depth == 0 && !is_quoted;
}

/* Blanks to smtpd, and not to us; or the end of a text. */
static bool
has_break(struct span text)
{
	size_t	 i;

	for (i = 0; i < text.n; i++)
		if (text.p[i] == '\0' ||
		    (text.p[i] >= '\t' && text.p[i] <= '\r'))
			return true;
	return false;
}

/* No client can have greeted with one, or be called so. */
static bool
has_line_end(struct span text)
{
	return span_has(text, '\0') || span_has(text, '\r') ||
	    span_has(text, '\n');
}

/* Puts what has been decoded. */
static enum assertion_result
parse_text(struct assertion_set *set, enum assertion_name name,
    struct span text, struct span raw, struct err *err)
{
	const struct assertion_rule	*rule;
	enum assertion_status		 status = status_of(text);

	rule = assertion_rule_find(set->command, name);
	if (status != ASSERTION_VALUE) {
		put_unknown(set, name, status);
		return ASSERTION_OK;
	}
	if (rule->is_free && has_line_end(text))
		return refuse(err, name_texts[name], "no NUL, CR or LF", raw);
	if (!rule->is_free && !span_is_printable(text))
		return refuse(err, name_texts[name], "printable ASCII", raw);
	switch (put_text(set, name, text)) {
	case ASSERTION_FITS:
		return ASSERTION_OK;
	case ASSERTION_UNSAYABLE:
		put_unsaid(set, name);
		return ASSERTION_OK;
	case ASSERTION_WRONG:
		break;
	}
	return refuse(err, name_texts[name], rule->expected, raw);
}

static enum assertion_result
parse_value(struct assertion_set *set, enum assertion_name name,
    struct span raw, enum xtext_mode mode, struct err *err)
{
	const bool	 is_free = assertion_rule_find(set->command,
	    name)->is_free;
	const char	*what = name_texts[name];
	char		 buf[ASSERTION_VALUE_MAX];
	struct span	 text = { buf, 0 };

	if (set->v[name].status != ASSERTION_ABSENT)
		return refuse(err, what, "it once", raw);
	if (is_free && raw.n > ASSERTION_VALUE_MAX) {
		put_unsaid(set, name);
		set->unsaid_octets += raw.n - strlen("[UNAVAILABLE]");
		return ASSERTION_OK;
	}
	if (raw.n == 0 || raw.n > ASSERTION_VALUE_MAX)
		return refuse(err, what, "1 to 255 characters", raw);
	/* Who passes on a greeting as it came: Postfix takes it, too. */
	if (xtext_decode(raw, is_free ? XTEXT_LEGACY : mode, buf, sizeof buf,
	    &text.n) != XTEXT_OK)
		return refuse(err, what, "xtext (RFC 3461)", raw);
	return parse_text(set, name, text, raw, err);
}

/*
 * Whether the word may be taken for what it says.  A free text must only be
 * no other word to smtpd than to us; behind the last one there is nothing that
 * could belong to it.
 */
static enum assertion_result
check_token(const struct assertion_set *set, int name, struct span token,
    bool is_last, struct err *err)
{
	const struct assertion_rule	*rule;
	struct span			 value;

	rule = name == -1 ? NULL : assertion_rule_find(set->command,
	    (enum assertion_name)name);
	if (rule == NULL || !rule->is_free || has_break(token))
		return token_is_plain(token) ? ASSERTION_OK :
		    refuse(err, command_texts[set->command], "printable ASCII "
		    "without quote, < or final backslash", token);
	value = span_skip(token, strlen(name_texts[name]) + 1);
	return is_last || token_is_closed(value) ? ASSERTION_OK :
	    refuse(err, name_texts[name], "quotes, < and backslash encoded",
	    value);
}

static enum assertion_result
parse_token(struct assertion_set *set, struct span token, bool is_last,
    enum xtext_mode mode, struct err *err)
{
	const char	*command = command_texts[set->command];
	const char	*equals = span_find(token, '=');
	struct span	 name = token;
	int		 found = -1;

	if (equals != NULL) {
		name.n = (size_t)(equals - token.p);
		found = assertion_name_find(set->command, name);
	}
	if (check_token(set, found, token, is_last, err) != ASSERTION_OK)
		return ASSERTION_BAD;
	if (equals == NULL)
		return refuse(err, command, "attribute=value", token);
	if (found == -1)
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
	for (ntoken = 0; span_word(&rest, &token); ntoken++)
		if (parse_token(set_r, token, span_trim(rest).n == 0, mode,
		    err) != ASSERTION_OK)
			return ASSERTION_BAD;
	if (ntoken == 0)
		return refuse(err, what, "attribute=value", args);
	/* A proxy that listens on IPv6 may have an IPv4 client. */
	if (!families_agree(set_r))
		put_unsaid(set_r, ASSERTION_DESTADDR);
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
		return put_text(set, name, value) == ASSERTION_FITS;
	assertion_copy(&old, set);
	if (put_text(set, name, value) != ASSERTION_FITS)
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

bool
assertion_take_value(struct assertion_set *set, enum assertion_name name,
    struct span value)
{
	return status_of(value) == ASSERTION_VALUE &&
	    parse_text(set, name, value, value, NULL) == ASSERTION_OK;
}

void
assertion_unsaid(const struct assertion_set *set, char *buf, size_t size)
{
	size_t	 len = 0;
	int	 i;

	buf[0] = '\0';
	for (i = 0; i < ASSERTION_COUNT; i++)
		if ((set->unsaid & (1U << i)) != 0 && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
			    len > 0 ? " " : "", name_texts[i]);
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
	struct assertion_value	 v;
	int			 i;

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
	base->unsaid |= over->unsaid;
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
