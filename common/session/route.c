/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * route: see route.h.  A table that cannot be asked, or answers with no next
 * hop or no binding, is "cannot tell", never the default: mail would leave by a
 * way that nobody has chosen.
 */
#include "session/route.h"

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "base/domain.h"
#include "table/table.h"

#define LOCAL_MAX	2048	/* octets: of a whole command */
#define N_SPELLINGS	2	/* of a domain: with A-labels, with U-labels */

/* What a search through several tables is about. */
struct search {
	struct table *const	*tables;
	unsigned		 n_tables;
	struct table_answer	 answer;
	char			*where;		/* of sizeof route_where's; NULL:
						 * nobody asks for it */
};

#define WHERE_SIZE	(sizeof ((struct route_where *)NULL)->nexthop)

static void
say_where(char *where, const char *file, unsigned line)
{
	if (where != NULL)
		(void)snprintf(where, WHERE_SIZE, "%s:%u", file, line);
}

/* Asks one table after the other for one key. */
static enum table_result
ask(struct search *search, struct span key)
{
	enum table_result	 result = TABLE_NOT_FOUND;
	unsigned		 i;

	for (i = 0; i < search->n_tables && result == TABLE_NOT_FOUND; i++)
		result = table_find(search->tables[i], key, &search->answer);
	return result;
}

bool
route_is_fixed(const struct conf_relay *relay)
{
	return relay->n_transport_maps == 0 &&
	    (relay->nexthop.kind != NEXTHOP_MX ||
	    relay->nexthop.host[0] != '\0');
}

const char *
route_refusal(enum route_result result)
{
	return result == ROUTE_BAD_RECIPIENT ? "501 5.1.3" : "451 4.3.0";
}

/* A recipient as tables are asked for him. */
struct wanted {
	char		 local[LOCAL_MAX];	/* the local part */
	size_t		 n_local;
	bool		 has_domain;
	struct span	 domain[N_SPELLINGS];	/* empty: no such spelling */
	char		 ascii[DOMAIN_SIZE];
	char		 unicode[DOMAIN_UNICODE_SIZE];
};

/* Without quotes, as Postfix looks it up; false: it is too long. */
static bool
read_local(struct wanted *wanted, struct span local)
{
	bool	 is_quoted = local.n > 0 && local.p[0] == '"';
	size_t	 i, end = local.n - is_quoted;

	wanted->n_local = 0;
	if (local.n > LOCAL_MAX)
		return false;
	for (i = is_quoted; i < end; i++) {
		if (is_quoted && local.p[i] == '\\' && i + 1 < end)
			i++;
		wanted->local[wanted->n_local++] = local.p[i];
	}
	return true;
}

static enum domain_result
read_domain(struct wanted *wanted, struct span domain)
{
	enum domain_result	 result;

	result = domain_read(domain, wanted->ascii, &wanted->domain[0]);
	if (result != DOMAIN_OK)
		return result;
	result = domain_unicode(wanted->domain[0], wanted->unicode,
	    &wanted->domain[1]);
	return result == DOMAIN_BAD ? DOMAIN_OK : result;
}

/* domain is the end of recipient. */
static enum route_result
read_recipient(struct wanted *wanted, struct span recipient,
    struct span domain, struct err *err)
{
	enum domain_result	 result = DOMAIN_OK;
	struct span		 local = recipient;

	memset(wanted->domain, 0, sizeof wanted->domain);
	wanted->has_domain = domain.n > 0;
	if (wanted->has_domain)
		result = read_domain(wanted, domain);
	if (local.n > domain.n)
		local.n -= domain.n + wanted->has_domain;
	else
		local.n = 0;
	if (result == DOMAIN_CANNOT_TELL) {
		(void)err_set(err, "out of memory");
		return ROUTE_CANNOT_TELL;
	}
	if (result == DOMAIN_OK && read_local(wanted, local))
		return ROUTE_OK;
	(void)err_set(err, result == DOMAIN_OK ?
	    "the recipient's address is too long" :
	    "the recipient's domain is not valid");
	return ROUTE_BAD_RECIPIENT;
}

/* The whole address, in each spelling. */
static enum table_result
ask_address(struct search *search, const struct wanted *wanted)
{
	enum table_result	 result = TABLE_NOT_FOUND;
	char			 key[LOCAL_MAX + 1 + DOMAIN_UNICODE_SIZE];
	size_t			 i, n = wanted->n_local;

	memcpy(key, wanted->local, n);
	if (!wanted->has_domain)
		return ask(search, (struct span){ key, n });
	key[n++] = '@';
	for (i = 0; i < N_SPELLINGS && result == TABLE_NOT_FOUND; i++) {
		struct span	 domain = wanted->domain[i];

		if (domain.n == 0)
			continue;
		span_copy(key + n, domain);
		result = ask(search, (struct span){ key, n + domain.n });
	}
	return result;
}

