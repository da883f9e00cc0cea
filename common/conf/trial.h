/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trial: a configuration that is in force until a deadline only, unless it is
 * confirmed, as it stands on disk.
 *
 * Beside FILE, which is the new one, stand FILE.before, which was in its place,
 * and FILE.trial, the journal: since when, until when, by whom.  Whatever ends
 * whoever writes them, at whatever moment, what they mean is one of the states
 * below: FILE.before is on disk before the journal is, that before FILE is
 * replaced; to go back is to rename FILE.before, and then the journal goes; to
 * keep FILE is to remove the journal, and then FILE.before means nothing.  So
 * a host that comes up after the deadline finds that the former one counts,
 * though nobody was there to put it back.
 *
 * Nothing here loads a configuration or reads a clock.
 */
#ifndef XC_TRIAL_H
#define XC_TRIAL_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/conf.h"

#define TRIAL_PATH_SIZE	4096
#define TRIAL_BOOT_SIZE	37	/* "01234567-89ab-...", NUL included */
#define TRIAL_MAX_MS	(UINT64_C(7) * 86400 * 1000)

struct trial_clock {
	uint64_t	 real_ms;	/* CLOCK_REALTIME */
	uint64_t	 up_ms;		/* CLOCK_BOOTTIME */
	char		 boot[TRIAL_BOOT_SIZE];	/* which; "": not known */
};

struct trial {
	struct trial_clock	 begun;
	uint64_t		 until_ms;	/* as begun.real_ms */
	uint64_t		 fingerprint;	/* of the text on trial */
	uid_t			 owner;		/* of the former file, */
	mode_t			 mode;		/* by trial_begin */
	char			 by[CONF_BY_SIZE];
};

/*
 * What is left of it; 0: it is over.  Within one boot the clock that nobody
 * sets counts.  After another boot the other one must, and a time before its
 * beginning is none at which it can be on; so no clock makes it last longer
 * than it was to since the last boot.
 */
uint64_t	trial_left_ms(const struct trial *trial,
		    const struct trial_clock *now);

enum trial_state {
	TRIAL_NONE,		/* FILE counts */
	TRIAL_IGNORED,		/* the same, and err says why the journal does
				 * not count: others could have written it */
	TRIAL_OPEN,		/* FILE is on trial */
	TRIAL_OVER,		/* FILE.before counts */
	TRIAL_BACK,		/* FILE counts, which is the former one again;
				 * the journal is left over */
	TRIAL_CANNOT_TELL	/* err says why */
};

/* *trial_r is written where there is a journal that counts; all zero if it is
 * damaged, which ends the trial. */
enum trial_state	trial_look(const char *file,
			    const struct trial_clock *now,
			    struct trial *trial_r, struct err *err);

/* The name of FILE.before.  0, or -1 with err: it is too long. */
int	trial_before(const char *file, char path[TRIAL_PATH_SIZE],
	    struct err *err);

/*
 * Whoever changes something holds this lock, which goes with the process that
 * has it.  Returns a descriptor, or -1 with err; -2: somebody else has it.
 */
int	trial_lock(const char *file, struct err *err);
void	trial_unlock(const char *file, int lock);

/*
 * All of these are for who holds the lock.  0, or -1 with err; what is on disk
 * is then what it was before, or as far as it came, which means what it did
 * before or what it should mean now.
 *
 * trial_stage writes text beside FILE, with its owner and mode, under the name
 * path, which means nothing: who looks at it removes it.
 * trial_begin puts text, with the owner and the mode of FILE, in its place;
 * trial NULL: without a journal, but with FILE.before.  trial_back puts
 * FILE.before there again; what somebody has made of FILE meanwhile is kept as
 * FILE.edited.  trial_keep leaves FILE.  The last two may be called again, and
 * where there is nothing to be done.
 */
int	trial_stage(const char *file, const char *text,
	    char path[TRIAL_PATH_SIZE], struct err *err);
int	trial_begin(const char *file, const char *text,
	    const struct trial *trial, struct err *err);
int	trial_back(const char *file, const struct trial *trial,
	    struct err *err);
int	trial_keep(const char *file, struct err *err);

/* What is to stand in struct trial for a text. */
uint64_t	trial_fingerprint(const char *text);

/* The whole text of a file, to be freed; NULL with err. */
char	*trial_text(const char *path, struct err *err);

#endif
