/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_check: what a Received: header is taken for: whole, folded anywhere,
 * cut off anywhere, and at the end of memory.
 *
 * 192.0.2.1 and 2001:db8::1 are the clients in truth, 203.0.113.9 is whom they
 * would like to be.
 */
#ifndef XC_T_RECEIVED_CHECK_H
#define XC_T_RECEIVED_CHECK_H

#include "received/received.h"

/* What servers write behind the client. */
#define DATE	"; Mon, 5 Jan 2026 10:00:00 +0000"
#define POSTFIX	" by mx.example.com (Postfix) with ESMTPS id 4Xyz0; Mon, " \
		"5 Jan 2026 10:00:00 +0000 (UTC)"
#define SENDMAIL " by mx.example.com (8.17.1.9/8.17.1.9) with ESMTP id " \
		"605A0000001234" DATE
#define EXIM	" by mx.example.com with esmtps (TLS1.3) tls " \
		"TLS_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from " \
		"<a@example.net>) id 1vabcd-000000-1a for b@example.com" DATE
#define EXCHANGE " by EX1.corp.example (198.51.100.7) with Microsoft SMTP " \
		"Server (version=TLS1_2, cipher=TLS_ECDHE) id 15.1.2507.35" DATE
#define GMAIL	" by mx.google.com with ESMTPS id a1-20020a05si1.2.2026.1.5 " \
		"for <b@example.com> (version=TLS1_3 bits=256/256)" DATE
#define QMAIL	" by mx.example.com with SMTP; 5 Jan 2026 10:00:00 -0000"
#define CGP	" by mx.example.com (CommuniGate Pro SMTP 6.3.19) with " \
		"ESMTPSA id 46984509 for b@example.com" DATE
#define FETCH	" by localhost with IMAP (fetchmail-6.4.23) for " \
		"<b@localhost> (single-drop)" DATE
#define LMTP	" by mx.example.com with LMTP id abc/def (envelope-from " \
		"<a@example.net>) for <b@example.com>" DATE

/* want: the client's address, or NULL if result is not RECEIVED_DONE. */
struct received_row {
	const char		*title, *in;
	enum received_result	 result;
	const char		*want, *name, *helo;
};

#define ROW(title, in, addr, name, helo) \
	{ title, in, RECEIVED_DONE, addr, name, helo }
#define NONE(title, in, why) \
	{ title, in, RECEIVED_ ## why, NULL, NULL, NULL }

/* is_first_whole: what the client said makes a whole header before its own end,
 * and may be cut out of it. */
void	received_check(const struct received_row *r, bool is_first_whole);

#endif
