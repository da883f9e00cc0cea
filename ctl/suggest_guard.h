/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suggest_guard: what is never suggested, however often it was said.
 *
 * That is what "public" leaves out, in any list: addresses that are not on the
 * Internet, this host's own, and those with a profile of their own; of names
 * likewise this host's, and those that have a profile; what the present lists
 * of the profile refuse by "!"; and texts that would mean something else in a
 * list than what they are.
 */
#ifndef XC_CTL_SUGGEST_GUARD_H
#define XC_CTL_SUGGEST_GUARD_H

#include <jansson.h>

#include "conf/conf.h"

struct suggest_guard;

/* For the profile of that name, which the configuration need not have.  Exits
 * if a table cannot be read, or there is no memory, as all of these do. */
struct suggest_guard	*suggest_guard_new(const struct conf *conf,
			    const char *profile);
void			 suggest_guard_free(struct suggest_guard *guard);

/* True: attribute "name" of set may be suggested.  False: why_r says why
 * not. */
bool	suggest_guard_allows(const struct suggest_guard *guard,
	    const struct assertion_set *set, enum assertion_name name,
	    char *why_r, size_t size);

/* True: all addresses of that network may be. */
bool	suggest_guard_allows_net(const struct suggest_guard *guard,
	    const struct address_net *net);

/* Adds the "!" items that a list of that attribute has to begin with, if what
 * follows is more than single values. */
void	suggest_guard_put(const struct suggest_guard *guard,
	    enum assertion_name name, json_t *items);

#endif
