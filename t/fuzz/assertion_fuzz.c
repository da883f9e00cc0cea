/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_fuzz: what parses prints, and what is printed parses to the same
 * set in both modes; merging and copying keep that true.  The first byte
 * chooses the command and the mode; a line feed parts the line from another
 * that is merged into it.
 */
#include "trust/assertion.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_same(const struct assertion_set *a, const struct assertion_set *b)
{
	int	 i;

	assert(a->command == b->command);
	assert(address_equal(&a->addr, &b->addr));
	assert(address_equal(&a->destaddr, &b->destaddr));
	for (i = 0; i < ASSERTION_COUNT; i++) {
		assert(a->v[i].status == b->v[i].status);
		assert(strcmp(a->v[i].value, b->v[i].value) == 0);
	}
}

static void
check_address(const struct assertion *a, const struct address *addr)
{
	struct address	 again;
	char		 text[ADDRESS_TEXT_SIZE];

	if (a->status != ASSERTION_VALUE) {
		assert(addr->family == AF_UNSPEC);
		return;
	}
	assert(strcmp(address_format(addr, text, sizeof(text)), a->value) ==
	    0);
	assert(address_parse(span_of(text), &again));
	assert(address_equal(addr, &again));
}

/* Only printable ASCII ever gets into a value, and never too much. */
static void
check_values(const struct assertion_set *set)
{
	const char	*p;
	int		 i;

	for (i = 0; i < ASSERTION_COUNT; i++) {
		p = set->v[i].value;
		assert((set->v[i].status == ASSERTION_VALUE) == (*p != '\0'));
		assert(strlen(p) <= ASSERTION_VALUE_MAX);
		for (; *p != '\0'; p++)
			assert(*p >= 32 && *p <= 126);
	}
	for (i = 0; i < ASSERTION_COUNT; i++)
		assert((set->unsaid & (1U << i)) == 0 ||
		    set->v[i].status == ASSERTION_UNAVAILABLE);
	assert(set->text_used <= sizeof(set->text));
	check_address(&set->v[ASSERTION_ADDR], &set->addr);
	check_address(&set->v[ASSERTION_DESTADDR], &set->destaddr);
}

/* No blank but between attributes, nothing that smtpd's tokenizer knows. */
static void
check_line(const char *line, size_t len)
{
	assert(strlen(line) == len);
	assert(strpbrk(line, "\"\\<>()\t\r\n") == NULL);
	assert(strstr(line, "  ") == NULL);
}

static void
check_set(const struct assertion_set *set)
{
	struct assertion_set	 again;
	char			 line[ASSERTION_LINE_MAX];
	struct span		 args;
	size_t			 len;
	enum xtext_mode		 mode;

	check_values(set);
	assert(assertion_print(set, line, sizeof(line), &len));
	check_line(line, len);
	args = span_of(strchr(line, ' '));
	for (mode = XTEXT_STRICT; mode <= XTEXT_LEGACY; mode++) {
		assert(assertion_parse(args, set->command, mode, &again,
		    NULL) == ASSERTION_OK);
		assert(again.unsaid == 0);
		check_same(set, &again);
	}
	assertion_copy(&again, set);
	check_same(set, &again);
}

/* Every value goes back into an empty set by its plain text. */
static void
check_set_value(const struct assertion_set *set)
{
	struct assertion_set	 again;
	int			 i;

	assertion_init(&again, set->command);
	for (i = ASSERTION_COUNT - 1; i >= 0; i--)
		assert(set->v[i].status == ASSERTION_ABSENT ||
		    assertion_set_value(&again, i, set->v[i].status,
		    span_of(set->v[i].value)));
	check_same(set, &again);
}

/* The same bytes in memory of their own, so that a sanitizer sees their end. */
static bool
parse_copy(struct span text, enum assertion_command command,
    enum xtext_mode mode, struct assertion_set *set_r)
{
	struct err		 err;
	char			*copy = malloc(text.n + (text.n == 0));
	enum assertion_result	 result;

	if (copy == NULL)
		return false;
	memcpy(copy, text.p, text.n);
	result = assertion_parse((struct span){ copy, text.n }, command, mode,
	    set_r, &err);
	free(copy);
	return result == ASSERTION_OK;
}

/* What the strict mode takes, the legacy mode takes for the same. */
static void
check_modes_agree(struct span text, enum assertion_command command)
{
	struct assertion_set	 strict, legacy;

	if (!parse_copy(text, command, XTEXT_STRICT, &strict))
		return;
	assert(parse_copy(text, command, XTEXT_LEGACY, &legacy));
	check_same(&strict, &legacy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct assertion_set	 base, over;
	struct span		 text, rest = { "", 0 };
	enum assertion_command	 command;
	enum xtext_mode		 mode;
	const char		*lf;

	if (size == 0)
		return 0;
	command = data[0] & 1 ? ASSERTION_XFORWARD : ASSERTION_XCLIENT;
	mode = data[0] & 2 ? XTEXT_LEGACY : XTEXT_STRICT;
	text = (struct span){ (const char *)data + 1, size - 1 };
	if (text.n > 0 && (lf = memchr(text.p, '\n', text.n)) != NULL) {
		rest = span_skip(text, (size_t)(lf - text.p) + 1);
		text.n = (size_t)(lf - text.p);
	}
	check_modes_agree(text, command);
	if (!parse_copy(text, command, mode, &base))
		return 0;
	check_set(&base);
	check_set_value(&base);
	if (!parse_copy(rest, command, mode, &over))
		return 0;
	assertion_merge(&base, &over);
	check_set(&base);
	return 0;
}
