/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust: who may say what for whom.
 *
 * Tables map a peer to the name of a profile; the profile says what the peer
 * may assert.  The decision is one pure function of its arguments and of the
 * tables' contents: no clock, no log, nothing is remembered.
 *
 * A trust object is built once, by the configuration, and then read-only;
 * threads may share it.
 */
#ifndef XC_TRUST_H
#define XC_TRUST_H

#include "base/err.h"
#include "context/context_line.h"
#include "table/table.h"
#include "trust/assertion.h"
#include "trust/verdict.h"

/* What a profile does about violations besides to tell of them. */
enum trust_report {
	TRUST_REPORT_NO,	/* it refuses them */
	TRUST_REPORT_ONLY,	/* it lets pass what gives nobody rights */
	TRUST_REPORT_EVERYTHING	/* it lets pass whatever is asserted */
};

/* Whether a profile lets the context be read. */
enum trust_dump {
	TRUST_DUMP_NO,
	TRUST_DUMP_YES,		/* until the session is sealed */
	TRUST_DUMP_SEALED	/* then, too */
};

enum trust_seal { TRUST_SEAL_GREETING, TRUST_SEAL_OVERRIDE, TRUST_SEAL_NEVER };

enum trust_command {
	TRUST_XCLIENT,		/* as enum assertion_command */
	TRUST_XFORWARD,
	TRUST_XREMOTEIP,
	TRUST_XSETCONTEXT,
	TRUST_XDUMPCONTEXT
};
#define TRUST_COMMAND_COUNT	(TRUST_XDUMPCONTEXT + 1)

struct trust;
struct trust_profile;

/* Built-in profiles: "stranger" (nothing) and "root" (everything). */
#define TRUST_STRANGER	"stranger"
#define TRUST_ROOT	"root"

#define TRUST_ANONYMOUS	"anonymous"	/* who is always let through */

/* Who a peer is, as far as the caller knows; NULL or "" where it does not. */
struct trust_peer {
	struct address	 addr;
	const char	*name;		/* verified host name */
	const char	*fingerprint;	/* of the client's certificate */
	const char	*listener;	/* of ".LISTENER" or policy_context */
};

enum trust_result { TRUST_OK, TRUST_CANNOT_TELL };

/*
 * Maps a peer to its profile: the maps of its listener if that has any, else
 * trust_maps, in order, by address, then by name, then by fingerprint; the
 * first hit wins; no hit is "stranger".  A table that cannot answer, or one
 * that names no existing profile, is TRUST_CANNOT_TELL (err says which table,
 * key and, where known, file:line).
 * TRUST_OK: *profile_r lives as long as trust; rule_r gets "file:line" of the
 * table entry ("built-in" for no hit).
 */
enum trust_result	trust_classify(const struct trust *trust,
			    const struct trust_peer *peer,
			    const struct trust_profile **profile_r,
			    char *rule_r, size_t rule_size, struct err *err);

/* By name; NULL if there is none. */
const struct trust_profile	*trust_profile_find(const struct trust *trust,
				    const char *name);

const char	*trust_profile_name(const struct trust_profile *profile);
enum trust_seal	 trust_profile_seal(const struct trust_profile *profile);
/* The action for violations: never VERDICT_PERMIT. */
enum verdict_action	trust_profile_on_violation(
			    const struct trust_profile *profile);
enum trust_report	trust_profile_report(
			    const struct trust_profile *profile);
/* True unless it is TRUST_REPORT_NO. */
bool	trust_profile_report_only(const struct trust_profile *profile);
/* True if the profile grants that command, with one attribute or name at
 * least; or if it only reports, for XCLIENT, XFORWARD and XREMOTEIP. */
bool	trust_profile_may(const struct trust_profile *profile,
	    enum trust_command command);
/* The attributes that the profile grants to XCLIENT or XFORWARD, or, if that is
 * none, lets try out: bits 1 << enum assertion_name. */
unsigned	trust_profile_attributes(const struct trust_profile *profile,
		    enum trust_command command);
