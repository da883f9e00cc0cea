/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_private: what the files of conf share with each other.
 *
 * Only conf*.c may include it.
 */
#ifndef XC_CONF_PRIVATE_H
#define XC_CONF_PRIVATE_H

#include <confuse.h>
#include <stdatomic.h>

#include "conf/conf.h"
#include "conf/conf_text.h"

enum conf_type {
	CONF_STRING,
	CONF_LIST,		/* of texts; the default's are apart by " " */
	CONF_BOOL,
	CONF_NUMBER,		/* min to max */
	CONF_WORD,		/* one of words, in the order of the enum */
	CONF_MODE		/* octal, "0660" */
};

/* One setting. */
struct conf_row {
	const char	*section;	/* "": outside of sections */
	const char	*name;
	const char	*full;		/* "section.name" */
	enum conf_type	 type;
	const char	*def;
	long		 min, max;
	size_t		 offset;	/* in struct conf; CONF_NOWHERE */
	const char	*words;		/* "text|json" */
	bool		(*is_valid)(const char *value);
	const char	*expected;	/* what is_valid takes */
	const char	*sentence;
};

#define CONF_NOWHERE	((size_t)-1)

/* The i-th row; NULL behind the last. */
const struct conf_row	*conf_row(unsigned i);
/* The i-th of those that conf_row_relay.c has. */
const struct conf_row	*conf_row_relay(unsigned i);
/* section may be libconfuse's name for the outermost, too. */
const struct conf_row	*conf_row_find(const char *section, const char *name);
/* The index of word in row->words; -1: none. */
int			 conf_row_word(const struct conf_row *row,
			    const char *word);

bool			 conf_row_is_listen(const char *value);
#define CONF_LISTEN_EXPECTED	"\"unix:/path\" or \"inet:host:port\""
#define CONF_NEXT_HOP_EXPECTED	"\"smtp:[host]:port\", \"smtp:domain\", " \
	"\"lmtp:[host]:port\" or \"lmtp:unix:/path\""

/* A kind of section.  With a title there may be many of it. */
struct conf_section {
	const char	*name;
	bool		 is_titled;
	const char	*inner[3];	/* what may stand in it, NULL behind
					 * the last; all have titles */
};

/* The i-th kind of what may stand outside of sections, those that may stand in
 * it before it; NULL behind the last. */
const struct conf_section	*conf_section(unsigned i);

/* The name that libconfuse gives to what is outside of sections. */
#define CONF_ROOT	"root"

/* Copies the settings of a section of that name to where their rows say in
 * base; -1: out of memory.  What was copied, also by a call that failed, is
 * freed by conf_fill_clear; base had all zero before. */
int	conf_fill(void *base, cfg_t *section, const char *name);
void	conf_fill_clear(void *base, const char *name);

/* A configuration and what it was made from. */
struct conf_whole {
	struct conf	 conf;		/* first: the public part */
	atomic_uint	 refs;
	cfg_t		*cfg;
	struct conf_whole *next_dead;
};

/*
 * Parses text into whole->cfg, and all sections with titles, and all lists of
 * tables, into whole->conf.  0, or -1 with err.
 */
int	conf_parse(struct conf_whole *whole, const struct conf_text *text,
	    struct err *err);

/* Where a setting was met. */
struct conf_met {
	const cfg_opt_t	*opt;
	unsigned	 line;
};

/* What conf_parse and its parts share.  A section's "line" is where it
 * begins. */
struct conf_reader {
	struct conf		*conf;
	const struct conf_text	*text;
	size_t			 n_ended;	/* sections */
	struct conf_met		*met;
	size_t			 n_met;
	struct err		*err;
	bool			 has_err;
};

/* The line where a setting was last met; 0: it was not, or it is empty.  Those
 * of a section with a title are known while it is added. */
unsigned	conf_line_of(const struct conf_reader *reader,
		    const cfg_opt_t *opt);

/* A WORD's index. */
int	conf_word_of(cfg_t *section, const char *name);

/*
 * The section of that name, which has no title.  libconfuse's own cfg_getsec()
 * allocates, and where it cannot, all that is asked of no section is 0.
 */
cfg_t	*conf_section_of(cfg_t *cfg, const char *name);

/* 0 if the title may be a name, also in a log line or in the name of a lookup
 * table; else -1 with err. */
int	conf_check_title(struct conf_reader *reader, cfg_t *section);

/* conf_parse_trust.c: adds profiles and listeners, and the maps that stand
 * outside of sections.  0, or -1 with err. */
int	conf_add_profile(struct conf_reader *reader, cfg_t *section);
int	conf_add_listener(struct conf_reader *reader, cfg_t *section);
int	conf_add_maps(struct conf_reader *reader, cfg_t *cfg);

/* conf_parse_scope.c: adds bindings, groups and domains, with what stands in
 * them, and the mode outside of all. */
int	conf_add_scope(struct conf_reader *reader, cfg_t *section);
int	conf_add_global_scope(struct conf_reader *reader, cfg_t *cfg);

/* conf_parse_shared.c: takes the engine's URL apart. */
int	conf_add_shared(struct conf_reader *reader, cfg_t *cfg);

/* conf_parse_relay.c: adds a relay; says whether all that relays name is
 * there; frees them. */
int	conf_add_relay(struct conf_reader *reader, cfg_t *section);
int	conf_check_relays(struct conf_reader *reader);
void	conf_free_relays(struct conf *conf);

#endif
