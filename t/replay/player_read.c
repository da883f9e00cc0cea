/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * player_read: see player.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"

#define PREAMBLES	"preamble/"

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

/*
 * Tables
 */

/* Takes the next text between bars off *rest, without the blanks around it;
 * NULL: there is none.  In place. */
static char *
next_text(char **rest)
{
	char	*text = strsep(rest, "|"), *end;

	if (text == NULL)
		return NULL;
	text += strspn(text, " ");
	for (end = text + strlen(text); end > text && end[-1] == ' '; end--)
		;
	*end = '\0';
	return text;
}

/* "columns NAME | NAME ...". */
static bool
read_columns(struct player *p, char *text)
{
	char	*name;

	if (p->n_columns > 0)
		return player_fail(p, "columns twice");
	while ((name = next_text(&text)) != NULL) {
		if (p->n_columns == PLAYER_COLUMNS_MAX)
			return player_fail(p, "too many columns");
		p->columns[p->n_columns++].name = strdup(name);
	}
	return true;
}

/* "row TEXT | TEXT ...": of the others than the one to be played nothing is
 * kept. */
static bool
read_row(struct player *p, char *text)
{
	unsigned	 n = 0;
	char		*value;

	if (++p->rows_passed != p->row)
		return true;
	while ((value = next_text(&text)) != NULL) {
		if (n == p->n_columns)
			return player_fail(p, "more texts than columns");
		p->columns[n++].value = strdup(value);
	}
	return n == p->n_columns || player_fail(p, "fewer texts than columns");
}

/* The text of the column whose name stands at the front of s; NULL: none. */
static const char *
find_column(const struct player *p, const char *s, size_t *len_r)
{
	unsigned	 i;

	*len_r = strspn(s, "abcdefghijklmnopqrstuvwxyz");
	for (i = 0; i < p->n_columns; i++)
		if (span_eq((struct span){ s, *len_r }, p->columns[i].name))
			return p->columns[i].value;
	return NULL;
}

/* Puts the row's texts into a line. */
static bool
expand(struct player *p, char line[PLAYER_LINE_SIZE])
{
	char		 out[PLAYER_LINE_SIZE];
	const char	*in = line, *value;
	size_t		 len, n = 0;

	for (; *in != '\0'; in++) {
		value = *in != '$' ? NULL : find_column(p, in + 1, &len);
		if (value != NULL)
			in += len;
		len = value == NULL ? 1 : strlen(value);
		if (n + len >= sizeof out)
			return player_fail(p, "line too long");
		memcpy(out + n, value == NULL ? in : value, len);
		n += len;
	}
	memcpy(line, out, n);
	line[n] = '\0';
	return true;
}

/* The next line as it is meant.  False: there is none, or it has failed. */
static bool
next_line(struct player *p, FILE *in, char line[PLAYER_LINE_SIZE])
{
	if (fgets(line, PLAYER_LINE_SIZE, in) == NULL)
		return false;
	p->line++;
	line[strcspn(line, "\n")] = '\0';
	return expand(p, line);
}

unsigned
player_count_rows(const char *file)
{
	FILE		*in = fopen(file, "r");
	char		 line[PLAYER_LINE_SIZE];
	unsigned	 n = 0;

	while (in != NULL && fgets(line, sizeof line, in) != NULL)
		n += strncmp(line, "row ", 4) == 0;
	if (in != NULL)
		(void)fclose(in);
	return n;
}

/*
 * What stands before all else
 */

