/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conformance: puts the battery to a server, each question over a connection of
 * its own, and tells what came of it.
 *
 * What a server thinks of its client it does not say.  Where that is the
 * question, it is seen by what the server does to a recipient, and only where
 * the two controls show that it would do otherwise.
 */
#include "conformance.h"

#include <bsd/stdlib.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "output.h"
#include "pool.h"
#include "smtp_client.h"
#include "verb.h"

#define EHLO_NAME	"xcontext.invalid"
#define TIMEOUT_S	10

enum conformance_option {
	OPTION_RCPT,
	OPTION_OUTSIDE,
	OPTION_LOGIN,
	OPTION_REJECTED,
	OPTION_REJECTED_NAME,
	OPTION_REJECTED_HELO,
	OPTION_SOURCE,
	OPTION_TIMEOUT
};

/* What may stand in a line, and where it comes from. */
enum { WORD_OWN, WORD_RCPT, WORD_OUTSIDE, WORD_LOGIN, WORD_REJECTED,
	WORD_NAME, WORD_HELO, WORDS };
static const char *const	 words[WORDS] = {
	[WORD_OWN] = "{own}",
	[WORD_RCPT] = "{rcpt}",
	[WORD_OUTSIDE] = "{outside}",
	[WORD_LOGIN] = "{login}",
	[WORD_REJECTED] = "{rejected}",
	[WORD_NAME] = "{name}",
	[WORD_HELO] = "{helo}"
};

struct tester {
	struct event_base		*base;
	struct smtp_server		*server;
	struct smtp_client_options	 options;
	struct address			 source;
	const char			*value[WORDS];	/* NULL: not given */
	char				 own[ADDRESS_TEXT_SIZE + 5];
	struct smtp_offer		 offer;	/* to this host */
	struct pool			 pool;
};

/* One connection. */
struct script {
	struct tester		*tester;
	struct smtp_client	*client;
	const char *const	*lines;
	unsigned		 at;
	unsigned		 left;		/* replies to what was said */
	unsigned		 code;		/* of the last one; 0: closed */
	char			*text;		/* all of them */
	bool			 is_refused;	/* one before the last was */
};

/*
 * Lines
 */

/* NULL: something in it is not given. */
static char *
fill(struct tester *t, const char *line)
{
	char		*text = pool_copy(&t->pool, span_of(line)), *at;
	int		 i;

	for (i = 0; i < WORDS; i++)
		while ((at = strstr(text, words[i])) != NULL) {
			if (t->value[i] == NULL)
				return NULL;
			text = pool_printf(&t->pool, "%.*s%s%s",
			    (int)(at - text), text, t->value[i],
			    at + strlen(words[i]));
		}
	return text;
}

static bool
is_given(struct tester *t, const char *const *lines)
{
	for (; *lines != NULL; lines++)
		if (fill(t, *lines) == NULL)
			return false;
	return true;
}

/*
 * A connection
 */

static void	script_next(struct script *s);

static void
note(struct script *s, const struct smtp_client_answer *answer)
{
	s->is_refused = s->is_refused || s->code >= 400;
	s->code = answer->result == SMTP_CLIENT_REPLY ? answer->reply->code :
	    0;
	s->text = pool_printf(&s->tester->pool, "%s%s%u", s->text,
	    *s->text == '\0' ? "" : " ", s->code);
}

static void
on_reply(void *arg, const struct smtp_client_answer *answer)
{
	struct script	*s = arg;

	note(s, answer);
	if (s->code == 0) {
		/* Once: the rest are completed by the same end. */
		if (s->left > 0)
			(void)event_base_loopbreak(s->tester->base);
		s->left = 0;
		return;
	}
	if (s->left > 0 && --s->left == 0)
		script_next(s);
}

static void
script_next(struct script *s)
{
	const char	*line = s->lines[s->at++];
	char		*text;

	if (line == NULL) {
		(void)event_base_loopbreak(s->tester->base);
		return;
	}
	text = fill(s->tester, line);
	s->left = 1;
	if (*text == '!') {
		s->left = (unsigned)(text[1] - '0');
		smtp_client_raw(s->client, span_of(text + 2), s->left,
		    on_reply, s);
	} else {
		smtp_client_say(s->client, span_of(text), on_reply, s);
	}
}

static void
on_greeted(void *arg, const struct smtp_client_answer *answer)
{
	struct script	*s = arg;

	note(s, answer);
	if (s->code == 0) {
		(void)event_base_loopbreak(s->tester->base);
		return;
	}
	s->tester->offer = *smtp_client_offer(s->client);
	script_next(s);
}

