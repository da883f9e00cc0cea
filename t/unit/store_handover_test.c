/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_handover_test: what relays hand over, in the store.
 */
#include "session/store.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/store_sweep.h"
#include "t/lib/damage.h"
#include "t/lib/descriptors.h"
#include "t/lib/proc_start.h"
#include "t/lib/runner.h"
#include "t/lib/store_fixture.h"
#include "t/lib/tempdir.h"

#define SIZE_MIB	4
/* For what a reader that has to wait may keep from being used again. */
#define BUSY_SIZE_MIB	64
#define DEAD_PID	4000001		/* over any real one */

static void
setup(void)
{
	setup_directory();
	store = open_store(SIZE_MIB);
}

static void
teardown(void)
{
	store_close(store);
	tempdir_remove(dir);
}

/* Hands over a session of that name and process, with so long an override. */
static int
try_hand_over(struct store *to, const char *addr_text, uint16_t port,
    const char *id, pid_t pid, size_t len)
{
	struct address	 addr = addr_of(addr_text);
	char		*line = calloc(1, len + 1);
	struct session	 s;
	int		 rc;

	must(line != NULL);
	memset(line, 'x', len);
	session_init(&s);
	(void)snprintf(s.id, sizeof s.id, "%s", id);
	s.pid = pid;
	s.pid_start = proc_start(pid);
	must(session_set_text(&s.override, len == 0 ? NULL : line));
	free(line);
	err.text[0] = '\0';
	rc = store_hand_over(to, &addr, port, &s, &err);
	session_clear(&s);
	return rc;
}

static void
hand_over(const char *addr, uint16_t port, const char *id)
{
	ck_assert_msg(try_hand_over(store, addr, port, id, getpid(), 0) == 0,
	    "%s", err.text);
}

static void
end(const char *addr_text, uint16_t port, const char *id)
{
	struct address	 addr = addr_of(addr_text);

	err.text[0] = '\0';
	ck_assert_msg(store_hand_over_end(store, &addr, port, id, &err) == 0,
	    "%s", err.text);
}

/* The id of what was handed over, "" if there is nothing. */
static const char *
id_of(struct store *from, const char *addr_text, uint16_t port)
{
	static char		 id[ULID_SIZE];
	struct address		 addr = addr_of(addr_text);
	struct session		 s;
	enum store_result	 result;

	session_init(&s);
	result = store_handed_over(from, &addr, port, &s, &err);
	must(result != STORE_CANNOT_TELL);
	must((result == STORE_FOUND) == (s.id[0] != '\0'));
	memcpy(id, s.id, sizeof id);
	session_clear(&s);
	return id;
}

/*
 * One process
 */

START_TEST(a_whole_session_is_handed_over)
{
	struct address	 addr = addr_of("2001:db8::9");
	struct session	 s, got;

	session_init(&s);
	(void)strcpy(s.id, "ID");
	(void)strcpy(s.listener, "edge");
	s.pid = 7;
	s.pid_start = UINT64_MAX;
	s.peer = addr_of("192.0.2.1");
	s.client = addr_of("2001:db8::77");
	s.client_port = 65535;
	s.is_sealed = true;
	s.refused = VERDICT_REJECT;
	ck_assert(session_set_text(&s.profile, "edge") &&
	    session_set_text(&s.override, "XCLIENT ADDR=IPV6:2001:db8::77") &&
	    session_set_text(&s.ehlo, "EHLO there") &&
	    session_audit_add(&s, 9, 5, SESSION_BEGUN, "edge"));
	ck_assert_int_eq(store_hand_over(store, &addr, 65535, &s, &err), 0);
	session_init(&got);
	ck_assert(session_set_text(&got.ehlo, "old"));
	ck_assert_int_eq(store_handed_over(store, &addr, 65535, &got, &err),
	    STORE_FOUND);
	check_same(&s, &got);
	session_clear(&s);
	session_clear(&got);
}
END_TEST

