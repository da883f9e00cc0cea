/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_send: see inject_send.h.
 */
#include "inject_send.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/hostname.h"
#include "ctl.h"
#include "inject_body.h"
#include "smtp_client.h"

#define TRIES_MAX	3	/* of a message, whose connections end */
#define TEXT_SIZE	512
#define EARLY_MAX	65536	/* octets: see send_content */
#define PAUSE_MIN_MS	100
#define PAUSE_MAX_MS	5000

struct send;

/* What a lane waits for to be in the journal. */
enum wait { WAIT_NOTHING, WAIT_DOUBT, WAIT_END };

/* One connection, and the message that goes over it. */
struct lane {
	struct send		*send;
	struct smtp_client	*client;	/* NULL: none */
	struct event		*timer;
	bool			 is_greeted;	/* as the client's */
	char			 client_line[ASSERTION_LINE_MAX + 1];
	char			 line[ASSERTION_LINE_MAX + 1];
	struct inject_job	 job;
	bool			 has_job;
	struct inject_body	 body;
	const char		**rcpts;	/* to whom it still is */
	unsigned		 n_rcpts, n_said, n_taken;
	enum wait		 wait;
	bool			 is_doubtful;	/* on disk */
	bool			 is_sent;	/* it may be there */
	char			 said[TEXT_SIZE];	/* to MAIL, if not 2xx */
	unsigned		 said_code;
};

struct send {
	struct inject_work		*work;
	struct event_base		*base;
	struct smtp_server		*server;
	struct smtp_client_options	 options;
	uint64_t			 well_ms;	/* when there last was a
							 * server */
	unsigned			 pause_ms;
	struct lane			*lanes;
	struct event			*flush;
	struct inject_job		**jobs;	/* for flush */
};

static void	begin(struct lane *lane);
static void	next(struct lane *lane);
static void	begin_content(struct lane *lane);
static void	greet(struct lane *lane);

/*
 * Replies
 */

/* "250 2.0.0 Ok: queued as 4711", or what came in place of a reply. */
static void
answer_text(const struct smtp_client_answer *answer, char buf[TEXT_SIZE])
{
	struct span	 text, line;

	if (answer->result != SMTP_CLIENT_REPLY) {
		(void)snprintf(buf, TEXT_SIZE, "%s%s%s",
		    smtp_client_result_text(answer->result),
		    *answer->why == '\0' ? "" : ": ", answer->why);
		return;
	}
	text = answer->reply->text;
	if (!smtp_reply_line(&text, &line))
		line.n = 0;
	(void)snprintf(buf, TEXT_SIZE, "%u %.*s", answer->reply->code,
	    (int)(line.n < 400 ? line.n : 400), line.n == 0 ? "" : line.p);
}

static unsigned
code_of(const struct smtp_client_answer *answer)
{
	return answer->result == SMTP_CLIENT_REPLY ? answer->reply->code : 0;
}

static bool
is_ok(const struct smtp_client_answer *answer)
{
	return code_of(answer) / 100 == 2;
}

/* The connection is of no use any more: no reply, or the server says so. */
static bool
is_lost(const struct smtp_client_answer *answer)
{
	return answer->result != SMTP_CLIENT_UNSAID &&
	    (answer->result != SMTP_CLIENT_REPLY ||
	    answer->reply->code == 421);
}

static enum inject_state
state_by(unsigned code)
{
	return code / 100 == 2 ? INJECT_DONE :
	    code / 100 == 5 ? INJECT_REJECTED : INJECT_LATER;
}

/*
 * The ends of a message and of a connection
 */

static void
hang_up(struct lane *l)
{
	smtp_client_free(l->client);
	l->client = NULL;
	l->is_greeted = false;
}

/*
 * What all lanes have to say to the journal is put there at once, behind all that
 * has happened in this turn of the loop: to have it on disk costs the same for
 * one and for all.
 */
