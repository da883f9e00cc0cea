/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access_test: which maps are taken, in what order they are asked, and what
 * counts as an answer.
 */
#include "access/access.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define MAPS_MAX	4
#define KEYS_MAX	4
#define X16		"xxxxxxxxxxxxxxxx"
#define X128		X16 X16 X16 X16 X16 X16 X16 X16

static char	 dir[TEMPDIR_SIZE];

/* Names of files are without their directory: "texthash:file". */
static void
make_spec(char spec[300], const char *text)
{
	const char	*colon = strchr(text, ':');

	if (colon[1] == '{' || strncmp(text, "static:", 7) == 0)
		(void)snprintf(spec, 300, "%s", text);
	else
		(void)snprintf(spec, 300, "%.*s:%s/%s", (int)(colon - text),
		    text, dir, colon + 1);
}

static void
write_file(const char *name, const char *text)
{
	char	 path[100];
	FILE	*f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ne(fputs(text, f), EOF);
	ck_assert_int_eq(fclose(f), 0);
}

/* A database of one pair, as postmap writes it. */
static void
write_lmdb(const char *name, const char *key, const char *value)
{
	char	 path[100];
	MDB_env	*env;
	MDB_txn	*txn;
	MDB_dbi	 dbi;
	MDB_val	 k = { strlen(key) + 1, (void *)(uintptr_t)key };
	MDB_val	 v = { strlen(value) + 1, (void *)(uintptr_t)value };

	(void)snprintf(path, sizeof(path), "%s/%s.lmdb", dir, name);
	ck_assert_int_eq(mdb_env_create(&env), 0);
	ck_assert_int_eq(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK,
	    0600), 0);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	ck_assert_int_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static struct access *
new_access(void)
{
	struct access	*access = access_new();

	ck_assert_ptr_nonnull(access);
	ck_assert_int_eq(access_add_class(access, "strict"), 0);
	ck_assert_int_eq(access_add_class(access, "loose"), 0);
	return access;
}

static void
must_add(struct access *access, const char *text)
{
	struct err	 err = { "" };
	char		 spec[300];

	make_spec(spec, text);
	ck_assert_msg(access_add_map(access, spec, "conf", 7, &err) == 0,
	    "%s: %s", text, err.text);
}

