/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * revoke: takes the rights of a peer or a profile away, whatever the tables
 * say, lists what is revoked, and gives it back.
 *
 * The daemons ask the store at each command and at each MAIL, so it is in force
 * when this returns.  A store lives as long as the host is up: what is to
 * outlast that belongs in the tables, and the command says so.
 */
#include <bsd/stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "output.h"
#include "verb.h"

enum { OPTION_FOR };

/* Milliseconds of "90s", "30m", "12h", "7d". */
static uint64_t
read_time(const char *text)
{
	static const struct {
		char		 letter;
		long long	 s;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t		 n = strlen(text), i;
	char		 digits[16];
	const char	*wrong = NULL;
	long long	 number;

	for (i = 0; n > 1 && n <= sizeof digits &&
	    i < sizeof units / sizeof units[0]; i++) {
		if (text[n - 1] != units[i].letter)
			continue;
		memcpy(digits, text, n - 1);
		digits[n - 1] = '\0';
		number = strtonum(digits, 1, 3650LL * 86400 / units[i].s,
		    &wrong);
		if (wrong == NULL)
			return (uint64_t)(number * units[i].s) * 1000;
	}
	ctl_die(EX_USAGE, "\"%s\": expected a time such as 90s, 30m, 12h or "
	    "7d, of ten years at most", text);
}

#define WHAT_SIZE	160

/* What the store calls it: "peer=ADDRESS" or "profile=NAME"; must_be: a profile
 * has to be in the configuration, where one that is given back need not be. */
static void
read_what(struct ctl *ctl, bool must_be, char what[WHAT_SIZE])
{
	const char	*text = ctl->args[0];
	char		 addr_text[ADDRESS_TEXT_SIZE];
	struct address	 addr;

	if (address_parse(span_of(text), &addr)) {
		(void)snprintf(what, WHAT_SIZE, "peer=%s",
		    address_format(&addr, addr_text, sizeof addr_text));
		return;
	}
	if (strchr(text, '/') != NULL)
		ctl_die(EX_USAGE, "\"%s\": a network cannot be revoked; name "
		    "its profile, or an address", text);
	if (must_be && trust_profile_find(ctl_conf(ctl)->trust, text) == NULL)
		ctl_die(EX_USAGE, "\"%s\" is neither an address nor a profile "
		    "of %s", text, ctl->file);
	(void)snprintf(what, WHAT_SIZE, "profile=%s", text);
}

int
revoke_run(struct ctl *ctl)
{
	const char	*time = ctl->option[OPTION_FOR];
	char		 what[WHAT_SIZE];
	uint64_t	 until_ms = 0;
	json_t		*done;
	struct err	 err;

	if (time != NULL)
		until_ms = clock_ms(CLOCK_REALTIME) + read_time(time);
	read_what(ctl, true, what);
	if (store_revoke(ctl_store(ctl), what, until_ms, &err) != 0)
		ctl_cannot_tell(&err);
	done = output_new();
	output_put(done, "revoked", output_text(what));
	output_put(done, "until", until_ms == 0 ? output_text("unrevoke, or "
	    "the host's next boot") : output_time(until_ms));
	output_object(ctl, done);
	return CTL_YES;
}

struct list {
	const char	*what;		/* NULL: all */
	uint64_t	 now_ms;
	json_t		*rows;
};

static bool
add(const char *what, uint64_t until_ms, void *arg)
{
	struct list	*list = arg;
	json_t		*row;

	if (list->what != NULL && strcmp(what, list->what) != 0)
		return true;
	row = output_new();
	output_put(row, "revoked", output_text(what));
	output_put(row, "until", output_time(until_ms));
	output_put(row, "in_force", json_boolean(until_ms == 0 ||
	    until_ms > list->now_ms));
	output_append(list->rows, row);
	return true;
}

static json_t *
find(struct ctl *ctl, const char *what)
{
	struct list	 list = { .what = what,
			     .now_ms = clock_ms(CLOCK_REALTIME),
			     .rows = output_new_array() };
	struct err	 err;

	if (store_each_revoked(ctl_store(ctl), add, &list, &err) ==
	    STORE_CANNOT_TELL)
		ctl_cannot_tell(&err);
	return list.rows;
}

int
revoke_list(struct ctl *ctl)
{
	static const struct output_column	 columns[] = {
		{ "revoked", 0 }, { "until", 0 }, { "in_force", 0 },
		{ NULL, 0 }
	};
	json_t	*rows = find(ctl, NULL);
	int	 status = json_array_size(rows) > 0 ? CTL_YES : CTL_NO;

	output_table(ctl, rows, columns);
	return status;
}

int
revoke_undo(struct ctl *ctl)
{
	char		 what[WHAT_SIZE];
	json_t		*rows, *done;
	struct err	 err;
	size_t		 n;

	read_what(ctl, false, what);
	rows = find(ctl, what);
	n = json_array_size(rows);
	json_decref(rows);
	if (n == 0)
		ctl_die(CTL_NO, "%s is not revoked", what);
	if (store_unrevoke(ctl->store, what, &err) != 0)
		ctl_cannot_tell(&err);
	done = output_new();
	output_put(done, "unrevoked", output_text(what));
	output_object(ctl, done);
	return CTL_YES;
}
