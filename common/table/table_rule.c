/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_rule: one line of regexp_table(5) or pcre_table(5), parsed.
 *
 * Where Postfix warns and carries on without a line, or without a part of it,
 * this refuses it.  In particular text behind "if /pattern/" and "endif" is
 * refused: nearly always it is an indented rule that was taken for a
 * continuation line.
 */
#include "table/table_rule.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Reads "!/pattern/flags" at p and writes NULs into it.  Returns what is
 * behind the flags, or NULL with why set.
 */
static char *
split_pattern(char *p, const char *flags_end, bool *negated_r,
    char **pattern_r, struct span *flags_r, struct err *why)
{
	char	 delimiter, *flags;

	*negated_r = false;
	for (; *p == '!' || table_isspace(*p); p++)
		if (*p == '!')
			*negated_r = !*negated_r;
	if (*p == '\0') {
		(void)err_set(why, "expected a pattern");
		return NULL;
	}
	delimiter = *p++;
	*pattern_r = p;
	for (; *p != '\0' && *p != delimiter; p++)
		if (*p == '\\' && *++p == '\0')
			break;
	if (*p == '\0') {
		(void)err_set(why, "the pattern has no closing \"%c\"",
		    delimiter);
		return NULL;
	}
	*p++ = '\0';
	flags = p;
	while (*p != '\0' && !table_isspace(*p) &&
	    strchr(flags_end, *p) == NULL)
		p++;
	*flags_r = (struct span){ flags, (size_t)(p - flags) };
	return p;
}

static int
compile(const struct table_engine *engine, const char *pattern,
    struct span flags, unsigned ngroups, struct table_rule_pattern *pattern_r,
    struct err *why)
{
	unsigned	 have = 0;

	pattern_r->code = engine->compile(pattern, flags, ngroups, &have, why);
	if (pattern_r->code == NULL)
		return -1;
	if (ngroups > have)
		return err_set(why, "the result says $%u, but the pattern has "
		    "%u groups", ngroups, have);
	return 0;
}

static int
add_part(struct table_rule *rule, struct table_rule_part part, struct err *why)
{
	struct table_rule_part	*v;

	v = reallocarray(rule->part, rule->nparts + 1, sizeof *v);
	if (v == NULL)
		return err_set(why, "%s", strerror(errno));
	rule->part = v;
	v[rule->nparts++] = part;
	return 0;
}

/*
 * Finds the name in $name, $(name) or ${name}; p is behind the dollar.
 * Returns what follows, or NULL: a parenthesis is not closed.
 */
static const char *
split_name(const char *p, struct span *name_r)
{
	const char	*start = p;
	char		 open = *p, close = open == '(' ? ')' : '}';
	int		 level = 1;

	if (open != '(' && open != '{') {
		while (table_isalnum(*p) || *p == '_')
			p++;
		*name_r = (struct span){ start, (size_t)(p - start) };
		return p;
	}
	for (start = ++p; level > 0; p++) {
		if (*p == '\0')
			return NULL;
		if (*p == open)
			level++;
		else if (*p == close)
			level--;
	}
	*name_r = (struct span){ start, (size_t)(p - start) - 1 };
	return p;
}

/* Returns the number, or 0: not one of 1 to TABLE_GROUPS_MAX. */
static unsigned
group_number(struct span name)
{
	unsigned	 number = 0;
	size_t		 i;

	for (i = 0; i < name.n; i++) {
		if (name.p[i] < '0' || name.p[i] > '9')
			return 0;
		number = number * 10 + (unsigned)(name.p[i] - '0');
		if (number > TABLE_GROUPS_MAX)
			return 0;
	}
	return number;
}

/* p is at the dollar, which is not a double one. */
static const char *
parse_group(struct table_rule *rule, const char *p, struct err *why)
{
	struct table_rule_part	 part = { 0 };
	struct span		 name;

	if ((p = split_name(p + 1, &name)) == NULL) {
		(void)err_set(why, "a parenthesis behind \"$\" is not closed");
		return NULL;
	}
	if ((part.group = group_number(name)) == 0) {
		(void)err_set(why,
		    "\"$%.*s\": expected $1 to $%d (and $$ for a $)",
		    (int)(name.n < 40 ? name.n : 40), name.p,
		    TABLE_GROUPS_MAX);
		return NULL;
	}
	if (part.group > rule->ngroups)
		rule->ngroups = part.group;
	return add_part(rule, part, why) == -1 ? NULL : p;
}

