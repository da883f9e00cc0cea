/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * lint_host: files that the daemons cannot read once they are their user, and
 * what of Postfix's settings the context header undoes.
 */
#include "lint.h"
#include "run.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/privdrop.h"
#include "trust/trust_sweep.h"

static const struct lint_kind	 unreadable = { "unreadable", LINT_ERROR,
	"a reload fails once the daemons are no longer root",
	"chown it, or chmod it, for the user that xcontext.conf(5) names" };
static const struct lint_kind	 hidden = { "shown_client", LINT_WARNING,
	"smtpd_hide_client_session keeps the client out of the Received: "
	    "header, and header_names puts it into another that leaves the "
	    "host as well",
	"take these names out of header_names, or the header out of what "
	    "leaves the host" };

struct files {
	struct lint	*lint;
	const char	*names[256];
	unsigned	 n;
	char		*made[256];	/* of those that are freed */
	unsigned	 n_made;
};

static void
add_name(struct files *f, const char *name)
{
	unsigned	 i;

	for (i = 0; i < f->n; i++)
		if (strcmp(f->names[i], name) == 0)
			return;
	if (f->n < sizeof f->names / sizeof f->names[0])
		f->names[f->n++] = name;
}

static void
add_file(struct files *f, const char *spec)
{
	char	*path;

	if (strncmp(spec, "lmdb:", 5) != 0) {
		if (*spec == '/')
			add_name(f, spec);
		return;
	}
	if (f->n_made == sizeof f->made / sizeof f->made[0] ||
	    asprintf(&path, "%s.lmdb", spec + 5) == -1)
		return;
	f->made[f->n_made++] = path;
	add_name(f, path);
}

/* A table_entry_fn; many of one file follow each other. */
static int
see_entry(const struct table_entry *e, void *arg, struct err *err)
{
	struct files	*f = arg;

	(void)err;
	if (f->n == 0 || strcmp(f->names[f->n - 1], e->file) != 0)
		add_file(f, e->file);
	return 0;
}

static int
see_tables(const struct table *table, struct files *f, struct err *err)
{
	const char	*colon = strchr(table_spec(table), ':');

	add_file(f, strncmp(table_spec(table), "lmdb:", 5) == 0 ?
	    table_spec(table) : colon + 1);
	return table_each_entry(table, see_entry, f, err);
}

/* A trust_table_fn. */
static int
see_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	(void)file;
	(void)line;
	return see_tables(table, arg, err);
}

/* A trust_item_fn. */
static int
see_item(const struct trust_item *item, void *arg, struct err *err)
{
	return item->kind == TRUST_ITEM_TABLE ? see_tables(item->table, arg,
	    err) : 0;
}

static void
see_listener(const char *listener, void *arg)
{
	struct files	*f = arg;
	struct err	 err;

	if (trust_sweep_tables(f->lint->conf->trust, listener, see_table, f,
	    &err) == -1)
		ctl_cannot_tell(&err);
}

static void
see_lists(struct files *f)
{
	const struct trust_profile	*profile;
	struct err			 err;
	size_t				 i;
	int				 name;

	for (i = 0; (profile = trust_sweep_profile(f->lint->conf->trust,
	    i)) != NULL; i++)
		for (name = 0; name < ASSERTION_COUNT; name++)
			if (trust_sweep_items(profile,
			    (enum assertion_name)name, see_item, f,
			    &err) == -1)
				ctl_cannot_tell(&err);
}

/* In a process of its own, which is that user: a byte for each file. */
static _Noreturn void
try_all(const struct files *f, int fd)
{
	char		 answers[sizeof f->names / sizeof f->names[0]];
	struct err	 err;
	unsigned	 i;

	if (geteuid() == 0 && privdrop(f->lint->conf->user, &err) != 0)
		_exit(1);
	for (i = 0; i < f->n; i++)
		answers[i] = access(f->names[i], R_OK) == 0 ? 0 :
		    (char)(errno & 0x7f);
	_exit(write(fd, answers, f->n) == (ssize_t)f->n ? 0 : 1);
}

static void
look_at_files(struct files *f)
{
	char		 answers[sizeof f->names / sizeof f->names[0]];
	int		 ends[2];
	unsigned	 i;
	pid_t		 pid;
	ssize_t		 n;

	(void)fflush(stdout);
	if (pipe(ends) == -1 || (pid = fork()) == -1)
		ctl_die(EX_OSERR, "%s", strerror(errno));
	if (pid == 0)
		try_all(f, ends[1]);
	(void)close(ends[1]);
	n = read(ends[0], answers, sizeof answers);
	(void)close(ends[0]);
	(void)waitpid(pid, NULL, 0);
	for (i = 0; n > 0 && i < (unsigned)n; i++)
		if (answers[i] != 0)
			lint_add(f->lint, &unreadable, f->names[i], 0,
			    "user \"%s\" cannot read it: %s",
			    f->lint->conf->user, strerror(answers[i]));
}

/*
 * Postfix
 */

/* Whether a line that postconf(1) writes, a value or "name = value", says so; not
 * where there is no Postfix. */
static bool
says_yes(const char *const argv[])
{
	struct pool	 pool = { NULL };
	struct err	 err;
	const char	*line = "", *end, *value;
	bool		 found = false;

	if (run_has(&pool, argv[0]) &&
	    run_program(&pool, argv, &line, NULL, &err) != 0)
		line = "";
	for (; *line != '\0' && !found; line = end + (*end == '\n')) {
		end = line + strcspn(line, "\n");
		value = memchr(line, '=', (size_t)(end - line));
		value = value == NULL ? line : value + 1;
		value += strspn(value, " \t");
		found = strncasecmp(value, "yes", 3) == 0;
	}
	pool_clear(&pool);
	return found;
}

static void
look_at_header(struct lint *lint)
{
	static const char *const	 names[] = { "peer_address",
		"peer_name", "remote_address", "remote_name", "remote_port",
		"ehlo_domain", "ehlo_string", "auth_user" };
	static const char *const	 of_main[] = { "postconf", "-h",
		"smtpd_hide_client_session", NULL };
	static const char *const	 of_services[] = { "postconf", "-P",
		"*/*/smtpd_hide_client_session", NULL };
	const char *const		*name;
	char				 found[ERR_TEXT_SIZE] = "";
	size_t				 i;

	for (name = lint->conf->milter_header_names; name != NULL &&
	    *name != NULL; name++)
		for (i = 0; i < sizeof names / sizeof names[0]; i++)
			if (strcmp(*name, names[i]) == 0)
				(void)snprintf(found + strlen(found),
				    sizeof found - strlen(found), "%s%s",
				    *found == '\0' ? "" : ", ", names[i]);
	if (*found == '\0')
		return;
	if (says_yes(of_main) || says_yes(of_services))
		lint_add(lint, &hidden, lint->conf->file, 0, "%s has %s, which "
		    "Postfix is told to hide", lint->conf->milter_header,
		    found);
}

void
lint_host(struct lint *lint)
{
	struct files	 f = { .lint = lint };
	unsigned	 i;

	add_name(&f, lint->conf->file);
	see_listener(NULL, &f);
	trust_sweep_listeners(lint->conf->trust, see_listener, &f);
	see_lists(&f);
	look_at_files(&f);
	for (i = 0; i < f.n_made; i++)
		free(f.made[i]);
	look_at_header(lint);
}
