/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_origin: whom a stored message came from, by what it was told on its
 * way: the Received: header that the administrator points at.
 *
 * Servers add theirs above those that are there.  So what stands above the one
 * that is asked for was written by hosts of his, and that one, too; all below
 * may be invented.  What cannot be told for certain is unknown.
 */
#ifndef XC_CTL_INJECT_ORIGIN_H
#define XC_CTL_INJECT_ORIGIN_H

#include "base/err.h"
#include "inject_header.h"
#include "received/received.h"
#include "trust/assertion.h"

#define INJECT_MINE_MAX		64
#define INJECT_LOGIN_SIZE	256
#define INJECT_TIME_SIZE	64

enum inject_how {
	INJECT_BY_COUNT,	/* the n-th from above */
	INJECT_BY_HOP,		/* the first that is not from a host of mine */
	INJECT_BY_HEADER	/* not Received: at all */
};

/* Whose hosts are the administrator's, and what of a header is believed.  What
 * it points at outlives it. */
struct inject_rule {
	enum inject_how		 how;
	unsigned		 count;
	struct address_net	 nets[INJECT_MINE_MAX];
	unsigned		 n_nets;
	const char		*hosts[INJECT_MINE_MAX];	/* patterns, of
					 * the name that was looked up */
	unsigned		 n_hosts;
	const char		*header;
	bool			 has_login;	/* "Authenticated sender" is
						 * believed */
};

enum inject_origin_result {
	INJECT_ORIGIN_FOUND,
	INJECT_ORIGIN_UNKNOWN,	/* why says it */
	INJECT_ORIGIN_FAILED	/* the message cannot be read: why */
};

struct inject_origin {
	struct received	 from;		/* with FOUND */
	char		 login[INJECT_LOGIN_SIZE];	/* "": none */
	char		 time[INJECT_TIME_SIZE];	/* as it stands there */
	unsigned	 nth;		/* of the Received: headers; 0: another */
	unsigned	 line;		/* of the message; 0: none was found */
	off_t		 offset;	/* of it in the file; else the message's
					 * begin */
	char		 why[128];
};

/*
 * Reads "192.0.2.0/24,2001:db8::/32,*.example.net" into the rule, which is then
 * one by hops; text is changed, and kept.  0, or -1 with err.
 */
int	inject_origin_mine(struct inject_rule *rule, char *text,
	    struct err *err);

/* Whom the message came from, whose bytes are those from begin to end. */
enum inject_origin_result	inject_origin_find(
			    const struct inject_rule *rule, int fd,
			    off_t begin, off_t end,
			    struct inject_origin *origin_r);

/* What XCLIENT is to say of it; of an unknown one, that it is unknown. */
void	inject_origin_assert(const struct inject_origin *origin,
	    enum inject_origin_result result, struct assertion_set *set_r);

#endif
