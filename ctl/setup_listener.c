/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_listener: see setup_listener.h.
 */
#include "setup_listener.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <bsd/stdlib.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define PORT		10025		/* of wiring A, and those behind it */
#define PORT_TRIES	100

/* "host" and port of a service's name; the host is empty where it has none. */
static void
split_name(struct setup *setup, const char *name, const char **host_r,
    const char **port_r)
{
	const char	*colon = strrchr(name, ':');
	size_t		 n = colon == NULL ? 0 : (size_t)(colon - name);

	*port_r = colon == NULL ? name : colon + 1;
	if (n > 2 && name[0] == '[' && name[n - 1] == ']') {
		name++;
		n -= 2;
	}
	*host_r = pool_copy(&setup->pool, (struct span){ name, n });
}

static unsigned
port_number(const char *port)
{
	const struct servent	*known = getservbyname(port, "tcp");

	if (known != NULL)
		return ntohs((uint16_t)known->s_port);
	return (unsigned)strtoul(port, NULL, 10);
}

const char *
setup_listener_host(struct setup *setup,
    const struct postfix_service *service)
{
	const char	*host, *port;

	split_name(setup, service->name, &host, &port);
	return host;
}

unsigned
setup_listener_port(struct setup *setup,
    const struct postfix_service *service)
{
	const char	*host, *port;

	if (strcmp(service->type, "inet") != 0)
		return 0;
	split_name(setup, service->name, &host, &port);
	return port_number(port);
}

bool
setup_listener_is_port_25(struct setup *setup,
    const struct postfix_service *service)
{
	if (!postfix_service_is_smtpd(service))
		return false;
	if (strcmp(service->type, "pass") == 0)
		return strcmp(service->name, "smtpd") == 0;
	return setup_listener_port(setup, service) == 25;
}

const struct postfix_service *
setup_listener_base(struct setup *setup)
{
	size_t	 i;

	for (i = 0; i < setup->pf.n_services; i++)
		if (setup_listener_is_port_25(setup, &setup->pf.services[i]))
			return &setup->pf.services[i];
	return NULL;
}

/* A listener of wiring A: one with our table and without guard. */
static bool
is_listener(struct setup *setup, const struct wiring *wiring,
    const struct postfix_service *service)
{
	const char	*hosts = postfix_param_find(&service->own,
			    wiring_name(WIRING_XCLIENT)), *listener;

	return postfix_service_is_smtpd(service) &&
	    strcmp(service->type, "inet") == 0 && hosts != NULL &&
	    wiring_has_map(&setup->pool, hosts, wiring->maps, "xclient",
	    &listener) && wiring_messengers_of(&setup->pool, hosts) == NULL;
}

/* One that is there already, with that host and port, NULL and 0 for any. */
static const struct postfix_service *
find_listener(struct setup *setup, const struct wiring *wiring,
    const char *host, unsigned port)
{
	const struct postfix_service	*service;
	size_t				 i;

	for (i = 0; i < setup->pf.n_services; i++) {
		service = &setup->pf.services[i];
		if (!is_listener(setup, wiring, service))
			continue;
		if ((host == NULL || strcmp(host, setup_listener_host(setup,
		    service)) == 0) && (port == 0 ||
		    port == setup_listener_port(setup, service)))
			return service;
	}
	return NULL;
}

/* The other entry of master.cf that has the port already, there or
 * everywhere; NULL: none. */
static const struct postfix_service *
find_taken(struct setup *setup, const char *host, unsigned port)
{
	const struct postfix_service	*service;
	const char			*its_host;
	size_t				 i;

	for (i = 0; i < setup->pf.n_services; i++) {
		service = &setup->pf.services[i];
		if (setup_listener_port(setup, service) != port)
			continue;
		its_host = setup_listener_host(setup, service);
		if (*host == '\0' || *its_host == '\0' ||
		    strcmp(host, its_host) == 0)
			return service;
	}
	return NULL;
}

static const struct sockaddr *
make_sockaddr(const struct address *addr, unsigned port,
    struct sockaddr_storage *to, socklen_t *len_r)
{
	struct sockaddr_in	*v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6	*v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof *to);
	if (addr->family == AF_INET6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		memcpy(&v6->sin6_addr, addr->bytes, 16);
		*len_r = sizeof *v6;
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		memcpy(&v4->sin_addr, addr->bytes, 4);
		*len_r = sizeof *v4;
	}
	return (const struct sockaddr *)to;
}

/* 0: it can be bound; else what errno says. */
static int
try_port(const struct address *addr, unsigned port)
{
	struct sockaddr_storage	 to;
	const struct sockaddr	*sa;
	socklen_t		 len;
	int			 fd, yes = 1, error = 0;

	sa = make_sockaddr(addr, port, &to, &len);
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, sa, len) == -1)
		error = errno;
	(void)close(fd);
	return error;
}