static void
wait_for(struct lane *l, enum wait what)
{
	struct timeval	 now = { 0, 0 };

	l->wait = what;
	if (!evtimer_pending(l->send->flush, NULL) &&
	    evtimer_add(l->send->flush, &now) != 0)
		ctl_die(EX_OSERR, "out of memory");
}

static void
finish(struct lane *l)
{
	inject_body_clear(&l->body);
	free(l->rcpts);
	l->rcpts = NULL;
	l->has_job = false;
	inject_work_end(l->send->work, &l->job);
	wait_for(l, WAIT_END);
}

/* It is in the journal, or cannot be. */
static void
go_on(struct lane *l, bool is_noted)
{
	enum wait	 what = l->wait;

	l->wait = WAIT_NOTHING;
	if (what == WAIT_DOUBT && is_noted) {
		l->is_doubtful = true;
		begin_content(l);
	} else if (what == WAIT_END && is_noted) {
		inject_work_leave(l->send->work, &l->job);
		next(l);
	} else if (what != WAIT_NOTHING) {
		l->has_job = false;
		inject_body_clear(&l->body);
		inject_work_drop(&l->job);
		hang_up(l);
	}
}

static void
on_flush(int fd, short what, void *arg)
{
	struct send	*s = arg;
	unsigned	 i, n = 0, n_lanes = s->work->config->jobs;
	bool		 is_safe = false, is_noted;

	(void)fd;
	(void)what;
	for (i = 0; i < n_lanes; i++)
		if (s->lanes[i].wait != WAIT_NOTHING) {
			s->jobs[n++] = &s->lanes[i].job;
			is_safe |= s->lanes[i].wait == WAIT_DOUBT;
		}
	is_noted = inject_work_note(s->work, s->jobs, n, is_safe);
	for (i = 0; i < n_lanes; i++)
		go_on(&s->lanes[i], is_noted);
}

/* The same for all recipients to whom it still is. */
static void
finish_all(struct lane *l, enum inject_state state, const char *text)
{
	unsigned	 i;

	for (i = 0; i < l->n_rcpts; i++)
		if (l->rcpts[i] != NULL)
			inject_work_set(&l->job, l->rcpts[i], state, text);
	finish(l);
}

static void
on_quit(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;

	(void)answer;
	hang_up(l);
	begin(l);
}

static void
on_timer(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	begin(arg);
}

static void
begin_later(struct lane *l, unsigned ms)
{
	struct timeval	 tv = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	if (evtimer_add(l->timer, &tv) != 0)
		ctl_die(EX_OSERR, "out of memory");
}

/* There is no way to the server for now: the same message again, after a while;
 * or it is no use any more. */
static void
no_server(struct lane *l, const char *why, bool may_wait)
{
	struct send	*s = l->send;
	uint64_t	 now = clock_ms(CLOCK_MONOTONIC);

	hang_up(l);
	s->work->stats.trouble++;
	if (!s->work->is_over && may_wait &&
	    now < s->well_ms + 1000U * s->work->config->retry_s) {
		begin_later(l, s->pause_ms);
		s->pause_ms = s->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS :
		    s->pause_ms * 2;
		return;
	}
	if (!s->work->is_over)
		inject_work_say(s->work, "%s: %s; nothing more is sent",
		    s->work->config->server, why);
	s->work->is_over = true;
	finish_all(l, INJECT_LATER, why);
}

/* Whoever may have it has not got all of it. */
static void
set_doubt(struct lane *l, enum inject_state from, enum inject_state to,
    const char *why)
{
	unsigned	 i;

	for (i = 0; i < l->n_rcpts; i++)
		if (l->rcpts[i] != NULL && inject_entry_of(l->job.entry,
		    l->rcpts[i]) == from)
			inject_work_set(&l->job, l->rcpts[i], to, why);
}

