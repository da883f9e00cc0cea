/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_check: one header, in all its ways.
 */
#include "received_check.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge.h"

static void
check_row(const struct received_row *r, const char *how, struct span in)
{
	struct received		 got, untouched;
	enum received_result	 result;
	char			 text[ADDRESS_TEXT_SIZE];

	memset(&got, 'x', sizeof(got));
	memset(&untouched, 'x', sizeof(untouched));
	result = received_parse(in, &got);
	ck_assert_msg(result == r->result, "%s, %s: got \"%s\", want \"%s\"",
	    r->title, how, received_result_text(result),
	    received_result_text(r->result));
	if (result != RECEIVED_DONE) {
		ck_assert_msg(memcmp(&got, &untouched, sizeof(got)) == 0,
		    "%s, %s: written", r->title, how);
		return;
	}
	address_format(&got.addr, text, sizeof(text));
	ck_assert_msg(strcmp(text, r->want) == 0 &&
	    strcmp(got.name, r->name) == 0 && strcmp(got.helo, r->helo) == 0,
	    "%s, %s: got %s \"%s\" \"%s\", want %s \"%s\" \"%s\"", r->title,
	    how, text, got.name, got.helo, r->want, r->name, r->helo);
}

/* Folds at each blank alone, then at all of them. */
static void
check_folded(const struct received_row *r, const char *fold)
{
	size_t	 n = strlen(r->in), at, i, len;
	char	*text = malloc(n * 3 + 1);

	ck_assert_ptr_nonnull(text);
	for (at = 0; at <= n; at++) {
		if (at < n && r->in[at] != ' ')
			continue;
		for (i = 0, len = 0; i < n; i++) {
			bool	 here = i == at || (at == n &&
				    r->in[i] == ' ');

			len += (size_t)sprintf(text + len, "%s%c",
			    here ? fold : "", r->in[i]);
		}
		check_row(r, "folded", (struct span){ text, len });
	}
	free(text);
}

/*
 * What is cut off yields the same address or none, and the same name or none.
 * No parser can tell this of headers that are whole before HELO ends.
 */
static void
check_cut(const struct received_row *r, bool is_first_whole)
{
	struct received	 whole, got;
	size_t		 n = strlen(r->in), cut;
	bool		 has_whole;
	char		*edge, text[ADDRESS_TEXT_SIZE];

	has_whole = received_parse(span_of(r->in), &whole) == RECEIVED_DONE;
	for (cut = 0; cut < n; cut++) {
		edge = edge_copy(r->in, cut);
		if (received_parse((struct span){ edge, cut }, &got) ==
		    RECEIVED_DONE && !is_first_whole)
			ck_assert_msg(strcmp(has_whole ? r->want : "192.0.2.1",
			    address_format(&got.addr, text, sizeof(text))) ==
			    0 && (got.name[0] == '\0' || !has_whole ||
			    strcmp(got.name, whole.name) == 0),
			    "%s, cut at %zu: %s \"%s\"", r->title, cut, text,
			    got.name);
		edge_free(edge, cut);
	}
}

void
received_check(const struct received_row *r, bool is_first_whole)
{
	size_t	 n = strlen(r->in);
	char	*edge = edge_copy(r->in, n);

	check_row(r, "whole", span_of(r->in));
	check_row(r, "edge", (struct span){ edge, n });
	edge_free(edge, n);
	check_folded(r, "\r\n");
	check_folded(r, "\n");
	check_cut(r, is_first_whole);
}
