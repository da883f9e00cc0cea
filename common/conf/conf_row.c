/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_row: the table of all settings, of which xcontext.conf(5) tells; and
 * what values of them are possible, as far as that can be said of a value
 * alone.  A row with CONF_NOWHERE is read where it is used (conf_parse_*.c),
 * all others are copied to their place in struct conf.
 */
#include <pwd.h>
#include <string.h>

#include "base/log_target.h"
#include "conf/conf_private.h"
#include "context/context.h"

#define HEADER_NAME_MAX	64

static bool
is_store(const char *value)
{
	return strncmp(value, "lmdb:/", 6) == 0;
}

static bool
is_directory(const char *value)
{
	return value[0] == '/';
}

static bool
is_path_or_empty(const char *value)
{
	return *value == '\0' || *value == '/';
}

static bool
is_log(const char *value)
{
	int	 facility;

	return log_target_parse(value, &facility);
}

static bool
is_user(const char *value)
{
	return getpwnam(value) != NULL;
}

/* "host:port", of which neither is empty. */
static bool
is_host_port(const char *value)
{
	const char	*colon = strrchr(value, ':');

	return colon != NULL && colon > value && colon[1] != '\0' &&
	    strchr(value, '/') == NULL;
}

bool
conf_row_is_listen(const char *value)
{
	if (strncmp(value, "unix:", 5) == 0)
		return value[5] == '/';
	return is_host_port(strncmp(value, "inet:", 5) == 0 ? value + 5 :
	    value);
}

/* A peer's process is known on UNIX-domain sockets only. */
static bool
is_unix(const char *value)
{
	return strncmp(value, "unix:/", 6) == 0;
}

/* A relative path is in runtime_directory. */
static bool
is_control(const char *value)
{
	return *value == '\0' || (strncmp(value, "unix:", 5) == 0 &&
	    value[5] != '\0' && value[strlen(value) - 1] != '/');
}

static bool
is_listen_or_empty(const char *value)
{
	return *value == '\0' || is_host_port(value);
}

/* RFC 5322, 2.2: printable ASCII but the colon.  No header that MTAs act on
 * may be taken for ours and removed. */
static bool
is_header_name(const char *value)
{
	const char	*p;

	for (p = value; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == ':')
			return false;
	return p - value > 2 && p - value <= HEADER_NAME_MAX &&
	    strncasecmp(value, "X-", 2) == 0;
}

