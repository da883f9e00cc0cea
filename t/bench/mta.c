/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * mta: see the header.
 */
#include "mta.h"

#include <arpa/inet.h>

#include <err.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define MILTER_VERSION	6
#define PACKET_MAX	65536
#define OUT_SIZE	32768	/* more than a session's events need */
#define HEADERS		13	/* with the other events: 21 */
#define BODY_SIZE	4096

/* A session with a milter under way. */
struct talk {
	int			 fd;
	const struct mta_terms	*terms;
	bool			 is_over;	/* the milter wants no more */
	size_t			 n;
	char			 out[OUT_SIZE];	/* not yet written */
};

/* Macros and their values; a milter gets those that it asked for. */
static const struct {
	const char	*name, *value;
} macros[] = {
	{ "j",			"mx.example.org" },
	{ "v",			"Postfix 3.7.11" },
	{ "i",			"4WbTq03kqPz2xQ" },
	{ "{daemon_name}",	"mx.example.org" },
	{ "{daemon_addr}",	"203.0.113.25" },
	{ "{daemon_port}",	"10025" },
	{ "{client_name}",	"mail-out-17.client.example.net" },
	{ "{client_port}",	"40123" },
	{ "{client_ptr}",	"mail-out-17.client.example.net" },
	{ "{client_connections}", "0" },
	{ "{mail_addr}",	"bounce-4711@lists.client.example.net" },
	{ "{mail_host}",	"lists.client.example.net" },
	{ "{mail_mailer}",	"smtp" },
	{ "{rcpt_addr}",	"alice@example.org" },
	{ "{rcpt_host}",	"example.org" },
	{ "{rcpt_mailer}",	"local" },
};

/* What Postfix sends at each stage to a milter that did not ask. */
static const char *const usual_macros[MTA_STAGES] = {
	[SMFIM_CONNECT] = "j {daemon_name} {daemon_addr} v",
	[SMFIM_HELO] = "",
	[SMFIM_ENVFROM] = "i {mail_addr} {mail_host} {mail_mailer}",
	[SMFIM_ENVRCPT] = "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
	[SMFIM_DATA] = "i",
	[SMFIM_EOM] = "i",
	[SMFIM_EOH] = "i",
};

/* An event: what declines it, what declines its reply, and its macros. */
struct event {
	char		 command;
	uint32_t	 unwanted, no_reply;
	int		 stage;		/* -1: none */
};

static const struct event
    ev_connect = { SMFIC_CONNECT, SMFIP_NOCONNECT, SMFIP_NR_CONN,
	SMFIM_CONNECT },
    ev_helo = { SMFIC_HELO, SMFIP_NOHELO, SMFIP_NR_HELO, SMFIM_HELO },
    ev_mail = { SMFIC_MAIL, SMFIP_NOMAIL, SMFIP_NR_MAIL, SMFIM_ENVFROM },
    ev_rcpt = { SMFIC_RCPT, SMFIP_NORCPT, SMFIP_NR_RCPT, SMFIM_ENVRCPT },
    ev_data = { SMFIC_DATA, SMFIP_NODATA, SMFIP_NR_DATA, SMFIM_DATA },
    ev_header = { SMFIC_HEADER, SMFIP_NOHDRS, SMFIP_NR_HDR, -1 },
    ev_eoh = { SMFIC_EOH, SMFIP_NOEOH, SMFIP_NR_EOH, SMFIM_EOH },
    ev_body = { SMFIC_BODY, SMFIP_NOBODY, SMFIP_NR_BODY, -1 },
    ev_eom = { SMFIC_BODYEOB, 0, 0, SMFIM_EOM };

static void
flush(struct talk *talk)
{
	if (talk->n > 0 &&
	    write(talk->fd, talk->out, talk->n) != (ssize_t)talk->n)
		err(1, "write to the milter");
	talk->n = 0;
}

