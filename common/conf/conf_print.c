/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_print: the effective configuration, all defaults included, in the form
 * that conf_load reads: what "-T" prints makes the same configuration again.
 * So each text is in quotes, and escaped as conf_text demands it.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf_private.h"

/* In "double quotes", with what conf_text would refuse or expand escaped. */
static void
print_quoted(const char *value, size_t n, FILE *out)
{
	size_t	 i;

	putc('"', out);
	for (i = 0; i < n; i++)
		switch (value[i]) {
		case '\n':
			fputs("\\n", out);
			break;
		case '\t':
			fputs("\\t", out);
			break;
		case '"':
		case '\\':
		case '$':
			putc('\\', out);
			/* FALLTHROUGH */
		default:
			putc(value[i], out);
			break;
		}
	putc('"', out);
}

static void
print_list(cfg_opt_t *opt, const char *def, FILE *out)
{
	const char	*gap = " ";
	unsigned	 i, n = cfg_opt_size(opt);
	size_t		 len;

	putc('{', out);
	for (i = 0; i < n; i++) {
		const char	*item = cfg_opt_getnstr(opt, i);

		fputs(gap, out);
		print_quoted(item, strlen(item), out);
		gap = ", ";
	}
	if (n == 0 && (opt->flags & CFGF_MODIFIED) == 0)
		for (; *def != '\0'; def += len + (def[len] == ' ')) {
			len = strcspn(def, " ");
			fputs(gap, out);
			print_quoted(def, len, out);
			gap = ", ";
		}
	fputs(" }", out);
}

static void
print_value(cfg_t *section, const struct conf_row *row, FILE *out)
{
	const char	*text;

	switch (row->type) {
	case CONF_LIST:
		print_list(cfg_getopt(section, row->name), row->def, out);
		break;
	case CONF_BOOL:
		fputs(cfg_getbool(section, row->name) ? "true" : "false",
		    out);
		break;
	case CONF_NUMBER:
		fprintf(out, "%ld", cfg_getint(section, row->name));
		break;
	case CONF_STRING:
	case CONF_WORD:
	case CONF_MODE:
	default:
		text = cfg_getstr(section, row->name);
		print_quoted(text, strlen(text), out);
		break;
	}
}

static void
print_indent(unsigned depth, FILE *out)
{
	for (; depth > 0; depth--)
		putc('\t', out);
}

static void
print_rows(cfg_t *cfg, const char *section, bool with_sentence,
    unsigned depth, FILE *out)
{
	const struct conf_row	*row;
	unsigned		 i;

	for (i = 0; (row = conf_row(i)) != NULL; i++) {
		if (strcmp(row->section, section) != 0)
			continue;
		print_indent(depth, out);
		if (with_sentence) {
			fprintf(out, "# %s\n", row->sentence);
			print_indent(depth, out);
		}
		fprintf(out, "%s = ", row->name);
		print_value(cfg, row, out);
		putc('\n', out);
	}
}

static void
print_section(cfg_t *cfg, const char *name, FILE *out)
{
	fprintf(out, "%s {\n", name);
	print_rows(conf_section_of(cfg, name), name, true, 1, out);
	fputs("}\n", out);
}

static const struct conf_section *
find_section(const char *name)
{
	const struct conf_section	*section;
	unsigned			 i;

	for (i = 0; (section = conf_section(i)) != NULL; i++)
		if (strcmp(section->name, name) == 0)
			break;
	return section;
}

/* All of a name in cfg, in the order of the file, with what stands in them. */
static void
print_titled(cfg_t *cfg, const char *name, unsigned depth, FILE *out)
{
	const char *const	*inner;
	unsigned		 i;
	cfg_t			*section;

	for (i = 0; i < cfg_size(cfg, name); i++) {
		section = cfg_getnsec(cfg, name, i);
		print_indent(depth, out);
		fprintf(out, "%s ", name);
		print_quoted(cfg_title(section), strlen(cfg_title(section)),
		    out);
		fputs(" {\n", out);
		print_rows(section, name, false, depth + 1, out);
		for (inner = find_section(name)->inner; *inner != NULL;
		    inner++)
			print_titled(section, *inner, depth + 1, out);
		print_indent(depth, out);
		fputs("}\n", out);
	}
}

void
conf_print(const struct conf *conf, FILE *out)
{
	const struct conf_whole		*whole;
	const struct conf_section	*section;
	unsigned			 i;

	whole = (const struct conf_whole *)(const void *)conf;
	print_rows(whole->cfg, "", true, 0, out);
	for (i = 0; (section = conf_section(i)) != NULL; i++)
		if (section->is_titled)
			print_titled(whole->cfg, section->name, 0, out);
		else
			print_section(whole->cfg, section->name, out);
}
