/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_pcre: Perl-compatible regular expressions (pcre_table(5)), with
 * libpcre2.
 *
 * A match needs room of its own.  Lookups borrow it from a few places that
 * the table has and bring it back, without a lock; one that finds them all
 * empty makes its own and throws it away if there is no free place.  Its work
 * and its memory are limited, so that a key made for the purpose cannot keep
 * the processor busy: such a match is an error, not a "no".
 */
#include "table/table_private.h"

#define PCRE2_CODE_UNIT_WIDTH	8
#include <pcre2.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PLACES		8

/*
 * PCRE2 counts its steps anew for each position in the key at which a match
 * may begin, so the limit for one position is this divided by the length;
 * but no less than a few steps for each byte, which plain patterns need.
 */
#define STEPS_MAX	2000000
#define STEPS_PER_BYTE	4
#define STEPS_EXTRA	1000
#define HEAP_MAX_KIB	4096

struct room {
	pcre2_match_data	*data;
	pcre2_match_context	*limits;
};

struct shared {
	unsigned		 ngroups;
	_Atomic(struct room *)	 place[PLACES];
};

static uint32_t
flag_option(char flag)
{
	switch (flag) {
	case 'i':
		return PCRE2_CASELESS;
	case 'm':
		return PCRE2_MULTILINE;
	case 's':
		return PCRE2_DOTALL;
	case 'x':
		return PCRE2_EXTENDED;
	case 'A':
		return PCRE2_ANCHORED;
	case 'E':
		return PCRE2_DOLLAR_ENDONLY;
	case 'U':
		return PCRE2_UNGREEDY;
	default:
		return 0;
	}
}

/* The flag X is from before PCRE2 and means nothing any more. */
static int
parse_flags(struct span flags, uint32_t *options_r, struct err *err)
{
	uint32_t	 options = PCRE2_CASELESS | PCRE2_DOTALL, option;
	size_t		 i;

	for (i = 0; i < flags.n; i++) {
		option = flag_option(flags.p[i]);
		if (option == 0 && flags.p[i] != 'X')
			return err_set(err, "unknown flag \"%c\": expected i, "
			    "m, s, x, A, E or U", flags.p[i]);
		options ^= option;
	}
	*options_r = options;
	return 0;
}

static void
pcre_error(int code, struct err *err)
{
	PCRE2_UCHAR	 text[128] = "";

	pcre2_get_error_message(code, text, sizeof text);
	err_set(err, "%s", (char *)text);
}

static void
pcre_free_code(void *code)
{
	pcre2_code_free(code);
}

static void *
pcre_compile(const char *pattern, struct span flags, unsigned ngroups,
    unsigned *ngroups_r, struct err *err)
{
	pcre2_code	*code;
	PCRE2_SIZE	 offset;
	uint32_t	 options = 0, n = 0;
	int		 error;

	(void)ngroups;
	if (parse_flags(flags, &options, err) == -1)
		return NULL;
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    options, &error, &offset, NULL);
	if (code == NULL) {
		pcre_error(error, err);
		return NULL;
	}
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &n);
	*ngroups_r = n;
	return code;
}

static void
room_free(struct room *room)
{
	if (room == NULL)
		return;
	pcre2_match_data_free(room->data);
	pcre2_match_context_free(room->limits);
	free(room);
}

static struct room *
room_new(unsigned ngroups)
{
	struct room	*room = calloc(1, sizeof *room);

	if (room == NULL)
		return NULL;
	room->data = pcre2_match_data_create(ngroups + 1, NULL);
	room->limits = pcre2_match_context_create(NULL);
	if (room->data == NULL || room->limits == NULL) {
		room_free(room);
		return NULL;
	}
	pcre2_set_heap_limit(room->limits, HEAP_MAX_KIB);
	return room;
}

static struct room *
borrow(struct shared *shared)
{
	struct room	*room;
	int		 i;

	for (i = 0; i < PLACES; i++) {
		room = atomic_exchange(&shared->place[i], NULL);
		if (room != NULL)
			return room;
	}
	return room_new(shared->ngroups);
}

static void
bring_back(struct shared *shared, struct room *room)
{
	struct room	*empty;
	int		 i;

	for (i = 0; i < PLACES; i++) {
		empty = NULL;
		if (atomic_compare_exchange_strong(&shared->place[i], &empty,
		    room))
			return;
	}
	room_free(room);
}

static uint32_t
steps(size_t len)
{
	size_t	 least = len * STEPS_PER_BYTE + STEPS_EXTRA;
	size_t	 share = STEPS_MAX / (len + 1);

	return (uint32_t)(share > least ? share : least);
}

static enum table_match
match_in(struct room *room, const pcre2_code *code, struct span key,
    struct table_group *groups, unsigned ngroups, struct err *err)
{
	const PCRE2_SIZE	*place;
	unsigned		 i;
	int			 n;

	pcre2_set_match_limit(room->limits, steps(key.n));
	n = pcre2_match(code, (PCRE2_SPTR)key.p, key.n, 0, 0, room->data,
	    room->limits);
	if (n == PCRE2_ERROR_NOMATCH)
		return TABLE_MATCH_NO;
	if (n < 0) {
		pcre_error(n, err);
		return TABLE_MATCH_ERROR;
	}
	place = pcre2_get_ovector_pointer(room->data);
	for (i = 1; i <= ngroups; i++) {
		groups[i] = (struct table_group){ 0 };
		if (place[2 * i] != PCRE2_UNSET) {
			groups[i].start = place[2 * i];
			groups[i].end = place[2 * i + 1];
		}
	}
	return TABLE_MATCH_YES;
}

static enum table_match
pcre_match(void *shared, const void *code, struct span key,
    struct table_group *groups, unsigned ngroups, struct err *err)
{
	enum table_match	 result;
	struct room		*room;

	if ((room = borrow(shared)) == NULL) {
		err_set(err, "out of memory");
		return TABLE_MATCH_ERROR;
	}
	result = match_in(room, code, key, groups, ngroups, err);
	bring_back(shared, room);
	return result;
}

static void *
shared_new(unsigned ngroups)
{
	struct shared	*shared = calloc(1, sizeof *shared);

	if (shared != NULL)
		shared->ngroups = ngroups;
	return shared;
}

static void
shared_free(void *p)
{
	struct shared	*shared = p;
	int		 i;

	for (i = 0; i < PLACES; i++)
		room_free(atomic_load(&shared->place[i]));
	free(shared);
}

static const struct table_engine pcre_engine = {
	.compile = pcre_compile,
	.free_code = pcre_free_code,
	.match = pcre_match,
	.shared_new = shared_new,
	.shared_free = shared_free,
};

struct table *
table_pcre_open(const struct table_source *src, struct err *err)
{
	return table_rules_open(src, &pcre_engine, err);
}
