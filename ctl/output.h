/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * output: what a verb has found, printed for a person or for a program.
 *
 * A verb makes its data once, as JSON; what a person sees is made of that, so
 * that the two cannot disagree.
 */
#ifndef XC_CTL_OUTPUT_H
#define XC_CTL_OUTPUT_H

#include <jansson.h>

#include "base/address.h"
#include "ctl.h"

struct output_column {
	const char	*key;		/* of each row; the title is this in
					 * capitals */
	unsigned	 width_max;	/* on a terminal; 0: any */
};

/* A text as JSON: what is not printable ASCII, and "\", is "\xHH".  NULL is
 * null.  Out of memory ends the program, here as in all of these. */
json_t	*output_text(const char *text);
json_t	*output_span(struct span text);		/* whatever its length */
json_t	*output_address(const struct address *addr);
/* "2026-11-30T12:00:00Z", of milliseconds since the epoch; 0: null. */
json_t	*output_time(uint64_t time_ms);

/* An empty object, an empty array. */
json_t	*output_new(void);
json_t	*output_new_array(void);

/* Puts it; takes value's reference. */
void	output_put(json_t *object, const char *key, json_t *value);
void	output_append(json_t *array, json_t *value);

/* What an object has as a text; "": nothing, or no text. */
const char	*output_text_at(const json_t *object, const char *key);

/*
 * What has to be printed before a text that says this under that key, so that it
 * is seen at once: a colour on a terminal, "" elsewhere, where NO_COLOR is set
 * to anything, or for a text with no colour of its own.  And behind it.
 */
const char	*output_begin(const char *key, const char *text);
const char	*output_end(const char *begun);

/* Prints an array of objects as a table; key NULL ends the columns.  Its
 * reference is taken. */
void	output_table(const struct ctl *ctl, json_t *rows,
	    const struct output_column *columns);

/*
 * Prints an object, one line for each key; one whose value is null is left out,
 * and each element of an array has a line.  Its reference is taken.
 */
void	output_object(const struct ctl *ctl, json_t *object);

#endif
