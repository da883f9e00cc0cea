/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue: plays dialogue files against the relay's state machine
 * (relay/dialogue.h): a client, next hops and a clock that are all the file's.
 * Its output is TAP, six tests a file: as it stands, all lines that stand
 * together at once; byte by byte; cut in two at each byte; and what must hold
 * in any case (t/lib/stage.c) when at each byte the client goes away, the next
 * hop goes away, or the next hop says what nobody has asked for.
 *
 * With "-f" before the files only the first two, until one fails.
 *
 * Environment: DIALOGUE_OCTETS, what a sweep may play in all (default 1000000);
 * where that does not do for each byte of a file, each nth has to do.
 *
 * A file is a title and lines:
 *	title SENTENCE
 *	config / end		a configuration between them, with a relay in it
 *	peer ADDRESS [PORT [NAME]]	who connects; "peer unix"
 *	proxy WORD=VALUE ...	the PROXY header before: source, destination
 *				(ADDRESS/PORT), authority, unique_id,
 *				ssl_version, cipher, cn, verified, aws, azure,
 *				gcp; "proxy local"; name of the source, or
 *				untold
 *	addresses N		of each next hop (default 1)
 *	hand-over fails
 * what happens:
 *	client: TEXT, hop: TEXT	a line, to which CRLF is added
 *	client= TEXT, hop= TEXT	without CRLF
 *	client! TEXT, hop! TEXT	a line; such lines that stand together come at
 *				once whatever is done
 *	client* N TEXT		N lines
 *	client eof, client lost, hop eof, hop lost WHY, hop unknown WHY
 *	connected		to the next hop
 *	secured client [FINGERPRINT], secured hop
 *	wait SECONDS		the clock goes on, and ticks
 *	room client N, room hop N	they take so many octets
 *	stop			the daemon is about to
 *	revoke WHAT, unrevoke WHAT
 * and what must come of it, all of it, in order for each side:
 *	to-client: PATTERN, to-hop: PATTERN	a line, without its CRLF
 *	to-client= TEXT, to-hop= TEXT	exactly these octets
 *	to-hop* N TEXT		N lines
 *	to-hop header		a PROXY header; "to-hop header SOURCE/PORT"
 *	connect PATTERN, connect-next, disconnect, secure hop,
 *	hand-over PATTERN, secure client, close
 *	note PATTERN		a note that came since something happened last;
 *				grave ones must be told
 *	nonote PATTERN		none like that came
 *	rule PATTERN		by which rule XCLIENT was decided about in the
 *				last note
 *	deadline SECONDS	from now
 *	wants SIDE, ignores SIDE	whether more of its bytes are of use
 * In a pattern "*" is any text.  In all texts "\r", "\n", "\\" and "\xHH" stand
 * for octets.
 */
#include <sys/stat.h>

#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/stage.h"

#define LINE_SIZE	8192
#define STEPS_MAX	512
#define SWEEP_OCTETS	1000000
#define FOR_EVER	(400 * 86400 * 1000ULL)

enum step_kind {
	STEP_CHECK,
	STEP_INPUT,		/* bytes of a side */
	STEP_EVENT
};

struct step {
	enum step_kind	 kind;
	unsigned	 line;
	char		*word;		/* "client:", "to-hop:" ... */
	char		*copy;		/* text's memory */
	struct span	 text;		/* followed by NUL */
	enum dialogue_side side;
};

/* What is done to a file. */
enum way {
	WAY_WHOLE, WAY_BYTES, WAY_CUT, WAY_CLIENT_AWAY, WAY_HOP_AWAY,
	WAY_HOP_BABBLES
};

#define WAYS	(WAY_HOP_BABBLES + 1)

static const char *const	 way_texts[WAYS] = {
	"as it stands", "byte by byte", "cut at each byte",
	"the client goes away", "the next hop goes away",
	"the next hop says what nobody has asked for"
};

struct player {
	const char		*file;
	unsigned		 line;
	char			 title[256];
	char			 dir[64];
	char			 conf_path[96];
	struct conf		*conf;
	struct store		*store;
	struct step		 steps[STEPS_MAX];
	unsigned		 n_steps;
	struct dialogue_peer	 peer;
	char			 peer_name[256];
	struct proxy_header	 proxy;
	char			*proxy_texts;
	bool			 has_proxy;
	unsigned		 n_addresses;
	bool			 refuses_hand_over;

