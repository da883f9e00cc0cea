/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_test: where mailboxes are cut, whom a message is from, and what is
 * known of it after whatever has happened.
 */
#include "ctl/inject_ask.h"
#include "ctl/inject_body.h"
#include "ctl/inject_envelope.h"
#include "ctl/inject_journal.h"
#include "ctl/inject_mbox.h"
#include "ctl/inject_origin.h"
#include "ctl/inject_source_private.h"
#include "ctl/inject_work.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define FROM	"From a@b Mon Nov 30 10:00:00 2026\n"
#define LMTP	"Received: from mx.example.net by store.example.net with LMTP" \
		"\n id 1; now\n"
#define INNER	"Received: from mx2.example.net (mx2.example.net [192.0.2.1])" \
		"\n by mx.example.net with ESMTP id 1; now\n"
#define CLIENT	"Received: from helo.example.org (host.example.org " \
		"[203.0.113.7])\n\t(Authenticated sender: u@example.org)\n" \
		"\tby mx.example.net (Postfix) with ESMTPSA id 1;\n" \
		"\tMon, 30 Nov 2026 10:00:00 +0000\n"
#define FORGED	"Received: from x (y.example.com [198.51.100.66]) by z; now\n"
#define PRIVATE	"Received: from x (y.example.com [10.0.0.1]) by z; now\n"

static int
file_of(const char *bytes, size_t n)
{
	int	 fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(durable_put(fd, bytes, n), 0);
	return fd;
}

/*
 * Whom it is from
 */

/* want: the address, or NULL and why. */
static const struct origin_row {
	const char	*name, *mine;	/* NULL: the count */
	unsigned	 count;
	const char	*text, *want, *why;
} origins[] = {
	{ "the first", NULL, 1, CLIENT FORGED, "203.0.113.7", NULL },
	{ "the second", NULL, 2, INNER CLIENT FORGED, "203.0.113.7", NULL },
	{ "too few", NULL, 2, CLIENT "\n" FORGED, NULL,
	    "there are fewer Received headers" },
	{ "none", NULL, 1, "Subject: x\n", NULL,
	    "there is no Received header" },
	{ "not in the text", NULL, 1, "Subject: x\n\n" CLIENT, NULL,
	    "there is no Received header" },
	{ "not behind what is no header", NULL, 1, "Subject: x\nhello\n" CLIENT,
	    NULL, "there is no Received header" },
	{ "private", NULL, 1, PRIVATE, NULL, "its address is not public" },
	{ "hop by hop", "192.0.2.0/24", 0, LMTP INNER CLIENT FORGED,
	    "203.0.113.7", NULL },
	{ "by the host's name", "*.EXAMPLE.net", 0, LMTP INNER CLIENT FORGED,
	    "203.0.113.7", NULL },
	{ "all are mine", "192.0.2.0/24, 203.0.113.0/24", 0, INNER CLIENT,
	    NULL, "all hosts are mine" },
	{ "never behind one that cannot be read", "192.0.2.0/24", 0,
	    "Received: from (\n" CLIENT, NULL, NULL },
	{ "never behind mail of a user of the host", "192.0.2.0/24", 0,
	    "Received: by mx.example.net (Postfix, from userid 1000)\n id 1; "
	    "now\n" FORGED, NULL, NULL },
	{ "never behind a step without an address", "192.0.2.0/24", 0,
	    "Received: from x by mx.example.net with SMTP id 1; now\n" FORGED,
	    NULL, NULL },
	{ "qmail's own step", "192.0.2.0/24", 0, "Received: (qmail 7 invoked "
	    "from network); now\n" CLIENT, "203.0.113.7", NULL },
	{ "fetchmail's own step", "192.0.2.0/24", 0, "Received: from "
	    "pop.example.com [198.51.100.7]\n\tby localhost with POP3 "
	    "(fetchmail-6.4.37)\n\tfor <me@localhost>; now\n" CLIENT,
	    "203.0.113.7", NULL },
	{ "what a client says is no step", "192.0.2.0/24", 0, "Received: from "
	    "with LMTP (x.example [203.0.113.9]) by mx with ESMTP; now\n"
	    FORGED, NULL, NULL },
	{ "a name that nobody looked up is not mine", "*.example.net", 0,
	    "Received: from evil.example.net ([203.0.113.9]) by mx; now\n"
	    FORGED, "203.0.113.9", NULL },
	{ "nor one of a reverse zone alone (qmail)", "*.example.net", 0,
	    "Received: from evil.example.net (HELO x) (203.0.113.9)\n by 0 "
	    "with SMTP; now\n" FORGED, "203.0.113.9", NULL },
	{ "nor with what RFC 1413 says", "*.example.net", 0, "Received: from "
	    "evil.example.net (HELO x) (me@203.0.113.9)\n by 0 with SMTP; now\n"
	    FORGED, "203.0.113.9", NULL },
};

