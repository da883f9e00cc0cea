/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_fuzz: opens a table and asks it.
 *
 * The first byte chooses: a table file of some type, or a spec.  Up to the
 * first line "%%" goes the table; each line behind it is a key, and so is the
 * whole rest.  What is found must be the same twice, and well-formed.
 */
#include <sys/mman.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table/table.h"

#define INPUT_MAX	8192
#define SEPARATOR	"\n%%\n"

/* assert() may be compiled out; this may not. */
static void
must(int claim)
{
	if (!claim)
		abort();
}

/*
 * regcomp() copies what is repeated, and copies of copies take all memory:
 * known, and the administrator's to write.  It is not what is looked for here.
 */
static int
repeats_a_lot(const char *text)
{
	int	 n = 0;

	for (; *text != '\0'; text++) {
		if (*text == '{')
			return 1;
		n += *text == '+';
	}
	return n > 6;
}

static struct table *
open_file(const char *type, const char *text, size_t n, struct err *err)
{
	struct table	*table;
	char		 spec[80];
	int		 fd = memfd_create("table", MFD_CLOEXEC);

	must(fd != -1 && write(fd, text, n) == (ssize_t)n);
	snprintf(spec, sizeof(spec), "%s:/proc/self/fd/%d", type, fd);
	table = table_open(spec, err);
	close(fd);
	return table;
}

/* A spec that names files, or a database, is somebody else's test. */
static struct table *
open_spec(const char *text, struct err *err)
{
	if (strstr(text, "lmdb:") != NULL || strchr(text, '/') != NULL ||
	    strstr(text, "regexp:") != NULL)
		return NULL;
	return table_open(text, err);
}

static struct table *
open_chosen(uint8_t choice, const char *text, size_t n, struct err *err)
{
	switch (choice) {
	case 'c':
		return open_file("cidr", text, n, err);
	case 'p':
		return open_file("pcre", text, n, err);
	case 'r':
		return repeats_a_lot(text) ? NULL :
		    open_file("regexp", text, n, err);
	case 't':
		return open_file("texthash", text, n, err);
	default:
		return open_spec(text, err);
	}
}

static void
check_key(const struct table *table, struct span key)
{
	struct table_answer	 a = { 0 }, b = { 0 };
	enum table_result	 result = table_find(table, key, &a);

	must(table_find(table, key, &b) == result);
	if (result == TABLE_FOUND) {
		must(a.len <= TABLE_VALUE_MAX && strlen(a.value) == a.len);
		must(a.len == b.len && memcmp(a.value, b.value, a.len) == 0);
		must(a.file != NULL && a.file == b.file && a.line == b.line);
	}
	if (result == TABLE_CANNOT_TELL)
		must(a.err.text[0] != '\0');
	table_answer_clear(&a);
	table_answer_clear(&b);
}

static void
check_keys(const struct table *table, struct span keys)
{
	const char	*end;
	size_t		 n;

	check_key(table, keys);
	while (keys.n > 0) {
		end = memchr(keys.p, '\n', keys.n);
		n = end == NULL ? keys.n : (size_t)(end - keys.p);
		check_key(table, (struct span){ keys.p, n });
		keys = span_skip(keys, end == NULL ? n : n + 1);
	}
}

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span	 keys = { "", 0 };
	struct table	*table;
	struct err	 err = { "" };
	char		*text, *at;
	size_t		 n;

	if (size == 0 || size > INPUT_MAX || (text = malloc(size)) == NULL)
		return 0;
	n = size - 1;
	memcpy(text, data + 1, n);
	text[n] = '\0';
	at = memmem(text, n, SEPARATOR, strlen(SEPARATOR));
	if (at != NULL) {
		keys.p = at + strlen(SEPARATOR);
		keys.n = (size_t)(text + n - keys.p);
		n = (size_t)(at - text) + 1;
		text[n] = '\0';
	}
	if ((table = open_chosen(data[0], text, n, &err)) != NULL) {
		must(table_memory(table) > 0);
		check_keys(table, keys);
	}
	table_free(table);
	free(text);
	return 0;
}
