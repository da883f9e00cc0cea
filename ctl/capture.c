/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * capture: see capture.h.
 *
 * A session is known by its process, which serves one at a time, on one host.
 * The mail that was accepted in it is known by its queue id; whom it was from
 * and to is told later, by other programs.  So a session is complete when it
 * has ended and the last of its mail has.
 */
#include "capture_private.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl.h"

#define RCPTS_MAX	100	/* of a transaction; more are left out */
/* Postfix keeps a client waiting from its tenth error on, and ends the session
 * at the twentieth: a case has fewer. */
#define REFUSALS_MAX	9
#define MAILS_MAX	50	/* transactions of a case */

/*
 * Memory
 */

static void *
get(struct capture *c, size_t size)
{
	void	*p = calloc(1, size);

	if (p == NULL)
		ctl_die(EX_OSERR, "out of memory");
	c->used += size;
	return p;
}

static char *
get_text(struct capture *c, struct span text)
{
	char	*copy = get(c, text.n + 1);

	span_copy(copy, text);
	return copy;
}

static void
put(struct capture *c, void *p, size_t size)
{
	if (p == NULL)
		return;
	c->used -= size;
	free(p);
}

static void
put_text(struct capture *c, char *text)
{
	if (text != NULL)
		put(c, text, strlen(text) + 1);
}

/* A NUL, which no host's name has, would end it. */
static char *
make_key(struct capture *c, struct span host, struct span id)
{
	char	*key = get(c, host.n + id.n + 2);
	size_t	 i;

	span_copy(key, host);
	key[host.n] = ' ';
	span_copy(key + host.n + 1, id);
	for (i = 0; i < host.n + id.n + 1; i++)
		if (key[i] == '\0')
			key[i] = ' ';
	return key;
}

/* FNV-1a. */
static size_t
bucket_of(const char *key)
{
	uint32_t	 hash = 2166136261U;

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619U;
	return hash % CAPTURE_BUCKETS;
}

static void
copy_code(char *to, size_t size, struct span from)
{
	(void)snprintf(to, size, "%.*s", (int)from.n, from.p);
}

/*
 * Their ends
 */

/* Whatever may still be said of it counts no more. */
static void
close_mail(struct capture *c, struct mail *m)
{
	if (m->key == NULL)
		return;
	LIST_REMOVE(m, bucket);
	put_text(c, m->key);
	m->key = NULL;
	m->session->n_open--;
}

static void
free_mail(struct capture *c, struct mail *m)
{
	struct rcpt	*r;

	close_mail(c, m);
	while ((r = STAILQ_FIRST(&m->rcpts)) != NULL) {
		STAILQ_REMOVE_HEAD(&m->rcpts, next);
		put(c, r, sizeof *r + strlen(r->path) + 1);
	}
	put_text(c, m->sender);
	put(c, m, sizeof *m);
}

static void
end_session(struct capture *c, struct visit *s)
{
	if (s->key == NULL)
		return;
	LIST_REMOVE(s, bucket);
	put_text(c, s->key);
	s->key = NULL;
}

/* Writes it, and forgets it. */
static void
finish(struct capture *c, struct visit *s)
{
	struct mail	*m;

	capture_case_print(c, s);
	end_session(c, s);
	while ((m = TAILQ_FIRST(&s->mails)) != NULL) {
		TAILQ_REMOVE(&s->mails, m, next);
		free_mail(c, m);
	}
	TAILQ_REMOVE(&c->sessions, s, next);
	put_text(c, s->time);
	put_text(c, s->name);
	put_text(c, s->port);
	put_text(c, s->login);
	put_text(c, s->helo);
	put(c, s, sizeof *s);
}

static void
finish_if(struct capture *c, struct visit *s)
{
	if (s->key == NULL && s->n_open == 0)
		finish(c, s);
}

/*
 * Sessions
 */

