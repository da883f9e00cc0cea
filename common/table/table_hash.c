/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_hash: fixed keys in memory, from a text file (texthash) or from the
 * spec itself (inline).
 *
 * A key in double quotes keeps them, as in Postfix: the table finds it when
 * it is asked with the quotes.  Postfix's daemons refuse a text file with a
 * duplicate key, and so does this; in an inline table the last one counts.
 */
#include "table/table_private.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS_MIN	16
#define POOL_MAX	UINT32_MAX
#define NO_ENTRY	UINT32_MAX

struct entry {
	uint32_t	 key;		/* where it is in the pool */
	uint32_t	 value;
	uint32_t	 key_len;
	unsigned	 line;
};

struct table_hash {
	struct table	 base;
	char		*path;
	const char	*file;
	char		*pool;		/* strings with their NULs */
	size_t		 pool_len;
	size_t		 pool_size;
	struct entry	*entry;
	size_t		 nentries;
	size_t		 entry_size;
	uint32_t	*slot;		/* of entries, or NO_ENTRY */
	size_t		 nslots;	/* a power of 2 */
};

/* FNV-1a: the keys are the administrator's, so that nobody can collide. */
static size_t
hash(struct span key)
{
	uint64_t	 h = 0xcbf29ce484222325u;
	size_t		 i;

	for (i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

static struct span
entry_key(const struct table_hash *t, const struct entry *e)
{
	return (struct span){ t->pool + e->key, e->key_len };
}

/* The slot that holds key, or the free one where it belongs. */
static size_t
hash_slot(const struct table_hash *t, struct span key)
{
	const struct entry	*e;
	size_t			 i;

	for (i = hash(key); ; i++) {
		i &= t->nslots - 1;
		if (t->slot[i] == NO_ENTRY)
			return i;
		e = &t->entry[t->slot[i]];
		if (e->key_len == key.n &&
		    memcmp(t->pool + e->key, key.p, key.n) == 0)
			return i;
	}
}

/* Keeps at least half of the slots free. */
static bool
hash_grow(struct table_hash *t)
{
	size_t	 i;

	if (t->nslots > t->nentries * 2)
		return true;
	free(t->slot);
	t->nslots = t->nslots == 0 ? SLOTS_MIN : t->nslots * 2;
	if ((t->slot = calloc(t->nslots, sizeof *t->slot)) == NULL)
		return false;
	memset(t->slot, 0xff, t->nslots * sizeof *t->slot);
	for (i = 0; i < t->nentries; i++)
		t->slot[hash_slot(t, entry_key(t, &t->entry[i]))] =
		    (uint32_t)i;
	return true;
}

static bool
pool_reserve(struct table_hash *t, size_t n)
{
	size_t	 size = t->pool_size == 0 ? 1024 : t->pool_size;
	char	*p;

	if (n > POOL_MAX - t->pool_len) {
		errno = EFBIG;
		return false;
	}
	while (size < t->pool_len + n)
		size *= 2;
	if (size == t->pool_size)
		return true;
	if ((p = realloc(t->pool, size)) == NULL)
		return false;
	t->pool = p;
	t->pool_size = size;
	return true;
}

static uint32_t
pool_add(struct table_hash *t, struct span s)
{
	size_t	 at = t->pool_len;

	span_copy(t->pool + at, s);
	t->pool[at + s.n] = '\0';
	t->pool_len += s.n + 1;
	return (uint32_t)at;
}

static bool
entry_reserve(struct table_hash *t)
{
	size_t		 size = t->entry_size * 2 + SLOTS_MIN;
	struct entry	*v;

	if (t->nentries < t->entry_size)
		return true;
	if ((v = reallocarray(t->entry, size, sizeof *v)) == NULL)
		return false;
	t->entry = v;
	t->entry_size = size;
	return true;
}

/* ASCII letters to lower case. */
static void
fold(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* Returns 1 if the key is there already, whose value is then replaced. */
static int
hash_put(struct table_hash *t, char *key, const char *value, unsigned line)
{
	struct span	 k, v = span_of(value);
	struct entry	*e;
	size_t		 slot;

	fold(key);
	k = span_of(key);
	if (!hash_grow(t) || !entry_reserve(t) ||
	    !pool_reserve(t, k.n + v.n + 2))
		return -1;
	slot = hash_slot(t, k);
	if (t->slot[slot] != NO_ENTRY) {
		e = &t->entry[t->slot[slot]];
		e->value = pool_add(t, v);
		e->line = line;
		return 1;
	}
	e = &t->entry[t->nentries];
	*e = (struct entry){ .key_len = (uint32_t)k.n, .line = line };
	e->key = pool_add(t, k);
	e->value = pool_add(t, v);
	t->slot[slot] = (uint32_t)t->nentries++;
	return 0;
}

/*
 * Finds the end of a key that ends with white space or, if not 0, "end",
 * unless these are in double quotes or behind a backslash.  NULL: a quote is
 * not closed.
 */
static char *
key_end(char *p, int end)
{
	bool	 in_quotes = false;

	for (; *p != '\0'; p++) {
		if (*p == '\\') {
			if (*++p == '\0')
				break;
		} else if (*p == '"') {
			in_quotes = !in_quotes;
		} else if (!in_quotes &&
		    (table_isspace(*p) || (end != 0 && *p == end))) {
			break;
		}
	}
	return in_quotes ? NULL : p;
}

/* Splits "key value"; returns what is wrong, or NULL. */
static const char *
split_line(char *line, char **value_r)
{
	char	*p;

	if ((p = key_end(line, 0)) == NULL)
		return "a double quote is not closed";
	if (*p != '\0')
		*p++ = '\0';
	*value_r = table_trim(p);
	if (*line == '\0' || **value_r == '\0')
		return "expected a key, white space and a value";
	return NULL;
}

/* Splits "key = value"; returns what is wrong, or NULL. */
static const char *
split_pair(char *pair, char **key_r, char **value_r)
{
	char	*end, *p;

	*key_r = pair = table_trim(pair);
	if (*pair == '\0')
		return "expected name=value";
	if ((end = key_end(pair, '=')) == NULL)
		return "a double quote is not closed";
	for (p = end; table_isspace(*p); p++)
		;
	if (*p != '=')
		return "a \"=\" is missing behind the name";
	if (p == pair)
		return "a name is missing before the \"=\"";
	*end = '\0';
	*value_r = table_trim(p + 1);
	return NULL;
}

static enum table_result
hash_find(const struct table *table, struct span key,
    struct table_answer *res)
{
	const struct table_hash	*t = (const struct table_hash *)table;
	const struct entry	*e;
	uint32_t		 i = NO_ENTRY;

	if (t->nslots > 0)
		i = t->slot[hash_slot(t, key)];
	if (i == NO_ENTRY)
		return TABLE_NOT_FOUND;
	e = &t->entry[i];
	return table_answer_set(res, span_of(t->pool + e->value), t->file,
	    e->line);
}

static int
hash_each_value(const struct table *table, table_value_fn *fn, void *arg,
    struct err *err)
{
	const struct table_hash	*t = (const struct table_hash *)table;
	struct table_value	 value = { .file = t->file };
	size_t			 i;

	for (i = 0; i < t->nentries; i++) {
		value.text = span_of(t->pool + t->entry[i].value);
		value.line = t->entry[i].line;
		if (fn(&value, arg, err) == -1)
			return -1;
	}
	return 0;
}

static int
hash_each_entry(const struct table *table, table_entry_fn *fn, void *arg,
    struct err *err)
{
	const struct table_hash	*t = (const struct table_hash *)table;
	struct table_entry	 entry = { .kind = TABLE_ENTRY_KEY,
				    .file = t->file };
	size_t			 i;

	for (i = 0; i < t->nentries; i++) {
		entry.what = entry_key(t, &t->entry[i]);
		entry.value = span_of(t->pool + t->entry[i].value);
		entry.line = t->entry[i].line;
		if (fn(&entry, arg, err) == -1)
			return -1;
	}
	return 0;
}

static size_t
hash_memory(const struct table *table)
{
	const struct table_hash	*t = (const struct table_hash *)table;

	return sizeof *t + t->pool_size + t->nslots * sizeof *t->slot +
	    t->entry_size * sizeof *t->entry;
}

static void
hash_free(struct table *table)
{
	struct table_hash	*t = (struct table_hash *)table;

	free(t->path);
	free(t->pool);
	free(t->entry);
	free(t->slot);
	free(t);
}

static const struct table_ops hash_ops = {
	.folds_keys = table_always_folds,
	.find = hash_find,
	.each_value = hash_each_value,
	.each_entry = hash_each_entry,
	.memory = hash_memory,
	.free = hash_free,
};

static struct table_hash *
hash_new(struct err *err)
{
	struct table_hash	*t = calloc(1, sizeof *t);

	if (t == NULL)
		(void)err_set(err, "%s", strerror(errno));
	else
		t->base.ops = &hash_ops;
	return t;
}

/* 1: the line is added; 0: it is not, for the reason in why; -1: out of
 * memory. */
static int
texthash_add(struct table_hash *t, const struct table_line *line,
    struct err *why)
{
	const char	*wrong;
	char		*value;

	if ((wrong = split_line(line->text, &value)) == NULL &&
	    (!table_is_utf8(span_of(line->text)) ||
	    !table_is_utf8(span_of(value))))
		wrong = "the line is not UTF-8";
	if (wrong != NULL) {
		(void)err_set(why, "%s", wrong);
		return 0;
	}
	switch (hash_put(t, line->text, value, line->number)) {
	case 0:
		return 1;
	case 1:
		(void)err_set(why, "duplicate key \"%.60s\"", line->text);
		return 0;
	default:
		return -1;
	}
}

/* 0: the next line may follow; -1 with err. */
static int
texthash_line(struct table_hash *t, const struct table_source *src,
    const struct table_file *file, const struct table_line *line,
    struct err *err)
{
	struct err	 why;

	switch (texthash_add(t, line, &why)) {
	case 1:
		return 0;
	case 0:
		return table_skips(src, file->name, line->number, why.text,
		    err) ? 0 : -1;
	default:
		return err_set(err, "%s: %s", table_label(file->name).text,
		    strerror(errno));
	}
}

static int
texthash_load(struct table_hash *t, const struct table_source *src,
    struct err *err)
{
	struct table_file	 file;
	struct table_line	 line;
	int			 more = 0;

	if (table_file_open_path(&file, src, err) == -1)
		more = -1;
	while (more != -1 && (more = table_file_next(&file, &line, err)) == 1)
		more = texthash_line(t, src, &file, &line, err);
	t->file = table_file_take_name(&file, &t->path);
	table_file_close(&file);
	return more;
}

struct table *
table_texthash_open(const struct table_source *src, struct err *err)
{
	struct table_hash	*t;

	if ((t = hash_new(err)) == NULL)
		return NULL;
	if (texthash_load(t, src, err) == -1) {
		hash_free(&t->base);
		return NULL;
	}
	return &t->base;
}

static int
inline_add(struct table_hash *t, char *pair, unsigned number,
    const struct table_source *src, struct err *err)
{
	struct err	 why;
	const char	*wrong;
	char		*key, *value;

	if (*pair == '{' && (pair = table_brace_strip(pair, &why)) == NULL)
		return err_set(err, "%.60s: %s", src->spec, why.text);
	if ((wrong = split_pair(pair, &key, &value)) != NULL)
		return err_set(err, "%.60s: \"%.60s\": %s", src->spec, pair,
		    wrong);
	if (hash_put(t, key, value, number) == -1)
		return err_set(err, "%.60s: %s", src->spec, strerror(errno));
	return 0;
}

static int
inline_load(struct table_hash *t, const struct table_source *src,
    struct err *err)
{
	char		*copy, *rest, *token;
	unsigned	 number = 0;
	int		 result = 0;

	if (!table_is_utf8(span_of(src->name)))
		return err_set(err, "inline: the table is not UTF-8");
	if ((copy = strdup(src->name)) == NULL)
		return err_set(err, "inline: %s", strerror(errno));
	if ((rest = table_brace_strip(copy, err)) == NULL)
		result = -1;
	while (result == 0 && (token = table_brace_token(&rest)) != NULL)
		result = inline_add(t, token, ++number, src, err);
	if (result == 0 && number == 0)
		result = err_set(err, "%s: expected {name=value, ...}",
		    table_label(src->spec).text);
	free(copy);
	return result;
}

struct table *
table_inline_open(const struct table_source *src, struct err *err)
{
	struct table_hash	*t;

	if ((t = hash_new(err)) == NULL)
		return NULL;
	t->file = src->spec;
	if (inline_load(t, src, err) == -1) {
		hash_free(&t->base);
		return NULL;
	}
	return &t->base;
}
