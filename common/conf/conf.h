/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf: the configuration file, xcontext.conf(5), that all programs read.
 *
 * Each setting is one row of a table (name, type, default, limits, one
 * sentence), which feeds the parser, "-T", and a test that the manual page
 * mentions it.  The whole file is checked, tables are opened, and only then
 * is there a configuration: a reload that fails leaves the old one in force.
 */
#ifndef XC_CONF_H
#define XC_CONF_H

#include <sys/types.h>

#include <stdio.h>

#include "access/access.h"
#include "base/err.h"
#include "base/fingerprint.h"
#include "base/xtext.h"
#include "conf/conf_relay.h"
#include "conf/scope.h"
#include "conf/shared_url.h"
#include "trust/trust.h"

#define CONF_DEFAULT_FILE	SYSCONFDIR "/xcontext/xcontext.conf"

enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };

struct conf_limits {
	unsigned	policy_request_size;	/* bytes; default 65536 */
	unsigned	connections;		/* policy sockets; 10000 */
	unsigned	session_lifetime;	/* s; records; 86400 */
	unsigned	audit_entries;		/* per session; 32 */
	unsigned	context_pairs;		/* per session; 64 */
	unsigned	context_size;		/* bytes of them; 16384 */
	unsigned	store_size;		/* MiB; LMDB map; 32 */
	unsigned	log_rate;		/* same error, per minute; 10 */
};

#define CONF_BY_SIZE	64

/* What it is besides if it was loaded by in_force.h; all zero if not. */
struct conf_trial {
	struct conf	*former;	/* a reference: what it is tried
					 * against, which decides beside it;
					 * NULL: nothing */
	uint64_t	 until_ms;	/* CLOCK_REALTIME; 0: not on trial */
	uint64_t	 due_ms;	/* the same by CLOCK_BOOTTIME */
	char		 by[CONF_BY_SIZE];
	struct err	 warning;	/* "": none */
};

struct conf {
	char	*file;			/* the file it came from */
	char	*store;			/* "lmdb:/run/xcontext/store" */
	char	*runtime_directory;
	char	*state_directory;	/* what outlives a boot */
	char	*shared;		/* "redis://..."; "": none */
	struct shared_url shared_url;	/* the same, taken apart */
	unsigned shared_deadline_ms;	/* 200 */
	char	*shared_password_file;	/* "": no password */
	char	*shared_tls_ca_file;	/* "": the system's */
	char	*shared_tls_certificate, *shared_tls_key;	/* "": none */
	char	*user;			/* "" keeps the user */
	char   **allowed_users;		/* NULL-terminated */
	uid_t	*allowed_uids;		/* the same, looked up when loaded */
	unsigned n_allowed_uids;
	char	*control;		/* "unix:/path", "unix:name" or "" */
	uid_t	*control_uids;		/* of control_users */
	unsigned n_control_uids;
	char	*log;			/* "syslog:mail" or "stderr" */
	enum conf_log_format log_format;
	bool	 log_all;		/* also lines for requests that change
					 * nothing; default false */
	enum xtext_mode	xtext;		/* xtext = "strict" | "legacy" */
	struct conf_limits limits;

	char	*milter_listen;		/* "unix:/path" | "inet:host:port" */
	unsigned milter_socket_mode;	/* octal in the file: "0660" */
	char	*milter_header;		/* "X-Session-Context" */
	char	*milter_metrics;	/* "127.0.0.1:9727" or "" */
	const char **milter_header_names;	/* NULL-terminated; none: no
					 * header */
	char	*policy_listen;
	char	*policy_maps;
	char	*policy_other_milters;	/* "": none */
	char	*policy_metrics;	/* "127.0.0.1:9725" or "" */
	char	*socket_group;		/* group of the sockets; "" keeps */

	struct conf_relay *relays;	/* in the order of the file */
	unsigned n_relays;
	struct scope *scope;		/* bindings, groups and domains */
	unsigned xclient_line;		/* of the mode outside of all; 0: the
					 * default's */
	struct scope *dialects;		/* the same, for scope_dialect */
	char	*resolver;		/* "192.0.2.1:53,[::1]:53"; "": the
					 * system's */
	char	*relay_metrics;		/* "127.0.0.1:9726" or "" */

	bool	 has_milter, has_policy;	/* the file has that section */

	struct trust *trust;
	struct table_skips skips;	/* of tables, "strict" | "lenient" */
	struct access *access;		/* of access_maps */
	struct conf_trial trial;
	char	 fingerprint[FINGERPRINT_SIZE];	/* of what is in force: all
					 * settings, and the tables' files */
};

/*
 * Reads and checks a file, opens its tables and collects this host's own
 * addresses.  NULL: err says file:line and what was expected.
 * The result has one reference.  One thread at a time may load; others may give
 * references back meanwhile.
 */
struct conf	*conf_load(const char *file, struct err *err);
/* The same, and keeps what it has read: *text_r is what stood in the file, the
 * caller's to free. */
struct conf	*conf_load_text(const char *file, char **text_r,
		    struct err *err);

/* References are counted atomically: threads may share a configuration. */
struct conf	*conf_ref(struct conf *conf);
void		 conf_unref(struct conf *conf);	/* NULL is allowed */

/* True if a user with that uid may talk to our sockets. */
bool		 conf_allows_uid(const struct conf *conf, uid_t uid);

/* True if a user with that uid may use the control sockets: root, and those of
 * control_users. */
bool		 conf_controls_uid(const struct conf *conf, uid_t uid);

/* Prints the effective configuration, in the form that conf_load reads. */
void		 conf_print(const struct conf *conf, FILE *out);

/* For the test of the manual page: the name of the i-th setting
 * ("milter.listen", "profile.xclient"), NULL behind the last. */
const char	*conf_setting_name(unsigned i);

#endif
