/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_reader_test: each form that a decision's line may have, among those of
 * others, whole and cut at each octet.
 */
#include "ctl/log_reader.h"

#include <stdio.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <zlib.h>

#include "daemon/log.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define PAIRS	"command=XCLIENT peer=192.0.2.1 action=permit " \
		"said=\"XCLIENT ADDR=203.0.113.7\" line=x"
#define TEXT	"session=01ID event=permit " PAIRS
#define JSON	"{\"time\":\"T\",\"program\":\"xcontext-policy\"," \
		"\"session\":\"01ID\",\"event\":\"permit\"," \
		"\"level\":\"info\",\"command\":\"XCLIENT\"," \
		"\"peer\":\"192.0.2.1\",\"pid\":7,\"report_only\":true," \
		"\"said\":\"XCLIENT ADDR=203.0.113.7\"}"
#define QUOTED	"{\\\"program\\\":\\\"xcontext-policy\\\"," \
		"\\\"event\\\":\\\"permit\\\",\\\"session\\\":\\\"01ID\\\"," \
		"\\\"command\\\":\\\"XCLIENT\\\"," \
		"\\\"said\\\":\\\"XCLIENT ADDR=203.0.113.7\\\"}"
#define SAID	"XCLIENT ADDR=203.0.113.7"

/* want: the time; NULL: it has none. */
static const struct row {
	const char		*name, *in;
	enum log_entry_kind	 want;
	const char		*time;
	bool			 is_whole;
} rows[] = {
	{ "by itself", TEXT, LOG_ENTRY_DECISION, NULL, true },
	{ "of standard error", "time=2026-11-30T12:00:00.000Z " TEXT,
	    LOG_ENTRY_DECISION, "2026-11-30T12:00:00.000Z", true },
	{ "of syslog", "Nov  3 12:00:00 mx xcontext-policy[4711]: " TEXT,
	    LOG_ENTRY_DECISION, "Nov  3 12:00:00", true },
	{ "of rsyslog", "2026-11-30T12:00:00.123456+01:00 mx "
	    "xcontext-milter[1]: " TEXT, LOG_ENTRY_DECISION,
	    "2026-11-30T12:00:00.123456+01:00", true },
	{ "without a number", "Nov 30 12:00:00 mx xcontext-relay: " TEXT,
	    LOG_ENTRY_DECISION, "Nov 30 12:00:00", true },
	{ "with the newline of another system", TEXT "\r",
	    LOG_ENTRY_DECISION, NULL, true },
	{ "as JSON", JSON, LOG_ENTRY_DECISION, "T", true },
	{ "as JSON, of syslog", "Nov 30 12:00:00 mx xcontext-policy[1]: " JSON,
	    LOG_ENTRY_DECISION, "T", true },
	{ "text, of the journal",
	    "{\"__REALTIME_TIMESTAMP\":\"1796040000000000\","
	    "\"SYSLOG_IDENTIFIER\":\"xcontext-policy\",\"MESSAGE\":"
	    "\"session=01ID event=permit command=XCLIENT "
	    "said=\\\"" SAID "\\\"\"}", LOG_ENTRY_DECISION,
	    "2026-11-30T12:00:00Z", true },
	{ "as JSON, of the journal",
	    "{\"__REALTIME_TIMESTAMP\":\"1796040000000000\","
	    "\"SYSLOG_IDENTIFIER\":\"xcontext-policy\",\"MESSAGE\":\""
	    QUOTED "\"}", LOG_ENTRY_DECISION, "2026-11-30T12:00:00Z", true },
	{ "another event", "event=start", LOG_ENTRY_EVENT, NULL, false },
	{ "what became of it", "session=01ID event=override command=XCLIENT "
	    "line=\"XCLIENT A\"", LOG_ENTRY_EVENT, NULL, false },
	{ "a session's refusal", "session=01ID event=refuse reason=mismatch",
	    LOG_ENTRY_EVENT, NULL, false },
	{ "log has cut it", "event=permit command=XCLIENT said=\"XCLIENT \""
	    "...", LOG_ENTRY_DECISION, NULL, false },
	{ "log has cut it behind that", "session=01ID event=permit "
	    "command=XCLIENT said=\"" SAID "\" line=x...", LOG_ENTRY_DECISION,
	    NULL, true },
	{ "nothing was left of it", "event=permit command=XCLIENT text=x...",
	    LOG_ENTRY_DECISION, NULL, false },
	{ "somebody has cut it between two", "event=permit command=XCLIENT",
	    LOG_ENTRY_DECISION, NULL, false },
	{ "somebody has cut what was said", "event=permit "
	    "command=XDUMPCONTEXT said=XDUMP", LOG_ENTRY_DECISION, NULL,
	    false },
	{ "bytes or letters", "{\"program\":\"xcontext-policy\","
	    "\"event\":\"permit\",\"command\":\"XCLIENT\","
	    "\"said\":\"XCLIENT NAME=\\\\xE4\"}", LOG_ENTRY_DECISION, NULL,
	    false },
	{ "as JSON, and not all", "{\"program\":\"xcontext-policy\","
	    "\"event\":\"permit\",\"command\":\"XCLIENT\","
	    "\"truncated\":true}", LOG_ENTRY_DECISION, NULL, false },
	{ "a value without end", "session=01ID event=permit said=\"XCLI",
	    LOG_ENTRY_DAMAGED, NULL, false },
	{ "no event", "session=01ID peer=192.0.2.1", LOG_ENTRY_DAMAGED, NULL,
	    false },
	{ "JSON without end", "Nov 30 12:00:00 mx xcontext-policy[1]: "
	    "{\"event\":\"per", LOG_ENTRY_DAMAGED, NULL, false },
	{ "a key twice", "{\"program\":\"xcontext-policy\",\"event\":\"a\","
	    "\"event\":\"b\"}", LOG_ENTRY_DAMAGED, NULL, false },
	{ "nothing", "", LOG_ENTRY_FOREIGN, NULL, false },
	{ "Postfix's", "Nov 30 12:00:00 mx postfix/smtpd[1]: connect from "
	    "unknown[192.0.2.1]", LOG_ENTRY_FOREIGN, NULL, false },
	{ "another's that looks like ours", "Nov 30 12:00:00 mx logger[1]: "
	    TEXT, LOG_ENTRY_FOREIGN, NULL, false },
	{ "another's JSON that looks like ours",
	    "Nov 30 12:00:00 mx logger[1]: " JSON, LOG_ENTRY_FOREIGN, NULL,
	    false },
	{ "what a client put into Postfix's",
	    "Nov 30 12:00:00 mx postfix/smtpd[1]: warning: xcontext-policy[1]:"
	    " " TEXT, LOG_ENTRY_FOREIGN, NULL, false },
	{ "of another in the journal",
	    "{\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"MESSAGE\":\"" QUOTED
	    "\"}", LOG_ENTRY_FOREIGN, NULL, false },
	{ "another's JSON", "{\"program\":\"other\",\"event\":\"permit\"}",
	    LOG_ENTRY_FOREIGN, NULL, false },
	{ "no JSON at all", "{event", LOG_ENTRY_FOREIGN, NULL, false },
	{ "a complaint of ours", "Nov 30 12:00:00 mx xcontext-policy[1]: "
	    "usage: xcontext-policy", LOG_ENTRY_FOREIGN, NULL, false },
};

