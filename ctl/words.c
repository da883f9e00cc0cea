/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * words: see words.h.
 */
#include "words.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl.h"

#define NODES_MAX	30000	/* sets of places */
#define LEN_MAX		250	/* of a word */
#define EACH		3	/* words for one choice: some other rule may
				 * know one of them */

/* One step of an item; behind the last of each is TOKEN_END. */
enum token_kind { TOKEN_CHAR, TOKEN_ONE, TOKEN_SET, TOKEN_STAR, TOKEN_END };

struct token {
	enum token_kind	 kind;
	char		 c;
	char		*set;		/* "[a-z]" */
};

/* A set of places, and what the word that led there is like. */
struct node {
	uint64_t	*bits;
	int		 parent;	/* -1: the empty word */
	unsigned short	 len;
	char		 c;
	unsigned char	 shape;
	int		 next;		/* of the same hash; -1: none */
};

struct words {
	enum words_shape	 shape;
	struct token		*token;
	size_t			 n;
	size_t			*start;		/* where items begin */
	size_t			 n_items;
	size_t			 width;		/* of a set, in words */
	char			 letters[128];	/* one of each sort */
	unsigned		 n_letters;
	uint64_t		*takes[128];	/* by letter: who goes on */
	struct node		*node;
	int			 n_nodes;
	int			*slot;
	uint64_t		*choice;	/* sets of ends that were told,
						 * EACH times at most */
	unsigned		*n_told;
	size_t			 n_choices;
};

static void *
must(void *p)
{
	if (p == NULL)
		ctl_die(EX_OSERR, "out of memory");
	return p;
}

struct words *
words_new(enum words_shape shape)
{
	struct words	*w = must(calloc(1, sizeof *w));

	w->shape = shape;
	return w;
}

void
words_free(struct words *w)
{
	size_t	 i;

	if (w == NULL)
		return;
	for (i = 0; i < w->n; i++)
		free(w->token[i].set);
	free(w->token);
	free(w->start);
	free(w);
}

/*
 * Reading items
 */

static void
push(struct words *w, struct token token)
{
	w->token = must(reallocarray(w->token, w->n + 1, sizeof *w->token));
	w->token[w->n++] = token;
}

static bool
folds(const struct words *w)
{
	return w->shape != WORDS_FREE;
}

static void
push_char(struct words *w, char c)
{
	if (folds(w))
		c = (char)tolower((unsigned char)c);
	push(w, (struct token){ .kind = TOKEN_CHAR, .c = c });
}

/* Where "[...]" ends; NULL: it does not, and is a text. */
static const char *
set_end(const char *p)
{
	p++;
	if (*p == '!' || *p == '^')
		p++;
	if (*p == ']')
		p++;
	for (; *p != '\0' && *p != ']'; p++) {
		if (*p == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '=')) {
			char	 close[3] = { p[1], ']', '\0' };

			p = strstr(p + 2, close);
			if (p == NULL)
				return NULL;
			p++;
		} else if (*p == '\\' && p[1] != '\0') {
			p++;
		}
	}
	return *p == ']' ? p : NULL;
}

static void
push_pattern(struct words *w, const char *p)
{
	const char	*end;

	for (; *p != '\0'; p++) {
		if (*p == '*') {
			push(w, (struct token){ .kind = TOKEN_STAR });
		} else if (*p == '?') {
			push(w, (struct token){ .kind = TOKEN_ONE });
		} else if (*p == '[' && (end = set_end(p)) != NULL) {
			push(w, (struct token){ .kind = TOKEN_SET,
			    .set = must(strndup(p, (size_t)(end - p) + 1)) });
			p = end;
		} else {
			if (*p == '\\' && p[1] != '\0')
				p++;
			push_char(w, *p);
		}
	}
}

void
words_add(struct words *w, enum words_kind kind, const char *text)
{
	w->start = must(reallocarray(w->start, w->n_items + 1,
	    sizeof *w->start));
	w->start[w->n_items++] = w->n;
	if (kind == WORDS_SUFFIX)
		push(w, (struct token){ .kind = TOKEN_STAR });
	if (kind == WORDS_PATTERN)
		push_pattern(w, text);
	else
		for (; *text != '\0'; text++)
			push_char(w, *text);
	push(w, (struct token){ .kind = TOKEN_END });
}

/*
 * Letters: of those that all items treat alike, one is enough
 */

