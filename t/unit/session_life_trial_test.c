/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_life_trial_test: while a configuration is on trial, what the one
 * before it would have done otherwise is told, and nothing else is.
 */
#include <stdio.h>
#include <string.h>

#include "session/session_life.h"
#include "t/lib/conf_make.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define NOW_MS	1000000

#define PROFILES(addr, drop)						\
	"profile edge { xclient = { \"ADDR\" } addr = { " addr " }\n"	\
	"  drop = { " drop " } xsetcontext = { \"tenant\" } }\n"	\
	"profile other { xclient = { \"ADDR\", \"HELO\" }\n"		\
	"  addr = { \"public\" } }\n"					\
	"profile mild { xclient = { \"ADDR\" } report_only = true }\n"

static const char	 former_text[] = PROFILES("\"public\"", "")
    "trust_maps = { \"cidr:{{192.0.2.1/32 edge}, {192.0.2.2/32 edge},"
    " {192.0.2.3/32 mild}}\","
    " \"pcre:{{/^192[.]0[.]2[.](5)$/ nosuch$1}}\" }\n";
static const char	 text[] = PROFILES("\"198.51.100.0/24\"", "\"HELO\"")
    "trust_maps = { \"cidr:{{192.0.2.1/32 edge}, {192.0.2.2/32 other},"
    " {192.0.2.3/32 edge}, {192.0.2.5/32 edge}}\" }\n";

static char		 dir[TEMPDIR_SIZE];
static struct conf	*conf;
static char		 told[1024];

static void
tell(const struct decision *d, void *unused)
{
	const struct decision_former	*f = d->former;
	size_t				 n = strlen(told);

	(void)unused;
	if (d->event != DECISION_DIFFER)
		return;
	(void)snprintf(told + n, sizeof told - n, "%s %s%s%s|",
	    d->session->profile, f->profile, f->verdict == NULL ? "" : " ",
	    f->verdict == NULL ? "" : verdict_action_text(
	    f->verdict->action));
	ck_assert((d->verdict == NULL) == (f->verdict == NULL));
	ck_assert_ptr_nonnull(f->peer_rule);
}

static void
setup(void)
{
	tempdir_make(dir);
	conf = conf_make(dir, text);
	conf->trial.former = conf_make(dir, former_text);
	told[0] = '\0';
}

static void
teardown(void)
{
	conf_unref(conf);
	tempdir_remove(dir);
}

static const struct row {
	const char		*name, *peer;
	enum trust_command	 command;
	const char		*args, *want;
} rows[] = {
	{ "the same by both", "192.0.2.1", TRUST_XCLIENT,
	    " ADDR=198.51.100.9", "" },
	{ "refused now", "192.0.2.1", TRUST_XCLIENT, " ADDR=203.0.113.7",
	    "edge edge permit|" },
	{ "refused by both", "192.0.2.1", TRUST_XCLIENT, " LOGIN=root", "" },
	{ "malformed", "192.0.2.1", TRUST_XCLIENT, " ADDR", "" },
	{ "dropped now, refused then", "192.0.2.1", TRUST_XCLIENT,
	    " ADDR=198.51.100.9 HELO=a", "edge edge tempfail|" },
	{ "another profile that permits as much", "192.0.2.2",
	    TRUST_XCLIENT, " ADDR=203.0.113.7", "other edge|" },
	{ "another profile that permits more", "192.0.2.2", TRUST_XCLIENT,
	    " ADDR=203.0.113.7 HELO=a", "other edge|other edge tempfail|" },
	{ "only reported then", "192.0.2.3", TRUST_XCLIENT,
	    " ADDR=10.0.0.1", "edge mild|edge mild tempfail|" },
	{ "a stranger to both", "192.0.2.4", TRUST_XCLIENT,
	    " ADDR=203.0.113.7", "" },
	{ "it could not be told then", "192.0.2.5", TRUST_XCLIENT,
	    " ADDR=198.51.100.9", "edge unknown|edge unknown tempfail|" },
	{ "a context", "192.0.2.1", TRUST_XSETCONTEXT, " tenant=a", "" },
	{ "a context that is granted now", "192.0.2.5", TRUST_XSETCONTEXT,
	    " tenant=a", "edge unknown|edge unknown tempfail|" },
	{ "a dump that neither grants", "192.0.2.1", TRUST_XDUMPCONTEXT, "",
	    "" },
};

static struct session_life *
begin(const char *peer)
{
	static const struct session_life_home	 home = { NULL, tell, NULL };
	struct session_life_peer		 who = {
		.keeper = SESSION_KEEPER_RELAY
	};
	struct session_life			*life;

	ck_assert(address_parse(span_of(peer), &who.addr));
	life = session_life_new(conf, &home, &who, NOW_MS);
	ck_assert_ptr_nonnull(life);
	return life;
}

START_TEST(what_differs)
{
	const struct row	*row = &rows[_i];
	struct session_life	*life = begin(row->peer);
	struct judgement	 j;

	(void)session_life_judge_line(life, row->command,
	    span_of(row->args), true, NOW_MS, &j);
	ck_assert_msg(strcmp(told, row->want) == 0, "%s: %s", row->name,
	    told);
	session_life_free(life);
}
END_TEST

START_TEST(nothing_without_a_trial)
{
	struct session_life	*life;
	struct judgement	 j;

	conf_unref(conf->trial.former);
	conf->trial.former = NULL;
	life = begin("192.0.2.2");
	(void)session_life_judge_line(life, TRUST_XCLIENT,
	    span_of(" ADDR=203.0.113.7 HELO=a"), true, NOW_MS, &j);
	ck_assert_str_eq(told, "");
	session_life_free(life);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("session_life_trial");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_differs, 0, NELEM(rows));
	tcase_add_test(tc, nothing_without_a_trial);
	return runner_run("session_life_trial", tc);
}
