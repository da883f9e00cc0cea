/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_check_private: one smtpd that is looked at, for the parts of
 * setup_check.h about it.
 */
#ifndef XC_CTL_SETUP_CHECK_PRIVATE_H
#define XC_CTL_SETUP_CHECK_PRIVATE_H

#include "setup_check.h"

struct look {
	struct setup_check		*check;
	struct setup			*setup;
	struct pool			*pool;
	const struct postfix_service	*service;
	const char			*maps;	/* "unix:xcontext/maps" */
	bool				 is_guarded;	/* as in wiring B */
	bool				 has_milter, has_policy;
};

#define SETUP_CHECK_FIX	"xcontext setup postfix --plan shows the whole " \
	"wiring, --apply makes it"

/* A setting as it is in force, and where it is said. */
const char	*setup_check_value(const struct look *look,
		    const char *name);
const char	*setup_check_where(const struct look *look,
		    const char *name);

/* "; main.cf has it, but what master.cf says replaces that", where it is so of
 * that text; else "". */
const char	*setup_check_shadow(const struct look *look,
		    const char *name, const char *text);

/* setup_check_add, about a setting of that smtpd. */
#define SETUP_CHECK_AT(look, severity, name, ...)			\
	setup_check_add((look)->check, SETUP_CHECK_##severity,		\
	    setup_check_where(look, name), __VA_ARGS__)

/* The socket of the first table of ours that the smtpd asks; NULL: it asks
 * none. */
const char	*setup_check_find_maps(struct look *look);

/* What it asks: the tables and the command filter. */
void	setup_check_tables(struct look *look);

#endif