static const struct key_row {
	const char	*name, *addr;
	uint16_t	 port;
	bool		 want;		/* it is what was handed over */
} key_rows[] = {
	{ "itself",		"127.0.0.1",		0x1234,	true },
	{ "IPv4 in IPv6",	"::ffff:127.0.0.1",	0x1234,	true },
	{ "another port",	"127.0.0.1",		0x1235,	false },
	{ "bytes turned round",	"127.0.0.1",		0x3412,	false },
	{ "the low byte alone",	"127.0.0.1",		0x0034,	false },
	{ "no port",		"127.0.0.1",		0,	false },
	{ "another address",	"127.0.0.2",		0x1234,	false },
	{ "another family",	"7f00:1::",		0x1234,	false },
	{ "no address",		"",			0x1234,	false },
	{ "any address",	"0.0.0.0",		0x1234,	false },
};

START_TEST(the_socket_is_the_key)
{
	const struct key_row	*r = &key_rows[_i];
	const char		*got;

	hand_over("127.0.0.1", 0x1234, "ONE");
	got = id_of(store, r->addr, r->port);
	ck_assert_msg(strcmp(got, r->want ? "ONE" : "") == 0, "%s: got %s",
	    r->name, got);
	end(r->addr, r->port, NULL);
	got = id_of(store, "127.0.0.1", 0x1234);
	ck_assert_msg(strcmp(got, r->want ? "" : "ONE") == 0, "%s: then %s",
	    r->name, got);
}
END_TEST

START_TEST(what_is_no_socket_hands_nothing_over)
{
	static const struct {
		const char	*addr;
		uint16_t	 port;
	} rows[] = { { "", 25 }, { "127.0.0.1", 0 }, { "0.0.0.0", 25 },
	    { "::", 25 } };
	int	 i;

	for (i = 0; i < NELEM(rows); i++) {
		ck_assert_msg(try_hand_over(store, rows[i].addr, rows[i].port,
		    "ID", 1, 0) == -1, "%s", rows[i].addr);
		ck_assert_msg(strstr(err.text, "an address and a port") !=
		    NULL, "%s: %s", rows[i].addr, err.text);
		ck_assert_str_eq(id_of(store, rows[i].addr, rows[i].port),
		    "");
	}
}
END_TEST

START_TEST(the_next_client_replaces_the_last)
{
	hand_over("127.0.0.1", 1, "OLD");
	hand_over("127.0.0.1", 2, "TWO");
	hand_over("127.0.0.1", 1, "NEW");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "NEW");
	ck_assert_int_eq(try_hand_over(store, "127.0.0.1", 1, "LONG", 1,
	    5000), 0);
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "LONG");
	hand_over("127.0.0.1", 1, "SHORT");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "SHORT");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "TWO");
}
END_TEST

START_TEST(only_that_session_is_ended)
{
	hand_over("127.0.0.1", 1, "ONE");
	hand_over("127.0.0.1", 2, "TWO");
	end("127.0.0.1", 1, "TWO");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "ONE");
	end("127.0.0.1", 1, "ONE");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "TWO");
	end("127.0.0.1", 1, "ONE");
	end("127.0.0.1", 2, NULL);
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "");
	end("127.0.0.1", 2, NULL);
}
END_TEST

START_TEST(a_record_that_is_too_long_changes_nothing)
{
	hand_over("127.0.0.1", 1, "OLD");
	ck_assert_int_eq(try_hand_over(store, "127.0.0.1", 1, "BIG", 1,
	    SESSION_RECORD_MAX), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "BIG"));
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "OLD");
}
END_TEST

/* A session and a hand-over are never taken for each other. */
START_TEST(sessions_are_kept_apart)
{
	struct session	 s;

	session_init(&s);
	hand_over("127.0.0.1", 1, "HANDED");
	ck_assert_int_eq(store_get(store, getpid(), &s, &err), STORE_NONE);
	(void)strcpy(s.id, "SESSION");
	s.pid = getpid();
	ck_assert_int_eq(store_put(store, &s, &err), 0);
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "HANDED");
	end("127.0.0.1", 1, NULL);
	ck_assert_int_eq(store_get(store, getpid(), &s, &err), STORE_FOUND);
	ck_assert_str_eq(s.id, "SESSION");
	session_clear(&s);
}
END_TEST

struct seen {
	char	text[256];
	int	left;		/* calls until fn says stop; 0: never */
};

static bool
see(const struct address *addr, uint16_t port, const struct session *s,
    void *arg)
{
	struct seen	*seen = arg;
	char		 buf[ADDRESS_TEXT_SIZE];
	size_t		 n = strlen(seen->text);

	(void)snprintf(seen->text + n, sizeof seen->text - n, "%s:%u %s\n",
	    address_format(addr, buf, sizeof buf), port, s->id);
	return seen->left == 0 || --seen->left > 0;
}

