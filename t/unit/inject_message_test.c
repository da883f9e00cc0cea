/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_message_test: what is to be said of one message, how it is kept when
 * it was refused, and what a program's answer about it means.
 */
#include "ctl/inject_ask.h"
#include "ctl/inject_plan.h"
#include "ctl/inject_reject.h"
#include "ctl/inject_source_private.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define CLIENT	"Received: from helo.example.org (host.example.org " \
		"[203.0.113.7])\n\tby mx.example.net (Postfix) with ESMTP id " \
		"1;\n\tMon, 30 Nov 2026 10:00:00 +0000\n"
#define SAY	INJECT_UNKNOWN_UNAVAILABLE
#define TO_US	"Delivered-To: us@example.net\n"
#define SENDER	"Return-Path: <them@example.org>\n"

static char		 dir[TEMPDIR_SIZE];
static struct err	 err;

static void
setup(void)
{
	tempdir_make(dir);
	err.text[0] = '\0';
}

static void
teardown(void)
{
	tempdir_remove(dir);
}

static struct inject_item
item_of(const char *text)
{
	struct inject_item	 item = { .name = "m" };

	item.fd = memfd_create("test", MFD_CLOEXEC);
	ck_assert_int_ne(item.fd, -1);
	item.end = (off_t)strlen(text);
	ck_assert_int_eq(durable_put(item.fd, text, strlen(text)), 0);
	ck_assert_int_eq(inject_source_digest(&item, &err), 0);
	return item;
}

/*
 * What is planned
 */

/* By one Received header; sender and rcpt: of the command line. */
static const struct plan_row {
	const char		*name, *text;
	enum inject_unknown	 unknown;
	const char		*sender, *rcpt;
	enum inject_verdict	 want;
	const char		*why;		/* or whom it is from, and to */
	bool			 is_self;
} plans[] = {
	{ "all is told", SENDER TO_US CLIENT "\n", SAY, NULL,
	    NULL, INJECT_SEND, "them@example.org us@example.net", false },
	{ "the command line counts more", SENDER TO_US CLIENT "\n",
	    SAY, "a@example.org", "b@example.net", INJECT_SEND,
	    "a@example.org b@example.net", false },
	{ "a sender of nobody", "Return-Path: <>\n" TO_US CLIENT "\n",
	    SAY, NULL, NULL, INJECT_SEND, " us@example.net",
	    false },
	{ "no recipient", SENDER CLIENT "\n", SAY, NULL, NULL,
	    INJECT_STAY, "no header says to whom", false },
	{ "no recipient, but one of the command line", SENDER CLIENT "\n",
	    SAY, NULL, "b@example.net", INJECT_SEND,
	    "them@example.org b@example.net", false },
	{ "an unknown client", SENDER TO_US "\n", SAY, NULL,
	    NULL, INJECT_SEND, "them@example.org us@example.net", false },
	{ "an unknown client is oneself", SENDER TO_US "\n",
	    INJECT_UNKNOWN_SELF, NULL, NULL, INJECT_SEND,
	    "them@example.org us@example.net", true },
	{ "a known one is not", SENDER TO_US CLIENT "\n",
	    INJECT_UNKNOWN_SELF, NULL, NULL, INJECT_SEND,
	    "them@example.org us@example.net", false },
	{ "an unknown client is refused", SENDER TO_US "\n",
	    INJECT_UNKNOWN_REJECT, NULL, NULL, INJECT_REFUSE,
	    "there is no Received header", false },
	{ "whatever else is missing", SENDER "\n", INJECT_UNKNOWN_REJECT,
	    NULL, NULL, INJECT_REFUSE, "there is no Received header", false },
	{ "a known one is not refused", SENDER TO_US CLIENT "\n",
	    INJECT_UNKNOWN_REJECT, NULL, NULL, INJECT_SEND,
	    "them@example.org us@example.net", false },
};

/* Whose XCLIENT it is: the client's, or nobody's. */
static void
check_identity(const struct plan_row *row, const struct inject_plan *p)
{
	const char	*client = strstr(row->text, CLIENT);
	char		 line[ASSERTION_LINE_MAX + 1];
	size_t		 len;

	ck_assert_int_eq(p->is_self, row->is_self);
	if (row->is_self || row->want != INJECT_SEND)
		return;
	ck_assert(assertion_print(&p->identity, line, sizeof line, &len));
	ck_assert_msg(strstr(line, client != NULL ? "ADDR=203.0.113.7" :
	    "ADDR=[UNAVAILABLE]") != NULL, "%s: %s", row->name, line);
}

START_TEST(a_message_is_planned)
{
	const struct plan_row	*row = &plans[_i];
	struct inject_config	 c = { .rule = { .count = 1 },
				    .unknown = row->unknown,
				    .sender = row->sender,
				    .rcpts = &row->rcpt,
				    .n_rcpts = row->rcpt != NULL };
	struct inject_item	 item = item_of(row->text);
	struct inject_plan	 p;
	char			 got[2048];

	inject_plan_make(&c, &item, &p);
	if (p.verdict == INJECT_SEND)
		(void)snprintf(got, sizeof got, "%s %s", p.sender, p.rcpts[0]);
	else
		(void)snprintf(got, sizeof got, "%s", p.why);
	ck_assert_msg(p.verdict == row->want && strcmp(got, row->why) == 0,
	    "%s: got %d, %s", row->name, p.verdict, got);
	check_identity(row, &p);
	inject_source_clear(&item);
}
END_TEST

