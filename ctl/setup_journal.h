/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_journal: what the files were before setup changed them, and what it has
 * made of them, on disk before the first of them is touched.
 *
 * It is there once "journal.json" is, which takes its place in one step; so
 * whatever ends the program at whatever moment, either nothing was changed, or
 * all of it can be put back.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_JOURNAL_H
#define XC_CTL_SETUP_JOURNAL_H

#include <sys/types.h>

#include "setup.h"
#include "setup_plan.h"

/* One file. */
struct setup_journal_file {
	const char	*path;
	const char	*old, *new;	/* its whole text */
	mode_t		 mode;
	uid_t		 uid;
	gid_t		 gid;
};

struct setup_journal {
	unsigned			 generation;	/* 0: there is none */
	struct setup_journal_file	 files[SETUP_FILES];
	size_t				 n_files;
};

/* Makes the directory of this instance and takes its lock until the program
 * ends.  Exits if it cannot, or if another has it. */
void	setup_journal_lock(struct setup *setup);

/* True if there is one of this instance. */
bool	setup_journal_exists(struct setup *setup);

/* What is on disk, all of it in the pool; generation 0 if nothing is.  Exits if
 * it cannot be read. */
void	setup_journal_read(struct setup *setup,
	    struct setup_journal *journal_r);

/* Puts it on disk, as the next generation, and takes the former one away.
 * Exits if it cannot; the former one is there then. */
void	setup_journal_write(struct setup *setup,
	    struct setup_journal *journal);

/* Takes it away. */
void	setup_journal_remove(struct setup *setup);

/*
 * Replaces a file in one step, by a new one beside it, with that mode and
 * owner.  0, or -1 with err: it is as it was.
 */
int	setup_journal_replace(struct setup *setup,
	    const struct setup_journal_file *file, const char *text,
	    struct err *err);

/* The name of the new file, while it is beside the other. */
const char	*setup_journal_beside(struct setup *setup, const char *path);

#endif