static struct log_entry	 entry;

static void
read_edge(const char *in, size_t len)
{
	char	*edge = edge_copy(in, len);

	log_entry_read((struct span){ edge, len }, &entry);
	edge_free(edge, len);
}

START_TEST(a_line_is_what_it_is)
{
	const struct row	*row = &rows[_i];

	read_edge(row->in, strlen(row->in));
	ck_assert_msg(entry.kind == row->want, "%s: want %d, got %d (%s)",
	    row->name, row->want, entry.kind, entry.why);
	if (row->want == LOG_ENTRY_FOREIGN || row->want == LOG_ENTRY_DAMAGED)
		return;
	ck_assert_msg((row->time == NULL) == (entry.time == NULL) &&
	    (row->time == NULL || strcmp(row->time, entry.time) == 0),
	    "%s: time %s", row->name, entry.time);
	ck_assert_msg(entry.is_said_whole == row->is_whole, "%s: whole",
	    row->name);
	if (!row->is_whole)
		return;
	ck_assert_str_eq(entry.value[DECISION_KEY_SAID], SAID);
	ck_assert_str_eq(entry.session, "01ID");
}
END_TEST

/* What is left of a line is never taken for another command; but of one that
 * log itself has cut, the mark may be what is lost. */
START_TEST(cut_at_each_octet)
{
	const struct row	*row = &rows[_i];
	size_t			 len;

	if (strstr(row->in, "\"...") != NULL)
		return;
	for (len = 0; len < strlen(row->in); len++) {
		read_edge(row->in, len);
		ck_assert_msg(entry.kind != LOG_ENTRY_DECISION ||
		    !entry.is_said_whole ||
		    strcmp(entry.value[DECISION_KEY_SAID], SAID) == 0,
		    "%s: cut at %zu: %s", row->name, len,
		    entry.value[DECISION_KEY_SAID]);
	}
}
END_TEST

