/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_entry: see inject_entry.h.
 */
#include "inject_entry.h"

#include <string.h>

#include "output.h"

static const char *const	 states[INJECT_STATES] = {
	[INJECT_NEW] = "new",
	[INJECT_DOUBT] = "in doubt",
	[INJECT_DONE] = "delivered",
	[INJECT_LATER] = "later",
	[INJECT_REJECTED] = "rejected",
};

const char *
inject_entry_state_text(enum inject_state state)
{
	return states[state];
}

/* What cannot be read was written by somebody else: it may be there. */
static enum inject_state
state_of(const json_t *value)
{
	const char	*text = json_string_value(json_array_get(value, 0));
	int		 i;

	for (i = 0; text != NULL && i < INJECT_STATES; i++)
		if (strcmp(states[i], text) == 0)
			return (enum inject_state)i;
	return INJECT_DOUBT;
}

json_t *
inject_entry_new(const char *name)
{
	json_t	*entry = output_new();

	output_put(entry, "name", output_text(name));
	output_put(entry, "tries", json_integer(0));
	output_put(entry, "rcpt", output_new());
	return entry;
}

enum inject_state
inject_entry_of(const json_t *entry, const char *rcpt)
{
	const json_t	*value;

	value = json_object_get(json_object_get(entry, "rcpt"), rcpt);
	return value == NULL ? INJECT_NEW : state_of(value);
}

void
inject_entry_set(json_t *entry, const char *rcpt, enum inject_state state,
    const char *reply, uint64_t now_ms)
{
	json_t	*value = output_new_array();

	output_append(value, output_text(states[state]));
	output_append(value, output_text(reply));
	output_put(json_object_get(entry, "rcpt"), rcpt, value);
	output_put(entry, "at", output_time(now_ms));
	/* What is kept in that place does not name this one. */
	if (state == INJECT_REJECTED)
		(void)json_object_del(entry, "saved");
}

void
inject_entry_expect(json_t *entry, const char *const *rcpts, unsigned n,
    uint64_t now_ms)
{
	unsigned	 i;

	if (n == 0 || rcpts[0][0] == '\0' ||
	    inject_entry_of(entry, "") == INJECT_REJECTED)
		return;
	(void)json_object_del(json_object_get(entry, "rcpt"), "");
	for (i = 0; i < n; i++)
		if (inject_entry_of(entry, rcpts[i]) == INJECT_NEW)
			inject_entry_set(entry, rcpts[i], INJECT_NEW, "",
			    now_ms);
}

static enum inject_state
most_of(const bool has[INJECT_STATES])
{
	static const enum inject_state	 order[] = { INJECT_DOUBT, INJECT_LATER,
		INJECT_NEW, INJECT_REJECTED, INJECT_DONE };
	size_t		 i;

	for (i = 0; i < INJECT_STATES; i++)
		if (has[order[i]])
			return order[i];
	return INJECT_NEW;
}

enum inject_state
inject_entry_sum(const json_t *entry)
{
	bool		 has[INJECT_STATES] = { false };
	const char	*rcpt;
	json_t		*value;

	json_object_foreach(json_object_get(entry, "rcpt"), rcpt, value)
		has[state_of(value)] = true;
	return most_of(has);
}

enum inject_state
inject_entry_sum_for(const json_t *entry, const char *const *rcpts,
    unsigned n)
{
	bool		 has[INJECT_STATES] = { false };
	unsigned	 i;

	if (n == 0 || rcpts[0][0] == '\0' ||
	    inject_entry_of(entry, "") == INJECT_REJECTED)
		return inject_entry_sum(entry);
	for (i = 0; i < n; i++)
		has[inject_entry_of(entry, rcpts[i])] = true;
	return most_of(has);
}

void
inject_entry_set_saved(json_t *entry)
{
	output_put(entry, "saved", json_true());
}

bool
inject_entry_is_saved(const json_t *entry)
{
	return json_is_true(json_object_get(entry, "saved"));
}

bool
inject_entry_is_over(const json_t *entry)
{
	enum inject_state	 sum = inject_entry_sum(entry);

	return sum == INJECT_DONE || (sum == INJECT_REJECTED &&
	    inject_entry_is_saved(entry));
}
