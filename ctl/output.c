/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * output: see output.h.  Texts come from clients: none reaches a terminal with
 * a byte in it that could be a command to that.  What is one stands here alone,
 * around texts and never in them.
 */
#include "output.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static json_t *
must(json_t *value)
{
	if (value == NULL)
		ctl_die(EX_OSERR, "out of memory");
	return value;
}

json_t *
output_span(struct span text)
{
	char	*copy = malloc(4 * text.n + 1), *to = copy;
	json_t	*value;
	size_t	 i;

	if (copy == NULL)
		ctl_die(EX_OSERR, "out of memory");
	for (i = 0; i < text.n; i++)
		if (text.p[i] >= ' ' && text.p[i] <= '~' && text.p[i] != '\\')
			*to++ = text.p[i];
		else
			to += sprintf(to, "\\x%02X",
			    (unsigned char)text.p[i]);
	*to = '\0';
	value = must(json_string(copy));
	free(copy);
	return value;
}

json_t *
output_text(const char *text)
{
	return text == NULL ? json_null() : output_span(span_of(text));
}

json_t *
output_address(const struct address *addr)
{
	char	 text[ADDRESS_TEXT_SIZE];

	return addr->family == AF_UNSPEC ? json_null() :
	    output_text(address_format(addr, text, sizeof text));
}

json_t *
output_time(uint64_t time_ms)
{
	time_t		 when = (time_t)(time_ms / 1000);
	char		 text[sizeof "2026-11-30T12:00:00Z" + 8];
	struct tm	 tm;

	if (time_ms == 0 || gmtime_r(&when, &tm) == NULL ||
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_null();
	return output_text(text);
}

json_t *
output_new(void)
{
	return must(json_object());
}

json_t *
output_new_array(void)
{
	return must(json_array());
}

void
output_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		ctl_die(EX_OSERR, "out of memory");
}

void
output_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		ctl_die(EX_OSERR, "out of memory");
}

const char *
output_text_at(const json_t *object, const char *key)
{
	const char	*text;

	text = json_string_value(json_object_get(object, key));
	return text == NULL ? "" : text;
}

/*
 * Colours
 */

#define STRONG	"\033[1m"
#define GOOD	"\033[32m"
#define DOUBT	"\033[33m"
#define BAD	"\033[31m"

static bool
has_colours(void)
{
	const char	*none = getenv("NO_COLOR"), *term = getenv("TERM");

	return (none == NULL || *none == '\0') && term != NULL &&
	    *term != '\0' && strcmp(term, "dumb") != 0 &&
	    isatty(STDOUT_FILENO) == 1;
}

const char *
output_begin(const char *key, const char *text)
{
	/* The first whose text is how it begins. */
	static const struct {
		const char	*key, *text, *begin;
	} colours[] = {
		{ "effect", "gains", GOOD }, { "effect", "loses", BAD },
		{ "effect", "undecided", DOUBT },
		{ "profile", "", STRONG },
		{ "result", "reloaded", GOOD }, { "result", "", BAD },
		{ "severity", "error", BAD }, { "severity", "warning", DOUBT },
		{ "state", "up", GOOD }, { "state", "answers", GOOD },
		{ "state", "well", GOOD }, { "state", "warns", DOUBT },
		{ "state", "refused", BAD }, { "state", "message", BAD },
		{ "state", "down", BAD }, { "state", "silent", BAD },
		{ "state", "bad", BAD }, { "state", "forbidden", BAD },
		{ "tap", "ok", GOOD }, { "tap", "not ok", BAD },
		{ "title", "", STRONG },
		{ "trial", "", DOUBT },
		{ "verdict", "permit (", DOUBT }, { "verdict", "permit", GOOD },
		{ "verdict", "-", "" }, { "verdict", "", BAD }
	};
	size_t	 i;

	for (i = 0; i < sizeof colours / sizeof colours[0]; i++)
		if (strcmp(colours[i].key, key) == 0 && strncmp(text,
		    colours[i].text, strlen(colours[i].text)) == 0)
			return has_colours() ? colours[i].begin : "";
	return "";
}

const char *
output_end(const char *begun)
{
	return *begun == '\0' ? "" : "\033[0m";
}

