/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_rules: ordered rules with patterns, "if" blocks and $number in the
 * result: what regexp_table(5) and pcre_table(5) have in common.
 *
 * Where Postfix warns and carries on without a line, or without a part of it,
 * this refuses the table.  In particular text behind "if /pattern/" and
 * "endif" is refused: nearly always it is an indented rule that was taken for
 * a continuation line.
 */
#include "table_private.h"

#include <errno.h>
#include <stdlib.h>

enum rule_op { RULE_MATCH, RULE_IF, RULE_ENDIF };

struct pattern {
	void	*code;			/* NULL: there is no such pattern */
	bool	 is_negated;
};

/* A piece of a result: literal text, or what a group matched. */
struct part {
	uint32_t	 start;		/* of the text */
	uint32_t	 len;
	unsigned	 group;		/* 0: it is text */
};

struct rule {
	enum rule_op	 op;
	unsigned	 line;
	struct pattern	 pattern;
	struct pattern	 second;
	size_t		 endif;		/* where the block of an "if" ends */
	char		*text;		/* for the parts */
	struct part	*part;
	size_t		 nparts;
	unsigned	 ngroups;	/* the highest $number */
};

struct table_rules {
	struct table			 base;
	const struct table_engine	*engine;
	void				*shared;
	char				*path;
	const char			*file;
	struct rule			*rule;
	size_t				 nrules;
	size_t				 size;
	size_t				 memory;	/* of what rules own */
};

struct loader {
	struct table_rules	*t;
	size_t			*open;		/* "if" rules */
	size_t			 nopen;
};

static int
no_memory(struct err *why)
{
	return err_set(why, "%s", strerror(errno));
}