START_TEST(finds_the_client)
{
	const struct origin_row		*row = &origins[_i];
	struct inject_rule		 rule = { .count = row->count };
	struct inject_origin		 o;
	enum inject_origin_result	 result;
	char				 mine[128], text[ADDRESS_TEXT_SIZE];
	int				 fd = file_of(row->text,
					    strlen(row->text));

	if (row->mine != NULL) {
		(void)strcpy(mine, row->mine);
		ck_assert_int_eq(inject_origin_mine(&rule, mine, NULL), 0);
	}
	result = inject_origin_find(&rule, fd, 0, (off_t)strlen(row->text),
	    &o);
	(void)close(fd);
	ck_assert_msg(result == (row->want == NULL ? INJECT_ORIGIN_UNKNOWN :
	    INJECT_ORIGIN_FOUND), "%s: %s", row->name, o.why);
	if (row->want != NULL)
		ck_assert_str_eq(address_format(&o.from.addr, text,
		    sizeof text), row->want);
	if (row->why != NULL)
		ck_assert_str_eq(o.why, row->why);
	ck_assert_str_eq(o.login, "");
}
END_TEST

START_TEST(believes_a_login_when_told)
{
	struct inject_rule	 rule = { .count = 1, .has_login = true };
	struct inject_origin	 o;
	struct assertion_set	 set;
	const char		 text[] = "A: b\n" CLIENT;
	char			 line[ASSERTION_LINE_MAX + 1];
	size_t			 len;
	int			 fd = file_of(text, strlen(text));

	ck_assert_int_eq(inject_origin_find(&rule, fd, 0,
	    (off_t)strlen(text), &o), INJECT_ORIGIN_FOUND);
	ck_assert_str_eq(o.time, "Mon, 30 Nov 2026 10:00:00 +0000");
	ck_assert_uint_eq(o.nth, 1);
	ck_assert_uint_eq(o.line, 2);
	inject_origin_assert(&o, INJECT_ORIGIN_FOUND, &set);
	ck_assert(assertion_print(&set, line, sizeof line, &len));
	ck_assert_str_eq(line, "XCLIENT ADDR=203.0.113.7 "
	    "NAME=host.example.org REVERSE_NAME=host.example.org "
	    "PORT=[UNAVAILABLE] HELO=helo.example.org LOGIN=u@example.org");
	inject_origin_assert(&o, INJECT_ORIGIN_UNKNOWN, &set);
	ck_assert(assertion_print(&set, line, sizeof line, &len));
	ck_assert_str_eq(line, "XCLIENT ADDR=[UNAVAILABLE] "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE] HELO=[UNAVAILABLE]");
	(void)close(fd);
}
END_TEST

START_TEST(knows_another_header_when_told)
{
	struct inject_rule	 rule = { .how = INJECT_BY_HEADER,
		.header = "x-originating-ip" };
	struct inject_origin	 o;
	const char		 text[] = CLIENT
		"X-Originating-IP: [198.51.100.9]\nX-Originating-IP: 1\n";
	int			 fd = file_of(text, strlen(text));
	char			 buf[ADDRESS_TEXT_SIZE];

	ck_assert_int_eq(inject_origin_find(&rule, fd, 0,
	    (off_t)strlen(text), &o), INJECT_ORIGIN_FOUND);
	ck_assert_str_eq(address_format(&o.from.addr, buf, sizeof buf),
	    "198.51.100.9");
	ck_assert_str_eq(o.from.name, "");
	(void)close(fd);
}
END_TEST

/*
 * From whom, to whom
 */

static const struct envelope_row {
	const char	*name, *text, *sender, *rcpt;
	bool		 is_wrong;
} envelopes[] = {
	{ "both", "Return-Path: <a@b>\nDelivered-To: c@d\n", "a@b", "c@d",
	    false },
	{ "the uppermost", "Return-Path: a@b\nReturn-Path: x@y\n"
	    "Delivered-To: c@d\nDelivered-To: e@f\n", "a@b", "c@d", false },
	{ "the null sender", "Return-Path: <>\nX-Original-To: c@d\n", "",
	    "c@d", false },
	{ "before X-Original-To", "X-Original-To: c@d\nDelivered-To: e@f\n",
	    "", "e@f", false },
	{ "a line more", "Return-Path: <a@b>\n RCPT TO:<x@y>\n", "", "", true },
	{ "an end", "Return-Path: <a@b>SIZE=1>\n", "", "", true },
	{ "no recipient", "Delivered-To: <a@b> x\n", "", "", false },
	{ "nothing", "\nReturn-Path: <a@b>\n", "", "", false },
};

START_TEST(reads_the_envelope)
{
	const struct envelope_row	*row = &envelopes[_i];
	struct inject_envelope		 env;
	int				 fd = file_of(row->text,
					    strlen(row->text));

	ck_assert(inject_envelope_read(fd, 0, (off_t)strlen(row->text), NULL,
	    &env));
	(void)close(fd);
	ck_assert_msg(strcmp(env.sender, row->sender) == 0, "%s: <%s>",
	    row->name, env.sender);
	ck_assert_msg(strcmp(env.rcpt, row->rcpt) == 0, "%s: <%s>", row->name,
	    env.rcpt);
	ck_assert_msg((env.why != NULL) == row->is_wrong, "%s", row->name);
}
END_TEST

