/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_tool: writes and reads what is in a store by hand, for tests.
 *
 *	store_tool URL put PID [name=value ...]
 *	store_tool URL get PID
 *	store_tool URL delete PID
 *	store_tool URL list
 *	store_tool URL revoke WHAT [SECONDS]
 *	store_tool URL unrevoke WHAT
 *	store_tool URL hand-over ADDRESS PORT PID [name=value ...]
 *	store_tool URL handed-over ADDRESS PORT
 *	store_tool URL hand-over-end ADDRESS PORT
 *
 * The names are those of the record's fields (session, peer, client, profile,
 * override, refused ...), and so is what "get" and "list" print, a field a
 * line.  What "put" is not told: pid_start is that of the living process, the
 * session's name and times are new, and peer and client are "unknown".
 * WHAT is "profile=NAME" or "peer=ADDRESS"; without SECONDS it is for good.
 * "hand-over" makes its record as "put" does; PID is the relay's.
 * XC_STORE_SIZE in the environment is the store's size in MiB.  What is revoked
 * is beside the store, so that has to be the configuration's state_directory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "proc_start.h"
#include "session/store.h"

#define STORE_SIZE_MIB	32

struct record {
	char	buf[SESSION_RECORD_MAX];
	size_t	len;
};

static void
die(int status, const char *text)
{
	fprintf(stderr, "store_tool: %s\n", text);
	exit(status);
}

static void
add(struct record *record, const char *field)
{
	size_t	 n = strlen(field) + 1;

	if (n > sizeof record->buf - record->len)
		die(EX_DATAERR, "record too long");
	memcpy(record->buf + record->len, field, n);
	record->len += n;
}

static void
add_number(struct record *record, const char *name, uint64_t value)
{
	char	 field[64];

	snprintf(field, sizeof field, "%s=%" PRIu64, name, value);
	add(record, field);
}

