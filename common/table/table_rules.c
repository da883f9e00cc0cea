/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_rules: ordered rules with patterns, "if" blocks and $number in the
 * result: what regexp_table(5) and pcre_table(5) have in common.
 *
 * table_rule reads the lines; a line that it refuses makes the table fail.
 */
#include "table/table_private.h"

#include <errno.h>
#include <stdlib.h>

#include "table/table_rule.h"

struct table_rules {
	struct table			 base;
	const struct table_engine	*engine;
	void				*shared;
	char				*path;
	const char			*file;
	struct table_rule		*rule;
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

static int
open_block(struct loader *l, struct err *why)
{
	size_t	*v;

	v = reallocarray(l->open, l->nopen + 1, sizeof *v);
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
	struct table_rule	*v;

	if (t->nrules == t->size) {
		v = reallocarray(t->rule, t->size * 2 + 16, sizeof *v);
		if (v == NULL)
			return no_memory(why);
		t->rule = v;
		t->size = t->size * 2 + 16;
	}
	v = &t->rule[t->nrules++];
	*v = (struct table_rule){ .line = line->number };
	if (table_rule_parse(t->engine, line->text, v, why) == -1)
		return -1;
	t->memory += v->nparts * sizeof *v->part + 2 * line->len;
	switch (v->op) {
	case TABLE_RULE_IF:
		return open_block(l, why);
	case TABLE_RULE_ENDIF:
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
	struct table_answer		*res;
	struct table_group		 group[TABLE_GROUPS_MAX + 1];
	char				 room[TABLE_RULES_KEY_MAX + 1];
};

/* YES if the pattern, with its negation, is right for the key. */
static enum table_match
match(struct query *q, const struct table_rule_pattern *pattern,
    const struct table_rule *rule)
{
	const struct table_rules	*t = q->t;
	enum table_match		 match;
	struct err			 why;

	match = t->engine->match(t->shared, pattern->code, q->key, q->group,
	    pattern == &rule->pattern ? rule->ngroups : 0, &why);
	if (match == TABLE_MATCH_ERROR)
		(void)err_set_at(&q->res->err, table_label(t->file).text,
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
	const struct table_rule	*rule = &q->t->rule[(*i_r)++];
	enum table_match	 result;

	if (rule->op == TABLE_RULE_ENDIF)
		return TABLE_MATCH_NO;
	result = match(q, &rule->pattern, rule);
	if (rule->op == TABLE_RULE_IF) {
		if (result == TABLE_MATCH_NO)
			*i_r = rule->endif;
		return result == TABLE_MATCH_YES ? TABLE_MATCH_NO : result;
	}
	if (result == TABLE_MATCH_YES && rule->second.code != NULL)
		result = match(q, &rule->second, rule);
	return result;
}

static enum table_result
expand(struct query *q, const struct table_rule *rule)
{
	enum table_result		 result;
	const struct table_rule_part	*part;
	const struct table_group	*group;
	struct span			 text = { "", 0 };
	size_t				 i;

	result = table_answer_set(q->res, text, q->t->file, rule->line);
	for (i = 0; i < rule->nparts && result == TABLE_FOUND; i++) {
		part = &rule->part[i];
		group = &q->group[part->group];
		if (part->group == 0)
			text = (struct span){ rule->text + part->start,
			    part->len };
		else
			text = (struct span){ q->key.p + group->start,
			    group->end - group->start };
		result = table_answer_append(q->res, text);
	}
	return result;
}

static void
copy_key(struct query *q)
{
	span_copy(q->room, q->key);
	q->room[q->key.n] = '\0';
	q->key.p = q->room;
}

static enum table_result
rules_find(const struct table *table, struct span key,
    struct table_answer *res)
{
	const struct table_rules	*t = (const struct table_rules *)table;
	struct query			 q;
	size_t				 i = 0, asked;

	if (key.n > TABLE_RULES_KEY_MAX) {
		(void)err_set(&res->err,
		    "%s: a key of %zu bytes is too long for "
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

/* A result without $number has one part at most. */
static int
rules_each_value(const struct table *table, table_value_fn *fn, void *arg,
    struct err *err)
{
	const struct table_rules	*t = (const struct table_rules *)table;
	const struct table_rule		*rule;
	struct table_value		 value = { .file = t->file };
	size_t				 i;

	for (i = 0; i < t->nrules; i++) {
		rule = &t->rule[i];
		if (rule->op != TABLE_RULE_MATCH || rule->ngroups > 0)
			continue;
		value.text = (struct span){ rule->text,
		    rule->nparts == 0 ? 0 : rule->part[0].len };
		value.line = rule->line;
		if (fn(&value, arg, err) == -1)
			return -1;
	}
	return 0;
}

static int
rules_each_entry(const struct table *table, table_entry_fn *fn, void *arg,
    struct err *err)
{
	const struct table_rules	*t = (const struct table_rules *)table;
	const struct table_rule		*rule;
	struct table_entry		 entry = { .kind = TABLE_ENTRY_PATTERN,
					    .file = t->file };
	unsigned			 nopen = 0;
	size_t				 i;

	for (i = 0; i < t->nrules; i++) {
		rule = &t->rule[i];
		if (rule->op == TABLE_RULE_IF)
			nopen++;
		else if (rule->op == TABLE_RULE_ENDIF)
			nopen--;
		if (rule->op != TABLE_RULE_MATCH)
			continue;
		entry.what = span_of(rule->shown);
		entry.value = span_of(rule->shown_value);
		entry.is_conditional = nopen > 0;
		entry.line = rule->line;
		if (fn(&entry, arg, err) == -1)
			return -1;
	}
	return 0;
}

/* Leaves out what the libraries for regular expressions keep. */
static size_t
rules_memory(const struct table *table)
{
	const struct table_rules	*t = (const struct table_rules *)table;

	return sizeof *t + t->size * sizeof *t->rule + t->memory;
}

static void
rules_free(struct table *table)
{
	struct table_rules	*t = (struct table_rules *)table;
	size_t			 i;

	for (i = 0; i < t->nrules; i++)
		table_rule_clear(t->engine, &t->rule[i]);
	if (t->shared != NULL)
		t->engine->shared_free(t->shared);
	free(t->rule);
	free(t->path);
	free(t);
}

static const struct table_ops rules_ops = {
	.folds_keys = table_never_folds,
	.find = rules_find,
	.each_value = rules_each_value,
	.each_entry = rules_each_entry,
	.is_listed = table_never_listed,
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

	if ((t = calloc(1, sizeof *t)) == NULL) {
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