START_TEST(each_is_seen)
{
	struct seen	 seen = { .left = 0 };

	ck_assert_int_eq(store_each_handed_over(store, see, &seen, &err),
	    STORE_NONE);
	hand_over("2001:db8::1", 65535, "C");
	hand_over("127.0.0.1", 258, "B");
	hand_over("127.0.0.1", 257, "A");
	ck_assert_int_eq(store_each_handed_over(store, see, &seen, &err),
	    STORE_FOUND);
	ck_assert_str_eq(seen.text, "127.0.0.1:257 A\n127.0.0.1:258 B\n"
	    "2001:db8::1:65535 C\n");
	seen = (struct seen){ .left = 2 };
	ck_assert_int_eq(store_each_handed_over(store, see, &seen, &err),
	    STORE_FOUND);
	ck_assert_str_eq(seen.text, "127.0.0.1:257 A\n127.0.0.1:258 B\n");
}
END_TEST

/*
 * The dead
 */

/* A process that was there, and is not any more. */
static pid_t
dead_process(uint64_t *start_r)
{
	pid_t	 pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		for (;;)
			(void)pause();
	*start_r = proc_start(pid);
	ck_assert_uint_ne(*start_r, 0);
	ck_assert_int_eq(procinfo_is(pid, *start_r), PROCINFO_THERE);
	ck_assert_int_eq(procinfo_is(pid, *start_r + 1), PROCINFO_GONE);
	ck_assert_int_eq(procinfo_is(pid, 0), PROCINFO_GONE);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(procinfo_is(pid, *start_r), PROCINFO_GONE);
	return pid;
}

static void
hand_over_as(uint16_t port, const char *id, pid_t pid, uint64_t start)
{
	struct address	 addr = addr_of("127.0.0.1");
	struct session	 s;

	session_init(&s);
	(void)strcpy(s.id, id);
	s.pid = pid;
	s.pid_start = start;
	ck_assert_int_eq(store_hand_over(store, &addr, port, &s, &err), 0);
	session_clear(&s);
}

START_TEST(what_the_dead_handed_over_is_swept)
{
	uint64_t	 start;
	pid_t		 pid = dead_process(&start);

	ck_assert_int_eq(store_sweep_handed_over(store, &err), 0);
	hand_over_as(1, "DEAD", pid, start);
	hand_over_as(2, "OURS", getpid(), proc_start(getpid()));
	hand_over_as(3, "EARLIER", getpid(), proc_start(getpid()) - 1);
	hand_over_as(4, "UNKNOWN", DEAD_PID, 0);
	hand_over_as(5, "NO START", getpid(), 0);
	ck_assert_int_eq(store_sweep_handed_over(store, &err), 4);
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "OURS");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 3), "");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 4), "");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 5), "");
	ck_assert_int_eq(store_sweep_handed_over(store, &err), 0);
}
END_TEST

START_TEST(nothing_is_swept_that_cannot_be_told)
{
	uint64_t	 start = proc_start(getpid());

	hand_over_as(1, "OURS", getpid(), start);
	descriptors_leave(0);
	ck_assert_int_eq(store_sweep_handed_over(store, &err), 0);
	descriptors_free();
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "OURS");
}
END_TEST

static uint16_t	 replaced_port;

/* The linker puts this in procinfo_is's place: the port of a relay that has
 * died is another's while the store is read. */
enum procinfo_state	__real_procinfo_is(pid_t pid, uint64_t start);
enum procinfo_state	__wrap_procinfo_is(pid_t pid, uint64_t start);

enum procinfo_state
__wrap_procinfo_is(pid_t pid, uint64_t start)
{
	if (pid == DEAD_PID && replaced_port != 0)
		hand_over("127.0.0.1", replaced_port, "NEW");
	return __real_procinfo_is(pid, start);
}

START_TEST(what_replaces_the_dead_is_not_swept)
{
	hand_over_as(1, "DEAD", DEAD_PID, 1);
	hand_over_as(2, "DEAD", DEAD_PID, 1);
	replaced_port = 1;
	ck_assert_int_eq(store_sweep_handed_over(store, &err), 2);
	replaced_port = 0;
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "NEW");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "");
}
END_TEST