static void
rule_clear(const struct table_engine *engine, struct rule *rule)
{
	if (rule->pattern.code != NULL)
		engine->free_code(rule->pattern.code);
	if (rule->second.code != NULL)
		engine->free_code(rule->second.code);
	free(rule->text);
	free(rule->part);
}

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
		err_set(why, "expected a pattern");
		return NULL;
	}
	delimiter = *p++;
	*pattern_r = p;
	for (; *p != '\0' && *p != delimiter; p++)
		if (*p == '\\' && *++p == '\0')
			break;
	if (*p == '\0') {
		err_set(why, "the pattern has no closing \"%c\"", delimiter);
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
    struct span flags, unsigned ngroups, struct pattern *pattern_r,
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
add_part(struct rule *rule, struct part part, struct err *why)
{
	struct part	*v;

	v = reallocarray(rule->part, rule->nparts + 1, sizeof(*v));
	if (v == NULL)
		return no_memory(why);
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
parse_group(struct rule *rule, const char *p, struct err *why)
{
	struct part	 part = { 0 };
	struct span	 name;

	if ((p = split_name(p + 1, &name)) == NULL) {
		err_set(why, "a parenthesis behind \"$\" is not closed");
		return NULL;
	}
	if ((part.group = group_number(name)) == 0) {
		err_set(why, "\"$%.*s\": expected $1 to $%d (and $$ for a $)",
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
parse_result(struct rule *rule, const char *p, struct err *why)
{
	struct part	 text = { 0 };

	if ((rule->text = malloc(strlen(p) + 1)) == NULL)
		return no_memory(why);
	while (*p != '\0') {
		if (*p != '$' || p[1] == '$') {
			rule->text[text.start + text.len++] = *p;
			p += *p == '$' ? 2 : 1;
			continue;
		}
		if (text.len > 0 && add_part(rule, text, why) == -1)
			return -1;
		text = (struct part){ .start = text.start + text.len };
		if ((p = parse_group(rule, p, why)) == NULL)
			return -1;
	}
	return text.len > 0 ? add_part(rule, text, why) : 0;
}

static int
parse_match(const struct table_engine *engine, char *p, struct rule *rule,
    struct err *why)
{
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
parse_if(const struct table_engine *engine, char *p, struct rule *rule,
    struct err *why)
{
	struct span	 flags;
	char		*pattern;

	rule->op = RULE_IF;
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

static int
parse_rule(const struct table_engine *engine, char *line, struct rule *rule,
    struct err *why)
{
	if (!table_isalnum(*line))
		return parse_match(engine, line, rule, why);
	if (is_word(line, "if"))
		return parse_if(engine, line + strlen("if"), rule, why);
	if (!is_word(line, "endif"))
		return err_set(why, "expected a pattern, \"if\" or \"endif\"");
	rule->op = RULE_ENDIF;
	if (*table_trim(line + strlen("endif")) != '\0')
		return err_set(why, "text behind \"endif\"; a rule must not "
		    "be indented");
	return 0;
}

static int
open_block(struct loader *l, struct err *why)
{
	size_t	*v;

	v = reallocarray(l->open, l->nopen + 1, sizeof(*v));
	if (v == NULL)
		return no_memory(why);
	l->open = v;
	v[l->nopen++] = l->t->nrules - 1;
	return 0;
}

static int
close_block(struct loader *l, struct err *why)
{
	if (l->nopen == 0)
		return err_set(why, "\"endif\" without \"if\"");
	l->t->rule[l->open[--l->nopen]].endif = l->t->nrules - 1;
	return 0;
}

static int
load_line(struct loader *l, const struct table_line *line, struct err *why)
{
	struct table_rules	*t = l->t;
	struct rule		*v;

	if (t->nrules == t->size) {
		v = reallocarray(t->rule, t->size * 2 + 16, sizeof(*v));
		if (v == NULL)
			return no_memory(why);
		t->rule = v;
		t->size = t->size * 2 + 16;
	}
	v = &t->rule[t->nrules++];
	*v = (struct rule){ .line = line->number };
	if (parse_rule(t->engine, line->text, v, why) == -1)
		return -1;
	t->memory += v->nparts * sizeof(*v->part) + line->len;
	switch (v->op) {
	case RULE_IF:
		return open_block(l, why);
	case RULE_ENDIF:
		return close_block(l, why);
	default:
		return 0;
	}
}

static unsigned
highest_group(const struct table_rules *t)
{
	unsigned	 n = 0;
	size_t		 i;

	for (i = 0; i < t->nrules; i++)
		if (t->rule[i].ngroups > n)
			n = t->rule[i].ngroups;
	return n;
}

static int
load(struct loader *l, struct table_file *file, struct err *err)
{
	struct table_rules	*t = l->t;
	struct table_line	 line;
	struct err		 why;
	int			 more;

	while ((more = table_file_next(file, &line, err)) == 1)
		if (load_line(l, &line, &why) == -1)
			return err_set_at(err, table_label(file->name).text,
			    line.number, "%s",
			    why.text);
	if (more == -1)
		return -1;
	if (l->nopen > 0)
		return err_set_at(err, table_label(file->name).text,
		    t->rule[l->open[l->nopen - 1]].line,
		    "\"if\" without \"endif\"");
	if (t->engine->shared_new == NULL)
		return 0;
	if ((t->shared = t->engine->shared_new(highest_group(t))) == NULL)
		return no_memory(err);
	return 0;
}

/* What one lookup goes by. */
struct query {
	const struct table_rules	*t;
	struct span			 key;
	struct table_result		*res;
	struct table_group		 group[TABLE_GROUPS_MAX + 1];
	char				 room[TABLE_RULES_KEY_MAX + 1];
};

/* YES if the pattern, with its negation, is right for the key. */
static enum table_match
match(struct query *q, const struct pattern *pattern, const struct rule *rule)
{
	const struct table_rules	*t = q->t;
	enum table_match		 match;
	struct err			 why;

	match = t->engine->match(t->shared, pattern->code, q->key, q->group,
	    pattern == &rule->pattern ? rule->ngroups : 0, &why);
	if (match == TABLE_MATCH_ERROR)
		err_set_at(&q->res->err, table_label(t->file).text,
		    rule->line, "%s", why.text);
	else if (pattern->is_negated)
		match = match == TABLE_MATCH_YES ? TABLE_MATCH_NO :
		    TABLE_MATCH_YES;
	return match;
}

/* Runs one rule and moves *i_r to the one that is to be asked next. */
static enum table_match
ask(struct query *q, size_t *i_r)
{
	const struct rule	*rule = &q->t->rule[(*i_r)++];
	enum table_match	 result;

	if (rule->op == RULE_ENDIF)
		return TABLE_MATCH_NO;
	result = match(q, &rule->pattern, rule);
	if (rule->op == RULE_IF) {
		if (result == TABLE_MATCH_NO)
			*i_r = rule->endif;
		return result == TABLE_MATCH_YES ? TABLE_MATCH_NO : result;
	}
	if (result == TABLE_MATCH_YES && rule->second.code != NULL)
		result = match(q, &rule->second, rule);
	return result;
}

static enum table_status
expand(struct query *q, const struct rule *rule)
{
	enum table_status	 status;
	const struct part	*part;
	const struct table_group *group;
	struct span		 text = { "", 0 };
	size_t			 i;

	status = table_result_set(q->res, text, q->t->file, rule->line);
	for (i = 0; i < rule->nparts && status == TABLE_FOUND; i++) {
		part = &rule->part[i];
		group = &q->group[part->group];
		if (part->group == 0)
			text = (struct span){ rule->text + part->start,
			    part->len };
		else
			text = (struct span){ q->key.p + group->start,
			    group->end - group->start };
		status = table_result_append(q->res, text);
	}
	return status;
}

static void
copy_key(struct query *q)
{
	memcpy(q->room, q->key.p, q->key.n);
	q->room[q->key.n] = '\0';
	q->key.p = q->room;
}

static enum table_status
rules_find(const struct table *table, struct span key,
    struct table_result *res)
{
	const struct table_rules	*t = (const struct table_rules *)table;
	struct query			 q;
	size_t				 i = 0, asked;

	if (key.n > TABLE_RULES_KEY_MAX) {
		err_set(&res->err, "%s: a key of %zu bytes is too long for "
		    "patterns", table_label(t->file).text, key.n);
		return TABLE_CANNOT_TELL;
	}
	q.t = t;
	q.key = key.n > 0 ? key : span_of("");
	q.res = res;
	if (t->engine->needs_string)
		copy_key(&q);
	while ((asked = i) < t->nrules) {
		switch (ask(&q, &i)) {
		case TABLE_MATCH_NO:
			break;
		case TABLE_MATCH_YES:
			return expand(&q, &t->rule[asked]);
		case TABLE_MATCH_ERROR:
			return TABLE_CANNOT_TELL;
		}
	}
	return TABLE_NOT_FOUND;
}

/* Leaves out what the libraries for regular expressions keep. */
static size_t
rules_memory(const struct table *table)
{
	const struct table_rules	*t = (const struct table_rules *)table;

	return sizeof(*t) + t->size * sizeof(*t->rule) + t->memory;
}

static void
rules_free(struct table *table)
{
	struct table_rules	*t = (struct table_rules *)table;
	size_t			 i;

	for (i = 0; i < t->nrules; i++)
		rule_clear(t->engine, &t->rule[i]);
	if (t->shared != NULL)
		t->engine->shared_free(t->shared);
	free(t->rule);
	free(t->path);
	free(t);
}

static const struct table_ops rules_ops = {
	.folds_keys = table_never_folds,
	.find = rules_find,
	.memory = rules_memory,
	.free = rules_free,
};

struct table *
table_rules_open(const struct table_source *src,
    const struct table_engine *engine, struct err *err)
{
	struct table_file	 file;
	struct table_rules	*t;
	struct loader		 l = { 0 };
	int			 result;

	if ((t = calloc(1, sizeof(*t))) == NULL) {
		no_memory(err);
		return NULL;
	}
	t->base.ops = &rules_ops;
	t->engine = engine;
	l.t = t;
	if ((result = table_file_open(&file, src, err)) == 0)
		result = load(&l, &file, err);
	t->file = table_file_take_name(&file, &t->path);
	table_file_close(&file);
	free(l.open);
	if (result == -1) {
		rules_free(&t->base);
		return NULL;
	}
	return &t->base;
}
