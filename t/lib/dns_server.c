/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dns_server: see dns_server.h.
 */
#include "t/lib/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct dns_packet {
	uint8_t	 p[65536];
	size_t	 n;
};

static void
dns_put(struct dns_packet *packet, const void *p, size_t n)
{
	if (packet->n + n > sizeof packet->p)
		abort();
	memcpy(packet->p + packet->n, p, n);
	packet->n += n;
}

static void
dns_put16(struct dns_packet *packet, unsigned n)
{
	dns_put(packet, (uint8_t[]){ (uint8_t)(n >> 8), (uint8_t)n }, 2);
}

/* "." or "" is the root. */
static void
dns_put_name(struct dns_packet *packet, const char *name)
{
	size_t	 n;

	while (*name != '\0' && *name != '.') {
		n = strcspn(name, ".");
		dns_put(packet, (uint8_t[]){ (uint8_t)n }, 1);
		dns_put(packet, name, n);
		name += n + (name[n] == '.');
	}
	dns_put(packet, "", 1);
}

static void
dns_put_data(struct dns_packet *packet, const struct dns_record *r)
{
	struct dns_packet	*data = calloc(1, sizeof *data);
	uint8_t			 addr[16];
	char			 host[256] = "";
	unsigned		 preference;

	if (r->type == DNS_A && inet_pton(AF_INET, r->data, addr) == 1)
		dns_put(data, addr, 4);
	else if (r->type == DNS_AAAA && inet_pton(AF_INET6, r->data, addr) == 1)
		dns_put(data, addr, 16);
	else if (r->type == DNS_MX) {
		(void)sscanf(r->data, "%u %255s", &preference, host);
		dns_put16(data, preference);
		dns_put_name(data, host);
	} else
		dns_put_name(data, r->data);
	dns_put16(packet, (unsigned)data->n);
	dns_put(packet, data->p, data->n);
	free(data);
}

static void
dns_put_record(struct dns_packet *packet, const struct dns_record *r)
{
	dns_put_name(packet, r->name);
	dns_put16(packet, r->type);
	dns_put16(packet, 1);
	dns_put(packet, "\0\0\0\x3c", 4);
	dns_put_data(packet, r);
	packet->p[7]++;
}

/* Reads the question's name and type; the offset behind it, 0: none. */
static size_t
dns_read_question(const uint8_t *p, size_t n, char *name, size_t size,
    unsigned *type_r)
{
	size_t	 at = 12, len = 0;

	name[0] = '\0';
	while (at < n && p[at] != 0) {
		if (at + 1 + p[at] >= n || len + p[at] + 2 > size)
			return 0;
		(void)snprintf(name + len, size - len, "%s%.*s",
		    len > 0 ? "." : "", (int)p[at], (const char *)p + at + 1);
		len = strlen(name);
		at += 1 + p[at];
	}
	if (at + 5 > n)
		return 0;
	*type_r = (unsigned)p[at + 1] << 8 | p[at + 2];
	return at + 5;
}

/* A special record for this type: its second word is one of these. */
static bool
dns_is_for(const struct dns_record *r, unsigned type)
{
	const char	*word = strchr(r->data, ' ');

	return word == NULL || strcmp(word + 1, type == DNS_A ? "A" :
	    type == DNS_AAAA ? "AAAA" : type == DNS_MX ? "MX" : "other") == 0;
}

/* Fills in the answer to the question.  False: none is to be given. */
static bool
dns_answer(const struct dns_server *server, struct dns_packet *packet,
    const char *name, unsigned type)
{
	const struct dns_record	*r;
	bool			 is_there = false;

	for (r = server->zone; r->name != NULL; r++) {
		if (strcasecmp(r->name, name) != 0)
			continue;
		is_there = true;
		if (r->type == DNS_SILENT && dns_is_for(r, type))
			return false;
		if (r->type == DNS_CUT && dns_is_for(r, type)) {
			packet->p[7] = 1;
			return true;
		}
		if (r->type == DNS_TCP && !server->is_tcp) {
			packet->p[2] |= 2;	/* truncated */
			return true;
		}
		if (r->type == DNS_RCODE && dns_is_for(r, type)) {
			packet->p[3] |= (uint8_t)atoi(r->data);
			return true;
		}
		if (r->type == type || r->type == DNS_CNAME)
			dns_put_record(packet, r);
		if (r->type == DNS_CNAME && type != DNS_CNAME)
			return dns_answer(server, packet, r->data, type);
	}
	if (!is_there)
		packet->p[3] |= 3;	/* NXDOMAIN */
	return true;
}