/* As the daemons write it, in both formats, and in any room. */
START_TEST(what_the_daemons_write)
{
	static const struct log_pair	 pairs[] = {
		{ "command", "XCLIENT" }, { "report_only", "true" },
		{ "pid", "17" }, { "said", SAID }, { "line", "a b\n" },
		{ NULL, NULL }
	};
	const enum conf_log_format	 format = _i == 0 ? CONF_LOG_TEXT :
					     CONF_LOG_JSON;
	const struct log_origin		 origin = { .now = { 0, 0 },
					     .program = "xcontext-relay" };
	char				 line[512];
	size_t				 size, n;

	for (size = 200; size < sizeof line; size++) {
		n = log_format_line(format, &origin, LOG_LEVEL_INFO, "01ID",
		    "permit", pairs, line, size);
		read_edge(line, n);
		ck_assert_msg(entry.kind == LOG_ENTRY_DECISION, "%s", line);
		ck_assert_msg(!entry.is_said_whole || strcmp(SAID,
		    entry.value[DECISION_KEY_SAID]) == 0, "%s", line);
	}
	ck_assert(entry.is_said_whole);
	ck_assert_str_eq(entry.value[DECISION_KEY_REPORT_ONLY], "true");
	ck_assert_str_eq(entry.value[DECISION_KEY_PID], "17");
	ck_assert_str_eq(entry.value[DECISION_KEY_LINE], "a b\n");
	ck_assert_str_eq(entry.time, "1970-01-01T00:00:00.000Z");
}
END_TEST

/*
 * Files
 */

static char	 dir[TEMPDIR_SIZE], path[TEMPDIR_SIZE + 8];

static void
setup(void)
{
	tempdir_make(dir);
	(void)snprintf(path, sizeof path, "%s/log", dir);
}

static void
teardown(void)
{
	tempdir_remove(dir);
}

static void
write_plain(const char *text, size_t len)
{
	FILE	*out = fopen(path, "w");

	ck_assert(out != NULL && fwrite(text, 1, len, out) == len);
	(void)fclose(out);
}

/* In two members, as after a rotation and "cat". */
static void
write_gzip(const char *text, size_t len)
{
	gzFile	 out = gzopen(path, "wb");

	ck_assert(gzwrite(out, text, (unsigned)(len / 2)) > 0);
	ck_assert_int_eq(gzclose(out), Z_OK);
	out = gzopen(path, "ab");
	ck_assert(gzwrite(out, text + len / 2, (unsigned)(len - len / 2)) > 0);
	ck_assert_int_eq(gzclose(out), Z_OK);
}

static void
check_counts(const char *name)
{
	struct log_reader	*r = log_reader_open(path);
	const struct log_counts	*c = log_reader_counts(r);
	unsigned long		 n = 0;

	while (log_reader_next(r) != NULL)
		n++;
	ck_assert_msg(n == 3 && c->decisions == 3 && c->lines == 8 &&
	    c->others == 1 && c->foreign == 3 && c->damaged == 1,
	    "%s: %lu decisions, %lu lines, %lu others, %lu foreign, "
	    "%lu damaged", name, n, c->lines, c->others, c->foreign,
	    c->damaged);
	ck_assert_str_eq(log_reader_first(r), "1");
	ck_assert_str_eq(log_reader_last(r), "3");
	log_reader_close(r);
}

START_TEST(a_file_plain_and_compressed)
{
	static const char	 tail[] = "\ntime=2 " TEXT "\n\n"
				    "session=x said=\"\ntime=3 event=stop\n"
				    TEXT "\nforeign";
	static char		 text[300000];
	size_t			 n;

	n = (size_t)snprintf(text, sizeof text, "time=1 %s\n", TEXT);
	/* Another's line, longer than any of ours, and than the buffer. */
	memset(text + n, 'x', 200000);
	n += 200000;
	memcpy(text + n, tail, sizeof tail - 1);
	n += sizeof tail - 1;
	write_plain(text, n);
	check_counts("plain");
	write_gzip(text, n);
	check_counts("gzip");
}
END_TEST

/* What ends within is no end of the log. */
START_TEST(a_compressed_file_that_was_cut)
{
	struct log_reader	*r;
	struct stat		 st;
	int			 status;
	pid_t			 pid;

	write_gzip(TEXT "\n" TEXT "\n", 2 * sizeof TEXT);
	ck_assert(stat(path, &st) == 0 && truncate(path, st.st_size - 9) == 0);
	pid = fork();
	if (pid == 0) {
		r = log_reader_open(path);
		while (log_reader_next(r) != NULL)
			;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), EX_DATAERR);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("log_reader");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_line_is_what_it_is, 0, NELEM(rows));
	tcase_add_loop_test(tc, cut_at_each_octet, 0, NELEM(rows));
	tcase_add_loop_test(tc, what_the_daemons_write, 0, 2);
	tcase_add_test(tc, a_file_plain_and_compressed);
	tcase_add_test(tc, a_compressed_file_that_was_cut);
	return runner_run("log_reader", tc);
}
