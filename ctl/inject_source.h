/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_source: stored messages, one by one, wherever they are stored.
 *
 * None of these holds more of a message than a block, nor more of a mailbox
 * than one message.  A message is taken out of the source only by
 * inject_source_remove and inject_source_finish; who calls them must know that
 * it is safe elsewhere.
 */
#ifndef XC_CTL_INJECT_SOURCE_H
#define XC_CTL_INJECT_SOURCE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define INJECT_NAME_SIZE	320
#define INJECT_KEY_SIZE		480
#define INJECT_DIGEST_LEN	32	/* SHA-256 */

enum inject_format {
	INJECT_STDIN,		/* one message, which is nobody's after that */
	INJECT_MBOX,
	INJECT_MAILDIR,
	INJECT_MH,
	INJECT_EML		/* a directory of files NAME.eml */
};
#define INJECT_FORMATS	(INJECT_EML + 1)

struct inject_item {
	char	 name[INJECT_NAME_SIZE];	/* for people */
	char	 key[INJECT_KEY_SIZE];		/* for the journal: another
					 * message has another one */
	int	 fd;			/* the item's own; -1: none */
	off_t	 begin, end;		/* of the message in it */
	off_t	 place;			/* mbox: of its "From " line */
	bool	 is_quoted;		/* "From " has ">" before it */
	uint8_t	 digest[INJECT_DIGEST_LEN];	/* of these bytes */
};

enum inject_next {
	INJECT_NEXT,
	INJECT_END,
	INJECT_FAILED		/* err */
};

struct inject_source;

/* "mbox"; -1: there is no such format.  And back. */
int		 inject_source_format(const char *text);
const char	*inject_source_format_text(enum inject_format format);

/* What is at path, "-" for standard input: by its look.  -1 with err. */
int		 inject_source_guess(const char *path, struct err *err);

/* NULL with err. */
struct inject_source	*inject_source_open(const char *path,
			    enum inject_format format, struct err *err);
void			 inject_source_close(struct inject_source *source);

/* The next message.  INJECT_NEXT: item_r is the caller's, to be cleared. */
enum inject_next	 inject_source_next(struct inject_source *source,
			    struct inject_item *item_r, struct err *err);
void			 inject_source_clear(struct inject_item *item);

/* From its first message on again. */
int	inject_source_rewind(struct inject_source *source, struct err *err);

/* Takes a message out of the source; it may be gone already.  In an mbox that
 * is done by inject_source_finish.  0, or -1 with err. */
int	inject_source_remove(struct inject_source *source,
	    const struct inject_item *item, struct err *err);

/*
 * Takes all messages out of an mbox for which is_done says so, at once, under
 * the mailbox's locks: a new file takes the place of the old one.  Before that
 * before() is called, with the new file's name for the journal, and after it
 * after().  Other sources have nothing to finish.  0, or -1 with err: it is as
 * it was.
 */
struct inject_finish {
	bool	(*is_done)(void *arg, const struct inject_item *item);
	int	(*before)(void *arg, uint64_t inode, struct err *err);
	int	(*after)(void *arg, struct err *err);
	void	*arg;
};
int	inject_source_finish(struct inject_source *source,
	    const struct inject_finish *how, struct err *err);

/* True if the same content stands at that place of an mbox, too. */
bool	inject_source_is_at(struct inject_source *source,
	    const struct inject_item *item, off_t place);

/*
 * Where who asks that keeps the place that he asked about last, of that content,
 * as text: "" if it is none, or the file is not the one any more that it was
 * then; it may be forgotten.  NULL: keys say no places.
 */
#define INJECT_PLACE_TEXT	(2 * sizeof(off_t) + 1)
char	*inject_source_asked(struct inject_source *source,
	    const struct inject_item *item);

/* What the file is to the journal; 0: it is none (all but an mbox). */
uint64_t	inject_source_inode(const struct inject_source *source);

/* How much there is, and how much of that was read: octets, or files. */
void	inject_source_extent(const struct inject_source *source,
	    uint64_t *total_r, uint64_t *done_r);

#endif
