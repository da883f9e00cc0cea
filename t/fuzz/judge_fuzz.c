/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * judge_fuzz: any line for any command, said by one who may say everything.
 *
 * An override that is permitted prints as the line that is handed on, reads
 * back from the record as the same, and leaves nothing of the messenger; and a
 * context that is permitted keeps to its limits.  The first byte chooses the
 * profile, the setting "xtext" and whether the session is sealed; line
 * feeds part the command lines, verbs and all, that one session says.
 */
#include "session/judge.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "context/context_name.h"
#include "session/session_change.h"

#define PAIRS_MAX	8
#define SIZE_LIMIT	256

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const	 all[] = { "*", NULL };

static void
add_profile(struct trust *trust, const char *name, enum trust_seal seal,
    bool always_allow)
{
	struct trust_profile_def	 def = {
		.name = name, .xclient = all, .xforward = all,
		.xsetcontext = all, .xremoteip = true, .xdumpcontext = true,
		.seal = seal, .always_allow = always_allow
	};
	struct err			 err;
	int				 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		def.values[i] = all;
	assert(trust_add_profile(trust, &def, &err) == 0);
}

static struct trust *
make_trust(void)
{
	static struct trust	*trust;
	struct err		 err;

	if (trust != NULL)
		return trust;
	trust = trust_new();
	assert(trust != NULL);
	add_profile(trust, "plain", TRUST_SEAL_GREETING, false);
	add_profile(trust, "never", TRUST_SEAL_NEVER, false);
	add_profile(trust, "allow", TRUST_SEAL_GREETING, true);
	add_profile(trust, "both", TRUST_SEAL_NEVER, true);
	assert(trust_add_profile(trust, &(struct trust_profile_def){
	    .name = "trial", .report_only = TRUST_REPORT_ONLY }, &err) == 0);
	return trust;
}

static bool
says(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status != ASSERTION_ABSENT;
}

/* Nothing that Postfix would keep of the messenger. */
static void
check_complete(const struct judge_speaker *speaker,
    const struct assertion_set *set)
{
	if (says(set, ASSERTION_ADDR))
		assert(says(set, ASSERTION_NAME) &&
		    says(set, ASSERTION_PORT));
	if (says(set, ASSERTION_NAME) &&
	    set->v[ASSERTION_NAME].status != ASSERTION_VALUE)
		assert(says(set, ASSERTION_REVERSE_NAME));
	if (trust_profile_always_allow(speaker->profile))
		assert(says(set, ASSERTION_LOGIN));
}

/* A trial gives nobody rights. */
static void
check_trial(const struct judge_speaker *speaker,
    const struct assertion_set *set)
{
	if (!trust_profile_report_only(speaker->profile))
		return;
	assert(set->v[ASSERTION_LOGIN].status != ASSERTION_VALUE);
	assert(set->addr.family == AF_UNSPEC || address_is_public(&set->addr));
}

static void
check_override(const struct judge_speaker *speaker, const struct judgement *j,
    struct session *s)
{
	struct assertion_set	 set;
	char			 line[ASSERTION_LINE_MAX], *copy;
	size_t			 len;

	assert(strncmp(j->line, "XCLIENT ", 8) == 0);
	assert(strpbrk(j->line, "\"\\<>()\t\r\n") == NULL);
	assert(session_read_override(j->line, &set));
	check_complete(speaker, &set);
	check_trial(speaker, &set);
	assert(assertion_print(&set, line, sizeof(line), &len));
	assert(strcmp(line, j->line) == 0);
	assert(assertion_print(&j->override, line, sizeof(line), &len));
	assert(strcmp(line, j->line) == 0);
	copy = strdup(j->line);
	assert(copy != NULL);
	session_override(s, copy, &j->override, j->is_another);
}

