/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_row_relay: the settings of relays, bindings and domains, a part of the
 * table of all settings.
 */
#include <string.h>

#include <bsd/stdlib.h>

#include "base/hostname.h"
#include "conf/conf_private.h"

#define DAY	86400

static bool
is_listen_or_empty(const char *value)
{
	return *value == '\0' || conf_row_is_listen(value);
}

static bool
is_next_hop(const char *value)
{
	struct nexthop	 hop;

	return *value == '\0' || nexthop_parse(span_of(value), &hop);
}

static bool
is_hostname(const char *value)
{
	return *value == '\0' || hostname_valid(span_of(value));
}

static bool
is_net(const char *value)
{
	struct address_net	 net;

	return address_parse_net(span_of(value), &net);
}

static bool
is_of_family(const char *value, uint8_t family)
{
	struct address	 addr;

	return *value == '\0' ||
	    (address_parse(span_of(value), &addr) && addr.family == family);
}

static bool
is_ipv4(const char *value)
{
	return is_of_family(value, AF_INET);
}

static bool
is_ipv6(const char *value)
{
	return is_of_family(value, AF_INET6);
}

static bool
is_path(const char *value)
{
	return *value == '\0' || *value == '/';
}

/* "127.0.0.1:9725", "[::1]:9725". */
static bool
is_address_port(struct span text)
{
	struct span	 host = text;
	struct address	 addr;
	const char	*colon = memrchr(text.p, ':', text.n), *why;
	char		 port[8];
	size_t		 n;

	if (colon == NULL)
		return false;
	host.n = (size_t)(colon - text.p);
	n = text.n - host.n - 1;
	if (n == 0 || n >= sizeof port || colon[1] < '0' || colon[1] > '9')
		return false;
	memcpy(port, colon + 1, n);
	port[n] = '\0';
	if (strtonum(port, 1, UINT16_MAX, &why) == 0)
		return false;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		return address_parse((struct span){ host.p + 1, host.n - 2 },
		    &addr);
	return address_parse(host, &addr) && addr.family == AF_INET;
}

static bool
is_address_port_or_empty(const char *value)
{
	return *value == '\0' || is_address_port(span_of(value));
}

/* Addresses and ports with commas between. */
static bool
is_resolver(const char *value)
{
	size_t	 n;

	if (*value == '\0')
		return true;
	for (;;) {
		n = strcspn(value, ",");
		if (!is_address_port((struct span){ value, n }))
			return false;
		if (value[n] == '\0')
			return true;
		value += n + 1;
	}
}

#define ROW(s, n, d, ...)						\
	{ .section = s, .name = n, .full = s "." n, .def = d, __VA_ARGS__ }
#define CHECKED(type_, v, e)						\
	.type = type_, .is_valid = v, .expected = e
#define WORD(w)		.type = CONF_WORD, .words = w
#define NUMBER(n, x)	.type = CONF_NUMBER, .min = n, .max = x
#define BOOL		.type = CONF_BOOL
#define SAYS(t)		.sentence = t
#define NOWHERE		.offset = CONF_NOWHERE
#define AT(field)	.offset = offsetof(struct conf_relay, field)

#define DIALECTS	"auto|postfix|kumomta|exim|dovecot"
#define DIALECT_SAYS	SAYS("Whose XCLIENT the next hop has.")

/* What bindings and their groups both have. */
#define BINDING_ROWS(s)							\
	ROW(s, "XCLIENT", "", WORD("|no|ifavailable|required"), NOWHERE,    \
	    SAYS("Whether XCLIENT is sent by way of it.")),		    \
	ROW(s, "xclient_dialect", "", WORD("|" DIALECTS), NOWHERE,	    \
	    DIALECT_SAYS),						    \
	ROW(s, "source_address", "", CHECKED(CONF_STRING, is_ipv4,	    \
	    "an IPv4 address"), NOWHERE,				    \
	    SAYS("The IPv4 address to connect from.")),			    \
	ROW(s, "source_address6", "", CHECKED(CONF_STRING, is_ipv6,	    \
	    "an IPv6 address"), NOWHERE,				    \
	    SAYS("The IPv6 address to connect from.")),			    \
	ROW(s, "tls", "", WORD("|no|may|encrypt|verify"), NOWHERE,	    \
	    SAYS("How connections to next hops are protected.")),	    \
	ROW(s, "tls_ca_file", "", CHECKED(CONF_STRING, is_path,		    \
	    "a path that begins with \"/\""), NOWHERE,			    \
	    SAYS("The CA certificates that next hops are verified by."))

