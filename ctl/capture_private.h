/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * capture_private: what is known of sessions that are not written yet.
 *
 * Private to capture*.c.
 */
#ifndef XC_CTL_CAPTURE_PRIVATE_H
#define XC_CTL_CAPTURE_PRIVATE_H

#include <bsd/sys/queue.h>

#include "capture.h"
#include "smtpd_line.h"

#define CAPTURE_BUCKETS	4096

struct rcpt {
	STAILQ_ENTRY(rcpt)	 next;
	char			 code[4], status[12];	/* "": permitted */
	char			 path[];
};

struct mail {
	TAILQ_ENTRY(mail)	 next;
	LIST_ENTRY(mail)	 bucket;	/* if it has a key */
	struct visit		*session;
	char			*key;		/* host, queue id; NULL: nothing
						 * more is to come */
	bool			 is_queued;	/* it got a queue id */
	char			*sender;	/* NULL: not known yet */
	char			 code[4], status[12];	/* at MAIL */
	STAILQ_HEAD(, rcpt)	 rcpts;
	unsigned		 n_rcpts;
};

struct visit {
	TAILQ_ENTRY(visit)	 next;		/* by age */
	LIST_ENTRY(visit)	 bucket;
	char			*key;		/* host, process; NULL: it has
						 * ended */
	char			*time;
	struct address		 addr;
	char			*name, *port, *login, *helo;	/* NULL: none */
	char			 proto[8];
	enum smtpd_line_stage	 stage;		/* at which all was refused */
	char			 code[4], status[12];	/* "": it was not */
	TAILQ_HEAD(mail_list, mail) mails;
	unsigned		 n_mails, n_open, n_refusals;
};

LIST_HEAD(mail_bucket, mail);
LIST_HEAD(session_bucket, visit);

struct capture {
	FILE			*out;
	size_t			 memory, used;
	TAILQ_HEAD(, visit)	 sessions;
	struct mail_bucket	 mails[CAPTURE_BUCKETS];
	struct session_bucket	 by_process[CAPTURE_BUCKETS];
	unsigned long		 n_cases, n_why[SMTPD_LINE_WHYS];
	unsigned long		 n_unknown;	/* mails */
	unsigned long		 n_passed_on, n_client, n_rcpts, n_early;
};

/* capture_case.c */
/* Writes what is known of a session as a case, and counts what is not. */
void	capture_case_print(struct capture *capture,
	    const struct visit *session);

#endif
