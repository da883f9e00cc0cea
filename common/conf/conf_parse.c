/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_parse: makes libconfuse read the file by the table of settings, and has
 * sections added while it reads, because only then lines are known.
 *
 * libconfuse's lexer and its callbacks know nothing but global state, so this
 * has one pointer of its own, which is NULL outside of conf_parse.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "conf/conf_private.h"

#define ROWS_MAX	64	/* of one section, and sections in it */
#define SECTIONS_MAX	16
#define TITLE_MAX	64	/* of a name, as in a session's record */

static struct conf_reader	*parse;

/* Keeps the first message, which is the cause of any others. */
static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char	 text[ERR_TEXT_SIZE], where[128] = "";

	if (parse->has_err)
		return;
	parse->has_err = true;
	(void)vsnprintf(text, sizeof text, fmt, ap);
	if (cfg_title(cfg) != NULL)
		(void)snprintf(where, sizeof where, " (in %s \"%s\")",
		    cfg_name(cfg), cfg_title(cfg));
	else if (strcmp(cfg_name(cfg), CONF_ROOT) != 0)
		(void)snprintf(where, sizeof where, " (in %s)", cfg_name(cfg));
	(void)err_set_at(parse->err, parse->conf->file, (unsigned)cfg->line,
	    "%s%s", text, where);
}

/* For errors that say file:line themselves. */
static int
fail(void)
{
	parse->has_err = true;
	return -1;
}

static int
remember_line(const cfg_opt_t *opt, unsigned line)
{
	struct conf_met	*grown;

	if (parse->n_met > 0 && parse->met[parse->n_met - 1].opt == opt)
		return 0;
	grown = reallocarray(parse->met, parse->n_met + 1, sizeof *grown);
	if (grown == NULL)
		return -1;
	parse->met = grown;
	grown[parse->n_met++] = (struct conf_met){ opt, line };
	return 0;
}

unsigned
conf_line_of(const struct conf_reader *reader, const cfg_opt_t *opt)
{
	size_t	 i;

	for (i = reader->n_met; i > 0; i--)
		if (reader->met[i - 1].opt == opt)
			return reader->met[i - 1].line;
	return 0;
}

/* Forgets the settings of the sections in cfg, which are met behind its own. */
static void
forget_lines(const cfg_t *cfg)
{
	const cfg_opt_t	*first = cfg->opts, *last = first;

	while (last->name != NULL)
		last++;
	while (parse->n_met > 0 && (parse->met[parse->n_met - 1].opt < first ||
	    parse->met[parse->n_met - 1].opt >= last))
		parse->n_met--;
}

static int
check_mode(cfg_t *cfg, const struct conf_row *row, const char *value)
{
	size_t	 n = strlen(value);

	if (n >= 3 && n <= 4 && strspn(value, "01234567") == n &&
	    strtol(value, NULL, 8) <= row->max)
		return 0;
	cfg_error(cfg, "%s: \"%s\" is not valid, expected an octal mode such "
	    "as \"0660\"", row->name, value);
	return -1;
}

static int
check_value(cfg_t *cfg, const struct conf_row *row, const char *value)
{
	if (row->type == CONF_MODE)
		return check_mode(cfg, row, value);
	if (row->type == CONF_WORD && conf_row_word(row, value) == -1) {
		cfg_error(cfg, "%s: \"%s\" is not valid, expected one of %s",
		    row->name, value, row->words + (*row->words == '|'));
		return -1;
	}
	if (row->is_valid != NULL && !row->is_valid(value)) {
		cfg_error(cfg, "%s: \"%s\" is not valid, expected %s",
		    row->name, value, row->expected);
		return -1;
	}
	return 0;
}

/* Counts before tables are opened, and sections open theirs when they end. */
static int
set_tables(cfg_t *cfg, const struct conf_row *row, const char *value)
{
	struct table_skips	*skips = &parse->conf->skips;

	skips->is_lenient = conf_row_word(row, value) == 1;
	if (!skips->is_lenient || skips->n_tables == 0)
		return 0;
	cfg_error(cfg, "tables: must stand above all that names a table");
	return -1;
}

