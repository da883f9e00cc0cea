/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe: cases that are put to a mail server, what it replied, and whether that
 * is what was expected.
 *
 * A case is one connection.  It ends before any message does, unless its
 * recipients are among those that one may be sent to.
 */
#ifndef XC_CTL_PROBE_H
#define XC_CTL_PROBE_H

#define PCRE2_CODE_UNIT_WIDTH	8
#include <pcre2.h>

#include "output.h"
#include "smtp_client.h"
#include "suite.h"

/* What came of a case; the numbers are exit statuses, xcontext(1).  Of several
 * cases the highest but WRONG counts. */
enum probe_class {
	PROBE_OK = 0,
	PROBE_WRONG = 1,		/* it replies otherwise */
	/* It cannot be told: */
	PROBE_NO_REPLY = 20,
	PROBE_CLOSED,
	PROBE_GREYLISTED,
	PROBE_UNAVAILABLE,		/* 421 */
	PROBE_DENIED,
	PROBE_NO_ATTRIBUTE,
	PROBE_NOT_OFFERED,
	PROBE_POSTSCREEN,
	PROBE_TLS,
	PROBE_CONNECT
};
#define PROBE_CLASSES	(PROBE_CONNECT + 1)

/* What it means: "the server does not offer XCLIENT to this host". */
const char	*probe_class_text(enum probe_class class);
/* "not_offered" */
const char	*probe_class_word(enum probe_class class);

struct probe_expectation {
	const struct suite_item	*item;
	struct suite_reply	 reply;		/* of EXPECT */
	pcre2_code		*pattern;	/* NULL: any */
	bool			 is_any;	/* "?": it is to be recorded */
};

struct probe_step {
	const struct suite_item	*command;	/* NULL: the greeting */
	struct probe_expectation *expected;
	unsigned		 n;
	/* What came of it: */
	bool			 is_answered;
	unsigned		 code;
	char			 status[12];	/* "": none */
	char			*text;		/* the reply, one line, escaped */
};

struct probe_difference {
	const char	*stage;		/* "RCPT TO:<a@example.com>" */
	unsigned	 line;
	char		*expected, *got;
};

struct probe_case {
	const struct suite	*suite;
	const char		*title;
	unsigned		 line;
	struct probe_step	*steps;		/* the first is the greeting */
	unsigned		 n;
	/* What came of it: */
	enum probe_class	 class;
	char			*why;		/* NULL: nothing besides */
	const char		*unsaid;	/* why not all was said; NULL */
	struct probe_difference	*differences;
	unsigned		 n_differences;
	bool			 is_done;
};

/* What all cases share. */
struct probe {
	struct event_base	*base;
	struct smtp_server	*server;
	struct smtp_client_options options;
	bool			 is_starttls;
	const char		*name;		/* for EHLO */
	const char		*send;		/* list; NULL: nothing is sent */
	bool			 is_recording;
	struct suite		*suites;
	unsigned		 n_suites;
	struct probe_case	*cases;
	unsigned		 n, next, n_running, n_done, jobs;
	struct pool		 pool;		/* what the cases have found */
	void			(*done)(struct probe *probe);
	void			*arg;
};

/* probe_case.c */
/* Makes the cases of all suites.  What cannot be one ends the program. */
void	probe_case_make(struct probe *probe);
/* Forgets what came of them. */
void	probe_case_forget(struct probe *probe);
void	probe_case_free(struct probe *probe);

/* probe_judge.c */
/* Holds a reply against what is expected of it, which is that it permits where
 * nothing is said.  step NULL: of what the probe says by itself. */
void	probe_judge(struct probe *probe, struct probe_case *c,
	    struct probe_step *step, const char *stage,
	    const struct smtp_reply *reply);
/* What ends a case before it is judged; the first counts. */
void	probe_judge_end(struct probe *probe, struct probe_case *c,
	    enum probe_class class, const char *stage, const char *why);
/* One line of printable ASCII. */
char	*probe_judge_text(struct probe *probe, const struct smtp_reply *reply);

/* probe_session.c */
/* Runs all cases, as many at once as is said, and returns when all are done. */
void	probe_session_run(struct probe *probe);

/* probe_compare.c */
/* Rows of what differs between two reports. */
json_t	*probe_compare(const json_t *first, const json_t *second);

/* probe_record.c */
/* Prints the files with what was replied as what is expected. */
void	probe_record(const struct probe *probe);

/* probe_report.c */
void	probe_report_tap(const struct probe *probe, unsigned first);
json_t	*probe_report_json(const struct probe *probe);
/* Ends the program if it cannot be written. */
void	probe_report_junit(const struct probe *probe, const char *name);
/* Tells standard error what could not be told; the exit status, as if the cases
 * were as expected if is_told. */
int	probe_report_status(const struct probe *probe, bool is_told);

#endif