/* The connection ended while the message was on its way, not all of it. */
static void
lost(struct lane *l, const struct smtp_client_answer *answer)
{
	char	 text[TEXT_SIZE];

	answer_text(answer, text);
	hang_up(l);
	l->send->work->stats.trouble++;
	inject_body_clear(&l->body);
	set_doubt(l, INJECT_DOUBT, INJECT_LATER, text);
	if (++l->job.tries < TRIES_MAX && !l->send->work->is_over)
		begin_later(l, PAUSE_MIN_MS);
	else
		finish_all(l, INJECT_LATER, text);
}

/*
 * The message
 */

static void
doubt(struct lane *l)
{
	unsigned	 i;

	for (i = 0; i < l->n_rcpts; i++)
		if (l->rcpts[i] != NULL)
			inject_work_set(&l->job, l->rcpts[i], INJECT_DOUBT,
			    "it was sent, and no reply seen");
}

/* Before the content's end goes out, it is in doubt on disk. */
static ssize_t
content(void *arg, char *buf, size_t size)
{
	struct lane		*l = arg;
	struct inject_job	*job = &l->job;
	ssize_t			 n;

	n = inject_body_read(&l->body, buf, size);
	if (n != 0)
		return n;
	if (!l->is_doubtful) {
		doubt(l);
		l->is_doubtful = inject_work_note(l->send->work, &job, 1, true);
	}
	l->is_sent = l->is_doubtful;
	return l->is_sent ? 0 : -1;
}

/* For SMTP one reply is all recipients'; for LMTP it is the nth's. */
static void
set_taken(struct lane *l, unsigned nth, enum inject_state state,
    const char *text)
{
	bool		 is_lmtp = l->send->options.is_lmtp;
	unsigned	 i, at = 0;

	for (i = 0; i < l->n_rcpts; i++)
		if (l->rcpts[i] != NULL && (!is_lmtp || at++ == nth))
			inject_work_set(&l->job, l->rcpts[i], state, text);
}

static void
on_end(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;
	char		 text[TEXT_SIZE];
	unsigned	 n = l->send->options.is_lmtp ? l->n_taken : 1;

	if (!l->is_sent && is_lost(answer) &&
	    answer->result != SMTP_CLIENT_SOURCE) {
		lost(l, answer);
		return;
	}
	answer_text(answer, text);
	if (answer->result == SMTP_CLIENT_REPLY)
		/* What is taken before its end is not this message. */
		set_taken(l, answer->nth, l->is_sent || !is_ok(answer) ?
		    state_by(answer->reply->code) : INJECT_LATER, text);
	else if (!l->is_sent)
		set_taken(l, answer->nth, INJECT_LATER,
		    "the message cannot be read, or has changed");
	if (answer->nth + 1 < n)
		return;
	if (is_lost(answer) || !l->is_sent)
		hang_up(l);
	finish(l);
}

static void
on_data(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;
	char		 text[TEXT_SIZE];

	if (is_lost(answer)) {
		lost(l, answer);
		return;
	}
	if (code_of(answer) == 354) {
		smtp_client_content(l->client, content, l,
		    l->send->options.is_lmtp ? l->n_taken : 1, on_end, l);
		return;
	}
	answer_text(answer, text);
	set_doubt(l, INJECT_DOUBT, INJECT_LATER, text);
	set_doubt(l, INJECT_NEW, INJECT_LATER, text);
	if (code_of(answer) / 100 == 5)
		set_doubt(l, INJECT_LATER, INJECT_REJECTED, text);
	hang_up(l);
	finish(l);
}

static void
begin_content(struct lane *l)
{
	unsigned	 n = l->send->options.is_lmtp ? l->n_taken : 1;

	if (smtp_offers(smtp_client_offer(l->client), SMTP_KW_CHUNKING))
		smtp_client_chunks(l->client, content, l, n, on_end, l);
	else
		smtp_client_say(l->client, span_of("DATA"), on_data, l);
}

/*
 * All recipients are known.  What goes over the wire at once is in doubt from its
 * beginning on, together with the other lanes' messages; what takes longer, from
 * its end on.
 */
