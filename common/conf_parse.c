/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_parse: makes libconfuse read the file by the table of settings, and
 * builds trust while it reads, because only then lines are known.
 *
 * libconfuse's lexer and its callbacks know nothing but global state, so this
 * has one pointer of its own, which is NULL outside of conf_parse.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "conf_private.h"

#define ROWS_MAX	64	/* of one section */
#define LISTENER_NAME_SIZE	65	/* as in a session's record */

/* Where a setting was met. */
struct met {
	const cfg_opt_t	*opt;
	unsigned	 line;
};

static struct parse {
	struct conf		*conf;
	const struct conf_text	*text;
	size_t			 section;	/* index of the next one */
	struct met		*met;
	size_t			 n_met;
	struct err		*err;
	bool			 has_err;
} *parse;

/* Keeps the first message, which is the cause of any others. */
static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char	 text[ERR_TEXT_SIZE], where[128] = "";

	if (parse->has_err)
		return;
	parse->has_err = true;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (cfg_title(cfg) != NULL)
		snprintf(where, sizeof(where), " (in %s \"%s\")",
		    cfg_name(cfg), cfg_title(cfg));
	else if (strcmp(cfg_name(cfg), CONF_ROOT) != 0)
		snprintf(where, sizeof(where), " (in %s)", cfg_name(cfg));
	err_set_at(parse->err, parse->conf->file, (unsigned)cfg->line,
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
	struct met	*grown;

	if (parse->n_met > 0 && parse->met[parse->n_met - 1].opt == opt)
		return 0;
	grown = reallocarray(parse->met, parse->n_met + 1, sizeof(*grown));
	if (grown == NULL)
		return -1;
	parse->met = grown;
	grown[parse->n_met++] = (struct met){ opt, line };
	return 0;
}

/* The line where a setting was last met; 0: it was not, or it is empty. */
static unsigned
line_of(const cfg_opt_t *opt)
{
	size_t	 i;

	for (i = parse->n_met; i > 0; i--)
		if (parse->met[i - 1].opt == opt)
			return parse->met[i - 1].line;
	return 0;
}

/* Forgets the settings of a section that is done with. */
static void
forget_lines(const cfg_t *section)
{
	const cfg_opt_t	*first = section->opts, *last = first;

	while (last->name != NULL)
		last++;
	while (parse->n_met > 0 && parse->met[parse->n_met - 1].opt >= first &&
	    parse->met[parse->n_met - 1].opt < last)
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
		    row->name, value, row->words);
		return -1;
	}
	if (row->is_valid != NULL && !row->is_valid(value)) {
		cfg_error(cfg, "%s: \"%s\" is not valid, expected %s",
		    row->name, value, row->expected);
		return -1;
	}
	return 0;
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
	return check_value(cfg, row, value);
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

/*
 * The texts of a list, NULL-terminated, to be freed; the texts stay
 * libconfuse's.  *is_set_r tells an empty list from one that is not there.
 */
static const char **
list_items(cfg_t *section, const char *name, bool *is_set_r,
    unsigned *line_r)
{
	cfg_opt_t	 *opt = cfg_getopt(section, name);
	const char	**items;
	unsigned	  i, n = cfg_opt_size(opt);

	*is_set_r = n > 0 || (opt->flags & CFGF_MODIFIED) != 0;
	*line_r = line_of(opt);
	items = calloc(n + 1, sizeof(*items));
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
profile_lists(cfg_t *section, struct trust_profile_def *def,
    const char **owned[])
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
		*owned = list_items(section, row->name, &is_set, line);
		if (*owned == NULL)
			return -1;
		if (is_set)
			*to = *owned;
		owned++;
	}
	return 0;
}

static int
word_of(cfg_t *section, const char *name)
{
	return conf_row_word(conf_row_find(cfg_name(section), name),
	    cfg_getstr(section, name));
}

static int
add_profile(cfg_t *section, unsigned line)
{
	static const enum verdict_action	 actions[] = {
		VERDICT_TEMPFAIL, VERDICT_REJECT, VERDICT_DISCONNECT
	};
	struct trust_profile_def	 def = {
		.name = cfg_title(section),
		.file = parse->conf->file,
		.line = line,
		.seal = (enum trust_seal)word_of(section, "seal"),
		.on_violation = actions[word_of(section, "on_violation")],
		.report_only = cfg_getbool(section, "report_only"),
		.xremoteip = cfg_getbool(section, "xremoteip"),
		.xdumpcontext = cfg_getbool(section, "xdumpcontext"),
		.always_allow = cfg_getbool(section, "always_allow"),
		.received = (unsigned)cfg_getint(section, "received")
	};
	const char	**owned[ROWS_MAX] = { NULL };
	size_t		  i;
	int		  result;

	result = profile_lists(section, &def, owned);
	if (result == -1)
		err_set_at(parse->err, def.file, line, "out of memory");
	else
		result = trust_add_profile(parse->conf->trust, &def,
		    parse->err);
	for (i = 0; i < ROWS_MAX; i++)
		free(owned[i]);
	return result;
}