static bool
is_letter(const struct words *w, char c)
{
	switch (w->shape) {
	case WORDS_HOST:
	case WORDS_NAME:
		return strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_",
		    c) != NULL;
	case WORDS_GREETING:
		return c > ' ' && c <= '~' && !(c >= 'A' && c <= 'Z') &&
		    strchr("<>()\\\";@", c) == NULL;
	case WORDS_FREE:
	default:
		return c >= ' ' && c <= '~';
	}
}

static bool
token_takes(const struct words *w, const struct token *t, char c)
{
	const char	 text[2] = { c, '\0' };

	switch (t->kind) {
	case TOKEN_CHAR:
		return t->c == c;
	case TOKEN_ONE:
	case TOKEN_STAR:
		return true;
	case TOKEN_SET:
		return fnmatch(t->set, text, folds(w) ? FNM_CASEFOLD : 0) ==
		    0;
	case TOKEN_END:
	default:
		return false;
	}
}

/* What the shape sees in it: a dot, a hyphen, a digit, anything else. */
static int
sort_of(const struct words *w, char c)
{
	if (w->shape == WORDS_NAME || w->shape == WORDS_FREE)
		return 0;
	return c == '.' ? 1 : c == '-' ? 2 : c >= '0' && c <= '9' ? 3 : 0;
}

static void
add_letter(struct words *w, char c)
{
	uint64_t	*takes = must(calloc(w->width, sizeof *takes));
	unsigned	 i;
	size_t		 k;

	for (k = 0; k < w->n; k++)
		if (token_takes(w, &w->token[k], c))
			takes[k / 64] |= (uint64_t)1 << k % 64;
	for (i = 0; i < w->n_letters; i++)
		if (sort_of(w, w->letters[i]) == sort_of(w, c) &&
		    memcmp(w->takes[i], takes, w->width * 8) == 0) {
			free(takes);
			return;
		}
	w->takes[w->n_letters] = takes;
	w->letters[w->n_letters++] = c;
}

static void
find_letters(struct words *w)
{
	static const char	 first[] = "qjxzkvwyubghpmfcdlrnsitoae7350";
	const char		*p;
	int			 c;

	for (p = first; *p != '\0'; p++)
		add_letter(w, *p);
	for (c = '!'; c <= '~'; c++)
		if (is_letter(w, (char)c) && strchr(first, c) == NULL)
			add_letter(w, (char)c);
	if (is_letter(w, ' '))
		add_letter(w, ' ');
}

/*
 * Going from set to set
 */

/* The shape of a word so far: whether it may end, and what may follow. */
enum { SHAPE_EMPTY = 0, SHAPE_DOT = 1, SHAPE_HYPHEN = 2, SHAPE_GOOD = 3,
	SHAPE_LETTER = 4 };	/* a bit: it is not numbers alone */

/* -1: that may not follow. */
static int
follow(const struct words *w, unsigned shape, char c)
{
	unsigned	 last = shape & 3, letter = shape & SHAPE_LETTER;

	switch (sort_of(w, c)) {
	case 1:
		if (w->shape == WORDS_HOST && last != SHAPE_GOOD)
			return -1;
		return (int)(SHAPE_DOT | letter);
	case 2:
		if (w->shape == WORDS_GREETING)
			return SHAPE_GOOD | SHAPE_LETTER;
		if (last != SHAPE_GOOD && last != SHAPE_HYPHEN)
			return -1;
		return SHAPE_HYPHEN | SHAPE_LETTER;
	case 3:
		return (int)(SHAPE_GOOD | letter);
	default:
		return SHAPE_GOOD | SHAPE_LETTER;
	}
}

static bool
may_end(const struct words *w, unsigned shape)
{
	if ((shape & 3) != SHAPE_GOOD)
		return false;
	return w->shape != WORDS_HOST || (shape & SHAPE_LETTER) != 0;
}

static bool
has(const uint64_t *bits, size_t k)
{
	return (bits[k / 64] >> k % 64 & 1) != 0;
}

/* A star may stand for nothing. */
static void
put(const struct words *w, uint64_t *bits, size_t k)
{
	bits[k / 64] |= (uint64_t)1 << k % 64;
	if (w->token[k].kind == TOKEN_STAR)
		put(w, bits, k + 1);
}

static void
step(const struct words *w, const uint64_t *from, unsigned letter,
    uint64_t *to)
{
	uint64_t	 bits;
	size_t		 i, k;

	memset(to, 0, w->width * sizeof *to);
	for (i = 0; i < w->width; i++)
		for (bits = from[i] & w->takes[letter][i]; bits != 0;
		    bits &= bits - 1) {
			k = i * 64 + (size_t)__builtin_ctzll(bits);
			put(w, to, w->token[k].kind == TOKEN_STAR ? k :
			    k + 1);
		}
}