static void
put(struct talk *talk, const void *data, size_t len)
{
	if (len > sizeof(talk->out) - talk->n)
		errx(1, "a session is too long");
	memcpy(talk->out + talk->n, data, len);
	talk->n += len;
}

/* Room for a packet's length, which put_end() fills in. */
static size_t
put_begin(struct talk *talk, char command)
{
	size_t	 start = talk->n;

	put(talk, "\0\0\0\0", 4);
	put(talk, &command, 1);
	return start;
}

static void
put_end(struct talk *talk, size_t start)
{
	uint32_t	 len = htonl((uint32_t)(talk->n - start - 4));

	memcpy(talk->out + start, &len, 4);
}

static void
put_text(struct talk *talk, const char *text)
{
	put(talk, text, strlen(text) + 1);
}

/* Reads a packet; its command.  *len_r: of what follows, now in buf. */
static char
get(int fd, char *buf, size_t *len_r)
{
	char		 head[5];
	uint32_t	 len;

	dialog_read(fd, head, sizeof(head));
	memcpy(&len, head, 4);
	len = ntohl(len);
	if (len < 1 || len > PACKET_MAX)
		errx(1, "the milter sent %u bytes", len);
	dialog_read(fd, buf, len - 1);
	*len_r = len - 1;
	return head[4];
}

/* Replies that change the message or ask for time are followed by others. */
static void
await_verdict(struct talk *talk)
{
	static const char	 not_last[] = {
		SMFIR_PROGRESS, SMFIR_ADDHEADER, SMFIR_INSHEADER,
		SMFIR_CHGHEADER, SMFIR_ADDRCPT, SMFIR_DELRCPT,
		SMFIR_REPLBODY, SMFIR_CHGFROM, SMFIR_QUARANTINE
	};
	char			 buf[PACKET_MAX], command;
	size_t			 len;

	flush(talk);
	do
		command = get(talk->fd, buf, &len);
	while (memchr(not_last, command, sizeof(not_last)) != NULL);
	if (command == SMFIR_ACCEPT)
		talk->is_over = true;
	else if (command != SMFIR_CONTINUE && command != SMFIR_SKIP)
		errx(1, "the milter replied '%c'%.*s", command,
		    command == SMFIR_REPLYCODE ? (int)len : 0, buf);
}

static const char *
macro_value(const char *name, size_t len)
{
	size_t	 i;

	for (i = 0; i < sizeof(macros) / sizeof(macros[0]); i++)
		if (strlen(macros[i].name) == len &&
		    memcmp(macros[i].name, name, len) == 0)
			return macros[i].value;
	return NULL;
}

static void
put_macros(struct talk *talk, const struct event *event)
{
	const char	*name, *value;
	size_t		 start, len;

	name = talk->terms->has_macros ? talk->terms->macros[event->stage] :
	    usual_macros[event->stage];
	start = put_begin(talk, SMFIC_MACRO);
	put(talk, &event->command, 1);
	for (; *name != '\0'; name += len + strspn(name + len, " ,\t")) {
		len = strcspn(name, " ,\t");
		if ((value = macro_value(name, len)) == NULL)
			continue;
		put(talk, name, len);
		put_text(talk, "");
		put_text(talk, value);
	}
	if (talk->n == start + 6)
		talk->n = start;
	else
		put_end(talk, start);
}

/* Macros go out before an event even if the event itself is declined. */
static void
tell(struct talk *talk, const struct event *event, const void *data,
    size_t len)
{
	size_t	 start;

	if (talk->is_over)
		return;
	if (event->stage >= 0)
		put_macros(talk, event);
	if ((talk->terms->protocol & event->unwanted) != 0)
		return;
	start = put_begin(talk, event->command);
	put(talk, data, len);
	put_end(talk, start);
	if ((talk->terms->protocol & event->no_reply) == 0)
		await_verdict(talk);
}

