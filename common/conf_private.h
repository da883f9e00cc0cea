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

#include "conf.h"
#include "conf_text.h"

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
/* section may be libconfuse's name for the outermost, too. */
const struct conf_row	*conf_row_find(const char *section, const char *name);
/* The index of word in row->words; -1: none. */
int			 conf_row_word(const struct conf_row *row,
			    const char *word);

/* The name that libconfuse gives to what is outside of sections. */
#define CONF_ROOT	"root"

/* A configuration and what it was made from. */
struct conf_whole {
	struct conf	 conf;		/* first: the public part */
	atomic_uint	 refs;
	cfg_t		*cfg;
	struct conf_whole *next_dead;
};

/*
 * Parses text into whole->cfg, and profiles, maps and listeners into
 * whole->conf.trust.  0, or -1 with err.
 */
int	conf_parse(struct conf_whole *whole, const struct conf_text *text,
	    struct err *err);

#endif