/* libconfuse calls this with each value that was read. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct conf_row	*row;
	const char		*value;

	row = conf_row_find(cfg_name(cfg), opt->name);
	if (row == NULL || remember_line(opt, (unsigned)cfg->line) == -1) {
		cfg_error(cfg, "out of memory");
		return -1;
	}
	if (opt->type != CFGT_STR)
		return 0;
	value = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	if (check_value(cfg, row, value) == -1)
		return -1;
	return strcmp(row->full, ".tables") == 0 ? set_tables(cfg, row, value) :
	    0;
}

/* libconfuse's own reading of numbers takes "" for 0 and "010" for 8. */
static int
on_number(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct conf_row	*row;
	const char		*why;
	long			 number;

	row = conf_row_find(cfg_name(cfg), opt->name);
	if (row == NULL)
		return -1;
	number = (long)strtonum(value, row->min, row->max, &why);
	if (why != NULL) {
		cfg_error(cfg, "%s: \"%s\" is not valid, expected a number "
		    "from %ld to %ld", row->name, value, row->min, row->max);
		return -1;
	}
	*(long *)result = number;
	return 0;
}

int
conf_word_of(cfg_t *section, const char *name)
{
	return conf_row_word(conf_row_find(cfg_name(section), name),
	    cfg_getstr(section, name));
}

cfg_t *
conf_section_of(cfg_t *cfg, const char *name)
{
	return cfg_opt_getnsec(cfg_getopt(cfg, name), 0);
}

int
conf_check_title(struct conf_reader *reader, cfg_t *section)
{
	const char	*name = cfg_title(section);
	size_t		 n = strlen(name);

	if (n > 0 && n <= TITLE_MAX && strspn(name,
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n)
		return 0;
	return err_set_at(reader->err, reader->conf->file,
	    (unsigned)section->line,
	    "a %s's name must be 1 to %d of A-Z a-z 0-9 . _ -",
	    cfg_name(section), TITLE_MAX);
}

static bool	has_defaults(const cfg_t *cfg);

static bool
is_complete(cfg_opt_t *opt)
{
	unsigned	 n = cfg_opt_size(opt), i;

	if (opt->type == CFGT_SEC) {
		for (i = 0; i < n; i++)
			if (!has_defaults(cfg_opt_getnsec(opt, i)))
				return false;
		return n > 0 || (opt->flags & CFGF_MULTI);
	}
	if (opt->flags & CFGF_LIST)
		return true;
	return n > 0 && (opt->type != CFGT_STR ||
	    cfg_opt_getnstr(opt, 0) != NULL);
}

/*
 * Where memory runs out for a default libconfuse says nothing, and the setting
 * has no value: as 0, or false, it could permit what its default does not.
 */
static bool
has_defaults(const cfg_t *cfg)
{
	cfg_opt_t	*opt;

	if (cfg == NULL || cfg->opts == NULL)
		return false;
	for (opt = cfg->opts; opt->name != NULL; opt++)
		if (!is_complete(opt))
			return false;
	return true;
}

static int
add_section(cfg_t *section)
{
	static const struct {
		const char	*name;
		int		(*add)(struct conf_reader *, cfg_t *);
	} adders[] = {
		{ "profile",		conf_add_profile },
		{ "listener",		conf_add_listener },
		{ "relay",		conf_add_relay },
		{ "binding",		conf_add_scope },
		{ "binding_group",	conf_add_scope },
		{ "domain",		conf_add_scope }
	};
	size_t	 i;

	for (i = 0; i < sizeof adders / sizeof adders[0]; i++)
		if (strcmp(cfg_name(section), adders[i].name) == 0)
			return adders[i].add(parse, section);
	return 0;
}

/* libconfuse makes those without a title also if they are not there. */
static void
note_section(const char *name)
{
	if (strcmp(name, "milter") == 0)
		parse->conf->has_milter = true;
	else if (strcmp(name, "policy") == 0)
		parse->conf->has_policy = true;
}

/* libconfuse calls this at the end of each section.  Those in others are added
 * with the outermost one, as names stand outside. */
static int
on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t	*section;
	int	 result;

	section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	if (parse->n_ended < parse->text->n_sections)
		section->line = (int)parse->text->section_line[parse->n_ended];
	parse->n_ended++;
	if (strcmp(cfg_name(cfg), CONF_ROOT) != 0)
		return 0;
	if (!has_defaults(section)) {
		cfg_error(cfg, "out of memory");
		return -1;
	}
	note_section(cfg_name(section));
	result = add_section(section);
	forget_lines(cfg);
	return result == 0 ? 0 : fail();
}

