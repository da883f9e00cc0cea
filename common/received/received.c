/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received: see received.h.  Which comment names the client is told by its form
 * and its place; everything else in the from-clause is looked at only to find
 * out whether somebody meant us to take it for that comment.
 */
#include "received/received.h"

#include "received/received_comment.h"
#include "received/received_text.h"

/* What only one server writes, found behind "by". */
enum writer {
	WRITER_UNKNOWN,
	WRITER_EXIM,
	WRITER_COMMUNIGATE,
	WRITER_FETCHMAIL,
	WRITER_WEBMAIL		/* with HTTP, in which there is no HELO */
};

struct clause {
	struct span		 word;		/* the first, or "" */
	struct received_comment	 client;	/* if has_client */
	struct received_comment	 before;	/* the last one before the
						 * client, if has_other */
	bool			 has_first;	/* a word or a quoted string */
	bool			 has_client, has_other;
	bool			 has_stray;	/* words that do not belong */
	bool			 is_ambiguous;
	enum writer		 writer;
};

/*
 * The client's address stands first or directly behind "(HELO x)".  Anywhere
 * else an address of that form is somebody's attempt to be taken for it.
 */
static void
clause_add_client(struct clause *clause, const struct received_comment *c)
{
	bool	 is_placed = !clause->has_other ||
		    clause->before.kind == COMMENT_HELO;

	if (clause->has_client || !is_placed) {
		if (!clause->has_client ||
		    !address_equal(&clause->client.addr, &c->addr))
			clause->is_ambiguous = true;
		return;
	}
	clause->client = *c;
	clause->has_client = true;
}

static void
clause_add_comment(struct clause *clause, struct span text)
{
	struct received_comment	 c = received_comment_read(text);

	if (received_text_hides_by(text))
		clause->is_ambiguous = true;
	if (c.kind == COMMENT_CLIENT) {
		clause_add_client(clause, &c);
		return;
	}
	if (clause->has_client)
		return;
	/* Each of these kinds means something only where it stands alone. */
	if (clause->has_other)
		c.kind = COMMENT_OTHER;
	clause->before = c;
	clause->has_other = true;
	if (c.kind == COMMENT_ODD)
		clause->is_ambiguous = true;
}

static void
clause_add_word(struct clause *clause, struct span word)
{
	struct received_comment	 c = { .kind = COMMENT_CLIENT };

	if (received_literal_read(word, &c.addr))
		clause_add_client(clause, &c);
	else
		clause->has_stray = true;
}

/* "via SMTP" or "with SMTP" may stand before "by", and nothing behind it. */
static struct received_item
skip_protocol(struct clause *clause, struct span *rest)
{
	struct received_item	 item = received_item_next(rest);

	if (item.kind != RECEIVED_WORD || span_has(item.text, '[')) {
		clause->has_stray = true;
		return item;
	}
	item = received_item_next(rest);
	if (!received_item_is(&item, "by"))
		clause->has_stray = true;
	return item;
}

/* Reads up to "by", and takes it.  False: no such word, or unbalanced. */
static bool
clause_read(struct span *rest, struct clause *clause)
{
	struct received_item	 item = received_item_next(rest);

	if (item.kind == RECEIVED_WORD || item.kind == RECEIVED_QUOTED) {
		if (item.kind == RECEIVED_WORD)
			clause->word = item.text;
		clause->has_first = true;
		item = received_item_next(rest);
	}
	while (!received_item_is(&item, "by")) {
		if (received_item_is(&item, "via") ||
		    received_item_is(&item, "with")) {
			item = skip_protocol(clause, rest);
			continue;
		}
		if (item.kind == RECEIVED_COMMENT)
			clause_add_comment(clause, item.text);
		else if (item.kind == RECEIVED_WORD)
			clause_add_word(clause, item.text);
		else
			return false;
		item = received_item_next(rest);
	}
	return true;
}

static bool
is_protocol_http(struct span word)
{
	return span_caseeq(word, "HTTP") || span_caseeq(word, "HTTPS");
}

/*
 * Who wrote the header, as far as one word or comment behind "by" tells;
 * previous is the item before it.
 */
static enum writer
writer_of(const struct received_item *item,
    const struct received_item *previous)
{
	struct span	 rest = item->text, token;

	if (item->kind == RECEIVED_COMMENT) {
		token = received_token_next(&rest);
		if (span_eq(token, "Exim"))
			return WRITER_EXIM;
		if (span_eq(token, "CommuniGate"))
			return WRITER_COMMUNIGATE;
		if (span_casebegins(token, "fetchmail-"))
			return WRITER_FETCHMAIL;
	}
	if (item->kind == RECEIVED_WORD && is_protocol_http(item->text) &&
	    (received_item_is(previous, "with") ||
	    received_item_is(previous, "via")))
		return WRITER_WEBMAIL;
	return WRITER_UNKNOWN;
}

/* From here on, senders and recipients choose what stands there. */
static bool
ends_writers(const struct received_item *item)
{
	return received_item_is(item, "id") || received_item_is(item, "for") ||
	    item->kind == RECEIVED_SEMICOLON ||
	    (item->kind == RECEIVED_COMMENT &&
	    span_casebegins(item->text, "envelope-"));
}

/* What follows "by".  False: no host behind it, or unbalanced. */
static bool
tail_read(struct span rest, struct clause *clause)
{
	struct received_item	 item = received_item_next(&rest), previous;
	bool			 is_over = false;

	if (item.kind != RECEIVED_WORD)
		return false;
	for (;;) {
		previous = item;
		item = received_item_next(&rest);
		if (item.kind == RECEIVED_END)
			return true;
		if (item.kind == RECEIVED_UNBALANCED)
			return false;
		is_over = is_over || ends_writers(&item);
		if (!is_over && clause->writer == WRITER_UNKNOWN)
			clause->writer = writer_of(&item, &previous);
		if (received_item_is(&item, "by") ||
		    received_text_hides_by(item.text))
			clause->is_ambiguous = true;
	}
}

