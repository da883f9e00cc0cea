/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * revoke: takes the rights of a peer, a network, a profile or a session away,
 * whatever the tables say, lists what is revoked, and gives it back.
 *
 * The daemons ask the store at each command and at each MAIL, so it is in force,
 * and on disk, when this returns.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ulid.h"
#include "daemon/rundir.h"
#include "duration.h"
#include "output.h"
#include "verb.h"

enum { OPTION_FOR, OPTION_REASON };

#define WHAT_SIZE	160

/* The name of a session, which may be typed in small letters. */
static bool
read_session(const char *text, char name_r[ULID_SIZE])
{
	size_t	 i;

	if (strlen(text) != ULID_SIZE - 1)
		return false;
	for (i = 0; i < ULID_SIZE; i++)
		name_r[i] = (char)toupper((unsigned char)text[i]);
	return strspn(name_r, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") ==
	    ULID_SIZE - 1;
}

/* What the store calls it: "peer=ADDRESS", "network=ADDRESS/BITS",
 * "profile=NAME" or "session=NAME"; must_be: a profile has to be in the
 * configuration, where one that is given back need not be. */
static void
read_what(struct ctl *ctl, bool must_be, char what[WHAT_SIZE])
{
	const char		*text = ctl->args[0];
	char			 addr_text[ADDRESS_TEXT_SIZE];
	char			 name[ULID_SIZE];
	struct address_net	 net;
	struct address		 addr;

	if (address_parse(span_of(text), &addr)) {
		(void)snprintf(what, WHAT_SIZE, "peer=%s",
		    address_format(&addr, addr_text, sizeof addr_text));
		return;
	}
	if (address_parse_net(span_of(text), &net)) {
		(void)snprintf(what, WHAT_SIZE, "network=%s/%u",
		    address_format(&net.addr, addr_text, sizeof addr_text),
		    net.bits);
		return;
	}
	if (strchr(text, '/') != NULL)
		ctl_die(EX_USAGE, "\"%s\" is no network: expected "
		    "ADDRESS/BITS, and no bits of the address beyond them",
		    text);
	if (read_session(text, name)) {
		(void)snprintf(what, WHAT_SIZE, "session=%s", name);
		return;
	}
	if (must_be &&
	    trust_profile_find(ctl_conf(ctl)->trust, text) == NULL)
		ctl_die(EX_USAGE, "\"%s\" is neither an address, a network nor "
		    "a session, and no profile of %s", text, ctl->file);
	(void)snprintf(what, WHAT_SIZE, "profile=%s", text);
}

/* Makes the place of what is revoked, while root may. */
static void
make_place(const struct conf *conf)
{
	struct err	 err;
	char		*path;

	if (geteuid() != 0)
		return;
	if (asprintf(&path, "%s/%s", conf->state_directory,
	    STORE_REVOKED_DIRECTORY) == -1)
		ctl_die(EX_OSERR, "out of memory");
	if (rundir_make(conf->state_directory, 0755, "", &err) != 0 ||
	    rundir_make(path, 0700, conf->user, &err) != 0)
		ctl_die(EX_CANTCREAT, "state_directory: %s", err.text);
	free(path);
}

int
revoke_run(struct ctl *ctl)
{
	const char		*time = ctl->option[OPTION_FOR];
	char			 what[WHAT_SIZE];
	struct store_revocation	 revocation = { .what = what,
				     .reason = ctl->option[OPTION_REASON] };
	json_t			*done;
	struct err		 err;

	if (time != NULL)
		revocation.until_ms = clock_ms(CLOCK_REALTIME) +
		    duration_read(time, 3650);
	if (revocation.reason != NULL &&
	    strlen(revocation.reason) >= STORE_REASON_SIZE)
		ctl_die(EX_USAGE, "the reason is over %d octets",
		    STORE_REASON_SIZE - 1);
	read_what(ctl, true, what);
	make_place(ctl_conf(ctl));
	if (store_revoke(ctl_store(ctl), &revocation, &err) != 0)
		ctl_cannot_tell(&err);
	done = output_new();
	output_put(done, "revoked", output_text(what));
	output_put(done, "until", revocation.until_ms == 0 ?
	    output_text("unrevoke") : output_time(revocation.until_ms));
	output_put(done, "reason", output_text(revocation.reason));
	output_object(ctl, done);
	return CTL_YES;
}

struct list {
	const char	*what;		/* NULL: all */
	uint64_t	 now_ms;
	json_t		*rows;
};

static bool
add(const struct store_revocation *seen, void *arg)
{
	struct list	*list = arg;
	json_t		*row;

	if (list->what != NULL && strcmp(seen->what, list->what) != 0)
		return true;
	row = output_new();
	output_put(row, "revoked", output_text(seen->what));
	output_put(row, "until", output_time(seen->until_ms));
	output_put(row, "in_force", json_boolean(seen->until_ms == 0 ||
	    seen->until_ms > list->now_ms));
	output_put(row, "reason", output_text(seen->reason));
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
		{ "reason", 60 }, { NULL, 0 }
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
