/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * scope: bindings, binding groups and domains, and which of them says whether
 * XCLIENT is sent to a next hop.
 *
 * The most specific one that says anything counts: the domain in the binding,
 * the domain in its group, the binding, its group, the domain outside of both,
 * the global setting.  A group's domain stands above the binding, so that what
 * is promised to a partner holds for whatever binding his mail leaves by.
 *
 * Built once, by the configuration, and then read-only.
 */
#ifndef XC_SCOPE_H
#define XC_SCOPE_H

#include "base/address.h"
#include "base/err.h"
#include "base/span.h"

enum xclient_mode {
	XCLIENT_UNSET,
	XCLIENT_NO,		/* "no" */
	XCLIENT_IFAVAILABLE,	/* "ifavailable": sent where it is offered */
	XCLIENT_REQUIRED	/* "required": no mail without it */
};

/* What a next hop can read of XCLIENT.  The same sections say it as say whether
 * it is sent; they make a scope of their own, whose modes are these. */
enum xclient_dialect {
	XCLIENT_DIALECT_UNSET = XCLIENT_UNSET,
	XCLIENT_AUTO = XCLIENT_NO,	/* by the attributes it announces */
	XCLIENT_POSTFIX,
	XCLIENT_KUMOMTA,
	XCLIENT_EXIM,
	XCLIENT_DOVECOT
};

/* How the connection to a next hop is to be protected; as Postfix's
 * smtp_tls_security_level none, may, encrypt, verify. */
enum scope_tls { SCOPE_TLS_UNSET, SCOPE_TLS_NO, SCOPE_TLS_MAY,
	SCOPE_TLS_ENCRYPT, SCOPE_TLS_VERIFY };

struct scope;
struct scope_binding;

/* What a binding says besides; unset parts are inherited from its group. */
struct scope_source {
	struct address	 ipv4;		/* to connect from; AF_UNSPEC: any */
	struct address	 ipv6;
	enum scope_tls	 tls;
	const char	*tls_ca_file;	/* NULL: not said */
};

struct scope	*scope_new(void);
void		 scope_free(struct scope *scope);

/* Where a setting stands: outside of all (both NULL), in a group, in a binding
 * (whose group may be NULL: none).  Each call copies what it is given; names
 * are compared in any case; source may be NULL: nothing of it is said.  A group
 * is added before what is in it, and so is a binding.  0, or -1: out of memory,
 * it was said before, or what it stands in is not there (err says
 * file:line). */
int	scope_set_global(struct scope *scope, enum xclient_mode mode);
int	scope_add_group(struct scope *scope, const char *group,
	    enum xclient_mode mode, const struct scope_source *source,
	    const char *file, unsigned line, struct err *err);
int	scope_add_binding(struct scope *scope, const char *group,
	    const char *binding, enum xclient_mode mode,
	    const struct scope_source *source, const char *file,
	    unsigned line, struct err *err);
/* domain: "example.com", or ".example.com" for all below it, or "[192.0.2.1]",
 * in any spelling that domain_read takes. */
int	scope_add_domain(struct scope *scope, const char *group,
	    const char *binding, const char *domain, enum xclient_mode mode,
	    const char *file, unsigned line, struct err *err);

/* NULL: there is none of that name. */
const struct scope_binding	*scope_binding_find(const struct scope *scope,
				    struct span name);
const char	*scope_binding_name(const struct scope_binding *binding);
void		 scope_binding_source(const struct scope_binding *binding,
		    struct scope_source *source_r);

/* What a message's mode may be said by; either may be empty. */
struct scope_domains {
	struct span	 recipient;	/* the domain, in any spelling */
	struct span	 nexthop;	/* its name, or its address in
					 * brackets */
};

/*
 * The mode for these domains by way of a binding (NULL: none).  Never
 * XCLIENT_UNSET.  In each place the recipient's domain comes before the next
 * hop's, and of parents (".example.com") the closest that says anything counts.
 * What is no domain, but stands for one, might be any to the server behind:
 * what the place requires for some domain it requires for that, too.
 * rule_r gets what decided: "file:line (domain example.com in binding NAME)"
 * and the like, "global", or "default" if nothing did.
 */
enum xclient_mode	scope_mode(const struct scope *scope,
			    const struct scope_binding *binding,
			    const struct scope_domains *domains, char *rule_r,
			    size_t rule_size);

/* The same by one domain alone; a path, "/...", is none. */
enum xclient_mode	scope_xclient(const struct scope *scope,
			    const struct scope_binding *binding,
			    struct span domain, char *rule_r,
			    size_t rule_size);

/* The dialect for a domain by way of a binding of another scope, which has the
 * same sections; XCLIENT_AUTO: nothing says. */
enum xclient_dialect	scope_dialect(const struct scope *dialects,
			    const struct scope_binding *binding,
			    struct span domain);
/* True if by that binding some domain may have another mode than this one: then
 * the mode is not known before a recipient is. */
bool	scope_is_by_domain(const struct scope *scope,
	    const struct scope_binding *binding, enum xclient_mode mode);

/* "no" ...; NULL for XCLIENT_UNSET. */
const char	*scope_mode_text(enum xclient_mode mode);

#endif