	struct stage		 stage;
	enum way		 way;
	unsigned		 variant;
	size_t			 point;		/* of a sweep or a cut, and ... */
	size_t			 at;		/* where we are */
	bool			 is_past;	/* the point */
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

/*
 * Texts
 */

/* In place. */
static struct span
unescape(char *text)
{
	static const char	 from[] = "rn\\t", to[] = "\r\n\\\t";
	char			*in = text, *out = text, hex[3] = "";
	const char		*at;

	while (*in != '\0') {
		if (*in != '\\' || in[1] == '\0') {
			*out++ = *in++;
		} else if (in[1] == 'x' && in[2] != '\0' && in[3] != '\0') {
			memcpy(hex, in + 2, 2);
			*out++ = (char)strtol(hex, NULL, 16);
			in += 4;
		} else {
			at = strchr(from, in[1]);
			*out++ = at == NULL ? in[1] : to[at - from];
			in += 2;
		}
	}
	return (struct span){ text, (size_t)(out - text) };
}

static bool
is_like(struct span text, struct span pattern)
{
	while (pattern.n > 0 && *pattern.p != '*') {
		if (text.n == 0 || *text.p != *pattern.p)
			return false;
		text = span_skip(text, 1);
		pattern = span_skip(pattern, 1);
	}
	if (pattern.n == 0)
		return text.n == 0;
	pattern = span_skip(pattern, 1);
	for (;;) {
		if (is_like(text, pattern))
			return true;
		if (text.n == 0)
			return false;
		text = span_skip(text, 1);
	}
}

/* For messages. */
static const char *
shown(struct span text)
{
	static char	 buf[1024];
	size_t		 i, n = 0;

	for (i = 0; i < text.n && n < sizeof buf - 5; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			n += (size_t)sprintf(buf + n, "\\x%02x",
			    (unsigned char)text.p[i]);
		else
			buf[n++] = text.p[i];
	buf[n] = '\0';
	return buf;
}

/*
 * Reading a file
 */

static bool
write_conf(struct player *p, FILE *in)
{
	char	 line[LINE_SIZE];
	FILE	*out = fopen(p->conf_path, "w");
	bool	 is_relay = false;

	if (out == NULL)
		return fail(p, "%s: %s", p->conf_path, strerror(errno));
	(void)fprintf(out, "store = \"lmdb:%s/store\"\nuser = \"\"\n", p->dir);
	while (fgets(line, sizeof line, in) != NULL) {
		p->line++;
		if (strcmp(line, "end\n") == 0)
			break;
		(void)fputs(line, out);
		is_relay = strncmp(line, "relay ", 6) == 0;
		if (is_relay)
			(void)fputs("\tlisten = \"127.0.0.1:10025\"\n", out);
	}
	return fclose(out) == 0 || fail(p, "%s: %s", p->conf_path,
	    strerror(errno));
}

static bool
configure(struct player *p, FILE *in)
{
	struct err	 err;

	if (!write_conf(p, in))
		return false;
	p->conf = conf_load(p->conf_path, &err);
	if (p->conf == NULL)
		return fail(p, "%s", err.text);
	if (p->conf->n_relays == 0)
		return fail(p, "there is no relay");
	p->store = store_open(p->conf->store, 8, &err);
	return p->store != NULL || fail(p, "%s", err.text);
}

static bool
read_peer(struct player *p, const char *text)
{
	char		 addr[64] = "", name[256] = "";
	unsigned	 port = 40000;

	(void)sscanf(text, "%63s %u %255s", addr, &port, name);
	p->peer.port = (uint16_t)port;
	if (strcmp(addr, "unix") == 0) {
		p->peer.addr.family = p->peer.local.family = AF_UNSPEC;
		p->peer.port = p->peer.local_port = 0;
		return true;
	}
	(void)strcpy(p->peer_name, name);
	p->peer.name = name[0] == '\0' ? NULL : p->peer_name;
	return address_parse(span_of(addr), &p->peer.addr) ||
	    fail(p, "not an address: %s", addr);
}

/* "ADDRESS/PORT". */
static bool
read_end(const char *text, struct address *addr_r, uint16_t *port_r)
{
	size_t	 n = strcspn(text, "/");

	*port_r = text[n] == '\0' ? 0 : (uint16_t)atoi(text + n + 1);
	return address_parse((struct span){ text, n }, addr_r);
}

static struct proxy_header_id
read_id(const char *text)
{
	return (struct proxy_header_id){ true, strtoull(text, NULL, 10) };
}

static bool
read_proxy_word(struct player *p, const char *word, char *value)
{
	struct proxy_header	*h = &p->proxy;

	if (strcmp(word, "source") == 0)
		return read_end(value, &h->source, &h->source_port);
	if (strcmp(word, "destination") == 0)
		return read_end(value, &h->destination,
		    &h->destination_port);
	if (strcmp(word, "authority") == 0)
		h->authority = unescape(value);
	else if (strcmp(word, "unique_id") == 0)
		h->unique_id = unescape(value);
	else if (strcmp(word, "cn") == 0)
		h->ssl_cn = unescape(value);
	else if (strcmp(word, "ssl_version") == 0)
		h->ssl_version = unescape(value);
	else if (strcmp(word, "cipher") == 0)
		h->ssl_cipher = unescape(value);
	else if (strcmp(word, "aws") == 0)
		h->aws_vpce_id = unescape(value);
	else if (strcmp(word, "azure") == 0)
		h->azure_pel_id = read_id(value);
	else if (strcmp(word, "gcp") == 0)
		h->gcp_conn_id = read_id(value);
	else if (strcmp(word, "name") == 0)
		h->source_name = value;
	else if (strcmp(word, "untold") == 0)
		h->is_name_untold = true;
	else if (strcmp(word, "local") == 0)
		h->is_local = true;
	else if (strcmp(word, "verified") == 0)
		h->is_verified = true;
	else
		return false;
	return true;
}

static bool
read_proxy(struct player *p, const char *text)
{
	char	*rest, *word, *value;

	p->has_proxy = true;
	p->proxy.version = 2;
	p->proxy_texts = rest = strdup(text);
	while ((word = strsep(&rest, " ")) != NULL) {
		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if (!read_proxy_word(p, word, value))
			return fail(p, "proxy: %s", word);
	}
	return true;
}

/* "N TEXT": so many lines. */
static struct span
repeat(const char *text)
{
	char		*rest;
	unsigned long	 n = strtoul(text, &rest, 10);
	size_t		 len = strlen(rest);
	char		*buf = malloc((n + 1) * (len + 2) + 1), *at = buf;
	struct span	 one = span_of(*rest == ' ' ? rest + 1 : rest);

	if (buf == NULL)
		abort();
	for (; n > 0; n--, at += one.n + 2) {
		memcpy(at, one.p, one.n);
		memcpy(at + one.n, "\r\n", 2);
	}
	*at = '\0';
	return (struct span){ buf, (size_t)(at - buf) };
}

static struct span
copy_text(const char *text, const char *end)
{
	struct span	 plain;
	char		*buf = malloc(strlen(text) + strlen(end) + 1);

	if (buf == NULL)
		abort();
	plain = unescape(strcpy(buf, text));
	memcpy(buf + plain.n, end, strlen(end) + 1);
	return (struct span){ buf, plain.n + strlen(end) };
}

/* "client:", "hop=" ... */
static bool
is_input_word(const char *word)
{
	const char	*kind = word + (*word == 'c' ? strlen("client") :
			     strlen("hop"));

	return (strncmp(word, "client", 6) == 0 ||
	    strncmp(word, "hop", 3) == 0) && *kind != '\0' &&
	    strchr(":=!*", *kind) != NULL && kind[1] == '\0';
}

static bool
is_event_word(const char *word)
{
	static const char *const	 words[] = {
		"client", "hop", "connected", "secured", "wait", "room",
		"stop", "revoke", "unrevoke"
	};
	size_t				 i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static bool
add_step(struct player *p, const char *word, const char *text)
{
	struct step	*step = &p->steps[p->n_steps];
	char		 kind = word[strlen(word) - 1];

	if (p->n_steps == STEPS_MAX)
		return fail(p, "too many lines");
	p->n_steps++;
	step->line = p->line;
	step->word = strdup(word);
	step->side = strncmp(word, "client", 6) == 0 ? DIALOGUE_CLIENT :
	    DIALOGUE_HOP;
	step->kind = is_input_word(word) ? STEP_INPUT :
	    is_event_word(word) ? STEP_EVENT : STEP_CHECK;
	step->text = kind == '*' ? repeat(text) : copy_text(text,
	    step->kind == STEP_INPUT && kind != '=' ? "\r\n" : "");
	step->copy = (char *)step->text.p;
	return step->word != NULL || fail(p, "out of memory");
}

static bool
read_line(struct player *p, char *line, FILE *in)
{
	char	*text = strchr(line, ' ');

	if (text != NULL)
		*text++ = '\0';
	else
		text = line + strlen(line);
	if (strcmp(line, "title") == 0)
		(void)snprintf(p->title, sizeof p->title, "%.200s", text);
	else if (strcmp(line, "config") == 0)
		return configure(p, in);
	else if (strcmp(line, "peer") == 0)
		return read_peer(p, text);
	else if (strcmp(line, "proxy") == 0)
		return read_proxy(p, text);
	else if (strcmp(line, "addresses") == 0)
		p->n_addresses = (unsigned)atoi(text);
	else if (strcmp(line, "hand-over") == 0 && strcmp(text, "fails") == 0)
		p->refuses_hand_over = true;
	else
		return add_step(p, line, text);
	return true;
}

static bool
read_file(struct player *p)
{
	FILE	*in = fopen(p->file, "r");
	char	 line[LINE_SIZE];
	bool	 is_ok = true;

	if (in == NULL)
		return fail(p, "%s", strerror(errno));
	while (is_ok && fgets(line, sizeof line, in) != NULL) {
		p->line++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			is_ok = read_line(p, line, in);
	}
	(void)fclose(in);
	return is_ok && (p->conf != NULL || fail(p, "no configuration"));
}

/*
 * What must come of it
 */

static bool
check_line(struct player *p, enum dialogue_side side, struct span pattern,
    bool is_asked)
{
	struct bytes	*out = &p->stage.out[side];
	const char	*lf = out->n == 0 ? NULL : memchr(out->p, '\n',
			    out->n);
	struct span	 line = { out->p, out->n }, text;

	if (lf != NULL)
		line.n = (size_t)(lf - out->p) + 1;
	text = line;
	if (is_asked ? lf == NULL || *text.p != STAGE_ASKED :
	    text.n < 2 || memcmp(text.p + text.n - 2, "\r\n", 2) != 0)
		return fail(p, "want \"%.*s\", got \"%s\"", (int)pattern.n,
		    pattern.p, shown(line));
	text.n -= is_asked ? 1 : 2;
	if (is_asked)
		text = span_skip(text, 1);
	if (!is_like(text, pattern))
		return fail(p, "want \"%.*s\", got \"%s\"", (int)pattern.n,
		    pattern.p, shown(text));
	bytes_drop(out, line.n);
	return true;
}

static bool
check_exact(struct player *p, enum dialogue_side side, struct span want)
{
	struct bytes	*out = &p->stage.out[side];

	if (out->n < want.n || memcmp(out->p, want.p, want.n) != 0)
		return fail(p, "got \"%s\"", shown((struct span){ out->p,
		    out->n }));
	bytes_drop(out, want.n);
	return true;
}

/* A PROXY header, and, if want is not empty, of whom ("LOCAL": of nobody). */
static bool
check_header(struct player *p, struct span want)
{
	struct bytes		*out = &p->stage.out[DIALOGUE_HOP];
	struct proxy_header	 h;
	struct err		 err;
	size_t			 used;
	char			 got[ADDRESS_TEXT_SIZE + 8] = "LOCAL";
	char			 addr[ADDRESS_TEXT_SIZE];

	if (out->n == 0 || proxy_header_find(out->p, out->n, &h, &used,
	    &err) != PROXY_HEADER_DONE)
		return fail(p, "no header: \"%s\"", shown((struct span){
		    out->p, out->n }));
	if (!h.is_local)
		(void)snprintf(got, sizeof got, "%s/%u",
		    address_format(&h.source, addr, sizeof addr),
		    h.source_port);
	if (want.n > 0 && !span_eq(want, got))
		return fail(p, "a header of %s", got);
	bytes_drop(out, used);
	return true;
}

static struct stage_note *
find_note(struct player *p, struct span pattern)
{
	unsigned	 i;

	for (i = 0; i < p->stage.n_notes; i++)
		if (!p->stage.notes[i].is_seen &&
		    is_like(span_of(p->stage.notes[i].text), pattern))
			return &p->stage.notes[i];
	return NULL;
}

static bool
check_note(struct player *p, struct span pattern)
{
	struct stage_note	*note = find_note(p, pattern);
	char			 all[2048] = "";
	unsigned		 i;
	size_t			 n = 0;

	if (note != NULL) {
		note->is_seen = true;
		return true;
	}
	for (i = 0; i < p->stage.n_notes && n < sizeof all - 600; i++)
		n += (size_t)snprintf(all + n, sizeof all - n, " \"%s\"",
		    p->stage.notes[i].text);
	return fail(p, "want note \"%.*s\", got%s", (int)pattern.n,
	    pattern.p, all);
}

static bool
check_rule(struct player *p, struct span pattern)
{
	unsigned	 i;

	for (i = p->stage.n_notes; i > 0; i--)
		if (p->stage.notes[i - 1].rule[0] != '\0')
			return is_like(span_of(p->stage.notes[i - 1].rule),
			    pattern) || fail(p, "the rule was \"%s\"",
			    p->stage.notes[i - 1].rule);
	return fail(p, "there was no rule");
}

static bool
check_deadline(struct player *p, struct span want)
{
	uint64_t	 deadline = dialogue_deadline(p->stage.d);
	char		 got[32];

	(void)snprintf(got, sizeof got, "%lld",
	    ((long long)deadline - (long long)p->stage.now_ms) / 1000);
	return span_eq(want, got) || fail(p, "it is in %s s", got);
}

/* All that came must have been told. */
static bool
check_nothing_left(struct player *p)
{
	struct stage	*s = &p->stage;
	unsigned	 i;

	for (i = 0; i < 2; i++)
		if (s->out[i].n > 0)
			return fail(p, "unexpected to %s: \"%s\"", i ==
			    DIALOGUE_CLIENT ? "client" : "hop",
			    shown((struct span){ s->out[i].p, s->out[i].n }));
	for (i = 0; i < s->n_notes; i++)
		if (s->notes[i].is_grave && !s->notes[i].is_seen)
			return fail(p, "unexpected note \"%s\"",
			    s->notes[i].text);
	return true;
}

static bool
is_word(const struct step *step, const char *word)
{
	return strcmp(step->word, word) == 0;
}

static bool
check_output(struct player *p, const struct step *step)
{
	enum dialogue_side	 side = step->word[3] == 'c' ?
				     DIALOGUE_CLIENT : DIALOGUE_HOP;

	if (is_word(step, "to-hop"))
		return check_header(p, span_skip(step->text, step->text.n >
		    strlen("header ") ? strlen("header ") : step->text.n));
	if (step->word[strlen(step->word) - 1] == ':')
		return check_line(p, side, step->text, false);
	return check_exact(p, side, step->text);
}

/* What the dialogue has asked for. */
static bool
check_asked(struct player *p, const struct step *step)
{
	char	 whole[LINE_SIZE];

	if (is_word(step, "secure"))
		return check_line(p, span_eq(step->text, "hop") ?
		    DIALOGUE_HOP : DIALOGUE_CLIENT, span_of("secure"), true);
	if (is_word(step, "close"))
		return check_line(p, DIALOGUE_CLIENT, span_of("close"), true);
	(void)snprintf(whole, sizeof whole, "%s%s%.*s", step->word,
	    step->text.n == 0 ? "" : " ", (int)step->text.n, step->text.p);
	return check_line(p, DIALOGUE_HOP, span_of(whole), true);
}

static bool
check(struct player *p, const struct step *step)
{
	static const char *const	 asked[] = {
		"connect", "connect-next", "disconnect", "secure",
		"hand-over", "close"
	};
	size_t				 i;

	if (strncmp(step->word, "to-", 3) == 0)
		return check_output(p, step);
	for (i = 0; i < sizeof asked / sizeof asked[0]; i++)
		if (is_word(step, asked[i]))
			return check_asked(p, step);
	if (is_word(step, "note"))
		return check_note(p, step->text);
	if (is_word(step, "nonote"))
		return find_note(p, step->text) == NULL ||
		    fail(p, "it is there");
	if (is_word(step, "rule"))
		return check_rule(p, step->text);
	if (is_word(step, "wants") || is_word(step, "ignores"))
		return dialogue_wants(p->stage.d, span_eq(step->text,
		    "client") ? DIALOGUE_CLIENT : DIALOGUE_HOP) ==
		    (step->word[0] == 'w') || fail(p, "it is not so");
	if (is_word(step, "deadline"))
		return check_deadline(p, step->text);
	return fail(p, "unknown line \"%s\"", step->word);
}

/*
 * What happens
 */

/* "client eof", "hop lost WHY" ... */
static bool
end_side(struct player *p, const struct step *step, const char *text)
{
	struct stage	*s = &p->stage;

	if (strcmp(text, "eof") == 0)
		stage_eof(s, step->side);
	else if (strncmp(text, "lost", 4) == 0)
		stage_lost(s, step->side, text[4] == '\0' ? "it is gone" :
		    text + 5, false);
	else if (strncmp(text, "unknown", 7) == 0)
		stage_lost(s, step->side, text[7] == '\0' ? "no such host" :
		    text + 8, true);
	else
		return fail(p, "unknown line");
	return true;
}

static bool
set_revoked(struct player *p, const char *what, bool is_wanted)
{
	struct err	 err;

	return (is_wanted ? store_revoke(p->store, what, 0, &err) :
	    store_unrevoke(p->store, what, &err)) == 0 ||
	    fail(p, "%s", err.text);
}

/* Something that is no bytes. */
static bool
happen(struct player *p, const struct step *step)
{
	struct stage	*s = &p->stage;
	const char	*text = step->text.p;

	if (is_word(step, "client") || is_word(step, "hop"))
		return end_side(p, step, text);
	if (is_word(step, "connected"))
		stage_connected(s);
	else if (is_word(step, "secured"))
		stage_secured(s, strncmp(text, "hop", 3) == 0 ? DIALOGUE_HOP :
		    DIALOGUE_CLIENT, strncmp(text, "client ", 7) == 0 ?
		    text + 7 : "");
	else if (is_word(step, "wait"))
		stage_wait(s, strtoull(text, NULL, 10) * 1000);
	else if (is_word(step, "room"))
		stage_room(s, strncmp(text, "hop", 3) == 0 ? DIALOGUE_HOP :
		    DIALOGUE_CLIENT, strtoul(strchr(text, ' '), NULL, 10));
	else if (is_word(step, "stop"))
		stage_stop(s);
	else if (is_word(step, "revoke") || is_word(step, "unrevoke"))
		return set_revoked(p, text, step->word[0] == 'r');
	else
		return fail(p, "unknown line \"%s\"", step->word);
	return true;
}

/* What happens at the point of a sweep. */
static void
disturb(struct player *p)
{
	static const char *const	 babble[] = {
		"421 4.3.2 I have had enough\r\n", "250 2.0.0 Ok\r\n",
		"554 5.0.0 No\r\n", "354 Go ahead\r\n", "Hello\r\n"
	};
	struct stage	*s = &p->stage;

	p->is_past = true;
	switch (p->way) {
	case WAY_CLIENT_AWAY:
		if (p->variant == 0)
			stage_eof(s, DIALOGUE_CLIENT);
		else
			stage_lost(s, DIALOGUE_CLIENT, "it is gone", false);
		break;
	case WAY_HOP_AWAY:
		if (p->variant == 0)
			stage_eof(s, DIALOGUE_HOP);
		else
			stage_lost(s, DIALOGUE_HOP, "it is gone",
			    p->variant == 2);
		break;
	case WAY_HOP_BABBLES:
		stage_input(s, DIALOGUE_HOP, span_of(babble[p->variant]));
		break;
	default:
		break;
	}
}

/* Comes to where something is to be done. */
static void
pass_point(struct player *p)
{
	if (p->way >= WAY_CLIENT_AWAY && p->at == p->point)
		disturb(p);
	p->at++;
}

/* Whether a step still happens behind the point of a sweep. */
static bool
is_played(const struct player *p, const struct step *step)
{
	if (!p->is_past || p->way == WAY_HOP_BABBLES)
		return true;
	return p->way == WAY_HOP_AWAY && step->side == DIALOGUE_CLIENT;
}

/* Bytes of one side that stand together, in pieces. */
static void
input(struct player *p, enum dialogue_side side, struct span bytes,
    bool is_together)
{
	size_t	 i, n;

	if (is_together || p->way == WAY_WHOLE) {
		pass_point(p);
		stage_input(&p->stage, side, bytes);
		return;
	}
	if (p->way == WAY_CUT) {
		n = p->point > p->at && p->point - p->at < bytes.n ?
		    p->point - p->at : 0;
		p->at += bytes.n;
		stage_input(&p->stage, side, (struct span){ bytes.p, n });
		stage_input(&p->stage, side, span_skip(bytes, n));
		return;
	}
	for (i = 0; i < bytes.n; i++) {
		pass_point(p);
		stage_input(&p->stage, side, (struct span){ bytes.p + i, 1 });
	}
}

/* "client!", "hop!". */
static bool
comes_at_once(const struct step *step)
{
	return step->word[strlen(step->word) - 1] == '!';
}

/* Returns the index of the step behind those of that side that stand
 * together. */
static unsigned
input_group(struct player *p, unsigned i)
{
	const struct step	*step = &p->steps[i];
	struct bytes		 bytes = { NULL, 0, 0 };
	bool			 is_together = comes_at_once(step);

	for (; i < p->n_steps && p->steps[i].kind == STEP_INPUT &&
	    p->steps[i].side == step->side && (p->way == WAY_WHOLE ||
	    comes_at_once(&p->steps[i]) == is_together); i++)
		bytes_add(&bytes, p->steps[i].text);
	if (is_played(p, step))
		input(p, step->side, (struct span){ bytes.p, bytes.n },
		    is_together);
	bytes_clear(&bytes);
	/* Who cannot be reached is not reached again. */
	while (p->way == WAY_HOP_AWAY && p->is_past &&
	    p->stage.is_connecting)
		stage_lost(&p->stage, DIALOGUE_HOP, "refused", false);
	return i;
}

static void
forget_output(struct player *p)
{
	int	 i;

	for (i = 0; i < 2; i++)
		bytes_drop(&p->stage.out[i], p->stage.out[i].n);
}

/* Whether what comes of it is as the file says. */
static bool
is_checked(const struct player *p)
{
	return p->way < WAY_CLIENT_AWAY;
}

static bool
before_event(struct player *p)
{
	if (!is_checked(p)) {
		forget_output(p);
	} else if (!check_nothing_left(p)) {
		return false;
	}
	p->stage.n_notes = 0;
	return true;
}

static bool
play_steps(struct player *p)
{
	unsigned	 i = 0;

	while (i < p->n_steps) {
		const struct step	*step = &p->steps[i];

		p->line = step->line;
		if (step->kind == STEP_CHECK) {
			i++;
			if (is_checked(p) && !check(p, step))
				return false;
			continue;
		}
		if (!before_event(p))
			return false;
		if (step->kind == STEP_INPUT) {
			i = input_group(p, i);
		} else {
			i++;
			pass_point(p);
			if (is_played(p, step) && !happen(p, step))
				return false;
		}
		if (stage_fault(&p->stage) != NULL)
			return fail(p, "%s", stage_fault(&p->stage));
	}
	return !is_checked(p) || check_nothing_left(p);
}

/* Nothing may be awaited for ever. */
static bool
play_end(struct player *p)
{
	if (is_checked(p))
		return true;
	if (!p->is_past)
		disturb(p);
	stage_wait(&p->stage, FOR_EVER);
	if (stage_fault(&p->stage) != NULL)
		return fail(p, "%s", stage_fault(&p->stage));
	return p->stage.is_closed || fail(p, "the client is kept for ever");
}

/* Plays the file once. */
static bool
play_once(struct player *p, size_t point)
{
	struct stage	*s = &p->stage;
	struct err	 err;
	unsigned	 i;
	bool		 is_ok;

	s->conf = p->conf;
	s->relay = p->conf->relays;
	s->store = p->store;
	s->peer = p->peer;
	s->proxy = p->has_proxy ? &p->proxy : NULL;
	s->n_addresses = p->n_addresses;
	s->room[0] = s->room[1] = 65536;
	s->refuses_hand_over = p->refuses_hand_over;
	s->now_ms = 1000000000000;
	p->point = point;
	p->at = 0;
	p->is_past = false;
	stage_begin(s);
	is_ok = play_steps(p) && play_end(p);
	stage_end(s);
	for (i = 0; i < p->n_steps; i++)
		if (is_word(&p->steps[i], "revoke"))
			(void)store_unrevoke(p->store, p->steps[i].text.p,
			    &err);
	return is_ok;
}

static size_t
sweep_octets(void)
{
	const char	*text = getenv("DIALOGUE_OCTETS");
	size_t		 n = text == NULL ? 0 : strtoul(text, NULL, 10);

	return n == 0 ? SWEEP_OCTETS : n;
}

static bool
play_way(struct player *p, enum way way)
{
	static const unsigned	 variants[WAYS] = { 1, 1, 1, 2, 3, 5 };
	size_t			 point, total, step, n;

	p->way = way;
	p->variant = 0;
	if (!play_once(p, SIZE_MAX))
		return false;
	if (way < WAY_CUT)
		return true;
	total = p->at;
	step = total * total / sweep_octets() + 1;
	for (p->variant = 0; p->variant < variants[way]; p->variant++)
		for (point = 0; point < total; point += step)
			if (!play_once(p, point)) {
				n = strlen(p->failure);
				(void)snprintf(p->failure + n,
				    sizeof p->failure - n,
				    " (at %zu, variant %u)", point,
				    p->variant);
				return false;
			}
	return true;
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
prepare(struct player *p, const char *file)
{
	const char	*tmp = getenv("TMPDIR");

	p->file = file;
	p->n_addresses = 1;
	(void)address_parse(span_of("127.0.0.1"), &p->peer.addr);
	p->peer.local = p->peer.addr;
	p->peer.port = 40000;
	p->peer.local_port = 10025;
	(void)snprintf(p->dir, sizeof p->dir, "%.40s/dialogue.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(p->dir) == NULL)
		return fail(p, "%s: %s", p->dir, strerror(errno));
	(void)snprintf(p->conf_path, sizeof p->conf_path, "%s/conf", p->dir);
	return read_file(p);
}

static void
clear(struct player *p)
{
	unsigned	 i;

	store_close(p->store);
	conf_unref(p->conf);
	for (i = 0; i < p->n_steps; i++) {
		free(p->steps[i].word);
		free(p->steps[i].copy);
	}
	free(p->proxy_texts);
	(void)nftw(p->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(p);
}

/* Returns how many tests of the file failed; before says how many there were
 * before. */
static int
test_file(const char *file, int n_ways, int before)
{
	struct player	*p = calloc(1, sizeof *p);
	char		*name = strdup(file);
	int		 i, failed = 0;
	bool		 is_ready, is_ok;

	if (p == NULL || name == NULL)
		abort();
	is_ready = prepare(p, file);
	for (i = 0; i < n_ways; i++) {
		is_ok = is_ready && play_way(p, (enum way)i);
		printf("%s %d - %s: %s\n", is_ok ? "ok" : "not ok",
		    before + i + 1, p->title[0] == '\0' ? basename(name) :
		    p->title, way_texts[i]);
		if (!is_ok)
			printf("# %s\n", p->failure);
		failed += !is_ok;
	}
	free(name);
	clear(p);
	return failed;
}

int
main(int argc, char **argv)
{
	bool	 is_fast = argc > 1 && strcmp(argv[1], "-f") == 0;
	int	 i, first = is_fast ? 2 : 1;
	int	 n_ways = is_fast ? WAY_CUT : WAYS, failed = 0;

	printf("1..%d\n", n_ways * (argc - first));
	for (i = first; i < argc && !(is_fast && failed > 0); i++)
		failed += test_file(argv[i], n_ways, n_ways * (i - first));
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
