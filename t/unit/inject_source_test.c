/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_source_test: which messages are taken for the same, and what a source
 * does in a directory whose owner does not stand still.
 */
#include "ctl/inject_source.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/inject_journal.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define FETCHMAIL(time)	"Received: from pop.example.net [192.0.2.1]\n\tby " \
	"localhost with POP3 (fetchmail-6.4.37)\n\tfor <me@localhost> " \
	"(single-drop); " time "\n"
#define GETMAIL(time)	"Received: from pop.example.net by localhost with " \
	"IMAP4-SSL getmail6\n\tmsgid:7 for <me@example.com>; " time "\n"
#define TOP	"Return-Path: <a@example.org>\nDelivered-To: me\n"
#define REST	"Subject: x\n\ntext\n"

static char	 dir[TEMPDIR_SIZE];

static void
set_up(void)
{
	tempdir_make(dir);
}

static void
tear_down(void)
{
	tempdir_remove(dir);
}

/* A few of them at once. */
static char *
below(const char *name)
{
	static char	 buf[4][sizeof dir + 280];
	static unsigned	 n;
	char		*got = buf[n++ % 4];

	(void)snprintf(got, sizeof buf[0], "%s/%s", dir, name);
	return got;
}

static void
make_file(const char *name, const char *text)
{
	FILE	*file = fopen(below(name), "w");

	ck_assert_msg(file != NULL, "%s", name);
	ck_assert(fputs(text, file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
}

/*
 * Standard input
 */

/* The text's key. */
static void
key_of(const char *text, char key[INJECT_KEY_SIZE])
{
	struct inject_source	*s;
	struct inject_item	 item;
	struct err		 err;
	int			 fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	(void)close(fd);
	s = inject_source_open("-", INJECT_STDIN, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	ck_assert_int_eq(inject_source_next(s, &item, &err), INJECT_NEXT);
	(void)strcpy(key, item.key);
	inject_source_clear(&item);
	inject_source_close(s);
}

/* One more header of the sender's makes another message. */
#define SAID(words)	"Received: from x ([192.0.2.9]) by mx with SMTP id 1 " \
	words "; now\n"

static const struct pair {
	const char	*name, *one, *other;
	bool		 is_same;
} pairs[] = {
	{ "the same", REST, REST, true },
	{ "others", REST, REST "x\n", false },
	{ "fetchmail again", FETCHMAIL("1") REST, FETCHMAIL("2") REST, true },
	{ "getmail again", TOP GETMAIL("1") REST, TOP GETMAIL("2") REST,
	    true },
	{ "for another", TOP FETCHMAIL("1") REST,
	    "Delivered-To: you\n" FETCHMAIL("1") REST, false },
	{ "the sender's words behind id",
	    SAID("for <\"(fetchmail-6)\"@a>") REST,
	    SAID("for <\"(fetchmail-7)\"@a>") REST, false },
	{ "in a word of the sender's", SAID("for <getmail1@a> getmail1") REST,
	    SAID("for <getmail2@a> getmail2") REST, false },
	{ "in a comment of the sender's",
	    "Received: from unknown (HELO by x with POP3 (fetchmail-1))\n"
	    " (192.0.2.1) by mx with SMTP; 1\n" REST,
	    "Received: from unknown (HELO by x with POP3 (fetchmail-2))\n"
	    " (192.0.2.1) by mx with SMTP; 1\n" REST, false },
	{ "in a host's place", "Received: from by by (fetchmail-1) with POP3 "
	    "x; 1\n" REST, "Received: from by by (fetchmail-2) with POP3 x; "
	    "1\n" REST, false },
	{ "behind what no fetcher writes above it", "Subject: y\n"
	    FETCHMAIL("1") REST, "Subject: y\n" FETCHMAIL("2") REST, false },
	{ "behind another server's", SAID("") FETCHMAIL("1") REST,
	    SAID("") FETCHMAIL("2") REST, false },
	{ "no header at all", "Received", "Receive", false },
};

START_TEST(knows_what_was_fetched_again)
{
	const struct pair	*p = &pairs[_i];
	char			 one[INJECT_KEY_SIZE], other[INJECT_KEY_SIZE];

	key_of(p->one, one);
	key_of(p->other, other);
	ck_assert_msg((strcmp(one, other) == 0) == p->is_same, "%s: %s, %s",
	    p->name, one, other);
}
END_TEST

/*
 * Names, which may be anything
 */

#define LONGEST	"lllllllllllllllllllllllllllllllllllllllllllllllllllllllll" \
	"lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll" \
	"lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll" \
	"lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
#define REPLACED	"\001replaced by"	/* the journal's own key */

static const char *const	names[] = {
	"1.a.host", ":2,S", ":2,RS", ":", REPLACED, REPLACED ":2,S", "\001x",
	"\xff\xfe", "@", "=", LONGEST ":2,S", "a\nb:2,", "1.a.host:2,S"
};

static void
make_maildir(void)
{
	char	 name[280], text[32];
	size_t	 i;

	ck_assert_int_eq(mkdir(below("box"), 0700), 0);
	ck_assert_int_eq(mkdir(below("box/new"), 0700), 0);
	ck_assert_int_eq(mkdir(below("box/cur"), 0700), 0);
	for (i = 0; i < NELEM(names); i++) {
		(void)snprintf(name, sizeof name, "box/cur/%s", names[i]);
		(void)snprintf(text, sizeof text, "Subject: %zu\n\n", i);
		make_file(name, text);
	}
}

static void
put(struct inject_journal *j, const char *key)
{
	json_t		*entry = inject_entry_new("x");
	struct err	 err;

	inject_entry_set(entry, "a@b", INJECT_DONE, "250 x", 1);
	ck_assert_int_eq(inject_journal_begin(j, false, &err), 0);
	(void)inject_journal_put(j, key, entry, &err);
	ck_assert_msg(inject_journal_end(j, &err) == 0, "\"%s\": %s", key,
	    err.text);
	json_decref(entry);
}

static bool
is_there(struct inject_journal *j, const char *key)
{
	json_t		*entry = NULL;
	struct err	 err;
	int		 got = inject_journal_get(j, key, &entry, &err);

	ck_assert_msg(got != -1, "\"%s\": %s", key, err.text);
	json_decref(entry);
	return got == 1;
}

static bool
count_it(void *arg, const char *key, const json_t *entry)
{
	(void)key;
	(void)entry;
	++*(unsigned *)arg;
	return true;
}

/* Each has its own place in the journal, is shown, and stays there when that is
 * opened again. */
static void
check_journal(char keys[][INJECT_KEY_SIZE])
{
	struct inject_journal	*j;
	struct err		 err;
	unsigned		 n = 0;
	size_t			 i;

	j = inject_journal_open(below("journal"), true, &err);
	ck_assert_msg(j != NULL, "%s", err.text);
	for (i = 0; i < NELEM(names); i++) {
		ck_assert_msg(!is_there(j, keys[i]), "\"%s\" is another's",
		    keys[i]);
		put(j, keys[i]);
	}
	ck_assert_int_eq(inject_journal_each(j, "", "", count_it, &n, &err), 0);
	ck_assert_uint_eq(n, NELEM(names));
	ck_assert_int_eq(inject_journal_settle(j, 0, &err), 0);
	for (i = 0; i < NELEM(names); i++)
		ck_assert_msg(is_there(j, keys[i]), "\"%s\" is forgotten",
		    keys[i]);
	inject_journal_close(j);
}

START_TEST(tells_any_name_from_any_other)
{
	char			 keys[NELEM(names)][INJECT_KEY_SIZE];
	struct inject_source	*s;
	struct inject_item	 items[NELEM(names)];
	struct err		 err;
	size_t			 i;

	make_maildir();
	s = inject_source_open(below("box"), INJECT_MAILDIR, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	for (i = 0; i < NELEM(names); i++) {
		ck_assert_int_eq(inject_source_next(s, &items[i], &err),
		    INJECT_NEXT);
		(void)strcpy(keys[i], items[i].key);
	}
	check_journal(keys);
	/* Another program gives one of them other flags meanwhile. */
	ck_assert_int_eq(rename(below("box/cur/:2,S"), below("box/new/:2,F")),
	    0);
	for (i = 0; i < NELEM(names); i++) {
		ck_assert_int_eq(inject_source_remove(s, &items[i], &err), 0);
		inject_source_clear(&items[i]);
	}
	inject_source_close(s);
	ck_assert_int_eq(rmdir(below("box/cur")), 0);
	ck_assert_int_eq(rmdir(below("box/new")), 0);
}
END_TEST

/*
 * Directories of another user's
 */

#define NOBODY	65534
#define MBOX	"From a@b Mon Nov 30 10:00:00 2026\nSubject: x\n\nx\n"

static void
make_directory(const char *name)
{
	ck_assert_int_eq(mkdir(below(name), 0700), 0);
}

static bool
has_text(const char *name, const char *want)
{
	char	 got[256] = "";
	FILE	*file = fopen(below(name), "r");
	bool	 is_it = file != NULL &&
		    fread(got, 1, sizeof got - 1, file) > 0 &&
		    strcmp(got, want) == 0;

	if (file != NULL)
		(void)fclose(file);
	return is_it;
}

static bool
all_is_done(void *arg, const struct inject_item *item)
{
	(void)arg;
	(void)item;
	return true;
}

/* The directory's owner puts a link in its place. */
static int
swap(void *arg, uint64_t inode, struct err *err)
{
	(void)arg;
	(void)inode;
	(void)err;
	ck_assert_int_eq(rename(below("box"), below("was")), 0);
	return symlink(below("other"), below("box"));
}

static int
nothing(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return 0;
}

START_TEST(stays_in_its_directory)
{
	const struct inject_finish	 how = { all_is_done, swap, nothing,
		NULL };
	struct inject_source		*s;
	struct err			 err;
	char				 path[sizeof dir + 16];

	make_directory("box");
	make_directory("other");
	make_file("box/mbox", MBOX);
	make_file("other/mbox", "theirs");
	make_file("other/mbox.lock", "theirs");
	make_file("other/mbox.xcontext", "ours");
	(void)snprintf(path, sizeof path, "%s/box/mbox", dir);
	s = inject_source_open(path, INJECT_MBOX, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	ck_assert_msg(inject_source_finish(s, &how, &err) == 0, "%s",
	    err.text);
	inject_source_close(s);
	ck_assert(has_text("other/mbox", "theirs"));
	ck_assert(has_text("other/mbox.lock", "theirs"));
	ck_assert(has_text("other/mbox.xcontext", "ours"));
	ck_assert(!has_text("was/mbox", MBOX));
	ck_assert_int_eq(access(below("was/mbox.lock"), F_OK), -1);
	ck_assert_int_eq(access(below("was/mbox.xcontext"), F_OK), -1);
}
END_TEST

static void
check_refused(const char *path, enum inject_format format)
{
	struct inject_source	*s;
	struct err		 err = { "" };

	s = inject_source_open(path, format, &err);
	ck_assert_msg(s == NULL, "%s", path);
	ck_assert_msg(strstr(err.text, "another user's") != NULL, "%s: %s",
	    path, err.text);
}

static void
check_taken(const char *path, enum inject_format format)
{
	struct inject_source	*s;
	struct err		 err = { "" };

	s = inject_source_open(path, format, &err);
	ck_assert_msg(s != NULL, "%s: %s", path, err.text);
	inject_source_close(s);
}

/* Root's own links, absolute or not, lead where they lead. */
START_TEST(root_goes_no_way_of_another_s)
{
	if (geteuid() != 0)
		return;
	make_directory("real");
	make_directory("real/box");
	make_file("real/box/mbox", MBOX);
	make_file("real/box/1", "Subject: x\n\n");
	ck_assert_int_eq(symlink("real", below("mine")), 0);
	ck_assert_int_eq(symlink(below("mine"), below("far")), 0);
	ck_assert_int_eq(symlink(below("real"), below("theirs")), 0);
	ck_assert_int_eq(lchown(below("theirs"), NOBODY, NOBODY), 0);
	ck_assert_int_eq(symlink("theirs/box", below("through")), 0);
	ck_assert_int_eq(symlink("loop", below("loop")), 0);
	check_taken(below("mine/box/mbox"), INJECT_MBOX);
	check_taken(below("far//box/../box/mbox"), INJECT_MBOX);
	check_taken(below("far/box/"), INJECT_MH);
	check_refused(below("theirs/box/mbox"), INJECT_MBOX);
	check_refused(below("theirs/box"), INJECT_MH);
	check_refused(below("through/mbox"), INJECT_MBOX);
	check_refused(below("through"), INJECT_MH);
	ck_assert_ptr_null(inject_source_open(below("loop/x"), INJECT_MBOX,
	    NULL));
	ck_assert_ptr_null(inject_source_open(below("mine/box/mbox/x"),
	    INJECT_MBOX, NULL));
}
END_TEST

/* As if it were in this one's mailbox. */
START_TEST(root_takes_no_second_name_of_another_s)
{
	struct inject_source	*s;
	struct inject_item	 item;
	struct err		 err;

	if (geteuid() != 0)
		return;
	make_directory("box");
	ck_assert_int_eq(chown(below("box"), NOBODY, NOBODY), 0);
	make_file("secret", MBOX);
	ck_assert_int_eq(link(below("secret"), below("box/1")), 0);
	check_refused(below("box/1"), INJECT_MBOX);
	s = inject_source_open(below("box"), INJECT_MH, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	ck_assert_int_eq(inject_source_next(s, &item, &err), INJECT_END);
	inject_source_close(s);
	/* It is his own, or has but this name. */
	ck_assert_int_eq(chown(below("box/1"), NOBODY, NOBODY), 0);
	check_taken(below("box/1"), INJECT_MBOX);
	ck_assert_int_eq(chown(below("box/1"), 0, 0), 0);
	ck_assert_int_eq(unlink(below("secret")), 0);
	check_taken(below("box/1"), INJECT_MBOX);
}
END_TEST

/* What is opened by its path could be anything by then. */
START_TEST(root_s_journal_is_root_s)
{
	static const mode_t	 modes[] = { 0770, 0707, 01777 };
	struct inject_journal	*j;
	struct err		 err;
	size_t			 i;

	if (geteuid() != 0)
		return;
	make_directory("box");
	make_directory("box/in");
	for (i = 0; i < NELEM(modes); i++) {
		ck_assert_int_eq(chmod(below("box"), modes[i]), 0);
		ck_assert_ptr_null(inject_journal_open(below("box/j"), true,
		    &err));
		ck_assert_ptr_nonnull(strstr(err.text, "nobody else may"));
	}
	ck_assert_int_eq(access(below("box/j-run"), F_OK), -1);
	/* What is root's there cannot be moved by others. */
	j = inject_journal_open(below("box/in/j"), true, &err);
	ck_assert_msg(j != NULL, "%s", err.text);
	inject_journal_close(j);
	ck_assert_int_eq(chown(below("box"), NOBODY, NOBODY), 0);
	ck_assert_ptr_null(inject_journal_open(below("box/in/j"), true,
	    &err));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("inject_source");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, knows_what_was_fetched_again, 0,
	    NELEM(pairs));
	tcase_add_test(tc, tells_any_name_from_any_other);
	tcase_add_test(tc, stays_in_its_directory);
	tcase_add_test(tc, root_goes_no_way_of_another_s);
	tcase_add_test(tc, root_takes_no_second_name_of_another_s);
	tcase_add_test(tc, root_s_journal_is_root_s);
	return runner_run("inject_source", tc);
}
