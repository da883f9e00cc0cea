/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtpd: plays Postfix's smtpd(8) against xcontext-policy's server: real
 * sockets on both sides in one process, with an event loop that is stepped by
 * hand.
 *
 * All connections come from this very process, which is therefore the one whose
 * session the ledger follows.
 */
#ifndef XC_T_SMTPD_H
#define XC_T_SMTPD_H

#include "session/decision.h"
#include "policy/server.h"
#include "tempdir.h"

struct event_base;

/* What there is on the server's side. */
struct smtpd {
	char			 dir[TEMPDIR_SIZE];
	struct conf		*conf;
	struct store		*store;
	struct metrics		*metrics;
	struct ledger		*ledger;
	struct event_base	*base;
	struct server		*server;	/* at "policy" and "maps" */
};

#define POLICY(state)							\
	"request=smtpd_access_policy\nprotocol_state=" state "\n"	\
	"client_address=203.0.113.5\nclient_port=1\n\n"
#define DUNNO		"action=DUNNO\n\n"
#define NOTFOUND	"9:NOTFOUND ,"
#define STRANGER	"19:milters 203.0.113.5,"
#define DISABLED	"10:OK DISABLE,"

/* A session with an override, and its answers. */
#define OVERRIDE							\
	"15:xclient unknown,17:xclient 192.0.2.1,16:xforward unknown,"	\
	"18:xforward 192.0.2.1,17:milters 192.0.2.1,14:command EHLO x,"	\
	"33:command XCLIENT ADDR=198.51.100.9,15:xclient unknown,"	\
	"20:xclient 198.51.100.9,20:milters 198.51.100.9,"
#define OVERRIDE_ANSWERS						\
	NOTFOUND "7:OK edge," NOTFOUND "7:OK edge," NOTFOUND NOTFOUND	\
	"93:OK XCLIENT ADDR=198.51.100.9 NAME=[UNAVAILABLE] "		\
	"REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE],"		\
	NOTFOUND "7:OK edge," NOTFOUND

/* Of each test; what is returned stays until smtpd_teardown. */
struct smtpd	*smtpd_setup(void);
void		 smtpd_teardown(void);

/* Lets the server do what there is to do. */
void	smtpd_step(void);
/* Other limits, for the connections that there are, too. */
void	smtpd_use_limits(const char *limits);
/* A listening socket of that name in dir. */
int	smtpd_listen_at(const char *name);

/* How often the text is in the log, and how often that was decided. */
unsigned	smtpd_logged(const char *text);
unsigned	smtpd_noted(enum decision_event event);

/* Connects to the socket of that name; try: -1, if that cannot be, and the
 * server has not looked yet. */
int	smtpd_try_dial(const char *name);
int	smtpd_dial(const char *name);

void	smtpd_say(int fd, const char *text);
void	smtpd_say_bytes(int fd, const char *p, size_t n);
/* What has come, as a string; "(closed)" when the server has hung up. */
const char	*smtpd_hear(int fd);
/* Says text, and hears want. */
void	smtpd_expect(int fd, const char *text, const char *want);

/* A netstring in a buffer that the next call but seven uses again. */
const char	*smtpd_ns(const char *body);

#endif
