/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_fuzz: a mailbox of any octets.  Its messages are apart and in order,
 * and nothing but "From " lines and empty lines is between them; what is read of
 * each is within it, and is fit to be said.
 */
#include "base/durable.h"
#include "ctl/inject_body.h"
#include "ctl/inject_envelope.h"
#include "ctl/inject_mbox.h"
#include "ctl/inject_origin.h"
#include "ctl/inject_source_private.h"

#include <sys/mman.h>

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_origin(int fd, off_t begin, off_t end)
{
	static struct inject_rule	 rules[3] = {
		{ .how = INJECT_BY_COUNT, .count = 1, .has_login = true },
		{ .how = INJECT_BY_HEADER, .header = "X-Originating-IP" },
	};
	static char			 mine[] = "192.0.2.0/24,*.example.net";
	static bool			 is_made;
	struct inject_origin		 o;
	enum inject_origin_result	 result;
	struct assertion_set		 set;
	char				 line[ASSERTION_LINE_MAX + 1];
	size_t				 i, len;

	if (!is_made)
		assert(inject_origin_mine(&rules[2], mine, NULL) == 0);
	is_made = true;
	for (i = 0; i < 3; i++) {
		result = inject_origin_find(&rules[i], fd, begin, end, &o);
		assert(result != INJECT_ORIGIN_FAILED);
		assert(o.offset >= begin && o.offset <= end);
		if (result == INJECT_ORIGIN_FOUND)
			assert(address_is_public(&o.from.addr) && o.line > 0);
		else
			assert(o.why[0] != '\0');
		inject_origin_assert(&o, result, &set);
		assert(assertion_print(&set, line, sizeof line, &len));
		assert(span_is_printable((struct span){ line, len }));
	}
}

static void
check_envelope(int fd, off_t begin, off_t end)
{
	struct inject_envelope	 env;

	assert(inject_envelope_read(fd, begin, end, NULL, &env));
	assert(env.sender[0] == '\0' ||
	    inject_envelope_valid(span_of(env.sender)));
	assert(env.rcpt[0] == '\0' ||
	    inject_envelope_valid(span_of(env.rcpt)));
}

/* However it is read, a quoted message is at most its ">" shorter. */
static void
check_body(int fd, off_t begin, off_t end)
{
	struct inject_item	 item = { .fd = fd, .begin = begin,
		.end = end, .is_quoted = true };
	struct inject_body	 body;
	char			 one, buf[64];
	off_t			 by_one = 0, by_many = 0;
	ssize_t			 n;

	assert(inject_source_digest(&item, NULL) == 0);
	assert(inject_body_open(&body, &item));
	while ((n = inject_body_read(&body, &one, 1)) == 1)
		by_one++;
	assert(n == 0);
	inject_body_clear(&body);
	assert(inject_body_open(&body, &item));
	while ((n = inject_body_read(&body, buf, sizeof buf)) > 0)
		by_many += n;
	assert(n == 0 && by_one == by_many && by_one <= end - begin);
	inject_body_clear(&body);
}

static void
check_mbox(int fd, const char *data, size_t size)
{
	static struct inject_mbox	 m;
	off_t				 place, begin, end, next, last = 0;
	enum inject_mbox_result		 result;
	off_t				 i;

	inject_mbox_open(&m, fd, (off_t)size);
	while ((result = inject_mbox_next(&m, &place, &begin, &end, &next)) ==
	    INJECT_MBOX_MESSAGE) {
		assert(last == 0 || place == last);
		assert(place < begin && begin <= end && end <= next);
		assert(next <= (off_t)size && next - end <= 2);
		for (i = end; i < next; i++)
			assert(data[i] == '\r' || data[i] == '\n');
		last = next;
		check_origin(fd, begin, end);
		check_envelope(fd, begin, end);
	}
	assert(result != INJECT_MBOX_FAILED);
	assert(result != INJECT_MBOX_END || last == 0 || last == (off_t)size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int	 fd = memfd_create("mbox", MFD_CLOEXEC);

	assert(fd != -1);
	assert(durable_put(fd, (const char *)data, size) == 0);
	check_mbox(fd, (const char *)data, size);
	check_origin(fd, 0, (off_t)size);
	check_envelope(fd, 0, (off_t)size);
	check_body(fd, 0, (off_t)size);
	(void)close(fd);
	return 0;
}
