/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_private: what the files of trust share with each other.
 *
 * Only trust*.c may include it.
 */
#ifndef XC_TRUST_PRIVATE_H
#define XC_TRUST_PRIVATE_H

#include "trust.h"
#include "trust_value.h"

struct trust_profile {
	char			*name;
	char			*file;		/* NULL: built in */
	unsigned		 line;
	unsigned		 grants[2];	/* by command: bits of names */
	unsigned		 grants_line[2];
	unsigned		 drop;		/* bits of names */
	struct trust_list	*values[ASSERTION_COUNT];
	unsigned		 values_line[ASSERTION_COUNT];
	enum trust_seal		 seal;
	enum verdict_action	 on_violation;
	bool			 report_only;
};

struct trust_map {
	char			*listener;	/* NULL: the global maps */
	const struct table	*table;
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
};

/* Why an address is not "public". */
enum trust_public {
	TRUST_PUBLIC_YES,
	TRUST_PUBLIC_SPECIAL,	/* private, loopback, multicast ... */
	TRUST_PUBLIC_OWN,	/* this host's */
	TRUST_PUBLIC_PROFILE,	/* it has a profile of its own */
	TRUST_PUBLIC_CANNOT_TELL /* err says why */
};

enum trust_public	trust_public_check(const struct trust *trust,
			    const struct address *addr, struct err *err);

/* The table of that spec, opened at its first use; trust owns it. */
const struct table	*trust_table(struct trust *trust, const char *spec,
			    struct err *err);

/* Writes "file:line" into buf; a file name that does not fit loses its
 * front.  file NULL gives "built-in", line 0 leaves the number out. */
void	trust_rule(char *buf, size_t size, const char *file, unsigned line);

/* Room for one more element of that size in an array of n; NULL: none. */
void	*trust_grow(void *array, size_t n, size_t size);

void	trust_profile_free(struct trust_profile *profile);

/*
 * Makes a profile out of its definition.  NULL with err.  That the name is
 * new and not built in is the caller's to see.
 */
struct trust_profile	*trust_profile_new(struct trust *trust,
			    const struct trust_profile_def *def,
			    struct err *err);

#endif