/* Splits a result into its parts; rule->text gets those that are text. */
static int
parse_result(struct table_rule *rule, const char *p, struct err *why)
{
	struct table_rule_part	 text = { 0 };

	if ((rule->text = malloc(strlen(p) + 1)) == NULL)
		return err_set(why, "%s", strerror(errno));
	while (*p != '\0') {
		if (*p != '$' || p[1] == '$') {
			rule->text[text.start + text.len++] = *p;
			p += *p == '$' ? 2 : 1;
			continue;
		}
		if (text.len > 0 && add_part(rule, text, why) == -1)
			return -1;
		text = (struct table_rule_part){
		    .start = text.start + text.len };
		if ((p = parse_group(rule, p, why)) == NULL)
			return -1;
	}
	return text.len > 0 ? add_part(rule, text, why) : 0;
}

/* The line is a copy that nobody has written to; at is where its result is. */
static void
cut_shown(struct table_rule *rule, size_t at)
{
	if (rule->shown[at] != '\0')
		rule->shown[at++] = '\0';
	rule->shown_value = table_trim(rule->shown + at);
}

static int
parse_match(const struct table_engine *engine, char *p, struct table_rule *rule,
    struct err *why)
{
	const char	*line = p;
	char		*first, *second = NULL;
	struct span	 flags, flags2 = { "", 0 };
	const char	*flags_end = engine->has_second_pattern ? "!" : "";

	p = split_pattern(p, flags_end, &rule->pattern.is_negated, &first,
	    &flags, why);
	if (p != NULL && *p == '!' && engine->has_second_pattern)
		p = split_pattern(p, flags_end, &rule->second.is_negated,
		    &second, &flags2, why);
	if (p == NULL)
		return -1;
	cut_shown(rule, (size_t)(p - line));
	/*
	 * The text first: it says which groups are needed.  The byte at p is
	 * behind the flags and not theirs, so cutting blanks is harmless.
	 */
	if (parse_result(rule, table_trim(p), why) == -1)
		return -1;
	if (rule->ngroups > 0 && rule->pattern.is_negated)
		return err_set(why, "a negated pattern matches nothing that "
		    "$%u could stand for", rule->ngroups);
	if (compile(engine, first, flags, rule->ngroups, &rule->pattern,
	    why) == -1)
		return -1;
	if (second != NULL)
		return compile(engine, second, flags2, 0, &rule->second, why);
	return 0;
}

static int
parse_if(const struct table_engine *engine, char *p, struct table_rule *rule,
    struct err *why)
{
	struct span	 flags;
	char		*pattern;

	rule->op = TABLE_RULE_IF;
	p = split_pattern(p, engine->has_second_pattern ? "!" : "",
	    &rule->pattern.is_negated, &pattern, &flags, why);
	if (p == NULL)
		return -1;
	if (*table_trim(p) != '\0')
		return err_set(why, "text behind \"if\" and its pattern; a "
		    "rule inside must not be indented");
	return compile(engine, pattern, flags, 0, &rule->pattern, why);
}

static bool
is_word(const char *line, const char *word)
{
	size_t	 n = strlen(word);

	return strncasecmp(line, word, n) == 0 && !table_isalnum(line[n]);
}

int
table_rule_parse(const struct table_engine *engine, char *line,
    struct table_rule *rule, struct err *why)
{
	if ((rule->shown = strdup(line)) == NULL)
		return err_set(why, "%s", strerror(errno));
	if (!table_isalnum(*line))
		return parse_match(engine, line, rule, why);
	if (is_word(line, "if"))
		return parse_if(engine, line + strlen("if"), rule, why);
	if (!is_word(line, "endif"))
		return err_set(why, "expected a pattern, \"if\" or \"endif\"");
	rule->op = TABLE_RULE_ENDIF;
	if (*table_trim(line + strlen("endif")) != '\0')
		return err_set(why, "text behind \"endif\"; a rule must not "
		    "be indented");
	return 0;
}

void
table_rule_clear(const struct table_engine *engine, struct table_rule *rule)
{
	if (rule->pattern.code != NULL)
		engine->free_code(rule->pattern.code);
	if (rule->second.code != NULL)
		engine->free_code(rule->second.code);
	free(rule->shown);
	free(rule->text);
	free(rule->part);
}