static void
send_content(struct lane *l)
{
	if (!inject_body_open(&l->body, &l->job.item))
		ctl_die(EX_OSERR, "out of memory");
	l->is_sent = l->is_doubtful = false;
	if (l->job.item.end - l->job.item.begin > EARLY_MAX) {
		begin_content(l);
		return;
	}
	doubt(l);
	wait_for(l, WAIT_DOUBT);
}

static void
on_rcpt(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;
	char		 text[TEXT_SIZE];
	unsigned	 i = l->n_said++;
	bool		 is_refused = l->said_code != 0;

	if (is_lost(answer)) {
		lost(l, answer);
		return;
	}
	if (is_ok(answer) && !is_refused) {
		l->n_taken++;
	} else {
		answer_text(answer, text);
		inject_work_set(&l->job, l->rcpts[i],
		    is_refused ? state_by(l->said_code) :
		    is_ok(answer) ? INJECT_LATER : state_by(code_of(answer)),
		    is_refused ? l->said : text);
		l->rcpts[i] = NULL;
	}
	if (l->n_said < l->n_rcpts)
		return;
	if (l->n_taken > 0) {
		send_content(l);
		return;
	}
	hang_up(l);
	finish(l);
}

static void
on_mail(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;

	if (is_lost(answer)) {
		lost(l, answer);
		return;
	}
	if (is_ok(answer))
		return;
	answer_text(answer, l->said);
	l->said_code = code_of(answer) == 0 ? 501 : code_of(answer);
}

static void
say_mail(struct lane *l)
{
	const struct smtp_offer	*offer = smtp_client_offer(l->client);
	char			 line[INJECT_ADDRESS_MAX + 64], size[32] = "";
	unsigned		 i;

	if (smtp_offers(offer, SMTP_KW_SIZE))
		(void)snprintf(size, sizeof size, " SIZE=%lld",
		    (long long)(l->job.item.end - l->job.item.begin));
	(void)snprintf(line, sizeof line, "MAIL FROM:<%s>%s%s",
	    l->job.plan.sender, size,
	    smtp_offers(offer, SMTP_KW_8BITMIME) ? " BODY=8BITMIME" : "");
	l->said_code = l->n_said = l->n_taken = 0;
	smtp_client_say(l->client, span_of(line), on_mail, l);
	for (i = 0; i < l->n_rcpts; i++) {
		(void)snprintf(line, sizeof line, "RCPT TO:<%s>", l->rcpts[i]);
		smtp_client_say(l->client, span_of(line), on_rcpt, l);
	}
}

/*
 * The session
 */

/* Whom XCLIENT named greets; so rules about the greeting are about his. */
static const char *
greeting_of(const struct lane *l)
{
	const struct inject_plan	*p = &l->job.plan;

	return p->found == INJECT_ORIGIN_FOUND &&
	    hostname_valid(span_of(p->origin.from.helo)) ?
	    p->origin.from.helo : l->send->work->config->host;
}

/* What is said of his name is about him, too; of ours, only what may stand in
 * place of a greeting. */
static bool
is_about_client(const struct lane *l, unsigned code)
{
	return smtp_reply_is_verdict(code) ||
	    (greeting_of(l) != l->send->work->config->host &&
	    !smtp_reply_is_of_command(code));
}

/* The server has refused him, at this command, before it heard of the message:
 * that is rejected, if it was not we who were refused.  Whom the connection is
 * taken to be from is not known any more. */
static void
refused(struct lane *l, const char *command, bool is_about_him,
    const struct smtp_client_answer *answer)
{
	char	 text[TEXT_SIZE], why[TEXT_SIZE + 32];

	answer_text(answer, text);
	(void)snprintf(why, sizeof why, "%s failed: %s", command, text);
	hang_up(l);
	if (is_about_him)
		finish_all(l, state_by(code_of(answer)), text);
	else
		finish_all(l, INJECT_LATER, why);
}

static void
on_client_greeted(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;

	if (is_lost(answer)) {
		lost(l, answer);
	} else if (is_ok(answer)) {
		l->is_greeted = true;
		(void)strcpy(l->client_line, l->line);
		say_mail(l);
	} else {
		refused(l, "EHLO", is_about_client(l, code_of(answer)),
		    answer);
	}
}

