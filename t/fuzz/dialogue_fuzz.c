/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_fuzz: whatever a client and its next hops say, and in whatever
 * order, what t/lib/stage.c watches over holds, memory is bounded, and time
 * ends everything.
 *
 * An input is lines; the first one begins with the number of a relay below,
 * each other one with what happens:
 *	< > text	the client, the next hop says a line
 *	( ) text	likewise, without CRLF; "\r", "\n", "\0" stand for octets
 *	+ - _		the next hop is there, is lost, does not exist
 *	E X e		the client says no more, is gone; the next hop says no
 *			more
 *	S s		TLS with the next hop, with the client
 *	w number	so many seconds go by
 *	R r digit	room at the next hop, at the client
 *	q		the daemon is about to stop
 */
#include "t/lib/stage.h"

#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOR_EVER	(400 * 86400 * 1000ULL)
/* What a dialogue may hold, of however much it has seen. */
#define MEMORY_MAX	(512U * 1024)

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LISTEN	"listen = \"127.0.0.1:10025\""

static const char	 settings[] =
    "user = \"\"\n"
    "XCLIENT = \"ifavailable\"\n"
    "trust_maps = { \"cidr:{{127.0.0.0/8 edge}}\" }\n"
    "profile edge {\n"
    "	xclient = { \"*\" }\n"
    "	addr = { \"*\" }\n"
    "	login = { \"*\" }\n"
    "	xforward = { \"*\" }\n"
    "	xsetcontext = { \"*\" }\n"
    "	xdumpcontext = true\n"
    "	xremoteip = true\n"
    "}\n"
    "binding may { tls = \"may\" }\n"
    "binding must { tls = \"encrypt\" XCLIENT = \"required\" }\n"
    "domain example.net { XCLIENT = \"no\" }\n"
    "domain example.org { XCLIENT = \"required\" }\n"
    "relay smtp { " LISTEN " next_hop = \"smtp:[127.0.0.1]\""
    " auth = \"always\" }\n"
    "relay lmtp { " LISTEN " protocol = \"lmtp\""
    " next_hop = \"lmtp:[127.0.0.1]\" }\n"
    "relay mixed { " LISTEN " next_hop = \"lmtp:[127.0.0.1]\""
    " binding = \"may\" }\n"
    "relay maps { " LISTEN "\n"
    "	transport_maps = { \"inline:{ example.org=smtp:[127.0.0.1],"
    " example.net=smtp:[127.0.0.1], example.com=lmtp:[127.0.0.2] }\","
    " \"static:smtp:\" }\n"
    "	binding_maps = { \"pcre:{{/tenant=must/ must}}\" }\n"
    "}\n"
    "relay tls { " LISTEN " next_hop = \"smtp:[127.0.0.1]\""
    " tls = \"may\""
    " tls_certificate = \"/x\" tls_key = \"/x\" binding = \"must\" }\n"
    "relay proxy { " LISTEN " next_hop = \"smtp:[127.0.0.1]\""
    " proxy_protocol_out = true bare_newline = \"reject\" }\n"
    "relay handed { " LISTEN " next_hop = \"smtp:[127.0.0.1]\""
    " hand_over = true }\n";

static char		 dir[64];
static struct conf	*conf;
static struct store	*store;