/* Nothing is sent of which a part alone could be read. */
START_TEST(what_cannot_be_read_stays)
{
	struct inject_config	 c = { .rule = { .count = 1 },
				    .unknown = INJECT_UNKNOWN_SELF };
	struct inject_item	 item = item_of(SENDER TO_US CLIENT "\n");
	struct inject_plan	 p;

	(void)close(item.fd);
	item.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	inject_plan_make(&c, &item, &p);
	ck_assert_int_eq(p.verdict, INJECT_STAY);
	ck_assert_str_ne(p.why, "");
	inject_source_clear(&item);
}
END_TEST

/*
 * What is kept
 */

/* How many files there are; text_r has the message. */
static int
count_files(char *text_r, size_t size)
{
	DIR		*d = opendir(dir);
	struct dirent	*entry;
	int		 n = 0, fd;
	ssize_t		 len;

	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)) != NULL) {
		n += *entry->d_name != '.';
		if (strstr(entry->d_name, ".eml") == NULL)
			continue;
		fd = openat(dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC);
		len = read(fd, text_r, size - 1);
		ck_assert_int_ge(len, 0);
		text_r[len] = '\0';
		(void)close(fd);
	}
	(void)closedir(d);
	return n;
}

START_TEST(what_is_refused_is_kept)
{
	struct inject_item	 item = item_of("a: b\n\n>From x\n"), other;
	json_t			*entry = json_pack("{s:s}", "name", "m");
	char			 text[256] = "";

	ck_assert_int_eq(inject_reject_keep(dir, &item, entry, &err), 0);
	ck_assert_int_eq(count_files(text, sizeof text), 2);
	ck_assert_str_eq(text, "a: b\n\n>From x\n");
	ck_assert_int_eq(inject_reject_keep(dir, &item, entry, &err), 0);
	ck_assert_int_eq(count_files(text, sizeof text), 2);
	other = item_of("c: d\n");
	ck_assert_int_eq(inject_reject_keep(dir, &other, entry, &err), 0);
	ck_assert_int_eq(count_files(text, sizeof text), 4);
	json_decref(entry);
	inject_source_clear(&item);
	inject_source_clear(&other);
}
END_TEST

/* Of a message that has changed there is no copy. */
START_TEST(what_has_changed_is_not_kept)
{
	struct inject_item	 item = item_of("a: b\n\nx\n");
	json_t			*entry = json_pack("{s:s}", "name", "m");
	char			 text[256] = "none";

	ck_assert_int_eq(pwrite(item.fd, "y", 1, 6), 1);
	ck_assert_int_eq(inject_reject_keep(dir, &item, entry, &err), -1);
	ck_assert_int_eq(count_files(text, sizeof text), 1);
	ck_assert_str_eq(text, "none");
	ck_assert_int_eq(inject_reject_keep("/nosuch", &item, entry, &err),
	    -1);
	ck_assert_ptr_nonnull(strstr(err.text, "/nosuch/"));
	json_decref(entry);
	inject_source_clear(&item);
}
END_TEST

/*
 * What a program says
 */

#define SAW	"[ \"$1 $2\" = '<s@x> <r@y>' ] && " \
		"[ \"$(cat)\" = 'a: b' ] && "

static const struct {
	const char		*script;
	enum inject_asked	 want;
} programs[] = {
	{ SAW "exit 0\nexit 9", INJECT_IS_THERE },
	{ SAW "exit 1\nexit 9", INJECT_IS_NOT_THERE },
	{ "exit 2", INJECT_CANNOT_TELL },
	{ "kill -9 $$", INJECT_CANNOT_TELL },
	{ NULL, INJECT_CANNOT_TELL },
};

START_TEST(a_program_is_asked)
{
	struct inject_item	 item = item_of("a: b\n");
	char			 path[TEMPDIR_SIZE + 8];
	FILE			*file;

	(void)snprintf(path, sizeof path, "%s/ask", dir);
	if (programs[_i].script != NULL) {
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		(void)fprintf(file, "#!/bin/sh\n%s\n", programs[_i].script);
		ck_assert_int_eq(fclose(file), 0);
		ck_assert_int_eq(chmod(path, 0755), 0);
	}
	ck_assert_int_eq(inject_ask(path, &item, "s@x", "r@y", &err),
	    programs[_i].want);
	ck_assert_int_eq(err.text[0] != '\0',
	    programs[_i].want == INJECT_CANNOT_TELL);
	inject_source_clear(&item);
}
END_TEST

/* It must not be asked about another message. */
START_TEST(it_is_not_asked_about_what_has_changed)
{
	struct inject_item	 item = item_of("a: b\n");

	ck_assert_int_eq(pwrite(item.fd, "y", 1, 3), 1);
	ck_assert_int_eq(inject_ask("/bin/true", &item, "s@x", "r@y", &err),
	    INJECT_CANNOT_TELL);
	inject_source_clear(&item);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("inject_message");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_message_is_planned, 0, NELEM(plans));
	tcase_add_test(tc, what_cannot_be_read_stays);
	tcase_add_test(tc, what_is_refused_is_kept);
	tcase_add_test(tc, what_has_changed_is_not_kept);
	tcase_add_loop_test(tc, a_program_is_asked, 0, NELEM(programs));
	tcase_add_test(tc, it_is_not_asked_about_what_has_changed);
	return runner_run("inject_message", tc);
}