static void
on_asserted(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;

	if (is_lost(answer))
		lost(l, answer);
	else if (is_ok(answer))
		smtp_client_greet(l->client, greeting_of(l),
		    on_client_greeted, l);
	else
		refused(l, "XCLIENT",
		    smtp_reply_is_verdict(code_of(answer)), answer);
}

/* What the server does not take cannot be said; ADDR must be. */
static bool
make_line(struct lane *l, char *buf, size_t size)
{
	const struct smtp_offer	*offer = smtp_client_offer(l->client);
	struct assertion_set	 set;
	size_t			 len;
	int			 i;

	if (!smtp_offers(offer, SMTP_KW_XCLIENT) ||
	    (offer->xclient & 1U << ASSERTION_ADDR) == 0)
		return false;
	assertion_copy(&set, &l->job.plan.identity);
	for (i = 0; i < ASSERTION_COUNT; i++)
		if ((offer->xclient & 1U << i) == 0)
			(void)assertion_set_value(&set,
			    (enum assertion_name)i, ASSERTION_ABSENT,
			    (struct span){ "", 0 });
	return assertion_print(&set, buf, size, &len);
}

/* A certificate that does not do will not do the next time. */
static void
on_secured(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;
	char		 text[TEXT_SIZE], why[TEXT_SIZE + 16];

	if (code_of(answer) == 220) {
		greet(l);
		return;
	}
	answer_text(answer, text);
	(void)snprintf(why, sizeof why, "STARTTLS: %s", text);
	no_server(l, why, answer->result != SMTP_CLIENT_TLS);
}

/* Nothing is said of a message, or of its client, before there is TLS. */
static void
secure(struct lane *l)
{
	if (smtp_offers(smtp_client_offer(l->client), SMTP_KW_STARTTLS))
		smtp_client_secure(l->client, on_secured, l);
	else
		no_server(l, "the server does not offer STARTTLS", false);
}

static void
on_greeted(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;
	char		 line[ASSERTION_LINE_MAX + 1], text[TEXT_SIZE];

	answer_text(answer, text);
	if (!is_ok(answer)) {
		no_server(l, text, true);
		return;
	}
	if (l->send->work->config->tls.is_starttls &&
	    !smtp_client_is_secure(l->client)) {
		secure(l);
		return;
	}
	l->send->well_ms = clock_ms(CLOCK_MONOTONIC);
	l->send->pause_ms = PAUSE_MIN_MS;
	if (l->job.plan.is_self) {
		on_client_greeted(l, answer);
	} else if (make_line(l, line, sizeof line)) {
		smtp_client_assert(l->client, span_of(line), on_asserted, l);
	} else {
		no_server(l, "the server does not offer XCLIENT with ADDR to "
		    "this host", false);
	}
}

static void
greet(struct lane *l)
{
	smtp_client_greet(l->client, l->send->work->config->host, on_greeted,
	    l);
}

static void
on_connected(void *arg, const struct smtp_client_answer *answer)
{
	struct lane	*l = arg;
	char		 text[TEXT_SIZE];

	if (code_of(answer) == 220) {
		greet(l);
		return;
	}
	answer_text(answer, text);
	no_server(l, text, true);
}

static void
connect_lane(struct lane *l)
{
	l->client = smtp_client_new(l->send->base, &l->send->options);
	l->is_greeted = false;
	smtp_client_connect(l->client, l->send->server, on_connected, l);
}

/* Those to whom the message still is. */
static void
take_rcpts(struct lane *l)
{
	const struct inject_plan	*p = &l->job.plan;
	enum inject_state		 state;
	unsigned			 i;

	free(l->rcpts);
	l->rcpts = calloc(p->n_rcpts, sizeof *l->rcpts);
	if (l->rcpts == NULL)
		ctl_die(EX_OSERR, "out of memory");
	l->n_rcpts = 0;
	for (i = 0; i < p->n_rcpts; i++) {
		state = inject_entry_of(l->job.entry, p->rcpts[i]);
		if (state == INJECT_NEW || state == INJECT_LATER)
			l->rcpts[l->n_rcpts++] = p->rcpts[i];
	}
}

