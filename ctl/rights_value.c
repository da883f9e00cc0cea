/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rights_value: the values of attributes that are texts, or numbers.
 */
#include "rights_private.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "table/cidr_pattern.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Asks both about that value of the attribute. */
static void
try_value(struct rights_task *t, enum assertion_status status,
    const char *text)
{
	struct assertion_set	 set;
	char			 line[ASSERTION_LINE_MAX];
	bool			 old, new;
	size_t			 len;

	assertion_init(&set, t->command == TRUST_XFORWARD ?
	    ASSERTION_XFORWARD : ASSERTION_XCLIENT);
	if (!assertion_set_value(&set, t->name, status, span_of(text)) ||
	    !assertion_print(&set, line, sizeof line, &len))
		return;
	old = trust_sweep_permits(t->trust[0], t->profile[0], t->command,
	    &set, t->name, false);
	new = trust_sweep_permits(t->trust[1], t->profile[1], t->command,
	    &set, t->name, false);
	if (old != new)
		rights_found_word(t, new, status == ASSERTION_VALUE ?
		    set.v[t->name].value : "[UNAVAILABLE]", line);
}

/* A words_fn. */
static void
try_word(const char *word, void *arg)
{
	if (*word != '[')
		try_value(arg, ASSERTION_VALUE, word);
}

/*
 * Where lists and tables have something to say
 */

struct reader {
	struct rights_task	*t;
	struct words		*words;
	FILE			*text[2];	/* of all that there is */
	int			 side;
	bool			 has_patterns;
	bool			 has_texts;	/* or tables */
};

/* A table_entry_fn. */
static int
read_entry(const struct table_entry *e, void *arg, struct err *err)
{
	struct reader	*r = arg;
	char		 text[ASSERTION_VALUE_MAX + 1];

	(void)err;
	fprintf(r->text[r->side], "%d %d %.*s\n", (int)e->kind,
	    e->is_conditional, (int)e->what.n, e->what.p);
	if (e->kind == TABLE_ENTRY_PATTERN)
		r->has_patterns = true;
	if (e->kind == TABLE_ENTRY_KEY && e->what.n < sizeof text) {
		(void)snprintf(text, sizeof text, "%.*s", (int)e->what.n,
		    e->what.p);
		try_word(text, r->t);
	}
	if (e->kind == TABLE_ENTRY_NETWORK && e->n_ranges > 0)
		try_word(address_format(&e->ranges[0].first, text,
		    sizeof text), r->t);
	return 0;
}

/* A trust_item_fn. */
static int
read_item(const struct trust_item *item, void *arg, struct err *err)
{
	static const enum words_kind	 kinds[] = {
		[TRUST_ITEM_TEXT] = WORDS_TEXT,
		[TRUST_ITEM_SUFFIX] = WORDS_SUFFIX,
		[TRUST_ITEM_PATTERN] = WORDS_PATTERN
	};
	struct reader			*r = arg;

	fprintf(r->text[r->side], "%d %d %s\n", (int)item->kind,
	    item->is_negated, item->table != NULL ? "" : item->text);
	switch (item->kind) {
	case TRUST_ITEM_TEXT:
	case TRUST_ITEM_SUFFIX:
	case TRUST_ITEM_PATTERN:
		r->has_texts = true;
		words_add(r->words, kinds[item->kind], item->text);
		break;
	case TRUST_ITEM_TABLE:
		r->has_texts = true;
		return table_each_entry(item->table, read_entry, r, err);
	case TRUST_ITEM_NETWORK:
	case TRUST_ITEM_OTHER:
		break;
	}
	return 0;
}

/* Reads the lists of both, and asks about all that tables name; true if they
 * are the same. */
