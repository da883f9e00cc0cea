/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_check: what the maps say is looked at before anybody asks.
 *
 * A peer whose entry names no profile can only be told "later" for ever; when
 * the table is read, there is still somebody to tell.
 */
#include "trust/trust_private.h"

#define NAME_SHOWN	100

/* A table_value_fn. */
static int
check_name(const struct table_value *value, void *arg, struct err *err)
{
	const struct trust	*trust = arg;
	size_t			 i;

	for (i = 0; i < trust->n_profiles; i++)
		if (span_eq(value->text, trust->profiles[i]->name))
			return 0;
	return err_set_at(err, value->file, value->line,
	    "there is no profile "
	    "\"%.*s\"", (int)(value->text.n > NAME_SHOWN ? NAME_SHOWN :
	    value->text.n), value->text.p);
}

int
trust_check_maps(struct trust *trust, struct err *err)
{
	const struct trust_map	*map;
	struct err		 why;
	size_t			 i;

	for (i = 0; i < trust->n_maps; i++) {
		map = &trust->maps[i];
		if (table_each_value(map->table, check_name, trust,
		    &why) == -1)
			return err_set_at(err, map->file, map->line,
			    "trust_maps: %s", why.text);
	}
	return 0;
}

bool
trust_has_listener(const struct trust *trust, struct span name)
{
	size_t	 i;

	for (i = 0; i < trust->n_maps; i++)
		if (trust->maps[i].listener != NULL &&
		    span_eq(name, trust->maps[i].listener))
			return true;
	return false;
}
