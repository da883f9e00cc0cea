/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_command_fuzz: a line is the same however it arrives, has nothing in it
 * that could end it or a word of it elsewhere, and what was found in it is
 * found again in what is written from that.
 */
#include "base/smtp_command.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#define MAX_LINE	512

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
lies_in(struct span part, struct span whole)
{
	return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

static void
check_clean(struct span text)
{
	size_t	 i;

	for (i = 0; i < text.n; i++)
		assert(text.p[i] == '\t' || (unsigned char)text.p[i] >= 32);
	assert(memchr(text.p, 127, text.n) == NULL);
}

/* A tokenizer that knows quotes and brackets as Postfix's does; returns how
 * many words there are. */
static unsigned
count_words(struct span s)
{
	unsigned	 n = 0;
	char		 end = '\0';
	bool		 in_word = false;
	size_t		 i;

	for (i = 0; i < s.n; i++) {
		char	 ch = s.p[i];

		if (end == '\0' && (ch == ' ' || ch == '\t')) {
			in_word = false;
			continue;
		}
		n += !in_word;
		in_word = true;
		if (ch == '\\')
			i++;
		else if (end != '\0' && ch == end)
			end = '\0';
		else if (end == '\0' && (ch == '"' || ch == '<'))
			end = ch == '"' ? '"' : '>';
	}
	assert(end == '\0');
	return n;
}

/* Blanks alone part the parameters. */
static unsigned
count_plain_words(struct span s)
{
	unsigned	 n = 0;
	size_t		 i;

	for (i = 0; i < s.n; i++)
		n += s.p[i] != ' ' && s.p[i] != '\t' &&
		    (i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '\t');
	return n;
}

/* What is sent on has each parameter once, and is what was meant. */
static void
check_params(struct span params)
{
	struct span	 rest = params, word, value, again;
	char		 name[MAX_LINE];
	size_t		 n;

	while (smtp_param_next(&rest, &word)) {
		assert(lies_in(word, params) && word.n > 0);
		for (n = 0; n < word.n && word.p[n] != '='; n++)
			name[n] = word.p[n];
		name[n] = '\0';
		assert(!smtp_param_find(rest, name, &value));
		assert(smtp_param_find(params, name, &value));
		assert(smtp_param_find(word, name, &again));
		assert(value.p == again.p && value.n == again.n);
	}
}

static void
check_path(enum smtp_verb verb, struct span args)
{
	struct smtp_path	 path, again;
	struct span		 value;
	char			 text[2 * MAX_LINE];
	int			 n;

	if (!smtp_path_parse(verb, args, &path))
		return;
	assert(lies_in(path.path, args) && lies_in(path.params, args));
	assert(path.path.n > 0 && lies_in(path.address, path.path));
	assert(lies_in(path.domain, path.address));
	assert(count_words(path.params) == count_plain_words(path.params));
	assert(!smtp_param_find(path.params, "", &value));
	check_params(path.params);
	n = snprintf(text, sizeof(text), "%s:<%.*s> %.*s",
	    verb == SMTP_MAIL ? "FROM" : "TO", (int)path.address.n,
	    path.address.p, (int)path.params.n, path.params.p);
	assert(smtp_path_parse(verb, (struct span){ text, (size_t)n },
	    &again));
	assert(again.address.n == path.address.n);
	assert(again.domain.n == path.domain.n);
	assert(again.params.n == path.params.n);
}

static void
check_bdat(struct span args)
{
	uint64_t	 size, size_again;
	bool		 is_last, is_last_again;
	char		 text[64];

	if (!smtp_bdat_parse(args, &size, &is_last))
		return;
	snprintf(text, sizeof(text), "%llu%s", (unsigned long long)size,
	    is_last ? " LAST" : "");
	assert(smtp_bdat_parse(span_of(text), &size_again, &is_last_again));
	assert(size_again == size && is_last_again == is_last);
}

static void
check_line(struct span text)
{
	struct smtp_command	 command = smtp_command_parse(text);
	const char		*verb = smtp_verb_text(command.verb);

	check_clean(text);
	assert(lies_in(command.args, text));
	assert(lies_in(command.line, text));
	text = command.line;
	if (command.verb != SMTP_UNKNOWN)
		assert(strncasecmp(text.p, verb, strlen(verb)) == 0 &&
		    (text.n == strlen(verb) || text.p[strlen(verb)] == ' ' ||
		    text.p[strlen(verb)] == '\t'));
	if (command.args.n > 0) {
		assert(command.args.p[0] != ' ');
		assert(command.args.p[command.args.n - 1] != ' ');
	}
	check_path(command.verb, command.args);
	check_bdat(command.args);
	if (smtp_is_helo_name(command.args))
		assert(memchr(command.args.p, ' ', command.args.n) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char		*in = (const char *)data;
	struct smtp_line	 line, line_now;
	enum smtp_line_result	 result, now = SMTP_LINE_MORE;
	size_t			 used = 0, used_now = 0, n;

	result = smtp_line_find(in, size, MAX_LINE, &line, &used);
	for (n = 0; n <= size && now == SMTP_LINE_MORE; n++)
		now = smtp_line_find(in, n, MAX_LINE, &line_now, &used_now);
	assert(now == result && used <= size);
	if (result == SMTP_LINE_DONE) {
		assert(used == used_now && used == n - 1 && used <= MAX_LINE);
		assert(line.text.p == in && line.text.n == line_now.text.n);
		assert(line.is_bare_lf == line_now.is_bare_lf);
		assert(line.text.n + 2 - line.is_bare_lf == used);
		check_line(line.text);
	}
	/* What has not been a line is no argument either, but is not believed
	 * to be clean. */
	check_path(SMTP_MAIL, (struct span){ in, size < MAX_LINE ? size :
	    MAX_LINE });
	return 0;
}
