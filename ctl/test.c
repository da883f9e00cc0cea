/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * test: tests of rules, xcontext-test(5): whether dialogues come to what is
 * expected of them.  It prints TAP.
 *
 * A file is played to its end whatever fails.
 */
#include <bsd/stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "coverage.h"
#include "peer.h"
#include "play.h"
#include "suite.h"
#include "verb.h"

enum test_option { OPTION_COVERAGE, OPTION_FAIL_UNDER };

struct file {
	struct ctl	*ctl;
	struct suite	 suite;
	unsigned	 line;
	struct play	*play;		/* NULL: no peer yet */
	json_t		*step;		/* of the last line; NULL: none */
	char		*title;		/* NULL: none */
	unsigned	 n;		/* results so far */
	unsigned	 n_skipped;
	unsigned	 n_failed;
	struct coverage	*coverage;	/* NULL: not asked for */
	const struct trust_profile *profile;	/* the peer's; only for that */
};

static _Noreturn void
wrong(const struct file *f, const char *expected, struct span got)
{
	suite_wrong(&f->suite, f->line, expected, got);
}

/* In TAP, what stands behind "#" is a directive. */
static void
print_name(const char *text)
{
	for (; *text != '\0'; text++)
		printf("%s%c", *text == '#' ? "\\" : "", *text);
}

/* got: of the step; "": it has none. */
static void
result(struct file *f, bool is_ok, const char *what, struct span want,
    const char *got)
{
	const char	*words = is_ok ? "ok" : "not ok";
	const char	*begun = output_begin("tap", words);

	printf("%s%s%s %u - ", begun, words, output_end(begun), ++f->n);
	if (f->title != NULL) {
		print_name(f->title);
		printf(": ");
	}
	print_name(output_text_at(f->step, "line"));
	printf(": %s%s%.*s\n", what, *what == '\0' ? "" : " ", (int)want.n,
	    want.p);
	if (is_ok)
		return;
	f->n_failed++;
	printf("# %s:%u: got %s%s%s%s%s\n", f->suite.name, f->line, got,
	    *output_text_at(f->step, "rule") == '\0' ? "" : " by ",
	    output_text_at(f->step, "rule"),
	    *output_text_at(f->step, "text") == '\0' ? "" : ": ",
	    output_text_at(f->step, "text"));
}

/*
 * Lines
 */

/* What "listener", "name" and "fingerprint" say. */
enum { TEXT_LISTENER, TEXT_NAME, TEXT_FINGERPRINT, TEXTS };

static void
read_texts(const struct file *f, struct span args, char *texts_r[TEXTS])
{
	static const char *const	 words[TEXTS] = {
		[TEXT_LISTENER] = "listener",
		[TEXT_NAME] = "name",
		[TEXT_FINGERPRINT] = "fingerprint"
	};
	struct span			 word, value;
	int				 i;

	while (span_word(&args, &word)) {
		for (i = 0; i < TEXTS && !span_eq(word, words[i]); i++)
			;
		if (i == TEXTS)
			wrong(f, "listener, name or fingerprint", word);
		if (!span_word(&args, &value))
			wrong(f, "a value behind it", word);
		free(texts_r[i]);
		texts_r[i] = strndup(value.p, value.n);
		if (texts_r[i] == NULL)
			ctl_die(EX_OSERR, "out of memory");
	}
}

/*
 * Coverage
 */

static void
cover_peer(struct file *f, const struct trust_peer *peer)
{
	char	 rule[sizeof(((struct verdict *)NULL)->rule)];

	if (f->coverage == NULL)
		return;
	f->profile = peer_classify(f->ctl, peer, rule, sizeof rule);
	coverage_peer(f->coverage, rule, &(const struct coverage_event){
	    .profile = f->profile });
}

/* What play found of a command, or of one attribute. */
static void
cover_judged(struct file *f, enum trust_command command,
    const char *attribute, const json_t *found)
{
	enum verdict_reason	 reason;

	if (verdict_reason_find(output_text_at(found, "reason"), &reason))
		coverage_judged(f->coverage, command, attribute, reason,
		    output_text_at(found, "rule"),
		    &(const struct coverage_event){ .profile = f->profile });
}

