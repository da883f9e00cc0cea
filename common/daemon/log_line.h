/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_line: takes apart what log writes as text: the other half of its quoting.
 *
 * It never allocates, and keeps no pointer.  It is strict: what log would not
 * have written is bad, and so is what somebody else has cut.
 */
#ifndef XC_LOG_LINE_H
#define XC_LOG_LINE_H

#include "base/span.h"

enum log_line_result {
	LOG_LINE_PAIR,
	LOG_LINE_END,	/* there is no other */
	LOG_LINE_CUT,	/* log has cut the line here: of the last pair some may
			 * be missing, and others behind it */
	LOG_LINE_BAD
};

/*
 * Takes the next pair off the front of *rest.
 *
 * LOG_LINE_PAIR: *key_r lies in what *rest was; the value, without its quotes
 * and escapes, is in buf, with a NUL behind it, and none in it; *len_r is its
 * length.  buf has room for rest->n octets.  Any other: no pair was there.
 */
enum log_line_result	log_line_next(struct span *rest, struct span *key_r,
			    char *buf, size_t *len_r);

#endif