static bool
write_conf(struct player *p, FILE *in)
{
	char	 line[PLAYER_LINE_SIZE];
	FILE	*out = fopen(p->conf_path, "w");
	bool	 is_relay = false;

	if (out == NULL)
		return player_fail(p, "%s: %s", p->conf_path, strerror(errno));
	(void)fprintf(out, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\nuser = \"\"\n", p->dir,
	    p->dir);
	while (next_line(p, in, line) && strcmp(line, "end") != 0) {
		(void)fprintf(out, "%s\n", line);
		is_relay = strncmp(line, "relay ", 6) == 0;
		if (is_relay)
			(void)fputs("\tlisten = \"127.0.0.1:10025\"\n", out);
	}
	return fclose(out) == 0 || player_fail(p, "%s: %s", p->conf_path,
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
		return player_fail(p, "%s", err.text);
	if (p->conf->n_relays == 0)
		return player_fail(p, "there is no relay");
	p->store = store_open(p->conf->store, 8,
	    p->conf->state_directory, &err);
	return p->store != NULL || player_fail(p, "%s", err.text);
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
	    player_fail(p, "not an address: %s", addr);
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
			return player_fail(p, "proxy: %s", word);
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

	if (p->n_steps == PLAYER_STEPS_MAX)
		return player_fail(p, "too many lines");
	p->n_steps++;
	step->file = p->file;
	step->line = p->line;
	step->word = strdup(word);
	step->side = strncmp(word, "client", 6) == 0 ? DIALOGUE_CLIENT :
	    DIALOGUE_HOP;
	step->kind = is_input_word(word) ? STEP_INPUT :
	    is_event_word(word) ? STEP_EVENT : STEP_CHECK;
	step->text = kind == '*' ? repeat(text) : copy_text(text,
	    step->kind == STEP_INPUT && kind != '=' ? "\r\n" : "");
	step->copy = (char *)step->text.p;
	return step->word != NULL || player_fail(p, "out of memory");
}

static bool	 read_preamble(struct player *p, const char *name);

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
	else if (strcmp(line, "preamble") == 0)
		return read_preamble(p, text);
	else if (strcmp(line, "columns") == 0)
		return read_columns(p, text);
	else if (strcmp(line, "row") == 0)
		return read_row(p, text);
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
read_lines(struct player *p)
{
	FILE	*in = fopen(p->file, "r");
	char	 line[PLAYER_LINE_SIZE];
	bool	 is_ok = true;

	if (in == NULL)
		return player_fail(p, "%s", strerror(errno));
	while (is_ok && next_line(p, in, line))
		if (line[0] != '\0' && line[0] != '#')
			is_ok = read_line(p, line, in);
	(void)fclose(in);
	return is_ok && p->failure[0] == '\0';
}

/* Whether the n octets of its folder say that a file is one. */
static bool
is_preamble(const char *file, int n)
{
	int	 len = (int)strlen(PREAMBLES);

	return n >= len && memcmp(file + n - len, PREAMBLES,
	    (size_t)len) == 0;
}

/* Found beside the file, or, from another preamble, beside that. */
static bool
read_preamble(struct player *p, const char *name)
{
	const char	*file = p->file, *slash = strrchr(file, '/');
	unsigned	 line = p->line;
	int		 n = slash == NULL ? 0 : (int)(slash - file) + 1;
	char		*path;

	if (p->n_preambles == PLAYER_PREAMBLES_MAX)
		return player_fail(p, "too many preambles");
	if (asprintf(&path, "%.*s%s%s", n, file, is_preamble(file, n) ? "" :
	    PREAMBLES, name) == -1)
		abort();
	p->preambles[p->n_preambles++] = path;
	p->file = path;
	p->line = 0;
	if (!read_lines(p))
		return false;
	p->file = file;
	p->line = line;
	return true;
}

/* It stands before the columns that it may name. */
static bool
expand_title(struct player *p)
{
	char	 line[PLAYER_LINE_SIZE];

	(void)snprintf(line, sizeof line, "%s", p->title);
	if (!expand(p, line))
		return false;
	(void)snprintf(p->title, sizeof p->title, "%.250s", line);
	return true;
}

bool
player_read(struct player *p)
{
	return read_lines(p) && expand_title(p) && (p->conf != NULL ||
	    player_fail(p, "no configuration"));
}

void
player_read_clear(struct player *p)
{
	unsigned	 i;

	for (i = 0; i < p->n_steps; i++) {
		free(p->steps[i].word);
		free(p->steps[i].copy);
	}
	for (i = 0; i < p->n_columns; i++) {
		free(p->columns[i].name);
		free(p->columns[i].value);
	}
	for (i = 0; i < p->n_preambles; i++)
		free(p->preambles[i]);
	free(p->proxy_texts);
}