static void
on_connected(void *arg, const struct smtp_client_answer *answer)
{
	struct script	*s = arg;

	note(s, answer);
	if (s->code != 220)
		(void)event_base_loopbreak(s->tester->base);
	else if (s->tester->options.preamble.n > 0)
		script_next(s);
	else
		smtp_client_greet(s->client, EHLO_NAME, on_greeted, s);
}

struct said {
	const char	*text;
	unsigned	 code;		/* of the last reply; 0: it has none */
	bool		 is_refused;	/* one before the last was */
};

static struct said
run_script(struct tester *t, const char *const *lines)
{
	struct smtp_client_options	 options = t->options;
	struct script			 s = { .tester = t, .lines = lines,
					    .text = pool_copy(&t->pool,
					    span_of("")) };

	if (*lines != NULL && **lines == '^') {
		options.preamble = span_of(*lines + 1);
		s.at = 1;
	}
	t->options.preamble = options.preamble;
	s.client = smtp_client_new(t->base, &options);
	smtp_client_connect(s.client, t->server, on_connected, &s);
	if (event_base_dispatch(t->base) == -1)
		ctl_die(EX_OSERR, "the event loop has failed");
	smtp_client_free(s.client);
	t->options.preamble = (struct span){ NULL, 0 };
	return (struct said){ s.text, s.code, s.is_refused };
}

/*
 * Judgement
 */

static bool
is_when(const char *when, unsigned code)
{
	char	 text[8];

	(void)snprintf(text, sizeof text, "%u", code);
	return strncmp(text, when, strlen(when)) == 0;
}

static const struct conformance_outcome *
find_outcome(const struct conformance_item *item, const char *when)
{
	size_t	 i;

	for (i = 0; i < 3 && item->outcomes[i].when != NULL; i++)
		if (strcmp(item->outcomes[i].when, when) == 0)
			return &item->outcomes[i];
	return NULL;
}

static const struct conformance_outcome *
outcome_of_code(const struct conformance_item *item, unsigned code)
{
	size_t	 i;

	for (i = 0; i < 3 && item->outcomes[i].when != NULL; i++)
		if (is_when(item->outcomes[i].when, code))
			return &item->outcomes[i];
	return NULL;
}

/* Whether the server does the one or the other.  NULL: that cannot be seen. */
static const struct conformance_outcome *
outcome_of_controls(struct tester *t, const struct conformance_item *item,
    unsigned code)
{
	unsigned	 yes = run_script(t, item->yes).code;
	unsigned	 no = run_script(t, item->no).code;

	if (yes == no)
		return NULL;
	if (code != yes && code != no)
		return code < 400 ? NULL : find_outcome(item, "else");
	return find_outcome(item, code == yes ? "yes" : "no");
}

static bool
is_offered(const struct tester *t, enum conformance_need need)
{
	bool	 has_xclient = smtp_offers(&t->offer, SMTP_KW_XCLIENT);

	switch (need) {
	case CONFORMANCE_XCLIENT:
		return has_xclient;
	case CONFORMANCE_NO_XCLIENT:
		return !has_xclient;
	case CONFORMANCE_XFORWARD:
		return has_xclient && smtp_offers(&t->offer, SMTP_KW_XFORWARD);
	case CONFORMANCE_ANYTHING:
		return true;
	}
	return true;
}

static enum conformance_verdict
put(json_t *row, enum conformance_verdict verdict, const char *meaning)
{
	output_put(row, "verdict",
	    output_text(conformance_verdict_text(verdict)));
	output_put(row, "meaning", output_text(meaning));
	return verdict;
}

static enum conformance_verdict
judge(struct tester *t, const struct conformance_item *item, json_t *row)
{
	const struct conformance_outcome	*outcome;
	struct said				 said;

	if (!is_given(t, item->lines))
		return put(row, CONFORMANCE_UNKNOWN, "see the options");
	said = run_script(t, item->lines);
	output_put(row, "replies", output_text(said.text));
	if (item->is_behind && said.is_refused)
		return put(row, CONFORMANCE_UNKNOWN,
		    "what has to come before it is refused");
	outcome = item->yes[0] == NULL ? outcome_of_code(item, said.code) :
	    outcome_of_controls(t, item, said.code);
	if (outcome != NULL)
		return put(row, outcome->verdict, outcome->meaning);
	return put(row, CONFORMANCE_UNKNOWN, item->yes[0] == NULL ?
	    "it replied as none does" :
	    "its replies would be the same either way");
}

