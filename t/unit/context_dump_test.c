/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_dump_test: what the lines are, that they keep their limits, and that
 * a reader who goes by the rules in the header gets the pairs back.
 */
#include "session/context_dump.h"

#include <stdio.h>
#include <stdlib.h>

#include "session/context_view.h"
#include "t/lib/runner.h"

#define X10		"xxxxxxxxxx"
#define X100		X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X400		X100 X100 X100 X100
#define ROW_PAIRS	4
#define SHORT_LINE	500
#define AROUND_LINE	12

static struct context_view	 connection, message;
static struct context_dump	 dump;

static void
add(struct context_view *view, const char *name, struct span value)
{
	view->v[view->n++] = (struct context_item){ name, value };
}

static const struct row {
	const char	*name, *connection[ROW_PAIRS][2],
			*message[ROW_PAIRS][2];
	const char	*want[5];
} rows[] = {
	{ "nothing", { { NULL } }, { { NULL } }, { "XDUMPCONTEXT complete" } },
	{ "a plain value stands as it is",
	    { { "ehlo_domain", "there" } }, { { NULL } },
	    { "[connection] ehlo_domain there", "XDUMPCONTEXT complete" } },
	{ "the message comes last",
	    { { "b", "2" }, { "a", "1" } }, { { "mailfrom", "x@y.example" } },
	    { "[connection] b 2", "[connection] a 1",
	    "[message] mailfrom x@y.example", "XDUMPCONTEXT complete" } },
	{ "a message alone", { { NULL } }, { { "rcpt_count", "1" } },
	    { "[message] rcpt_count 1", "XDUMPCONTEXT complete" } },
	{ "an address literal, IPv6",
	    { { "a", "[192.0.2.1]" }, { "b", "2001:db8::1" } }, { { NULL } },
	    { "[connection] a [192.0.2.1]", "[connection] b 2001:db8::1",
	    "XDUMPCONTEXT complete" } },
	{ "nothing behind an empty value", { { "a", "" }, { "b", "1" } },
	    { { NULL } },
	    { "[connection] a", "[connection] b 1",
	    "XDUMPCONTEXT complete" } },
	{ "no format, no line",
	    { { "a", "100%s" }, { "b", "x\r\ny z" }, { "c", "+=\\\x7f" } },
	    { { NULL } },
	    { "[connection] a 100%%s", "[connection] b x+0D+0Ay z",
	    "[connection] c +=\\+7F", "XDUMPCONTEXT complete" } },
	{ "blanks are what they are",
	    { { "a", " " }, { "b", "  x  y  " }, { "c", "EHLO there" } },
	    { { NULL } },
	    { "[connection] a  ", "[connection] b   x  y  ",
	    "[connection] c EHLO there", "XDUMPCONTEXT complete" } },
	{ "a plus is one, unless it would be read as something else",
	    { { "a", "joe+2024@x" }, { "b", "+1F+20+2A+2B+2C+5A+5B+5C" },
	    { "c", "+7E+7F+80+FF" }, { "d", "++2b+2++2B+0" } },
	    { { NULL } },
	    { "[connection] a joe+2024@x",
	    "[connection] b +2B1F+20+2A+2B2B+2C+5A+2B5B+5C",
	    "[connection] c +7E+2B7F+2B80+2BFF",
	    "[connection] d ++2b+2++2B2B+0", "XDUMPCONTEXT complete" } },
	{ "no pair in a value",
	    { { "a", "[connection]" }, { "b", "x[message] y" },
	    { "c", "[messag]" }, { "d", "[Connection][connection" } },
	    { { NULL } },
	    { "[connection] a +5Bconnection]",
	    "[connection] b x+5Bmessage] y", "[connection] c [messag]",
	    "[connection] d [Connection][connection",
	    "XDUMPCONTEXT complete" } },
	{ "as long as a line may be",
	    { { "a", X400 X10 X10 X10 X10 X10 X10 X10 X10 "xxxxx" } },
	    { { NULL } },
	    { "[connection] a " X400 X10 X10 X10 X10 X10 X10 X10 X10 "xxxxx",
	    "XDUMPCONTEXT complete" } },
	{ "one character more",
	    { { "a", X400 X10 X10 X10 X10 X10 X10 X10 X10 "xxxxxz" },
	    { "b", "1" } }, { { NULL } },
	    { "[connection] a " X400 X10 X10 X10 X10 X10 X10 X10 X10 "xxxxx",
	    "[connection] a z", "[connection] b 1",
	    "XDUMPCONTEXT complete" } },
	{ "an encoded byte is not broken",
	    { { "a", X400 X10 X10 X10 X10 X10 X10 X10 X10 "xxx\tz" } },
	    { { NULL } },
	    { "[connection] a " X400 X10 X10 X10 X10 X10 X10 X10 X10 "xxx",
	    "[connection] a +09z", "XDUMPCONTEXT complete" } },
};