static const struct conf_row	 rows[] = {
	ROW("", "XCLIENT", "no", WORD("no|ifavailable|required"), NOWHERE,
	    SAYS("Whether XCLIENT is sent where no binding or domain says.")),
	ROW("", "xclient_dialect", "auto", WORD(DIALECTS), NOWHERE,
	    DIALECT_SAYS),
	ROW("", "resolver", "", CHECKED(CONF_STRING, is_resolver,
	    "\"address:port\" of DNS servers, with commas between"),
	    .offset = offsetof(struct conf, resolver),
	    SAYS("The DNS servers; \"\": the system's.")),
	ROW("", "relay_metrics", "", CHECKED(CONF_STRING,
	    is_address_port_or_empty, "\"address:port\" or \"\""),
	    .offset = offsetof(struct conf, relay_metrics),
	    SAYS("Where xcontext-relay(8) serves metrics; \"\": nowhere.")),

	ROW("relay", "listen", "", CHECKED(CONF_STRING, is_listen_or_empty,
	    CONF_LISTEN_EXPECTED), AT(listen),
	    SAYS("Where the relay listens.")),
	ROW("relay", "protocol", "smtp", WORD("smtp|lmtp"), AT(protocol),
	    SAYS("What its clients speak.")),
	ROW("relay", "hostname", "", CHECKED(CONF_STRING, is_hostname,
	    "a host name"), AT(hostname),
	    SAYS("What it calls itself; \"\": this host's name.")),
	ROW("relay", "next_hop", "", CHECKED(CONF_STRING, is_next_hop,
	    CONF_NEXT_HOP_EXPECTED), AT(next_hop),
	    SAYS("Where mail goes that no transport_maps speak of.")),
	ROW("relay", "transport_maps", "", .type = CONF_LIST, NOWHERE,
	    SAYS("Tables that map a domain to its next hop.")),
	ROW("relay", "binding_maps", "", .type = CONF_LIST, NOWHERE,
	    SAYS("Tables that map a message to its binding.")),
	ROW("relay", "binding", "", .type = CONF_STRING, AT(binding),
	    SAYS("The binding that no binding_maps speak of.")),
	ROW("relay", "proxy_protocol", "", CHECKED(CONF_LIST, is_net,
	    "a network"), NOWHERE,
	    SAYS("The peers that have to send a PROXY header.")),
	ROW("relay", "proxy_protocol_timeout", "10", NUMBER(1, DAY),
	    AT(proxy_protocol_timeout),
	    SAYS("Seconds to wait for it.")),
	ROW("relay", "proxy_protocol_out", "false", BOOL,
	    AT(proxy_protocol_out),
	    SAYS("Whether the next hop gets a PROXY header.")),
	ROW("relay", "hand_over", "false", BOOL, AT(hand_over),
	    SAYS("Whether the next hop's milter finds the session.")),
	ROW("relay", "name_lookup", "true", BOOL, AT(name_lookup),
	    SAYS("Whether the names of clients are looked up.")),
	ROW("relay", "tls", "no", WORD("no|may|encrypt"), AT(tls),
	    SAYS("Whether clients may, or must, use STARTTLS.")),
	ROW("relay", "tls_certificate", "", CHECKED(CONF_STRING, is_path,
	    "a path that begins with \"/\""), AT(tls_certificate),
	    SAYS("The file of the certificate and its chain.")),
	ROW("relay", "tls_key", "", CHECKED(CONF_STRING, is_path,
	    "a path that begins with \"/\""), AT(tls_key),
	    SAYS("The file of the certificate's key.")),
	ROW("relay", "tls_client_ca", "", CHECKED(CONF_STRING, is_path,
	    "a path that begins with \"/\""), AT(tls_client_ca),
	    SAYS("The CA certificates that clients are verified by.")),
	ROW("relay", "auth", "tls", WORD("no|tls|always"), AT(auth),
	    SAYS("When AUTH is handed on.")),
	ROW("relay", "bare_newline", "normalize", WORD("normalize|reject"),
	    AT(bare_newline),
	    SAYS("What becomes of a CR or an LF alone in a message.")),
	ROW("relay", "xclient_verdict", "pass", WORD("pass|ignore"),
	    AT(xclient_verdict),
	    SAYS("What becomes of a refusal in answer to XCLIENT.")),
	ROW("relay", "errors_max", "20", NUMBER(0, 1000000), AT(errors_max),
	    SAYS("Errors that a client may make; 0: any number.")),
	ROW("relay", "recipients_max", "1000", NUMBER(1, 1000000),
	    AT(recipients_max),
	    SAYS("Recipients that a message may have.")),
	ROW("relay", "message_size_max", "2147483647",
	    NUMBER(0, 2147483647), AT(message_size_max),
	    SAYS("Octets that a message may have; 0: any number.")),
	ROW("relay", "hops_max", "10", NUMBER(1, 100), AT(hops_max),
	    SAYS("Relays that a session may have come through.")),
	ROW("relay", "connections", "10000", NUMBER(1, 1000000),
	    AT(connections),
	    SAYS("Connections that are served at once.")),
	ROW("relay", "peer_connections", "1000", NUMBER(0, 1000000),
	    AT(peer_connections),
	    SAYS("Connections from one address; 0: any number.")),
	ROW("relay", "command_timeout", "300", NUMBER(1, DAY),
	    AT(command_timeout),
	    SAYS("Seconds to wait for a command.")),
	ROW("relay", "data_timeout", "180", NUMBER(1, DAY), AT(data_timeout),
	    SAYS("Seconds to wait for more of a message.")),
	ROW("relay", "connect_timeout", "30", NUMBER(1, DAY),
	    AT(connect_timeout),
	    SAYS("Seconds that a next hop has for its greeting.")),
	ROW("relay", "reply_timeout", "300", NUMBER(1, DAY),
	    AT(reply_timeout),
	    SAYS("Seconds that it has for a reply.")),
	ROW("relay", "final_timeout", "600", NUMBER(1, DAY),
	    AT(final_timeout),
	    SAYS("Seconds that it has for the reply to a message.")),
	ROW("relay", "total_timeout", "86400", NUMBER(1, 7 * DAY),
	    AT(total_timeout),
	    SAYS("Seconds that a session may last.")),

	ROW("domain", "XCLIENT", "", WORD("|no|ifavailable|required"),
	    NOWHERE, SAYS("Whether XCLIENT is sent for it.")),
	ROW("domain", "xclient_dialect", "", WORD("|" DIALECTS), NOWHERE,
	    DIALECT_SAYS),
	BINDING_ROWS("binding"),
	BINDING_ROWS("binding_group")
};

const struct conf_row *
conf_row_relay(unsigned i)
{
	return i < sizeof rows / sizeof rows[0] ? &rows[i] : NULL;
}