/* Sends the message of the lane, over the connection that it has if that will
 * do. */
static void
begin(struct lane *l)
{
	size_t	 len;

	if (!l->has_job)
		return;
	take_rcpts(l);
	l->line[0] = '\0';
	if (!l->job.plan.is_self)
		(void)assertion_print(&l->job.plan.identity, l->line,
		    sizeof l->line, &len);
	if (l->client == NULL) {
		connect_lane(l);
	} else if (l->is_greeted && smtp_client_is_open(l->client) &&
	    strcmp(l->line, l->client_line) == 0) {
		say_mail(l);
	} else if (smtp_client_is_open(l->client)) {
		smtp_client_say(l->client, span_of("QUIT"), on_quit, l);
	} else {
		hang_up(l);
		connect_lane(l);
	}
}

static void
on_last_quit(void *arg, const struct smtp_client_answer *answer)
{
	(void)answer;
	hang_up(arg);
}

static void
next(struct lane *l)
{
	l->has_job = inject_work_next(l->send->work, &l->job);
	if (l->has_job)
		/* Not from within what came before: there may be many. */
		begin_later(l, 0);
	else if (l->client != NULL && smtp_client_is_open(l->client))
		smtp_client_say(l->client, span_of("QUIT"), on_last_quit, l);
	else
		hang_up(l);
}

static void
run(struct send *s)
{
	unsigned	 i;

	for (i = 0; i < s->work->config->jobs; i++)
		next(&s->lanes[i]);
	(void)event_base_dispatch(s->base);
}

static void
make_lanes(struct send *s)
{
	unsigned	 i;

	s->lanes = calloc(s->work->config->jobs, sizeof *s->lanes);
	for (i = 0; s->lanes != NULL && i < s->work->config->jobs; i++) {
		s->lanes[i].send = s;
		s->lanes[i].timer = evtimer_new(s->base, on_timer,
		    &s->lanes[i]);
		if (s->lanes[i].timer == NULL)
			ctl_die(EX_OSERR, "out of memory");
	}
	s->jobs = calloc(s->work->config->jobs, sizeof(struct inject_job *));
	s->flush = evtimer_new(s->base, on_flush, s);
	if (s->lanes == NULL || s->jobs == NULL || s->flush == NULL)
		ctl_die(EX_OSERR, "out of memory");
}

static void
clear(struct send *s)
{
	unsigned	 i;

	for (i = 0; i < s->work->config->jobs; i++) {
		hang_up(&s->lanes[i]);
		event_free(s->lanes[i].timer);
		free(s->lanes[i].rcpts);
	}
	free(s->lanes);
	free(s->jobs);
	event_free(s->flush);
	event_base_free(s->base);
	smtp_server_free(s->server);
	tls_free(s->options.tls);
}

void
inject_send_all(struct inject_work *work)
{
	struct send	 s = { .work = work, .pause_ms = PAUSE_MIN_MS };
	struct err	 err;

	s.server = smtp_server_new(work->config->server, &err);
	if (s.server == NULL)
		ctl_die(EX_TEMPFAIL, "%s", err.text);
	if (tls_choice_make(&work->config->tls, &s.options, &err) != 0)
		ctl_die(EX_TEMPFAIL, "%s", err.text);
	s.base = event_base_new();
	if (s.base == NULL)
		ctl_die(EX_OSERR, "out of memory");
	s.options.is_lmtp = work->config->is_lmtp;
	s.well_ms = clock_ms(CLOCK_MONOTONIC);
	make_lanes(&s);
	run(&s);
	if (work->has_doubt && !work->is_over &&
	    inject_source_rewind(work->source, &err) == 0) {
		work->is_second = true;
		run(&s);
	}
	clear(&s);
}
