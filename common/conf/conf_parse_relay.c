/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_parse_relay: what the configuration says of relays: each checked as far
 * as it can be alone, and with all bindings known at the end of the file.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf_private.h"
#include "table/table.h"

static unsigned
list_line(const struct conf_reader *reader, cfg_t *section, const char *name)
{
	return conf_line_of(reader, cfg_getopt(section, name));
}

/* A table_value_fn. */
static int
check_next_hop(const struct table_value *value, void *arg, struct err *err)
{
	struct nexthop	 hop;

	(void)arg;
	if (nexthop_parse(value->text, &hop))
		return 0;
	return err_set_at(err, value->file, value->line, "\"%.*s\" is not "
	    "valid, expected %s", (int)(value->text.n > 100 ? 100 :
	    value->text.n), value->text.p, CONF_NEXT_HOP_EXPECTED);
}

/* A table_value_fn: a binding's name is that of one that is there. */
static int
check_binding(const struct table_value *value, void *arg, struct err *err)
{
	if (scope_binding_find(arg, value->text) != NULL)
		return 0;
	return err_set_at(err, value->file, value->line, "there is no binding "
	    "\"%.*s\"", (int)(value->text.n > 100 ? 100 : value->text.n),
	    value->text.p);
}

/* Opens the tables of a list; those that are open are the caller's to free
 * also if another one fails. */
static int
open_tables(struct conf_reader *reader, cfg_t *section, const char *name,
    struct table ***tables, unsigned *n)
{
	cfg_opt_t	*opt = cfg_getopt(section, name);
	unsigned	 i, size = cfg_opt_size(opt);
	struct err	 why;
	const struct table_how	 how = {
		.file = reader->conf->file,
		.line = conf_line_of(reader, opt)
	};

	if (size == 0)
		return 0;
	*tables = calloc(size, sizeof **tables);
	if (*tables == NULL)
		return err_set_at(reader->err, reader->conf->file, 0,
		    "out of memory");
	for (i = 0; i < size; i++) {
		(*tables)[i] = table_open_from(cfg_opt_getnstr(opt, i), &how,
		    &why);
		if ((*tables)[i] == NULL)
			return err_set_at(reader->err, how.file, how.line,
			    "%s: %s", name, why.text);
		*n = i + 1;
	}
	return 0;
}

/* Says whether all results that are known by now are valid. */
static int
check_tables(struct conf_reader *reader, struct table **tables, unsigned n,
    const char *name, unsigned line, table_value_fn *fn)
{
	struct err	 why;
	unsigned	 i;

	for (i = 0; i < n; i++)
		if (table_each_value(tables[i], fn, reader->conf->scope,
		    &why) == -1)
			return err_set_at(reader->err, reader->conf->file,
			    line, "%s: %s", name, why.text);
	return 0;
}

static int
add_tables(struct conf_reader *reader, cfg_t *section,
    struct conf_relay *relay)
{
	if (open_tables(reader, section, "transport_maps",
	    &relay->transport_maps, &relay->n_transport_maps) == -1 ||
	    open_tables(reader, section, "binding_maps",
	    &relay->binding_maps, &relay->n_binding_maps) == -1)
		return -1;
	relay->binding_maps_line = list_line(reader, section, "binding_maps");
	return check_tables(reader, relay->transport_maps,
	    relay->n_transport_maps, "transport_maps",
	    list_line(reader, section, "transport_maps"), check_next_hop);
}

/* They have been checked one by one. */
static int
add_nets(cfg_t *section, struct conf_relay *relay)
{
	cfg_opt_t	*opt = cfg_getopt(section, "proxy_protocol");
	unsigned	 i, n = cfg_opt_size(opt);

	relay->proxy_nets = calloc(n + 1, sizeof *relay->proxy_nets);
	if (relay->proxy_nets == NULL)
		return -1;
	for (i = 0; i < n; i++)
		(void)address_parse_net(span_of(cfg_opt_getnstr(opt, i)),
		    &relay->proxy_nets[i]);
	relay->n_proxy_nets = n;
	return 0;
}