/* The domain in each spelling, then ".parent" for each of its parents: both
 * spellings have as many labels. */
static enum table_result
ask_domains(struct search *search, const struct wanted *wanted)
{
	enum table_result	 result = TABLE_NOT_FOUND;
	struct span		 at[N_SPELLINGS];
	const char		*dot;
	size_t			 i;

	memcpy(at, wanted->domain, sizeof at);
	while (at[0].n > 0) {
		for (i = 0; i < N_SPELLINGS; i++) {
			if (at[i].n == 0)
				continue;
			result = ask(search, at[i]);
			if (result != TABLE_NOT_FOUND)
				return result;
			dot = memchr(at[i].p + 1, '.', at[i].n - 1);
			at[i] = span_skip(at[i], dot == NULL ? at[i].n :
			    (size_t)(dot - at[i].p));
		}
	}
	return result;
}

static enum table_result
ask_transport(struct search *search, const struct wanted *wanted)
{
	enum table_result	 result = ask_address(search, wanted);

	if (result == TABLE_NOT_FOUND)
		result = ask_domains(search, wanted);
	if (result == TABLE_NOT_FOUND)
		result = ask(search, span_of("*"));
	return result;
}

/* A next hop without a host is that of the recipient's domain. */
static enum route_result
complete(struct nexthop *nexthop, const struct wanted *wanted,
    struct err *err)
{
	if (nexthop->host[0] != '\0')
		return ROUTE_OK;
	if (!wanted->has_domain) {
		(void)err_set(err, "the recipient has no domain");
		return ROUTE_BAD_RECIPIENT;
	}
	(void)strlcpy(nexthop->host, wanted->ascii, sizeof nexthop->host);
	nexthop->is_recipients = true;
	return ROUTE_OK;
}

/* The answer of the tables, or next_hop. */
static enum route_result
find_nexthop(const struct conf_relay *relay, const struct wanted *wanted,
    struct nexthop *nexthop_r, char *where, struct err *err)
{
	struct search	 search = { .tables = relay->transport_maps,
			     .n_tables = relay->n_transport_maps };
	enum route_result result = ROUTE_OK;

	switch (ask_transport(&search, wanted)) {
	case TABLE_FOUND:
		say_where(where, search.answer.file, search.answer.line);
		if (!nexthop_parse((struct span){ search.answer.value,
		    search.answer.len }, nexthop_r)) {
			(void)err_set_at(err, search.answer.file,
			    search.answer.line, "\"%s\" is no next hop, "
			    "expected \"smtp:[host]:port\" or the like",
			    search.answer.value);
			result = ROUTE_CANNOT_TELL;
		} else
			nexthop_r->is_recipients = wanted->has_domain &&
			    strcmp(nexthop_r->host, wanted->ascii) == 0;
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
	table_answer_clear(&search.answer);
	return result;
}

/* where stays empty if no table says it. */
static enum route_result
nexthop_of(const struct conf_relay *relay, struct span recipient,
    struct span domain, struct nexthop *nexthop_r, char *where,
    struct err *err)
{
	struct nexthop	 found = relay->nexthop;
	struct wanted	 wanted;
	enum route_result result;

