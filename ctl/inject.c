/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject: see inject.h.  Stored mail goes to a mail server as what it is: from
 * the client that it once came from.
 */
#include "inject.h"

#include <bsd/stdlib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hostname.h"
#include "inject_place.h"
#include "inject_send.h"
#include "output.h"
#include "verb.h"

#define RETRY_S		60

/* In the order of inject_options in verb.c. */
enum { OPTION_SERVER, OPTION_LMTP, OPTION_FORMAT, OPTION_RECEIVED, OPTION_MINE,
	OPTION_ORIGIN_HEADER, OPTION_LOGIN, OPTION_UNKNOWN, OPTION_SENDER,
	OPTION_TO_HEADER, OPTION_JOURNAL, OPTION_KEEP, OPTION_REJECTS,
	OPTION_IN_DOUBT, OPTION_JOBS, OPTION_RETRY, OPTION_STATS,
	OPTION_DRY_RUN, OPTION_STATUS, OPTION_STARTTLS, OPTION_TLS, OPTION_CA,
	OPTION_VERIFY };

static unsigned
number(const struct ctl *ctl, int option, const char *name, unsigned least,
    unsigned most, unsigned otherwise)
{
	const char	*wrong;
	long long	 n;

	if (ctl->option[option] == NULL)
		return otherwise;
	n = strtonum(ctl->option[option], least, most, &wrong);
	if (wrong != NULL)
		ctl_die(EX_USAGE, "--%s \"%s\": expected %u to %u", name,
		    ctl->option[option], least, most);
	return (unsigned)n;
}

/* Which of these words it is; the first if nothing is said. */
static int
word(const struct ctl *ctl, int option, const char *name,
    const char *const *words)
{
	const char	*text = ctl->option[option];
	int		 i;

	for (i = 0; words[i] != NULL; i++)
		if (text == NULL || strcmp(words[i], text) == 0)
			return i;
	ctl_die(EX_USAGE, "--%s \"%s\": there is no such choice", name, text);
}

static void
read_rule(const struct ctl *ctl, struct inject_config *c)
{
	const char	*mine = ctl->option[OPTION_MINE];
	int		 n = (ctl->option[OPTION_RECEIVED] != NULL) +
	    (mine != NULL) + (ctl->option[OPTION_ORIGIN_HEADER] != NULL);
	struct err	 err;

	if (n != 1)
		ctl_die(EX_USAGE, "one of --received, --mine and "
		    "--origin-header must say where the client stands");
	c->rule.has_login = ctl->option[OPTION_LOGIN] != NULL;
	c->rule.how = INJECT_BY_COUNT;
	c->rule.count = number(ctl, OPTION_RECEIVED, "received", 1, 1000, 1);
	c->rule.header = ctl->option[OPTION_ORIGIN_HEADER];
	if (c->rule.header != NULL)
		c->rule.how = INJECT_BY_HEADER;
	if (mine == NULL)
		return;
	c->mine = strdup(mine);
	if (c->mine == NULL)
		ctl_die(EX_OSERR, "out of memory");
	if (inject_origin_mine(&c->rule, c->mine, &err) == -1)
		ctl_die(EX_USAGE, "--mine: %s", err.text);
}

static void
read_unknown(const struct ctl *ctl, struct inject_config *c)
{
	static const char *const	 words[] = { "unavailable", "reject",
		"self", NULL };

	c->unknown = (enum inject_unknown)word(ctl, OPTION_UNKNOWN, "unknown",
	    words);
}

static void
read_doubt(const struct ctl *ctl, struct inject_config *c)
{
	static const char *const	 words[] = { "hold", "send", NULL };
	const char			*text = ctl->option[OPTION_IN_DOUBT];

	if (text != NULL && strncmp(text, "ask:", 4) == 0) {
		c->doubt = INJECT_DOUBT_ASK;
		c->ask = text + 4;
		if (*c->ask != '/' || access(c->ask, X_OK) == -1)
			ctl_die(EX_USAGE, "--in-doubt %s: expected the path of "
			    "a program", text);
		return;
	}
	c->doubt = (enum inject_doubt)word(ctl, OPTION_IN_DOUBT, "in-doubt",
	    words);
}

static void
check_address(const char *what, const char *text)
{
	if (*text != '\0' && !inject_envelope_valid(span_of(text)))
		ctl_die(EX_USAGE, "%s \"%s\": it cannot be said in SMTP", what,
		    text);
}

/* "<a@b>", as some callers write it, is "a@b". */
static char *
bare(char *text)
{
	size_t	 n = strlen(text);

	if (n < 2 || text[0] != '<' || text[n - 1] != '>')
		return text;
	text[n - 1] = '\0';
	return text + 1;
}

