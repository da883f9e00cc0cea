/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_value: the list of values that an attribute may take.
 *
 * The first item that matches decides.  Networks are found all at once
 * through an addrmap, so that only the other items are walked, and only those
 * in front of the network that matches.
 */
#include "trust/trust_value.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/addrmap.h"
#include "trust/trust_private.h"

enum item_kind {
	ITEM_ANY,		/* "*" */
	ITEM_PUBLIC,		/* "public" */
	ITEM_NET,		/* "192.0.2.0/24" */
	ITEM_SUFFIX,		/* ".example.com" */
	ITEM_EXACT,
	ITEM_PATTERN,		/* "mx*.example.com" */
	ITEM_TABLE,		/* "pcre:/file" */
	ITEM_SPECIAL		/* "[UNAVAILABLE]" */
};

struct item {
	enum item_kind		 kind;
	bool			 is_negated;
	char			*text;
	const struct table	*table;		/* ITEM_TABLE */
};

struct trust_list {
	struct item	*items;
	size_t		 n;
	size_t		 n_nets;
	struct addrmap	*nets;		/* of the ITEM_NETs; may be NULL */
	bool		 is_case_strict;
};

static bool
is_address(enum assertion_name name)
{
	return name == ASSERTION_ADDR || name == ASSERTION_DESTADDR;
}

/* "type:name", where type is made of small letters and digits. */
static bool
is_table_spec(const char *text)
{
	const char	*p = text;

	if (!islower((unsigned char)*p))
		return false;
	while (islower((unsigned char)*p) || isdigit((unsigned char)*p))
		p++;
	return *p == ':';
}

/* Without the dots at the end, which change nothing about a host name. */
static size_t
len_without_dots(const char *text)
{
	size_t	 n = strlen(text);

	while (n > 1 && text[n - 1] == '.')
		n--;
	return n;
}

static enum item_kind
text_kind(const char *text)
{
	if (text[0] == '[')		/* a HELO's address literal */
		return text[strlen(text) - 1] == ']' ? ITEM_EXACT :
		    ITEM_PATTERN;
	if (strpbrk(text, "*?[") != NULL)
		return ITEM_PATTERN;
	return text[0] == '.' && text[1] != '\0' ? ITEM_SUFFIX : ITEM_EXACT;
}

