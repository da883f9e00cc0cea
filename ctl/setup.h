/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup: what the parts of "xcontext setup" are given.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_H
#define XC_CTL_SETUP_H

#include "ctl.h"
#include "postfix.h"

/* In the order of the verb's options. */
enum setup_option {
	SETUP_PLAN, SETUP_APPLY, SETUP_CHECK, SETUP_UNDO,
	SETUP_DIRECTORY, SETUP_INSTANCE, SETUP_WIRING, SETUP_BIND, SETUP_PORT,
	SETUP_MESSENGERS, SETUP_PUBLIC, SETUP_FORCE, SETUP_RELOAD,
	SETUP_WHERE, SETUP_MAIL, SETUP_REBUILD
};

struct setup;
struct setup_plan;

/* What xcontext is attached to, and how. */
struct setup_subject {
	const char	*name;		/* the verb's argument */
	const char	*journal;	/* its journals begin so; NULL: "" */
	/* What --plan and --apply are about; exits if it cannot be told. */
	void		(*read)(struct setup *setup);
	/* What --undo is about: sets the directory alone. */
	void		(*locate)(struct setup *setup);
	/* Fills the empty plan; exits if there can be none. */
	void		(*plan)(struct setup *setup, struct setup_plan *plan);
	/* Reads it again, and asks the server about its files.  0, or -1 with
	 * err: they are not well. */
	int		(*verify)(struct setup *setup, struct err *err);
	/* What --reload does.  0, or -1 with err. */
	int		(*reload)(struct setup *setup, struct err *err);
	/* The command lines that make what was undone take effect, with a tab
	 * in front of all but the first. */
	const char	*(*undone)(struct setup *setup);
	/* --check; returns the exit status. */
	int		(*check)(struct setup *setup);
};

struct setup {
	struct ctl			*ctl;
	const struct conf		*conf;
	const struct setup_subject	*subject;
	struct pool			 pool;
	const char			*directory;	/* of the server's
							 * files */
	struct postfix			 pf;	/* of a Postfix */
};

/* A path of the configuration's "unix:/path"; NULL: it is no such socket. */
const char	*setup_path(const char *listen);

/* Any file, whole, in the pool; exits if it cannot be read. */
const char	*setup_read(struct setup *setup, const char *path);

#endif
