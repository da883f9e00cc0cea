/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve_answer: from answers to what is told: hosts of MX records, addresses
 * in the order in which they are to be tried, or why there are none.
 *
 * Hosts of one preference, and addresses of one host, come in any order, so
 * that load is spread; both families alike.  "." as the only mail exchanger
 * (RFC 7505) is a domain that takes no mail, which is an answer and no failure.
 */
#include <arpa/nameser.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "base/hostname.h"
#include "resolve_private.h"

/* Whether it is known that there is nothing; else nobody can tell. */
static bool
is_absent(int status)
{
	return status == ARES_ENODATA || status == ARES_ENOTFOUND ||
	    status == ARES_EBADNAME || status == ARES_ENONAME;
}

void
resolve_answer_take_status(struct resolve_query *query, int status)
{
	if (status == ARES_SUCCESS)
		return;
	if (is_absent(status))
		query->no_status = status;
	else
		query->unknown_status = status;
}

static bool
is_known(const struct resolve_query *query, const struct resolve_found *new)
{
	const struct resolve_found	*f;

	for (f = query->found; f < query->found + query->n_found; f++)
		if (f->host == new->host && address_equal(&f->addr, &new->addr))
			return true;
	return false;
}

void
resolve_answer_add(struct resolve_query *query, unsigned host,
    const struct ares_addrinfo *addrinfo)
{
	const struct ares_addrinfo_node	*node;
	struct resolve_found		 found = { .host = host };
	unsigned			 n = 0;

	for (node = addrinfo->nodes; node != NULL && n < LOOKUP_MAX;
	    node = node->ai_next) {
		found.addr = address_from_sockaddr(node->ai_addr, NULL);
		if (found.addr.family == AF_UNSPEC ||
		    query->n_found == FOUND_MAX || is_known(query, &found))
			continue;
		query->found[query->n_found++] = found;
		n++;
	}
}

/* Puts a host where its preference belongs, behind equal ones; if there are too
 * many, the last one falls off. */
static void
insert_host(struct resolve_query *query, const char *name,
    unsigned preference)
{
	struct resolve_target	*v = query->hosts;
	unsigned		 at = query->n_hosts;

	while (at > 0 && v[at - 1].preference > preference)
		at--;
	if (at == HOSTS_MAX)
		return;
	if (query->n_hosts < HOSTS_MAX)
		query->n_hosts++;
	memmove(v + at + 1, v + at, (query->n_hosts - 1 - at) * sizeof *v);
	v[at] = (struct resolve_target){ .query = query,
	    .preference = preference };
	(void)snprintf(v[at].name, sizeof v[at].name, "%s", name);
}

static bool
is_root(const char *name)
{
	return name[0] == '\0' || strcmp(name, ".") == 0;
}

/* Reads an MX record's preference and the name behind it; false: there is none. */
static bool
read_mx(const ns_msg *msg, const ns_rr *rr, unsigned *preference_r, char *name,
    size_t size)
{
	if (ns_rr_rdlen(*rr) <= NS_INT16SZ)
		return false;
	*preference_r = ns_get16(ns_rr_rdata(*rr));
	return ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg),
	    ns_rr_rdata(*rr) + NS_INT16SZ, name, size) != -1;
}

/* Notes each MX record of an answer.  Returns how many; -1: cannot be read. */
static int
read_hosts(struct resolve_query *query, ns_msg *msg)
{
	ns_rr		 rr;
	char		 name[NS_MAXDNAME];
	unsigned	 preference;
	int		 i, n = 0, n_roots = 0;

	for (i = 0; i < ns_msg_count(*msg, ns_s_an); i++) {
		if (ns_parserr(msg, ns_s_an, i, &rr) != 0)
			return -1;
		if (ns_rr_type(rr) != ns_t_mx || ns_rr_class(rr) != ns_c_in)
			continue;
		if (!read_mx(msg, &rr, &preference, name, sizeof name))
			return -1;
		n++;
		n_roots += is_root(name);
		if (hostname_valid(span_of(name)))
			insert_host(query, name, preference);
		else
			resolve_answer_take_status(query, ARES_EBADNAME);
	}
	query->is_null_mx = n == 1 && n_roots == 1;
	return n;
}

bool
resolve_answer_hosts(struct resolve_query *query, const unsigned char *answer,
    int len)
{
	ns_msg	 msg;
	int	 n = -1;

	if (ns_initparse(answer, len, &msg) == 0)
		n = read_hosts(query, &msg);
	if (n == -1) {
		/* Half an answer is none. */
		query->n_hosts = 0;
		resolve_answer_take_status(query, ARES_EBADRESP);
	}
	return n != 0;
}