static bool
read_lists(struct reader *r)
{
	char		*text[2] = { NULL, NULL };
	struct err	 err;
	bool		 is_same;
	size_t		 size;

	for (r->side = 0; r->side < 2; r->side++) {
		r->text[r->side] = open_memstream(&text[r->side], &size);
		if (r->text[r->side] == NULL)
			ctl_die(EX_OSERR, "out of memory");
		if (trust_sweep_items(r->t->profile[r->side], r->t->name,
		    read_item, r, &err) == -1)
			ctl_cannot_tell(&err);
		if (fclose(r->text[r->side]) != 0)
			ctl_die(EX_OSERR, "out of memory");
	}
	is_same = strcmp(text[0], text[1]) == 0;
	free(text[0]);
	free(text[1]);
	return is_same;
}

/* Where no list names one, they are all alike. */
static void
try_ports(struct rights_task *t, bool are_named)
{
	char	 text[8];
	int	 i;

	for (i = 0; i <= (are_named ? UINT16_MAX : 0); i++) {
		(void)snprintf(text, sizeof text, "%d", i);
		try_word(text, t);
	}
}

static enum words_shape
shape_of(enum assertion_name name)
{
	switch (name) {
	case ASSERTION_NAME:
	case ASSERTION_REVERSE_NAME:
		return WORDS_HOST;
	case ASSERTION_LOGIN:
		return WORDS_FREE;
	default:
		return WORDS_GREETING;
	}
}

static void
compare_texts(struct rights_task *t, const char *right)
{
	static const char *const	 fixed[] = { "SMTP", "ESMTP",
		"LOCAL", "REMOTE" };
	struct reader			 r = { .t = t,
					    .words = words_new(shape_of(
					    t->name)) };
	bool				 is_same = read_lists(&r);
	char *const			*try;
	size_t				 i;

	if (t->name == ASSERTION_PORT || t->name == ASSERTION_DESTPORT)
		try_ports(t, r.has_texts);
	else if (!words_each(r.words, try_word, t) && !is_same)
		rights_tell_undecided(t, right);
	for (i = 0; i < COUNT(fixed); i++)
		if (t->name == ASSERTION_PROTO || t->name == ASSERTION_SOURCE)
			try_word(fixed[i], t);
	for (try = t->rights->tries; try != NULL && *try != NULL; try++)
		try_word(*try, t);
	try_value(t, ASSERTION_UNAVAILABLE, "");
	if (r.has_patterns && !is_same)
		rights_tell_undecided(t, right);
	words_free(r.words);
}

static void
compare_one(struct rights_task *t, enum trust_command command, int name)
{
	char	 right[64];

	t->command = command;
	t->name = (enum assertion_name)name;
	(void)snprintf(right, sizeof right, "%s%s%s",
	    trust_command_text(command), command == TRUST_XREMOTEIP ? "" :
	    " ", command == TRUST_XREMOTEIP ? "" :
	    assertion_name_text(t->name));
	if (name == ASSERTION_ADDR || name == ASSERTION_DESTADDR)
		rights_compare_addresses(t);
	else
		compare_texts(t, right);
	if (command != TRUST_XREMOTEIP && (name == ASSERTION_ADDR ||
	    name == ASSERTION_DESTADDR)) {
		rights_tell_found(t, right, command,
		    assertion_name_text(t->name));
		try_value(t, ASSERTION_UNAVAILABLE, "");
	}
	rights_tell_found(t, right, command, assertion_name_text(t->name));
}

void
rights_compare_values(struct rights_task *t)
{
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (assertion_name_find(ASSERTION_XCLIENT, span_of(
		    assertion_name_text((enum assertion_name)i))) != -1)
			compare_one(t, TRUST_XCLIENT, i);
	for (i = 0; i < ASSERTION_COUNT; i++)
		if (assertion_name_find(ASSERTION_XFORWARD, span_of(
		    assertion_name_text((enum assertion_name)i))) != -1)
			compare_one(t, TRUST_XFORWARD, i);
	compare_one(t, TRUST_XREMOTEIP, ASSERTION_ADDR);
}
