/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * domain: the one spelling of a mail domain, in which it is looked up and
 * compared.
 *
 * Mail servers take many texts for the same domain: "EXAMPLE.com",
 * "example.com.", "b\xC3\xBCcher.example" and "xn--bcher-kva.example",
 * "[ipv6:2001:DB8:0::1]".  What is said of a domain would not hold if another
 * spelling of it were another domain; so nothing here compares a domain that
 * has not come through this.
 */
#ifndef XC_DOMAIN_H
#define XC_DOMAIN_H

#include "base/span.h"

#define DOMAIN_SIZE		256	/* of the spelling, NUL included */
#define DOMAIN_UNICODE_SIZE	1024	/* of the same with its U-labels */

enum domain_result {
	DOMAIN_OK,
	DOMAIN_BAD,		/* it is none: no label, one too long, ... */
	DOMAIN_CANNOT_TELL	/* no memory */
};

/*
 * DOMAIN_OK: writes the spelling, and its NUL, into buf, which has room for
 * DOMAIN_SIZE, and *domain_r is it.  It is a host name in small letters without
 * final dots, with A-labels in place of U-labels (UTS 46, nontransitional, as
 * Postfix); or "[192.0.2.1]", "[IPv6:2001:db8::1]", for which "[2001:db8::1]"
 * is another spelling.  Else *domain_r is untouched.
 */
enum domain_result	domain_read(struct span text, char *buf,
			    struct span *domain_r);

/*
 * The same domain as people write it, with U-labels, for tables that have it
 * so: domain is one that domain_read wrote, buf has room for
 * DOMAIN_UNICODE_SIZE.  DOMAIN_BAD: there is no such other spelling.
 */
enum domain_result	domain_unicode(struct span domain, char *buf,
			    struct span *unicode_r);

#endif
