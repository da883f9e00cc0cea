/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_text: see conf_text.h.  It is a scanner of the same language, which only
 * looks: the text goes on as it is, but for comments, which become blanks, so
 * that lines stay where they were.
 */
#include "conf/conf_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_once.h"

#define DEPTH_MAX	8		/* of braces */

struct scan {
	const char		*file;
	char			*p, *end;
	unsigned		 line;
	unsigned		 depth;		/* of braces */
	unsigned		 open[DEPTH_MAX];	/* their lines; 0: a list's */
	unsigned		 outer_line;	/* of the outermost open one */
	char			 last;		/* mark before this one */
	struct conf_once	*once;
	struct conf_text	*text;
	struct err		*err;
};

#define BAD(scan, ...)							\
	err_set_at((scan)->err, (scan)->file, (scan)->line, __VA_ARGS__)

/* The byte n behind the current one, NUL behind the end. */
static char
peek(const struct scan *scan, size_t n)
{
	return (size_t)(scan->end - scan->p) > n ? scan->p[n] : '\0';
}

static void
blank_line_comment(struct scan *scan)
{
	while (scan->p < scan->end && *scan->p != '\n')
		*scan->p++ = ' ';
}

static int
blank_block_comment(struct scan *scan)
{
	unsigned	 begin = scan->line;

	for (; scan->p < scan->end; scan->p++) {
		if (*scan->p == '*' && peek(scan, 1) == '/') {
			scan->p[0] = scan->p[1] = ' ';
			scan->p += 2;
			return 0;
		}
		if (*scan->p == '\n')
			scan->line++;
		else
			*scan->p = ' ';
	}
	scan->line = begin;
	return BAD(scan, "comment without end");
}

/* What stands behind a backslash in a text in "double quotes". */
static int
check_escape(struct scan *scan)
{
	char	 c = peek(scan, 1);

	if (c == '\0' || strchr("\"\\$nt", c) == NULL)
		return BAD(scan, "unknown escape in \"...\", expected one "
		    "of \\\\ \\\" \\$ \\n \\t (or use '...')");
	scan->p += 2;
	return 0;
}

static int
skip_string(struct scan *scan)
{
	char	 quote = *scan->p++;

	while (scan->p < scan->end && *scan->p != '\n') {
		if (*scan->p == quote) {
			scan->p++;
			return 0;
		}
		if (*scan->p == '\\' && quote == '"') {
			if (check_escape(scan) == -1)
				return -1;
		} else if (*scan->p == '\\' && peek(scan, 1) != '\0' &&
		    peek(scan, 1) != '\n') {
			scan->p += 2;
		} else if (quote == '"' && *scan->p == '$' &&
		    peek(scan, 1) == '{') {
			return BAD(scan, "\"${\" in \"...\": write \\${ "
			    "(or use '...')");
		} else {
			scan->p++;
		}
	}
	return BAD(scan, "text without closing %c in its line", quote);
}

/* A name may be in quotes, too. */
static int
scan_string(struct scan *scan)
{
	const char	*begin = scan->p + 1;

	if (skip_string(scan) == -1)
		return -1;
	conf_once_word(scan->once, (struct span){ begin,
	    (size_t)(scan->p - begin) - 1 });
	return 0;
}

static bool
is_word(char c)
{
	return c != '\0' && strchr("abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:[]!@", c) != NULL;
}

static void
skip_word(struct scan *scan)
{
	const char	*begin = scan->p;

	while (scan->p < scan->end && is_word(*scan->p))
		scan->p++;
	conf_once_word(scan->once, (struct span){ begin,
	    (size_t)(scan->p - begin) });
}

/* A list's brace stands behind "=". */
static int
open_brace(struct scan *scan)
{
	if (scan->depth == DEPTH_MAX)
		return BAD(scan, "braces are nested too deeply");
	if (scan->depth == 0)
		scan->outer_line = scan->line;
	scan->open[scan->depth++] = scan->last == '=' ? 0 : scan->line;
	return 0;
}

/* Takes down where a section began; a brace too many is libconfuse's to
 * refuse. */
static int
close_brace(struct scan *scan)
{
	struct conf_text	*text = scan->text;
	unsigned		*grown, line;

	if (scan->depth == 0 || (line = scan->open[--scan->depth]) == 0)
		return 0;
	grown = reallocarray(text->section_line, text->n_sections + 1,
	    sizeof *grown);
	if (grown == NULL)
		return BAD(scan, "out of memory");
	text->section_line = grown;
	grown[text->n_sections++] = line;
	return 0;
}

/* What stands there again would take back what stood there before. */
static int
check_once(struct scan *scan)
{
	const char	*name;
	unsigned	 line;

	line = conf_once_mark(scan->once, *scan->p, scan->line, &name);
	if (line == 0)
		return 0;
	return BAD(scan, "%s is said already, in line %u", name, line);
}

