/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * err: what went wrong, where, and what was expected, in one line of text.
 *
 * Setup functions return 0 or -1 and fill one of these, which the caller
 * owns.  It never logs.
 */
#ifndef XC_ERR_H
#define XC_ERR_H

#define ERR_TEXT_SIZE	512

struct err {
	char	text[ERR_TEXT_SIZE];
};

/*
 * Sets the text.  Always returns -1, so that "return err_set(...)" reads well.
 * A text that does not fit is cut.  err may be NULL.
 */
int	err_set(struct err *err, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* As err_set, with "file:line: " in front; line 0 leaves the number out. */
int	err_set_at(struct err *err, const char *file, unsigned line,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
