/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_print: the effective configuration, in the form that conf_load reads.
 */
#include <stdlib.h>
#include <string.h>

#include "conf_private.h"

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
print_rows(cfg_t *cfg, const char *section, bool with_sentence, FILE *out)
{
	const struct conf_row	*row;
	const char		*indent = *section == '\0' ? "" : "\t";
	unsigned		 i;

	for (i = 0; (row = conf_row(i)) != NULL; i++) {
		if (strcmp(row->section, section) != 0)
			continue;
		if (with_sentence)
			fprintf(out, "%s# %s\n", indent, row->sentence);
		fprintf(out, "%s%s = ", indent, row->name);
		print_value(cfg, row, out);
		putc('\n', out);
	}
}

static void
print_section(cfg_t *cfg, const char *name, FILE *out)
{
	fprintf(out, "%s {\n", name);
	print_rows(cfg_getsec(cfg, name), name, true, out);
	fputs("}\n", out);
}

/* Profiles or listeners, in the order of the file. */
static void
print_titled(cfg_t *cfg, const char *name, FILE *out)
{
	unsigned	 i;
	cfg_t		*section;

	for (i = 0; i < cfg_size(cfg, name); i++) {
		section = cfg_getnsec(cfg, name, i);
		fprintf(out, "%s ", name);
		print_quoted(cfg_title(section), strlen(cfg_title(section)),
		    out);
		fputs(" {\n", out);
		print_rows(section, name, false, out);
		fputs("}\n", out);
	}
}

void
conf_print(const struct conf *conf, FILE *out)
{
	const struct conf_whole	*whole;

	whole = (const struct conf_whole *)(const void *)conf;
	print_rows(whole->cfg, "", true, out);
	print_section(whole->cfg, "limits", out);
	print_section(whole->cfg, "milter", out);
	print_section(whole->cfg, "policy", out);
	print_titled(whole->cfg, "profile", out);
	print_titled(whole->cfg, "listener", out);
}