/*
 * Mailboxes
 */

static const struct {
	const char	*line;
	bool		 want;
} from_lines[] = {
	{ "From a@b Mon Nov 30 10:00:00 2026", true },
	{ "From a@b Mon Nov 30 10:00:00 2026\r", true },
	{ "From a@b Mon Nov  3 10:00 CET 2026", true },
	{ "From a@b  Mon Nov  3 10:00:00 2026 +0100", true },
	{ "From a b Mon Nov  3 10:00:00 2026", true },
	{ "From Mon Nov  3 10:00:00 2026", true },
	{ "From here on", false },
	{ "From Mon to Fri", false },
	{ "From a@b Mon Nov 30", false },
	{ "From a@b Mon Nov 30 10:00:00", false },
	{ ">From a@b Mon Nov 30 10:00:00 2026", false },
	{ "from a@b Mon Nov 30 10:00:00 2026", false },
	{ "From: a@b Mon Nov 30 10:00:00 2026", false },
};

START_TEST(knows_a_from_line)
{
	ck_assert_msg(inject_mbox_is_from(span_of(from_lines[_i].line)) ==
	    from_lines[_i].want, "%s", from_lines[_i].line);
}
END_TEST

/* want: the messages, with a "|" behind each. */
static const struct mbox_row {
	const char	*name, *in, *want;
	enum inject_mbox_result end;
} mboxes[] = {
	{ "empty", "", "", INJECT_MBOX_END },
	{ "one", FROM "a: b\n\nc\n\n", "a: b\n\nc\n|", INJECT_MBOX_END },
	{ "no line end", FROM "a: b", "a: b|", INJECT_MBOX_END },
	{ "two", FROM "a\n\n" FROM "b\n\n", "a\n|b\n|", INJECT_MBOX_END },
	{ "no empty line between", FROM "a\n" FROM "b\n\n", "a\n" FROM "b\n|",
	    INJECT_MBOX_END },
	{ "of nothing", FROM FROM "\n" FROM, FROM "||", INJECT_MBOX_END },
	{ "text", FROM "a\n\nFrom here\n\n" FROM "b\n", "a\n\nFrom here\n|b\n|",
	    INJECT_MBOX_END },
	{ "empty lines of its own", FROM "a\n\n\n\n" FROM "b\n",
	    "a\n\n\n|b\n|", INJECT_MBOX_END },
	{ "of Windows", FROM "a\r\n\r\n" FROM "b\r\n\r\n", "a\r\n|b\r\n|",
	    INJECT_MBOX_END },
	{ "another file", "root:x:0\n", "", INJECT_MBOX_NONE },
};

static struct inject_mbox	 mbox;

START_TEST(cuts_a_mailbox)
{
	const struct mbox_row	*row = &mboxes[_i];
	int			 fd = file_of(row->in, strlen(row->in));
	char			 got[512] = "";
	off_t			 place, begin, end, next;
	enum inject_mbox_result	 result;

	inject_mbox_open(&mbox, fd, (off_t)strlen(row->in));
	while ((result = inject_mbox_next(&mbox, &place, &begin, &end,
	    &next)) == INJECT_MBOX_MESSAGE) {
		(void)strncat(got, row->in + begin, (size_t)(end - begin));
		(void)strcat(got, "|");
	}
	(void)close(fd);
	ck_assert_int_eq(result, row->end);
	ck_assert_msg(strcmp(got, row->want) == 0, "%s: got \"%s\"", row->name,
	    got);
}
END_TEST

/* A line, and a message, that is longer than any block. */
START_TEST(cuts_a_mailbox_of_long_lines)
{
	FILE	*file = tmpfile();
	off_t	 place, begin, end, next;
	int	 i;

	ck_assert_ptr_nonnull(file);
	(void)fputs(FROM, file);
	for (i = 0; i < 3 * INJECT_MBOX_BLOCK; i++)
		(void)fputc('x', file);
	(void)fputs("\n\n" FROM "b\n\n", file);
	ck_assert_int_eq(fflush(file), 0);
	inject_mbox_open(&mbox, fileno(file), (off_t)ftell(file));
	ck_assert_int_eq(inject_mbox_next(&mbox, &place, &begin, &end, &next),
	    INJECT_MBOX_MESSAGE);
	ck_assert_int_eq(end - begin, 3 * INJECT_MBOX_BLOCK + 1);
	ck_assert_int_eq(inject_mbox_next(&mbox, &place, &begin, &end, &next),
	    INJECT_MBOX_MESSAGE);
	ck_assert_int_eq(end - begin, 2);
	ck_assert_int_eq(inject_mbox_next(&mbox, &place, &begin, &end, &next),
	    INJECT_MBOX_END);
	(void)fclose(file);
}
END_TEST

