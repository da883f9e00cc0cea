/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * served: see served.h.  One thread uses it, so references are plain numbers.
 * TLS contexts for next hops are made when they are first needed, one for each
 * file of CA certificates, and live as long as it does.
 */
#include "served.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "session/route.h"
#include "smtp/tls.h"

struct client_tls {
	char	*ca_file;
	SSL_CTX	*ctx;
};

struct served {
	unsigned		 refs;
	struct conf		*conf;
	struct served_relay	*relays;
	unsigned		 n_relays;
	struct client_tls	*clients;
	unsigned		 n_clients;
};

static void
find_hostname(struct served_relay *relay)
{
	const char	*given = relay->conf->hostname;

	if (given != NULL && *given != '\0')
		(void)strlcpy(relay->hostname, given,
		    sizeof relay->hostname);
	else if (gethostname(relay->hostname,
	    sizeof relay->hostname - 1) != 0)
		(void)strlcpy(relay->hostname, "localhost",
		    sizeof relay->hostname);
}

static int
make_relay(struct served_relay *relay, const char *file,
    const struct conf_relay *conf, struct err *err)
{
	struct err	 why;

	relay->conf = conf;
	find_hostname(relay);
	if (conf->tls == RELAY_TLS_NO)
		return 0;
	relay->tls = tls_server_new(conf->tls_certificate, conf->tls_key,
	    conf->tls_client_ca, &why);
	if (relay->tls == NULL)
		return err_set_at(err, file, conf->line, "relay \"%s\": %s",
		    conf->name, why.text);
	return 0;
}

struct served *
served_new(struct conf *conf, struct err *err)
{
	struct served	*served = calloc(1, sizeof *served);

	if (served == NULL) {
		conf_unref(conf);
		(void)err_set(err, "out of memory");
		return NULL;
	}
	served->refs = 1;
	served->conf = conf;
	served->relays = calloc(conf->n_relays + 1, sizeof *served->relays);
	if (served->relays == NULL) {
		(void)err_set(err, "out of memory");
		goto fail;
	}
	while (served->n_relays < conf->n_relays) {
		unsigned	 i = served->n_relays++;

		if (make_relay(&served->relays[i], conf->file, &conf->relays[i],
		    err) != 0)
			goto fail;
	}
	return served;
fail:
	served_unref(served);
	return NULL;
}

struct served *
served_ref(struct served *served)
{
	served->refs++;
	return served;
}

void
served_unref(struct served *served)
{
	unsigned	 i;

	if (served == NULL || --served->refs > 0)
		return;
	for (i = 0; i < served->n_relays; i++)
		tls_free(served->relays[i].tls);
	for (i = 0; i < served->n_clients; i++) {
		tls_free(served->clients[i].ctx);
		free(served->clients[i].ca_file);
	}
	free(served->clients);
	free(served->relays);
	conf_unref(served->conf);
	free(served);
}

struct conf *
served_conf(const struct served *served)
{
	return served->conf;
}

const struct served_relay *
served_relay(const struct served *served, unsigned i)
{
	return i < served->n_relays ? &served->relays[i] : NULL;
}

const struct served_relay *
served_relay_find(const struct served *served, const char *name)
{
	unsigned	 i;

	for (i = 0; i < served->n_relays; i++)
		if (strcmp(served->relays[i].conf->name, name) == 0)
			return &served->relays[i];
	return NULL;
}

/* 0.0.0.0 or ::. */
static bool
is_any(const struct address *addr)
{
	static const struct address	 zero;

	return memcmp(addr->bytes, zero.bytes, sizeof zero.bytes) == 0;
}

/* Whether others than this host and its neighbours reach a listener. */
static bool
is_exposed(const char *listener)
{
	struct span	 host = span_of(listener);
	struct address	 addr;

	if (strncmp(listener, "unix:", 5) == 0)
		return false;
	if (strncmp(listener, "inet:", 5) == 0)
		host = span_skip(host, 5);
	while (host.n > 0 && host.p[host.n - 1] != ':')
		host.n--;
	host.n -= host.n > 0;
	if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct span){ host.p + 1, host.n - 2 };
	if (!address_parse(host, &addr))
		return !span_caseeq(host, "localhost");
	return address_is_public(&addr) || is_any(&addr);
}

bool
served_is_open_relay(const struct conf_relay *relay)
{
	return is_exposed(relay->listen) && route_is_open(relay);
}

static SSL_CTX *
add_client(struct served *served, const char *ca_file, struct err *err)
{
	struct client_tls	*grown;
	struct client_tls	 client;

	grown = reallocarray(served->clients, served->n_clients + 1,
	    sizeof *grown);
	client.ca_file = strdup(ca_file);
	if (grown != NULL)
		served->clients = grown;
	if (grown == NULL || client.ca_file == NULL) {
		free(client.ca_file);
		(void)err_set(err, "out of memory");
		return NULL;
	}
	client.ctx = tls_client_new(ca_file, err);
	if (client.ctx == NULL) {
		free(client.ca_file);
		return NULL;
	}
	served->clients[served->n_clients++] = client;
	return client.ctx;
}

SSL_CTX *
served_client_tls(struct served *served, const char *ca_file,
    struct err *err)
{
	unsigned	 i;

	if (ca_file == NULL)
		ca_file = "";
	for (i = 0; i < served->n_clients; i++)
		if (strcmp(served->clients[i].ca_file, ca_file) == 0)
			return served->clients[i].ctx;
	return add_client(served, ca_file, err);
}