/* The same once the session is sealed. */
bool	trust_profile_may_sealed(const struct trust_profile *profile,
	    enum trust_command command);
/* True if the profile grants any command at all, is always let through, or has
 * a Received: header that tells the origin. */
bool	trust_profile_may_any(const struct trust_profile *profile);
/* True if the peer is let through as "anonymous" (TRUST_ANONYMOUS). */
bool	trust_profile_always_allow(const struct trust_profile *profile);
/* Which Received: header, from the top, tells the origin; 0: none. */
unsigned	trust_profile_received(const struct trust_profile *profile);
/* True if there is a profile with such a header. */
bool	trust_any_received(const struct trust *trust);
/* True if a profile's on_violation is VERDICT_DISCONNECT. */
bool	trust_any_disconnect(const struct trust *trust);
/* The attributes that the profile's "drop" names: bits 1 << enum
 * assertion_name. */
unsigned	trust_profile_dropped(const struct trust_profile *profile);
/* Takes these out of set. */
void	trust_profile_drop(const struct trust_profile *profile,
	    struct assertion_set *set);

/* Who says them: what a decision rests on besides the assertions. */
struct trust_speaker {
	const struct trust_profile	*profile;	/* the peer's; NULL: a
							 * stranger's */
	bool				 is_overridden;
	bool				 is_sealed;
};

/*
 * Decides about one whole XCLIENT, XFORWARD or XREMOTEIP, whose set is that of
 * an XCLIENT with nothing but ADDR.  set is what the command itself says
 * (after trust_profile_drop).  Each attribute must be granted and each value
 * allowed; the first that is not decides, and the others are told in "also".
 * "public" leaves out what address_is_public() refuses, the host's own
 * addresses and every address that the tables, those of any listener, have for
 * a profile other than stranger, even if that does not exist; an address that
 * is listed by network is allowed whatever it is.  A sealed session is
 * refused.
 *
 * A profile that only reports lets violations pass; but one that cannot be
 * told, and, unless it reports everything, a LOGIN or an ADDR that is not
 * public, is refused, and then decides in place of any that would pass.
 * verdict is always set in full.
 */
void	trust_decide(const struct trust *trust,
    const struct trust_speaker *speaker,
	    enum trust_command command, const struct assertion_set *set,
	    struct verdict *verdict);

/*
 * Decides about one whole XSETCONTEXT.  Each name must be granted; that of a
 * built-in pair (context_name_is_builtin) counts as granted only if the profile
 * names it letter by letter.  The first that is not decides, and the text
 * names it.  A profile that only reports lets the others pass, and built-in
 * ones if it reports everything.
 */
void	trust_decide_context(const struct trust *trust,
	    const struct trust_speaker *speaker,
	    const struct context_line *line, struct verdict *verdict);

/* Decides about an XDUMPCONTEXT.  Whoever has come in behind a messenger must
 * not read what that has said: a sealed session is refused, too, unless the
 * profile is TRUST_DUMP_SEALED. */
void	trust_decide_dump(const struct trust *trust,
	    const struct trust_speaker *speaker, struct verdict *verdict);

/*
 * Decides about one attribute of a set, which is not absent, as trust_decide
 * does about all; where it is permitted, the rule is the one that allows the
 * value: that of the list, or of the table in it, or of the profile where no
 * list was set.
 */
void	trust_decide_attribute(const struct trust *trust,
    const struct trust_speaker *speaker, enum trust_command command,
	    const struct assertion_set *set, enum assertion_name name,
	    struct verdict *verdict);

/* One thing that a profile grants, for a person to read. */
struct trust_grant {
	const char	*command;	/* "XCLIENT" */
	const char	*what;		/* "ADDR"; a name or pattern, maybe
					 * with "!" in front, of XSETCONTEXT */
	const char	*values;	/* "!10.0.0.0/8, public"; NULL: no
					 * matter of values */
	bool		 is_dropped;	/* said, and never in force */
	const char	*rule;		/* "file:line" of the grant ... */
	const char	*values_rule;	/* ... and of the values; NULL: none */
};