static void
fill_view(struct context_view *view, const char *const pairs[ROW_PAIRS][2])
{
	int	 i;

	view->n = 0;
	for (i = 0; i < ROW_PAIRS && pairs[i][0] != NULL; i++)
		add(view, pairs[i][0], span_of(pairs[i][1]));
}

START_TEST(row_is_laid_out)
{
	const struct row	*r = &rows[_i];
	unsigned		 i;

	fill_view(&connection, r->connection);
	fill_view(&message, r->message);
	memset(&dump, 'x', sizeof(dump));
	context_dump_lay(&connection, &message, CONTEXT_DUMP_BY_MILTER,
	    CONTEXT_DUMP_POSTFIX, &dump);
	ck_assert_msg(dump.is_complete, "%s", r->name);
	for (i = 0; i < dump.n; i++)
		ck_assert_msg(i < 5 && r->want[i] != NULL &&
		    strcmp(dump.line[i], r->want[i]) == 0,
		    "%s, line %u: got \"%s\"", r->name, i, dump.line[i]);
	ck_assert_msg(i == 5 || r->want[i] == NULL, "%s: got %u lines",
	    r->name, dump.n);
}
END_TEST

START_TEST(views_may_be_missing)
{
	context_dump_lay(NULL, NULL, CONTEXT_DUMP_BY_MILTER,
	    CONTEXT_DUMP_POSTFIX, &dump);
	ck_assert(dump.is_complete && dump.n == 1);
	ck_assert_str_eq(dump.line[0], "XDUMPCONTEXT complete");
}
END_TEST

static const struct server_row {
	const char	*name, *value, *want[3];
} server_rows[] = {
	{ "a format", "100%s", { "[connection] a 100%s" } },
	{ "a tag", "[message] b [connection]",
	    { "[connection] a [message] b [connection]" } },
	{ "not printable", "\t+09", { "[connection] a +09+2B09" } },
	{ "too long for a line", X400 X100 " x",
	    { "[connection] a " X400 X10 X10 X10 X10 X10 X10 X10 X10 "xxxxx",
	    "[connection] a xxxxxxxxxxxxxxx x" } },
};

/* Where nobody else has a hand in the reply, a line has one pair. */
START_TEST(server_row_is_laid_out)
{
	const struct server_row	*r = &server_rows[_i];
	unsigned		 i;

	connection.n = 0;
	add(&connection, "a", span_of(r->value));
	context_dump_lay(&connection, NULL, CONTEXT_DUMP_BY_SERVER, SIZE_MAX,
	    &dump);
	ck_assert(dump.is_complete);
	for (i = 0; r->want[i] != NULL; i++)
		ck_assert_msg(strcmp(dump.line[i], r->want[i]) == 0,
		    "%s, line %u: got \"%s\"", r->name, i, dump.line[i]);
	ck_assert_uint_eq(dump.n, i + 1);
	ck_assert_str_eq(dump.line[i], "XDUMPCONTEXT complete");
}
END_TEST

/* What a reader makes of the lines. */
struct pair {
	const char	*tag;
	char		 name[CONTEXT_NAME_MAX + 1];
	char		 text[3 * CONTEXT_VALUE_MAX + 1];
};

