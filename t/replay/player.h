/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * player: a dialogue file as it was read (player_read.c), what comes of it when
 * it is played (player.c), and whether that is what the file says
 * (player_check.c).  What stands in a file is told in dialogue.c.
 */
#ifndef XC_PLAYER_H
#define XC_PLAYER_H

#include "t/lib/stage.h"

#define PLAYER_LINE_SIZE	8192
#define PLAYER_STEPS_MAX	512
#define PLAYER_COLUMNS_MAX	8
#define PLAYER_PREAMBLES_MAX	8

enum step_kind {
	STEP_CHECK,
	STEP_INPUT,		/* bytes of a side */
	STEP_EVENT
};

struct step {
	enum step_kind	 kind;
	const char	*file;
	unsigned	 line;
	char		*word;		/* "client:", "to-hop:" ... */
	char		*copy;		/* text's memory */
	struct span	 text;		/* followed by NUL */
	enum dialogue_side side;
};

/* What is done to a file. */
enum way {
	WAY_WHOLE, WAY_BYTES, WAY_CUT, WAY_CLIENT_AWAY, WAY_HOP_AWAY,
	WAY_HOP_BABBLES
};

#define WAYS	(WAY_HOP_BABBLES + 1)

/* What stands in place of $NAME in one row of a table. */
struct column {
	char		*name;
	char		*value;
};

struct player {
	const char		*file;		/* where we read, or play */
	unsigned		 line;
	char			*preambles[PLAYER_PREAMBLES_MAX];
	unsigned		 n_preambles;
	unsigned		 row;		/* of its table, from 1; 0: it
						 * has none */
	unsigned		 rows_passed;
	struct column		 columns[PLAYER_COLUMNS_MAX];
	unsigned		 n_columns;
	char			 title[256];
	char			 dir[64];
	char			 conf_path[96];
	struct conf		*conf;
	struct store		*store;
	struct step		 steps[PLAYER_STEPS_MAX];
	unsigned		 n_steps;
	struct dialogue_peer	 peer;
	char			 peer_name[256];
	struct proxy_header	 proxy;
	char			*proxy_texts;
	bool			 has_proxy;
	unsigned		 n_addresses;
	bool			 refuses_hand_over;

	struct stage		 stage;
	enum way		 way;
	unsigned		 variant;
	size_t			 point;		/* of a sweep or a cut */
	size_t			 at;		/* where we are */
	bool			 is_past;	/* the point */
	char			 failure[PLAYER_LINE_SIZE];
};

/* Says what is wrong in p->failure, behind the place.  Returns false. */
bool		 player_fail(struct player *p, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

/* How many rows the file's table has; 0: it has none. */
unsigned	 player_count_rows(const char *file);

/* Reads p->file, of a table the row p->row.  p has a directory for what the
 * configuration needs, and defaults for what the file need not say.  False: it
 * has failed. */
bool		 player_read(struct player *p);

/* Frees what has been read. */
void		 player_read_clear(struct player *p);

/* Whether it is as this step says.  False: it has failed. */
bool		 player_check(struct player *p, const struct step *step);

/* All that came must have been told.  False: it has failed. */
bool		 player_check_nothing_left(struct player *p);

bool		 player_is_word(const struct step *step, const char *word);

/* Plays the file in one way, as often as that takes.  False: it has failed. */
bool		 player_play(struct player *p, enum way way);

#endif
