/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_fuzz: what is read is fit to be shown, folding does not change it;
 * and no HELO, in no server's form, is taken for the client.
 */
#include "received/received.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define SIZE_MAX_HERE	4096

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* '#' is where the input goes. */
static const char *const	forms[] = {
	"from # (r.example [192.0.2.1]) by mx (Postfix) with ESMTP id 1; x",
	"from # ([192.0.2.1] (may be forged)) by mx (8.17.1/8.17.1) id 1; x",
	"from r.example ([192.0.2.1] helo=#) by mx with esmtp (Exim 4); x",
	("from [192.0.2.1] (helo=#) by mx with esmtp (Exim 4) (envelope-from "
	    "<\")\"@a>); x"),
	"from # (192.0.2.1) by mx (198.51.100.7) with Microsoft SMTP Server; x",
	"from unknown (HELO #) (192.0.2.1) by mx with SMTP; x",
	"from r.example (HELO #) ([192.0.2.1]) by mx with SMTP; x",
	"from [192.0.2.1] (HELO #) by mx (CommuniGate Pro 6) with SMTP; x",
	"from # [192.0.2.1] by mx (envelope-from <\")\"@a>) id 1; x",
	"from # ([192.0.2.1]) by mx (envelope-from <\")) by a (\"@a>) id 1; x",
};

static bool
is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 33 || *s > 126)
			return false;
	return true;
}

static void
check_fit(const struct received *got)
{
	assert(got->addr.family == AF_INET || got->addr.family == AF_INET6);
	assert(got->name[0] == '\0' || hostname_valid(span_of(got->name)));
	assert(strlen(got->helo) <= RECEIVED_HELO_MAX);
	assert(is_printable(got->helo));
}

/* The same header folded at every blank is the same. */
static void
check_folded(struct span in, enum received_result result,
    const struct received *want)
{
	char		*text = malloc(in.n * 3 + 1);
	size_t		 i, n = 0;
	struct received	 got;

	if (text == NULL)
		return;
	for (i = 0; i < in.n; i++) {
		if (in.p[i] == ' ' && (i == 0 || in.p[i - 1] != '\n')) {
			text[n++] = '\r';
			text[n++] = '\n';
		}
		text[n++] = in.p[i];
	}
	assert(received_parse((struct span){ text, n }, &got) == result);
	if (result == RECEIVED_DONE)
		assert(memcmp(&got, want, sizeof(got)) == 0);
	free(text);
}

static void
check_form(const char *form, struct span helo)
{
	static const struct address	 client = {
		.bytes = { 192, 0, 2, 1 }, .family = AF_INET
	};
	size_t				 before = strcspn(form, "#");
	size_t				 after = strlen(form) - before - 1;
	char				*text = malloc(before + helo.n + after);
	struct received			 got;

	if (text == NULL)
		return;
	memcpy(text, form, before);
	if (helo.n > 0)
		memcpy(text + before, helo.p, helo.n);
	memcpy(text + before + helo.n, form + before + 1, after);
	if (received_parse((struct span){ text, before + helo.n + after },
	    &got) == RECEIVED_DONE)
		assert(address_equal(&got.addr, &client));
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span		 in = { (const char *)data, size };
	struct received		 got, untouched;
	enum received_result	 result;
	size_t			 i;

	if (size > SIZE_MAX_HERE)
		return 0;
	memset(&got, 'x', sizeof(got));
	untouched = got;
	result = received_parse(in, &got);
	if (result == RECEIVED_DONE)
		check_fit(&got);
	else
		assert(memcmp(&got, &untouched, sizeof(got)) == 0);
	if (size == 0 || memchr(data, '\r', size) == NULL)
		check_folded(in, result, &got);
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		check_form(forms[i], in);
	return 0;
}
