/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * replay: plays dialogue files against the ledger, through the protocol
 * parsers, with a clock of its own, no port and no sleep.  Its output is TAP,
 * one test a file.
 *
 * A file is a title and lines:
 *	title SENTENCE
 *	config / end		a configuration between them; again: reload
 *	open P, close P		process P opens, closes its stream for tables;
 *				"open P TICKS": it started then (default 1)
 *	restart			the daemon dies; processes must open again
 *	P MAP KEY		a lookup of process P (1 to 9)
 *	P policy NAME=VALUE ...	a policy request
 *	= PATTERN		what the answer must be (fnmatch(3))
 *	note PATTERN		a note "EVENT REASON ATTRIBUTE" that came since
 *				the last question; of access_maps it is
 *				"access KEY RULE"
 *	only			no further note came
 *	record P, norecord P	whether the store has a record of it; followed
 *				by a PATTERN: a field "NAME=VALUE" like that
 *	mail P, mailed P	the milter tells of a MAIL, of its end
 *	sessions N		so many processes have a session
 *	sweep N			the ledger throws so many records away
 *	revoke WHAT, unrevoke WHAT	"peer=ADDRESS" or "profile=NAME"
 *	wait SECONDS		the clock goes on
 * In a key "\xHH" is a byte.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/netstring.h"
#include "policy/attr.h"
#include "policy/ledger.h"
#include "policy/socketmap.h"

#define PROCS		10
#define FIRST_PID	4000000		/* over any real one */
#define NOTES_MAX	16
#define NOTE_SIZE	128
#define LINE_SIZE	8192

struct player {
	const char		*file;
	unsigned		 line;
	char			 title[256];
	char			 dir[64];
	char			 conf_path[96];
	struct conf		*conf;
	struct store		*store;
	struct ledger		*ledger;
	struct ledger_proc	*procs[PROCS];
	uint64_t		 now_ms;
	char			 answer[LEDGER_TEXT_SIZE + 16];
	char			 notes[NOTES_MAX][NOTE_SIZE];
	bool			 is_seen[NOTES_MAX];
	unsigned		 n_notes;
	char			 failure[LINE_SIZE];
};