static void
check_context(const struct judgement *j, struct session *s)
{
	const struct context	*context = &s->context;
	size_t			 size = 0;
	unsigned		 i;

	assert(session_set_context(s, &j->context, 1));
	assert(context->n <= PAIRS_MAX && context->size <= SIZE_LIMIT);
	for (i = 0; i < context->n; i++) {
		const struct context_pair	*pair = context->pairs[i];

		assert(!context_name_is_builtin(pair->name));
		/* The client's, and the messenger's that it stands for. */
		for (; pair != NULL; pair = pair->before)
			size += strlen(pair->name) + strlen(pair->value);
	}
	assert(size == context->size);
}

/* The same bytes in memory of their own, so that a sanitizer sees their end. */
static void
judge_copy(const struct judge_speaker *speaker, enum trust_command command,
    struct span args, struct judgement *j)
{
	char	*copy = malloc(args.n + (args.n == 0));

	assert(copy != NULL);
	if (args.n > 0)
		memcpy(copy, args.p, args.n);
	judge_command(speaker, command, (struct span){ copy, args.n }, j);
	free(copy);
	assert(j->command == command);
	assert(memchr(j->verdict.text, '\0', sizeof(j->verdict.text)) !=
	    NULL);
	assert(j->verdict.reason == REASON_GRANTED ||
	    memchr(j->verdict.also, '\0', sizeof(j->verdict.also)) != NULL);
}

static void
say(const struct judge_speaker *speaker, struct span line, struct session *s)
{
	static struct judgement	 j;
	struct span		 verb = judge_next_word(&line);
	enum trust_command	 command;

	if (!trust_command_find(verb, &command))
		return;
	judge_copy(speaker, command, line, &j);
	if (j.verdict.action != VERDICT_PERMIT) {
		session_deny(s, &j.verdict, false);
		return;
	}
	assert(!s->is_sealed || command == TRUST_XFORWARD);
	if (command == TRUST_XCLIENT || command == TRUST_XREMOTEIP)
		check_override(speaker, &j, s);
	else if (command == TRUST_XSETCONTEXT)
		check_context(&j, s);
	else if (command == TRUST_XFORWARD)
		assert(strncmp(j.line, "XFORWARD ", 9) == 0);
}

/* The record of what came of it reads back as it was written. */
static void
check_record(struct session *s)
{
	static char	 once[SESSION_RECORD_MAX], twice[SESSION_RECORD_MAX];
	struct session	 again;
	size_t		 n;

	(void)strcpy(s->id, "ID");
	s->pid = 1;
	n = session_encode(s, once, sizeof(once));
	assert(n > 0);
	session_init(&again);
	assert(session_decode((struct span){ once, n }, &again));
	assert(session_encode(&again, twice, sizeof(twice)) == n);
	assert(memcmp(once, twice, n) == 0);
	session_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const	 names[] = { "plain", "never", "allow",
					     "both" };
	struct conf			 conf = { .trust = make_trust(),
	    .limits = { .context_pairs = PAIRS_MAX,
	    .context_size = SIZE_LIMIT } };
	struct session			 s;
	struct judge_speaker		 speaker = { .conf = &conf,
	    .session = &s };
	struct span			 text, line;
	const char			*lf;

	if (size == 0)
		return 0;
	conf.xtext = data[0] & 4 ? XTEXT_LEGACY : XTEXT_STRICT;
	speaker.profile = trust_profile_find(conf.trust, (data[0] & 32) == 0 ||
	    data[0] >= '0' ? names[data[0] & 3] : "trial");
	session_init(&s);
	s.is_sealed = (data[0] & 24) == 24;
	text = (struct span){ (const char *)data + 1, size - 1 };
	while (text.n > 0) {
		lf = memchr(text.p, '\n', text.n);
		line = (struct span){ text.p, lf == NULL ? text.n :
		    (size_t)(lf - text.p) };
		text = span_skip(text, line.n + (lf != NULL));
		say(&speaker, line, &s);
	}
	check_record(&s);
	session_clear(&s);
	return 0;
}
