/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_ask: asks an administrator's program whether a message has come to the
 * server, of which the reply was not seen.
 */
#ifndef XC_CTL_INJECT_ASK_H
#define XC_CTL_INJECT_ASK_H

#include "inject_source.h"

#define INJECT_ASK_SECONDS	120	/* then it is ended */

enum inject_asked {
	INJECT_IS_THERE,	/* exit status 0 */
	INJECT_IS_NOT_THERE,	/* 1 */
	INJECT_CANNOT_TELL	/* all else: err */
};

/* Runs "program <sender> <recipient>" with the message on standard input. */
enum inject_asked	inject_ask(const char *program,
			    const struct inject_item *item,
			    const char *sender, const char *rcpt,
			    struct err *err);

#endif