/*
 * Several processes
 */

/* Sees what the parent handed over before each byte that it sends. */
static void __attribute__((noreturn))
look_in_turns(int fd)
{
	static const char *const	 ids[] = { "", "ONE", "TWO", "" };
	struct store			*own = open_store(SIZE_MIB);
	char				 byte;
	size_t				 i;

	for (i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		must(read(fd, &byte, 1) == 1);
		must(strcmp(id_of(own, "127.0.0.1", 1), ids[i]) == 0);
		must(write(fd, &byte, 1) == 1);
	}
	must(try_hand_over(own, "127.0.0.1", 2, "CHILD", getpid(), 0) == 0);
	store_close(own);
	_exit(0);
}

START_TEST(another_process_sees_it_at_once)
{
	pid_t	 child;
	int	 fds[2], i;
	char	 byte = 0;

	store_close(store);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0)
		look_in_turns(fds[0]);
	(void)close(fds[0]);
	store = open_store(SIZE_MIB);
	for (i = 0; i < 4; i++) {
		if (i == 1 || i == 2)
			hand_over("127.0.0.1", 1, i == 1 ? "ONE" : "TWO");
		if (i == 3)
			end("127.0.0.1", 1, "TWO");
		ck_assert_int_eq(write(fds[1], &byte, 1), 1);
		ck_assert_int_eq(read(fds[1], &byte, 1), 1);
	}
	wait_for(child);
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "CHILD");
	/* Its process has ended. */
	ck_assert_int_eq(store_sweep_handed_over(store, &err), 1);
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "");
	(void)close(fds[1]);
}
END_TEST

/* Hands over sessions, of changing length, by two sockets, forever. */
static void __attribute__((noreturn))
hand_over_forever(int seed)
{
	struct store	*own = open_store(BUSY_SIZE_MIB);
	struct address	 addr = addr_of("127.0.0.1");
	size_t		 len;

	for (len = (size_t)seed;; len = (len * 7 + 3) % 4000) {
		if (try_hand_over(own, "127.0.0.1", 1 + len % 2, "KILLED",
		    getpid(), len) != 0)
			_exit(1);
		if (len % 3 == 0 && store_hand_over_end(own, &addr,
		    1 + len % 2, "KILLED", &err) != 0)
			_exit(1);
	}
}

static bool
is_whole(const struct address *addr, uint16_t port, const struct session *s,
    void *arg)
{
	(void)addr;
	(void)arg;
	must(port == 1 || port == 2);
	must(strcmp(s->id, "KILLED") == 0);
	must(s->override == NULL ||
	    strspn(s->override, "x") == strlen(s->override));
	return true;
}

/* A relay that is killed leaves whole records, the lock free, and nothing that
 * a sweep would not find. */
START_TEST(killed_relays_leave_whole_records)
{
	int	 i, j;
	pid_t	 child;

	store_close(store);
	store = open_store(BUSY_SIZE_MIB);
	for (i = 0; i < 20; i++) {
		child = fork();
		ck_assert_int_ne(child, -1);
		if (child == 0)
			hand_over_forever(i);
		for (j = 0; j < 40 + 13 * i % 60; j++)
			ck_assert_msg(store_each_handed_over(store, is_whole,
			    NULL, &err) != STORE_CANNOT_TELL, "%s", err.text);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		ck_assert_int_ge(store_sweep_handed_over(store, &err), 0);
		ck_assert_int_eq(store_each_handed_over(store, is_whole, NULL,
		    &err), STORE_NONE);
	}
}
END_TEST

/*
 * LMDB alone
 */

START_TEST(a_full_store_says_so_and_takes_ends)
{
	uint16_t	 port;

	store_close(store);
	store = open_store(1);
	hand_over("127.0.0.1", 1, "FIRST");
	for (port = 2; port < 60000; port++)
		if (try_hand_over(store, "127.0.0.1", port, "FILL", 1,
		    100) != 0)
			break;
	ck_assert_int_lt(port, 60000);
	ck_assert_msg(strstr(err.text, "MDB_MAP_FULL") != NULL, "%s",
	    err.text);
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "FIRST");
	ck_assert_str_eq(id_of(store, "127.0.0.1", port), "");
	/* What is there already is no exception. */
	ck_assert_int_eq(try_hand_over(store, "127.0.0.1", 1, "NEXT", 1, 100),
	    -1);
	while (--port > 1)
		end("127.0.0.1", port, "FILL");
	hand_over("127.0.0.1", 2, "AGAIN");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "FIRST");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "AGAIN");
}
END_TEST