/* want: the action, or what err says; NULL: there is no answer. */
static const struct row {
	const char		*name;
	const char		*maps[MAPS_MAX], *keys[KEYS_MAX];
	enum access_result	 result;
	const char		*want;
	size_t			 key;
} rows[] = {
	{ "no maps", { NULL }, { "a" }, ACCESS_NONE, NULL, 0 },
	{ "no keys", { "static:REJECT" }, { NULL }, ACCESS_NONE, NULL, 0 },
	{ "found", { "inline:{a=OK}" }, { "a" }, ACCESS_FOUND, "OK", 0 },
	{ "not found", { "inline:{a=OK}" }, { "b" }, ACCESS_NONE, NULL, 0 },
	{ "keys in their order", { "inline:{b=OK, c=REJECT}" },
	    { "a", "c", "b" }, ACCESS_FOUND, "REJECT", 1 },
	{ "maps before keys", { "inline:{b=HOLD}", "inline:{a=REJECT}" },
	    { "a", "b" }, ACCESS_FOUND, "HOLD", 1 },
	{ "maps in their order", { "inline:{x=HOLD}", "inline:{a=OK}",
	    "inline:{a=REJECT}" }, { "a" }, ACCESS_FOUND, "OK", 0 },
	{ "DUNNO asks for the next key", { "inline:{a=DUNNO, b=OK}" },
	    { "a", "b" }, ACCESS_FOUND, "OK", 1 },
	{ "DUNNO asks the next map", { "inline:{a=dunno}", "inline:{a=OK}" },
	    { "a" }, ACCESS_FOUND, "OK", 0 },
	{ "DUNNO alone", { "inline:{a=DUNNO}" }, { "a" }, ACCESS_NONE, NULL,
	    0 },
	{ "what decides nothing counts", { "inline:{a=WARN, b=REJECT}" },
	    { "a", "b" }, ACCESS_FOUND, "WARN", 0 },
	{ "empty key", { "static:OK" }, { "" }, ACCESS_FOUND, "OK", 0 },
	{ "a class", { "inline:{a=strict}" }, { "a" }, ACCESS_FOUND, "strict",
	    0 },
	{ "the last class", { "inline:{{a=permit_mynetworks, loose}}" },
	    { "a" }, ACCESS_FOUND, "permit_mynetworks, loose", 0 },
	{ "with $number", { "pcre:{{/^a=(.*)$/ REJECT not $1}}" },
	    { "a=b: c" }, ACCESS_FOUND, "REJECT not b: c", 0 },

	{ "bad with $number", { "pcre:{{/^x$/ OK}, {/^a=(.*)$/ $1 it}}" },
	    { "b", "a=ok" }, ACCESS_CANNOT_TELL,
	    "conf:7: a=ok: \"ok it\": "
	    "expected nothing behind that word, for Postfix ignores it", 0 },
	{ "bad comes before good", { "pcre:{{/(.*)/ $1}}", "static:OK" },
	    { "a" }, ACCESS_CANNOT_TELL, "conf:7: a: \"a\": "
	    "expected an action, a restriction or the name of a restriction "
	    "class", 0 },
	{ "good comes before bad", { "static:OK", "pcre:{{/(.*)/ $1}}" },
	    { "a" }, ACCESS_FOUND, "OK", 0 },
	{ "joined", { "union:{static:OK, inline:{a=OK}}" }, { "a" },
	    ACCESS_CANNOT_TELL, "conf:7: a: \"OK\" in \"OK,OK\": ", 0 },
	{ "not joined", { "union:{static:OK, inline:{a=OK}}" }, { "b" },
	    ACCESS_FOUND, "OK", 0 },
	{ "nothing comes out", { "pcre:{{/^(x?)/ $1}}" }, { "a" },
	    ACCESS_CANNOT_TELL,
	    "conf:7: a: \"\": expected an action, got nothing",
	    0 },
	{ "the table cannot tell",
	    { "pcre:{{/^(a+)+$/ OK}}", "static:OK" },
	    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" },
	    ACCESS_CANNOT_TELL, "pcre:{{/^(a+)+$/ OK}}: "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!: ", 0 },
	{ "a long key is cut", { "regexp:{{/^(x*)/ y$1}}" }, { X128 },
	    ACCESS_CANNOT_TELL, "conf:7: "
	    X16 X16 X16 X16 X16 X16 "xxxx...: \"y", 0 },
	{ "a long spec is cut", { "pcre:{{/^(a+)+$/ OK}, {/" X128 "/ OK}}" },
	    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" },
	    ACCESS_CANNOT_TELL, "pcre:{{/^(a+)+$/ OK}, {/"
	    X16 X16 X16 X16 X16 X16 "...: aaaa", 0 },
};

static void
check_answer(const struct row *r, enum access_result got,
    const struct access_answer *answer)
{
	ck_assert_msg(got == r->result, "%s: got %d, want %d (%s)", r->name,
	    got, r->result, got == ACCESS_CANNOT_TELL ? answer->err.text : "");
	if (got == ACCESS_CANNOT_TELL)
		ck_assert_msg(strncmp(answer->err.text, r->want,
		    strlen(r->want)) == 0, "%s: got '%s', want '%s'", r->name,
		    answer->err.text, r->want);
	if (got != ACCESS_FOUND)
		return;
	ck_assert_msg(strcmp(answer->text, r->want) == 0,
	    "%s: got \"%s\", want \"%s\"", r->name, answer->text, r->want);
	ck_assert_msg(answer->key == r->key, "%s: got key %zu", r->name,
	    answer->key);
	/* What is written inline stands where the map was named. */
	ck_assert_msg(strcmp(answer->file, "conf") == 0 && answer->line == 7,
	    "%s: got %s:%u", r->name, answer->file, answer->line);
}

START_TEST(row_is_asked)
{
	const struct row	*r = &rows[_i];
	struct access		*access = new_access();
	struct access_answer	*answer = malloc(sizeof(*answer));
	struct span		 keys[KEYS_MAX];
	size_t			 i, n;

	ck_assert_ptr_nonnull(answer);
	memset(answer, 0xa5, sizeof(*answer));
	for (i = 0; i < MAPS_MAX && r->maps[i] != NULL; i++)
		must_add(access, r->maps[i]);
	ck_assert_int_eq(access_is_empty(access), i == 0);
	for (n = 0; n < KEYS_MAX && r->keys[n] != NULL; n++)
		keys[n] = (struct span){ edge_copy(r->keys[n],
		    strlen(r->keys[n])), strlen(r->keys[n]) };
	check_answer(r, access_ask(access, keys, n, answer), answer);
	while (n-- > 0)
		edge_free((char *)(uintptr_t)keys[n].p, keys[n].n);
	free(answer);
	access_free(access);
}
END_TEST

/* A file "table" holds text; DIR in want stands for its directory. */
static const struct bad_row {
	const char	*name, *spec, *text, *want;
} bad_rows[] = {
	{ "no table", "texthash:none", "",
	    "conf:7: access_maps: DIR/none: No such file or directory" },
	{ "no type", "nosuch:x", "",
	    "conf:7: access_maps: nosuch:DIR/x: there is no such type of "
	    "table" },
	{ "texthash", "texthash:table", "a OK\nb REJECTED\nc ALSO\n",
	    "conf:7: access_maps: DIR/table:2: \"REJECTED\": expected an "
	    "action, a restriction or the name of a restriction class" },
	{ "cidr", "cidr:table", "10.0.0.0/8 OK\n\n192.0.2.0/24 554\n",
	    "conf:7: access_maps: DIR/table:3: \"554\": expected a text "
	    "behind the reply code" },
	{ "regexp", "regexp:table", "/a(.)/ $1\n/b/ BCC x\n",
	    "conf:7: access_maps: DIR/table:2: \"BCC x\": expected one "
	    "user@domain, without quotes, brackets and blanks" },
	{ "inline", "inline:{a=OK, b=NO}", "",
	    "conf:7: access_maps: inline:{a=OK, b=NO}:2: \"NO\": expected an "
	    "action, a restriction or the name of a restriction class" },
	{ "static", "static:STRICT", "",
	    "conf:7: access_maps: static:STRICT: \"STRICT\": expected an "
	    "action, a restriction or the name of a restriction class" },
	{ "lmdb", "lmdb:db", "",
	    "conf:7: access_maps: lmdb:DIR/db: \"PERMITT\": expected an "
	    "action, a restriction or the name of a restriction class" },
	{ "union of one", "union:{static:NO}", "",
	    "conf:7: access_maps: static:NO: \"NO\": expected an action, a "
	    "restriction or the name of a restriction class" },
	{ "pipemap", "pipemap:{static:a, inline:{a=x}}", "",
	    "conf:7: access_maps: inline:{a=x}:1: \"x\": expected an action, "
	    "a restriction or the name of a restriction class" },
	{ "a long spec", "inline:{ a=x, " X128 "=OK }", "",
	    "conf:7: access_maps: inline:{ a=x, " X16 X16 X16 X16 X16 X16
	    "xxxxxxxxxx...:1: \"x\": expected an action, a restriction or the "
	    "name of a restriction class" },
};

/* Writes want with the directory in it. */
static void
put_dir(char to[600], const char *want)
{
	const char	*at = strstr(want, "DIR");

	if (at == NULL)
		(void)snprintf(to, 600, "%s", want);
	else
		(void)snprintf(to, 600, "%.*s%s%s", (int)(at - want), want,
		    dir, at + 3);
}

START_TEST(bad_map_is_refused)
{
	const struct bad_row	*r = &bad_rows[_i];
	struct access		*access = new_access();
	struct span		 key = span_of("a");
	struct access_answer	 answer;
	struct err		 err = { "" };
	char			 spec[300], want[600];

	write_file("table", r->text);
	write_lmdb("db", "a", "PERMITT");
	make_spec(spec, r->spec);
	put_dir(want, r->want);
	ck_assert_msg(access_add_map(access, spec, "conf", 7, &err) == -1,
	    "%s: was taken", r->name);
	ck_assert_msg(strcmp(err.text, want) == 0, "%s: got '%s', want '%s'",
	    r->name, err.text, want);
	ck_assert(access_is_empty(access));
	ck_assert_int_eq(access_ask(access, &key, 1, &answer), ACCESS_NONE);
	access_free(access);
}
END_TEST

START_TEST(map_is_opened_once)
{
	struct access		*access = new_access();
	struct span		 key = span_of("a");
	struct access_answer	 answer;

	write_file("once", "a OK\n");
	must_add(access, "texthash:once");
	write_file("once", "a BAD\n");
	must_add(access, "texthash:once");
	ck_assert_int_eq(access_ask(access, &key, 1, &answer), ACCESS_FOUND);
	ck_assert_str_eq(answer.text, "OK");
	access_free(access);
}
END_TEST

/* postmap writes a table afresh, and nobody checks it before it is asked. */
START_TEST(rewritten_map_is_checked_when_asked)
{
	struct access		*access = new_access();
	struct span		 key = span_of("a");
	struct access_answer	 answer;

	write_lmdb("again", "a", "OK");
	must_add(access, "lmdb:again");
	ck_assert_int_eq(access_ask(access, &key, 1, &answer), ACCESS_FOUND);
	write_lmdb("again", "a", "");
	ck_assert_int_eq(access_ask(access, &key, 1, &answer),
	    ACCESS_CANNOT_TELL);
	ck_assert_ptr_nonnull(strstr(answer.err.text, "got nothing"));
	access_free(access);
}
END_TEST

START_TEST(length_is_limited)
{
	char			*text = malloc(ACTION_MAX + 2);
	struct access		*access = new_access();
	struct access_answer	 answer;
	struct span		 key = { text, ACTION_MAX / 2 };

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', ACTION_MAX + 2);
	/* 7 bytes, twice the key, and a blank. */
	must_add(access, "pcre:{{/^(.*)$/ REJECT $1 $1}}");
	key.n = (ACTION_MAX - 7) / 2;
	ck_assert_int_eq(access_ask(access, &key, 1, &answer),
	    ACCESS_CANNOT_TELL);
	ck_assert_msg(strstr(answer.err.text,
	    "4096 bytes, expected 4095 at most") != NULL, "%s",
	    answer.err.text);
	key.n--;
	ck_assert_int_eq(access_ask(access, &key, 1, &answer), ACCESS_FOUND);
	ck_assert_uint_eq(strlen(answer.text), ACTION_MAX - 1);
	free(text);
	access_free(access);
}
END_TEST

static void *
ask_often(void *arg)
{
	const struct access	*access = arg;
	struct span		 keys[] = { span_of("a"), span_of("b=c") };
	struct access_answer	 answer;
	int			 i;

	for (i = 0; i < 1000; i++)
		if (access_ask(access, keys, 2, &answer) != ACCESS_FOUND ||
		    strcmp(answer.text, "REJECT c") != 0 || answer.key != 1)
			return arg;
	return NULL;
}

START_TEST(threads_ask_at_once)
{
	struct access	*access = new_access();
	pthread_t	 thread[4];
	void		*failed;
	int		 i;

	must_add(access, "inline:{a=DUNNO}");
	must_add(access, "pcre:{{/^b=(.)/ REJECT $1}}");
	for (i = 0; i < NELEM(thread); i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, ask_often,
		    access), 0);
	for (i = 0; i < NELEM(thread); i++) {
		ck_assert_int_eq(pthread_join(thread[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
	access_free(access);
	access_free(NULL);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("access");
	int	 result;

	tempdir_make(dir);
	tcase_add_loop_test(tc, row_is_asked, 0, NELEM(rows));
	tcase_add_loop_test(tc, bad_map_is_refused, 0, NELEM(bad_rows));
	tcase_add_test(tc, map_is_opened_once);
	tcase_add_test(tc, rewritten_map_is_checked_when_asked);
	tcase_add_test(tc, length_is_limited);
	tcase_add_test(tc, threads_ask_at_once);
	result = runner_run("access", tc);
	tempdir_remove(dir);
	return result;
}
