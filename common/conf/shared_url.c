/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_url: see shared_url.h.
 */
#include "conf/shared_url.h"

#include "base/address.h"
#include "base/domain.h"

#define PORT		6379
#define SENTINEL_PORT	26379

static const char	name_characters[] = "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* Takes prefix off the front; false: it is not there. */
static bool
take(struct span *text, const char *prefix)
{
	if (!span_begins(*text, prefix))
		return false;
	*text = span_skip(*text, strlen(prefix));
	return true;
}

/* Takes what stands before the first c, and c, off the front; false: there is
 * no c, and nothing is taken. */
static bool
take_until(struct span *text, char c, struct span *before_r)
{
	const char	*at = span_find(*text, c);

	if (at == NULL)
		return false;
	*before_r = (struct span){ text->p, (size_t)(at - text->p) };
	*text = span_skip(*text, before_r->n + 1);
	return true;
}

/* Digits, without zeros in front. */
static bool
parse_number(struct span text, unsigned max, unsigned *number_r)
{
	unsigned	 number = 0;
	size_t		 i;

	if (text.n == 0 || text.n > 5 || (text.p[0] == '0' && text.n > 1))
		return false;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		number = number * 10 + (unsigned)(text.p[i] - '0');
	}
	if (number > max)
		return false;
	*number_r = number;
	return true;
}

/* A user's name, or a master's. */
static bool
copy_name(struct span text, char name_r[SHARED_URL_NAME_MAX + 1])
{
	size_t	 i;

	if (text.n == 0 || text.n > SHARED_URL_NAME_MAX)
		return false;
	for (i = 0; i < text.n; i++)
		if (text.p[i] == '\0' ||
		    strchr(name_characters, text.p[i]) == NULL)
			return false;
	span_copy(name_r, text);
	name_r[text.n] = '\0';
	return true;
}

/* The last "@" counts: what stands before it may be a password with more of
 * them, and is not shown. */
static int
take_user(struct span *text, struct shared_url *url, struct err *err)
{
	const char	*at = text->n == 0 ? NULL :
			    memrchr(text->p, '@', text->n);
	struct span	 user;

	if (at == NULL)
		return 0;
	user = (struct span){ text->p, (size_t)(at - text->p) };
	*text = span_skip(*text, user.n + 1);
	if (span_has(user, ':'))
		return err_set(err, "a password must not stand there, but in "
		    "shared_password_file");
	if (!copy_name(user, url->user))
		return err_set(err, "expected before \"@\" a user's name, 1 to "
		    "%d of A-Z a-z 0-9 . _ -", SHARED_URL_NAME_MAX);
	return 0;
}

static bool
set_host(struct shared_url_host *host, struct span text)
{
	struct address	 addr;
	struct span	 name;

	if (address_parse(text, &addr)) {
		(void)address_format(&addr, host->name, sizeof host->name);
		return true;
	}
	if (domain_read(text, host->name, &name) != DOMAIN_OK ||
	    name.n == 0 || name.p[0] == '[')
		return false;
	return true;
}

/* "host", "[::1]", each with or without ":port". */
static bool
parse_host(struct span text, struct shared_url_host *host)
{
	struct span	 name = text;
	unsigned	 port;
	bool		 has_port, is_bracketed = take(&text, "[");

	if (is_bracketed) {
		if (!take_until(&text, ']', &name) || !span_has(name, ':'))
			return false;
		has_port = take(&text, ":");
		if (!has_port && text.n > 0)
			return false;
	} else {
		has_port = take_until(&text, ':', &name);
	}
	if (!set_host(host, name))
		return false;
	if (!has_port)
		return true;
	if (!parse_number(text, UINT16_MAX, &port) || port == 0)
		return false;
	host->port = (uint16_t)port;
	return true;
}

static int
parse_hosts(struct span text, struct shared_url *url, struct err *err)
{
	struct shared_url_host	*host;
	struct span		 item;
	bool			 is_last;

	do {
		is_last = !take_until(&text, ',', &item);
		if (is_last)
			item = text;
		if (url->n_hosts == SHARED_URL_HOSTS_MAX)
			return err_set(err, "more than %d hosts",
			    SHARED_URL_HOSTS_MAX);
		host = &url->hosts[url->n_hosts++];
		host->port = *url->sentinel != '\0' ? SENTINEL_PORT : PORT;
		if (!parse_host(item, host))
			return err_set(err, "host %u: expected \"host\", "
			    "\"host:port\" or \"[address]:port\"",
			    url->n_hosts);
	} while (!is_last);
	return 0;
}

static int
bad_database(struct err *err)
{
	return err_set(err, "expected a database from 0 to %d",
	    SHARED_URL_DATABASE_MAX);
}

static int
parse_path(struct span text, struct shared_url *url, struct err *err)
{
	if (text.n < 2 || text.n > SHARED_URL_PATH_MAX || text.p[0] != '/' ||
	    !span_is_printable(text))
		return err_set(err, "expected behind \"redis+unix://\" a path "
		    "of at most %d characters that begins with \"/\"",
		    SHARED_URL_PATH_MAX);
	span_copy(url->path, text);
	return 0;
}

/* "sentinel=NAME" of hosts, "database=N" of a path. */
static int
parse_query(struct span text, bool is_path, struct shared_url *url,
    struct err *err)
{
	if (is_path) {
		if (!take(&text, "database="))
			return err_set(err, "expected behind \"?\" "
			    "\"database=NUMBER\"");
		return parse_number(text, SHARED_URL_DATABASE_MAX,
		    &url->database) ? 0 : bad_database(err);
	}
	if (take(&text, "sentinel=") && copy_name(text, url->sentinel))
		return 0;
	return err_set(err, "expected behind \"?\" \"sentinel=NAME\", the name "
	    "of 1 to %d of A-Z a-z 0-9 . _ -", SHARED_URL_NAME_MAX);
}

static int
parse(struct span text, struct shared_url *url, struct err *err)
{
	bool		 is_path = take(&text, "redis+unix://");
	struct span	 rest;

	url->is_tls = !is_path && take(&text, "rediss://");
	if (!is_path && !url->is_tls && !take(&text, "redis://"))
		return err_set(err, "expected \"redis://host:port\", "
		    "\"rediss://host:port\" or \"redis+unix:///path\"");
	if (take_user(&text, url, err) == -1)
		return -1;
	rest = text;
	if (take_until(&rest, '?', &text) &&
	    parse_query(rest, is_path, url, err) == -1)
		return -1;
	if (is_path)
		return parse_path(text, url, err);
	rest = text;
	if (take_until(&rest, '/', &text) && rest.n > 0 &&
	    !parse_number(rest, SHARED_URL_DATABASE_MAX, &url->database))
		return bad_database(err);
	return parse_hosts(text, url, err);
}

int
shared_url_parse(struct span text, struct shared_url *url_r, struct err *err)
{
	struct shared_url	 url = { .is_tls = false };

	if (parse(text, &url, err) == -1)
		return -1;
	*url_r = url;
	return 0;
}
