/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_private: what the files of trust share with each other.
 *
 * Only trust*.c may include it.
 */
#ifndef XC_TRUST_PRIVATE_H
#define XC_TRUST_PRIVATE_H

#include "trust/trust.h"
#include "trust/trust_value.h"

/* A name, or a pattern of names, that XSETCONTEXT may set. */
struct trust_name {
	char	*text;
	bool	 is_negated;
	bool	 is_pattern;
};

struct trust_profile {
	char			*name;
	char			*file;		/* NULL: built in */
	unsigned		 line;
	unsigned		 grants[2];	/* by command: bits of names */
	unsigned		 grants_line[TRUST_COMMAND_COUNT];
	unsigned		 drop;		/* bits of names */
	struct trust_list	*values[ASSERTION_COUNT];
	unsigned		 values_line[ASSERTION_COUNT];
	enum trust_seal		 seal;
	enum verdict_action	 on_violation;
	enum trust_report	 report;
	bool			 xremoteip;
	enum trust_dump		 xdumpcontext;
	bool			 always_allow;
	unsigned		 received;
	struct trust_name	*xsetcontext;
	size_t			 n_xsetcontext;
};

/* Why an address is not "public". */
enum trust_public {
	TRUST_PUBLIC_YES,
	TRUST_PUBLIC_SPECIAL,	/* private, loopback, multicast ... */
	TRUST_PUBLIC_OWN,	/* this host's */
	TRUST_PUBLIC_PROFILE,	/* it has a profile of its own */
	TRUST_PUBLIC_CANNOT_TELL /* err says why */
};

struct trust_map {
	char			*listener;	/* NULL: the global maps */
	const struct table	*table;
	const char		*file;		/* where it was added; file is */
	unsigned		 line;		/* the configuration's */
};

struct trust {
	struct trust_profile	**profiles;	/* sorted by name */
	size_t			  n_profiles;
	struct trust_map	 *maps;		/* in the order of asking */
	size_t			  n_maps;
	struct table		**tables;	/* each spec is opened once */
	size_t			  n_tables;
	struct address		 *own;		/* sorted */
	size_t			  n_own;
	struct table_how	  how;		/* of what is opened next */
	const enum trust_public	 *assumed;	/* what trust_public_check says
						 * of all; NULL: it looks */
};

enum trust_public	trust_public_check(const struct trust *trust,
			    const struct address *addr, struct err *err);

/* What the maps of a listener say of one key. */
struct trust_found {
	const struct trust_profile	*profile;	/* NULL: no hit */
	bool				 is_missing;	/* a hit, but there is
							 * no such profile */
	const char			*file;
	unsigned			 line;
};

/* Asks the maps of one listener (NULL: the global ones) in their order, until
 * one has the key. */
enum trust_result	trust_maps_ask(const struct trust *trust,
			    const char *listener, const char *key,
			    struct trust_found *found, struct err *err);

/* The table of that spec, opened at its first use; trust owns it. */
const struct table	*trust_table(struct trust *trust, const char *spec,
			    struct err *err);

/* Room for one more element of that size in an array of n; NULL: none. */
void	*trust_grow(void *array, size_t n, size_t size);

/* Reads def's xsetcontext into the profile; 0, or -1 with err. */
int	trust_names_parse(const struct trust_profile_def *def,
	    struct trust_profile *profile, struct err *err);
void	trust_names_free(struct trust_profile *profile);

/* A stranger's, if it has none; never NULL. */
const struct trust_profile	*trust_speaker_profile(
				    const struct trust *trust,
				    const struct trust_speaker *speaker);

/* Whether that speaker may not change anything; the verdict is then set. */
bool	trust_is_sealed(const struct trust_speaker *speaker,
	    const struct trust_profile *profile, struct verdict *verdict);
/* Permits; the rule is that of the command. */
void	trust_permit(const struct trust_profile *profile,
	    enum trust_command command, struct verdict *verdict);
/* Lets a refusal pass, which is to be reported only. */
void	trust_let_pass(struct verdict *verdict);
/* Adds one violation to those of the same line, of which n are in verdict: the
 * first that refuses decides, else the first. */
void	trust_add_violation(struct verdict *verdict, unsigned n,
	    struct verdict *one);

void	trust_profile_free(struct trust_profile *profile);

/*
 * Makes a profile out of its definition.  NULL with err.  That the name is
 * new and not built in is the caller's to see.
 */
struct trust_profile	*trust_profile_new(struct trust *trust,
			    const struct trust_profile_def *def,
			    struct err *err);

#endif
