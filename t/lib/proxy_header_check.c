/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_check: headers, and their texts.
 */
#include "proxy_header_check.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>

#include "edge.h"

size_t
proxy_header_check_unhex(const char *hex, char *out)
{
	unsigned	 octet;
	size_t		 n;

	for (n = 0; hex[2 * n] != '\0'; n++) {
		ck_assert_int_eq(sscanf(hex + 2 * n, "%2x", &octet), 1);
		out[n] = (char)octet;
	}
	return n;
}

static void
add_span(char *text, const char *name, struct span value)
{
	size_t	 n = strlen(text);

	if (value.n > 0)
		(void)snprintf(text + n, TEXT_SIZE - n, " %s%.*s", name,
		    (int)value.n, value.p);
}

static void
add_end(char *text, const struct address *addr, uint16_t port)
{
	char	 buf[ADDRESS_TEXT_SIZE];
	size_t	 n = strlen(text);

	(void)snprintf(text + n, TEXT_SIZE - n, addr->family == AF_INET6 ?
	    " [%s]:%u" : " %s:%u", address_format(addr, buf, sizeof buf),
	    port);
}

static void
add_tlvs(char *text, const struct proxy_header *h)
{
	char	 hex[2 * PROXY_HEADER_UNIQUE_ID_MAX + 1] = "";
	size_t	 i;

	for (i = 0; i < h->unique_id.n; i++)
		(void)sprintf(hex + 2 * i, "%02x",
		    (unsigned)(uint8_t)h->unique_id.p[i]);
	add_span(text, "authority=", h->authority);
	add_span(text, "unique_id=", span_of(hex));
	add_span(text, "alpn=", h->alpn);
	if (h->has_ssl)
		(void)strcat(text, " ssl=");
	if (h->ssl_version.n > 0)
		(void)strncat(text, h->ssl_version.p, h->ssl_version.n);
	add_span(text, "cipher=", h->ssl_cipher);
	add_span(text, "cn=", h->ssl_cn);
	if (h->is_verified)
		(void)strcat(text, " verified");
	add_span(text, "aws=", h->aws_vpce_id);
	if (h->azure_pel_id.is_there)
		(void)sprintf(text + strlen(text), " azure=%" PRIu64,
		    h->azure_pel_id.value);
	if (h->gcp_conn_id.is_there)
		(void)sprintf(text + strlen(text), " gcp=%" PRIu64,
		    h->gcp_conn_id.value);
}

void
proxy_header_check_text(const struct proxy_header *h, size_t used, char *text)
{
	(void)sprintf(text, "%u", h->version);
	if (h->is_local) {
		ck_assert_int_eq(h->source.family, AF_UNSPEC);
		ck_assert_int_eq(h->destination.family, AF_UNSPEC);
		(void)strcat(text, " local");
	} else {
		add_end(text, &h->source, h->source_port);
		add_end(text, &h->destination, h->destination_port);
	}
	(void)sprintf(text + strlen(text), " used=%zu", used);
	add_tlvs(text, h);
}

static void
check_answer(const struct proxy_header_row *r, const char *how, struct span in)
{
	struct proxy_header	 h = { .version = UNTOUCHED };
	char			 text[TEXT_SIZE];
	size_t			 used = UNTOUCHED;
	struct err		 err = { "" };
	enum proxy_header_result got;

	got = proxy_header_find(in.p, in.n, &h, &used, &err);
	ck_assert_msg(got == r->want, "%s, %s: got %d (%s), want %d", r->name,
	    how, got, err.text, r->want);
	if (got == DONE) {
		proxy_header_check_text(&h, used, text);
		ck_assert_msg(strcmp(text, r->want_text) == 0,
		    "%s, %s: got \"%s\", want \"%s\"", r->name, how, text,
		    r->want_text);
		return;
	}
	ck_assert_msg(h.version == UNTOUCHED && used == UNTOUCHED,
	    "%s, %s: wrote a result", r->name, how);
	ck_assert_msg(got == MORE ? err.text[0] == '\0' :
	    strstr(err.text, r->want_text) != NULL,
	    "%s, %s: said \"%s\"", r->name, how, err.text);
	ck_assert_int_eq(proxy_header_find(in.p, in.n, &h, &used, NULL), got);
}

/* Fed one byte more at a time, it asks for more until it has its answer. */
static void
check_bytewise(const struct proxy_header_row *r, struct span in)
{
	struct proxy_header	 h;
	size_t			 used = 0, n;
	enum proxy_header_result got = MORE;

	for (n = 0; n <= in.n && got == MORE; n++)
		got = proxy_header_find(in.p, n, &h, &used, NULL);
	ck_assert_msg(got == r->want, "%s, bytewise: got %d, want %d",
	    r->name, got, r->want);
	ck_assert_msg(got != DONE || used == n - 1,
	    "%s, bytewise: used %zu of %zu", r->name, used, n - 1);
}

void
proxy_header_check(const struct proxy_header_row *r, struct span in)
{
	char	*edge = edge_copy(in.p, in.n);

	check_answer(r, "whole", in);
	check_answer(r, "edge", (struct span){ edge, in.n });
	check_bytewise(r, in);
	edge_free(edge, in.n);
}