static void
print_json(const json_t *value)
{
	if (json_dumpf(value, stdout, JSON_INDENT(2)) != 0)
		ctl_die(EX_IOERR, "standard output cannot be written");
	printf("\n");
}

/* As a person reads it, in buf where it is made; never NULL. */
static const char *
shown(const json_t *value, char buf[32])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value)) {
		(void)snprintf(buf, 32, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
		return buf;
	}
	if (json_is_real(value)) {
		(void)snprintf(buf, 32, "%g", json_real_value(value));
		return buf;
	}
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	return "-";
}

static const char *
cell(const json_t *row, const struct output_column *column, char buf[32])
{
	return shown(json_object_get(row, column->key), buf);
}

#define COLUMNS_MAX	12

static void
measure(const json_t *rows, const struct output_column *columns,
    size_t width[COLUMNS_MAX])
{
	bool		 is_cut = isatty(STDOUT_FILENO) == 1;
	const json_t	*row;
	char		 buf[32];
	size_t		 i, c, n;

	for (c = 0; columns[c].key != NULL; c++) {
		width[c] = strlen(columns[c].key);
		json_array_foreach(rows, i, row) {
			n = strlen(cell(row, &columns[c], buf));
			if (n > width[c])
				width[c] = n;
		}
		if (is_cut && columns[c].width_max > 0 &&
		    width[c] > columns[c].width_max)
			width[c] = columns[c].width_max;
	}
}

/* The last one is not padded. */
static void
print_cell(const char *key, const char *text, size_t width, bool is_last)
{
	const char	*begun = output_begin(key, text);

	if (is_last)
		printf("%s%.*s%s\n", begun, (int)width, text,
		    output_end(begun));
	else
		printf("%s%-*.*s%s  ", begun, (int)width, (int)width, text,
		    output_end(begun));
}

static void
print_titles(const struct output_column *columns,
    const size_t width[COLUMNS_MAX])
{
	char	 title[32];
	size_t	 c, i;

	for (c = 0; columns[c].key != NULL; c++) {
		for (i = 0; columns[c].key[i] != '\0' &&
		    i + 1 < sizeof title; i++)
			title[i] = (char)toupper(
			    (unsigned char)columns[c].key[i]);
		title[i] = '\0';
		print_cell("title", title, width[c],
		    columns[c + 1].key == NULL);
	}
}

void
output_table(const struct ctl *ctl, json_t *rows,
    const struct output_column *columns)
{
	size_t	 width[COLUMNS_MAX], i, c;
	char	 buf[32];
	json_t	*row;

	if (ctl->is_json) {
		print_json(rows);
	} else {
		measure(rows, columns, width);
		print_titles(columns, width);
		json_array_foreach(rows, i, row)
			for (c = 0; columns[c].key != NULL; c++)
				print_cell(columns[c].key, cell(row,
				    &columns[c], buf), width[c],
				    columns[c + 1].key == NULL);
	}
	json_decref(rows);
}

/* What an object holds, in one line, without the keys. */
static void
print_inline(const json_t *value)
{
	const char	*key, *gap = "";
	json_t		*member;
	char		 buf[32];

	if (!json_is_object(value)) {
		printf("%s\n", shown(value, buf));
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
		if (!json_is_null(member)) {
			printf("%s%s", gap, shown(member, buf));
			gap = "  ";
		}
	printf("\n");
}

static void
print_field(const char *key, const json_t *value, size_t width)
{
	const json_t	*element;
	const char	*text, *begun;
	char		 buf[32];
	size_t		 i;

	if (json_is_null(value))
		return;
	if (!json_is_array(value)) {
		text = shown(value, buf);
		begun = output_begin(key, text);
		printf("%-*s  %s%s%s\n", (int)width, key, begun, text,
		    output_end(begun));
		return;
	}
	json_array_foreach(value, i, element) {
		printf("%-*s  ", (int)width, i == 0 ? key : "");
		print_inline(element);
	}
}

void
output_object(const struct ctl *ctl, json_t *object)
{
	const char	*key;
	json_t		*value;
	size_t		 width = 0;

	if (ctl->is_json) {
		print_json(object);
	} else {
		json_object_foreach(object, key, value)
			if (strlen(key) > width)
				width = strlen(key);
		json_object_foreach(object, key, value)
			print_field(key, value, width);
	}
	json_decref(object);
}
