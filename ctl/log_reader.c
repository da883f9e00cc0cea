/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_reader: see log_reader.h.
 */
#include "log_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include <zlib.h>

#include "ctl.h"

#define TOLD_MAX	5	/* damaged lines */
#define TIME_SIZE	64
/* What is longer than a line of ours is read as far as is needed to see it. */
#define BUF_SIZE	(2 * LOG_ENTRY_LINE_MAX + 2)

struct log_reader {
	const char		*path;
	gzFile			 file;
	char			 buf[BUF_SIZE];
	size_t			 at, end;
	bool			 is_eof;
	struct log_counts	 counts;
	char			 first[TIME_SIZE], last[TIME_SIZE];
	struct log_entry	 entry;
};

struct log_reader *
log_reader_open(const char *path)
{
	struct log_reader	*r = calloc(1, sizeof *r);

	if (r == NULL)
		ctl_die(EX_OSERR, "out of memory");
	errno = 0;
	r->file = strcmp(path, "-") == 0 ? gzdopen(dup(STDIN_FILENO), "rb") :
	    gzopen(path, "rb");
	if (r->file == NULL) {
		free(r);
		ctl_die(EX_NOINPUT, "%s: %s", path, errno == 0 ?
		    "out of memory" : strerror(errno));
	}
	r->path = path;
	(void)gzbuffer(r->file, 65536);
	return r;
}

void
log_reader_close(struct log_reader *r)
{
	if (r == NULL)
		return;
	(void)gzclose_r(r->file);
	free(r);
}

/* zlib says "unexpected end of file" of what ends within. */
static _Noreturn void
failed(struct log_reader *r)
{
	unsigned long	 line = r->counts.lines;
	int		 code, error = errno;
	const char	*path = r->path, *text = gzerror(r->file, &code);
	char		 why[128];

	(void)snprintf(why, sizeof why, "%s", code == Z_ERRNO ?
	    strerror(error) : text);
	log_reader_close(r);
	ctl_die(code == Z_ERRNO ? EX_IOERR : EX_DATAERR, "%s: behind line "
	    "%lu: %s", path, line, why);
}

static void
fill(struct log_reader *r)
{
	int	 n, code;

	memmove(r->buf, r->buf + r->at, r->end - r->at);
	r->end -= r->at;
	r->at = 0;
	n = gzread(r->file, r->buf + r->end,
	    (unsigned)(sizeof r->buf - r->end));
	if (n < 0)
		failed(r);
	r->end += (size_t)n;
	if (n > 0)
		return;
	(void)gzerror(r->file, &code);
	if (code != Z_OK && code != Z_STREAM_END)
		failed(r);
	r->is_eof = true;
}

/* Takes what is left of a line that is too long. */
static void
skip_line(struct log_reader *r)
{
	char	*newline;

	for (;;) {
		newline = memchr(r->buf + r->at, '\n', r->end - r->at);
		if (newline != NULL) {
			r->at = (size_t)(newline + 1 - r->buf);
			return;
		}
		r->at = r->end;
		if (r->is_eof)
			return;
		fill(r);
	}
}

/* False: that was all. */
static bool
next_line(struct log_reader *r, struct span *line_r)
{
	char	*newline;

	for (;;) {
		newline = memchr(r->buf + r->at, '\n', r->end - r->at);
		if (newline != NULL || r->is_eof ||
		    r->end - r->at > LOG_ENTRY_LINE_MAX)
			break;
		fill(r);
	}
	*line_r = (struct span){ r->buf + r->at, newline != NULL ?
	    (size_t)(newline - r->buf) - r->at : r->end - r->at };
	if (newline == NULL && line_r->n == 0)
		return false;
	r->counts.lines++;
	r->at += line_r->n + (newline != NULL);
	/* Of what is too long only that is said. */
	if (newline == NULL && line_r->n > LOG_ENTRY_LINE_MAX)
		skip_line(r);
	return true;
}

static void
note_damage(struct log_reader *r)
{
	if (++r->counts.damaged <= TOLD_MAX)
		fprintf(stderr, "%s: %s:%lu: damaged: %s\n", CTL_PROGRAM,
		    r->path, r->counts.lines, r->entry.why);
	else if (r->counts.damaged == TOLD_MAX + 1)
		fprintf(stderr, "%s: %s: more are damaged\n", CTL_PROGRAM,
		    r->path);
}

static void
note_time(struct log_reader *r)
{
	const char	*text = r->entry.time;

	if (text == NULL || strlen(text) >= TIME_SIZE)
		return;
	(void)strcpy(r->last, text);
	if (r->first[0] == '\0')
		(void)strcpy(r->first, text);
}

static void
count(struct log_reader *r)
{
	switch (r->entry.kind) {
	case LOG_ENTRY_FOREIGN:
		r->counts.foreign++;
		return;
	case LOG_ENTRY_DAMAGED:
		note_damage(r);
		return;
	case LOG_ENTRY_EVENT:
		r->counts.others++;
		break;
	case LOG_ENTRY_DECISION:
		r->counts.decisions++;
		break;
	}
	note_time(r);
}

const struct log_entry *
log_reader_any(struct log_reader *r, struct span *line_r)
{
	while (next_line(r, line_r)) {
		log_entry_read(*line_r, &r->entry);
		count(r);
		if (r->entry.kind != LOG_ENTRY_DAMAGED)
			return &r->entry;
	}
	return NULL;
}

const struct log_entry *
log_reader_next(struct log_reader *r)
{
	const struct log_entry	*e;
	struct span		 line;

	while ((e = log_reader_any(r, &line)) != NULL)
		if (e->kind == LOG_ENTRY_DECISION)
			return e;
	return NULL;
}

const struct log_counts *
log_reader_counts(const struct log_reader *r)
{
	return &r->counts;
}

const char *
log_reader_first(const struct log_reader *r)
{
	return r->first[0] == '\0' ? NULL : r->first;
}

const char *
log_reader_last(const struct log_reader *r)
{
	return r->last[0] == '\0' ? NULL : r->last;
}