static int
remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
clean_up(void)
{
	store_close(store);
	conf_unref(conf);
	(void)nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void
prepare(void)
{
	const char	*tmp = getenv("TMPDIR");
	char		 path[80];
	struct err	 err = { "" };
	FILE		*out;

	(void)snprintf(dir, sizeof dir, "%.40s/dialogue.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(dir) == NULL)
		abort();
	(void)atexit(clean_up);
	(void)snprintf(path, sizeof path, "%s/conf", dir);
	out = fopen(path, "w");
	if (out == NULL)
		abort();
	(void)fprintf(out, "store = \"lmdb:%s/store\"\n%s", dir, settings);
	(void)fclose(out);
	conf = conf_load(path, &err);
	if (conf != NULL)
		store = store_open(conf->store, 8, &err);
	if (store == NULL) {
		(void)fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

static struct span
unescape(struct span text, char *buf)
{
	size_t	 i, n = 0;

	for (i = 0; i < text.n; i++) {
		char	 next = i + 1 < text.n ? text.p[i + 1] : '\0';

		if (text.p[i] != '\\' || memchr("rn0", next, 4) == NULL) {
			buf[n++] = text.p[i];
			continue;
		}
		buf[n++] = next == 'r' ? '\r' : next == 'n' ? '\n' : '\0';
		i += next != '\0';
	}
	return (struct span){ buf, n };
}

static void
say(struct stage *s, char how, struct span text)
{
	enum dialogue_side	 side = how == '<' || how == '(' ?
				     DIALOGUE_CLIENT : DIALOGUE_HOP;
	char			*buf = malloc(text.n + 3);
	struct span		 bytes;

	if (buf == NULL)
		abort();
	bytes = unescape(text, buf);
	if (how == '<' || how == '>') {
		memcpy(buf + bytes.n, "\r\n", 2);
		bytes.n += 2;
	}
	stage_input(s, side, bytes);
	free(buf);
}

static uint64_t
number(struct span text)
{
	uint64_t	 n = 0;

	for (; text.n > 0 && *text.p >= '0' && *text.p <= '9' && n < 100000;
	    text = span_skip(text, 1))
		n = n * 10 + (uint64_t)(*text.p - '0');
	return n;
}

static void
happen(struct stage *s, struct span line)
{
	struct span	 rest = span_skip(line, 1);

	switch (*line.p) {
	case '<':
	case '>':
	case '(':
	case ')':
		say(s, *line.p, rest);
		break;
	case '+':
		stage_connected(s);
		break;
	case '-':
	case '_':
		stage_lost(s, DIALOGUE_HOP, "lost", *line.p == '_');
		break;
	case 'E':
	case 'e':
		stage_eof(s, *line.p == 'E' ? DIALOGUE_CLIENT :
		    DIALOGUE_HOP);
		break;
	case 'X':
		stage_lost(s, DIALOGUE_CLIENT, "lost", false);
		break;
	case 'S':
	case 's':
		stage_secured(s, *line.p == 's' ? DIALOGUE_CLIENT :
		    DIALOGUE_HOP, rest.n > 0 ? "AB:CD" : "");
		break;
	case 'w':
		stage_wait(s, number(rest) * 1000);
		break;
	case 'R':
	case 'r':
		stage_room(s, *line.p == 'R' ? DIALOGUE_HOP :
		    DIALOGUE_CLIENT, (size_t)number(rest));
		break;
	case 'q':
		stage_stop(s);
		break;
	default:
		break;
	}
}

static void
check(struct stage *s, size_t before)
{
	int	 i;

	if (stage_fault(s) != NULL) {
		(void)fprintf(stderr, "%s\n", stage_fault(s));
		abort();
	}
	/* What was sent is not the dialogue's any more. */
	for (i = 0; i < 2; i++)
		bytes_clear(&s->out[i]);
	if (mallinfo2().uordblks > before + MEMORY_MAX + 4 *
	    (s->in[0].size + s->in[1].size + s->client.said.size +
	    s->hop.replied.size)) {
		(void)fprintf(stderr, "too much memory\n");
		abort();
	}
}

static void
play(struct stage *s, struct span input)
{
	size_t	 before = mallinfo2().uordblks;

	stage_begin(s);
	while (input.n > 0 && !s->is_closed) {
		const char	*lf = memchr(input.p, '\n', input.n);
		struct span	 line = { input.p, lf == NULL ? input.n :
				     (size_t)(lf - input.p) };

		if (line.n > 0)
			happen(s, line);
		check(s, before);
		input = span_skip(input, line.n + (lf != NULL));
	}
	stage_wait(s, FOR_EVER);
	check(s, before);
	if (!s->is_closed)
		abort();
	stage_end(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stage	 stage;
	struct span		 input = { (const char *)data, size };
	unsigned		 relay;

	if (size == 0 || *data < '0' || *data > '9')
		return 0;
	if (conf == NULL)
		prepare();
	relay = (unsigned)(*data - '0') % conf->n_relays;
	stage = (struct stage){
		.conf = conf, .store = store,
		.relay = &conf->relays[relay],
		.n_addresses = 2, .room = { 65536, 65536 },
		.now_ms = 1000000000000
	};
	(void)address_parse(span_of("127.0.0.1"), &stage.peer.addr);
	stage.peer.local = stage.peer.addr;
	stage.peer.port = 40000;
	stage.peer.local_port = 25;
	play(&stage, span_skip(input, 1));
	return 0;
}
