/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_fill: copies the settings of a section to their places in a struct, and
 * frees what was copied.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf_private.h"

static int
fill_row(void *base, cfg_t *section, const struct conf_row *row)
{
	char	*at = (char *)base + row->offset;
	char	*copy;

	switch (row->type) {
	case CONF_STRING:
		copy = strdup(cfg_getstr(section, row->name));
		if (copy == NULL)
			return -1;
		memcpy(at, &copy, sizeof copy);
		break;
	case CONF_NUMBER:
		*(unsigned *)(void *)at =
		    (unsigned)cfg_getint(section, row->name);
		break;
	case CONF_MODE:
		*(unsigned *)(void *)at = (unsigned)strtoul(
		    cfg_getstr(section, row->name), NULL, 8);
		break;
	case CONF_BOOL:
		*(bool *)(void *)at = cfg_getbool(section, row->name);
		break;
	case CONF_WORD:		/* all enums here have int's size */
		*(int *)(void *)at = conf_row_word(row,
		    cfg_getstr(section, row->name));
		break;
	case CONF_LIST:
	default:
		break;
	}
	return 0;
}

int
conf_fill(void *base, cfg_t *section, const char *name)
{
	const struct conf_row	*row;
	unsigned		 i;

	for (i = 0; (row = conf_row(i)) != NULL; i++)
		if (strcmp(row->section, name) == 0 &&
		    row->offset != CONF_NOWHERE &&
		    fill_row(base, section, row) == -1)
			return -1;
	return 0;
}

void
conf_fill_clear(void *base, const char *name)
{
	const struct conf_row	*row;
	unsigned		 i;
	char			*p;

	for (i = 0; (row = conf_row(i)) != NULL; i++)
		if (strcmp(row->section, name) == 0 &&
		    row->offset != CONF_NOWHERE && row->type == CONF_STRING) {
			memcpy(&p, (char *)base + row->offset, sizeof p);
			free(p);
		}
}
