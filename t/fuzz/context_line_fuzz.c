/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_line_fuzz: no line gets a name or a value past the rules; what was
 * read can be added, printed and read again, and is then the same.
 */
#include "context/context_line.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/xtext.h"

/* Of a line that has three characters for each byte. */
#define PRINTED_MAX	(4 * sizeof(((struct context_line *)0)->text))

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const struct context_assignment *a)
{
	const char	*p;

	assert(strlen(a->name) == a->name_len);
	assert(a->name_len >= 1 && a->name_len <= CONTEXT_NAME_MAX);
	for (p = a->name; *p != '\0'; p++)
		assert(strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", *p));
}

/*
 * The rules once more, told otherwise: by what no value may contain, and by
 * what may follow each first byte.
 */
static void
check_value(const struct context_assignment *a)
{
	const unsigned char	*p = (const unsigned char *)a->value;

	assert(strlen(a->value) == a->value_len);
	assert(a->value_len <= CONTEXT_VALUE_MAX);
	while (*p != '\0') {
		size_t	 i, n = 0;

		assert(*p >= 0x20 && *p != 0x7f);
		assert(*p < 0x80 || (*p >= 0xc2 && *p <= 0xf4));
		assert(!(*p == 0xc2 && p[1] < 0xa0));
		assert(!(*p == 0xe0 && p[1] < 0xa0));
		assert(!(*p == 0xed && p[1] > 0x9f));
		assert(!(*p == 0xf0 && p[1] < 0x90));
		assert(!(*p == 0xf4 && p[1] > 0x8f));
		assert(strncmp((const char *)p, "\xe2\x80\xa8", 3) != 0);
		assert(strncmp((const char *)p, "\xe2\x80\xa9", 3) != 0);
		n = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc2 ? 1 : 0;
		for (i = 1; i <= n; i++)
			assert(p[i] >= 0x80 && p[i] <= 0xbf);
		p += n + 1;
	}
}

static void
check_same(const struct context_line *a, const struct context_line *b)
{
	unsigned	 i;

	assert(a->n == b->n && a->used == b->used);
	for (i = 0; i < a->n; i++) {
		assert(strcmp(a->v[i].name, b->v[i].name) == 0);
		assert(strcmp(a->v[i].value, b->v[i].value) == 0);
	}
}

static void
check_added(const struct context_line *line, struct context_line *again)
{
	unsigned	 i;

	again->n = 0;
	again->used = 0;
	for (i = 0; i < line->n; i++) {
		const struct context_assignment	*a = &line->v[i];

		assert(context_line_add(again,
		    (struct span){ a->name, a->name_len },
		    (struct span){ a->value, a->value_len }, NULL));
		assert(!context_line_add(again,
		    (struct span){ a->name, a->name_len },
		    (struct span){ "", 0 }, NULL));
	}
	check_same(line, again);
}

static void
check_printed(const struct context_line *line, struct context_line *again)
{
	char		*buf = malloc(PRINTED_MAX);
	size_t		 n = 0, len;
	unsigned	 i;

	if (buf == NULL)
		return;
	for (i = 0; i < line->n; i++) {
		const struct context_assignment	*a = &line->v[i];

		memcpy(buf + n, a->name, a->name_len);
		n += a->name_len;
		buf[n++] = '=';
		assert(xtext_encode((struct span){ a->value, a->value_len },
		    buf + n, PRINTED_MAX - n, &len) == XTEXT_OK);
		n += len;
		buf[n++] = ' ';
	}
	assert(context_line_parse((struct span){ buf, n }, again, NULL));
	check_same(line, again);
	free(buf);
}

/* One line of printable ASCII that says which pair. */
static void
check_error(const struct err *err)
{
	const char	*p;

	assert(strlen(err->text) > 0);
	assert(strlen(err->text) < sizeof(err->text) - 1);
	for (p = err->text; *p != '\0'; p++)
		assert(*p >= 32 && *p <= 126);
	assert(strstr(err->text, "expected ") != NULL ||
	    strstr(err->text, ": the value is over ") != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct context_line	 line, again;
	struct span			 in = { (const char *)data, size };
	struct err			 err = { "" };
	unsigned			 i;

	if (!context_line_parse(in, &line, &err)) {
		check_error(&err);
		return 0;
	}
	assert(line.n >= 1 && line.n <= CONTEXT_LINE_PAIRS);
	for (i = 0; i < line.n; i++) {
		check_name(&line.v[i]);
		check_value(&line.v[i]);
	}
	check_added(&line, &again);
	check_printed(&line, &again);
	return 0;
}