/* The lists of macros behind the flags: a number and a text each. */
static void
read_macro_lists(const char *p, size_t len, struct mta_terms *terms)
{
	const char	*end = p + len;
	uint32_t	 stage;

	while (end - p > 4 && memchr(p + 4, '\0', (size_t)(end - p) - 4)) {
		memcpy(&stage, p, 4);
		stage = ntohl(stage);
		p += 4;
		if (stage >= MTA_STAGES || strlen(p) >= MTA_MACROS_SIZE)
			errx(1, "the milter's macros make no sense");
		memcpy(terms->macros[stage], p, strlen(p) + 1);
		terms->has_macros = true;
		p += strlen(p) + 1;
	}
}

int
mta_open(const char *path, struct mta_terms *terms_r)
{
	const uint32_t	 offer[] = { htonl(MILTER_VERSION),
			     htonl(SMFI_CURR_ACTS), htonl(SMFI_CURR_PROT) };
	struct talk	 talk = { .fd = dialog_connect(path) };
	char		 buf[PACKET_MAX];
	uint32_t	 answer[3];
	size_t		 start, len;

	start = put_begin(&talk, SMFIC_OPTNEG);
	put(&talk, offer, sizeof(offer));
	put_end(&talk, start);
	flush(&talk);
	if (get(talk.fd, buf, &len) != SMFIC_OPTNEG || len < sizeof(answer))
		errx(1, "the milter did not negotiate");
	memcpy(answer, buf, sizeof(answer));
	memset(terms_r, 0, sizeof(*terms_r));
	terms_r->actions = ntohl(answer[1]);
	terms_r->protocol = ntohl(answer[2]);
	read_macro_lists(buf + sizeof(answer), len - sizeof(answer), terms_r);
	return talk.fd;
}

static void
tell_connect(struct talk *talk, const struct dialog_hosts *hosts)
{
	static const char	 name[] = "mail-out-17.client.example.net";
	const uint16_t		 port = htons(40123);
	char			 buf[128];
	size_t			 n = sizeof(name);

	memcpy(buf, name, n);
	buf[n++] = SMFIA_INET;
	memcpy(buf + n, &port, 2);
	n += 2;
	memcpy(buf + n, hosts->client, strlen(hosts->client) + 1);
	n += strlen(hosts->client) + 1;
	tell(talk, &ev_connect, buf, n);
}

void
mta_connect(int fd, const struct mta_terms *terms,
    const struct dialog_hosts *hosts)
{
	struct talk	 talk = { .fd = fd, .terms = terms };

	tell_connect(&talk, hosts);
	flush(&talk);
}

void
mta_play(const char *path, const struct dialog_hosts *hosts)
{
	static const char	 helo[] = "mail-out-17.client.example.net";
	static const char	 mail[] =
				     "<bounce-4711@lists.client.example.net>";
	static const char	 rcpt[] = "<alice@example.org>";
	static const char	 header[] = "X-Mailing-List\0 "
				     "announce@lists.client.example.net";
	static const char	 body[BODY_SIZE] = "Hello\r\n";
	struct mta_terms	 terms;
	struct talk		 talk = { .fd = mta_open(path, &terms),
				     .terms = &terms };
	size_t			 start;
	unsigned		 i;

	tell_connect(&talk, hosts);
	tell(&talk, &ev_helo, helo, sizeof(helo));
	tell(&talk, &ev_mail, mail, sizeof(mail));
	tell(&talk, &ev_rcpt, rcpt, sizeof(rcpt));
	tell(&talk, &ev_data, "", 0);
	for (i = 0; i < HEADERS; i++)
		tell(&talk, &ev_header, header, sizeof(header));
	tell(&talk, &ev_eoh, "", 0);
	tell(&talk, &ev_body, body, sizeof(body));
	tell(&talk, &ev_eom, "", 0);
	start = put_begin(&talk, SMFIC_QUIT);
	put_end(&talk, start);
	flush(&talk);
	(void)close(talk.fd);
}