/* LMTP would answer for each of the two, and one state would be both's. */
static bool
is_among(char *const *rcpts, unsigned n, const char *rcpt)
{
	unsigned	 i;

	for (i = 0; i < n; i++)
		if (strcmp(rcpts[i], rcpt) == 0)
			return true;
	return false;
}

static void
read_recipients(const struct ctl *ctl, struct inject_config *c)
{
	char	**rcpts = ctl->args + 1, *rcpt;
	int	  i;

	for (i = 1; i < ctl->n_args; i++) {
		rcpt = bare(ctl->args[i]);
		if (*rcpt == '\0')
			ctl_die(EX_USAGE, "a recipient is empty");
		check_address("recipient", rcpt);
		if (!is_among(rcpts, c->n_rcpts, rcpt))
			rcpts[c->n_rcpts++] = rcpt;
	}
	c->rcpts = (const char *const *)rcpts;
}

static void
read_envelope(const struct ctl *ctl, struct inject_config *c)
{
	const char	*sender = ctl->option[OPTION_SENDER];

	c->rcpt_header = ctl->option[OPTION_TO_HEADER];
	if (sender != NULL) {
		c->sender_text = strdup(sender);
		if (c->sender_text == NULL)
			ctl_die(EX_OSERR, "out of memory");
		c->sender = bare(c->sender_text);
		check_address("--sender", c->sender);
	}
	read_recipients(ctl, c);
}

static void
read_source(const struct ctl *ctl, struct inject_config *c)
{
	const char	*text = ctl->option[OPTION_FORMAT];
	struct err	 err;
	int		 format;

	c->path = ctl->args[0];
	format = text == NULL ? inject_source_guess(c->path, &err) :
	    inject_source_format(text);
	if (format == -1 && text != NULL)
		ctl_die(EX_USAGE, "--format \"%s\": expected mbox, maildir, mh "
		    "or eml", text);
	if (format == -1)
		ctl_die(EX_NOINPUT, "%s", err.text);
	if ((format == INJECT_STDIN) != (strcmp(c->path, "-") == 0))
		ctl_die(EX_USAGE, "\"-\" is standard input, one message");
	c->format = (enum inject_format)format;
}

static void
read_host(struct inject_config *c)
{
	if (gethostname(c->host, sizeof c->host) == -1 ||
	    !hostname_valid(span_of(c->host)))
		(void)strcpy(c->host, "localhost");
}

static void
read_options(const struct ctl *ctl, struct inject_config *c)
{
	read_rule(ctl, c);
	read_unknown(ctl, c);
	read_doubt(ctl, c);
	read_envelope(ctl, c);
	read_source(ctl, c);
	read_host(c);
	c->server = ctl->option[OPTION_SERVER];
	c->is_lmtp = ctl->option[OPTION_LMTP] != NULL;
	tls_choice_read(&c->tls, ctl->option[OPTION_STARTTLS],
	    ctl->option[OPTION_TLS], ctl->option[OPTION_CA],
	    ctl->option[OPTION_VERIFY]);
	c->is_kept = ctl->option[OPTION_KEEP] != NULL;
	c->journal = ctl->option[OPTION_JOURNAL];
	c->rejects = ctl->option[OPTION_REJECTS];
	c->stats = ctl->option[OPTION_STATS];
	c->jobs = number(ctl, OPTION_JOBS, "jobs", 1, 256, 1);
	c->retry_s = number(ctl, OPTION_RETRY, "retry", 0, 86400,
	    c->format == INJECT_STDIN ? 0 : RETRY_S);
	c->is_json = ctl->is_json;
	if (ctl->option[OPTION_DRY_RUN] != NULL)
		return;
	if (c->server == NULL)
		ctl_die(EX_USAGE, "--server must say where to");
	if (c->journal == NULL && c->format != INJECT_STDIN)
		ctl_die(EX_USAGE, "--journal must say where each message's "
		    "state is kept");
}

/*
 * What is done
 */

static int
dry_run(const struct inject_config *c, struct inject_source *source)
{
	struct inject_item	 item;
	struct inject_plan	 plan;
	enum inject_next	 got;
	struct err		 err;
	int			 status = CTL_YES;

	while ((got = inject_source_next(source, &item, &err)) ==
	    INJECT_NEXT) {
		inject_plan_make(c, &item, &plan);
		inject_plan_print(c, &item, &plan);
		if (plan.verdict != INJECT_SEND)
			status = CTL_NO;
		inject_source_clear(&item);
	}
	if (got == INJECT_FAILED)
		ctl_cannot_tell(&err);
	return status;
}