static void
cover_step(struct file *f, struct span verb)
{
	const json_t		*attributes, *one;
	enum trust_command	 command;
	size_t			 i;

	if (f->coverage == NULL || !trust_command_find(verb, &command))
		return;
	attributes = json_object_get(f->step, "attributes");
	json_array_foreach(attributes, i, one)
		cover_judged(f, command, output_text_at(one, "attribute"),
		    one);
	if (command == TRUST_XREMOTEIP)
		cover_judged(f, command, assertion_name_text(ASSERTION_ADDR),
		    f->step);
	else if (attributes == NULL)
		cover_judged(f, command, NULL, f->step);
}

static void
tell_coverage(const struct file *f, size_t n, size_t hit)
{
	json_t	*rows = coverage_rows(f->coverage, false), *row;
	size_t	 i;

	printf("# coverage: %zu of %zu rules, %zu%%\n", hit, n,
	    n == 0 ? 100 : hit * 100 / n);
	json_array_foreach(rows, i, row)
		printf("# %s: not reached: %s, %s%s%s\n",
		    output_text_at(row, "place"), output_text_at(row, "kind"),
		    output_text_at(row, "what"),
		    *output_text_at(row, "profile") == '\0' ? "" : ", ",
		    output_text_at(row, "profile"));
	json_decref(rows);
}

/* False: too little of the rules was reached. */
static bool
judge_coverage(struct file *f, unsigned least)
{
	size_t	 n, hit;
	bool	 is_enough;

	if (f->coverage == NULL)
		return true;
	n = coverage_count(f->coverage, &hit);
	tell_coverage(f, n, hit);
	is_enough = hit * 100 >= n * least;
	if (!is_enough)
		printf("# that is under %u%%\n", least);
	coverage_free(f->coverage);
	return is_enough;
}

/* "peer ADDRESS [listener NAME] [name HOST] [fingerprint HEX]" */
static void
begin(struct file *f, struct span args)
{
	char			*texts[TEXTS] = { NULL };
	struct trust_peer	 peer;
	struct span		 word;
	int			 i;

	if (!span_word(&args, &word) || !address_parse(word, &peer.addr))
		wrong(f, "\"peer ADDRESS\"", word);
	read_texts(f, args, texts);
	peer.listener = texts[TEXT_LISTENER];
	peer.name = texts[TEXT_NAME];
	peer.fingerprint = texts[TEXT_FINGERPRINT];
	if (!peer_has_listener(f->ctl, peer.listener))
		wrong(f, "a listener, or a relay, of the configuration",
		    span_of(peer.listener));
	play_free(f->play);
	f->play = play_new(f->ctl, &peer);
	cover_peer(f, &peer);
	for (i = 0; i < TEXTS; i++)
		free(texts[i]);
	json_decref(f->step);
	f->step = NULL;
}

/* "permit", or "refuse [REASON [ATTRIBUTE]]" */
static void
expect(struct file *f, struct span args)
{
	struct span		 want = args, word, reason, attribute;
	enum verdict_reason	 found;
	char			 text[32];
	bool			 is_ok;

	if (f->step == NULL)
		wrong(f, "a command first", args);
	if (!span_word(&args, &word))
		wrong(f, "permit or refuse", args);
	is_ok = play_is_passed(f->step) == span_eq(word, "permit");
	if (!span_eq(word, "permit") && !span_eq(word, "refuse"))
		wrong(f, "permit or refuse", word);
	if (span_word(&args, &reason)) {
		(void)snprintf(text, sizeof text, "%.*s", (int)reason.n,
		    reason.p);
		if (!verdict_reason_find(text, &found))
			wrong(f, "a reason, as \"no_grant\"", reason);
		is_ok = is_ok && span_eq(reason, output_text_at(f->step, "reason"));
	}
	if (span_word(&args, &attribute))
		is_ok = is_ok && span_caseeq(attribute,
		    output_text_at(f->step, "attribute"));
	/* What nobody judges is not permitted either. */
	if (*output_text_at(f->step, "verdict") == '\0')
		wrong(f, "a command before it that is judged",
		    span_of(output_text_at(f->step, "line")));
	(void)snprintf(text, sizeof text, "%s %s", output_text_at(f->step,
	    "verdict"), output_text_at(f->step, "reason"));
	result(f, is_ok, "", want, text);
}

