/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_parse_trust: what the configuration says of profiles, listeners and
 * maps becomes trust and access.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf_private.h"

#define LISTS_MAX	64	/* of a profile */

/*
 * The texts of a list, NULL-terminated, to be freed; the texts stay
 * libconfuse's.  *is_set_r tells an empty list from one that is not there.
 */
static const char **
list_items(const struct conf_reader *reader, cfg_t *section,
    const char *name, bool *is_set_r, unsigned *line_r)
{
	cfg_opt_t	 *opt = cfg_getopt(section, name);
	const char	**items;
	unsigned	  i, n = cfg_opt_size(opt);

	*is_set_r = n > 0 || (opt->flags & CFGF_MODIFIED) != 0;
	*line_r = conf_line_of(reader, opt);
	items = calloc(n + 1, sizeof *items);
	for (i = 0; items != NULL && i < n; i++)
		items[i] = cfg_opt_getnstr(opt, i);
	return items;
}

/* Where in def the list of that name belongs, and its line. */
static const char *const **
profile_place(struct trust_profile_def *def, const char *name,
    unsigned **line_r)
{
	int	 i;

	if (strcmp(name, "xclient") == 0) {
		*line_r = &def->xclient_line;
		return &def->xclient;
	}
	if (strcmp(name, "xforward") == 0) {
		*line_r = &def->xforward_line;
		return &def->xforward;
	}
	if (strcmp(name, "xsetcontext") == 0) {
		*line_r = &def->xsetcontext_line;
		return &def->xsetcontext;
	}
	if (strcmp(name, "drop") == 0) {
		*line_r = &def->drop_line;
		return &def->drop;
	}
	i = assertion_name_find(ASSERTION_XCLIENT, span_of(name));
	if (i == -1)
		i = assertion_name_find(ASSERTION_XFORWARD, span_of(name));
	*line_r = &def->values_line[i];
	return &def->values[i];
}

/* Reads a profile's lists into def; owned is the caller's to free. */
static int
profile_lists(const struct conf_reader *reader, cfg_t *section,
    struct trust_profile_def *def, const char **owned[])
{
	const struct conf_row	*row;
	const char *const	**to;
	unsigned		 i, *line;
	bool			 is_set;

	for (i = 0; (row = conf_row(i)) != NULL; i++) {
		if (strcmp(row->section, "profile") != 0 ||
		    row->type != CONF_LIST)
			continue;
		to = profile_place(def, row->name, &line);
		*owned = list_items(reader, section, row->name, &is_set,
		    line);
		if (*owned == NULL)
			return -1;
		if (is_set)
			*to = *owned;
		owned++;
	}
	return 0;
}

int
conf_add_profile(struct conf_reader *reader, cfg_t *section)
{
	static const enum verdict_action	 actions[] = {
		VERDICT_TEMPFAIL, VERDICT_REJECT, VERDICT_DISCONNECT
	};
	static const enum trust_report		 reports[] = {
		TRUST_REPORT_NO, TRUST_REPORT_ONLY, TRUST_REPORT_EVERYTHING,
		TRUST_REPORT_NO, TRUST_REPORT_ONLY,	/* no, yes */
		TRUST_REPORT_NO, TRUST_REPORT_ONLY	/* off, on */
	};
	static const enum trust_dump		 dumps[] = {
		TRUST_DUMP_NO, TRUST_DUMP_YES, TRUST_DUMP_SEALED,
		TRUST_DUMP_NO, TRUST_DUMP_YES,		/* no, yes */
		TRUST_DUMP_NO, TRUST_DUMP_YES		/* off, on */
	};
	struct trust_profile_def	 def = {
		.name = cfg_title(section),
		.file = reader->conf->file,
		.line = (unsigned)section->line,
		.seal = (enum trust_seal)conf_word_of(section, "seal"),
		.on_violation = actions[conf_word_of(section, "on_violation")],
		.report_only = reports[conf_word_of(section, "report_only")],
		.xremoteip = cfg_getbool(section, "xremoteip"),
		.xdumpcontext = dumps[conf_word_of(section, "xdumpcontext")],
		.always_allow = cfg_getbool(section, "always_allow"),
		.received = (unsigned)cfg_getint(section, "received")
	};
	const char	**owned[LISTS_MAX] = { NULL };
	size_t		  i;
	int		  result;

	result = profile_lists(reader, section, &def, owned);
	if (result == -1)
		(void)err_set_at(reader->err, def.file, def.line,
		    "out of memory");
	else
		result = trust_add_profile(reader->conf->trust, &def,
		    reader->err);
	for (i = 0; i < LISTS_MAX; i++)
		free(owned[i]);
	return result;
}

static int
add_trust_maps(struct conf_reader *reader, cfg_t *section,
    const char *listener)
{
	cfg_opt_t	*opt = cfg_getopt(section, "trust_maps");
	unsigned	 i;

	for (i = 0; i < cfg_opt_size(opt); i++)
		if (trust_add_map(reader->conf->trust, listener,
		    cfg_opt_getnstr(opt, i), reader->conf->file,
		    conf_line_of(reader, opt), reader->err) == -1)
			return -1;
	return 0;
}

/* The classes first: the tables' actions may name them. */
static int
add_access(struct conf_reader *reader, cfg_t *cfg)
{
	cfg_opt_t	*classes, *maps;
	unsigned	 i;

	classes = cfg_getopt(conf_section_of(cfg, "policy"),
	    "restriction_classes");
	for (i = 0; i < cfg_opt_size(classes); i++)
		if (access_add_class(reader->conf->access,
		    cfg_opt_getnstr(classes, i)) == -1)
			return err_set_at(reader->err, reader->conf->file, 0,
			    "out of memory");
	maps = cfg_getopt(cfg, "access_maps");
	for (i = 0; i < cfg_opt_size(maps); i++)
		if (access_add_map(reader->conf->access,
		    cfg_opt_getnstr(maps, i), reader->conf->file,
		    conf_line_of(reader, maps), reader->err) == -1)
			return -1;
	return 0;
}

int
conf_add_listener(struct conf_reader *reader, cfg_t *section)
{
	const char	*name = cfg_title(section);

	if (conf_check_title(reader, section) == -1)
		return -1;
	/* A map is asked as "xclient.NAME". */
	if (strchr(name, '.') != NULL)
		return err_set_at(reader->err, reader->conf->file,
		    (unsigned)section->line, "listener \"%s\" could never be "
		    "asked, expected a name without dots", name);
	/* Without this the listener would get the maps of all others. */
	if (cfg_size(section, "trust_maps") == 0)
		return err_set_at(reader->err, reader->conf->file,
		    (unsigned)section->line,
		    "listener \"%s\" has no trust_maps, expected one table "
		    "(\"static:stranger\" trusts nobody)", name);
	return add_trust_maps(reader, section, name);
}

int
conf_add_maps(struct conf_reader *reader, cfg_t *cfg)
{
	if (add_trust_maps(reader, cfg, NULL) == -1)
		return -1;
	return add_access(reader, cfg);
}