static struct pair	 pairs[CONTEXT_VIEW_MAX * 2];
static unsigned		 npairs;

static const char	*const tags[] = { "[connection] ", "[message] " };

/* The tag that text begins with; NULL: none. */
static const char *
tag_of(const char *text)
{
	size_t	 i;

	for (i = 0; i < NELEM(tags); i++)
		if (strncmp(text, tags[i], strlen(tags[i])) == 0)
			return tags[i];
	return NULL;
}

static struct pair *
pair_of(const char *tag, const char *name)
{
	unsigned	 i;

	for (i = 0; i < npairs; i++)
		if (pairs[i].tag == tag && strcmp(pairs[i].name, name) == 0)
			return &pairs[i];
	ck_assert_uint_lt(npairs, NELEM(pairs));
	pairs[npairs].tag = tag;
	pairs[npairs].text[0] = '\0';
	ck_assert_uint_le(strlen(name), CONTEXT_NAME_MAX);
	strcpy(pairs[npairs].name, name);
	return &pairs[npairs++];
}

/* The blank in front of the next pair of a line, or its end. */
static const char *
end_of_pair(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == ' ' && tag_of(text + 1) != NULL)
			break;
	return text;
}

static void
read_line(const char *text)
{
	while (*text != '\0') {
		const char	*tag = tag_of(text), *end;
		char		 name[CONTEXT_NAME_MAX + 1];
		struct pair	*pair;
		size_t		 n;

		ck_assert_msg(tag != NULL, "no pair: \"%s\"", text);
		text += strlen(tag);
		end = end_of_pair(text);
		n = strcspn(text, " ");
		ck_assert_uint_le(n, CONTEXT_NAME_MAX);
		(void)snprintf(name, sizeof(name), "%.*s", (int)n, text);
		pair = pair_of(tag, name);
		text += n;
		if (text < end)
			text++;
		n = strlen(pair->text);
		ck_assert_uint_lt(n + (size_t)(end - text),
		    sizeof(pair->text));
		memcpy(pair->text + n, text, (size_t)(end - text));
		pair->text[n + (size_t)(end - text)] = '\0';
		text = *end == '\0' ? end : end + 1;
	}
}

static int
hex(char ch)
{
	static const char	 digits[] = "0123456789ABCDEF";
	const char		*at = ch == '\0' ? NULL : strchr(digits, ch);

	return at == NULL ? -1 : (int)(at - digits);
}

/* What was encoded, decoded; "%%" is the milter's '%'. */
static size_t
decode(const char *text, char *value)
{
	size_t	 n = 0;

	for (; *text != '\0'; text++) {
		int	 high = text[0] == '+' ? hex(text[1]) : -1;
		int	 low = high < 0 ? -1 : hex(text[2]);
		int	 octet = low < 0 ? ' ' : high * 16 + low;

		if (octet < 32 || octet > 126 || octet == '+' ||
		    octet == '[') {
			value[n++] = (char)octet;
			text += 2;
			continue;
		}
		value[n++] = *text;
		if (text[0] == '%' && text[1] == '%')
			text++;
	}
	return n;
}

/* The pairs, and the number of those that are said to be left out. */
static unsigned
read_dump(void)
{
	const char	*last = dump.line[dump.n - 1];
	unsigned	 i, nleft = 0;
	char		 want[64];

	npairs = 0;
	for (i = 0; i + 1 < dump.n; i++)
		read_line(dump.line[i]);
	if (dump.is_complete) {
		ck_assert_str_eq(last, "XDUMPCONTEXT complete");
		return 0;
	}
	ck_assert_int_eq(sscanf(last, "XDUMPCONTEXT incomplete: %u more",
	    &nleft), 1);
	snprintf(want, sizeof(want), "XDUMPCONTEXT incomplete: %u more pair%s",
	    nleft, nleft == 1 ? "" : "s");
	ck_assert_str_eq(last, want);
	ck_assert_uint_gt(nleft, 0);
	return nleft;
}