/* Whoever calls us keeps the message unless the status is 0. */
static int
status_of(const struct inject_work *w)
{
	const struct inject_stats	*s = &w->stats;

	if (w->has_failed || w->is_over ||
	    s->later + s->in_doubt + s->unsent > 0 ||
	    (s->found == 0 && w->config->format == INJECT_STDIN))
		return EX_TEMPFAIL;
	return s->rejected > 0 && w->config->rejects == NULL ?
	    EX_UNAVAILABLE : CTL_YES;
}

static void
open_journal(struct inject_work *w)
{
	const struct inject_config	*c = w->config;
	struct err			 err;

	if (c->journal == NULL)
		return;
	w->journal = inject_journal_open(c->journal,
	    c->format != INJECT_STDIN, &err);
	if (w->journal == NULL ||
	    inject_journal_settle(w->journal, inject_source_inode(w->source),
	    &err) == -1)
		ctl_cannot_tell(&err);
}

/* Before anything is sent. */
static void
check_places(const struct inject_config *c)
{
	char		 inside[PATH_MAX];
	struct err	 err;

	if (c->stats != NULL && inject_place_check(c->stats, &err) == -1)
		ctl_cannot_tell(&err);
	if (c->rejects == NULL)
		return;
	if (snprintf(inside, sizeof inside, "%s/x", c->rejects) >=
	    (int)sizeof inside)
		ctl_die(EX_USAGE, "--rejects: the name is too long");
	if (inject_place_check(inside, &err) == -1)
		ctl_cannot_tell(&err);
}

static int
send_all(const struct inject_config *c, struct inject_source *source)
{
	struct inject_work	 w = { .config = c, .source = source };
	struct err		 err;
	uint64_t		 now;

	(void)signal(SIGPIPE, SIG_IGN);
	check_places(c);
	open_journal(&w);
	w.stats.begun_ms = clock_ms(CLOCK_MONOTONIC);
	inject_send_all(&w);
	(void)inject_work_finish(&w);
	now = clock_ms(CLOCK_MONOTONIC);
	inject_stats_end(&w.stats, c->format == INJECT_STDIN, now);
	if (c->stats != NULL &&
	    inject_stats_write(&w.stats, c->stats, now, &err) == -1)
		inject_work_say(&w, "%s", err.text);
	inject_journal_close(w.journal);
	return status_of(&w);
}

static bool
print_entry(void *arg, const char *key, const json_t *entry)
{
	const struct ctl	*ctl = arg;
	const char		*rcpt, *state, *reply;
	json_t			*value, *text;

	(void)key;
	if (ctl->is_json) {
		(void)json_dumpf(entry, stdout, JSON_COMPACT);
		printf("\n");
		return true;
	}
	json_object_foreach(json_object_get(entry, "rcpt"), rcpt, value) {
		state = json_string_value(json_array_get(value, 0));
		reply = json_string_value(json_array_get(value, 1));
		text = output_text(rcpt);
		printf("%s %-9s %s <%s>%s%s\n", output_text_at(entry, "at"),
		    state == NULL ? "?" : state, output_text_at(entry, "name"),
		    json_string_value(text), reply == NULL ? "" : ": ",
		    reply == NULL ? "" : reply);
		json_decref(text);
	}
	return true;
}

/* Where each message of a journal stands. */
static int
show_status(struct ctl *ctl)
{
	const char		*path = ctl->option[OPTION_JOURNAL];
	struct inject_journal	*journal;
	struct err		 err;

	if (path == NULL)
		ctl_die(EX_USAGE, "--status needs --journal");
	if (access(path, R_OK) == -1)
		ctl_die(EX_NOINPUT, "%s: there is none", path);
	journal = inject_journal_open(path, false, &err);
	if (journal == NULL ||
	    inject_journal_each(journal, "", "", print_entry, ctl, &err) == -1)
		ctl_cannot_tell(&err);
	inject_journal_close(journal);
	return CTL_YES;
}

int
inject_run(struct ctl *ctl)
{
	struct inject_config	 config = { 0 };
	struct inject_source	*source;
	struct err		 err;
	int			 status;

	if (ctl->option[OPTION_STATUS] != NULL)
		return show_status(ctl);
	if (ctl->n_args == 0)
		ctl_die(EX_USAGE, "a source is missing: \"-\", a file or a "
		    "directory");
	read_options(ctl, &config);
	source = inject_source_open(config.path, config.format, &err);
	if (source == NULL)
		ctl_cannot_tell(&err);
	status = ctl->option[OPTION_DRY_RUN] != NULL ?
	    dry_run(&config, source) : send_all(&config, source);
	inject_source_close(source);
	free(config.mine);
	free(config.sender_text);
	return status;
}