/* True: something is dangerous. */
static bool
ask_all(struct tester *t, json_t *rows)
{
	const struct conformance_item	*item;
	struct smtp_offer		 offer = t->offer;
	bool				 is_dangerous = false;
	json_t				*row;
	unsigned			 i;

	for (i = 0; (item = conformance_battery(i)) != NULL; i++) {
		t->offer = offer;
		row = output_new();
		output_put(row, "question", output_text(item->name));
		if (!is_offered(t, item->need))
			(void)put(row, CONFORMANCE_ABSENT, "");
		else if (judge(t, item, row) == CONFORMANCE_DANGEROUS)
			is_dangerous = true;
		output_append(rows, row);
	}
	return is_dangerous;
}

/*
 * What it is asked by
 */

static void
set_words(const struct ctl *ctl, struct tester *t)
{
	int	 i;

	/* What is filled in is not filled in again. */
	for (i = OPTION_RCPT; i <= OPTION_REJECTED_HELO; i++)
		if (ctl->option[i] != NULL && strchr(ctl->option[i], '{'))
			ctl_die(EX_USAGE, "\"%s\": expected no brace",
			    ctl->option[i]);
	t->value[WORD_RCPT] = ctl->option[OPTION_RCPT];
	t->value[WORD_OUTSIDE] = ctl->option[OPTION_OUTSIDE];
	t->value[WORD_LOGIN] = ctl->option[OPTION_LOGIN];
	t->value[WORD_REJECTED] = ctl->option[OPTION_REJECTED];
	t->value[WORD_NAME] = ctl->option[OPTION_REJECTED_NAME];
	t->value[WORD_HELO] = ctl->option[OPTION_REJECTED_HELO];
	if (t->value[WORD_OUTSIDE] == NULL)
		t->value[WORD_OUTSIDE] = "probe@xcontext.invalid";
	if (t->value[WORD_LOGIN] == NULL)
		t->value[WORD_LOGIN] = "probe";
}

/* The address that the way to the server begins at: connecting a datagram socket
 * there finds it, and sends nothing. */
static void
find_own(struct tester *t)
{
	struct sockaddr_storage	 local;
	socklen_t		 len = sizeof local;
	struct address		 addr = t->source;
	int			 fd;

	fd = socket(t->server->v[0].to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC,
	    0);
	if (addr.family == AF_UNSPEC && fd != -1 &&
	    connect(fd, (const struct sockaddr *)&t->server->v[0].to,
	    t->server->v[0].len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&local, &len) == 0)
		addr = address_from_sockaddr((const struct sockaddr *)&local,
		    NULL);
	if (fd != -1)
		(void)close(fd);
	if (addr.family == AF_UNSPEC)
		return;
	t->value[WORD_OWN] = address_format_mailhost(&addr, t->own,
	    sizeof t->own);
}

static void
set_up(struct ctl *ctl, struct tester *t)
{
	const char	*source = ctl->option[OPTION_SOURCE], *why;
	const char	*timeout = ctl->option[OPTION_TIMEOUT];
	struct err	 err;

	(void)signal(SIGPIPE, SIG_IGN);
	set_words(ctl, t);
	if (source != NULL && !address_parse(span_of(source), &t->source))
		ctl_die(EX_USAGE, "\"%s\": expected an address", source);
	if (source != NULL)
		t->options.source = &t->source;
	t->options.timeout_s = TIMEOUT_S;
	if (timeout != NULL) {
		t->options.timeout_s = (unsigned)strtonum(timeout, 1, 3600,
		    &why);
		if (why != NULL)
			ctl_die(EX_USAGE, "\"%s\": expected a number of "
			    "seconds", timeout);
	}
	t->server = smtp_server_new(ctl->args[0], &err);
	if (t->server == NULL)
		ctl_die(EX_NOHOST, "%s", err.text);
	t->base = event_base_new();
	if (t->base == NULL)
		ctl_die(EX_OSERR, "no event loop");
	find_own(t);
}

int
conformance_run(struct ctl *ctl)
{
	static const struct output_column	 columns[] = {
		{ "question", 0 }, { "verdict", 0 }, { "meaning", 0 },
		{ NULL, 0 }
	};
	static const char *const		 nothing[] = { NULL };
	struct tester				 t = { .options = { 0 } };
	json_t					*rows = output_new_array();
	bool					 is_dangerous;

	set_up(ctl, &t);
	if (run_script(&t, nothing).code == 0)
		ctl_die(EX_UNAVAILABLE, "%s: there is no greeting, or no reply "
		    "to EHLO", t.server->text);
	is_dangerous = ask_all(&t, rows);
	output_table(ctl, rows, columns);
	smtp_server_free(t.server);
	event_base_free(t.base);
	pool_clear(&t.pool);
	return is_dangerous ? CTL_NO : CTL_YES;
}