const char *
resolve_answer_ptr(const unsigned char *answer, int len, char *name,
    size_t size)
{
	ns_msg	 msg;
	ns_rr	 rr;
	int	 i;

	if (ns_initparse(answer, len, &msg) != 0)
		return NULL;
	name[0] = '\0';
	for (i = 0; i < ns_msg_count(msg, ns_s_an); i++) {
		if (ns_parserr(&msg, ns_s_an, i, &rr) != 0)
			return NULL;
		if (ns_rr_type(rr) == ns_t_ptr && ns_rr_class(rr) == ns_c_in)
			break;
	}
	if (i < ns_msg_count(msg, ns_s_an) &&
	    ns_name_uncompress(ns_msg_base(msg), ns_msg_end(msg),
	    ns_rr_rdata(rr), name, size) == -1)
		return NULL;
	return name;
}

/* Fisher and Yates. */
static void
shuffle(struct resolve_found *v, unsigned n)
{
	struct resolve_found	 swap;
	unsigned		 i, j;

	for (i = n; i > 1; i--) {
		j = arc4random_uniform(i);
		swap = v[i - 1];
		v[i - 1] = v[j];
		v[j] = swap;
	}
}

/* Addresses by preference, each preference's shuffled. */
static void
order(const struct resolve_query *query, struct resolve_answer *answer)
{
	struct resolve_found	 v[FOUND_MAX], *f;
	struct resolve_address	*a;
	unsigned		 n = 0, i, host;

	memcpy(v, query->found, query->n_found * sizeof *v);
	shuffle(v, query->n_found);
	for (host = 0; host < query->n_hosts; host = i) {
		for (i = host; i < query->n_hosts &&
		    query->hosts[i].preference == query->hosts[host].preference;
		    i++)
			;
		for (f = v; f < v + query->n_found; f++) {
			if (f->host < host || f->host >= i ||
			    n == RESOLVE_ADDRESSES_MAX)
				continue;
			a = &answer->v[n++];
			a->addr = f->addr;
			a->preference = query->hosts[f->host].preference;
			memcpy(a->host, query->hosts[f->host].name,
			    sizeof a->host);
		}
	}
	answer->n = n;
}

/* True: the name leads back to the address that it is the name of. */
static bool
leads_back(const struct resolve_query *query)
{
	const struct resolve_found	*f;

	for (f = query->found; f < query->found + query->n_found; f++)
		if (address_equal(&f->addr, &query->addr))
			return true;
	return false;
}

/* What c-ares says when servers answer SERVFAIL or REFUSED, by its version. */
static bool
is_lame(int status)
{
	return status == ARES_ECONNREFUSED || status == ARES_ESERVFAIL ||
	    status == ARES_EREFUSED;
}

/* Nothing was found. */
static void
explain(const struct resolve_query *query, struct resolve_answer *answer)
{
	const char	*why = "no address";

	answer->result = RESOLVE_NONE;
	if (query->is_null_mx) {
		answer->is_null_mx = true;
		why = "the domain accepts no mail (null MX)";
	} else if (query->unknown_status != 0) {
		answer->result = RESOLVE_CANNOT_TELL;
		why = is_lame(query->unknown_status) ?
		    "no name server can tell" :
		    ares_strerror(query->unknown_status);
	} else if (query->is_for_name) {
		why = query->n_hosts > 0 ? "its name does not lead back to it" :
		    query->no_status == ARES_EBADNAME ?
		    "its name is not a valid one" : "no name";
	} else if (query->n_hosts > 0 &&
	    strcmp(query->hosts[0].name, query->asked) != 0) {
		why = "no mail server of this domain has an address";
	} else if (query->no_status == ARES_ENOTFOUND) {
		why = "no such domain";
	} else if (query->no_status == ARES_EBADNAME) {
		why = "not a valid name";
	}
	(void)err_set(&answer->err, "%s: %s", query->asked, why);
}

void
resolve_answer_conclude(const struct resolve_query *query,
    struct resolve_answer *answer_r)
{
	*answer_r = (struct resolve_answer){ .result = RESOLVE_OK };
	if (query->is_for_name && leads_back(query))
		(void)snprintf(answer_r->name, sizeof answer_r->name, "%s",
		    query->hosts[0].name);
	else if (!query->is_for_name && query->n_found > 0)
		order(query, answer_r);
	else
		explain(query, answer_r);
}