static int
add_maps(cfg_t *section, const char *listener)
{
	cfg_opt_t	*opt = cfg_getopt(section, "trust_maps");
	unsigned	 i;

	for (i = 0; i < cfg_opt_size(opt); i++)
		if (trust_add_map(parse->conf->trust, listener,
		    cfg_opt_getnstr(opt, i), parse->conf->file,
		    line_of(opt), parse->err) == -1)
			return -1;
	return 0;
}

/* The classes first: the tables' actions may name them. */
static int
add_access(cfg_t *cfg)
{
	cfg_opt_t	*classes, *maps;
	unsigned	 i;

	classes = cfg_getopt(cfg_getsec(cfg, "policy"),
	    "restriction_classes");
	for (i = 0; i < cfg_opt_size(classes); i++)
		if (access_add_class(parse->conf->access,
		    cfg_opt_getnstr(classes, i)) == -1)
			return err_set_at(parse->err, parse->conf->file, 0,
			    "out of memory");
	maps = cfg_getopt(cfg, "access_maps");
	for (i = 0; i < cfg_opt_size(maps); i++)
		if (access_add_map(parse->conf->access,
		    cfg_opt_getnstr(maps, i), parse->conf->file,
		    line_of(maps), parse->err) == -1)
			return -1;
	return 0;
}

static int
add_listener(cfg_t *section, unsigned line)
{
	const char	*name = cfg_title(section);

	if (strlen(name) >= LISTENER_NAME_SIZE || *name == '\0' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(name))
		return err_set_at(parse->err, parse->conf->file, line,
		    "a listener's name must be 1 to %d of A-Z a-z 0-9 . _ -",
		    LISTENER_NAME_SIZE - 1);
	/* Without this the listener would get the maps of all others. */
	if (cfg_size(section, "trust_maps") == 0)
		return err_set_at(parse->err, parse->conf->file, line,
		    "listener \"%s\" has no trust_maps, expected one table "
		    "(\"static:stranger\" trusts nobody)", name);
	return add_maps(section, name);
}

/* libconfuse calls this at the end of each section that has a title. */
static int
on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t		*section;
	unsigned	 line;
	int		 result = 0;

	section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	line = parse->section < parse->text->n_sections ?
	    parse->text->section_line[parse->section] : (unsigned)cfg->line;
	parse->section++;
	if (strcmp(opt->name, "profile") == 0)
		result = add_profile(section, line);
	else if (strcmp(opt->name, "listener") == 0)
		result = add_listener(section, line);
	forget_lines(section);
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

/* The options of one section, behind the n that are there already. */
static void
section_options(const char *section, cfg_opt_t *opts, size_t n)
{
	const struct conf_row	*row;
	unsigned		 i;

	for (i = 0; (row = conf_row(i)) != NULL; i++)
		if (strcmp(row->section, section) == 0)
			opts[n++] = row_option(row);
	opts[n] = (cfg_opt_t)CFG_END();
}

static cfg_t *
make_parser(void)
{
	static const struct {
		const char	*name;
		cfg_flag_t	 flags;
	} sections[] = {
		{ "limits",	CFGF_NONE },
		{ "milter",	CFGF_NONE },
		{ "policy",	CFGF_NONE },
		{ "profile",	CFGF_MULTI | CFGF_TITLE |
				    CFGF_NO_TITLE_DUPES },
		{ "listener",	CFGF_MULTI | CFGF_TITLE |
				    CFGF_NO_TITLE_DUPES }
	};
	enum { N = sizeof(sections) / sizeof(sections[0]) };
	cfg_opt_t	 inner[N][ROWS_MAX], outer[ROWS_MAX + N];
	size_t		 i;

	for (i = 0; i < N; i++) {
		section_options(sections[i].name, inner[i], 0);
		outer[i] = (cfg_opt_t)CFG_SEC(sections[i].name, inner[i],
		    sections[i].flags);
		outer[i].validcb = on_section;
	}
	section_options("", outer, N);
	return cfg_init(outer, CFGF_NONE);
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
	fclose(fp);
	if (result == CFG_SUCCESS)
		return 0;
	if (!parse->has_err)
		err_set_at(parse->err, parse->conf->file,
		    (unsigned)cfg->line, "syntax error");
	return -1;
}

int
conf_parse(struct conf_whole *whole, const struct conf_text *text,
    struct err *err)
{
	struct parse	 this = {
		.conf = &whole->conf,
		.text = text,
		.err = err
	};
	int		 result = -1;

	parse = &this;
	whole->cfg = make_parser();
	if (whole->cfg == NULL) {
		err_set(err, "out of memory");
	} else {
		cfg_set_error_function(whole->cfg, on_error);
		result = parse_text(whole->cfg);
		if (result == 0)
			result = add_maps(whole->cfg, NULL);
		if (result == 0)
			result = add_access(whole->cfg);
	}
	free(this.met);
	parse = NULL;
	return result;
}
