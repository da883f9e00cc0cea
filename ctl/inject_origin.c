/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_origin: see inject_origin.h.  received_parse reads the header; here is
 * only which of them counts.
 */
#include "inject_origin.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "received/received_text.h"

#define SENDER	"Authenticated sender: "

int
inject_origin_mine(struct inject_rule *rule, char *text, struct err *err)
{
	char	*word, *rest = text;

	rule->how = INJECT_BY_HOP;
	while ((word = strsep(&rest, ", ")) != NULL) {
		if (*word == '\0')
			continue;
		if (rule->n_nets == INJECT_MINE_MAX ||
		    rule->n_hosts == INJECT_MINE_MAX)
			return err_set(err, "more than %d of them",
			    INJECT_MINE_MAX);
		if (address_parse_net(span_of(word),
		    &rule->nets[rule->n_nets]))
			rule->n_nets++;
		else if (strpbrk(word, "/:") == NULL &&
		    strpbrk(word, "abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
			rule->hosts[rule->n_hosts++] = word;
		else
			return err_set(err, "\"%s\": expected a network, as "
			    "192.0.2.0/24, or a host, as *.example.net", word);
	}
	return rule->n_nets + rule->n_hosts > 0 ? 0 :
	    err_set(err, "expected networks or hosts");
}

static bool
is_mine(const struct inject_rule *rule, const struct received *r)
{
	unsigned	 i;

	for (i = 0; i < rule->n_nets; i++)
		if (address_in_net(&r->addr, &rule->nets[i]))
			return true;
	/* Anybody may call his host one of mine in his reverse zone. */
	if (r->name[0] == '\0' || r->is_name_unsure)
		return false;
	for (i = 0; i < rule->n_hosts; i++)
		if (fnmatch(rule->hosts[i], r->name, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

/* The word behind the first "with" behind "by", outside of comments; n is 0:
 * none.  What stands before "by" may be the client's. */
static struct span
with_what(struct span value)
{
	struct received_item	 item;
	bool			 has_by = false;

	do {
		item = received_item_next(&value);
		if (item.kind != RECEIVED_WORD)
			continue;
		if (has_by && received_item_is(&item, "with")) {
			item = received_item_next(&value);
			if (item.kind == RECEIVED_WORD)
				return item.text;
		}
		has_by = has_by || received_item_is(&item, "by");
	} while (item.kind != RECEIVED_END && item.kind !=
	    RECEIVED_UNBALANCED);
	return (struct span){ "", 0 };
}

static bool
begins_with_one(struct span s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (span_casebegins(s, *words))
			return true;
	return false;
}

/*
 * True for a step within one's own system: from the mail server into the
 * mailbox, or from there to here, whoever is named in it; or that of a server
 * which names no client in a header of its own (Gmail's, qmail's).
 */
static bool
is_inner_step(struct span value, enum received_result result)
{
	static const char *const	 inner[] = { "LMTP", "UTF8LMTP", "POP3",
		"IMAP", NULL };
	static const char *const	 smtp[] = { "SMTP", "ESMTP",
		"UTF8SMTP", NULL };
	struct span			 with = with_what(value);

	if (result == RECEIVED_AMBIGUOUS || result == RECEIVED_BAD)
		return false;
	if (begins_with_one(with, inner))
		return true;
	if (result != RECEIVED_NO_FROM)
		return false;
	return begins_with_one(with, smtp) ||
	    memmem(value.p, value.n, " invoked from network)",
	    strlen(" invoked from network)")) != NULL;
}

/* Printable, but for a fold before it, or not at all. */
static void
copy_text(char *to, size_t size, struct span s)
{
	while (s.n > 0 && (s.p[0] == '\r' || s.p[0] == '\n'))
		s = span_skip(s, 1);
	s = span_trim(s);
	if (s.n >= size || !span_is_printable(s))
		s.n = 0;
	span_copy(to, s);
	to[s.n] = '\0';
}

/* What it says besides: the time, and who had logged in. */
static void
read_rest(struct span value, bool has_login, struct inject_origin *o)
{
	struct received_item	 item;
	bool			 has_by = false;

	for (;;) {
		item = received_item_next(&value);
		if (item.kind == RECEIVED_END ||
		    item.kind == RECEIVED_UNBALANCED)
			return;
		has_by = has_by || (item.kind == RECEIVED_WORD &&
		    received_item_is(&item, "by"));
		if (item.kind == RECEIVED_SEMICOLON)
			copy_text(o->time, sizeof o->time, value);
		else if (item.kind == RECEIVED_COMMENT && has_login &&
		    !has_by && span_begins(item.text, SENDER))
			copy_text(o->login, sizeof o->login,
			    span_skip(item.text, strlen(SENDER)));
	}
}

static enum inject_origin_result
unknown(struct inject_origin *o, const char *why)
{
	(void)snprintf(o->why, sizeof o->why, "%s", why);
	return INJECT_ORIGIN_UNKNOWN;
}

static enum inject_origin_result
judge(struct inject_origin *o)
{
	return address_is_public(&o->from.addr) ? INJECT_ORIGIN_FOUND :
	    unknown(o, "its address is not public");
}

static void
note_place(const struct inject_field *f, unsigned nth,
    struct inject_origin *o)
{
	o->nth = nth;
	o->line = f->line;
	o->offset = f->offset;
}

static enum inject_origin_result
take(const struct inject_rule *rule, const struct inject_field *f,
    enum received_result result, struct inject_origin *o)
{
	if (result != RECEIVED_DONE)
		return unknown(o, f->is_whole ? received_result_text(result) :
		    "its header is too long");
	read_rest(f->value, rule->has_login, o);
	return judge(o);
}

/* "[192.0.2.1]", as webmail hosts write it, or an address alone. */
static enum inject_origin_result
take_header(const struct inject_field *f, struct inject_origin *o)
{
	struct span	 s = span_trim(f->value);

	if (!f->is_whole)
		return unknown(o, "its header is too long");
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = (struct span){ s.p + 1, s.n - 2 };
	if (!address_parse(s, &o->from.addr) &&
	    !address_parse_mailhost(s, &o->from.addr))
		return unknown(o, "it is no address");
	return judge(o);
}

/* True: that is the one, or none can be. */
static bool
is_last(const struct inject_rule *rule, const struct inject_field *f,
    unsigned nth, struct inject_origin *o, enum inject_origin_result *result_r)
{
	enum received_result	 result;

	if (rule->how == INJECT_BY_COUNT && nth < rule->count)
		return false;
	result = f->is_whole ? received_parse(f->value, &o->from) :
	    RECEIVED_BAD;
	if (rule->how == INJECT_BY_HOP && f->is_whole &&
	    ((result == RECEIVED_DONE && is_mine(rule, &o->from)) ||
	    is_inner_step(f->value, result)))
		return false;
	note_place(f, nth, o);
	*result_r = take(rule, f, result, o);
	return true;
}

static enum inject_origin_result
search(const struct inject_rule *rule, struct inject_header *h,
    struct inject_origin *o)
{
	struct inject_field		 f;
	enum inject_origin_result	 result;
	unsigned			 nth = 0;

	while (inject_header_next(h, &f)) {
		if (rule->how == INJECT_BY_HEADER) {
			if (!span_caseeq(f.name, rule->header))
				continue;
			note_place(&f, 0, o);
			return take_header(&f, o);
		}
		if (span_caseeq(f.name, "Received") &&
		    is_last(rule, &f, ++nth, o, &result))
			return result;
	}
	if (h->has_failed) {
		(void)unknown(o, strerror(errno));
		return INJECT_ORIGIN_FAILED;
	}
	if (rule->how == INJECT_BY_HEADER)
		return unknown(o, "there is no such header");
	if (nth == 0)
		return unknown(o, "there is no Received header");
	return unknown(o, rule->how == INJECT_BY_COUNT ?
	    "there are fewer Received headers" : "all hosts are mine");
}

enum inject_origin_result
inject_origin_find(const struct inject_rule *rule, int fd, off_t begin,
    off_t end, struct inject_origin *o)
{
	struct inject_header		*h = malloc(sizeof *h);
	enum inject_origin_result	 result;

	memset(o, 0, sizeof *o);
	o->offset = begin;
	if (h == NULL) {
		(void)unknown(o, "out of memory");
		return INJECT_ORIGIN_FAILED;
	}
	inject_header_open(h, fd, begin, end);
	result = search(rule, h, o);
	free(h);
	return result;
}

/* A value that the sender chose, and that cannot be said, is unavailable. */
static void
put(struct assertion_set *set, enum assertion_name name, const char *value)
{
	struct span	 s = span_of(value);

	if (s.n == 0 || value[0] == '[' ||
	    !assertion_take_value(set, name, s))
		(void)assertion_set_value(set, name, ASSERTION_UNAVAILABLE,
		    (struct span){ "", 0 });
}

void
inject_origin_assert(const struct inject_origin *o,
    enum inject_origin_result result, struct assertion_set *set)
{
	char	 text[ADDRESS_TEXT_SIZE];
	bool	 is_known = result == INJECT_ORIGIN_FOUND;

	assertion_init(set, ASSERTION_XCLIENT);
	put(set, ASSERTION_ADDR, is_known ?
	    address_format(&o->from.addr, text, sizeof text) : "");
	put(set, ASSERTION_NAME, is_known ? o->from.name : "");
	put(set, ASSERTION_REVERSE_NAME, is_known ? o->from.name : "");
	put(set, ASSERTION_PORT, "");
	put(set, ASSERTION_HELO, is_known ? o->from.helo : "");
	if (is_known && o->login[0] != '\0')
		put(set, ASSERTION_LOGIN, o->login);
}