/* What is wrong with settings that are right each by itself; NULL: nothing.
 * *name_r is the setting to be blamed, NULL if one is missing. */
static const char *
find_fault(const struct conf_relay *relay, const char **name_r)
{
	*name_r = NULL;
	if (*relay->listen == '\0')
		return "has no listen";
	if (*relay->next_hop == '\0' && relay->n_transport_maps == 0)
		return "has neither next_hop nor transport_maps";
	*name_r = "next_hop";
	if (*relay->next_hop != '\0' && relay->protocol == NEXTHOP_LMTP &&
	    relay->nexthop.protocol != NEXTHOP_LMTP)
		return "with protocol \"lmtp\" needs a next_hop with "
		    "\"lmtp:\"";
	*name_r = "tls";
	if (relay->tls != RELAY_TLS_NO && (*relay->tls_certificate == '\0' ||
	    *relay->tls_key == '\0'))
		return "with tls needs tls_certificate and tls_key";
	return NULL;
}

static int
check_relay(struct conf_reader *reader, cfg_t *section,
    const struct conf_relay *relay)
{
	const char	*name, *fault = find_fault(relay, &name);

	if (fault == NULL)
		return 0;
	return err_set_at(reader->err, reader->conf->file, name == NULL ?
	    relay->line : list_line(reader, section, name),
	    "relay \"%s\" %s", relay->name, fault);
}

/* All zero, and part of the configuration; NULL: out of memory. */
static struct conf_relay *
new_relay(struct conf *conf)
{
	struct conf_relay	*grown;

	grown = reallocarray(conf->relays, conf->n_relays + 1,
	    sizeof *grown);
	if (grown == NULL)
		return NULL;
	conf->relays = grown;
	grown += conf->n_relays++;
	memset(grown, 0, sizeof *grown);
	return grown;
}

int
conf_add_relay(struct conf_reader *reader, cfg_t *section)
{
	struct conf_relay	*relay;

	if (conf_check_title(reader, section) == -1)
		return -1;
	relay = new_relay(reader->conf);
	if (relay == NULL || conf_fill(relay, section, "relay") == -1 ||
	    (relay->name = strdup(cfg_title(section))) == NULL ||
	    add_nets(section, relay) == -1)
		return err_set_at(reader->err, reader->conf->file,
		    (unsigned)section->line, "out of memory");
	relay->line = (unsigned)section->line;
	relay->next_hop_line = list_line(reader, section, "next_hop");
	relay->binding_line = list_line(reader, section, "binding");
	(void)nexthop_parse(span_of(relay->next_hop), &relay->nexthop);
	if (add_tables(reader, section, relay) == -1)
		return -1;
	return check_relay(reader, section, relay);
}

int
conf_check_relays(struct conf_reader *reader)
{
	const struct conf	*conf = reader->conf;
	const struct conf_relay	*relay;
	unsigned		 i;

	for (i = 0; i < conf->n_relays; i++) {
		relay = &conf->relays[i];
		if (*relay->binding != '\0' && scope_binding_find(conf->scope,
		    span_of(relay->binding)) == NULL)
			return err_set_at(reader->err, conf->file,
			    relay->binding_line, "binding: there is no "
			    "binding \"%s\" (in relay \"%s\")",
			    relay->binding, relay->name);
		if (check_tables(reader, relay->binding_maps,
		    relay->n_binding_maps, "binding_maps",
		    relay->binding_maps_line, check_binding) == -1)
			return -1;
	}
	return 0;
}

static void
free_tables(struct table **tables, unsigned n)
{
	unsigned	 i;

	for (i = 0; i < n; i++)
		table_free(tables[i]);
	free(tables);
}

void
conf_free_relays(struct conf *conf)
{
	struct conf_relay	*relay;
	unsigned		 i;

	for (i = 0; i < conf->n_relays; i++) {
		relay = &conf->relays[i];
		conf_fill_clear(relay, "relay");
		free_tables(relay->transport_maps, relay->n_transport_maps);
		free_tables(relay->binding_maps, relay->n_binding_maps);
		free(relay->proxy_nets);
		free(relay->name);
	}
	free(conf->relays);
}
