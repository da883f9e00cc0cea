/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_parse_scope: what the configuration says of bindings, their groups and
 * domains becomes a scope.  There are two of these, of one shape: the modes of
 * XCLIENT, and its dialects, which travel as modes (dialect_of).
 */
#include <string.h>

#include "conf/conf_private.h"

/* Where a section stands; NULL: not in such a one. */
struct place {
	const char	*group, *binding;
};

static enum xclient_mode
mode_of(cfg_t *section)
{
	return (enum xclient_mode)conf_word_of(section, "XCLIENT");
}

/* As a mode of the scope of dialects. */
static enum xclient_mode
dialect_of(cfg_t *section)
{
	return (enum xclient_mode)conf_word_of(section, "xclient_dialect");
}

/* The line that decides: its XCLIENT's, else where it begins. */
static unsigned
line_of(const struct conf_reader *reader, cfg_t *section)
{
	unsigned	 line;

	line = conf_line_of(reader, cfg_getopt(section, "XCLIENT"));
	return line == 0 ? (unsigned)section->line : line;
}

static void
read_source(cfg_t *section, struct scope_source *source_r)
{
	const char	*file = cfg_getstr(section, "tls_ca_file");

	*source_r = (struct scope_source){
		.tls = (enum scope_tls)conf_word_of(section, "tls"),
		.tls_ca_file = *file == '\0' ? NULL : file
	};
	/* They have been checked; "" is none. */
	(void)address_parse(span_of(cfg_getstr(section, "source_address")),
	    &source_r->ipv4);
	(void)address_parse(span_of(cfg_getstr(section, "source_address6")),
	    &source_r->ipv6);
}

static int
add_domain(struct conf_reader *reader, cfg_t *section,
    const struct place *place)
{
	if (scope_add_domain(reader->conf->scope, place->group,
	    place->binding, cfg_title(section), mode_of(section),
	    reader->conf->file, line_of(reader, section), reader->err) == -1)
		return -1;
	return scope_add_domain(reader->conf->dialects, place->group,
	    place->binding, cfg_title(section), dialect_of(section),
	    reader->conf->file, line_of(reader, section), reader->err);
}

static int
add_domains(struct conf_reader *reader, cfg_t *section,
    const struct place *place)
{
	unsigned	 i;

	for (i = 0; i < cfg_size(section, "domain"); i++)
		if (add_domain(reader, cfg_getnsec(section, "domain", i),
		    place) == -1)
			return -1;
	return 0;
}

static int
add_binding(struct conf_reader *reader, cfg_t *section, const char *group)
{
	const struct place	 inside = { group, cfg_title(section) };
	struct scope_source	 source;

	if (conf_check_title(reader, section) == -1)
		return -1;
	read_source(section, &source);
	if (scope_add_binding(reader->conf->scope, group, inside.binding,
	    mode_of(section), &source, reader->conf->file,
	    line_of(reader, section), reader->err) == -1 ||
	    scope_add_binding(reader->conf->dialects, group, inside.binding,
	    dialect_of(section), NULL, reader->conf->file,
	    (unsigned)section->line, reader->err) == -1)
		return -1;
	return add_domains(reader, section, &inside);
}

static int
add_group(struct conf_reader *reader, cfg_t *section)
{
	const struct place	 inside = { cfg_title(section), NULL };
	struct scope_source	 source;
	unsigned		 i;

	if (conf_check_title(reader, section) == -1)
		return -1;
	read_source(section, &source);
	if (scope_add_group(reader->conf->scope, inside.group,
	    mode_of(section), &source, reader->conf->file,
	    line_of(reader, section), reader->err) == -1 ||
	    scope_add_group(reader->conf->dialects, inside.group,
	    dialect_of(section), NULL, reader->conf->file,
	    (unsigned)section->line, reader->err) == -1)
		return -1;
	for (i = 0; i < cfg_size(section, "binding"); i++)
		if (add_binding(reader, cfg_getnsec(section, "binding", i),
		    inside.group) == -1)
			return -1;
	return add_domains(reader, section, &inside);
}

int
conf_add_scope(struct conf_reader *reader, cfg_t *section)
{
	static const struct place	 outside = { NULL, NULL };

	if (strcmp(cfg_name(section), "binding_group") == 0)
		return add_group(reader, section);
	if (strcmp(cfg_name(section), "binding") == 0)
		return add_binding(reader, section, NULL);
	return add_domain(reader, section, &outside);
}

/* What the default says is not said by anybody.  Outside there is no word for
 * UNSET. */
static int
add_global(cfg_t *cfg, const char *name, struct scope *scope)
{
	if ((cfg_getopt(cfg, name)->flags & CFGF_MODIFIED) == 0)
		return 0;
	return scope_set_global(scope,
	    (enum xclient_mode)(conf_word_of(cfg, name) + 1));
}

int
conf_add_global_scope(struct conf_reader *reader, cfg_t *cfg)
{
	reader->conf->xclient_line = conf_line_of(reader,
	    cfg_getopt(cfg, "XCLIENT"));
	if (add_global(cfg, "XCLIENT", reader->conf->scope) == -1)
		return -1;
	return add_global(cfg, "xclient_dialect", reader->conf->dialects);
}
