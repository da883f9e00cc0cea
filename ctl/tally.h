/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tally: how often something was seen, when first and when last, and an
 * example of it.
 *
 * What is seen is a text; it takes memory once, however often it comes.
 */
#ifndef XC_CTL_TALLY_H
#define XC_CTL_TALLY_H

#include <jansson.h>

#define TALLY_TIME_SIZE	48

struct tally_row {
	const char	*key;
	unsigned long	 n;
	char		 first[TALLY_TIME_SIZE];	/* "": not known */
	char		 last[TALLY_TIME_SIZE];
	const char	*example;
};

struct tally;

/* Exits if there is no memory, as all of these do. */
struct tally		*tally_new(void);
void			 tally_free(struct tally *tally);

/* Counts key once.  time NULL: it is not known when; example is kept the first
 * time.  The row lives until the next call. */
struct tally_row	*tally_add(struct tally *tally, const char *key,
			    const char *time, const char *example);

/* NULL: it was never seen. */
const struct tally_row	*tally_find(const struct tally *tally,
			    const char *key);

/* In the order of keys, or with the most frequent first; they live until the
 * next tally_add.  *n_r is how many there are. */
const struct tally_row	*tally_by_key(struct tally *tally, size_t *n_r);
const struct tally_row	*tally_by_count(struct tally *tally, size_t *n_r);

/* Puts "count", "first", "last" and "example" into an object. */
void			 tally_put(json_t *object,
			    const struct tally_row *row);

/* These of each row, the most frequent first, with its key as "why". */
json_t			*tally_reasons(struct tally *tally);

#endif