START_TEST(takes_quotes_away)
{
	const char		 in[] = ">From a\nx\n>>From b\n>From\n> From c\n"
		"x >From d\n>>>>From e";
	struct inject_item	 item = { .is_quoted = true,
		.end = sizeof in - 1 };
	struct inject_body	 body;
	char			 got[128] = "", c[2] = "";
	ssize_t			 n;

	item.fd = file_of(in, sizeof in - 1);
	ck_assert_int_eq(inject_source_digest(&item, NULL), 0);
	ck_assert(inject_body_open(&body, &item));
	while ((n = inject_body_read(&body, c, 1)) == 1)
		(void)strcat(got, c);
	ck_assert_int_eq(n, 0);
	inject_body_clear(&body);
	ck_assert_str_eq(got, "From a\nx\n>From b\n>From\n> From c\n"
	    "x >From d\n>>>From e");
	/* It is not what it was. */
	ck_assert_int_eq(pwrite(item.fd, "y", 1, 10), 1);
	ck_assert(inject_body_open(&body, &item));
	while ((n = inject_body_read(&body, got, sizeof got)) > 0)
		;
	ck_assert_int_eq(n, -1);
	inject_body_clear(&body);
	(void)close(item.fd);
}
END_TEST

/*
 * The journal
 */

static char	 dir[TEMPDIR_SIZE], path[TEMPDIR_SIZE + 16];

static void
set_up(void)
{
	tempdir_make(dir);
	(void)snprintf(path, sizeof path, "%s/journal", dir);
}

static void
tear_down(void)
{
	tempdir_remove(dir);
}

static struct inject_journal *
journal_open(void)
{
	struct err		 err;
	struct inject_journal	*j = inject_journal_open(path, true, &err);

	ck_assert_msg(j != NULL, "%s", err.text);
	return j;
}

static void
put(struct inject_journal *j, const char *key, enum inject_state state)
{
	json_t		*entry = inject_entry_new(key);
	struct err	 err;

	inject_entry_set(entry, "a@b", state, "250 x", 1);
	ck_assert_int_eq(inject_journal_begin(j, true, &err), 0);
	ck_assert_int_eq(inject_journal_put(j, key, entry, &err), 0);
	ck_assert_msg(inject_journal_end(j, &err) == 0, "%s", err.text);
	json_decref(entry);
}

static int
state(struct inject_journal *j, const char *key)
{
	json_t		*entry = NULL;
	struct err	 err;
	int		 got = inject_journal_get(j, key, &entry, &err);
	int		 sum = got == 1 ? (int)inject_entry_sum(entry) : -1;

	ck_assert_int_ne(got, -1);
	json_decref(entry);
	return sum;
}

START_TEST(sums_up)
{
	json_t	*entry = inject_entry_new("x");

	ck_assert_int_eq(inject_entry_sum(entry), INJECT_NEW);
	inject_entry_set(entry, "a@b", INJECT_DONE, "250 x", 1);
	ck_assert_int_eq(inject_entry_sum(entry), INJECT_DONE);
	ck_assert(inject_entry_is_over(entry));
	inject_entry_set(entry, "c@d", INJECT_REJECTED, "550 x", 1);
	ck_assert_int_eq(inject_entry_sum(entry), INJECT_REJECTED);
	ck_assert(!inject_entry_is_over(entry));
	inject_entry_set_saved(entry);
	ck_assert(inject_entry_is_over(entry));
	/* That is not in what was kept. */
	inject_entry_set(entry, "k@l", INJECT_REJECTED, "550 x", 1);
	ck_assert(!inject_entry_is_over(entry));
	inject_entry_set(entry, "e@f", INJECT_LATER, "450 x", 1);
	ck_assert_int_eq(inject_entry_sum(entry), INJECT_LATER);
	ck_assert(!inject_entry_is_over(entry));
	inject_entry_set(entry, "g@h", INJECT_DOUBT, "", 1);
	ck_assert_int_eq(inject_entry_sum(entry), INJECT_DOUBT);
	ck_assert_int_eq(inject_entry_of(entry, "i@j"), INJECT_NEW);
	json_decref(entry);
}
END_TEST

