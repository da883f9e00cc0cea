/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_list: the tables inside a union or a pipemap, "{type:name, ...}".
 */
#ifndef XC_TABLE_LIST_H
#define XC_TABLE_LIST_H

#include "table/table_private.h"

struct table_list {
	struct table	**v;
	size_t		  n;		/* at least 1 once it is open */
};

/* Opens them all.  -1: err is set; the list must be cleared in any case. */
int	table_list_open(struct table_list *list,
	    const struct table_source *src, struct err *err);
void	table_list_clear(struct table_list *list);
size_t	table_list_memory(const struct table_list *list);

#endif
