/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * milter_recorder: a milter that changes nothing and writes down what the MTA
 * tells it, so that a test can see whom the MTA believes to be talking to.
 *
 * Usage: milter_recorder SOCKET FILE.  One line an event, appended at once:
 * tab-separated name=value, bytes that are not printable (and '\\') as \xNN.
 * "session" numbers the milter connections from 1.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#define LINE_SIZE	8192

/* Set before the first thread starts, then read only. */
static int		 out = -1;
/* Numbers the sessions, which begin on several threads. */
static atomic_ulong	 n_sessions;

struct line {
	size_t	 n;
	char	 text[LINE_SIZE];
};

static void
line_add_byte(struct line *line, unsigned char c)
{
	static const char	 digits[] = "0123456789abcdef";

	if (line->n + 5 > sizeof(line->text))
		return;
	if (c < 0x20 || c > 0x7e || c == '\\') {
		line->text[line->n++] = '\\';
		line->text[line->n++] = 'x';
		line->text[line->n++] = digits[c >> 4];
		line->text[line->n++] = digits[c & 15];
	} else
		line->text[line->n++] = (char)c;
}

/* Adds name=value; nothing if the value is NULL, that is, not told. */
static void
line_add(struct line *line, const char *name, const char *value)
{
	if (value == NULL || line->n + strlen(name) + 3 > sizeof(line->text))
		return;
	if (line->n > 0)
		line->text[line->n++] = '\t';
	while (*name != '\0')
		line->text[line->n++] = *name++;
	line->text[line->n++] = '=';
	while (*value != '\0')
		line_add_byte(line, (unsigned char)*value++);
}

static void
line_begin(struct line *line, SMFICTX *ctx, const char *event)
{
	char	 number[32];

	line->n = 0;
	line_add(line, "event", event);
	snprintf(number, sizeof(number), "%lu",
	    (unsigned long)(uintptr_t)smfi_getpriv(ctx));
	line_add(line, "session", number);
}

static void
line_add_macros(struct line *line, SMFICTX *ctx)
{
	static const char *const names[] = { "{client_addr}", "{client_name}",
	    "{client_port}", "{client_ptr}", "{client_resolve}",
	    "{daemon_addr}", "{daemon_port}", "{auth_type}", "{auth_authen}",
	    "i", NULL };
	char		 plain[32];
	size_t		 i, n;

	for (i = 0; names[i] != NULL; i++) {
		n = strcspn(names[i] + (names[i][0] == '{'), "}");
		snprintf(plain, sizeof(plain), "%.*s", (int)n,
		    names[i] + (names[i][0] == '{'));
		line_add(line, plain, smfi_getsymval(ctx, (char *)names[i]));
	}
}

/* One write(2) a line, so that lines of several threads do not mix. */
static void
line_end(struct line *line)
{
	line->text[line->n++] = '\n';
	if (write(out, line->text, line->n) != (ssize_t)line->n)
		warn("write");
}

static sfsistat
record(SMFICTX *ctx, const char *event, const char *name, const char *value)
{
	struct line	 line;

	line_begin(&line, ctx, event);
	if (name != NULL)
		line_add(&line, name, value);
	line_add_macros(&line, ctx);
	line_end(&line);
	return SMFIS_CONTINUE;
}

static sfsistat
recorder_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1,
    unsigned long f2, unsigned long f3, unsigned long *pf0,
    unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	static char	 at_connect[] = "{client_addr} {client_name} "
	    "{client_port} {client_ptr} {client_resolve} {daemon_addr} "
	    "{daemon_port}";
	static char	 at_mail[] = "i {auth_type} {auth_authen}";
	static char	 at_rest[] = "i";

	(void)f0;
	(void)f1;
	(void)f2;
	(void)f3;
	smfi_setsymlist(ctx, SMFIM_CONNECT, at_connect);
	smfi_setsymlist(ctx, SMFIM_HELO, at_connect);
	smfi_setsymlist(ctx, SMFIM_ENVFROM, at_mail);
	smfi_setsymlist(ctx, SMFIM_ENVRCPT, at_rest);
	smfi_setsymlist(ctx, SMFIM_EOM, at_rest);
	*pf0 = 0;
	*pf1 = SMFIP_NOBODY | SMFIP_NOHDRS | SMFIP_NOEOH;
	*pf2 = *pf3 = 0;
	return SMFIS_CONTINUE;
}

