/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_source_private: a kind of source.
 *
 * Private to inject_source*.c.
 */
#ifndef XC_CTL_INJECT_SOURCE_PRIVATE_H
#define XC_CTL_INJECT_SOURCE_PRIVATE_H

#include "inject_source.h"

struct inject_source_ops {
	enum inject_next	(*next)(struct inject_source *source,
				    struct inject_item *item_r,
				    struct err *err);
	int	(*rewind)(struct inject_source *source, struct err *err);
	/* These may be NULL: there is nothing to be done, and nobody there. */
	int	(*remove)(struct inject_source *source,
		    const struct inject_item *item, struct err *err);
	/* NULL: keys say no places. */
	bool	(*is_at)(struct inject_source *source,
		    const struct inject_item *item, off_t place);
	char	*(*asked)(struct inject_source *source,
		    const struct inject_item *item);
	int	(*finish)(struct inject_source *source,
		    const struct inject_finish *how, struct err *err);
	void	(*close)(struct inject_source *source);
};

/* The first member of each kind's own. */
struct inject_source {
	const struct inject_source_ops	*ops;
	const char			*path;
	uint64_t			 inode;
	uint64_t			 total, done;
};

/* NULL with err. */
typedef struct inject_source	*inject_source_opener(const char *path,
    enum inject_format format, struct err *err);

inject_source_opener	 inject_source_directory;
inject_source_opener	 inject_source_mbox;
inject_source_opener	 inject_source_stdin;

/* Fills the digest of the bytes that the item has.  0, or -1 with err. */
int	inject_source_digest(struct inject_item *item, struct err *err);
/* It in hexadecimal digits, and a NUL. */
#define INJECT_DIGEST_SIZE	(2 * INJECT_DIGEST_LEN + 1)
void	inject_source_digest_text(const struct inject_item *item,
	    char buf[INJECT_DIGEST_SIZE]);

/* Copies bytes from one file to another.  0, or -1 with errno. */
int	inject_source_copy(int from, off_t begin, off_t end, int to);

#endif