/* Calls fn for each; what it gets lives until it returns. */
typedef void	trust_grant_fn(const struct trust_grant *grant, void *arg);
void		trust_profile_each_grant(const struct trust_profile *profile,
		    trust_grant_fn *fn, void *arg);

/* Fills a verdict for a violation that is no matter of grants (malformed,
 * sealed, unseen override ...), with the profile's on_violation. profile may
 * be NULL: then tempfail.  report_only has no effect on it. */
void	trust_violation(const struct trust_profile *profile,
	    enum verdict_reason reason, const char *text,
	    struct verdict *verdict);

/* Writes a rule's place, "file:line", into buf; a file name that does not fit
 * loses its front.  file NULL gives "built-in", line 0 leaves the number
 * out. */
void	trust_rule(char *buf, size_t size, const char *file, unsigned line);

/* "XCLIENT" ... */
const char	*trust_command_text(enum trust_command command);
/* In any case; false: none. */
bool		 trust_command_find(struct span text,
		    enum trust_command *command_r);

/*
 * Building, for conf.c and tests.  Each call copies what it is given.
 */
struct trust_profile_def {
	const char	*name;
	const char	*file;		/* where the profile stands */
	unsigned	 line;
	/* Lists are NULL-terminated arrays; NULL means "not set: default".
	 * The unsigned beside each is the line where it was set. */
	const char *const *xclient;	unsigned xclient_line;
	const char *const *xforward;	unsigned xforward_line;
	const char *const *drop;	unsigned drop_line;
	/* Names that XSETCONTEXT may set: a name, or a shell pattern, which
	 * means no built-in one; "!" negates, first match wins. */
	const char *const *xsetcontext;	unsigned xsetcontext_line;
	/* values[i]: the allowed values of attribute i (enum assertion_name):
	 * "!" negates, first match wins, no match is "not allowed".
	 * Items for ADDR, DESTADDR: networks, "public", "*", tables.
	 * Items for names, HELO, LOGIN, ...: "*", ".example.com" (any host
	 * below), "example.com", "*.example.com" (shell pattern, any case
	 * except for LOGIN), tables ("type:name"; found is a match).
	 * "[UNAVAILABLE]" as an item speaks of the special values, which are
	 * allowed unless a list says otherwise.
	 * Defaults: ADDR { "public" }, LOGIN none (also with xclient "*"),
	 * all others { "*" }. */
	const char *const *values[ASSERTION_COUNT];
	unsigned	   values_line[ASSERTION_COUNT];
	enum trust_seal		seal;
	enum verdict_action	on_violation;
	enum trust_report	report_only;
	bool			xremoteip;
	enum trust_dump		xdumpcontext;
	bool			always_allow;
	unsigned		received;	/* 0: none */
};

struct trust	*trust_new(void);
void		 trust_free(struct trust *trust);
/* How tables are opened from now on (table_open_from); skips must live until
 * the last one is. */
void		 trust_set_skips(struct trust *trust,
		    struct table_skips *skips);
/* 0, or -1 with err (file:line of the bad item). */
int	trust_add_profile(struct trust *trust,
	    const struct trust_profile_def *def, struct err *err);
/* listener NULL: the global trust_maps. */
int	trust_add_map(struct trust *trust, const char *listener,
	    const char *spec, const char *file, unsigned line,
	    struct err *err);
/* Whether each profile that the maps' tables are known to name is there, once
 * all are added; file of each trust_add_map must be there still.  0, or -1 with
 * err ("file:line: trust_maps: table:line: there is no profile ..."). */
int	trust_check_maps(struct trust *trust, struct err *err);
/* True if a listener of that name has maps of its own. */
bool	trust_has_listener(const struct trust *trust, struct span name);
/* An address of this host: never "public". */
int	trust_add_own_address(struct trust *trust, const struct address *addr);

#endif