static void
check_address(const struct setup *setup, const char *host,
    const struct address *addr, const char *what)
{
	const char	*protocols = postfix_get_expanded(&setup->pf, NULL,
			    "inet_protocols");

	if (setup->ctl->option[SETUP_PUBLIC] == NULL &&
	    (addr->family == AF_UNSPEC || address_is_public(addr)))
		ctl_die(EX_USAGE, "--bind %s: the Internet can reach it, and "
		    "this listener is for %s; give another address of this "
		    "host, or --allow-public where a firewall stands in "
		    "front", host, what);
	if ((addr->family == AF_INET6 && strcmp(protocols, "ipv4") == 0) ||
	    (addr->family == AF_INET && strcmp(protocols, "ipv6") == 0))
		ctl_die(EX_USAGE, "--bind %s: Postfix does not use such "
		    "addresses (inet_protocols = %s)", host, protocols);
}

/* The host as given, without brackets, and its address; "all": none. */
static const char *
read_host(const struct setup *setup, struct address *addr_r)
{
	const char	*text = setup->ctl->option[SETUP_BIND];
	struct span	 span;

	if (text == NULL)
		text = "127.0.0.1";
	*addr_r = (struct address){ .family = AF_UNSPEC };
	span = span_of(text);
	if (span.n > 2 && text[0] == '[' && text[span.n - 1] == ']') {
		span.p++;
		span.n -= 2;
	}
	if (strcmp(text, "all") != 0 && !address_parse(span, addr_r))
		ctl_die(EX_USAGE, "--bind %s: expected an IPv4 or IPv6 "
		    "address of this host, or \"all\"", text);
	return text;
}

static unsigned
read_port(const struct setup *setup)
{
	const char	*text = setup->ctl->option[SETUP_PORT], *wrong;
	unsigned	 port;

	if (text == NULL)
		return 0;
	port = (unsigned)strtonum(text, 1, 65535, &wrong);
	if (wrong != NULL)
		ctl_die(EX_USAGE, "--port %s: expected a number from 1 to "
		    "65535", text);
	return port;
}

const char *
setup_listener_name(struct setup *setup, const struct address *addr,
    unsigned port)
{
	char	 text[ADDRESS_TEXT_SIZE];

	if (addr->family == AF_UNSPEC)
		return pool_printf(&setup->pool, "%u", port);
	(void)address_format(addr, text, sizeof text);
	return pool_printf(&setup->pool, addr->family == AF_INET6 ?
	    "[%s]:%u" : "%s:%u", text, port);
}

static const char *
host_text(const struct address *addr, char text[ADDRESS_TEXT_SIZE])
{
	return addr->family == AF_UNSPEC ? "" : address_format(addr, text,
	    ADDRESS_TEXT_SIZE);
}

/* That very port, or an end with the reason. */
static void
check_port(struct setup *setup, const struct address *addr, unsigned port)
{
	const struct postfix_service	*taken;
	char				 text[ADDRESS_TEXT_SIZE];
	int				 error;

	taken = find_taken(setup, host_text(addr, text), port);
	if (taken != NULL)
		ctl_die(EX_USAGE, "--port %u: the entry \"%s inet\" of %s has "
		    "it already", port, taken->name, setup->pf.master_cf);
	error = try_port(addr, port);
	if (error != 0)
		ctl_die(EX_USAGE, "%s: %s", setup_listener_name(setup, addr,
		    port),
		    error == EADDRINUSE ? "another program listens there" :
		    error == EADDRNOTAVAIL ? "this host does not have that "
		    "address" : strerror(error));
}

static unsigned
find_port(struct setup *setup, const struct address *addr, unsigned first)
{
	char		 text[ADDRESS_TEXT_SIZE];
	unsigned	 port;

	for (port = first; port < first + PORT_TRIES; port++)
		if (find_taken(setup, host_text(addr, text), port) == NULL &&
		    try_port(addr, port) != EADDRINUSE)
			break;
	return port;
}

const char *
setup_listener_place(struct setup *setup, unsigned port, const char *what,
    struct address *addr_r)
{
	unsigned	 said = read_port(setup);

	check_address(setup, read_host(setup, addr_r), addr_r, what);
	if (said == 0)
		said = find_port(setup, addr_r, port);
	check_port(setup, addr_r, said);
	return setup_listener_name(setup, addr_r, said);
}

#define MESSENGERS	"messengers alone"

const char *
setup_listener_find(struct setup *setup, const struct wiring *wiring)
{
	const struct postfix_service	*is;
	struct address			 addr;
	char				 text[ADDRESS_TEXT_SIZE];

	check_address(setup, read_host(setup, &addr), &addr, MESSENGERS);
	is = find_listener(setup, wiring,
	    setup->ctl->option[SETUP_BIND] == NULL ? NULL :
	    host_text(&addr, text), read_port(setup));
	return is != NULL ? is->name :
	    setup_listener_place(setup, PORT, MESSENGERS, &addr);
}

bool
setup_listener_is_public(const struct setup *setup,
    const struct postfix_service *service, const char *host)
{
	struct address	 addr;

	if (*host == '\0')
		return strcmp(postfix_get_expanded(&setup->pf, service,
		    "inet_interfaces"), "loopback-only") != 0;
	return !address_parse(span_of(host), &addr) ||
	    address_is_public(&addr) || strcmp(host, "0.0.0.0") == 0 ||
	    strcmp(host, "::") == 0;
}