/* What was read is what was there, in order; returns how many were not. */
static unsigned
compare_view(const char *tag, const struct context_view *view, unsigned *at)
{
	static char	 value[sizeof(pairs[0].text)];
	unsigned	 i, nmissing = 0;
	size_t		 len;

	for (i = 0; i < view->n; i++) {
		if (*at == npairs || pairs[*at].tag != tag ||
		    strcmp(pairs[*at].name, view->v[i].name) != 0) {
			nmissing++;
			continue;
		}
		len = decode(pairs[*at].text, value);
		ck_assert_uint_eq(len, view->v[i].value.n);
		ck_assert(len == 0 ||
		    memcmp(value, view->v[i].value.p, len) == 0);
		++*at;
	}
	return nmissing;
}

/* Printable ASCII, and no format but "%%". */
static bool
is_harmless(const char *line)
{
	for (; *line != '\0'; line++)
		if (*line < 32 || *line > 126 || (*line == '%' &&
		    *++line != '%'))
			return false;
	return true;
}

static void
check_limits(size_t octets_max)
{
	size_t		 octets = 0, len;
	unsigned	 i;

	ck_assert_uint_ge(dump.n, 1);
	ck_assert_uint_le(dump.n, CONTEXT_DUMP_LINES);
	for (i = 0; i < dump.n; i++) {
		len = strlen(dump.line[i]);
		ck_assert_uint_gt(len, 0);
		ck_assert_uint_le(len, CONTEXT_DUMP_LINE_MAX);
		ck_assert_msg(is_harmless(dump.line[i]), "line %u", i);
		octets += len + AROUND_LINE;
	}
	ck_assert_uint_le(octets, octets_max);
}

static void
check_way_back(size_t octets_max)
{
	unsigned	 at = 0, nleft, nmissing;

	check_limits(octets_max);
	nleft = read_dump();
	nmissing = compare_view(tags[0], &connection, &at);
	nmissing += compare_view(tags[1], &message, &at);
	ck_assert_uint_eq(at, npairs);
	ck_assert_uint_eq(nmissing, nleft);
}

START_TEST(every_byte_comes_back)
{
	char	 all[256];
	int	 i;

	for (i = 0; i < 256; i++)
		all[i] = (char)i;
	connection.n = message.n = 0;
	add(&connection, "all", (struct span){ all, 256 });
	for (i = 0; i < 17; i++)
		add(&message, context_name_of_builtin(i),
		    (struct span){ all + 15 * i, 15 });
	context_dump_lay(&connection, &message, CONTEXT_DUMP_BY_MILTER,
	    CONTEXT_DUMP_SENDMAIL, &dump);
	ck_assert(dump.is_complete);
	check_way_back(CONTEXT_DUMP_SENDMAIL);
}
END_TEST

static uint64_t	 state;

/* The same numbers in each run. */
static unsigned
next_random(unsigned below)
{
	state = state * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(state >> 33) % below;
}

static char	 pool[65536];	/* names and values of a random context */
static size_t	 pool_used;

static const char *
random_name(unsigned i)
{
	char		*name = pool + pool_used;
	size_t		 len;

	len = (size_t)sprintf(name, "n%u", i);
	if (next_random(3) == 0)
		while (len < 3 + next_random(CONTEXT_NAME_MAX - 2))
			name[len++] = '_';
	name[len] = '\0';
	pool_used += len + 1;
	return name;
}

static struct span
random_value(size_t max)
{
	static const char	*const ends[] = { "[connection]", "[message]",
				    "[connection] n1 ", "[", "+", "+0",
				    "+0A", "+2B", " ", "  " };
	char			*value = pool + pool_used;
	unsigned		 kind = next_random(4);
	size_t			 i, n = 0;

	if (kind == 0 && max > 0)
		n = next_random(4);
	else if (max > 0)
		n = 1 + next_random((unsigned)max);
	if (n > max)
		n = max;
	for (i = 0; i < n; i++)
		value[i] = kind == 1 ? (char)next_random(256) :
		    next_random(5) == 0 ? ' ' : (char)('a' + next_random(26));
	if (kind >= 2 && next_random(4) == 0) {
		const char	*tag = ends[next_random(NELEM(ends))];

		if (strlen(tag) <= n)
			memcpy(value + n - strlen(tag), tag, strlen(tag));
	}
	pool_used += n;
	return (struct span){ value, n };
}