/* "client ADDRESS", "sealed yes", "executed LINE": what it is behind the last
 * line. */
static void
check(struct file *f, const char *key, struct span want)
{
	const json_t	*value;
	const char	*got;

	if (f->step == NULL)
		wrong(f, "a command first", want);
	value = json_object_get(f->step, key);
	got = json_is_boolean(value) ? json_is_true(value) ? "yes" : "no" :
	    output_text_at(f->step, key);
	result(f, span_caseeq(want, got), key, want, got);
}

static void
take_title(struct file *f, struct span text)
{
	free(f->title);
	f->title = strndup(text.p, text.n);
	if (f->title == NULL)
		ctl_die(EX_OSERR, "out of memory");
}

static void
take_command(struct file *f, const struct suite_item *item)
{
	if (f->play == NULL)
		wrong(f, "\"peer ADDRESS\" first", item->text);
	json_decref(f->step);
	f->step = play_line(f->play, item->text);
	cover_step(f, item->verb);
}

/* What only a server can tell is not passed over in silence. */
static void
skip(struct file *f, const struct suite_item *item)
{
	f->n_skipped++;
	printf("ok %u - %.*s # SKIP a reply, which is asked for by \"xcontext "
	    "probe\"\n", ++f->n, (int)item->text.n, item->text.p);
}

static void
take_item(struct file *f, const struct suite_item *item)
{
	f->line = item->line;
	switch (item->kind) {
	case SUITE_TITLE:
		take_title(f, item->text);
		break;
	case SUITE_PEER:
		begin(f, item->text);
		break;
	case SUITE_COMMAND:
		take_command(f, item);
		break;
	case SUITE_EXPECT:
		if (suite_is_reply(item->text))
			skip(f, item);
		else
			expect(f, item->text);
		break;
	case SUITE_CLIENT:
		check(f, "client", item->text);
		break;
	case SUITE_SEALED:
		check(f, "sealed", item->text);
		break;
	case SUITE_EXECUTED:
		check(f, "executed", item->text);
		break;
	case SUITE_OFFERS:
		skip(f, item);
		break;
	case SUITE_HEADER:
	case SUITE_BODY:
		break;
	}
}

static unsigned
read_least(const char *text)
{
	const char	*why;
	unsigned	 least;

	if (text == NULL)
		return 0;
	least = (unsigned)strtonum(text, 0, 100, &why);
	if (why != NULL)
		ctl_die(EX_USAGE, "\"%s\": expected a number of percent",
		    text);
	return least;
}

int
test_run(struct ctl *ctl)
{
	struct file	 f = { .ctl = ctl };
	unsigned	 least = read_least(ctl->option[OPTION_FAIL_UNDER]);
	size_t		 i;

	suite_read(&f.suite, ctl->args[0]);
	(void)ctl_conf(ctl);
	if (ctl->option[OPTION_COVERAGE] != NULL ||
	    ctl->option[OPTION_FAIL_UNDER] != NULL)
		f.coverage = coverage_new(ctl->conf);
	for (i = 0; i < f.suite.n; i++)
		take_item(&f, &f.suite.v[i]);
	play_free(f.play);
	json_decref(f.step);
	free(f.title);
	if (f.n == f.n_skipped)
		ctl_die(EX_DATAERR, "%s: it expects nothing, so it shows "
		    "nothing", f.suite.name);
	suite_clear(&f.suite);
	printf("1..%u\n", f.n);
	return judge_coverage(&f, least) && f.n_failed == 0 ? CTL_YES :
	    CTL_NO;
}