static int
scan_mark(struct scan *scan)
{
	char	 c = *scan->p;

	if (c == '{' && open_brace(scan) == -1)
		return -1;
	if (c == '}' && close_brace(scan) == -1)
		return -1;
	if (c == '+' && peek(scan, 1) == '=')
		return BAD(scan, "\"+=\" is not supported: write the whole "
		    "list");
	if (strchr("{}=,", c) == NULL) {
		if ((unsigned char)c <= 0x20 || (unsigned char)c >= 0x7f)
			return BAD(scan, "byte \\x%02X outside of quotes",
			    (unsigned char)c);
		return BAD(scan, "unexpected '%c': a value with it must be "
		    "in quotes", c);
	}
	if (check_once(scan) == -1)
		return -1;
	scan->last = c;
	scan->p++;
	return 0;
}

/* One step: a comment, a text, a word or a mark. */
static int
scan_step(struct scan *scan)
{
	char	 c = *scan->p, next = peek(scan, 1);

	if (c == '\n')
		scan->line++;
	if (c == ' ' || c == '\t' || c == '\n') {
		scan->p++;
	} else if (c == '\r' && next == '\n') {
		*scan->p++ = ' ';
	} else if (c == '#' || (c == '/' && next == '/')) {
		blank_line_comment(scan);
	} else if (c == '/' && next == '*') {
		return blank_block_comment(scan);
	} else if (c == '"' || c == '\'') {
		scan->last = c;
		return scan_string(scan);
	} else if (is_word(c)) {
		scan->last = 'a';
		skip_word(scan);
	} else {
		return scan_mark(scan);
	}
	return 0;
}

/* Control bytes have no business in any part of the file. */
static int
check_bytes(struct scan *scan)
{
	const char	*p;

	for (p = scan->p; p < scan->end; p++) {
		unsigned char	 c = (unsigned char)*p;

		if (c == '\n')
			scan->line++;
		else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
			return BAD(scan, "control byte \\x%02X", c);
		else if (c == '\r' && (p + 1 == scan->end || p[1] != '\n'))
			return BAD(scan, "control byte \\x0D");
	}
	scan->line = 1;
	return 0;
}

static int
scan_all(const char *file, struct conf_text *text, struct err *err)
{
	struct scan	 scan = {
		.file = file,
		.p = text->text,
		.end = text->text + text->len,
		.line = 1,
		.text = text,
		.once = conf_once_new(),
		.err = err
	};
	int		 result;

	if (scan.once == NULL)
		return err_set_at(err, file, 0, "out of memory");
	result = check_bytes(&scan);
	while (result == 0 && scan.p < scan.end)
		result = scan_step(&scan);
	conf_once_free(scan.once);
	/* libconfuse takes the end of the file for a section's end. */
	if (result == 0 && scan.depth > 0)
		return err_set_at(err, file, scan.outer_line,
		    "\"{\" without closing \"}\"");
	return result;
}

/* Reads all of fd into text. */
static int
read_all(int fd, const char *file, struct conf_text *text, struct err *err)
{
	ssize_t	 n;

	text->text = malloc(CONF_TEXT_MAX + 1);
	if (text->text == NULL)
		return err_set_at(err, file, 0, "out of memory");
	while (text->len <= CONF_TEXT_MAX) {
		n = read(fd, text->text + text->len,
		    CONF_TEXT_MAX + 1 - text->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_set_at(err, file, 0, "cannot read: %s",
			    strerror(errno));
		if (n == 0)
			break;
		text->len += (size_t)n;
	}
	if (text->len > CONF_TEXT_MAX)
		return err_set_at(err, file, 0, "longer than %d bytes",
		    CONF_TEXT_MAX);
	text->text[text->len] = '\0';
	return 0;
}

/* Before the comments in it become blanks. */
static int
keep(const char *file, const struct conf_text *text, char **kept_r,
    struct err *err)
{
	*kept_r = malloc(text->len + 1);
	if (*kept_r == NULL)
		return err_set_at(err, file, 0, "out of memory");
	memcpy(*kept_r, text->text, text->len + 1);
	return 0;
}

int
conf_text_read(const char *file, struct conf_text *text_r, char **kept_r,
    struct err *err)
{
	struct conf_text	 text = { 0 };
	char			*kept = NULL;
	int			 fd, result;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return err_set_at(err, file, 0, "cannot open: %s",
		    strerror(errno));
	result = read_all(fd, file, &text, err);
	(void)close(fd);
	if (result == 0 && kept_r != NULL)
		result = keep(file, &text, &kept, err);
	if (result == 0)
		result = scan_all(file, &text, err);
	if (result == -1) {
		free(kept);
		conf_text_clear(&text);
		return -1;
	}
	*text_r = text;
	if (kept_r != NULL)
		*kept_r = kept;
	return 0;
}

void
conf_text_clear(struct conf_text *text)
{
	free(text->text);
	free(text->section_line);
	*text = (struct conf_text){ 0 };
}
