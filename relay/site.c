/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * site: see site.h.  One thread uses it, so references are plain numbers.  TLS
 * contexts for next hops are made when they are first needed, one for each file
 * of CA certificates, and live as long as the site.
 */
#include "site.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "route.h"
#include "tls.h"

struct client_tls {
	char	*ca_file;
	SSL_CTX	*ctx;
};

struct site {
	unsigned		 refs;
	struct conf		*conf;
	struct site_relay	*relays;
	unsigned		 n_relays;
	struct client_tls	*clients;
	unsigned		 n_clients;
};

static void
find_hostname(struct site_relay *relay)
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
make_relay(struct site_relay *relay, const char *file,
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

struct site *
site_new(struct conf *conf, struct err *err)
{
	struct site	*site = calloc(1, sizeof *site);

	if (site == NULL) {
		conf_unref(conf);
		(void)err_set(err, "out of memory");
		return NULL;
	}
	site->refs = 1;
	site->conf = conf;
	site->relays = calloc(conf->n_relays + 1, sizeof *site->relays);
	if (site->relays == NULL) {
		(void)err_set(err, "out of memory");
		goto fail;
	}
	while (site->n_relays < conf->n_relays) {
		unsigned	 i = site->n_relays++;

		if (make_relay(&site->relays[i], conf->file, &conf->relays[i],
		    err) != 0)
			goto fail;
	}
	return site;
fail:
	site_unref(site);
	return NULL;
}

struct site *
site_ref(struct site *site)
{
	site->refs++;
	return site;
}

void
site_unref(struct site *site)
{
	unsigned	 i;

	if (site == NULL || --site->refs > 0)
		return;
	for (i = 0; i < site->n_relays; i++)
		tls_free(site->relays[i].tls);
	for (i = 0; i < site->n_clients; i++) {
		tls_free(site->clients[i].ctx);
		free(site->clients[i].ca_file);
	}
	free(site->clients);
	free(site->relays);
	conf_unref(site->conf);
	free(site);
}

struct conf *
site_conf(const struct site *site)
{
	return site->conf;
}

const struct site_relay *
site_relay(const struct site *site, unsigned i)
{
	return i < site->n_relays ? &site->relays[i] : NULL;
}

const struct site_relay *
site_relay_find(const struct site *site, const char *name)
{
	unsigned	 i;

	for (i = 0; i < site->n_relays; i++)
		if (strcmp(site->relays[i].conf->name, name) == 0)
			return &site->relays[i];
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
site_is_open_relay(const struct conf_relay *relay)
{
	return is_exposed(relay->listen) && route_is_open(relay);
}

static SSL_CTX *
add_client(struct site *site, const char *ca_file, struct err *err)
{
	struct client_tls	*grown;
	struct client_tls	 client;

	grown = reallocarray(site->clients, site->n_clients + 1,
	    sizeof *grown);
	client.ca_file = strdup(ca_file);
	if (grown != NULL)
		site->clients = grown;
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
	site->clients[site->n_clients++] = client;
	return client.ctx;
}

SSL_CTX *
site_client_tls(struct site *site, const char *ca_file, struct err *err)
{
	unsigned	 i;

	if (ca_file == NULL)
		ca_file = "";
	for (i = 0; i < site->n_clients; i++)
		if (strcmp(site->clients[i].ca_file, ca_file) == 0)
			return site->clients[i].ctx;
	return add_client(site, ca_file, err);
}
