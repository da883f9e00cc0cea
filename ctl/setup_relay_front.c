/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_relay_front: the part of setup_relay.h about a relay that takes mail in
 * place of Postfix's port 25.
 *
 * What Postfix served at that port stays at localhost, for programs of this
 * host; the relay takes the other addresses, and hands on to a listener that
 * nobody else reaches.
 */
#include "setup_relay.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cf.h"
#include "setup_listener.h"
#include "setup_postfix.h"

#define PORT		10025		/* behind the relay, and those behind */
#define ADDRESSES	64		/* of this host, that are served */

struct front {
	struct setup			*setup;
	struct setup_plan		*plan;
	struct pool			*pool;
	const struct postfix_service	*base;	/* what settings come from */
	const char			*inside;	/* "127.0.0.1:10025" */
	struct address			 inside_addr;
	const struct postfix_service	*is;	/* the entry that it has; NULL:
						 * none */
	struct address			 outside[ADDRESSES];
	size_t				 n_outside;
	bool				 keeps_v4, keeps_v6;	/* localhost */
};

static const char *
value(const struct front *f, const char *name)
{
	return postfix_get_expanded(&f->setup->pf, f->base, name);
}

/*
 * Which addresses
 */

static bool
is_localhost(const struct address *addr)
{
	char	 text[ADDRESS_TEXT_SIZE];

	(void)address_format(addr, text, sizeof text);
	return strcmp(text, "127.0.0.1") == 0 || strcmp(text, "::1") == 0;
}

static bool
is_link_local(const struct address *addr)
{
	return addr->family == AF_INET6 && addr->bytes[0] == 0xfe &&
	    (addr->bytes[1] & 0xc0) == 0x80;
}

/* Localhost stays Postfix's; all else is the relay's. */
static void
add_address(struct front *f, const struct address *addr)
{
	const char	*protocols = value(f, "inet_protocols");
	size_t		 i;

	if ((addr->family == AF_INET6 && strcmp(protocols, "ipv4") == 0) ||
	    (addr->family == AF_INET && strcmp(protocols, "ipv6") == 0) ||
	    is_link_local(addr))
		return;
	if (is_localhost(addr)) {
		f->keeps_v4 |= addr->family == AF_INET;
		f->keeps_v6 |= addr->family == AF_INET6;
		return;
	}
	for (i = 0; i < f->n_outside; i++)
		if (address_equal(&f->outside[i], addr))
			return;
	if (f->n_outside == ADDRESSES)
		ctl_die(EX_DATAERR, "this host has more than %d addresses: "
		    "name those that take mail in inet_interfaces", ADDRESSES);
	f->outside[f->n_outside++] = *addr;
}