	/* What nobody is asked about is the next hop's to judge. */
	if (route_is_fixed(relay))
		recipient = domain = (struct span){ "", 0 };
	result = read_recipient(&wanted, recipient, domain, err);
	if (result == ROUTE_OK)
		result = find_nexthop(relay, &wanted, &found, where, err);
	if (result == ROUTE_OK)
		result = complete(&found, &wanted, err);
	if (result == ROUTE_OK)
		*nexthop_r = found;
	return result;
}

enum route_result
route_nexthop(const struct conf_relay *relay, struct span recipient,
    struct span domain, struct nexthop *nexthop_r, struct err *err)
{
	return nexthop_of(relay, recipient, domain, nexthop_r, NULL, err);
}

void
route_mode(const struct conf *conf, struct route *route, struct span domain)
{
	char			 buf[DOMAIN_SIZE];
	struct scope_domains	 domains = { .recipient = domain };

	domains.nexthop = nexthop_domain(&route->nexthop, buf);
	route->mode = scope_mode(conf->scope, route->binding, &domains,
	    route->rule, sizeof route->rule);
}

bool
route_needs_recipient(const struct conf *conf,
    const struct conf_relay *relay, const struct route *route)
{
	return !route_is_fixed(relay) ||
	    scope_is_by_domain(conf->scope, route->binding, route->mode);
}

/* RFC 6761: nobody's. */
bool
route_is_open(const struct conf_relay *relay)
{
	static const char	 address[] = "anybody@xcontext.invalid";
	const struct span	 recipient = { address, sizeof address - 1 };
	const struct span	 domain = span_skip(recipient,
				     sizeof "anybody@" - 1);
	struct nexthop		 found;
	struct err		 err;

	return !route_is_fixed(relay) && route_nexthop(relay, recipient,
	    domain, &found, &err) == ROUTE_OK &&
	    found.kind == NEXTHOP_MX && span_eq(domain, found.host);
}

/* Asks one map for all keys before the next map, as access_maps do. */
static enum table_result
ask_bindings(struct search *search, const struct access_keys *keys)
{
	enum table_result	 result = TABLE_NOT_FOUND;
	unsigned		 i;
	size_t			 k;

	for (i = 0; i < search->n_tables; i++)
		for (k = 0; k < keys->n; k++) {
			result = table_find(search->tables[i], keys->v[k],
			    &search->answer);
			if (result != TABLE_NOT_FOUND)
				return result;
		}
	return result;
}

static enum route_result
binding_of(const struct conf *conf, const struct conf_relay *relay,
    const struct access_keys *keys, const struct scope_binding **binding_r,
    char *where, struct err *err)
{
	struct search	 search = { .tables = relay->binding_maps,
			     .n_tables = relay->n_binding_maps };
	enum route_result result = ROUTE_OK;
	enum table_result status = keys == NULL ? TABLE_NOT_FOUND :
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
		say_where(where, search.answer.file, search.answer.line);
		if (*binding_r == NULL) {
			(void)err_set_at(err, search.answer.file,
			    search.answer.line, "there is no binding \"%s\"",
			    search.answer.value);
			result = ROUTE_CANNOT_TELL;
		}
	}
	table_answer_clear(&search.answer);
	return result;
}

enum route_result
route_binding(const struct conf *conf, const struct conf_relay *relay,
    const struct access_keys *keys, const struct scope_binding **binding_r,
    struct err *err)
{
	return binding_of(conf, relay, keys, binding_r, NULL, err);
}

/* Begins with what the relay's own section says. */
static void
init_where(const struct conf *conf, const struct conf_relay *relay,
    struct route_where *where)
{
	*where = (struct route_where){ "", "" };
	if (relay->next_hop_line != 0)
		say_where(where->nexthop, conf->file, relay->next_hop_line);
	if (relay->binding_line != 0)
		say_where(where->binding, conf->file, relay->binding_line);
}

enum route_result
route_find(const struct conf *conf, const struct conf_relay *relay,
    const struct access_keys *keys, struct span recipient,
    struct span domain, struct route *route_r, struct route_where *where_r,
    struct err *err)
{
	enum route_result	 result;

	if (where_r != NULL)
		init_where(conf, relay, where_r);
	result = nexthop_of(relay, recipient, domain, &route_r->nexthop,
	    where_r == NULL ? NULL : where_r->nexthop, err);
	if (result == ROUTE_OK)
		result = binding_of(conf, relay, keys, &route_r->binding,
		    where_r == NULL ? NULL : where_r->binding, err);
	if (result != ROUTE_OK)
		return result;
	/* Who counts on a reply for each recipient must get them. */
	if (relay->protocol == NEXTHOP_LMTP &&
	    route_r->nexthop.protocol != NEXTHOP_LMTP) {
		(void)err_set(err, "the next hop does not speak LMTP");
		return ROUTE_CANNOT_TELL;
	}
	route_mode(conf, route_r, domain);
	route_r->dialect = scope_dialect(conf->dialects, route_r->binding,
	    domain);
	return ROUTE_OK;
}

enum route_result
route_is_by_recipient(const struct conf *conf, const struct conf_relay *relay,
    const struct access_keys *keys, bool *is_r, struct err *err)
{
	const struct span	 none = { "", 0 };
	struct route		 route = { .mode = XCLIENT_NO };
	enum route_result	 result;

	*is_r = !route_is_fixed(relay);
	if (*is_r)
		return ROUTE_OK;
	result = route_find(conf, relay, keys, none, none, &route, NULL, err);
	if (result == ROUTE_OK)
		*is_r = route_needs_recipient(conf, relay, &route);
	return result;
}

bool
route_equal(const struct route *a, const struct route *b)
{
	return a->binding == b->binding &&
	    a->nexthop.protocol == b->nexthop.protocol &&
	    a->nexthop.kind == b->nexthop.kind &&
	    a->nexthop.port == b->nexthop.port &&
	    strcmp(a->nexthop.host, b->nexthop.host) == 0;
}
