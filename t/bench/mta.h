/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * mta: the MTA's side of the milter protocol, as Postfix 3.7 speaks it: it
 * offers all of version 6, sends what was negotiated and no more, awaits the
 * replies that were not negotiated away, and writes only when it must read.
 *
 * Errors, and replies that refuse mail, end the process.
 */
#ifndef XC_T_MTA_H
#define XC_T_MTA_H

#include <stdint.h>

#include "dialog.h"

#define MTA_STAGES	7	/* SMFIM_CONNECT to SMFIM_EOH */
#define MTA_MACROS_SIZE	512

/* What a milter negotiated. */
struct mta_terms {
	uint32_t	 actions;
	uint32_t	 protocol;
	bool		 has_macros;	/* it asked for macros at all */
	char		 macros[MTA_STAGES][MTA_MACROS_SIZE];
};

/*
 * Connects the milter's socket and negotiates.  Returns the descriptor;
 * *terms_r is what was agreed.
 */
int	mta_open(const char *path, struct mta_terms *terms_r);

/* Tells the milter of the client, and awaits its reply if there is one. */
void	mta_connect(int fd, const struct mta_terms *terms,
	    const struct dialog_hosts *hosts);

/* Plays a whole session with one message, from connect to quit. */
void	mta_play(const char *path, const struct dialog_hosts *hosts);

#endif
