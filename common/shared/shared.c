/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared: see shared.h.
 *
 * It goes round: one host after the other, each of its addresses, until one is
 * a master that is set up.  Hosts that are sentinels are asked where the master
 * is, and one that does not know, is dead, or tells of a master that is none is
 * passed over.  When a round has failed, or a connection is lost, there is a
 * pause, of which half is chance, so that many hosts do not come back at once;
 * it grows until a question has been answered.
 */
#include "shared/shared.h"

#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "base/domain.h"
#include "shared/shared_lookup.h"
#include "smtp/tls.h"

#define PASSWORD_MAX	512
#define PAUSE_MIN_MS	100
#define PAUSE_MAX_MS	10000

/* A question of the owner's. */
struct ask {
	LIST_ENTRY(ask)		 entry;
	struct shared		*shared;
	shared_answer_fn	*fn;
	void			*arg;
};

/* Whose addresses are tried. */
enum target { TARGET_HOST, TARGET_MASTER };

struct shared {
	struct event_base	*base;
	struct shared_options	 options;
	shared_fn		*fn;
	void			*arg;
	SSL_CTX			*tls;		/* NULL: none */
	char			 password[PASSWORD_MAX + 1];
	struct event		 timer;		/* of a pause */
	struct shared_lookup	*lookup;
	struct shared_conn	*conn;
	LIST_HEAD(, ask)	 asks;		/* of this connection */
	unsigned		 next_host;	/* in the URL */
	enum target		 target;
	char			 name[256];	/* of the target */
	uint16_t		 port;
	struct shared_lookup_result addresses;	/* of the target */
	unsigned		 next_address;
	bool			 is_ready;
	unsigned		 pause_ms;
	unsigned		 misses;
	bool			 is_half_open;	/* one question decides */
	bool			 has_trial;	/* it is asked */
	char			 why[256];
	char			 where[300];
};

static void	next_address(struct shared *shared);

static bool
is_with_sentinels(const struct shared *shared)
{
	return *shared->options.url->sentinel != '\0';
}

/*
 * The round
 */

static void
pause_round(struct shared *shared)
{
	unsigned	 half = shared->pause_ms / 2, ms;
	struct timeval	 time;

	ms = half + arc4random_uniform(half + 1);
	time.tv_sec = (time_t)(ms / 1000);
	time.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	(void)event_add(&shared->timer, &time);
	shared->pause_ms = shared->pause_ms * 2 > PAUSE_MAX_MS ?
	    PAUSE_MAX_MS : shared->pause_ms * 2;
}

/* The last thing that a callback does. */
static void
go_away(struct shared *shared)
{
	shared->is_ready = false;
	pause_round(shared);
	shared->fn(shared->arg, SHARED_AWAY);
}

static void
look_up(struct shared *shared)
{
	bool	 is_name = strchr(shared->name, ':') == NULL;

	(void)snprintf(shared->where, sizeof shared->where, is_name ?
	    "%s:%u" : "[%s]:%u", shared->name, shared->port);
	shared_lookup_begin(shared->lookup, shared->name, shared->port,
	    shared->options.deadline_ms * SHARED_SETUP_DEADLINES);
}

static void
next_host(struct shared *shared)
{
	const struct shared_url		*url = shared->options.url;
	const struct shared_url_host	*host;

	shared->target = TARGET_HOST;
	if (url->n_hosts == 0 && shared->next_host == 0) {
		shared->next_host++;
		(void)strlcpy(shared->where, url->path, sizeof shared->where);
		shared_lookup_path(shared->lookup, url->path);
		return;
	}
	if (shared->next_host >= url->n_hosts) {
		go_away(shared);
		return;
	}
	host = &url->hosts[shared->next_host++];
	(void)strlcpy(shared->name, host->name, sizeof shared->name);
	shared->port = host->port;
	look_up(shared);
}

static void
begin_round(evutil_socket_t fd, short what, void *arg)
{
	struct shared	*shared = arg;

	(void)fd;
	(void)what;
	shared->next_host = 0;
	next_host(shared);
}

static void
on_addresses(void *arg, const struct shared_lookup_result *result,
    const struct err *err)
{
	struct shared	*shared = arg;

	shared->addresses = *result;
	shared->next_address = 0;
	if (result->n == 0)
		(void)strlcpy(shared->why, err->text, sizeof shared->why);
	next_address(shared);
}