static void
add_sockaddr(struct front *f, const struct sockaddr *sa)
{
	struct address	 addr = { .family = AF_UNSPEC };

	if (sa == NULL)
		return;
	if (sa->sa_family == AF_INET) {
		addr.family = AF_INET;
		memcpy(addr.bytes, &((const struct sockaddr_in *)(const void *)
		    sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		addr.family = AF_INET6;
		memcpy(addr.bytes, &((const struct sockaddr_in6 *)
		    (const void *)sa)->sin6_addr, 16);
	}
	if (addr.family != AF_UNSPEC)
		add_address(f, &addr);
}

static void
add_interfaces(struct front *f, bool is_all)
{
	struct ifaddrs	*list, *p;

	if (getifaddrs(&list) == -1)
		ctl_die(EX_OSERR, "the addresses of this host cannot be told");
	for (p = list; p != NULL; p = p->ifa_next)
		if ((p->ifa_flags & IFF_UP) != 0 &&
		    (is_all || (p->ifa_flags & IFF_LOOPBACK) != 0))
			add_sockaddr(f, p->ifa_addr);
	freeifaddrs(list);
}

static void
add_name(struct front *f, const char *name)
{
	static const struct addrinfo	 hints = {
		.ai_socktype = SOCK_STREAM
	};
	struct addrinfo	*list, *p;
	size_t		 n = strlen(name);

	if (n > 2 && *name == '[')
		name = pool_copy(f->pool, (struct span){ name + 1, n - 2 });
	if (getaddrinfo(name, "25", &hints, &list) != 0)
		ctl_die(EX_DATAERR, "inet_interfaces: no address of \"%s\" is "
		    "found", name);
	for (p = list; p != NULL; p = p->ai_next)
		add_sockaddr(f, p->ai_addr);
	freeaddrinfo(list);
}

/* Those at which an entry without a host listens. */
static void
add_all(struct front *f)
{
	const char	*list = value(f, "inet_interfaces");
	struct span	 element;

	while (wiring_next(&list, &element)) {
		if (span_eq(element, "all"))
			add_interfaces(f, true);
		else if (span_eq(element, "loopback-only"))
			add_interfaces(f, false);
		else
			add_name(f, pool_copy(f->pool, element));
	}
}

static bool
is_outside(struct front *f, const struct postfix_service *service)
{
	const char	*host = setup_listener_host(f->setup, service);
	struct address	 addr;

	if (!postfix_service_is_smtpd(service) ||
	    setup_listener_port(f->setup, service) != 25)
		return false;
	return *host == '\0' || !address_parse(span_of(host), &addr) ||
	    !is_localhost(&addr);
}

static void
add_of(struct front *f, const struct postfix_service *service)
{
	const char	*host = setup_listener_host(f->setup, service);
	struct address	 addr;

	if (*host == '\0')
		add_all(f);
	else if (address_parse(span_of(host), &addr))
		add_address(f, &addr);
	else
		add_name(f, host);
}

/*
 * What cannot be
 */

static void
check_postscreen(struct front *f)
{
	const struct postfix	*pf = &f->setup->pf;
	size_t			 i;

	for (i = 0; i < pf->n_services; i++)
		if (strcmp(pf->services[i].command, "postscreen") == 0 &&
		    setup_listener_port(f->setup, &pf->services[i]) == 25)
			ctl_die(EX_CONFIG, "%s: postscreen has port 25; behind "
			    "a relay it would test the relay, and it takes no "
			    "XCLIENT: attach xcontext without one (setup "
			    "postfix), or give the port to smtpd first",
			    pf->master_cf);
}

static void
check_base(struct front *f)
{
	const struct wiring	 w = { .maps = setup_postfix_socket(f->setup,
				    f->setup->conf->policy_maps) };
	const char		*listener;

	if (*value(f, "smtpd_upstream_proxy_protocol") != '\0')
		ctl_die(EX_CONFIG, "%s: a load balancer tells this server by "
		    "the PROXY protocol who the client is "
		    "(smtpd_upstream_proxy_protocol): that is for the relay "
		    "to hear, see \"With haproxy in front\" in README",
		    f->setup->pf.main_cf);
	if (wiring_has_map(f->pool, postfix_get(&f->setup->pf, f->base,
	    wiring_name(WIRING_XCLIENT)), w.maps, "xclient", &listener))
		ctl_die(EX_CONFIG, "%s: the entry \"%s %s\" asks xcontext "
		    "itself (wiring B), and the relay would ask in its place: "
		    "xcontext setup postfix --undo first",
		    f->setup->pf.master_cf, f->base->name, f->base->type);
}

/*
 * The listener behind the relay
 */

/* The relay of the configuration that hands on to that entry; NULL: none. */
static const struct conf_relay *
relay_to(struct front *f, const struct postfix_service *service)
{
	const struct conf_relay	*relay = f->setup->conf->relays;
	const char		*host = setup_listener_host(f->setup, service);
	unsigned		 i;

	for (i = 0; i < f->setup->conf->n_relays; i++, relay++)
		if (relay->nexthop.kind == NEXTHOP_HOST &&
		    relay->nexthop.port == setup_listener_port(f->setup,
		    service) && (*host == '\0' ||
		    strcmp(host, relay->nexthop.host) == 0))
			return relay;
	return NULL;
}

/* One that is there already.  What asks tables is a messenger's listener. */
static void
find_inside(struct front *f)
{
	const struct postfix		*pf = &f->setup->pf;
	const struct postfix_service	*service;
	size_t				 i;

	for (i = 0; i < pf->n_services && f->is == NULL; i++) {
		service = &pf->services[i];
		if (postfix_service_is_smtpd(service) &&
		    setup_listener_port(f->setup, service) != 25 &&
		    relay_to(f, service) != NULL && strstr(postfix_get(pf,
		    service, wiring_name(WIRING_XCLIENT)), "socketmap:") ==
		    NULL)
			f->is = service;
	}
}

static void
place_inside(struct front *f)
{
	if (f->is == NULL) {
		f->inside = setup_listener_place(f->setup, PORT, "the relay "
		    "alone: who connects to it may say to be anybody",
		    &f->inside_addr);
		return;
	}
	f->inside = f->is->name;
	if (!address_parse(span_of(setup_listener_host(f->setup, f->is)),
	    &f->inside_addr))
		f->inside_addr = (struct address){ .family = AF_UNSPEC };
}

/* Settings that are the relay's now, or say who may be anybody. */
static bool
is_ours(const char *name)
{
	static const char *const	 names[] = {
		"smtpd_authorized_xclient_hosts", "smtpd_tls_security_level",
		"smtpd_tls_auth_only", "smtpd_tls_wrappermode",
		"smtpd_use_tls", "smtpd_enforce_tls"
	};
	size_t				 i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool
has_auth(const struct front *f)
{
	return strcmp(value(f, "smtpd_sasl_auth_enable"), "yes") == 0;
}

static const char *
own_lines(struct front *f)
{
	const char	*lines = pool_printf(f->pool,
			    "  -o smtpd_authorized_xclient_hosts=%s\n"
			    "  -o smtpd_tls_security_level=none\n",
			    setup_relay_source(f->setup, &f->inside_addr));
	size_t		 i;

	/* The client has its TLS with the relay. */
	if (has_auth(f))
		lines = pool_printf(f->pool, "%s  -o smtpd_tls_auth_only=no\n",
		    lines);
	for (i = 0; i < f->base->own.n; i++)
		if (!is_ours(f->base->own.list[i].name))
			lines = pool_printf(f->pool, "%s%s", lines,
			    cf_option(f->pool, f->base->own.list[i].name,
			    f->base->own.list[i].value));
	return lines;
}

#define WHY_INSIDE	"the relay hands on to it; it believes the relay " \
	"who the client is, has the milters and restrictions of port 25, and " \
	"leaves TLS to the relay"

static const char *
inside_entry(struct front *f)
{
	return pool_printf(f->pool, "%s inet n - %s - %s smtpd\n%s", f->inside,
	    f->base->chroot, f->base->process_limit, own_lines(f));
}

/* One that was there, to which those settings are given back. */
static void
mend_inside(struct front *f)
{
	static const char *const	 settings[] = {
		"smtpd_authorized_xclient_hosts", "smtpd_tls_security_level",
		NULL
	};
	const char	*path = f->setup->pf.master_cf, *old, *new;
	const char	*want = setup_relay_source(f->setup, &f->inside_addr);
	const char	*has = postfix_get_expanded(&f->setup->pf, f->is,
			    settings[0]);
	const char	*tls = postfix_get_expanded(&f->setup->pf, f->is,
			    settings[1]);

	if (strcmp(has, want) == 0 && (strcmp(tls, "none") == 0 ||
	    *tls == '\0'))
		return;
	old = setup_plan_text(f->setup, f->plan, path);
	new = cf_override(f->pool, old, f->is->name, "inet", settings,
	    pool_printf(f->pool, "  -o %s=%s\n  -o %s=none\n", settings[0],
	    want, settings[1]));
	if (new == NULL)
		return;
	setup_plan_add(f->plan, path, pool_printf(f->pool, "entry %s inet",
	    f->is->name), cf_entry(f->pool, old, f->is->name, "inet"),
	    cf_entry(f->pool, new, f->is->name, "inet"), WHY_INSIDE);
	setup_plan_file(f->plan, path, old, new);
}

/*
 * The entries of port 25
 */

/* The lines of an entry, without its comments, with another name. */
static const char *
renamed(struct front *f, const char *entry, const char *name)
{
	const char	*new = "";
	size_t		 n, skip = strcspn(entry, " \t");

	new = pool_printf(f->pool, "%s", name);
	for (entry += skip; *entry != '\0'; entry += n) {
		n = strcspn(entry, "\n");
		n += entry[n] == '\n';
		if (entry[strspn(entry, " \t")] != '#')
			new = pool_printf(f->pool, "%s%.*s", new, (int)n,
			    entry);
	}
	return new;
}

/* What takes the place of one of them; is_first: the listener behind the relay
 * comes with it. */
static const char *
instead_of(struct front *f, const struct postfix_service *service,
    const char *entry, bool is_first)
{
	const struct postfix	*pf = &f->setup->pf;
	const char		*new = "";
	bool			 is_any = *setup_listener_host(f->setup,
				    service) == '\0';

	if (is_any && f->keeps_v4 &&
	    postfix_service_find(pf, "127.0.0.1:25", "inet") == NULL)
		new = renamed(f, entry, "127.0.0.1:25");
	if (is_any && f->keeps_v6 &&
	    postfix_service_find(pf, "[::1]:25", "inet") == NULL)
		new = pool_printf(f->pool, "%s%s", new, renamed(f, entry,
		    "[::1]:25"));
	return is_first && f->is == NULL ? pool_printf(f->pool, "%s%s", new,
	    inside_entry(f)) : new;
}

static void
replace_entry(struct front *f, const struct postfix_service *service,
    bool is_first)
{
	const char	*path = f->setup->pf.master_cf;
	const char	*old = setup_plan_text(f->setup, f->plan, path), *entry;
	const char	*new;

	entry = cf_entry(f->pool, old, service->name, service->type);
	if (entry == NULL)
		ctl_die(EX_DATAERR, "%s: the entry \"%s %s\" is not found in "
		    "its text", path, service->name, service->type);
	new = instead_of(f, service, entry, is_first);
	setup_plan_add(f->plan, path, pool_printf(f->pool, "entry %s %s",
	    service->name, service->type), entry, new, is_first ?
	    "the relay takes its addresses; localhost stays as it is, and "
	    WHY_INSIDE : "the relay takes its addresses");
	setup_plan_file(f->plan, path, old, cf_put_entry(f->pool, old,
	    service->name, service->type, new));
}

static void
replace_entries(struct front *f)
{
	const struct postfix	*pf = &f->setup->pf;
	bool			 is_first = true;
	size_t			 i;

	for (i = 0; i < pf->n_services; i++)
		if (is_outside(f, &pf->services[i])) {
			replace_entry(f, &pf->services[i], is_first);
			is_first = false;
		}
}

/*
 * xcontext.conf
 */

static const char *
tls_level(const struct front *f)
{
	const char	*level = value(f, "smtpd_tls_security_level");

	if (strcmp(level, "encrypt") == 0 || strcmp(level, "may") == 0 ||
	    strcmp(level, "none") == 0)
		return strcmp(level, "none") == 0 ? "no" : level;
	if (strcmp(value(f, "smtpd_enforce_tls"), "yes") == 0)
		return "encrypt";
	return strcmp(value(f, "smtpd_use_tls"), "yes") == 0 ? "may" : "no";
}

/* The first of two settings that names a file, which is there; NULL: none
 * does. */
static const char *
file_of(struct front *f, const char *first, const char *second)
{
	const char	*list = value(f, first), *path;
	struct span	 element;

	if (!wiring_next(&list, &element)) {
		list = value(f, second);
		if (!wiring_next(&list, &element))
			return NULL;
	}
	path = pool_copy(f->pool, element);
	return *path == '/' && (access(path, F_OK) == 0 || errno != ENOENT) ?
	    path : NULL;
}

static const char *
certificate(struct front *f)
{
	return file_of(f, "smtpd_tls_chain_files", "smtpd_tls_cert_file");
}

static const char *
key(struct front *f)
{
	return file_of(f, "smtpd_tls_chain_files", "smtpd_tls_key_file");
}

static const char *
auth_of(const struct front *f)
{
	return !has_auth(f) ? NULL :
	    strcmp(value(f, "smtpd_tls_auth_only"), "yes") == 0 ||
	    strcmp(tls_level(f), "encrypt") == 0 ? "tls" : "always";
}

static bool
asks_for_certificates(const struct front *f)
{
	return strcmp(value(f, "smtpd_tls_ask_ccert"), "yes") == 0 ||
	    strcmp(value(f, "smtpd_tls_req_ccert"), "yes") == 0;
}

static void
put_relay(struct front *f, const struct address *addr, const char *binding)
{
	const char	*listen = setup_listener_name(f->setup, addr, 25);
	const struct conf_relay	*is = setup_relay_at(f->setup, listen);
	const char	*level = tls_level(f), *title;
	char		 hop[ADDRESS_TEXT_SIZE] = "127.0.0.1";
	const char	*port = strrchr(f->inside, ':');

	if (certificate(f) == NULL || key(f) == NULL)
		level = "no";
	if (f->inside_addr.family != AF_UNSPEC)
		(void)address_format(&f->inside_addr, hop, sizeof hop);
	title = is != NULL ? is->name : setup_relay_title(f->setup, f->plan,
	    "relay", addr->family == AF_INET6 ? "front6" : "front", "listen",
	    listen);
	setup_relay_section(f->setup, f->plan, (struct conf_edit_place){
	    "relay", title }, (const struct setup_relay_setting[]){
	    { "listen", listen, false },
	    { "next_hop", pool_printf(f->pool, "smtp:[%s]:%s", hop,
	    port == NULL ? f->inside : port + 1), false },
	    { "binding", binding, false },
	    { "hostname", value(f, "myhostname"), false },
	    { "tls", level, false },
	    { "tls_certificate", *level == 'n' ? NULL :
	    certificate(f), false },
	    { "tls_key", *level == 'n' ? NULL : key(f), false },
	    { "tls_client_ca", *level != 'n' && asks_for_certificates(f) ?
	    file_of(f, "smtpd_tls_CAfile", "smtpd_tls_CAfile") : NULL, false },
	    { "auth", auth_of(f), false },
	    { NULL, NULL, false } }, "messengers are offered, and answered "
	    "with 2xx, what their profiles grant; all others go through as "
	    "before");
}

static void
put_conf(struct front *f)
{
	const struct setup_relay_setting	 settings[] = {
		{ "XCLIENT", "required", false }, { NULL, NULL, false }
	};
	const char	*binding;
	size_t		 i;

	binding = setup_relay_binding(f->setup, f->plan, "inside", settings);
	for (i = 0; i < f->n_outside; i++)
		put_relay(f, &f->outside[i], binding);
}

/*
 * What it costs
 */

static void
tell_costs(struct front *f)
{
	if (*value(f, "smtpd_tls_eccert_file") != '\0' &&
	    *value(f, "smtpd_tls_cert_file") != '\0')
		setup_plan_cost(f->plan, "the relay has one certificate, that "
		    "of smtpd_tls_cert_file, and not that of "
		    "smtpd_tls_eccert_file");
	if (strcmp(tls_level(f), "no") != 0 && (certificate(f) == NULL ||
	    key(f) == NULL))
		setup_plan_cost(f->plan, "the files of smtpd_tls_cert_file and "
		    "smtpd_tls_key_file are not there: the relay offers no "
		    "STARTTLS");
	if (asks_for_certificates(f))
		setup_plan_cost(f->plan, "Postfix no longer sees clients' "
		    "certificates: permit_tls_clientcerts and check_ccert_"
		    "access find none; trust_maps of xcontext do");
	setup_plan_cost(f->plan, "smtpd_client_..._limit do not count for "
	    "what comes by the relay; its peer_connections and errors_max "
	    "do");
	setup_plan_cost(f->plan, "an address that this host gets later is not "
	    "listened at");
	setup_plan_cost(f->plan, pool_printf(f->pool, "each user of this host "
	    "can connect to %s, and be anybody there, unless a firewall "
	    "forbids it", f->inside));
}

static void
tell_next(struct front *f)
{
	const char	*dir = f->setup->pf.config_directory;

	if (json_array_size(f->plan->steps) == 0)
		return;
	tell_costs(f);
	if (strcmp(tls_level(f), "no") != 0 && key(f) != NULL &&
	    setup_relay_unreadable(f->setup, key(f)) != NULL)
		setup_plan_next(f->plan, setup_relay_readable_by(f->setup,
		    key(f)));
	setup_plan_next(f->plan, "systemctl enable xcontext-relay");
	setup_plan_next(f->plan, pool_printf(f->pool, "postfix -c %s reload",
	    dir));
	setup_plan_next(f->plan, "systemctl restart xcontext-relay");
	setup_plan_next(f->plan, "xcontext setup relay --check");
}

void
setup_relay_front(struct setup *setup, struct setup_plan *plan)
{
	const struct postfix	*pf = &setup->pf;
	struct front		 f = { .setup = setup, .plan = plan,
				    .pool = &setup->pool };
	size_t			 i;

	check_postscreen(&f);
	for (i = 0; i < pf->n_services; i++)
		if (is_outside(&f, &pf->services[i])) {
			if (f.base == NULL)
				f.base = &pf->services[i];
			add_of(&f, &pf->services[i]);
		}
	find_inside(&f);
	if (f.n_outside == 0 && f.is == NULL)
		ctl_die(EX_CONFIG, "%s: no smtpd serves port 25 at an address "
		    "other than localhost: there is nothing for a relay to "
		    "stand in front of", pf->master_cf);
	if (f.n_outside > 0)
		check_base(&f);
	place_inside(&f);
	/* In this order: broken off in between, it can be gone on with. */
	if (f.n_outside > 0) {
		put_conf(&f);
		replace_entries(&f);
	}
	if (f.is != NULL)
		mend_inside(&f);
	tell_next(&f);
}