/*
 * True if an address in brackets that stands first is the server's word.
 * Most servers write HELO there, and they add the address in a comment.
 */
static bool
first_is_address(const struct clause *clause)
{
	enum received_comment_kind	 kind = clause->before.kind;

	if (!clause->has_other)
		return clause->writer == WRITER_EXIM ||
		    clause->writer == WRITER_WEBMAIL;
	return kind == COMMENT_EXIM || (clause->writer == WRITER_COMMUNIGATE &&
	    (kind == COMMENT_HELO || kind == COMMENT_ACCOUNT));
}

/* Finds the client.  RECEIVED_DONE: it is in clause->client. */
static enum received_result
clause_judge(struct clause *clause)
{
	struct address	 first;
	bool		 has_first;

	has_first = received_literal_read(clause->word, &first);
	if (clause->has_client) {
		/* CommuniGate's form, unless HELO broke out of its comment. */
		if (has_first && clause->has_other &&
		    !address_equal(&first, &clause->client.addr))
			clause->is_ambiguous = true;
		return clause->is_ambiguous || clause->has_stray ?
		    RECEIVED_AMBIGUOUS : RECEIVED_DONE;
	}
	if (clause->is_ambiguous)
		return RECEIVED_AMBIGUOUS;
	if (!has_first || clause->has_stray || !first_is_address(clause))
		return RECEIVED_NO_ADDRESS;
	clause->client = (struct received_comment){ .addr = first,
	    .helo = clause->before.helo, .after_name = true };
	return RECEIVED_DONE;
}

static void
copy_helo(struct span helo, char buf[RECEIVED_HELO_MAX + 1])
{
	size_t	 i;

	buf[0] = '\0';
	if (helo.n == 0 || helo.n > RECEIVED_HELO_MAX)
		return;
	for (i = 0; i < helo.n; i++)
		if (helo.p[i] < 33 || helo.p[i] > 126)
			return;
	span_copy(buf, helo);
	buf[helo.n] = '\0';
}

/* What servers write instead of a name that they did not find. */
static bool
is_no_name(struct span s)
{
	return span_caseeq(s, "unknown") || span_caseeq(s, "unverified") ||
	    span_caseeq(s, "softdnserr") || span_caseeq(s, "softdnserror");
}

static void
copy_name(struct span name, char buf[HOSTNAME_MAX_LEN + 1])
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;	/* Gmail */
	buf[0] = '\0';
	if (is_no_name(name) || !hostname_valid(name))
		return;
	span_copy(buf, name);
	buf[name.n] = '\0';
}

/*
 * The word before the comment is a name if the form says so, else HELO; where
 * it lacks, the word in the comment may be HELO as well.
 */
static void
clause_take(const struct clause *clause, struct received *received_r)
{
	const struct received_comment	*client = &clause->client;
	bool				 is_name;

	*received_r = (struct received){ .addr = client->addr };
	is_name = client->after_name || clause->before.kind == COMMENT_HELO ||
	    (client->name.p == NULL && (clause->writer == WRITER_EXIM ||
	    clause->writer == WRITER_FETCHMAIL));
	if (is_name) {
		copy_name(clause->word, received_r->name);
		received_r->is_name_unsure = client->is_bare ||
		    clause->before.kind == COMMENT_HELO;
		copy_helo(clause->before.kind == COMMENT_HELO ?
		    clause->before.helo : client->helo, received_r->helo);
	} else if (clause->has_first) {
		copy_name(client->name, received_r->name);
		copy_helo(clause->word, received_r->helo);
	} else
		copy_helo(client->name, received_r->helo);
}

/* A header that does not say "from" at all. */
static enum received_result
judge_other(const struct received_item *first, struct span rest)
{
	static const char *const	 words[] = {
		"by", "via", "with", "id", "for"
	};
	struct received_item		 item;
	bool				 is_received;
	size_t				 i;

	is_received = first->kind == RECEIVED_COMMENT;
	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		is_received = is_received || received_item_is(first, words[i]);
	if (!is_received)
		return RECEIVED_BAD;
	do {
		item = received_item_next(&rest);
		if (item.kind == RECEIVED_UNBALANCED)
			return RECEIVED_BAD;
	} while (item.kind != RECEIVED_END);
	return RECEIVED_NO_FROM;
}

enum received_result
received_parse(struct span value, struct received *received_r)
{
	struct clause		 clause = { .writer = WRITER_UNKNOWN };
	struct received_item	 first;
	enum received_result	 result;

	if (!received_text_valid(value))
		return RECEIVED_BAD;
	first = received_item_next(&value);
	if (!received_item_is(&first, "from"))
		return judge_other(&first, value);
	if (!clause_read(&value, &clause) || !tail_read(value, &clause))
		return RECEIVED_BAD;
	result = clause_judge(&clause);
	if (result == RECEIVED_DONE)
		clause_take(&clause, received_r);
	return result;
}

const char *
received_result_text(enum received_result result)
{
	switch (result) {
	case RECEIVED_DONE:
		return "client found";
	case RECEIVED_NO_FROM:
		return "no from-clause";
	case RECEIVED_NO_ADDRESS:
		return "no address from the server";
	case RECEIVED_AMBIGUOUS:
		return "more than one reading";
	case RECEIVED_BAD:
		break;
	}
	return "malformed";
}