/*
 * Sentinels
 */

static void
drop_conn(struct shared *shared)
{
	shared_conn_free(shared->conn);
	shared->conn = NULL;
}

/* A name or an address, and a port, as texts. */
static bool
read_master(struct shared *shared, const struct resp *reply)
{
	struct span	 host = resp_item(reply, 0), port = resp_item(reply, 1);
	char		 name[DOMAIN_SIZE];
	struct address	 addr;
	struct span	 domain;
	long		 number;

	if (address_parse(host, &addr))
		(void)address_format(&addr, name, sizeof name);
	else if (domain_read(host, name, &domain) != DOMAIN_OK)
		return false;
	number = strtol(port.p, NULL, 10);
	if (number < 1 || number > UINT16_MAX)
		return false;
	(void)strlcpy(shared->name, name, sizeof shared->name);
	shared->port = (uint16_t)number;
	return true;
}

static void
on_master(void *arg, const struct shared_answer *answer)
{
	struct shared	*shared = arg;

	if (answer->result == SHARED_LOST)
		return;			/* the connection's end goes on */
	drop_conn(shared);
	if (answer->result == SHARED_ANSWERED &&
	    read_master(shared, answer->reply)) {
		shared->target = TARGET_MASTER;
		look_up(shared);
		return;
	}
	(void)snprintf(shared->why, sizeof shared->why, "%s",
	    answer->result == SHARED_ANSWERED ?
	    "the sentinel knows no such master" : answer->why);
	next_address(shared);
}

static void
ask_sentinel(struct shared *shared)
{
	const struct span	 argv[] = {
		span_of("SENTINEL"), span_of("get-master-addr-by-name"),
		span_of(shared->options.url->sentinel)
	};

	if (!shared_conn_ask(shared->conn, 3, argv, on_master, shared))
		shared_conn_end(shared->conn, "out of memory");
}

/*
 * Connections
 */

static void
on_ready(struct shared *shared)
{
	if (shared->target == TARGET_HOST && is_with_sentinels(shared)) {
		ask_sentinel(shared);
		return;
	}
	shared->is_ready = true;
	shared->has_trial = false;
	shared->misses = 0;
	shared->fn(shared->arg, SHARED_READY);
}

static void
on_conn(void *arg, enum shared_conn_event event)
{
	struct shared	*shared = arg;

	if (event == SHARED_CONN_READY) {
		on_ready(shared);
		return;
	}
	(void)strlcpy(shared->why, shared_conn_why(shared->conn),
	    sizeof shared->why);
	drop_conn(shared);
	if (shared->is_ready)
		go_away(shared);
	else
		next_address(shared);
}

static void
next_address(struct shared *shared)
{
	struct shared_conn_options	 options = {
		.deadline_ms = shared->options.deadline_ms,
		.setup_ms = shared->options.deadline_ms *
		    SHARED_SETUP_DEADLINES,
		.tls = shared->tls,
		.tls_name = shared->name,
		.user = shared->options.url->user,
		.password = shared->password,
		.database = shared->options.url->database,
		.is_sentinel = shared->target == TARGET_HOST &&
		    is_with_sentinels(shared)
	};
	unsigned	 i;
	struct err	 err;

	while ((i = shared->next_address) < shared->addresses.n) {
		shared->next_address++;
		shared->conn = shared_conn_new(shared->base, &options,
		    (const struct sockaddr *)&shared->addresses.v[i].to,
		    shared->addresses.v[i].len, on_conn, shared, &err);
		if (shared->conn != NULL)
			return;
		(void)strlcpy(shared->why, err.text, sizeof shared->why);
	}
	next_host(shared);
}

/*
 * Questions
 */

/* A late answer counts against it, one that is there for it. */
static void
judge(struct shared *shared, const struct shared_answer *answer)
{
	if (answer->result == SHARED_LOST || shared->conn == NULL)
		return;
	if (answer->result == SHARED_LATE) {
		shared->misses++;
		if (!shared->is_half_open &&
		    shared->misses < SHARED_MISSES_MAX)
			return;
		shared->is_half_open = true;
		shared_conn_end(shared->conn, answer->why);
		return;
	}
	shared->misses = 0;
	shared->is_half_open = false;
	shared->pause_ms = PAUSE_MIN_MS;
	if (resp_is_error(answer->reply, "READONLY"))
		shared_conn_end(shared->conn, "it is no master any more");
}