static bool __attribute__((format(printf, 2, 3)))
fail(struct player *p, const char *fmt, ...)
{
	va_list	 ap;
	int	 n;

	n = snprintf(p->failure, sizeof p->failure, "%s:%u: ", p->file,
	    p->line);
	va_start(ap, fmt);
	(void)vsnprintf(p->failure + n, sizeof p->failure - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

static void
take_note(const struct decision *note, void *arg)
{
	static const char *const names[] = {
		[DECISION_BEGIN] = "begin", [DECISION_PERMIT] = "permit",
		[DECISION_REFUSE] = "refuse", [DECISION_OVERRIDE] = "override",
		[DECISION_FORGET] = "forget", [DECISION_UNDO] = "undo",
		[DECISION_SEAL] = "seal",
		[DECISION_MAIL_REFUSED] = "mail_refused",
		[DECISION_ACCESS] = "access",
		[DECISION_ERROR] = "error", [DECISION_DIFFER] = "differ",
		[DECISION_END] = "end",
	};
	struct player		*p = arg;
	const struct verdict	*v = note->event == DECISION_MAIL_REFUSED ?
				     NULL : note->verdict;

	if (p->n_notes == NOTES_MAX)
		return;
	p->is_seen[p->n_notes] = false;
	if (note->key != NULL) {
		(void)snprintf(p->notes[p->n_notes++], NOTE_SIZE, "%s %s %s",
		    names[note->event], note->key, note->rule);
		return;
	}
	(void)snprintf(p->notes[p->n_notes++], NOTE_SIZE, "%s%s%s%s%s",
	    names[note->event], v == NULL ? "" : " ",
	    v == NULL ? "" : verdict_reason_text(v->reason),
	    v == NULL || v->attribute < 0 ? "" : " ",
	    v == NULL || v->attribute < 0 ? "" :
	    assertion_name_text((enum assertion_name)v->attribute));
}

static bool
write_conf(struct player *p, FILE *in)
{
	char	 line[LINE_SIZE];
	FILE	*out = fopen(p->conf_path, "w");

	if (out == NULL)
		return fail(p, "%s: %s", p->conf_path, strerror(errno));
	(void)fprintf(out, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\nuser = \"\"\n", p->dir,
	    p->dir);
	while (fgets(line, sizeof line, in) != NULL) {
		p->line++;
		if (strcmp(line, "end\n") == 0)
			break;
		(void)fputs(line, out);
	}
	return fclose(out) == 0 || fail(p, "%s: %s", p->conf_path,
	    strerror(errno));
}

static bool
start(struct player *p)
{
	struct err	 err;

	p->store = store_open(p->conf->store, 8,
	    p->conf->state_directory, &err);
	if (p->store == NULL)
		return fail(p, "%s", err.text);
	p->ledger = ledger_new(p->conf, p->store, take_note, p);
	return p->ledger != NULL || fail(p, "out of memory");
}

static void
stop(struct player *p)
{
	memset(p->procs, 0, sizeof p->procs);
	ledger_free(p->ledger);
	store_close(p->store);
	p->ledger = NULL;
	p->store = NULL;
}

static bool
configure(struct player *p, FILE *in)
{
	struct conf	*conf;
	struct err	 err;

	if (!write_conf(p, in))
		return false;
	conf = conf_load(p->conf_path, &err);
	if (conf == NULL)
		return fail(p, "%s", err.text);
	conf_unref(p->conf);
	p->conf = conf;
	if (p->ledger == NULL)
		return start(p);
	ledger_set_conf(p->ledger, conf);
	return true;
}

/* The words of the protocol, as Postfix would print them. */
static void
read_answer(struct player *p, const struct ledger_reply *reply, bool is_policy)
{
	static const enum socketmap_result	 result[] = {
		[LEDGER_YES] = SOCKETMAP_OK, [LEDGER_NO] = SOCKETMAP_NOTFOUND,
		[LEDGER_TEMP] = SOCKETMAP_TEMP,
		[LEDGER_PERM] = SOCKETMAP_PERM,
		[LEDGER_ACTION] = SOCKETMAP_TEMP,
	};
	char		 wire[SOCKETMAP_TEXT_MAX + 64];
	struct span	 body;
	size_t		 n, used;

	if (is_policy) {
		(void)snprintf(p->answer, sizeof p->answer, "%s",
		    reply->answer == LEDGER_NO ? "DUNNO" : reply->text);
		return;
	}
	n = socketmap_reply(result[reply->answer], reply->text, wire,
	    sizeof wire);
	if (netstring_find((struct span){ wire, n }, sizeof wire, &body,
	    &used) != NETSTRING_DONE || body.n >= sizeof p->answer)
		body = span_of("not a netstring");
	while (body.n > 0 && body.p[body.n - 1] == ' ')
		body.n--;
	memcpy(p->answer, body.p, body.n);
	p->answer[body.n] = '\0';
}

static bool
ask_map(struct player *p, struct ledger_proc *proc, const char *question)
{
	static void (*const	 handlers[SOCKETMAP_COUNT])(struct ledger *,
	    struct ledger_proc *, struct span, struct span, uint64_t,
	    struct ledger_reply *) = {
		[SOCKETMAP_XCLIENT] = ledger_xclient,
		[SOCKETMAP_XFORWARD] = ledger_xforward,
		[SOCKETMAP_COMMAND] = ledger_command,
		[SOCKETMAP_MILTERS] = ledger_milters,
	};
	struct socketmap_request	 request;
	struct ledger_reply		 reply;

	if (!socketmap_parse(span_of(question), &request))
		return fail(p, "not a socketmap request: %s", question);
	if (request.map == SOCKETMAP_PROFILE)
		ledger_profile(p->ledger, request.listener, request.key,
		    &reply);
	else
		handlers[request.map](p->ledger, proc, request.listener,
		    request.key, p->now_ms, &reply);
	read_answer(p, &reply, false);
	return true;
}

static bool
ask_policy(struct player *p, struct ledger_proc *proc, char *attributes)
{
	char			 text[LINE_SIZE];
	char			*word, *rest = attributes;
	struct attr_request	 request;
	struct ledger_reply	 reply;
	size_t			 n, used;

	n = (size_t)snprintf(text, sizeof text,
	    "request=smtpd_access_policy\n");
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			n += (size_t)snprintf(text + n, sizeof text - n,
			    "%s\n", word);
	n += (size_t)snprintf(text + n, sizeof text - n, "\n");
	if (attr_parse((struct span){ text, n }, sizeof text, &request,
	    &used) != ATTR_DONE)
		return fail(p, "not a policy request");
	ledger_policy(p->ledger, proc, &request, p->now_ms, &reply);
	read_answer(p, &reply, true);
	return true;
}

static void
unescape(char *s)
{
	char	*to = s;
	char	 hex[3] = "";

	while (*s != '\0') {
		if (s[0] == '\\' && s[1] == 'x' && s[2] != '\0' &&
		    s[3] != '\0') {
			memcpy(hex, s + 2, 2);
			*to++ = (char)strtol(hex, NULL, 16);
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static bool
ask(struct player *p, int proc, char *question)
{
	p->n_notes = 0;
	p->now_ms += 10;
	unescape(question);
	if (p->procs[proc] == NULL)
		return fail(p, "process %d has no stream open", proc);
	if (strncmp(question, "policy ", 7) == 0)
		return ask_policy(p, p->procs[proc], question + 7);
	return ask_map(p, p->procs[proc], question);
}

static bool
check_note(struct player *p, const char *pattern)
{
	unsigned	 i;

	for (i = 0; i < p->n_notes; i++)
		if (!p->is_seen[i] &&
		    fnmatch(pattern, p->notes[i], 0) == 0) {
			p->is_seen[i] = true;
			return true;
		}
	return fail(p, "want note \"%s\", of %u got \"%s\" first", pattern,
	    p->n_notes, p->n_notes == 0 ? "" : p->notes[0]);
}

static bool
check_no_more_notes(struct player *p)
{
	unsigned	 i;

	for (i = 0; i < p->n_notes; i++)
		if (!p->is_seen[i])
			return fail(p, "unexpected note \"%s\"", p->notes[i]);
	return true;
}

/* Whether a field of the record is like the pattern; NULL: any record is. */
static bool
has_field(const struct session *s, const char *pattern)
{
	static char	 record[SESSION_RECORD_MAX];
	size_t		 i, n;

	if (pattern == NULL)
		return true;
	n = session_encode(s, record, sizeof record);
	for (i = 0; i < n; i += strlen(record + i) + 1)
		if (fnmatch(pattern, record + i, 0) == 0)
			return true;
	return false;
}

static bool
check_record(struct player *p, int proc, const char *pattern, bool is_wanted)
{
	struct session		 s;
	struct err		 err;
	enum store_result	 result;
	bool			 is_found;

	session_init(&s);
	result = store_get(p->store, FIRST_PID + proc, &s, &err);
	is_found = result == STORE_FOUND && has_field(&s, pattern);
	session_clear(&s);
	if (result == STORE_CANNOT_TELL)
		return fail(p, "%s", err.text);
	return is_found == is_wanted || fail(p, "process %d: %s record %s",
	    proc, is_found ? "a" : "no", pattern == NULL ? "" : pattern);
}

/* A store_change_fn: what the milter does with a record. */
static const struct session *
tell_mail(struct session *s, void *arg)
{
	s->is_in_mail = *(const bool *)arg;
	if (s->is_in_mail)
		s->mails++;
	return s;
}

static bool
set_mail(struct player *p, int proc, bool is_begun)
{
	const struct session	*now;
	struct err		 err = { "no such record" };

	now = p->procs[proc] == NULL ? NULL :
	    ledger_proc_session(p->procs[proc]);
	return (now != NULL && store_change(p->store, FIRST_PID + proc,
	    now->id, tell_mail, &is_begun, &err) == STORE_FOUND) ||
	    fail(p, "process %d: %s", proc, err.text);
}

static bool
check_sessions(struct player *p, const char *number)
{
	unsigned	 n = ledger_sessions(p->ledger);

	return n == strtoul(number, NULL, 10) || fail(p, "%u sessions", n);
}

static bool
sweep(struct player *p, const char *number)
{
	struct err	 err = { "" };
	int		 n = ledger_sweep(p->ledger, p->now_ms, &err);

	return n == atoi(number) || fail(p, "swept %d %s", n, err.text);
}

static bool
set_revoked(struct player *p, const char *what, bool is_wanted)
{
	const struct store_revocation	 revocation = { .what = what };
	struct err			 err;

	return (is_wanted ? store_revoke(p->store, &revocation, &err) :
	    store_unrevoke(p->store, what, &err)) == 0 ||
	    fail(p, "%s", err.text);
}

static bool
open_proc(struct player *p, int proc, const char *start)
{
	struct err	 err;

	p->procs[proc] = ledger_proc_get(p->ledger, FIRST_PID + proc,
	    start == NULL ? 1 : strtoull(start, NULL, 10), &err);
	return p->procs[proc] != NULL || fail(p, "%s", err.text);
}

static bool
close_proc(struct player *p, int proc)
{
	if (p->procs[proc] == NULL)
		return fail(p, "process %d has no stream open", proc);
	p->n_notes = 0;
	ledger_proc_put(p->ledger, p->procs[proc], true);
	p->procs[proc] = NULL;
	return true;
}

static bool
restart(struct player *p)
{
	stop(p);
	return start(p);
}

/* A line about a process: WORD P [ARGUMENT]. */
static bool
perform_proc(struct player *p, const char *word, const char *args)
{
	const char	*arg = args[0] != '\0' && args[1] == ' ' ? args + 2 :
			    NULL;
	int		 proc = args[0] - '0';

	if (proc < 1 || proc >= PROCS)
		return fail(p, "unknown line \"%s\"", word);
	if (strcmp(word, "open") == 0)
		return open_proc(p, proc, arg);
	if (strcmp(word, "close") == 0)
		return close_proc(p, proc);
	if (strcmp(word, "mail") == 0 || strcmp(word, "mailed") == 0)
		return set_mail(p, proc, word[4] == '\0');
	if (strcmp(word, "record") == 0)
		return check_record(p, proc, arg, true);
	if (strcmp(word, "norecord") == 0)
		return check_record(p, proc, arg, false);
	return fail(p, "unknown line \"%s\"", word);
}

/* One line of the file. */
static bool
perform(struct player *p, char *line, FILE *in)
{
	char	*arg = strchr(line, ' ');

	if (arg != NULL)
		*arg++ = '\0';
	if (strcmp(line, "config") == 0)
		return configure(p, in);
	if (strcmp(line, "restart") == 0)
		return restart(p);
	if (strcmp(line, "only") == 0)
		return check_no_more_notes(p);
	if (arg == NULL)
		return fail(p, "unknown line \"%s\"", line);
	if (strcmp(line, "=") == 0)
		return fnmatch(arg, p->answer, 0) == 0 ||
		    fail(p, "want \"%s\", got \"%s\"", arg, p->answer);
	if (strcmp(line, "note") == 0)
		return check_note(p, arg);
	if (strcmp(line, "wait") == 0) {
		p->now_ms += strtoull(arg, NULL, 10) * 1000;
		return true;
	}
	if (strcmp(line, "sessions") == 0)
		return check_sessions(p, arg);
	if (strcmp(line, "sweep") == 0)
		return sweep(p, arg);
	if (strcmp(line, "revoke") == 0 || strcmp(line, "unrevoke") == 0)
		return set_revoked(p, arg, line[0] == 'r');
	if (line[0] >= '1' && line[0] <= '9' && line[1] == '\0')
		return ask(p, line[0] - '0', arg);
	return perform_proc(p, line, arg);
}

static bool
play_lines(struct player *p, FILE *in)
{
	char	 line[LINE_SIZE];

	while (fgets(line, sizeof line, in) != NULL) {
		p->line++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (strncmp(line, "title ", 6) == 0)
			(void)snprintf(p->title, sizeof p->title, "%.200s",
			    line + 6);
		else if (!perform(p, line, in))
			return false;
	}
	return p->ledger != NULL || fail(p, "the file has no configuration");
}

static int
remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static bool
play(struct player *p)
{
	const char	*tmp = getenv("TMPDIR");
	FILE		*in = fopen(p->file, "r");
	bool		 is_ok;

	if (in == NULL)
		return fail(p, "%s", strerror(errno));
	(void)snprintf(p->dir, sizeof p->dir, "%.40s/replay.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(p->dir) == NULL) {
		(void)fclose(in);
		return fail(p, "%s: %s", p->dir, strerror(errno));
	}
	(void)snprintf(p->conf_path, sizeof p->conf_path, "%s/conf", p->dir);
	is_ok = play_lines(p, in);
	(void)fclose(in);
	stop(p);
	conf_unref(p->conf);
	(void)nftw(p->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return is_ok;
}

int
main(int argc, char **argv)
{
	int	 i, failed = 0;

	printf("1..%d\n", argc - 1);
	for (i = 1; i < argc; i++) {
		struct player	*p = calloc(1, sizeof *p);
		bool		 is_ok;

		if (p == NULL)
			return EXIT_FAILURE;
		p->file = argv[i];
		p->now_ms = 1000000000000;
		is_ok = play(p);
		printf("%s %d - %s\n", is_ok ? "ok" : "not ok", i,
		    p->title[0] == '\0' ? basename(argv[i]) : p->title);
		if (!is_ok)
			printf("# %s\n", p->failure);
		failed += !is_ok;
		free(p);
	}
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
