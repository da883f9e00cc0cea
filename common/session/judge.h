/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * judge: what is to become of one X command line of a session.
 *
 * It reads the line whole, asks trust, and writes what the MTA, or the record,
 * gets.  It changes nothing: what a judgement says is done by session_change
 * and context, wherever the record is kept.
 */
#ifndef XC_JUDGE_H
#define XC_JUDGE_H

#include "conf/conf.h"
#include "context/context_line.h"
#include "session/session.h"

/* Who speaks, and by which rules. */
struct judge_speaker {
	const struct conf		*conf;
	const struct trust_profile	*profile;	/* NULL: it is not
							 * known who */
	const struct session		*session;
	bool				 begins_anew;	/* whose mail was sent
							 * is not who is next:
							 * earlier overrides
							 * count no more */
};

struct judgement {
	enum trust_command	 command;
	struct span		 said;		/* behind it; the caller's */
	struct verdict		 verdict;
	/* Only of what is permitted: */
	bool			 says_nothing;	/* XCLIENT, XREMOTEIP: the
						 * profile drops all of it */
	struct assertion_set	 override;	/* XCLIENT, XREMOTEIP: in full
						 * ... */
	char			 line[ASSERTION_LINE_MAX];	/* ... and as
						 * the line that says it;
						 * XFORWARD: what is forwarded,
						 * "": nothing */
	bool			 is_another;	/* XCLIENT, XREMOTEIP: it names
						 * another client than those
						 * before */
	struct context_line	 context;	/* XSETCONTEXT */
};

/* Takes the next word off text; blanks are what Postfix's tokenizer skips. */
struct span	judge_next_word(struct span *text);

/*
 * Judges the part of a line that stands behind the verb.
 *
 * An override is completed: what earlier ones of this session asserted is said
 * again, for Postfix forgets at each XCLIENT what that does not name; names and
 * port that would stay the messenger's are taken away; and who is always let
 * through gets LOGIN=anonymous if no other is named.  Where nothing seals, to
 * name an address is to begin anew: the next client may come from the same.
 *
 * What is unsaid (assertion.h) is named in the text of a verdict that permits;
 * and a line is not too long that is so by such a value only.
 *
 * A record that cannot be read is REASON_CANNOT_TELL.
 */
void	judge_command(const struct judge_speaker *speaker,
	    enum trust_command command, struct span args,
	    struct judgement *judgement_r);

#endif