/* The owner's function may free the client: nothing of it behind that. */
static void
on_answer(void *arg, const struct shared_answer *answer)
{
	struct ask	 ask = *(struct ask *)arg;

	LIST_REMOVE((struct ask *)arg, entry);
	free(arg);
	judge(ask.shared, answer);
	ask.fn(ask.arg, answer);
}

static bool
refuse(struct shared *shared, const char *why)
{
	(void)strlcpy(shared->why, why, sizeof shared->why);
	return false;
}

bool
shared_ask(struct shared *shared, int argc, const struct span *argv,
    shared_answer_fn *fn, void *arg)
{
	struct ask	*ask;

	if (!shared->is_ready)
		return false;
	if (shared->is_half_open && shared->has_trial)
		return refuse(shared, "it did not answer in time");
	ask = malloc(sizeof *ask);
	if (ask == NULL)
		return refuse(shared, "out of memory");
	*ask = (struct ask){ .shared = shared, .fn = fn, .arg = arg };
	if (!shared_conn_ask(shared->conn, argc, argv, on_answer, ask)) {
		free(ask);
		return refuse(shared, "too much is under way");
	}
	LIST_INSERT_HEAD(&shared->asks, ask, entry);
	shared->has_trial = true;
	return true;
}

/*
 * Beginning and end
 */

/* The first line of a file that only its owner and group may read. */
static int
read_password(struct shared *shared, const char *file, struct err *err)
{
	int		 fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat	 st;
	ssize_t		 n;

	if (fd == -1 || fstat(fd, &st) == -1) {
		(void)err_set_at(err, file, 0, "%s", strerror(errno));
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	n = read(fd, shared->password, PASSWORD_MAX);
	(void)close(fd);
	if (st.st_mode & (S_IROTH | S_IWOTH))
		return err_set_at(err, file, 0, "others may read or write it");
	if (n > 0)
		shared->password[n] = '\0';
	shared->password[strcspn(shared->password, "\r\n")] = '\0';
	if (n <= 0 || *shared->password == '\0' || n == PASSWORD_MAX)
		return err_set_at(err, file, 0, "expected a password of less "
		    "than %d characters", PASSWORD_MAX);
	return 0;
}

static int
open_files(struct shared *shared, struct err *err)
{
	const struct shared_options	*options = &shared->options;

	if (*options->password_file != '\0' &&
	    read_password(shared, options->password_file, err) == -1)
		return -1;
	if (!options->url->is_tls)
		return 0;
	shared->tls = tls_client_new(options->tls_ca_file, err);
	if (shared->tls == NULL)
		return -1;
	return *options->tls_certificate == '\0' ? 0 :
	    tls_client_show(shared->tls, options->tls_certificate,
	    options->tls_key, err);
}

struct shared *
shared_new(struct event_base *base, const struct shared_options *options,
    shared_fn *fn, void *arg, struct err *err)
{
	struct shared	*shared = calloc(1, sizeof *shared);

	if (shared == NULL) {
		(void)err_set(err, "out of memory");
		return NULL;
	}
	shared->base = base;
	shared->options = *options;
	shared->fn = fn;
	shared->arg = arg;
	shared->pause_ms = PAUSE_MIN_MS;
	LIST_INIT(&shared->asks);
	(void)event_assign(&shared->timer, base, -1, 0, begin_round, shared);
	shared->lookup = shared_lookup_new(base, on_addresses, shared);
	if (shared->lookup == NULL)
		(void)err_set(err, "out of memory");
	else if (open_files(shared, err) == 0) {
		event_active(&shared->timer, EV_TIMEOUT, 0);
		return shared;
	}
	shared_free(shared);
	return NULL;
}

void
shared_free(struct shared *shared)
{
	struct ask	*ask;

	if (shared == NULL)
		return;
	drop_conn(shared);
	while ((ask = LIST_FIRST(&shared->asks)) != NULL) {
		LIST_REMOVE(ask, entry);
		free(ask);
	}
	(void)event_del(&shared->timer);
	shared_lookup_free(shared->lookup);
	tls_free(shared->tls);
	explicit_bzero(shared->password, sizeof shared->password);
	free(shared);
}

const char *
shared_why(const struct shared *shared)
{
	return shared->why;
}

const char *
shared_where(const struct shared *shared)
{
	return shared->where;
}
