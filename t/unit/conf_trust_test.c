/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_trust_test: what the configuration file makes of profiles, trust_maps
 * and access_maps.
 */
#include "conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/conf_file.h"
#include "t/lib/conf_full.h"
#include "t/lib/runner.h"

#define EDGE	"profile edge {\n"

/* What the context's settings are of a profile that has them, and not. */
START_TEST(context_settings)
{
	struct conf			*conf = load_good(conf_full());
	const struct trust_profile	*p;

	p = trust_profile_find(conf->trust, "edge");
	ck_assert(trust_profile_may(p, TRUST_XREMOTEIP) &&
	    trust_profile_may(p, TRUST_XSETCONTEXT) &&
	    trust_profile_may(p, TRUST_XDUMPCONTEXT) &&
	    trust_profile_always_allow(p));
	ck_assert_uint_eq(trust_profile_received(p), 100);
	ck_assert(trust_any_received(conf->trust));
	p = trust_profile_find(conf->trust, "three");
	ck_assert(!trust_profile_may_any(p) &&
	    !trust_profile_always_allow(p));
	ck_assert_uint_eq(trust_profile_received(p), 0);
	conf_unref(conf);
}
END_TEST

/* The maps are asked in their order, with the classes that are named. */
START_TEST(access_settings)
{
	const struct span	 key = span_of("context.tenant=x");
	struct conf		*conf = load_good(conf_full());
	struct access_answer	*answer = malloc(sizeof(*answer));

	ck_assert_int_eq(access_ask(conf->access, &key, 1, answer),
	    ACCESS_FOUND);
	ck_assert_str_eq(answer->text, "strict");
	free(answer);
	conf_unref(conf);
}
END_TEST

/* Decides about one XCLIENT of a profile. */
static void
verdict_of(const struct conf *conf, const char *profile, const char *args,
    struct verdict *verdict)
{
	struct trust_speaker	 speaker = { 0 };
	struct assertion_set	 set;
	struct err		 err = { "" };

	speaker.profile = trust_profile_find(conf->trust, profile);
	ck_assert_ptr_nonnull(speaker.profile);
	ck_assert_msg(assertion_parse(span_of(args), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err) == ASSERTION_OK, "%s", err.text);
	trust_decide(conf->trust, &speaker,
	    (enum trust_command)set.command, &set, verdict);
}

START_TEST(profiles)
{
	static const struct {
		const char	*profile, *args;
		enum verdict_reason want;
		unsigned	 line;
	} rows[] = {
		{ "edge", "ADDR=203.0.113.7", REASON_GRANTED, 23 },
		{ "edge", "ADDR=198.51.100.7", REASON_VALUE, 25 },
		{ "edge", "NAME=a.example.com", REASON_VALUE, 26 },
		{ "edge", "PORT=25", REASON_VALUE, 26 },
		{ "edge", "HELO=b", REASON_VALUE, 27 },
		{ "edge", "PROTO=SMTP", REASON_VALUE, 27 },
		{ "edge", "LOGIN=joe", REASON_GRANTED, 23 },
		{ "edge", "LOGIN=joe2", REASON_VALUE, 28 },
		{ "edge", "DESTADDR=192.0.2.1", REASON_VALUE, 22 },
		{ "edge", "DESTPORT=26", REASON_VALUE, 29 },
		{ "two", "ADDR=203.0.113.7", REASON_NO_GRANT, 32 },
		{ "three", "ADDR=203.0.113.7", REASON_NO_GRANT, 33 },
	};
	struct conf	*conf = load_good(conf_full());
	struct verdict	 got;
	char		 want[64];
	size_t		 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		verdict_of(conf, rows[i].profile, rows[i].args, &got);
		snprintf(want, sizeof(want), "%s:%u", path, rows[i].line);
		ck_assert_msg(got.reason == rows[i].want &&
		    strcmp(got.rule, want) == 0, "%s %s: got %s at %s, want "
		    "%s at %s", rows[i].profile, rows[i].args,
		    verdict_reason_text(got.reason), got.rule,
		    verdict_reason_text(rows[i].want), want);
	}
	ck_assert_int_eq(trust_profile_seal(trust_profile_find(conf->trust,
	    "edge")), TRUST_SEAL_NEVER);
	ck_assert_int_eq(trust_profile_on_violation(trust_profile_find(
	    conf->trust, "edge")), VERDICT_DISCONNECT);
	ck_assert(trust_profile_report_only(trust_profile_find(conf->trust,
	    "edge")));
	ck_assert(trust_profile_may(trust_profile_find(conf->trust, "edge"),
	    TRUST_XFORWARD));
	ck_assert_int_eq(trust_profile_on_violation(trust_profile_find(
	    conf->trust, "two")), VERDICT_TEMPFAIL);
	conf_unref(conf);
}
END_TEST