static void
address_text(const _SOCK_ADDR *addr, char *text, size_t size, char *port,
    size_t port_size)
{
	const struct sockaddr_in	*in = (const void *)addr;
	const struct sockaddr_in6	*in6 = (const void *)addr;

	snprintf(text, size, "unknown");
	snprintf(port, port_size, "0");
	if (addr != NULL && addr->sa_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, text, (socklen_t)size);
		snprintf(port, port_size, "%u", ntohs(in->sin_port));
	} else if (addr != NULL && addr->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, text, (socklen_t)size);
		snprintf(port, port_size, "%u", ntohs(in6->sin6_port));
	}
}

static sfsistat
recorder_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *addr)
{
	char		 text[INET6_ADDRSTRLEN], port[16];
	struct line	 line;

	smfi_setpriv(ctx, (void *)(uintptr_t)(atomic_fetch_add(&n_sessions, 1)
	    + 1));
	address_text(addr, text, sizeof(text), port, sizeof(port));
	line_begin(&line, ctx, "CONNECT");
	line_add(&line, "name", name);
	line_add(&line, "addr", text);
	line_add(&line, "port", port);
	line_add_macros(&line, ctx);
	line_end(&line);
	return SMFIS_CONTINUE;
}

static sfsistat
recorder_helo(SMFICTX *ctx, char *helo)
{
	return record(ctx, "HELO", "helo", helo);
}

static sfsistat
recorder_mail(SMFICTX *ctx, char **argv)
{
	return record(ctx, "MAIL", "sender", argv[0]);
}

static sfsistat
recorder_rcpt(SMFICTX *ctx, char **argv)
{
	return record(ctx, "RCPT", "recipient", argv[0]);
}

static sfsistat
recorder_data(SMFICTX *ctx)
{
	return record(ctx, "DATA", NULL, NULL);
}

static sfsistat
recorder_unknown(SMFICTX *ctx, const char *command)
{
	return record(ctx, "UNKNOWN", "command", command);
}

static sfsistat
recorder_eom(SMFICTX *ctx)
{
	return record(ctx, "EOM", NULL, NULL);
}

static sfsistat
recorder_abort(SMFICTX *ctx)
{
	return record(ctx, "ABORT", NULL, NULL);
}

static sfsistat
recorder_close(SMFICTX *ctx)
{
	record(ctx, "CLOSE", NULL, NULL);
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

int
main(int argc, char **argv)
{
	struct smfiDesc	 desc = {
		.xxfi_name = "recorder",
		.xxfi_version = SMFI_VERSION,
		.xxfi_connect = recorder_connect,
		.xxfi_helo = recorder_helo,
		.xxfi_envfrom = recorder_mail,
		.xxfi_envrcpt = recorder_rcpt,
		.xxfi_data = recorder_data,
		.xxfi_unknown = recorder_unknown,
		.xxfi_eom = recorder_eom,
		.xxfi_abort = recorder_abort,
		.xxfi_close = recorder_close,
		.xxfi_negotiate = recorder_negotiate,
	};
	char		 where[256];

	if (argc != 3)
		errx(EXIT_FAILURE, "usage: milter_recorder socket file");
	out = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (out == -1)
		err(EXIT_FAILURE, "%s", argv[2]);
	snprintf(where, sizeof(where), "unix:%s", argv[1]);
	if (smfi_register(desc) == MI_FAILURE ||
	    smfi_setconn(where) == MI_FAILURE)
		errx(EXIT_FAILURE, "cannot set up libmilter on %s", where);
	return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