/* Whoever is killed has said what he said. */
START_TEST(outlives_its_writer)
{
	struct inject_journal	*j;
	int			 status;
	pid_t			 pid = fork();

	if (pid == 0) {
		j = journal_open();
		put(j, "k", INJECT_DOUBT);
		(void)kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	j = journal_open();
	ck_assert_int_eq(state(j, "k"), INJECT_DOUBT);
	ck_assert_int_eq(state(j, "other"), -1);
	inject_journal_close(j);
}
END_TEST

START_TEST(is_one_process_s)
{
	struct inject_journal	*j = journal_open();
	struct err		 err;

	ck_assert_ptr_null(inject_journal_open(path, true, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "another inject"));
	inject_journal_close(j);
}
END_TEST

/* An mbox is replaced, or the program is killed before that. */
START_TEST(forgets_what_has_left)
{
	struct inject_journal	*j = journal_open();

	put(j, "done", INJECT_DONE);
	put(j, "doubt", INJECT_DOUBT);
	put(j, "later", INJECT_LATER);
	ck_assert_int_eq(inject_journal_mark(j, 7, NULL), 0);
	ck_assert_int_eq(inject_journal_settle(j, 6, NULL), 0);
	ck_assert_int_eq(state(j, "done"), INJECT_DONE);
	/* The mark went with that. */
	ck_assert_int_eq(inject_journal_settle(j, 7, NULL), 0);
	ck_assert_int_eq(state(j, "done"), INJECT_DONE);
	ck_assert_int_eq(inject_journal_mark(j, 7, NULL), 0);
	ck_assert_int_eq(inject_journal_settle(j, 7, NULL), 0);
	ck_assert_int_eq(state(j, "done"), -1);
	ck_assert_int_eq(state(j, "doubt"), INJECT_DOUBT);
	ck_assert_int_eq(state(j, "later"), INJECT_LATER);
	ck_assert_int_eq(inject_journal_move(j, "doubt", "there", NULL), 0);
	ck_assert_int_eq(state(j, "doubt"), -1);
	ck_assert_int_eq(state(j, "there"), INJECT_DOUBT);
	inject_journal_close(j);
}
END_TEST

/*
 * An mbox as a source
 */

static bool
is_first(void *arg, const struct inject_item *item)
{
	(void)arg;
	return item->place == 0;
}

static int
note(void *arg, uint64_t inode, struct err *err)
{
	(void)err;
	*(uint64_t *)arg = inode;
	return 0;
}

static int
nothing(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return 0;
}

/* What comes while it is worked on stays. */
START_TEST(takes_out_what_is_done)
{
	uint64_t		 inode = 0;
	struct inject_finish	 how = { is_first, note, nothing, &inode };
	struct inject_source	*s;
	struct inject_item	 item;
	struct err		 err;
	char			 got[512];
	FILE			*file = fopen(path, "w");
	size_t			 n;

	ck_assert(fputs(FROM "a\n\n" FROM "b\n\n", file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
	s = inject_source_open(path, INJECT_MBOX, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	file = fopen(path, "a");
	ck_assert(fputs(FROM "c\n\n", file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
	for (n = 0; inject_source_next(s, &item, &err) == INJECT_NEXT; n++)
		inject_source_clear(&item);
	ck_assert_uint_eq(n, 2);
	ck_assert_msg(inject_source_finish(s, &how, &err) == 0, "%s",
	    err.text);
	ck_assert_uint_ne(inode, 0);
	ck_assert_uint_ne(inode, inject_source_inode(s));
	inject_source_close(s);
	file = fopen(path, "r");
	n = fread(got, 1, sizeof got - 1, file);
	got[n] = '\0';
	(void)fclose(file);
	ck_assert_str_eq(got, FROM "b\n\n" FROM "c\n\n");
}
END_TEST

/*
 * Twins: the same text twice is two messages
 */

#define TWIN	FROM "Delivered-To: a@b\n\ntwin\n\n"
#define OTHER	FROM "Delivered-To: a@b\n\nother\n\n"

static const struct inject_config	 config = {
	.format = INJECT_MBOX, .unknown = INJECT_UNKNOWN_SELF,
	.doubt = INJECT_DOUBT_SEND, .rule = { .count = 1 },
};

static char	 box[TEMPDIR_SIZE + 16];

static void
write_box(const char *text)
{
	FILE	*file;

	(void)snprintf(box, sizeof box, "%s/box", dir);
	file = fopen(box, "w");
	ck_assert(fputs(text, file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
}

static struct inject_work
work_open_for(const struct inject_config *c)
{
	struct inject_work	 w = { .config = c };
	struct err		 err;

	w.source = inject_source_open(box, INJECT_MBOX, &err);
	ck_assert_msg(w.source != NULL, "%s", err.text);
	w.journal = journal_open();
	ck_assert_int_eq(inject_journal_settle(w.journal,
	    inject_source_inode(w.source), &err), 0);
	return w;
}

static struct inject_work
work_open(void)
{
	return work_open_for(&config);
}

static void
work_close(struct inject_work *w)
{
	ck_assert(!w->has_failed);
	inject_source_close(w->source);
	inject_journal_close(w->journal);
}

/* The next one, at that place of the mbox, becomes that. */
static void
next_becomes_of(struct inject_work *w, size_t place, const char *rcpt,
    enum inject_state becomes)
{
	struct inject_job	 job, *jobs[] = { &job };

	ck_assert(inject_work_next(w, &job));
	ck_assert_uint_eq((size_t)job.item.place, place);
	inject_work_set(&job, rcpt, becomes, "x");
	inject_work_end(w, &job);
	ck_assert(inject_work_note(w, jobs, 1, true));
	inject_work_leave(w, &job);
}

static void
next_becomes(struct inject_work *w, size_t place, enum inject_state becomes)
{
	next_becomes_of(w, place, "a@b", becomes);
}

static void
no_next(struct inject_work *w)
{
	struct inject_job	 job;

	ck_assert(!inject_work_next(w, &job));
}

START_TEST(knows_twins_apart)
{
	struct inject_work	 w;
	const size_t		 first = 0, second = strlen(TWIN);

	write_box(TWIN TWIN);
	w = work_open();
	next_becomes(&w, first, INJECT_DONE);
	work_close(&w);
	/* Killed; the one that is there is not sent again, but the other. */
	w = work_open();
	next_becomes(&w, second, INJECT_LATER);
	no_next(&w);
	ck_assert_uint_eq(w.stats.already, 1);
	ck_assert(inject_work_finish(&w));
	work_close(&w);
	/* Now it is the first, and what was done is forgotten. */
	w = work_open();
	next_becomes(&w, first, INJECT_DONE);
	no_next(&w);
	ck_assert(inject_work_finish(&w));
	work_close(&w);
	write_box(TWIN);
	w = work_open();
	next_becomes(&w, first, INJECT_DONE);
	work_close(&w);
}
END_TEST

START_TEST(finds_them_where_they_are_now)
{
	struct inject_work	 w;
	const size_t		 second = strlen(OTHER),
				 third = second + strlen(TWIN);

	write_box(OTHER TWIN TWIN);
	w = work_open();
	next_becomes(&w, 0, INJECT_DONE);
	next_becomes(&w, second, INJECT_DOUBT);
	next_becomes(&w, third, INJECT_DONE);
	no_next(&w);
	work_close(&w);
	/* Somebody has taken the first out, in the same file. */
	write_box(TWIN TWIN);
	w = work_open();
	no_next(&w);
	ck_assert_uint_eq(w.stats.already, 1);
	ck_assert(w.has_doubt);
	ck_assert_int_eq(inject_source_rewind(w.source, NULL), 0);
	w.is_second = true;
	next_becomes(&w, 0, INJECT_DONE);
	no_next(&w);
	work_close(&w);
}
END_TEST

#define TWINS		200
#define READS_MAX	(20 * TWINS)	/* a few for each */

/* How often this process has read; false: nobody says. */
static bool
reads_so_far(unsigned long *n_r)
{
	FILE	*file = fopen("/proc/self/io", "re");
	char	 line[128];
	bool	 has = false;

	while (!has && file != NULL && fgets(line, sizeof line, file) != NULL)
		has = sscanf(line, "syscr: %lu", n_r) == 1;
	if (file != NULL)
		(void)fclose(file);
	return has;
}

/* What stands first, and twins behind it. */
static void
write_twins(const char *first)
{
	static char	 text[TWINS * sizeof TWIN + sizeof OTHER];
	char		*end = stpcpy(text, first);
	unsigned	 i;

	for (i = 0; i < TWINS; i++)
		end = stpcpy(end, TWIN);
	write_box(text);
}

/* Of n messages that are not known each is delivered, and the run ends so. */
static void
deliver(struct inject_work *w, unsigned n)
{
	struct inject_job	 job, *jobs[] = { &job };

	for (; n > 0; n--) {
		ck_assert(inject_work_next(w, &job));
		inject_work_set(&job, "a@b", INJECT_DONE, "x");
		inject_work_end(w, &job);
		ck_assert(inject_work_note(w, jobs, 1, false));
		inject_work_leave(w, &job);
	}
	no_next(w);
}

START_TEST(reads_twins_as_others)
{
	struct inject_work	 w;
	unsigned long		 before, after;

	write_twins(OTHER);
	w = work_open();
	if (reads_so_far(&before)) {
		deliver(&w, TWINS + 1);
		ck_assert(reads_so_far(&after));
		ck_assert_msg(after - before < READS_MAX, "new: %lu reads",
		    after - before);
	}
	work_close(&w);
}
END_TEST

START_TEST(reads_moved_twins_as_others)
{
	struct inject_work	 w;
	unsigned long		 before, after;

	write_twins(OTHER);
	w = work_open();
	deliver(&w, TWINS + 1);
	work_close(&w);
	/* Somebody has taken the first out, in the same file. */
	write_twins("");
	w = work_open();
	if (reads_so_far(&before)) {
		no_next(&w);
		ck_assert(reads_so_far(&after));
		ck_assert_uint_eq(w.stats.already, TWINS);
		ck_assert_msg(after - before < READS_MAX, "moved: %lu reads",
		    after - before);
	}
	work_close(&w);
}
END_TEST

/* What was seen in the file is not so any more when somebody has changed it. */
START_TEST(looks_again_when_it_has_changed)
{
	const struct timespec	 times[2] = { { 1, 0 }, { 1, 0 } };
	struct inject_work	 w;

	write_box(TWIN OTHER TWIN);
	w = work_open();
	deliver(&w, 3);
	/* The first twin is behind now; the second is where it was. */
	write_box(OTHER TWIN TWIN);
	ck_assert_int_eq(utimensat(AT_FDCWD, box, times, 0), 0);
	ck_assert_int_eq(inject_source_rewind(w.source, NULL), 0);
	no_next(&w);
	ck_assert_uint_eq(w.stats.already, 3);
	work_close(&w);
}
END_TEST

/*
 * Recipients: what one of them got is not what the other has
 */

#define NOBODY	FROM "Subject: x\n\nto nobody\n\n"

static const char *const	 carol[] = { "c@d" };

static const struct inject_config	 config_of_carol = {
	.format = INJECT_MBOX, .unknown = INJECT_UNKNOWN_SELF,
	.rule = { .count = 1 }, .rcpts = carol, .n_rcpts = 1,
};

static off_t
box_size(void)
{
	struct stat	 st;

	ck_assert_int_eq(stat(box, &st), 0);
	return st.st_size;
}

START_TEST(knows_recipients_apart)
{
	struct inject_work	 w;

	write_box(OTHER);
	w = work_open();
	next_becomes(&w, 0, INJECT_DONE);
	work_close(&w);
	/* Ended before it has come to the other one. */
	w = work_open_for(&config_of_carol);
	ck_assert(inject_work_finish(&w));
	work_close(&w);
	ck_assert_int_eq(box_size(), strlen(OTHER));
	w = work_open_for(&config_of_carol);
	next_becomes_of(&w, 0, carol[0], INJECT_DONE);
	no_next(&w);
	ck_assert_uint_eq(w.stats.delivered, 1);
	work_close(&w);
	w = work_open_for(&config_of_carol);
	no_next(&w);
	ck_assert_uint_eq(w.stats.already, 1);
	ck_assert(inject_work_finish(&w));
	work_close(&w);
	ck_assert_int_eq(box_size(), 0);
}
END_TEST

/* One waits; the other has it, is told so, and does not ask in vain. */
START_TEST(waits_for_nobody_else)
{
	struct inject_work	 w;

	write_box(OTHER);
	w = work_open();
	next_becomes(&w, 0, INJECT_LATER);
	work_close(&w);
	w = work_open_for(&config_of_carol);
	next_becomes_of(&w, 0, carol[0], INJECT_DONE);
	ck_assert_uint_eq(w.stats.delivered, 1);
	work_close(&w);
	w = work_open_for(&config_of_carol);
	no_next(&w);
	ck_assert_uint_eq(w.stats.already, 1);
	ck_assert(inject_work_finish(&w));
	work_close(&w);
	ck_assert_int_eq(box_size(), strlen(OTHER));
}
END_TEST

START_TEST(forgets_that_nobody_was_named)
{
	struct inject_work	 w;

	write_box(NOBODY);
	w = work_open();
	no_next(&w);
	ck_assert_uint_eq(w.stats.unsent, 1);
	work_close(&w);
	w = work_open_for(&config_of_carol);
	next_becomes_of(&w, 0, carol[0], INJECT_DONE);
	no_next(&w);
	ck_assert_uint_eq(w.stats.delivered, 1);
	ck_assert(inject_work_finish(&w));
	work_close(&w);
	ck_assert_int_eq(box_size(), 0);
}
END_TEST

START_TEST(says_again_what_was_rejected)
{
	struct inject_work	 w;
	int			 i;

	write_box(OTHER);
	w = work_open();
	next_becomes(&w, 0, INJECT_REJECTED);
	work_close(&w);
	for (i = 0; i < 2; i++) {
		w = work_open();
		no_next(&w);
		ck_assert_uint_eq(w.stats.rejected, 1);
		ck_assert_uint_eq(w.stats.already, 0);
		ck_assert(inject_work_finish(&w));
		work_close(&w);
	}
	ck_assert_int_eq(box_size(), strlen(OTHER));
}
END_TEST

/*
 * Directories, which may be anybody's
 */

static char *
below(const char *name)
{
	static char	 buf[4][sizeof dir + 32];
	static unsigned	 n;
	char		*got = buf[n++ % 4];

	(void)snprintf(got, sizeof buf[0], "%s/%s", dir, name);
	return got;
}

static void
make_file(const char *name)
{
	FILE	*file = fopen(below(name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert(fprintf(file, "Subject: %s\n\n", name) > 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void
make_maildir(void)
{
	ck_assert_int_eq(mkdir(below("box"), 0700), 0);
	ck_assert_int_eq(mkdir(below("box/cur"), 0700), 0);
	ck_assert_int_eq(mkdir(below("other"), 0700), 0);
	make_file("other/1");
}

START_TEST(follows_no_link)
{
	struct err	 err = { "" };

	make_maildir();
	ck_assert_int_eq(symlink(below("other"), below("box/new")), 0);
	ck_assert_ptr_null(inject_source_open(below("box"), INJECT_MAILDIR,
	    &err));
	ck_assert_ptr_nonnull(strstr(err.text, "new"));
}
END_TEST

/* Its owner puts a link there while it is worked on. */
START_TEST(takes_nothing_out_of_another_directory)
{
	struct inject_source	*s;
	struct inject_item	 item;
	struct err		 err;

	make_maildir();
	ck_assert_int_eq(mkdir(below("box/new"), 0700), 0);
	make_file("box/new/1");
	(void)snprintf(box, sizeof box, "%s/box", dir);
	s = inject_source_open(box, INJECT_MAILDIR, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	ck_assert_int_eq(inject_source_next(s, &item, &err), INJECT_NEXT);
	ck_assert_int_eq(rename(below("box/new"), below("box/was")), 0);
	ck_assert_int_eq(symlink(below("other"), below("box/new")), 0);
	ck_assert_int_eq(inject_source_remove(s, &item, &err), -1);
	ck_assert_int_eq(access(below("other/1"), F_OK), 0);
	inject_source_clear(&item);
	inject_source_close(s);
}
END_TEST

START_TEST(follows_nobody_else_s_link)
{
	struct err	 err = { "" };

	if (geteuid() != 0)
		return;
	make_maildir();
	ck_assert_int_eq(mkdir(below("box/new"), 0700), 0);
	ck_assert_int_eq(symlink(below("box"), below("link")), 0);
	ck_assert_int_eq(lchown(below("link"), 65534, 65534), 0);
	ck_assert_ptr_null(inject_source_open(below("link"), INJECT_MAILDIR,
	    &err));
	ck_assert_ptr_nonnull(strstr(err.text, "another user's"));
}
END_TEST

/* MH: the number of one that went meanwhile is another message's. */
START_TEST(takes_out_what_was_read)
{
	struct inject_source	*s;
	struct inject_item	 item;
	struct err		 err;

	make_file("1");
	s = inject_source_open(dir, INJECT_MH, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	ck_assert_int_eq(inject_source_next(s, &item, &err), INJECT_NEXT);
	make_file("new");
	ck_assert_int_eq(rename(below("new"), below("1")), 0);
	ck_assert_int_eq(inject_source_remove(s, &item, &err), 0);
	ck_assert_int_eq(access(below("1"), F_OK), 0);
	inject_source_clear(&item);
	ck_assert_int_eq(inject_source_rewind(s, &err), 0);
	ck_assert_int_eq(inject_source_next(s, &item, &err), INJECT_NEXT);
	ck_assert_int_eq(inject_source_remove(s, &item, &err), 0);
	ck_assert_int_eq(access(below("1"), F_OK), -1);
	inject_source_clear(&item);
	inject_source_close(s);
}
END_TEST

/*
 * The program that is asked
 */

/* A sender whose address begins as an option does. */
START_TEST(gives_a_program_no_options)
{
	struct inject_item	 item = { .end = 2 };
	struct err		 err;
	FILE			*file = fopen(below("ask"), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert(fprintf(file, "#!/bin/sh\ntest \"$#,$1,$2\" = "
	    "'2,<-x@a>,<-y@b>'\n") > 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(below("ask"), 0700), 0);
	item.fd = file_of("x\n", 2);
	ck_assert_int_eq(inject_source_digest(&item, NULL), 0);
	ck_assert_int_eq(inject_ask(below("ask"), &item, "-x@a", "-y@b",
	    &err), INJECT_IS_THERE);
	ck_assert_int_eq(inject_ask(below("ask"), &item, "", "-y@b", &err),
	    INJECT_IS_NOT_THERE);
	(void)close(item.fd);
}
END_TEST

/* Whoever was killed while he had the lock has left it; who lives has it. */
START_TEST(takes_the_lock_of_the_dead)
{
	struct inject_source	*s;
	struct err		 err;
	char			 lock[sizeof path + 8], host[256] = "";
	FILE			*file = fopen(path, "w");
	int			 status;
	pid_t			 pid = fork();

	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(gethostname(host, sizeof host - 1), 0);
	(void)snprintf(lock, sizeof lock, "%s.lock", path);
	file = fopen(lock, "w");
	(void)fprintf(file, "%ld xcontext %s\n", (long)pid, host);
	(void)fclose(file);
	s = inject_source_open(path, INJECT_MBOX, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	ck_assert_int_eq(access(lock, F_OK), -1);
	inject_source_close(s);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("inject");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, finds_the_client, 0, NELEM(origins));
	tcase_add_test(tc, believes_a_login_when_told);
	tcase_add_test(tc, knows_another_header_when_told);
	tcase_add_loop_test(tc, reads_the_envelope, 0, NELEM(envelopes));
	tcase_add_loop_test(tc, knows_a_from_line, 0, NELEM(from_lines));
	tcase_add_loop_test(tc, cuts_a_mailbox, 0, NELEM(mboxes));
	tcase_add_test(tc, cuts_a_mailbox_of_long_lines);
	tcase_add_test(tc, takes_quotes_away);
	tcase_add_test(tc, sums_up);
	tcase_add_test(tc, outlives_its_writer);
	tcase_add_test(tc, is_one_process_s);
	tcase_add_test(tc, forgets_what_has_left);
	tcase_add_test(tc, takes_out_what_is_done);
	tcase_add_test(tc, knows_twins_apart);
	tcase_add_test(tc, finds_them_where_they_are_now);
	tcase_add_test(tc, reads_twins_as_others);
	tcase_add_test(tc, reads_moved_twins_as_others);
	tcase_add_test(tc, looks_again_when_it_has_changed);
	tcase_add_test(tc, knows_recipients_apart);
	tcase_add_test(tc, waits_for_nobody_else);
	tcase_add_test(tc, forgets_that_nobody_was_named);
	tcase_add_test(tc, says_again_what_was_rejected);
	tcase_add_test(tc, follows_no_link);
	tcase_add_test(tc, takes_nothing_out_of_another_directory);
	tcase_add_test(tc, follows_nobody_else_s_link);
	tcase_add_test(tc, takes_out_what_was_read);
	tcase_add_test(tc, gives_a_program_no_options);
	tcase_add_test(tc, takes_the_lock_of_the_dead);
	return runner_run("inject", tc);
}