static cfg_opt_t
row_option(const struct conf_row *row)
{
	cfg_opt_t	 opt;

	switch (row->type) {
	case CONF_BOOL:
		opt = (cfg_opt_t)CFG_BOOL(row->name,
		    strcmp(row->def, "true") == 0 ? cfg_true : cfg_false,
		    CFGF_NONE);
		break;
	case CONF_NUMBER:
		opt = (cfg_opt_t)CFG_INT_CB(row->name,
		    strtol(row->def, NULL, 10), CFGF_NONE, on_number);
		break;
	case CONF_LIST:
		opt = (cfg_opt_t)CFG_STR_LIST(row->name, NULL,
		    CFGF_NODEFAULT);
		break;
	case CONF_STRING:
	case CONF_WORD:
	case CONF_MODE:
	default:
		opt = (cfg_opt_t)CFG_STR(row->name, row->def, CFGF_NONE);
		break;
	}
	opt.validcb = on_value;
	return opt;
}

/* Puts the options of one section behind the n that are there already; returns
 * how many there are then. */
static size_t
section_options(const char *section, cfg_opt_t *opts, size_t n)
{
	const struct conf_row	*row;
	unsigned		 i;

	for (i = 0; (row = conf_row(i)) != NULL; i++)
		if (strcmp(row->section, section) == 0)
			opts[n++] = row_option(row);
	opts[n] = (cfg_opt_t)CFG_END();
	return n;
}

/* Puts those of the n sections that may stand in one behind its options. */
static void
inner_options(const char *const *names, const cfg_opt_t *sections, size_t n,
    cfg_opt_t *opts)
{
	size_t	 i;

	for (; *names != NULL; names++)
		for (i = 0; i < n; i++)
			if (strcmp(sections[i].name, *names) == 0)
				*opts++ = sections[i];
	*opts = (cfg_opt_t)CFG_END();
}

static cfg_t *
make_parser(void)
{
	const struct conf_section	*section;
	cfg_opt_t	 inner[SECTIONS_MAX][ROWS_MAX];
	cfg_opt_t	 outer[SECTIONS_MAX + ROWS_MAX];
	unsigned	 i;
	size_t		 n;

	for (i = 0; (section = conf_section(i)) != NULL; i++) {
		n = section_options(section->name, inner[i], 0);
		inner_options(section->inner, outer, i, inner[i] + n);
		outer[i] = (cfg_opt_t)CFG_SEC(section->name, inner[i],
		    section->is_titled ? CFGF_MULTI | CFGF_TITLE |
		    CFGF_NO_TITLE_DUPES : CFGF_NONE);
		outer[i].validcb = on_section;
	}
	(void)section_options("", outer, i);
	return cfg_init(outer, CFGF_NOCASE);
}

static int
parse_text(cfg_t *cfg)
{
	FILE	*fp;
	int	 result;

	/* fmemopen(3) takes no empty buffer on some systems. */
	if (parse->text->len == 0)
		return 0;
	fp = fmemopen(parse->text->text, parse->text->len, "r");
	if (fp == NULL)
		return err_set_at(parse->err, parse->conf->file, 0,
		    "out of memory");
	result = cfg_parse_fp(cfg, fp);
	(void)fclose(fp);
	if (result == CFG_SUCCESS)
		return 0;
	if (!parse->has_err)
		(void)err_set_at(parse->err, parse->conf->file,
		    (unsigned)cfg->line, "syntax error");
	return -1;
}

int
conf_parse(struct conf_whole *whole, const struct conf_text *text,
    struct err *err)
{
	struct conf_reader	 this = {
		.conf = &whole->conf,
		.text = text,
		.err = err
	};
	int		 result = -1;

	parse = &this;
	whole->cfg = make_parser();
	if (!has_defaults(whole->cfg)) {
		(void)err_set(err, "out of memory");
	} else {
		cfg_set_error_function(whole->cfg, on_error);
		result = parse_text(whole->cfg);
		if (result == 0)
			result = conf_add_maps(&this, whole->cfg);
		if (result == 0)
			result = trust_check_maps(whole->conf.trust, err);
		if (result == 0)
			result = conf_add_global_scope(&this, whole->cfg);
		if (result == 0)
			result = conf_add_shared(&this, whole->cfg);
		if (result == 0)
			result = conf_check_relays(&this);
	}
	free(this.met);
	parse = NULL;
	return result;
}
