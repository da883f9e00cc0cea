/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * action_fuzz: what is taken for an action can be a line of a policy reply,
 * says something, and is not what Postfix takes for OK by mistake; what is not
 * is told.
 */
#include "access/action.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

static const char	*const classes[] = { "strict", "a", NULL };

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static void
check_taken(const uint8_t *p, size_t n)
{
	size_t	 i, digits = 0, said = 0;

	assert(n <= ACTION_MAX);
	for (i = 0; i < n; i++) {
		assert((p[i] >= ' ' && p[i] != 0x7f) || p[i] == '\t');
		digits += is_digit(p[i]);
		said += p[i] != ' ' && p[i] != '\t' && p[i] != ',';
	}
	assert(said > 0);
	if (digits == n)
		assert(n > 3 || (p[0] != '4' && p[0] != '5'));
}

/* One more byte, which no reply can carry. */
static void
check_with_newline(const uint8_t *p, size_t n)
{
	char	*text = malloc(n + 1);

	if (text == NULL)
		return;
	if (n > 0)
		memcpy(text, p, n);
	text[n] = '\n';
	assert(action_check((struct span){ text, n + 1 }, classes, NULL) ==
	    ACTION_BAD);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span		 in = { (const char *)data, size };
	struct err		 err = { "" };
	enum action_result	 with, without;

	with = action_check(in, classes, &err);
	assert((with == ACTION_BAD) == (err.text[0] != '\0'));
	if (with != ACTION_BAD)
		check_taken(data, size);
	/* A class more makes nothing worse. */
	without = action_check(in, NULL, NULL);
	assert(without == ACTION_BAD || without == with);
	check_with_newline(data, size);
	return 0;
}