static uint64_t
clock_ms(void)
{
	struct timespec	 now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A later field of the same name replaces these. */
static void
add_defaults(struct record *record, pid_t pid)
{
	uint64_t	 now_ms = clock_ms();
	uint8_t		 random[10];
	char		 id[ULID_SIZE], field[64];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		die(EX_OSERR, "no random bytes");
	ulid_format(now_ms, random, id);
	snprintf(field, sizeof field, "session=%s", id);
	add(record, field);
	add_number(record, "pid", (uint64_t)pid);
	add_number(record, "pid_start", proc_start(pid));
	add_number(record, "begun", now_ms);
	add_number(record, "changed", now_ms);
}

static void
make(struct session *s, pid_t pid, int n, char **fields)
{
	static struct record	 record;
	int			 i;

	add_defaults(&record, pid);
	for (i = 0; i < n; i++)
		add(&record, fields[i]);
	session_init(s);
	if (!session_decode((struct span){ record.buf, record.len }, s))
		die(EX_DATAERR, "not a record");
}

static int
put(struct store *store, pid_t pid, int n, char **fields)
{
	struct session	 s;
	struct err	 err;

	make(&s, pid, n, fields);
	if (store_put(store, &s, &err) != 0)
		die(EX_IOERR, err.text);
	printf("%s\n", s.id);
	session_clear(&s);
	return EXIT_SUCCESS;
}

static bool
print(const struct session *s, void *arg)
{
	static char	 buf[SESSION_RECORD_MAX];
	size_t		 i, n;

	(void)arg;
	n = session_encode(s, buf, sizeof buf);
	for (i = 0; i < n; i++)
		putchar(buf[i] == '\0' ? '\n' : buf[i]);
	putchar('\n');
	return true;
}

static int
result_status(enum store_result result, const struct err *err)
{
	if (result == STORE_CANNOT_TELL)
		die(EX_IOERR, err->text);
	return result == STORE_FOUND ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
get(struct store *store, pid_t pid)
{
	struct session		 s;
	struct err		 err;
	enum store_result	 result;

	session_init(&s);
	result = store_get(store, pid, &s, &err);
	if (result == STORE_FOUND)
		print(&s, NULL);
	session_clear(&s);
	return result_status(result, &err);
}

static int
delete(struct store *store, pid_t pid)
{
	struct session	 s;
	struct err	 err;
	int		 status;

	session_init(&s);
	status = result_status(store_get(store, pid, &s, &err), &err);
	if (status == EXIT_SUCCESS && store_delete(store, pid, s.id, &err) != 0)
		die(EX_IOERR, err.text);
	session_clear(&s);
	return status;
}

static int
add_revocation(struct store *store, const char *what, const char *seconds)
{
	struct store_revocation	 revocation = { .what = what };
	struct err		 err;

	if (seconds != NULL)
		revocation.until_ms = clock_ms() +
		    strtoull(seconds, NULL, 10) * 1000;
	if (store_revoke(store, &revocation, &err) != 0)
		die(EX_IOERR, err.text);
	return EXIT_SUCCESS;
}

static int
end_revocation(struct store *store, const char *what)
{
	struct err	 err;

	if (store_unrevoke(store, what, &err) != 0)
		die(EX_IOERR, err.text);
	return EXIT_SUCCESS;
}

/* argv: VERB ADDRESS PORT ... */
static int
run_hand_over(struct store *store, int argc, char **argv)
{
	struct session		 s;
	struct address		 addr;
	struct err		 err;
	enum store_result	 result = STORE_FOUND;
	uint16_t		 port = (uint16_t)strtoul(argv[2], NULL, 10);

	if (!address_parse(span_of(argv[1]), &addr))
		die(EX_DATAERR, "not an address");
	session_init(&s);
	if (argc > 3 && strcmp(argv[0], "hand-over") == 0) {
		make(&s, (pid_t)strtol(argv[3], NULL, 10), argc - 4,
		    argv + 4);
		if (store_hand_over(store, &addr, port, &s, &err) != 0)
			die(EX_IOERR, err.text);
		printf("%s\n", s.id);
	} else if (strcmp(argv[0], "handed-over") == 0) {
		result = store_handed_over(store, &addr, port, &s, &err);
		if (result == STORE_FOUND)
			print(&s, NULL);
	} else if (store_hand_over_end(store, &addr, port, NULL, &err) != 0) {
		die(EX_IOERR, err.text);
	}
	session_clear(&s);
	return result_status(result, &err);
}

static int
run(struct store *store, int argc, char **argv)
{
	struct err	 err;
	pid_t		 pid = argc > 3 ? (pid_t)strtol(argv[3], NULL, 10) : 0;

	if (argc == 3 && strcmp(argv[2], "list") == 0)
		return result_status(store_each(store, print, NULL, &err),
		    &err);
	if (pid > 0 && strcmp(argv[2], "put") == 0)
		return put(store, pid, argc - 4, argv + 4);
	if (pid > 0 && argc == 4 && strcmp(argv[2], "get") == 0)
		return get(store, pid);
	if (pid > 0 && argc == 4 && strcmp(argv[2], "delete") == 0)
		return delete(store, pid);
	if ((argc == 4 || argc == 5) && strcmp(argv[2], "revoke") == 0)
		return add_revocation(store, argv[3], argv[4]);
	if (argc == 4 && strcmp(argv[2], "unrevoke") == 0)
		return end_revocation(store, argv[3]);
	if (argc > 4 && (strncmp(argv[2], "hand-over", 9) == 0 ||
	    strcmp(argv[2], "handed-over") == 0))
		return run_hand_over(store, argc - 2, argv + 2);
	die(EX_USAGE, "usage: store_tool URL list | get PID | delete PID | "
	    "put PID [name=value ...] | revoke WHAT [SECONDS] | "
	    "unrevoke WHAT | hand-over ADDRESS PORT PID [name=value ...] | "
	    "handed-over ADDRESS PORT | hand-over-end ADDRESS PORT");
	return EX_USAGE;
}

/* What it makes must be the daemons' to open: it becomes who they are. */
static void
become_owner(const char *url)
{
	const char	*path = strchr(url, ':');
	struct stat	 st;

	if (path == NULL || stat(path + 1, &st) != 0 || geteuid() != 0)
		return;
	if (setegid(st.st_gid) != 0 || seteuid(st.st_uid) != 0)
		die(EX_NOPERM, "cannot become the store's owner");
}

/* What holds the store's directory. */
static const char *
parent_of(const char *url)
{
	static char	 path[4096];
	char		*slash;

	(void)snprintf(path, sizeof path, "%s", strchr(url, ':') + 1);
	slash = strrchr(path, '/');
	if (slash == NULL || slash == path)
		die(EX_USAGE, "a store of its own directory is expected");
	*slash = '\0';
	return path;
}

int
main(int argc, char **argv)
{
	struct store	*store;
	const char	*size;
	struct err	 err;
	int		 status;

	if (argc < 3)
		die(EX_USAGE, "usage: store_tool URL VERB ...");
	become_owner(argv[1]);
	size = getenv("XC_STORE_SIZE");
	store = store_open(argv[1], size == NULL ? STORE_SIZE_MIB :
	    (unsigned)strtoul(size, NULL, 10), parent_of(argv[1]), &err);
	if (store == NULL)
		die(EX_IOERR, err.text);
	status = run(store, argc, argv);
	store_close(store);
	return status;
}