static struct visit *
find_session(struct capture *c, const char *key)
{
	struct visit	*s;

	LIST_FOREACH(s, &c->by_process[bucket_of(key)], bucket)
		if (strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

static struct visit *
begin_session(struct capture *c, const struct log_entry_foreign *f,
    const struct smtpd_line *l, char *key)
{
	struct visit	*s = get(c, sizeof *s);

	s->key = key;
	s->time = get_text(c, span_is_printable(f->time) &&
	    f->time.n <= 64 ? f->time : (struct span){ "", 0 });
	s->addr = l->addr;
	s->name = get_text(c, l->name);
	if (l->port.n > 0)
		s->port = get_text(c, l->port);
	TAILQ_INIT(&s->mails);
	TAILQ_INSERT_TAIL(&c->sessions, s, next);
	LIST_INSERT_HEAD(&c->by_process[bucket_of(key)], s, bucket);
	return s;
}

static bool
is_other(const char *known, struct span said)
{
	return known != NULL && said.n > 0 && !span_eq(said, known);
}

/* Whether a line is about the same client, as far as it tells. */
static bool
is_same(const struct visit *s, const struct smtpd_line *l)
{
	return address_equal(&s->addr, &l->addr) &&
	    span_eq(l->name, s->name) && !is_other(s->port, l->port) &&
	    !is_other(s->login, l->login) && !is_other(s->helo, l->helo) &&
	    (s->proto[0] == '\0' || l->proto.n == 0 ||
	    span_eq(l->proto, s->proto));
}

static void
learn(struct capture *c, struct visit *s, const struct smtpd_line *l)
{
	if (s->login == NULL && l->login.n > 0)
		s->login = get_text(c, l->login);
	if (s->helo == NULL && l->helo.n > 0)
		s->helo = get_text(c, l->helo);
	if (s->proto[0] == '\0' && l->helo.n > 0)
		copy_code(s->proto, sizeof s->proto, l->proto);
}

/* What the case that goes on with a session knows of it. */
static void
inherit(struct capture *c, struct visit *s, const struct visit *from)
{
	if (!address_equal(&s->addr, &from->addr) ||
	    strcmp(s->name, from->name) != 0)
		return;
	if (s->login == NULL && from->login != NULL)
		s->login = get_text(c, span_of(from->login));
	if (s->helo != NULL || from->helo == NULL)
		return;
	s->helo = get_text(c, span_of(from->helo));
	(void)memcpy(s->proto, from->proto, sizeof s->proto);
}

static bool
is_full(const struct visit *s)
{
	return s->n_refusals >= REFUSALS_MAX || s->n_mails >= MAILS_MAX;
}

/* The session that a line is of: a new one where there was none, or it is about
 * another client, or another case has to go on with it. */
static struct visit *
session_of(struct capture *c, const struct log_entry_foreign *f,
    const struct smtpd_line *l, bool is_new)
{
	char		*key = make_key(c, f->host, f->pid);
	struct visit	*s = find_session(c, key), *former = s;

	if (s != NULL && !is_new && is_same(s, l) && !is_full(s)) {
		put_text(c, key);
		learn(c, s, l);
		return s;
	}
	s = begin_session(c, f, l, key);
	learn(c, s, l);
	if (former == NULL)
		return s;
	if (!is_new)
		inherit(c, s, former);
	end_session(c, former);
	finish_if(c, former);
	return s;
}

static void
take_end(struct capture *c, const struct log_entry_foreign *f)
{
	char		*key = make_key(c, f->host, f->pid);
	struct visit	*s = find_session(c, key);

	put_text(c, key);
	if (s == NULL)
		return;
	end_session(c, s);
	finish_if(c, s);
}

/*
 * Mail
 */

static struct mail *
find_mail(struct capture *c, const struct log_entry_foreign *f,
    const struct smtpd_line *l)
{
	char		*key = make_key(c, f->host, l->queue_id);
	struct mail	*m;

	LIST_FOREACH(m, &c->mails[bucket_of(key)], bucket)
		if (strcmp(m->key, key) == 0)
			break;
	put_text(c, key);
	return m;
}

static struct mail *
add_mail(struct capture *c, struct visit *s, const struct span *sender)
{
	struct mail	*m = get(c, sizeof *m);

	m->session = s;
	if (sender != NULL)
		m->sender = get_text(c, *sender);
	STAILQ_INIT(&m->rcpts);
	TAILQ_INSERT_TAIL(&s->mails, m, next);
	s->n_mails++;
	return m;
}

/* Once with each answer, however often. */
static bool
has_rcpt(const struct mail *m, struct span path, const char *code)
{
	const struct rcpt	*r;

	STAILQ_FOREACH(r, &m->rcpts, next)
		if (span_eq(path, r->path) && strcmp(r->code, code) == 0)
			return true;
	return false;
}

static void
add_rcpt(struct capture *c, struct mail *m, const struct smtpd_line *l)
{
	struct rcpt	*r;
	char		 code[4];

	copy_code(code, sizeof code, l->code);
	if (has_rcpt(m, l->rcpt, code))
		return;
	if (m->n_rcpts == RCPTS_MAX) {
		c->n_rcpts++;
		return;
	}
	r = get(c, sizeof *r + l->rcpt.n + 1);
	span_copy(r->path, l->rcpt);
	(void)memcpy(r->code, code, sizeof code);
	copy_code(r->status, sizeof r->status, l->status);
	STAILQ_INSERT_TAIL(&m->rcpts, r, next);
	m->n_rcpts++;
	m->session->n_refusals += code[0] != '\0';
}

/* A queue id that comes again is another mail's. */
static void
take_client(struct capture *c, const struct log_entry_foreign *f,
    const struct smtpd_line *l)
{
	struct mail	*m = find_mail(c, f, l);
	struct visit	*s;

	if (m != NULL) {
		s = m->session;
		close_mail(c, m);
		finish_if(c, s);
	}
	if (l->is_passed_on) {
		c->n_passed_on++;
		return;
	}
	s = session_of(c, f, l, false);
	m = add_mail(c, s, NULL);
	m->is_queued = true;
	m->key = make_key(c, f->host, l->queue_id);
	LIST_INSERT_HEAD(&c->mails[bucket_of(m->key)], m, bucket);
	s->n_open++;
}

/* The transaction that a refusal is of: the mail's by its queue id, or the last
 * one that has none, if it was the same sender's. */
static struct mail *
refused_mail(struct capture *c, struct visit *s,
    const struct log_entry_foreign *f, const struct smtpd_line *l)
{
	struct mail	*m = l->queue_id.n > 0 ? find_mail(c, f, l) :
			    TAILQ_LAST(&s->mails, mail_list);

	if (m != NULL && m->session == s && (l->queue_id.n > 0 ||
	    (!m->is_queued && m->code[0] == '\0' &&
	    span_eq(l->sender, m->sender))))
		return m;
	return add_mail(c, s, &l->sender);
}

static void
take_decision(struct capture *c, const struct log_entry_foreign *f,
    const struct smtpd_line *l)
{
	struct visit	*s = session_of(c, f, l, false);
	struct mail	*m;

	if (!l->is_refusal)
		return;
	if (l->stage == SMTPD_LINE_AT_RCPT) {
		add_rcpt(c, refused_mail(c, s, f, l), l);
	} else if (l->stage == SMTPD_LINE_AT_MAIL) {
		m = add_mail(c, s, &l->sender);
		copy_code(m->code, sizeof m->code, l->code);
		copy_code(m->status, sizeof m->status, l->status);
		s->n_refusals++;
	} else if (s->n_mails > 0 || s->code[0] != '\0') {
		c->n_early++;
	} else {
		s->stage = l->stage;
		copy_code(s->code, sizeof s->code, l->code);
		copy_code(s->status, sizeof s->status, l->status);
	}
}

static void
take_mail(struct capture *c, const struct log_entry_foreign *f,
    const struct smtpd_line *l)
{
	struct mail	*m = find_mail(c, f, l);
	struct visit	*s;

	if (m == NULL)
		return;
	s = m->session;
	if (l->kind == SMTPD_LINE_RCPT)
		add_rcpt(c, m, l);
	else if (l->kind == SMTPD_LINE_REMOVED)
		close_mail(c, m);
	else if (m->sender == NULL)
		m->sender = get_text(c, l->sender);
	finish_if(c, s);
}

/*
 * Lines
 */

static void
keep_within(struct capture *c)
{
	while (c->used > c->memory && !TAILQ_EMPTY(&c->sessions))
		finish(c, TAILQ_FIRST(&c->sessions));
}

void
capture_take(struct capture *c, const struct log_entry *e)
{
	struct smtpd_line	 l;

	if (e->kind != LOG_ENTRY_FOREIGN)
		return;
	smtpd_line_read(&e->foreign, &l);
	switch (l.kind) {
	case SMTPD_LINE_OTHER:
		return;
	case SMTPD_LINE_UNREAD:
		c->n_why[l.why]++;
		return;
	case SMTPD_LINE_CONNECT:
		(void)session_of(c, &e->foreign, &l, true);
		break;
	case SMTPD_LINE_DISCONNECT:
		take_end(c, &e->foreign);
		break;
	case SMTPD_LINE_CLIENT:
		take_client(c, &e->foreign, &l);
		break;
	case SMTPD_LINE_DECISION:
		take_decision(c, &e->foreign, &l);
		break;
	case SMTPD_LINE_SENDER:
	case SMTPD_LINE_RCPT:
	case SMTPD_LINE_REMOVED:
		take_mail(c, &e->foreign, &l);
		break;
	}
	keep_within(c);
}

struct capture *
capture_new(FILE *out, size_t memory)
{
	struct capture	*c = calloc(1, sizeof *c);

	if (c == NULL)
		ctl_die(EX_OSERR, "out of memory");
	c->out = out;
	c->memory = memory;
	TAILQ_INIT(&c->sessions);
	return c;
}

static void
print_left_out(struct capture *c, unsigned long n, const char *what,
    const char *why)
{
	if (n > 0)
		fprintf(c->out, "# left out: %lu %s: %s\n", n, what, why);
}

unsigned long
capture_end(struct capture *c)
{
	unsigned long	 n;
	int		 why;

	while (!TAILQ_EMPTY(&c->sessions))
		finish(c, TAILQ_FIRST(&c->sessions));
	assert(c->used == 0);
	for (why = 0; why < SMTPD_LINE_WHYS; why++)
		print_left_out(c, c->n_why[why], "lines",
		    smtpd_line_why_text((enum smtpd_line_why)why));
	print_left_out(c, c->n_unknown, "mails", "whom they were from and to "
	    "is not in the log, or cannot be said");
	print_left_out(c, c->n_passed_on, "mails", "a filter has passed them "
	    "on: they were here before");
	print_left_out(c, c->n_rcpts, "recipients", "a transaction has no more "
	    "than 100 in a case");
	print_left_out(c, c->n_client, "sessions", "their client cannot be "
	    "told by XCLIENT");
	print_left_out(c, c->n_early, "refusals", "a connection or a greeting "
	    "was refused that had not been before");
	n = c->n_cases;
	free(c);
	return n;
}
