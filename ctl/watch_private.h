/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * watch_private: what is watched, and what of it is shown how; for watch*.c
 * alone.
 */
#ifndef XC_CTL_WATCH_PRIVATE_H
#define XC_CTL_WATCH_PRIVATE_H

#include "watch.h"

#define WATCH_TEXT_SIZE	64

/* What is asked of the user. */
enum watch_question {
	WATCH_NOTHING,
	WATCH_REVOKE,		/* the session "asked"; y or not */
	WATCH_FILTER		/* "typed" is being typed */
};

struct watch {
	const struct output_column *columns;
	json_t			*rows;		/* all that there are */
	const json_t		**shown;	/* those that fit the filter,
						 * in order */
	size_t			 n_shown;
	size_t			 by;		/* the column of the order */
	bool			 is_falling;
	char			 filter[WATCH_TEXT_SIZE];	/* "": none */
	char			 selected[WATCH_TEXT_SIZE];	/* its session;
						 * stays with it */
	size_t			 at;		/* where that is in shown */
	size_t			 top;		/* the first on the screen */
	enum watch_question	 question;
	char			 asked[WATCH_TEXT_SIZE];
	char			 about[WATCH_TEXT_SIZE];
	char			 typed[WATCH_TEXT_SIZE];
	/* What became of the last thing; "": the keys are told. */
	char			 said[sizeof(struct err) + 128];
};

/* Makes shown of rows, by the filter and the order, and finds the selected one
 * again, or who stands in its place. */
void	watch_order(struct watch *watch);

/* Selects the n-th of those shown, or the last. */
void	watch_select(struct watch *watch, size_t n);

/* Draws all of it. */
void	watch_screen_draw(struct watch *watch);

/* The rows that have room. */
size_t	watch_screen_room(void);

/* A cell as a person reads it; buf is for numbers. */
const char	*watch_cell(const json_t *row, const char *key, char buf[32]);

#endif
