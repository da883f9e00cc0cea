/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * route: the tables' answers.
 */
#include "route.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "table.h"

/* What a search through several tables is about. */
struct search {
	struct table *const	*tables;
	unsigned		 n_tables;
	struct table_result	 answer;
};

/* Asks one table after the other for one key. */
static enum table_status
ask(struct search *search, struct span key)
{
	enum table_status	 status = TABLE_NOT_FOUND;
	unsigned		 i;

	for (i = 0; i < search->n_tables && status == TABLE_NOT_FOUND; i++)
		status = table_find(search->tables[i], key, &search->answer);
	return status;
}

bool
route_is_fixed(const struct conf_relay *relay)
{
	return relay->n_transport_maps == 0 &&
	    (relay->nexthop.kind != NEXTHOP_MX ||
	    relay->nexthop.host[0] != '\0');
}

/* The domain, then ".parent" for each of its parents. */
static enum table_status
ask_domains(struct search *search, struct span domain)
{
	enum table_status	 status = ask(search, domain);
	const char		*dot;

	while (status == TABLE_NOT_FOUND && domain.n > 0 &&
	    (dot = memchr(domain.p + 1, '.', domain.n - 1)) != NULL) {
		domain = span_skip(domain, (size_t)(dot - domain.p));
		status = ask(search, domain);
	}
	return status;
}

static enum table_status
ask_transport(struct search *search, struct span recipient,
    struct span domain)
{
	enum table_status	 status = ask(search, recipient);

	if (status == TABLE_NOT_FOUND && domain.n > 0)
		status = ask_domains(search, domain);
	if (status == TABLE_NOT_FOUND)
		status = ask(search, span_of("*"));
	return status;
}

/* A next hop without a host is that of the recipient's domain. */
static enum route_result
complete(struct nexthop *nexthop, struct span domain, struct err *err)
{
	if (nexthop->host[0] != '\0')
		return ROUTE_OK;
	if (domain.n == 0 || domain.n >= sizeof nexthop->host) {
		(void)err_set(err, "the recipient has no domain");
		return ROUTE_NONE;
	}
	memcpy(nexthop->host, domain.p, domain.n);
	nexthop->host[domain.n] = '\0';
	return ROUTE_OK;
}

enum route_result
route_nexthop(const struct conf_relay *relay, struct span recipient,
    struct span domain, struct nexthop *nexthop_r, struct err *err)
{
	struct search	 search = { .tables = relay->transport_maps,
			     .n_tables = relay->n_transport_maps };
	struct nexthop	 found = relay->nexthop;
	enum route_result result = ROUTE_OK;

	switch (ask_transport(&search, recipient, domain)) {
	case TABLE_FOUND:
		if (!nexthop_parse((struct span){ search.answer.value,
		    search.answer.len }, &found)) {
			(void)err_set_at(err, search.answer.file,
			    search.answer.line, "\"%s\" is no next hop, "
			    "expected \"smtp:[host]:port\" or the like",
			    search.answer.value);
			result = ROUTE_CANNOT_TELL;
		}
		break;
	case TABLE_NOT_FOUND:
		if (relay->next_hop == NULL || *relay->next_hop == '\0') {
			(void)err_set(err, "no next hop is known for this "
			    "recipient");
			result = ROUTE_NONE;
		}
		break;
	case TABLE_CANNOT_TELL:
		*err = search.answer.err;
		result = ROUTE_CANNOT_TELL;
		break;
	}
	table_result_clear(&search.answer);
	if (result == ROUTE_OK)
		result = complete(&found, domain, err);
	if (result == ROUTE_OK)
		*nexthop_r = found;
	return result;
}

/* Asks one map for all keys before the next map, as access_maps do. */
static enum table_status
ask_bindings(struct search *search, const struct access_keys *keys)
{
	enum table_status	 status = TABLE_NOT_FOUND;
	unsigned		 i;
	size_t			 k;

	for (i = 0; i < search->n_tables; i++)
		for (k = 0; k < keys->n; k++) {
			status = table_find(search->tables[i], keys->v[k],
			    &search->answer);
			if (status != TABLE_NOT_FOUND)
				return status;
		}
	return status;
}

enum route_result
route_binding(const struct conf *conf, const struct conf_relay *relay,
    const struct access_keys *keys, const struct scope_binding **binding_r,
    struct err *err)
{
	struct search	 search = { .tables = relay->binding_maps,
			     .n_tables = relay->n_binding_maps };
	enum route_result result = ROUTE_OK;
	enum table_status status = keys == NULL ? TABLE_NOT_FOUND :
	    ask_bindings(&search, keys);

	if (status == TABLE_CANNOT_TELL) {
		*err = search.answer.err;
		result = ROUTE_CANNOT_TELL;
	} else if (status == TABLE_NOT_FOUND) {
		*binding_r = relay->binding == NULL ||
		    *relay->binding == '\0' ? NULL :
		    scope_binding_find(conf->scope, span_of(relay->binding));
	} else {
		*binding_r = scope_binding_find(conf->scope,
		    (struct span){ search.answer.value, search.answer.len });
		if (*binding_r == NULL) {
			(void)err_set_at(err, search.answer.file,
			    search.answer.line, "there is no binding \"%s\"",
			    search.answer.value);
			result = ROUTE_CANNOT_TELL;
		}
	}
	table_result_clear(&search.answer);
	return result;
}

bool
route_equal(const struct route *a, const struct route *b)
{
	return a->binding == b->binding &&
	    a->nexthop.protocol == b->nexthop.protocol &&
	    a->nexthop.kind == b->nexthop.kind &&
	    a->nexthop.port == b->nexthop.port &&
	    strcasecmp(a->nexthop.host, b->nexthop.host) == 0;
}