static bool
net_range(const char *text, struct address *first_r, struct address *last_r)
{
	struct address_net	 net;
	unsigned		 i, bytes;

	if (!address_parse_net(span_of(text), &net))
		return false;
	*first_r = *last_r = net.addr;
	bytes = net.addr.family == AF_INET ? 4 : 16;
	for (i = net.bits; i < bytes * 8; i++)
		last_r->bytes[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	return true;
}

static int
item_parse_table(struct trust *trust, struct item *item, struct err *err)
{
	item->kind = ITEM_TABLE;
	item->table = trust_table(trust, item->text, err);
	return item->table == NULL ? -1 : 0;
}

static int
item_parse_address(struct trust *trust, struct item *item, uint32_t rule,
    struct addrmap_builder *nets, struct err *err)
{
	struct address	 first, last;

	if (strcmp(item->text, "public") == 0) {
		item->kind = ITEM_PUBLIC;
		return 0;
	}
	if (net_range(item->text, &first, &last)) {
		item->kind = ITEM_NET;
		if (!addrmap_builder_add(nets, &first, &last, rule))
			return err_set(err, "out of memory");
		return 0;
	}
	if (is_table_spec(item->text))
		return item_parse_table(trust, item, err);
	return err_set(err, "\"%s\" is not valid here, expected a network "
	    "(without bits behind its prefix), \"public\", \"*\", "
	    "\"[UNAVAILABLE]\" or a table", item->text);
}

static int
item_parse_text(struct trust *trust, struct trust_list *list,
    struct item *item, struct err *err)
{
	if (is_table_spec(item->text))
		return item_parse_table(trust, item, err);
	if (strcasecmp(item->text, "[TEMPUNAVAIL]") == 0)
		return err_set(err, "write \"[UNAVAILABLE]\", which stands "
		    "for [TEMPUNAVAIL] too");
	item->kind = text_kind(item->text);
	if (item->kind != ITEM_PATTERN && !list->is_case_strict)
		item->text[len_without_dots(item->text)] = '\0';
	return 0;
}

static int
item_parse(struct trust *trust, struct trust_list *list,
    enum assertion_name name, const char *text, struct addrmap_builder *nets,
    struct err *err)
{
	struct item	*item = &list->items[list->n];

	item->is_negated = *text == '!';
	if (item->is_negated)
		text++;
	if (*text == '\0')
		return err_set(err, "empty item");
	item->text = strdup(text);
	if (item->text == NULL)
		return err_set(err, "out of memory");
	list->n++;
	if (strcmp(text, "*") == 0)
		item->kind = ITEM_ANY;
	else if (strcasecmp(text, "[UNAVAILABLE]") == 0)
		item->kind = ITEM_SPECIAL;
	else if (is_address(name))
		return item_parse_address(trust, item,
		    (uint32_t)(list->n - 1), nets, err);
	else
		return item_parse_text(trust, list, item, err);
	return 0;
}

static int
list_fill(struct trust *trust, struct trust_list *list,
    enum assertion_name name, const char *const *items, struct err *err)
{
	struct addrmap_builder	*nets;
	size_t			 n;
	int			 result = -1;

	for (n = 0; items[n] != NULL; n++)
		continue;
	list->is_case_strict = name == ASSERTION_LOGIN;
	list->items = calloc(n + 1, sizeof *list->items);
	nets = addrmap_builder_new();
	if (list->items == NULL || nets == NULL) {
		(void)err_set(err, "out of memory");
		goto done;
	}
	for (; *items != NULL; items++) {
		if (item_parse(trust, list, name, *items, nets, err) == -1)
			goto done;
		if (list->items[list->n - 1].kind == ITEM_NET)
			list->n_nets++;
	}
	if (list->n_nets > 0 && (list->nets = addrmap_build(nets)) == NULL) {
		(void)err_set(err, "out of memory");
		goto done;
	}
	result = 0;
done:
	addrmap_builder_free(nets);
	return result;
}

/* The name of the setting: the attribute's in small letters. */
static void
setting_name(enum assertion_name name, char *buf, size_t size)
{
	char	*p;

	(void)snprintf(buf, size, "%s", assertion_name_text(name));
	for (p = buf; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
}

struct trust_list *
trust_list_new(struct trust *trust, enum assertion_name name,
    const char *const *items, const char *file, unsigned line,
    struct err *err)
{
	struct trust_list	*list;
	struct err		 why;
	char			 setting[32];

	setting_name(name, setting, sizeof setting);
	trust->how.file = file;
	trust->how.line = line;
	list = calloc(1, sizeof *list);
	if (list == NULL) {
		(void)err_set_at(err, file, line, "out of memory");
		return NULL;
	}
	if (list_fill(trust, list, name, items, &why) == -1) {
		(void)err_set_at(err, file, line, "%s: %s", setting, why.text);
		trust_list_free(list);
		return NULL;
	}
	return list;
}

void
trust_list_free(struct trust_list *list)
{
	size_t	 i;

	if (list == NULL)
		return;
	for (i = 0; i < list->n; i++)
		free(list->items[i].text);
	addrmap_free(list->nets);
	free(list->items);
	free(list);
}

/* What one item says about a value. */
void
trust_list_text(const struct trust_list *list, char *buf, size_t size)
{
	size_t	 i, n = 0;
	int	 len;

	(void)snprintf(buf, size, "%s", list == NULL || list->n == 0 ?
	    "none" : "");
	for (i = 0; list != NULL && i < list->n; i++) {
		len = snprintf(buf + n, size - n, "%s%s%s", i == 0 ? "" : ", ",
		    list->items[i].is_negated ? "!" : "",
		    list->items[i].text);
		if (len < 0 || (size_t)len + sizeof ", ..." > size - n) {
			(void)snprintf(buf + n, size - n, ", ...");
			break;
		}
		n += (size_t)len;
	}
}

int
trust_list_each(const struct trust_list *list, trust_item_fn *fn, void *arg,
    struct err *err)
{
	struct trust_item	 told;
	const struct item	*item;
	size_t			 i;

	for (i = 0; list != NULL && i < list->n; i++) {
		item = &list->items[i];
		told = (struct trust_item){ .kind = TRUST_ITEM_TEXT,
		    .is_negated = item->is_negated, .text = item->text,
		    .table = item->table };
		if (item->kind == ITEM_NET)
			told.kind = TRUST_ITEM_NETWORK;
		else if (item->kind == ITEM_SUFFIX)
			told.kind = TRUST_ITEM_SUFFIX;
		else if (item->kind == ITEM_PATTERN)
			told.kind = TRUST_ITEM_PATTERN;
		else if (item->kind == ITEM_TABLE)
			told.kind = TRUST_ITEM_TABLE;
		else if (item->kind == ITEM_ANY || item->kind == ITEM_PUBLIC ||
		    item->kind == ITEM_SPECIAL)
			told.kind = TRUST_ITEM_OTHER;
		if (fn(&told, arg, err) == -1)
			return -1;
	}
	return 0;
}

enum item_result { ITEM_YES, ITEM_NO, ITEM_CANNOT_TELL };

static enum item_result
ask_public(const struct trust *trust, const struct address *addr,
    struct trust_hit *hit)
{
	switch (trust_public_check(trust, addr, &hit->err)) {
	case TRUST_PUBLIC_YES:
		return ITEM_YES;
	case TRUST_PUBLIC_SPECIAL:
		hit->why = "is not a public address";
		return ITEM_NO;
	case TRUST_PUBLIC_OWN:
		hit->why = "is an address of this host";
		return ITEM_NO;
	case TRUST_PUBLIC_PROFILE:
		hit->why = "has a trust profile of its own";
		return ITEM_NO;
	case TRUST_PUBLIC_CANNOT_TELL:
	default:
		return ITEM_CANNOT_TELL;
	}
}

static enum item_result
ask_table(const struct table *table, struct span key,
    struct trust_hit *hit)
{
	struct table_answer	 res = { 0 };
	enum item_result	 answer = ITEM_CANNOT_TELL;

	switch (table_find(table, key, &res)) {
	case TABLE_FOUND:
		hit->file = res.file;
		hit->line = res.line;
		answer = ITEM_YES;
		break;
	case TABLE_NOT_FOUND:
		answer = ITEM_NO;
		break;
	case TABLE_CANNOT_TELL:
		hit->err = res.err;
		break;
	}
	table_answer_clear(&res);
	return answer;
}

static bool
text_matches(const struct trust_list *list, const struct item *item,
    const char *value)
{
	size_t	 n = strlen(value), len = strlen(item->text);

	switch (item->kind) {
	case ITEM_SUFFIX:	/* also with nothing in front of its dot */
		if (n < len)
			return false;
		value += n - len;
		break;
	case ITEM_PATTERN:
		return fnmatch(item->text, value,
		    list->is_case_strict ? 0 : FNM_CASEFOLD) == 0;
	default:
		break;
	}
	return list->is_case_strict ? strcmp(value, item->text) == 0 :
	    strcasecmp(value, item->text) == 0;
}

/* A value as an item sees it: the text, and the address if it is one. */
struct value {
	const char		*text;
	const struct address	*addr;	/* NULL: not an address */
};

static enum item_result
ask_item(const struct trust *trust, const struct trust_list *list,
    const struct item *item, const struct value *value,
    struct trust_hit *hit)
{
	switch (item->kind) {
	case ITEM_ANY:
		return ITEM_YES;
	case ITEM_PUBLIC:
		return ask_public(trust, value->addr, hit);
	case ITEM_TABLE:
		return ask_table(item->table, span_of(value->text), hit);
	case ITEM_SUFFIX:
	case ITEM_EXACT:
	case ITEM_PATTERN:
		return text_matches(list, item, value->text) ? ITEM_YES :
		    ITEM_NO;
	case ITEM_NET:		/* found through the addrmap */
	case ITEM_SPECIAL:
	default:
		return ITEM_NO;
	}
}

static enum trust_match
item_decides(const struct item *item, struct trust_hit *hit)
{
	if (!item->is_negated)
		return TRUST_MATCH_ALLOWED;
	hit->why = "is not allowed";
	return TRUST_MATCH_REFUSED;
}

static enum trust_match
match_value(const struct trust *trust, const struct trust_list *list,
    const struct value *value, struct trust_hit *hit)
{
	size_t		 i, end = list->n;
	uint32_t	 net = ADDRMAP_NONE;

	if (list->nets != NULL)
		net = addrmap_find(list->nets, value->addr);
	if (net != ADDRMAP_NONE)
		end = net;
	/* A list of networks only is not walked at all. */
	if (list->n_nets == list->n)
		end = 0;
	for (i = 0; i < end; i++)
		switch (ask_item(trust, list, &list->items[i], value,
		    hit)) {
		case ITEM_YES:
			return item_decides(&list->items[i], hit);
		case ITEM_NO:
			break;
		case ITEM_CANNOT_TELL:
		default:
			hit->why = "cannot be checked at the moment";
			return TRUST_MATCH_CANNOT_TELL;
		}
	if (net != ADDRMAP_NONE)
		return item_decides(&list->items[net], hit);
	return TRUST_MATCH_REFUSED;
}

/* [UNAVAILABLE] gains nothing, and is refused only where a list says so. */
static enum trust_match
match_special(const struct trust_list *list, struct trust_hit *hit)
{
	size_t	 i;

	for (i = 0; list != NULL && i < list->n; i++)
		if (list->items[i].kind == ITEM_SPECIAL)
			return item_decides(&list->items[i], hit);
	return TRUST_MATCH_ALLOWED;
}

/* The text without dots at its end, which would dodge a "!.example.com". */
static const char *
normalise(const struct trust_list *list, const char *text, char *buf,
    size_t size)
{
	if (!list->is_case_strict)
		(void)snprintf(buf, size, "%.*s", (int)len_without_dots(text),
		    text);
	else
		(void)snprintf(buf, size, "%s", text);
	return buf;
}

enum trust_match
trust_list_match(const struct trust *trust, const struct trust_list *list,
    enum assertion_name name, const struct assertion_set *set,
    struct trust_hit *hit_r)
{
	struct value	 value = { 0 };
	char		 text[ASSERTION_VALUE_MAX + 1];

	*hit_r = (struct trust_hit){ .why = "is not allowed" };
	if (set->v[name].status != ASSERTION_VALUE)
		return match_special(list, hit_r);
	if (list == NULL)
		return TRUST_MATCH_REFUSED;
	value.text = normalise(list, set->v[name].value, text, sizeof text);
	if (is_address(name))
		value.addr = name == ASSERTION_ADDR ? &set->addr :
		    &set->destaddr;
	return match_value(trust, list, &value, hit_r);
}