/* A context of at most 128 pairs and 16 KiB, and some pairs of a message. */
static void
fill_randomly(void)
{
	unsigned	 i, n = next_random(CONTEXT_PAIRS_MAX + 1);
	size_t		 most = 1 + next_random(1024);

	pool_used = 0;
	connection.n = message.n = 0;
	for (i = 0; i < n && pool_used < 16384 - 1100; i++)
		add(&connection, random_name(i), random_value(most));
	for (i = CONTEXT_MAILFROM; i < CONTEXT_BUILTIN_COUNT; i++)
		if (next_random(2))
			add(&message, context_name_of_builtin(i),
			    random_value(100));
}

/* At most so much room it takes, were there but one line. */
static size_t
length_of(const struct context_view *view, const char *tag)
{
	size_t		 j, sum = 0;
	unsigned	 i;

	for (i = 0; i < view->n; i++) {
		const struct span	 v = view->v[i].value;

		for (j = 0; j < v.n; j++)
			sum += v.p[j] < 32 || v.p[j] > 126 ||
			    strchr("%[+", v.p[j]) != NULL ? 3 : 1;
		sum += strlen(tag) + strlen(view->v[i].name) + 3;
	}
	return sum;
}

/* Each line but the last may lose so much: the pair's beginning said again,
 * and a blank and two bytes of an encoded one that stay unused. */
#define LOST_MAX	(13 + CONTEXT_NAME_MAX + 1 + 4)

START_TEST(random_contexts_come_back)
{
	size_t	 octets_max = _i % 2 ? CONTEXT_DUMP_SENDMAIL :
		    CONTEXT_DUMP_POSTFIX;
	size_t	 len;
	int	 i;

	state = (uint64_t)_i / 2;
	for (i = 0; i < 20; i++) {
		fill_randomly();
		context_dump_lay(&connection, &message, CONTEXT_DUMP_BY_MILTER,
		    octets_max, &dump);
		check_way_back(octets_max);
		len = length_of(&connection, tags[0]) +
		    length_of(&message, tags[1]);
		if (len <= (CONTEXT_DUMP_LINES - 1) * (SHORT_LINE - LOST_MAX))
			ck_assert(dump.is_complete);
		if (octets_max == CONTEXT_DUMP_POSTFIX && len <=
		    (CONTEXT_DUMP_LINES - 1) *
		    (CONTEXT_DUMP_LINE_MAX - LOST_MAX))
			ck_assert(dump.is_complete);
	}
}
END_TEST

static size_t
longest_line(void)
{
	size_t		 len, longest = 0;
	unsigned	 i;

	for (i = 0; i < dump.n; i++)
		if ((len = strlen(dump.line[i])) > longest)
			longest = len;
	return longest;
}

static char	 xs[1024];

/* n pairs with values of len bytes each. */
static void
fill_evenly(unsigned n, size_t len)
{
	unsigned	 i;

	pool_used = 0;
	connection.n = message.n = 0;
	memset(xs, 'x', sizeof(xs));
	for (i = 0; i < n; i++) {
		char	*name = pool + pool_used;

		pool_used += (size_t)sprintf(name, "n%03u", i) + 1;
		add(&connection, name, (struct span){ xs, len });
	}
}