static const struct damage_row {
	const char	*name, *bytes;
	size_t		 n;
} damage_rows[] = {
	{ "empty",	"",				0 },
	{ "rubbish",	"rubbish",			7 },
	{ "no end",	"session=A\0pid=1",		15 },
	{ "no session",	"pid=1",			6 },
};

START_TEST(a_damaged_record_is_no_none)
{
	static const uint8_t	 key[19] = { AF_INET, 127, 0, 0, 1,
				     [17] = 0, [18] = 1 };
	const struct damage_row	*r = &damage_rows[_i];
	struct address		 addr = addr_of("127.0.0.1");
	struct seen		 seen = { .left = 0 };
	struct session		 s;

	session_init(&s);
	hand_over("127.0.0.1", 1, "OLD");
	hand_over("127.0.0.1", 2, "GOOD");
	store_close(store);
	damage_put(strchr(url, '/'), "handover", 0, key, sizeof key, r->bytes,
	    r->n);
	store = open_store(SIZE_MIB);
	ck_assert_msg(store_handed_over(store, &addr, 1, &s, &err) ==
	    STORE_CANNOT_TELL, "%s", r->name);
	ck_assert_msg(strstr(err.text, "cannot be read") != NULL, "%s: %s",
	    r->name, err.text);
	ck_assert_str_eq(s.id, "");
	ck_assert_int_eq(store_each_handed_over(store, see, &seen, &err),
	    STORE_CANNOT_TELL);
	ck_assert_int_eq(store_sweep_handed_over(store, &err), -1);
	ck_assert_str_eq(id_of(store, "127.0.0.1", 2), "GOOD");
	/* It can be replaced and taken out. */
	hand_over("127.0.0.1", 1, "NEW");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "NEW");
	store_close(store);
	damage_put(strchr(url, '/'), "handover", 0, key, sizeof key, r->bytes,
	    r->n);
	store = open_store(SIZE_MIB);
	end("127.0.0.1", 1, "NEW");
	ck_assert_str_eq(id_of(store, "127.0.0.1", 1), "");
	session_clear(&s);
}
END_TEST

START_TEST(a_damaged_key_is_no_end)
{
	struct seen	 seen = { .left = 0 };

	store_close(store);
	damage_put(strchr(url, '/'), "handover", 0, "key", 3,
	    "session=A\0pid=1", 16);
	store = open_store(SIZE_MIB);
	ck_assert_int_eq(store_each_handed_over(store, see, &seen, &err),
	    STORE_CANNOT_TELL);
	ck_assert_ptr_nonnull(strstr(err.text, "handed over"));
	ck_assert_str_eq(seen.text, "");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("store_handover");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_whole_session_is_handed_over);
	tcase_add_loop_test(tc, the_socket_is_the_key, 0, NELEM(key_rows));
	tcase_add_test(tc, what_is_no_socket_hands_nothing_over);
	tcase_add_test(tc, the_next_client_replaces_the_last);
	tcase_add_test(tc, only_that_session_is_ended);
	tcase_add_test(tc, a_record_that_is_too_long_changes_nothing);
	tcase_add_test(tc, sessions_are_kept_apart);
	tcase_add_test(tc, each_is_seen);
	tcase_add_test(tc, what_the_dead_handed_over_is_swept);
	tcase_add_test(tc, nothing_is_swept_that_cannot_be_told);
	tcase_add_test(tc, what_replaces_the_dead_is_not_swept);
	tcase_add_test(tc, another_process_sees_it_at_once);
	tcase_add_test(tc, killed_relays_leave_whole_records);
	tcase_add_test(tc, a_full_store_says_so_and_takes_ends);
	tcase_add_loop_test(tc, a_damaged_record_is_no_none, 0,
	    NELEM(damage_rows));
	tcase_add_test(tc, a_damaged_key_is_no_end);
	return runner_run("store_handover", tc);
}