static bool
is_class(const char *value)
{
	size_t	 n = strlen(value);

	return n > 0 && strspn(value, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static bool
is_context_name(const char *value)
{
	size_t	 n = strlen(value);

	return n > 0 && n <= CONTEXT_NAME_MAX &&
	    strspn(value, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

#define RECEIVED_MAX	100	/* RFC 5321, 6.3: more are a loop */

#define POLICY_EXPECTED	"\"unix:/path\": behind other sockets the mail " \
	"server's process cannot be known"

#define PATH_EXPECTED	"a path that begins with \"/\", or \"\""

#define AT(field)	offsetof(struct conf, field)
#define STRING(s, n, d, f, v, e, t)					\
	{ s, n, s "." n, CONF_STRING, d, 0, 0, AT(f), NULL, v, e, t }
#define LIST(s, n, d, t)	CHECKED_LIST(s, n, d, NULL, NULL, t)
#define CHECKED_LIST(s, n, d, v, e, t)					\
	{ s, n, s "." n, CONF_LIST, d, 0, 0, CONF_NOWHERE, NULL, v, e, t }
#define NUMBER(s, n, d, min, max, f, t)					\
	{ s, n, s "." n, CONF_NUMBER, d, min, max, f, NULL, NULL, NULL, t }
#define WORD(s, n, d, w, o, t)						\
	{ s, n, s "." n, CONF_WORD, d, 0, 0, o, w, NULL, NULL, t }
#define BOOL(s, n, d, o, t)						\
	{ s, n, s "." n, CONF_BOOL, d, 0, 0, o, NULL, NULL, NULL, t }
#define MODE(s, n, d, f, t)						\
	{ s, n, s "." n, CONF_MODE, d, 0, 0777, AT(f), NULL, NULL, NULL, t }

static const struct conf_row	 rows[] = {
	STRING("", "store", "lmdb:/run/xcontext/store", store, is_store,
	    "\"lmdb:/directory\"",
	    "Where the sessions are kept."),
	STRING("", "runtime_directory", "/run/xcontext", runtime_directory,
	    is_directory, "a path that begins with \"/\"",
	    "Where the daemons keep what must not outlive a boot."),
	STRING("", "state_directory", "/var/lib/xcontext", state_directory,
	    is_directory, "a path that begins with \"/\"",
	    "Where that is kept which outlives a boot."),
	STRING("", "shared", "", shared, NULL, NULL,
	    "The engine that several hosts share; \"\": none."),
	NUMBER("", "shared_deadline", "200", 10, 10000, AT(shared_deadline_ms),
	    "Milliseconds that the engine may take for an answer."),
	STRING("", "shared_password_file", "", shared_password_file,
	    is_path_or_empty, PATH_EXPECTED,
	    "The file of the password that it is given."),
	STRING("", "shared_tls_ca_file", "", shared_tls_ca_file,
	    is_path_or_empty, PATH_EXPECTED,
	    "The CA certificates that it is verified by; \"\": the "
	    "system's."),
	STRING("", "shared_tls_certificate", "", shared_tls_certificate,
	    is_path_or_empty, PATH_EXPECTED,
	    "The file of the certificate that it is shown; \"\": none."),
	STRING("", "shared_tls_key", "", shared_tls_key, is_path_or_empty,
	    PATH_EXPECTED,
	    "The file of that certificate's key."),
	STRING("", "user", "xcontext", user, NULL, NULL,
	    "The user that the daemons become; \"\" keeps the user."),
	CHECKED_LIST("", "allowed_users", "postfix root", is_user,
	    "the name of a user of this host",
	    "The users who may talk to the sockets."),
	STRING("", "control", "unix:control", control, is_control,
	    "\"unix:/path\", \"unix:name\" or \"\"",
	    "Where the daemons answer xcontext(1); \"\": nowhere."),
	CHECKED_LIST("", "control_users", "", is_user,
	    "the name of a user of this host",
	    "The users who may, besides root, use these sockets."),
	STRING("", "socket_group", "", socket_group, NULL, NULL,
	    "The group of the sockets; \"\" keeps the group."),
	STRING("", "log", "syslog:mail", log, is_log,
	    "\"stderr\", \"syslog\" or \"syslog:FACILITY\"",
	    "Where log lines go."),
	WORD("", "log_format", "text", "text|json", AT(log_format),
	    "The form of log lines."),
	BOOL("", "log_all", "false", AT(log_all),
	    "Also log requests that change nothing."),
	WORD("", "xtext", "strict", "strict|legacy", AT(xtext),
	    "How values of XCLIENT and XFORWARD are decoded."),
	WORD("", "tables", "strict", "strict|lenient", CONF_NOWHERE,
	    "What becomes of rules in files that are no valid ones."),
	LIST("", "trust_maps", "",
	    "Tables that map a peer to the name of its profile."),
	LIST("", "access_maps", "",
	    "Tables of access(5) actions by the session's context."),

	NUMBER("limits", "policy_request_size", "65536", 1024, 65536,
	    AT(limits.policy_request_size),
	    "Bytes of one policy request."),
	NUMBER("limits", "connections", "10000", 1, 1000000,
	    AT(limits.connections),
	    "Connections that are served at once."),
	NUMBER("limits", "session_lifetime", "86400", 60, 2592000,
	    AT(limits.session_lifetime),
	    "Seconds after which a session is forgotten."),
	NUMBER("limits", "audit_entries", "32", 1, 4096,
	    AT(limits.audit_entries),
	    "Entries of a session's audit trail."),
	NUMBER("limits", "context_pairs", "64", 1, CONTEXT_PAIRS_MAX,
	    AT(limits.context_pairs),
	    "Pairs of a session's context."),
	NUMBER("limits", "context_size", "16384", 1, 32768,
	    AT(limits.context_size),
	    "Bytes of all names and values of a session's context."),
	NUMBER("limits", "store_size", "32", 1, 1048576,
	    AT(limits.store_size),
	    "MiB that the store may take."),
	NUMBER("limits", "log_rate", "10", 0, 1000000, AT(limits.log_rate),
	    "Times a minute that one complaint is logged; 0: always."),

	STRING("milter", "listen", "unix:/var/spool/postfix/xcontext/milter",
	    milter_listen, conf_row_is_listen, CONF_LISTEN_EXPECTED,
	    "Where xcontext-milter(8) listens."),
	MODE("milter", "socket_mode", "0660", milter_socket_mode,
	    "The mode of the socket."),
	STRING("milter", "header", "X-Session-Context", milter_header,
	    is_header_name, "a header name that begins with \"X-\"",
	    "The header that carries the context."),
	CHECKED_LIST("milter", "header_names", "", is_context_name,
	    "the name of a pair",
	    "The pairs that the header carries; none: no header."),
	STRING("milter", "metrics", "", milter_metrics, is_listen_or_empty,
	    "\"host:port\" or \"\"",
	    "Where metrics are served over HTTP; \"\": nowhere."),

	STRING("policy", "listen", "unix:/var/spool/postfix/xcontext/policy",
	    policy_listen, is_unix, POLICY_EXPECTED,
	    "Where xcontext-policy(8) serves policy requests."),
	STRING("policy", "maps", "unix:/var/spool/postfix/xcontext/maps",
	    policy_maps, is_unix, POLICY_EXPECTED,
	    "Where xcontext-policy(8) serves lookup tables."),
	STRING("policy", "other_milters", "", policy_other_milters, NULL,
	    NULL,
	    "The milters of sessions that need none of ours."),
	CHECKED_LIST("policy", "restriction_classes", "", is_class,
	    "a name of A-Z a-z 0-9 _ -",
	    "Names of smtpd_restriction_classes that access_maps may give."),
	STRING("policy", "metrics", "", policy_metrics, is_listen_or_empty,
	    "\"host:port\" or \"\"",
	    "Where metrics are served over HTTP; \"\": nowhere."),

	LIST("profile", "xclient", "",
	    "The attributes that the peer may assert by XCLIENT."),
	LIST("profile", "xforward", "",
	    "The attributes that the peer may assert by XFORWARD."),
	BOOL("profile", "xremoteip", "false", CONF_NOWHERE,
	    "Whether the peer may assert the client's address by XREMOTEIP."),
	LIST("profile", "xsetcontext", "",
	    "The names that the peer may set by XSETCONTEXT."),
	WORD("profile", "xdumpcontext", "false",
	    "false|true|sealed|no|yes|off|on", CONF_NOWHERE,
	    "Whether the peer may read the context by XDUMPCONTEXT."),
	BOOL("profile", "always_allow", "false", CONF_NOWHERE,
	    "Let the peer through, as the user \"anonymous\"."),
	NUMBER("profile", "received", "0", 0, RECEIVED_MAX, CONF_NOWHERE,
	    "The Received: header, from the top, that tells the origin."),
	LIST("profile", "drop", "",
	    "The attributes that are taken out of its commands."),
	LIST("profile", "addr", "public",
	    "The values that ADDR may take."),
	LIST("profile", "port", "*",
	    "The values that PORT may take."),
	LIST("profile", "name", "*",
	    "The values that NAME may take."),
	LIST("profile", "reverse_name", "*",
	    "The values that REVERSE_NAME may take."),
	LIST("profile", "helo", "*",
	    "The values that HELO may take."),
	LIST("profile", "proto", "*",
	    "The values that PROTO may take."),
	LIST("profile", "login", "",
	    "The values that LOGIN may take."),
	LIST("profile", "destaddr", "*",
	    "The values that DESTADDR may take."),
	LIST("profile", "destport", "*",
	    "The values that DESTPORT may take."),
	LIST("profile", "ident", "*",
	    "The values that XFORWARD's IDENT may take."),
	LIST("profile", "source", "*",
	    "The values that XFORWARD's SOURCE may take."),
	WORD("profile", "seal", "greeting", "greeting|override|never",
	    CONF_NOWHERE,
	    "What ends the time in which the identity may change."),
	WORD("profile", "on_violation", "tempfail",
	    "tempfail|reject|disconnect", CONF_NOWHERE,
	    "What happens after a command that is not allowed."),
	WORD("profile", "report_only", "false",
	    "false|true|everything|no|yes|off|on", CONF_NOWHERE,
	    "Log what is not allowed, and let it pass."),

	LIST("listener", "trust_maps", "",
	    "Tables that this listener asks instead of the others.")
};

#define COUNT	(sizeof rows / sizeof rows[0])

const struct conf_row *
conf_row(unsigned i)
{
	return i < COUNT ? &rows[i] : conf_row_relay(i -
	    (unsigned)COUNT);
}

const struct conf_section *
conf_section(unsigned i)
{
	static const struct conf_section	 sections[] = {
		{ "limits",		false,	{ NULL } },
		{ "milter",		false,	{ NULL } },
		{ "policy",		false,	{ NULL } },
		{ "profile",		true,	{ NULL } },
		{ "listener",		true,	{ NULL } },
		{ "relay",		true,	{ NULL } },
		{ "domain",		true,	{ NULL } },
		{ "binding",		true,	{ "domain", NULL } },
		{ "binding_group",	true,	{ "domain", "binding", NULL } }
	};

	return i < sizeof sections / sizeof sections[0] ? &sections[i] :
	    NULL;
}

const struct conf_row *
conf_row_find(const char *section, const char *name)
{
	const struct conf_row	*row;
	unsigned		 i;

	if (strcmp(section, CONF_ROOT) == 0)
		section = "";
	for (i = 0; (row = conf_row(i)) != NULL; i++)
		if (strcmp(row->section, section) == 0 &&
		    strcmp(row->name, name) == 0)
			break;
	return row;
}

int
conf_row_word(const struct conf_row *row, const char *word)
{
	const char	*p = row->words;
	size_t		 n;
	int		 i;

	for (i = 0; *p != '\0'; i++) {
		n = strcspn(p, "|");
		if (strlen(word) == n && memcmp(p, word, n) == 0)
			return i;
		p += n + (p[n] == '|');
	}
	return -1;
}

const char *
conf_setting_name(unsigned i)
{
	const struct conf_row	*row = conf_row(i);

	if (row == NULL)
		return NULL;
	return row->full + (*row->section == '\0');
}