/* "[connection] n000 " are 18 characters. */
static const struct size_row {
	const char	*name;
	unsigned	 n;
	size_t		 len, octets_max;
	unsigned	 want_lines, want_left;
	size_t		 want_longest;
} size_rows[] = {
	{ "one a line", 31, 10, CONTEXT_DUMP_POSTFIX, 32, 0, 28 },
	{ "several a line", 32, 10, CONTEXT_DUMP_POSTFIX, 3, 0, 492 },
	{ "several a line, none of them broken", 32, 100,
	    CONTEXT_DUMP_POSTFIX, 9, 0, 475 },
	{ "two a line, as short as lines are", 62, 231, CONTEXT_DUMP_POSTFIX,
	    32, 0, 499 },
	{ "lines of 512 octets are filled to the end before longer ones are "
	    "made", 54, 256, CONTEXT_DUMP_POSTFIX, 32, 0, 500 },
	{ "longer lines", 93, 300, CONTEXT_DUMP_POSTFIX, 32, 0, 956 },
	{ "longer lines, filled", 94, 290, CONTEXT_DUMP_POSTFIX, 32, 0, 980 },
	{ "not for Sendmail", 93, 300, CONTEXT_DUMP_SENDMAIL, 18, 44, 980 },
	{ "the last pair is left out", 31, 962, 31 * 992 + 59, 31, 1, 980 },
	{ "nothing is left out", 31, 962, 31 * 992 + 60, 32, 0, 980 },
	{ "one is left out of too many", 32, 962, CONTEXT_DUMP_POSTFIX, 32, 1,
	    980 },
	{ "no room for any", 3, 1000, 256, 1, 3, 37 },
};

START_TEST(layout_goes_by_size)
{
	const struct size_row	*r = &size_rows[_i];
	unsigned		 nleft;

	fill_evenly(r->n, r->len);
	context_dump_lay(&connection, NULL, CONTEXT_DUMP_BY_MILTER,
	    r->octets_max, &dump);
	check_way_back(r->octets_max);
	nleft = read_dump();
	ck_assert_msg(dump.n == r->want_lines && nleft == r->want_left &&
	    longest_line() == r->want_longest,
	    "%s: got %u lines of at most %zu, %u left out", r->name, dump.n,
	    longest_line(), nleft);
}
END_TEST

/* Two of these pairs are 501 characters. */
START_TEST(one_character_too_many_for_a_line)
{
	unsigned	 i;

	fill_evenly(20, 232);
	for (i = CONTEXT_SESSION; i < CONTEXT_BUILTIN_COUNT; i++)
		add(&message, context_name_of_builtin(i), span_of("1"));
	context_dump_lay(&connection, &message, CONTEXT_DUMP_BY_MILTER,
	    CONTEXT_DUMP_POSTFIX, &dump);
	check_way_back(CONTEXT_DUMP_POSTFIX);
	ck_assert(dump.is_complete);
	for (i = 0; i < 20; i++) {
		ck_assert_ptr_eq(strstr(dump.line[i], "[connection]"),
		    dump.line[i]);
		ck_assert_ptr_null(strstr(dump.line[i] + 1, "[connection]"));
	}
	ck_assert_uint_eq(dump.n, 22);
}
END_TEST

START_TEST(smaller_pairs_fill_what_is_left)
{
	fill_evenly(3, 200);
	connection.v[1].value.n = 900;
	add(&message, "queue_id", span_of("4T0"));
	context_dump_lay(&connection, &message, CONTEXT_DUMP_BY_MILTER, 600,
	    &dump);
	check_way_back(600);
	ck_assert_uint_eq(npairs, 3);
	ck_assert_str_eq(pairs[1].name, "n002");
	ck_assert_str_eq(dump.line[dump.n - 1],
	    "XDUMPCONTEXT incomplete: 1 more pair");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("context_dump");

	tcase_add_loop_test(tc, row_is_laid_out, 0, NELEM(rows));
	tcase_add_loop_test(tc, server_row_is_laid_out, 0,
	    NELEM(server_rows));
	tcase_add_test(tc, views_may_be_missing);
	tcase_add_test(tc, every_byte_comes_back);
	tcase_add_loop_test(tc, random_contexts_come_back, 0, 20);
	tcase_add_loop_test(tc, layout_goes_by_size, 0, NELEM(size_rows));
	tcase_add_test(tc, one_character_too_many_for_a_line);
	tcase_add_test(tc, smaller_pairs_fill_what_is_left);
	return runner_run("context_dump", tc);
}