static size_t
hash(const struct words *w, const uint64_t *bits, unsigned shape)
{
	uint64_t	 h = 0xcbf29ce484222325u + shape;
	size_t		 i;

	for (i = 0; i < w->width; i++)
		h = (h ^ bits[i] ^ h >> 29) * 0x9e3779b97f4a7c15u;
	return (size_t)(h >> 32) % NODES_MAX;
}

/* False: there are too many already. */
static bool
visit(struct words *w, const uint64_t *bits, unsigned shape, int parent,
    char c)
{
	size_t		 h = hash(w, bits, shape);
	struct node	*node;
	int		 i;

	for (i = w->slot[h]; i != -1; i = w->node[i].next)
		if (w->node[i].shape == shape && memcmp(w->node[i].bits,
		    bits, w->width * sizeof *bits) == 0)
			return true;
	if (w->n_nodes == NODES_MAX)
		return false;
	node = &w->node[w->n_nodes];
	*node = (struct node){ .parent = parent, .c = c, .next = w->slot[h],
	    .shape = (unsigned char)shape, .len = parent == -1 ? 0 :
	    (unsigned short)(w->node[parent].len + 1),
	    .bits = must(malloc(w->width * sizeof *bits)) };
	memcpy(node->bits, bits, w->width * sizeof *bits);
	w->slot[h] = w->n_nodes++;
	return true;
}

/*
 * Telling
 */

/* True if that choice was told as often as it need be; it is counted. */
static bool
is_known(struct words *w, const uint64_t *ends)
{
	size_t	 i;

	for (i = 0; i < w->n_choices; i++)
		if (memcmp(w->choice + i * w->width, ends,
		    w->width * sizeof *ends) == 0)
			return w->n_told[i]++ >= EACH;
	w->choice = must(reallocarray(w->choice, (i + 1) * w->width,
	    sizeof *w->choice));
	w->n_told = must(reallocarray(w->n_told, i + 1, sizeof *w->n_told));
	memcpy(w->choice + i * w->width, ends, w->width * sizeof *ends);
	w->n_told[i] = 1;
	w->n_choices++;
	return false;
}

static void
tell(struct words *w, int i, words_fn *fn, void *arg)
{
	uint64_t	*ends = must(calloc(w->width, sizeof *ends));
	char		 word[LEN_MAX + 1];
	size_t		 k;

	for (k = 0; k < w->n; k++)
		if (w->token[k].kind == TOKEN_END && has(w->node[i].bits, k))
			ends[k / 64] |= (uint64_t)1 << k % 64;
	if (!is_known(w, ends)) {
		k = w->node[i].len;
		word[k] = '\0';
		for (; k > 0; i = w->node[i].parent)
			word[--k] = w->node[i].c;
		fn(word, arg);
	}
	free(ends);
}

static bool
walk(struct words *w, words_fn *fn, void *arg)
{
	uint64_t	*to = must(calloc(w->width, sizeof *to));
	bool		 is_whole = true;
	unsigned	 letter;
	int		 i, shape;
	size_t		 k;

	for (k = 0; k < w->n_items; k++)
		put(w, to, w->start[k]);
	(void)visit(w, to, SHAPE_EMPTY, -1, '\0');
	for (i = 0; i < w->n_nodes; i++) {
		if (i > 0 && may_end(w, w->node[i].shape))
			tell(w, i, fn, arg);
		for (letter = 0; letter < w->n_letters; letter++) {
			shape = follow(w, w->node[i].shape,
			    w->letters[letter]);
			if (shape == -1 || w->node[i].len == LEN_MAX)
				continue;
			step(w, w->node[i].bits, letter, to);
			is_whole &= visit(w, to, (unsigned)shape, i,
			    w->letters[letter]);
		}
	}
	free(to);
	return is_whole;
}

bool
words_each(struct words *w, words_fn *fn, void *arg)
{
	bool		 is_whole;
	unsigned	 letter;
	int		 i;

	w->width = w->n / 64 + 1;
	w->node = must(calloc(NODES_MAX, sizeof *w->node));
	w->slot = must(malloc(NODES_MAX * sizeof *w->slot));
	memset(w->slot, 0xff, NODES_MAX * sizeof *w->slot);
	find_letters(w);
	is_whole = walk(w, fn, arg);
	for (letter = 0; letter < w->n_letters; letter++)
		free(w->takes[letter]);
	for (i = 0; i < w->n_nodes; i++)
		free(w->node[i].bits);
	free(w->node);
	free(w->slot);
	free(w->choice);
	free(w->n_told);
	return is_whole;
}
