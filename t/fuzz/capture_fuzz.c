/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * capture_fuzz: a log of any octets becomes a file of cases that can be read, or
 * of comments, and says nothing but a client, a greeting and whom mail is from
 * and to.  The first octet is how much memory there is.
 */
#include "ctl/capture.h"
#include "ctl/suite.h"
#include "trust/assertion.h"

#include <sys/mman.h>

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_command(const struct suite_item *item)
{
	struct assertion_set	 set;
	struct err		 err;
	struct span		 rest = item->text, verb;

	assert(span_is_printable(item->text));
	(void)span_word(&rest, &verb);
	if (span_eq(verb, "XCLIENT")) {
		assert(assertion_parse(span_trim(rest), ASSERTION_XCLIENT,
		    XTEXT_STRICT, &set, &err) == ASSERTION_OK);
		assert(set.unsaid == 0);
		assert(set.v[ASSERTION_ADDR].status == ASSERTION_VALUE);
		return;
	}
	assert(item->text.n <= 510);
	rest = span_trim(rest);
	if (span_eq(verb, "MAIL")) {
		assert(span_begins(rest, "FROM:<"));
	} else if (span_eq(verb, "RCPT")) {
		assert(span_begins(rest, "TO:<"));
	} else if (span_eq(verb, "RSET")) {
		assert(rest.n == 0);
		return;
	} else {
		assert(span_eq(verb, "EHLO") || span_eq(verb, "HELO"));
		assert(rest.n > 0 && !span_has(rest, '>'));
		return;
	}
	assert(span_find(rest, '<') == memrchr(rest.p, '<', rest.n));
	assert(span_find(rest, '>') == rest.p + rest.n - 1);
}

static unsigned long
check_cases(int fd)
{
	struct suite		 suite;
	const struct suite_item	*item;
	char			 name[64];
	unsigned long		 n = 0;
	size_t			 i;

	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	suite_read(&suite, name);
	for (i = 0; i < suite.n; i++) {
		item = &suite.v[i];
		n += item->kind == SUITE_TITLE;
		if (item->kind == SUITE_EXPECT)
			(void)suite_reply_read(&suite, item);
		else if (item->kind == SUITE_COMMAND)
			check_command(item);
		else
			assert(item->kind == SUITE_TITLE);
	}
	suite_clear(&suite);
	return n;
}

static void
take_lines(struct capture *c, struct span log)
{
	struct log_entry	*e = malloc(sizeof *e);
	const char		*end;
	size_t			 n;

	assert(e != NULL);
	while (log.n > 0) {
		end = span_find(log, '\n');
		n = end == NULL ? log.n : (size_t)(end - log.p);
		log_entry_read((struct span){ log.p, n }, e);
		capture_take(c, e);
		log = span_skip(log, n + (end != NULL));
	}
	free(e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span	 log = { (const char *)data, size };
	struct capture	*c;
	FILE		*out;
	int		 fd;

	if (size == 0)
		return 0;
	fd = memfd_create("cases", MFD_CLOEXEC);
	assert(fd != -1);
	out = fdopen(dup(fd), "w");
	assert(out != NULL);
	c = capture_new(out, (size_t)data[0] * 256);
	take_lines(c, span_skip(log, 1));
	size = capture_end(c);
	assert(fclose(out) == 0);
	assert(check_cases(fd) == size);
	(void)close(fd);
	return 0;
}
