/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_edit: a change in the text of xcontext.conf(5), all else of which stays
 * as it is.
 *
 * Texts are of a configuration that can be loaded; results are in the pool.
 */
#ifndef XC_CTL_CONF_EDIT_H
#define XC_CTL_CONF_EDIT_H

#include "pool.h"

/* "SECTION TITLE { ... }"; title NULL: it has none. */
struct conf_edit_place {
	const char	*section, *title;
};

/*
 * The text with that value of a setting; the same text if it has that already.
 * A section that is not there is made, at the end.  NULL: the value has
 * characters that cannot be quoted.
 */
const char	*conf_edit_set(struct pool *pool, const char *text,
		    struct conf_edit_place place, const char *setting,
		    const char *value);

/* The same of a list, which is as it is to stand there: '{ "a", "b" }'. */
const char	*conf_edit_set_list(struct pool *pool, const char *text,
		    struct conf_edit_place place, const char *setting,
		    const char *list);

/* What a setting's value is: without its quotes, or a list as it stands there.
 * NULL: it is not said. */
const char	*conf_edit_get(struct pool *pool, const char *text,
		    struct conf_edit_place place, const char *setting);

/* The whole section, as it stands there, with a line end; NULL: there is
 * none. */
const char	*conf_edit_section(struct pool *pool, const char *text,
		    struct conf_edit_place place);

#endif