/* False: no answer. */
static bool
dns_serve(struct dns_server *server, const uint8_t *in, size_t n,
    struct dns_packet *out)
{
	char		 name[256];
	unsigned	 type;

	server->n_questions++;
	if (n < 12)
		return false;
	out->n = dns_read_question(in, n, name, sizeof name, &type);
	if (out->n == 0)
		return false;
	memcpy(out->p, in, out->n);
	memcpy(out->p + 2, "\x85\x80\0\x01\0\0\0\0\0\0", 10);
	return dns_answer(server, out, name, type);
}

static void
dns_udp_ready(evutil_socket_t fd, short what, void *arg)
{
	struct dns_server	*server = arg;
	struct dns_packet	*out = calloc(1, sizeof *out);
	struct sockaddr_in	 from;
	socklen_t		 len = sizeof from;
	uint8_t			 in[512];
	ssize_t			 n;

	(void)what;
	server->is_tcp = false;
	n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);
	if (n >= 0 && dns_serve(server, in, (size_t)n, out))
		(void)sendto(fd, out->p, out->n, 0, (struct sockaddr *)&from,
		    len);
	free(out);
}

static void
dns_serve_tcp(struct dns_server *server, int fd, const uint8_t *in, size_t n)
{
	struct dns_packet	*out = calloc(1, sizeof *out);
	uint8_t			 head[2];

	if (dns_serve(server, in, n, out)) {
		head[0] = (uint8_t)(out->n >> 8);
		head[1] = (uint8_t)out->n;
		(void)send(fd, head, 2, MSG_NOSIGNAL);
		(void)send(fd, out->p, out->n, MSG_NOSIGNAL);
	}
	free(out);
}

/* Several questions may come at once; one that does not come whole is not
 * answered. */
static void
dns_tcp_ready(evutil_socket_t fd, short what, void *arg)
{
	struct dns_server	*server = arg;
	uint8_t			 in[4096];
	ssize_t			 n = recv(fd, in, sizeof in, 0);
	size_t			 at, len;
	unsigned		 i;

	(void)what;
	server->is_tcp = true;
	for (at = 0; n > 0 && at + 2 <= (size_t)n; at += 2 + len) {
		len = (size_t)in[at] << 8 | in[at + 1];
		if (at + 2 + len <= (size_t)n)
			dns_serve_tcp(server, fd, in + at + 2, len);
	}
	for (i = 0; n == 0 && i < server->n_conns; i++)
		if (event_get_fd(server->conns[i]) == fd)
			(void)event_del(server->conns[i]);
}

static struct event *
dns_event(struct dns_server *server, struct event_base *base, int fd,
    event_callback_fn fn)
{
	struct event	*event = event_new(base, fd, EV_READ | EV_PERSIST, fn,
			    server);

	if (event == NULL || event_add(event, NULL) != 0)
		abort();
	return event;
}

static void
dns_listener_ready(evutil_socket_t fd, short what, void *arg)
{
	struct dns_server	*server = arg;
	int			 peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK);

	(void)what;
	if (peer == -1 || server->n_conns == DNS_CONNS_MAX)
		abort();
	server->conns[server->n_conns++] = dns_event(server,
	    event_get_base(server->event), peer, dns_tcp_ready);
}

void
dns_server_open(struct dns_server *server, struct event_base *base,
    const struct dns_record *zone)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t		 len = sizeof sin;
	int			 udp = socket(AF_INET,
				     SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int			 tcp = socket(AF_INET,
				     SOCK_STREAM | SOCK_NONBLOCK, 0);

	*server = (struct dns_server){ .zone = zone };
	if (bind(tcp, (struct sockaddr *)&sin, len) != 0 ||
	    listen(tcp, 8) != 0 ||
	    getsockname(tcp, (struct sockaddr *)&sin, &len) != 0 ||
	    bind(udp, (struct sockaddr *)&sin, len) != 0)
		abort();
	(void)snprintf(server->address, sizeof server->address,
	    "127.0.0.1:%u", ntohs(sin.sin_port));
	server->event = dns_event(server, base, udp, dns_udp_ready);
	server->listener = dns_event(server, base, tcp, dns_listener_ready);
}

static void
dns_close_event(struct event *event)
{
	int	 fd = event_get_fd(event);

	event_free(event);
	(void)close(fd);
}

void
dns_server_close(struct dns_server *server)
{
	while (server->n_conns > 0)
		dns_close_event(server->conns[--server->n_conns]);
	dns_close_event(server->listener);
	dns_close_event(server->event);
}
