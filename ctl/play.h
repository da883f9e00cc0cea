/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * play: lives a session through, line by line, as xcontext-policy does with
 * Postfix; but it is in no store, nothing is logged, and what is revoked at the
 * moment does not count: the rules are asked, not the state of the host.  Nor
 * are access_maps asked.
 */
#ifndef XC_CTL_PLAY_H
#define XC_CTL_PLAY_H

#include "output.h"

struct play;

/* Exits where there is no configuration, or no memory, as all of these do.  A
 * peer without an address is nobody, whom trust is not asked about. */
struct play	*play_new(struct ctl *ctl, const struct trust_peer *peer);
void		 play_free(struct play *play);	/* NULL is allowed */

/*
 * Takes a line of the client's, without its end.  What it comes to, which is
 * the caller's: "line", "verdict" ("permit", "permit (only reported)",
 * "tempfail", "reject", "disconnect", "503"; none of a line that nobody judges), "reason",
 * "attribute", "rule", "text", "also", "executed", "attributes"; and "client"
 * and "sealed", as they are then.
 */
json_t		*play_line(struct play *play, struct span line);

/* Sets pairs ("name=value ...", as XSETCONTEXT has them) that nobody has to
 * grant.  Exits 64 if they are none. */
void		 play_set_pairs(struct play *play, struct span pairs);

/* Who he is by now; and what may be known of him, NULL: nothing. */
const struct session		*play_session(const struct play *play);
const struct trust_profile	*play_profile(const struct play *play);

/* False: "verdict" is a refusal. */
bool		 play_is_passed(const json_t *step);

#endif
