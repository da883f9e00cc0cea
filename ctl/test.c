/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * test: tests of rules, xcontext-test(5): whether dialogues come to what is
 * expected of them.  It prints TAP.
 *
 * A file is read to its end whatever fails; what cannot be read ends the
 * program, for a test that is not understood is none that has passed.
 */
#include <bsd/stdlib.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "coverage.h"
#include "peer.h"
#include "play.h"
#include "verb.h"

enum test_option { OPTION_COVERAGE, OPTION_FAIL_UNDER };

struct file {
	struct ctl	*ctl;
	const char	*name;
	unsigned	 line;
	struct play	*play;		/* NULL: no peer yet */
	json_t		*step;		/* of the last line; NULL: none */
	char		*title;		/* NULL: none */
	unsigned	 n;		/* results so far */
	unsigned	 n_failed;
	struct coverage	*coverage;	/* NULL: not asked for */
	const struct trust_profile *profile;	/* the peer's; only for that */
};

static _Noreturn void
wrong(const struct file *f, const char *expected, struct span got)
{
	ctl_die(EX_DATAERR, "%s:%u: expected %s, got \"%.*s\"", f->name,
	    f->line, expected, (int)got.n, got.p);
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
	printf("# %s:%u: got %s%s%s%s%s\n", f->name, f->line, got,
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

/* A word that is misspelt would be a test that shows nothing. */
static bool
is_command(struct span verb)
{
	static const char *const	 verbs[] = { "EHLO", "HELO", "MAIL",
		"RCPT", "DATA", "BDAT", "RSET", "." };
	enum trust_command		 command;
	size_t				 i;

	for (i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (span_caseeq(verb, verbs[i]))
			return true;
	return trust_command_find(verb, &command);
}

static void
take_command(struct file *f, struct span verb, struct span line)
{
	if (!is_command(verb))
		wrong(f, "a command, or a word of xcontext-test(5)", verb);
	if (f->play == NULL)
		wrong(f, "\"peer ADDRESS\" first", line);
	json_decref(f->step);
	f->step = play_line(f->play, line);
	cover_step(f, verb);
}

static void
take_line(struct file *f, struct span line)
{
	struct span	 args = span_trim(line), word;

	if (!span_word(&args, &word) || word.p[0] == '#')
		return;
	args = span_trim(args);
	if (span_eq(word, "title"))
		take_title(f, args);
	else if (span_eq(word, "peer"))
		begin(f, args);
	else if (span_eq(word, "="))
		expect(f, args);
	else if (span_eq(word, "client"))
		check(f, "client", args);
	else if (span_eq(word, "sealed"))
		check(f, "sealed", args);
	else if (span_eq(word, "executed"))
		check(f, "executed", args);
	else
		take_command(f, word, span_trim(line));
}

static void
read_file(struct file *f, FILE *in)
{
	char	*line = NULL;
	size_t	 size = 0;
	ssize_t	 n;

	while ((n = getline(&line, &size, in)) != -1) {
		f->line++;
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		take_line(f, (struct span){ line, (size_t)n });
	}
	free(line);
	if (ferror(in))
		ctl_die(EX_IOERR, "%s: %s", f->name, strerror(errno));
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
	struct file	 f = { .ctl = ctl, .name = ctl->args[0] };
	unsigned	 least = read_least(ctl->option[OPTION_FAIL_UNDER]);
	FILE		*in = fopen(f.name, "r");

	if (in == NULL)
		ctl_die(EX_NOINPUT, "%s: %s", f.name, strerror(errno));
	(void)ctl_conf(ctl);
	if (ctl->option[OPTION_COVERAGE] != NULL ||
	    ctl->option[OPTION_FAIL_UNDER] != NULL)
		f.coverage = coverage_new(ctl->conf);
	read_file(&f, in);
	(void)fclose(in);
	play_free(f.play);
	json_decref(f.step);
	free(f.title);
	if (f.n == 0)
		ctl_die(EX_DATAERR, "%s: it expects nothing, so it shows "
		    "nothing", f.name);
	printf("1..%u\n", f.n);
	return judge_coverage(&f, least) && f.n_failed == 0 ? CTL_YES :
	    CTL_NO;
}