/* All that was a truth value still is one. */
START_TEST(report_only_words)
{
	static const struct {
		const char	*word;
		bool		 want, want_login;
	} words[] = {
		{ "false", false, false }, { "no", false, false },
		{ "off", false, false }, { "true", true, false },
		{ "yes", true, false }, { "on", true, false },
		{ "everything", true, true }
	};
	const struct trust_profile	*p;
	struct conf			*conf;
	char				 text[64];
	int				 i;

	for (i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++) {
		(void)snprintf(text, sizeof(text),
		    "profile x { report_only = %s }\n", words[i].word);
		conf = load_good(text);
		p = trust_profile_find(conf->trust, "x");
		ck_assert_msg(trust_profile_report_only(p) == words[i].want,
		    "%s", words[i].word);
		ck_assert_msg(((trust_profile_attributes(p, TRUST_XCLIENT) &
		    1U << ASSERTION_LOGIN) != 0) == words[i].want_login,
		    "%s: login", words[i].word);
		conf_unref(conf);
	}
}
END_TEST

START_TEST(maps)
{
	struct conf	*conf = load_good(conf_full());

	ck_assert_str_eq(conf_full_profile(conf, "192.0.2.1", NULL), "edge");
	ck_assert_str_eq(conf_full_profile(conf, "10.9.1.1", NULL), "edge");
	ck_assert_str_eq(conf_full_profile(conf, "10.90.1.1", NULL),
	    "stranger");
	ck_assert_str_eq(conf_full_profile(conf, "10.9.1.1", "inside"), "two");
	conf_unref(conf);
}
END_TEST

/* Lists that come from elsewhere: what is no rule is told, and counted. */
START_TEST(lenient_tables)
{
	static const char	 text[] = "192.0.2.1/32 edge\n"
	    "192.0.2.1/24 edge\n198.51.100.0/33 edge\n203.0.113.7\n"
	    "203.0.113.0/24 edge\n";
	char		 file[128], settings[600];
	struct conf	*conf;
	FILE		*fp;

	snprintf(file, sizeof(file), "%s.cidr", path);
	fp = fopen(file, "w");
	ck_assert_ptr_nonnull(fp);
	fputs(text, fp);
	fclose(fp);
	snprintf(settings, sizeof(settings), "%strust_maps = { \"cidr:%s\" }\n"
	    EDGE "}\n", "tables = \"lenient\"\n", file);
	conf = load_good(settings);
	ck_assert_uint_eq(conf->skips.n, 3);
	ck_assert_ptr_nonnull(strstr(conf->skips.first.text,
	    ".cidr:2: "));
	ck_assert_str_eq(conf_full_profile(conf, "192.0.2.1", NULL), "edge");
	ck_assert_str_eq(conf_full_profile(conf, "192.0.2.2", NULL),
	    "stranger");
	ck_assert_str_eq(conf_full_profile(conf, "203.0.113.9", NULL), "edge");
	conf_unref(conf);
	check_refused("strictly", settings + strlen("tables = \"lenient\"\n"),
	    ":1: trust_maps: ");
	fp = fopen(file, "a");
	ck_assert_ptr_nonnull(fp);
	fputs("if 192.0.2.1/24\nendif\n", fp);
	fclose(fp);
	check_refused("what other lines depend on", settings,
	    ":2: trust_maps: ");
	unlink(file);
}
END_TEST

/* This host's own addresses are collected: loopback is always one, but it
 * is not public anyway, so it can only be seen that loading works. */
START_TEST(own_addresses)
{
	struct conf	*conf = load_good("profile a { xclient = { ADDR } }");
	struct verdict	 got;

	verdict_of(conf, "a", "ADDR=127.0.0.1", &got);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	verdict_of(conf, "a", "ADDR=203.0.113.200", &got);
	ck_assert_int_eq(got.reason, REASON_GRANTED);
	conf_unref(conf);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("conf_trust");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, report_only_words);
	tcase_add_test(tc, context_settings);
	tcase_add_test(tc, access_settings);
	tcase_add_test(tc, profiles);
	tcase_add_test(tc, maps);
	tcase_add_test(tc, lenient_tables);
	tcase_add_test(tc, own_addresses);
	return runner_run("conf_trust", tc);
}
