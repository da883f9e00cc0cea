/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_test: what the configuration file may say, and how it is refused.
 *
 * "make check" sets srcdir, where the manual page is looked for.
 */
#include "conf/conf.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/conf_file.h"
#include "t/lib/runner.h"

#define EDGE	"profile edge {\n"
#define NAME64	"0123456789abcdef0123456789abcdef" \
		"0123456789abcdef0123456789abcdef"

static const struct bad_row {
	const char	*name, *text;
	const char	*want;		/* behind the file's name */
} bad_rows[] = {
	{ "unknown setting", "\nnosuch = 1\n", ":2: no such option" },
	{ "unknown in a section", "limits {\n\n nosuch = 1 }\n", ":3: " },
	{ "unknown section", "nosuch {\n}\n", ":1: " },
	{ "text for a number", "limits { connections = \"many\" }\n",
	    ":1: connections: \"many\" is not valid, expected a number from "
	    "1 to 1000000 (in limits)" },
	{ "number too small", "limits {\nconnections = 0\n}\n",
	    ":2: connections: \"0\"" },
	{ "number too large", "limits {\nstore_size = 1048577\n}\n",
	    ":2: store_size: \"1048577\"" },
	{ "number with rubbish", "limits {\nlog_rate = 10x\n}\n",
	    ":2: log_rate: \"10x\"" },
	{ "empty number", "limits {\nlog_rate = \"\"\n}\n",
	    ":2: log_rate: \"\"" },
	{ "text for a truth", "log_all = maybe\n", ":1: invalid boolean" },
	{ "wrong word", "log_format = \"xml\"\n",
	    ":1: log_format: \"xml\" is not valid, expected one of "
	    "text|json" },
	{ "half a word", "log_format = \"tex\"\n", ":1: log_format" },
	{ "wrong seal", EDGE "seal = \"often\"\n}\n",
	    ":2: seal: \"often\" is not valid, expected one of "
	    "greeting|override|never (in profile \"edge\")" },
	{ "permit is no violation", EDGE "on_violation = \"permit\"\n}\n",
	    ":2: on_violation: " },
	{ "wrong store", "store = \"redis://h:1/0\"\n", ":1: store: " },
	{ "wrong log", "log = \"syslog:nosuch\"\n", ":1: log: " },
	{ "wrong listen", "policy { listen = \"unix:relative\" }\n",
	    ":1: listen: " },
	{ "wrong metrics", "policy { metrics = \"9725\" }\n",
	    ":1: metrics: " },
	{ "wrong mode", "milter { socket_mode = \"0888\" }\n",
	    ":1: socket_mode: " },
	{ "mode with more than bits", "milter { socket_mode = \"1777\" }\n",
	    ":1: socket_mode: " },
	{ "relative directory", "runtime_directory = \"run\"\n",
	    ":1: runtime_directory: " },
	{ "unknown user", "allowed_users = { \"root\",\n\"no such\" }\n",
	    ":2: allowed_users: \"no such\" is not valid" },
	{ "unknown user of control", "control_users = { \"no such\" }\n",
	    ":1: control_users: \"no such\" is not valid" },
	{ "control over TCP", "control = \"127.0.0.1:99\"\n",
	    ":1: control: " },
	{ "control that is a directory", "control = \"unix:/run/\"\n",
	    ":1: control: " },
	{ "duplicate profile", EDGE "}\n\n" EDGE "}\n", ":4: " },
	{ "built-in profile", "\nprofile root {\n}\n",
	    ":2: profile \"root\" is built in" },
	{ "profile without name", "profile {\n}\n", ":1: " },
	{ "profile with an empty name", "profile \"\" {\n}\n",
	    ":1: a profile's name" },
	{ "unknown attribute", EDGE "\n\nxclient = { \"ADDR\", \"FOO\" }\n}\n",
	    ":4: xclient: unknown attribute \"FOO\"" },
	{ "bad network", "# one\n# two\n" EDGE "addr = { \"10.0.0.1/8\" }\n}",
	    ":4: addr: \"10.0.0.1/8\"" },
	{ "bad network in a long list", EDGE "/* a\nb\nc */ addr = {\n"
	    "# d\n\"public\",\n\"10.0.0.1/8\"\n}\n}",
	    ":6: addr: \"10.0.0.1/8\"" },
	{ "missing table", "store = \"lmdb:/x\"\n"
	    "trust_maps = { \"cidr:./not/there\" }\n", ":2: trust_maps: " },
	{ "missing table in a profile", EDGE
	    "login = { \"texthash:./not/there\" }\n}\n", ":2: login: " },
	{ "missing table of a listener", "listener in {\n"
	    "trust_maps = { \"cidr:./not/there\" }\n}\n",
	    ":2: trust_maps: " },
	{ "listener with nothing", "listener in {\n}\n",
	    ":1: listener \"in\" has no trust_maps" },
	{ "listener with an empty list", "listener in {\ntrust_maps = { }\n}",
	    ":1: listener \"in\" has no trust_maps" },
	{ "listener's name", "listener \"a b\" {\n}\n", ":1: a listener's" },
	{ "listener with a dot", "\nlistener a.b {\n"
	    "trust_maps = { \"static:stranger\" }\n}\n",
	    ":2: listener \"a.b\" could never be asked" },
	{ "report_only", "profile x {\nreport_only = some\n}\n",
	    ":2: " },
	{ "unterminated text", "\nlog = \"stderr\nlog_all = true\n",
	    ":2: text without closing \"" },
	{ "unterminated other text", "log = 'stderr", ":1: text without" },
	{ "unterminated comment", "\n/* log\n\n", ":2: comment without" },
	{ "unterminated section", "\nlimits {\n\n",
	    ":2: \"{\" without" },
	{ "unterminated list", "trust_maps = {\n\"static:x\"\n",
	    ":1: \"{\" without" },
	{ "too many braces", "}\n", ":1: unexpected closing brace" },
	{ "escape that would vanish", "\nlog = \"std\\.err\"\n",
	    ":2: unknown escape" },
	{ "octal escape", "log = \"\\101\"\n", ":1: unknown escape" },
	{ "environment", "user = \"${HOME}\"\n", ":1: \"${\"" },
	{ "environment outside of quotes", "user = ${HOME}\n",
	    ":1: unexpected '$'" },
	{ "star outside of quotes", EDGE "xclient = { * }\n}",
	    ":2: unexpected '*'" },
	{ "append", "trust_maps += { \"static:x\" }\n", ":1: \"+=\"" },
	{ "include", "include(\"/etc/passwd\")\n", ":1: unexpected '('" },
	{ "8-bit outside of quotes", "log\xc3\xa4 = 1\n",
	    ":1: byte \\xC3 outside" },
	{ "control byte", "# a\x01\n", ":1: control byte \\x01" },
	{ "CR alone", "log_all\r= true\n", ":1: control byte \\x0D" },
	{ "no equals sign", "log_all true\n", ":1: missing equal sign" },
	{ "no pairs", "limits {\ncontext_pairs = 0\n}\n",
	    ":2: context_pairs: \"0\" is not valid, expected a number from "
	    "1 to 128 (in limits)" },
	{ "too many pairs", "limits {\ncontext_pairs = 129\n}\n",
	    ":2: context_pairs: \"129\"" },
	{ "no bytes", "limits {\n\ncontext_size = 0\n}\n",
	    ":3: context_size: \"0\"" },
	{ "too many bytes", "limits {\ncontext_size = 32769\n}\n",
	    ":2: context_size: \"32769\"" },
	{ "a header that MTAs know", "\nmilter { header = \"Received\" }\n",
	    ":2: header: \"Received\" is not valid, expected a header name "
	    "that begins with \"X-\"" },
	{ "a header without a name", "milter { header = \"X-\" }\n",
	    ":1: header: \"X-\"" },
	{ "an empty header", "milter { header = \"\" }\n", ":1: header: " },
	{ "a header with a colon", "milter { header = \"X-A:\" }\n",
	    ":1: header: \"X-A:\"" },
	{ "a header with a blank", "milter { header = \"X-A B\" }\n",
	    ":1: header: \"X-A B\"" },
	{ "a header with 8 bits", "milter { header = \"X-\303\244\" }\n",
	    ":1: header: " },
	{ "a long header", "milter { header = \"X-" NAME64 "\" }\n",
	    ":1: header: " },
	{ "a header's name that is none",
	    "milter {\nheader_names = { \"a\",\n\"b c\" }\n}\n",
	    ":3: header_names: \"b c\" is not valid" },
	{ "a header's empty name", "milter { header_names = { \"\" } }\n",
	    ":1: header_names: \"\"" },
	{ "a header's long name",
	    "milter { header_names = { \"" NAME64 "x\" } }\n",
	    ":1: header_names: " },
	{ "no such header", EDGE "\nreceived = 101\n}\n",
	    ":3: received: \"101\" is not valid, expected a number from 0 "
	    "to 100" },
	{ "a header below none", EDGE "received = -1\n}\n",
	    ":2: received: \"-1\"" },
	{ "a truth that is none", EDGE "xremoteip = 2x\n}\n",
	    ":2: invalid boolean" },
	{ "a list for a truth", EDGE "always_allow = { \"*\" }\n}\n",
	    ":2: " },
	{ "a word for another", EDGE "xdumpcontext = seal\n}\n",
	    ":2: xdumpcontext: \"seal\" is not valid" },
	{ "a context name that is none",
	    EDGE "\nxsetcontext = { \"a\", \"b c\" }\n}\n",
	    ":3: xsetcontext: \"b c\" is not valid" },
	{ "missing access table", "\naccess_maps = { \"static:OK\",\n"
	    "\"cidr:./not/there\" }\n", ":2: access_maps: " },
	{ "no action", "\n\naccess_maps = { \"static:NONSENSE\" }\n",
	    ":3: access_maps: " },
	{ "no action in a table", "access_maps = {\n"
	    "'regexp:{{/a/ OK}, {/b/ NONSENSE}}' }\n", ":2: access_maps: " },
	{ "a class that is not named", "access_maps = { \"static:strict\" }\n"
	    "policy { restriction_classes = { \"Strict\" } }\n",
	    ":1: access_maps: " },
	{ "a map that names no profile", EDGE "}\n\ntrust_maps = { "
	    "\"cidr:{{192.0.2.1/32 edge}, {192.0.2.2/32 egde}}\" }\n",
	    ":4: trust_maps: cidr:{{192.0.2.1/32 edge}, {192.0.2.2/32 "
	    "egde}}:2: there is no profile \"egde\"" },
	{ "a listener's map that names no profile", "listener in {\n"
	    "trust_maps = { \"inline:{192.0.2.1=edge}\" }\n}\n",
	    ":2: trust_maps: inline:{192.0.2.1=edge}:1: there is no "
	    "profile" },
	{ "profiles of another case", EDGE "}\ntrust_maps = { "
	    "\"static:Edge\" }\n", ":3: trust_maps: static:Edge: " },
	{ "a host's bits in a network, strictly", "trust_maps = { "
	    "\"cidr:{{192.0.2.1/24 root}}\" }\n", ":1: trust_maps: " },
	{ "lenient behind tables", EDGE "addr = { \"static:x\" }\n}\n"
	    "tables = lenient\n", ":4: tables: must stand above" },
	{ "lenient with what is written inline", "tables = \"lenient\"\n"
	    "trust_maps = { \"cidr:{{192.0.2.1/24 root}}\" }\n",
	    ":2: trust_maps: " },
	{ "list where a text is due", "log = { \"stderr\" }\n", ":1: " },
	{ "section where a text is due", "log { }\n", ":1: " },
};

START_TEST(bad)
{
	const struct bad_row	*row = &bad_rows[_i];

	check_refused(row->name, row->text, row->want);
	/* The parser's state must not outlive a failure. */
	conf_unref(load_good("log = 'stderr' # \"\n"));
}
END_TEST

START_TEST(nul_byte)
{
	struct err	 err = { "" };

	write_bytes("log = \"a\0b\"\n", 12);
	ck_assert_ptr_null(conf_load(path, &err));
	ck_assert_ptr_nonnull(strstr(err.text, ":1: control byte \\x00"));
}
END_TEST

START_TEST(no_file)
{
	struct err	 err = { "" };

	ck_assert_ptr_null(conf_load("./not/there", &err));
	ck_assert_str_eq(err.text,
	    "./not/there: cannot open: No such file or directory");
	ck_assert_ptr_null(conf_load("/", &err));
	ck_assert_ptr_nonnull(strstr(err.text, "cannot read"));
}
END_TEST

START_TEST(too_long)
{
	static char	 text[1024 * 1024 + 1];
	struct err	 err = { "" };

	memset(text, '\n', sizeof(text));
	write_bytes(text, sizeof(text) - 1);
	conf_unref(conf_load(path, &err));
	ck_assert_str_eq(err.text, "");
	write_bytes(text, sizeof(text));
	ck_assert_ptr_null(conf_load(path, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "longer than"));
}
END_TEST

START_TEST(defaults)
{
	struct conf	*conf = load_good("");

	ck_assert_str_eq(conf->file, path);
	ck_assert_str_eq(conf->store, "lmdb:/run/xcontext/store");
	ck_assert_str_eq(conf->runtime_directory, "/run/xcontext");
	ck_assert_str_eq(conf->user, "xcontext");
	ck_assert_str_eq(conf->log, "syslog:mail");
	ck_assert_int_eq(conf->log_format, CONF_LOG_TEXT);
	ck_assert(!conf->log_all);
	ck_assert_int_eq(conf->xtext, XTEXT_STRICT);
	ck_assert_uint_eq(conf->limits.policy_request_size, 65536);
	ck_assert_uint_eq(conf->limits.connections, 10000);
	ck_assert_uint_eq(conf->limits.session_lifetime, 86400);
	ck_assert_uint_eq(conf->limits.audit_entries, 32);
	ck_assert_uint_eq(conf->limits.store_size, 32);
	ck_assert_uint_eq(conf->limits.log_rate, 10);
	ck_assert_uint_eq(conf->limits.context_pairs, 64);
	ck_assert_uint_eq(conf->limits.context_size, 16384);
	ck_assert_str_eq(conf->milter_header, "X-Session-Context");
	ck_assert_ptr_null(conf->milter_header_names[0]);
	ck_assert(access_is_empty(conf->access));
	ck_assert(!trust_any_received(conf->trust));
	ck_assert_str_eq(conf->milter_listen,
	    "unix:/var/spool/postfix/xcontext/milter");
	ck_assert_uint_eq(conf->milter_socket_mode, 0660);
	ck_assert_str_eq(conf->policy_listen,
	    "unix:/var/spool/postfix/xcontext/policy");
	ck_assert_str_eq(conf->policy_maps,
	    "unix:/var/spool/postfix/xcontext/maps");
	ck_assert_str_eq(conf->policy_other_milters, "");
	ck_assert_str_eq(conf->policy_metrics, "");
	ck_assert_str_eq(conf->socket_group, "");
	ck_assert(conf_allows_uid(conf, 0));
	ck_assert(!conf_allows_uid(conf, 4000000));
	ck_assert_str_eq(conf->control, "unix:control");
	ck_assert(conf_controls_uid(conf, 0));
	ck_assert(!conf_controls_uid(conf, 1));
	ck_assert_uint_eq(conf->n_control_uids, 0);
	ck_assert(!conf->has_policy && !conf->has_milter);
	ck_assert_ptr_nonnull(trust_profile_find(conf->trust, "root"));
	conf_unref(conf);
}
END_TEST

static const char	 full[] =
    "# every setting, none at its default\n"
    "store = \"lmdb:/a\" // one\n"
    "runtime_directory = \"/b\"\n"
    "user = \"\"\n"
    "allowed_users = { 'root' } control = 'unix:/c' "
    "control_users = { daemon, bin }\n"
    "socket_group = \"g\\\\h\\\"i\\$j\\tk\\nl\"\n"
    "log = 'syslog:local3'\n"
    "log_format = json\n"
    "log_all = yes\n"
    "xtext = \"legacy\" tables = lenient\n"
    "trust_maps = { \"inline:{192.0.2.1=edge}\",\r\n"
    "    # a comment in a list\n"
    "    'pcre:{{/^10\\.9\\./ edge}}', /* another */ } access_maps = "
    "{ 'regexp:{{/^context.tenant=x$/ strict}}', 'static:DUNNO' }\n"
    "limits { policy_request_size = 1024 connections = 2\n"
    "  session_lifetime = 60 audit_entries = 1 store_size = 3\n"
    "  log_rate = 0 context_pairs = 128 context_size = 32768 }\n"
    "milter { listen = \"inet:127.0.0.1:99\" socket_mode = \"0600\""
    " metrics = \"127.0.0.1:9727\""
    " header = X-S header_names = { tenant, \"Peer_Address\" } }\n"
    "policy { listen = \"unix:/p\" maps = \"unix:/m\"\n"
    "  other_milters = '${a}$\\\\' metrics = \"127.0.0.1:9725\""
    " restriction_classes = { strict } }\n"
    "profile edge {\n"
    "  xclient = { \"*\" } xforward = { ADDR, \"ident\" }\n"
    "  drop = { \"HELO\" }\n"
    "  addr = { \"!198.51.100.0/24\", \"public\" }\n"
    "  port = { \"1*\" } name = { \"!.example.com\", \"*\" }\n"
    "  reverse_name = { \"*\" } helo = { \"a\" } proto = { \"ESMTP\" }\n"
    "  login = { 'pcre:{{/^[a-z]+$/ x}}' } destaddr = { }\n"
    "  destport = { \"25\" } ident = { \"A*\" } source = { \"LOCAL\" }\n"
    "  seal = never on_violation = \"disconnect\" report_only = on "
    "xremoteip = yes xsetcontext = { tenant, \"route.*\" } "
    "xdumpcontext = on always_allow = true received = 100\n"
    "}\n"
    "profile 'two' { addr = { } }\n"
    "profile three { }\n"
    "listener inside { trust_maps = { \"inline:{10.9.1.1=two}\" } }\n"
    "relay front { listen = '[::1]:25' next_hop = 'smtp:' binding = b }\n"
    "binding_group g { binding b { domain .example.com { } } }\n";

START_TEST(everything)
{
	struct conf	*conf = load_good(full);

	ck_assert_str_eq(conf->store, "lmdb:/a");
	ck_assert_str_eq(conf->runtime_directory, "/b");
	ck_assert_str_eq(conf->user, "");
	ck_assert_str_eq(conf->allowed_users[0], "root");
	ck_assert_ptr_null(conf->allowed_users[1]);
	ck_assert_uint_eq(conf->n_allowed_uids, 1);
	ck_assert_str_eq(conf->control, "unix:/c");
	ck_assert_uint_eq(conf->n_control_uids, 2);
	ck_assert(conf_controls_uid(conf, 0) && conf_controls_uid(conf, 1) &&
	    conf_controls_uid(conf, 2) && !conf_controls_uid(conf, 3));
	ck_assert(conf->has_policy && conf->has_milter);
	ck_assert_str_eq(conf->socket_group, "g\\h\"i$j\tk\nl");
	ck_assert_str_eq(conf->log, "syslog:local3");
	ck_assert_int_eq(conf->log_format, CONF_LOG_JSON);
	ck_assert(conf->log_all);
	ck_assert_int_eq(conf->xtext, XTEXT_LEGACY);
	ck_assert_uint_eq(conf->limits.policy_request_size, 1024);
	ck_assert_uint_eq(conf->limits.connections, 2);
	ck_assert_uint_eq(conf->limits.session_lifetime, 60);
	ck_assert_uint_eq(conf->limits.audit_entries, 1);
	ck_assert_uint_eq(conf->limits.store_size, 3);
	ck_assert_uint_eq(conf->limits.log_rate, 0);
	ck_assert_uint_eq(conf->limits.context_pairs, 128);
	ck_assert_uint_eq(conf->limits.context_size, 32768);
	ck_assert_str_eq(conf->milter_header, "X-S");
	ck_assert_str_eq(conf->milter_header_names[0], "tenant");
	ck_assert_str_eq(conf->milter_header_names[1], "Peer_Address");
	ck_assert_ptr_null(conf->milter_header_names[2]);
	ck_assert(!access_is_empty(conf->access));
	ck_assert_str_eq(conf->milter_listen, "inet:127.0.0.1:99");
	ck_assert_uint_eq(conf->milter_socket_mode, 0600);
	ck_assert_str_eq(conf->policy_listen, "unix:/p");
	ck_assert_str_eq(conf->policy_maps, "unix:/m");
	ck_assert_str_eq(conf->policy_other_milters, "${a}$\\");
	ck_assert_str_eq(conf->policy_metrics, "127.0.0.1:9725");
	conf_unref(conf);
}
END_TEST

/* What the context's settings are of a profile that has them, and not. */
START_TEST(context_settings)
{
	struct conf			*conf = load_good(full);
	const struct trust_profile	*p;

	p = trust_profile_find(conf->trust, "edge");
	ck_assert(trust_profile_may(p, TRUST_XREMOTEIP) &&
	    trust_profile_may(p, TRUST_XSETCONTEXT) &&
	    trust_profile_may(p, TRUST_XDUMPCONTEXT) &&
	    trust_profile_always_allow(p));
	ck_assert_uint_eq(trust_profile_received(p), 100);
	ck_assert(trust_any_received(conf->trust));
	p = trust_profile_find(conf->trust, "three");
	ck_assert(!trust_profile_may_any(p) &&
	    !trust_profile_always_allow(p));
	ck_assert_uint_eq(trust_profile_received(p), 0);
	conf_unref(conf);
}
END_TEST

/* The maps are asked in their order, with the classes that are named. */
START_TEST(access_settings)
{
	const struct span	 key = span_of("context.tenant=x");
	struct conf		*conf = load_good(full);
	struct access_answer	*answer = malloc(sizeof(*answer));

	ck_assert_int_eq(access_ask(conf->access, &key, 1, answer),
	    ACCESS_FOUND);
	ck_assert_str_eq(answer->text, "strict");
	free(answer);
	conf_unref(conf);
}
END_TEST

/* Decides about one XCLIENT of a profile. */
static void
verdict_of(const struct conf *conf, const char *profile, const char *args,
    struct verdict *verdict)
{
	struct trust_speaker	 speaker = { 0 };
	struct assertion_set	 set;
	struct err		 err = { "" };

	speaker.profile = trust_profile_find(conf->trust, profile);
	ck_assert_ptr_nonnull(speaker.profile);
	ck_assert_msg(assertion_parse(span_of(args), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err) == ASSERTION_OK, "%s", err.text);
	trust_decide(conf->trust, &speaker,
	    (enum trust_command)set.command, &set, verdict);
}

START_TEST(profiles)
{
	static const struct {
		const char	*profile, *args;
		enum verdict_reason want;
		unsigned	 line;
	} rows[] = {
		{ "edge", "ADDR=203.0.113.7", REASON_GRANTED, 21 },
		{ "edge", "ADDR=198.51.100.7", REASON_VALUE, 23 },
		{ "edge", "NAME=a.example.com", REASON_VALUE, 24 },
		{ "edge", "PORT=25", REASON_VALUE, 24 },
		{ "edge", "HELO=b", REASON_VALUE, 25 },
		{ "edge", "PROTO=SMTP", REASON_VALUE, 25 },
		{ "edge", "LOGIN=joe", REASON_GRANTED, 21 },
		{ "edge", "LOGIN=joe2", REASON_VALUE, 26 },
		{ "edge", "DESTADDR=192.0.2.1", REASON_VALUE, 20 },
		{ "edge", "DESTPORT=26", REASON_VALUE, 27 },
		{ "two", "ADDR=203.0.113.7", REASON_NO_GRANT, 30 },
		{ "three", "ADDR=203.0.113.7", REASON_NO_GRANT, 31 },
	};
	struct conf	*conf = load_good(full);
	struct verdict	 got;
	char		 want[64];
	size_t		 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		verdict_of(conf, rows[i].profile, rows[i].args, &got);
		snprintf(want, sizeof(want), "%s:%u", path, rows[i].line);
		ck_assert_msg(got.reason == rows[i].want &&
		    strcmp(got.rule, want) == 0, "%s %s: got %s at %s, want "
		    "%s at %s", rows[i].profile, rows[i].args,
		    verdict_reason_text(got.reason), got.rule,
		    verdict_reason_text(rows[i].want), want);
	}
	ck_assert_int_eq(trust_profile_seal(trust_profile_find(conf->trust,
	    "edge")), TRUST_SEAL_NEVER);
	ck_assert_int_eq(trust_profile_on_violation(trust_profile_find(
	    conf->trust, "edge")), VERDICT_DISCONNECT);
	ck_assert(trust_profile_report_only(trust_profile_find(conf->trust,
	    "edge")));
	ck_assert(trust_profile_may(trust_profile_find(conf->trust, "edge"),
	    TRUST_XFORWARD));
	ck_assert_int_eq(trust_profile_on_violation(trust_profile_find(
	    conf->trust, "two")), VERDICT_TEMPFAIL);
	conf_unref(conf);
}
END_TEST

/* All that was a truth value still is one. */
/* Comments and order do not matter; settings, and what is in files, do. */
START_TEST(fingerprints)
{
	static const char *const	 texts[] = {
		"log_all = true\nprofile x { xclient = { ADDR } }\n",
		("# but\nprofile x {\n\txclient = { \"ADDR\" }\n}\n"
		"log_all = true # the same\n"),
		"log_all = false\nprofile x { xclient = { ADDR } }\n",
		"log_all = true\nprofile x { xclient = { NAME } }\n"
	};
	char				 seen[4][FINGERPRINT_SIZE];
	struct conf			*conf;
	unsigned			 i, k;

	for (i = 0; i < 4; i++) {
		conf = load_good(texts[i]);
		(void)strcpy(seen[i], conf->fingerprint);
		conf_unref(conf);
		ck_assert_uint_eq(strspn(seen[i], "0123456789abcdef"), 16);
		for (k = 0; k < i; k++)
			ck_assert_msg((strcmp(seen[i], seen[k]) == 0) ==
			    (i == 1), "%u and %u: %s, %s", i, k, seen[i],
			    seen[k]);
	}
}
END_TEST

START_TEST(fingerprint_of_a_table)
{
	static const char *const	 texts[] = {
		"192.0.2.1 x\n", "192.0.2.1 y\n", "192.0.2.1 x\n"
	};
	char				 seen[3][FINGERPRINT_SIZE];
	char				 spec[200];
	char				 map[] = "/tmp/conf_test.XXXXXX";
	int				 fd = mkstemp(map);
	struct conf			*conf;
	FILE				*fp;
	unsigned			 i;

	ck_assert(fd != -1 && close(fd) == 0);
	(void)snprintf(spec, sizeof spec, "trust_maps = { \"cidr:%s\" }\n"
	    "profile x { }\nprofile y { }\n", map);
	for (i = 0; i < 3; i++) {
		fp = fopen(map, "w");
		ck_assert(fp != NULL && fputs(texts[i], fp) >= 0 &&
		    fclose(fp) == 0);
		conf = load_good(spec);
		(void)strcpy(seen[i], conf->fingerprint);
		conf_unref(conf);
	}
	(void)unlink(map);
	ck_assert_str_ne(seen[0], seen[1]);
	ck_assert_str_eq(seen[0], seen[2]);
}
END_TEST

START_TEST(report_only_words)
{
	static const struct {
		const char	*word;
		bool		 want, want_login;
	} words[] = {
		{ "false", false, false }, { "no", false, false },
		{ "off", false, false }, { "true", true, false },
		{ "yes", true, false }, { "on", true, false },
		{ "everything", true, true }
	};
	const struct trust_profile	*p;
	struct conf			*conf;
	char				 text[64];
	int				 i;

	for (i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++) {
		(void)snprintf(text, sizeof(text),
		    "profile x { report_only = %s }\n", words[i].word);
		conf = load_good(text);
		p = trust_profile_find(conf->trust, "x");
		ck_assert_msg(trust_profile_report_only(p) == words[i].want,
		    "%s", words[i].word);
		ck_assert_msg(((trust_profile_attributes(p, TRUST_XCLIENT) &
		    1U << ASSERTION_LOGIN) != 0) == words[i].want_login,
		    "%s: login", words[i].word);
		conf_unref(conf);
	}
}
END_TEST

static const char *
profile_of(const struct conf *conf, const char *addr, const char *listener)
{
	const struct trust_profile	*profile;
	struct trust_peer		 peer = { .listener = listener };
	char				 rule[64];
	struct err			 err = { "" };

	ck_assert(address_parse(span_of(addr), &peer.addr));
	ck_assert_msg(trust_classify(conf->trust, &peer, &profile, rule,
	    sizeof(rule), &err) == TRUST_OK, "%s", err.text);
	return trust_profile_name(profile);
}

START_TEST(maps)
{
	struct conf	*conf = load_good(full);

	ck_assert_str_eq(profile_of(conf, "192.0.2.1", NULL), "edge");
	ck_assert_str_eq(profile_of(conf, "10.9.1.1", NULL), "edge");
	ck_assert_str_eq(profile_of(conf, "10.90.1.1", NULL), "stranger");
	ck_assert_str_eq(profile_of(conf, "10.9.1.1", "inside"), "two");
	conf_unref(conf);
}
END_TEST

/* Lists that come from elsewhere: what is no rule is told, and counted. */
START_TEST(lenient_tables)
{
	static const char	 text[] = "192.0.2.1/32 edge\n"
	    "192.0.2.1/24 edge\n198.51.100.0/33 edge\n203.0.113.7\n"
	    "203.0.113.0/24 edge\n";
	char		 file[128], settings[600];
	struct conf	*conf;
	FILE		*fp;

	snprintf(file, sizeof(file), "%s.cidr", path);
	fp = fopen(file, "w");
	ck_assert_ptr_nonnull(fp);
	fputs(text, fp);
	fclose(fp);
	snprintf(settings, sizeof(settings), "%strust_maps = { \"cidr:%s\" }\n"
	    EDGE "}\n", "tables = \"lenient\"\n", file);
	conf = load_good(settings);
	ck_assert_uint_eq(conf->skips.n, 3);
	ck_assert_ptr_nonnull(strstr(conf->skips.first.text,
	    ".cidr:2: "));
	ck_assert_str_eq(profile_of(conf, "192.0.2.1", NULL), "edge");
	ck_assert_str_eq(profile_of(conf, "192.0.2.2", NULL), "stranger");
	ck_assert_str_eq(profile_of(conf, "203.0.113.9", NULL), "edge");
	conf_unref(conf);
	check_refused("strictly", settings + strlen("tables = \"lenient\"\n"),
	    ":1: trust_maps: ");
	fp = fopen(file, "a");
	ck_assert_ptr_nonnull(fp);
	fputs("if 192.0.2.1/24\nendif\n", fp);
	fclose(fp);
	check_refused("what other lines depend on", settings,
	    ":2: trust_maps: ");
	unlink(file);
}
END_TEST

/* This host's own addresses are collected: loopback is always one, but it
 * is not public anyway, so it can only be seen that loading works. */
START_TEST(own_addresses)
{
	struct conf	*conf = load_good("profile a { xclient = { ADDR } }");
	struct verdict	 got;

	verdict_of(conf, "a", "ADDR=127.0.0.1", &got);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	verdict_of(conf, "a", "ADDR=203.0.113.200", &got);
	ck_assert_int_eq(got.reason, REASON_GRANTED);
	conf_unref(conf);
}
END_TEST

START_TEST(prints_what_it_reads)
{
	static const char *const	 texts[] = { "", full };
	size_t				 i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct conf	*conf = load_good(texts[i]);
		char		*once = printed(conf), *twice;

		conf_unref(conf);
		conf = load_good(once);
		twice = printed(conf);
		ck_assert_str_eq(once, twice);
		if (i == 1) {
			ck_assert_str_eq(conf->socket_group,
			    "g\\h\"i$j\tk\nl");
			ck_assert_str_eq(conf->policy_other_milters,
			    "${a}$\\");
			ck_assert_str_eq(profile_of(conf, "10.9.1.1", NULL),
			    "edge");
			ck_assert_ptr_nonnull(strstr(twice,
			    "\tdestaddr = { }\n"));
		}
		conf_unref(conf);
		free(once);
		free(twice);
	}
}
END_TEST

START_TEST(prints_every_setting)
{
	struct conf	*conf = load_good(full);
	char		*text = printed(conf);
	const char	*name, *dot;
	unsigned	 i;

	for (i = 0; (name = conf_setting_name(i)) != NULL; i++) {
		char	 want[64];

		dot = strchr(name, '.');
		snprintf(want, sizeof(want), "\n%s%s = ",
		    dot == NULL ? "" : "\t", dot == NULL ? name : dot + 1);
		ck_assert_msg(strstr(text, want) != NULL, "%s", name);
	}
	ck_assert_uint_gt(i, 30);
	free(text);
	conf_unref(conf);
}
END_TEST

static char *
read_manual(void)
{
	static char	 text[200000];
	const char	*srcdir = getenv("srcdir");
	char		 file[512];
	FILE		*fp;
	size_t		 n;

	snprintf(file, sizeof(file), "%s/man/xcontext.conf.5",
	    srcdir == NULL ? "." : srcdir);
	fp = fopen(file, "r");
	ck_assert_msg(fp != NULL, "%s: %s", file, strerror(errno));
	n = fread(text, 1, sizeof(text) - 1, fp);
	text[n] = '\0';
	fclose(fp);
	return text;
}

/* A copy of what stands behind "begin", up to "end"; NULL: no "begin". */
static char *
cut_out(const char *text, const char *begin, const char *end)
{
	const char	*from = strstr(text, begin), *to;

	if (from == NULL)
		return NULL;
	from += strlen(begin);
	to = strstr(from, end);
	return strndup(from, to == NULL ? strlen(from) : (size_t)(to - from));
}

/* What the manual says about a setting, under the title of its section. */
static char *
manual_item(const char *manual, const char *section, const char *name)
{
	char	 title[64], item[64], *text, *found;

	snprintf(title, sizeof(title), "\n.Ss The %s ", section);
	text = cut_out(manual, title, "\n.Ss ");
	ck_assert_msg(text != NULL, "no %s", title + 1);
	snprintf(item, sizeof(item), "\n.It Ic %s ", name);
	found = cut_out(text, item, "\n.It ");
	ck_assert_msg(found != NULL, "%s: no item %s", section, name);
	free(text);
	return found;
}

/* The value of a setting as it is printed, without quotes and braces. */
static char *
printed_value(const char *text, const char *section, const char *name)
{
	char	 begin[64], *part, *value, *p;

	snprintf(begin, sizeof(begin), "\n%s ", section);
	part = *section == '\0' ? strdup(text) :
	    cut_out(text, begin, "\n}");
	ck_assert_msg(part != NULL, "%s is not printed", section);
	snprintf(begin, sizeof(begin), "\n%s%s = ",
	    *section == '\0' ? "" : "\t", name);
	value = cut_out(part, begin, "\n");
	ck_assert_msg(value != NULL, "%s is not printed", name);
	free(part);
	p = value + strspn(value, "{ \"");
	memmove(value, p, strlen(p) + 1);
	value[strcspn(value, "\" }")] = '\0';
	return value;
}

/* The manual tells of each setting, with its default. */
START_TEST(manual_names_every_setting)
{
	struct conf	*conf = load_good("profile a { }\n"
			    "listener b { trust_maps = "
			    "{ \"static:stranger\" } }\n"
			    "relay c { listen = \"127.0.0.1:10027\" "
			    "next_hop = \"smtp:[127.0.0.1]:10028\" }\n"
			    "binding d { } binding_group e { } domain f { }");
	char		*manual = read_manual(), *text = printed(conf);
	const char	*name, *dot;
	unsigned	 i;

	for (i = 0; (name = conf_setting_name(i)) != NULL; i++) {
		char	 section[32] = "", *item, *value;

		dot = strchr(name, '.');
		if (dot != NULL) {
			snprintf(section, sizeof(section), "%.*s",
			    (int)(dot - name), name);
			name = dot + 1;
		}
		item = manual_item(manual, *section == '\0' ? "settings" :
		    section, name);
		value = printed_value(text, section, name);
		ck_assert_msg(strstr(item, value) != NULL,
		    "%s %s: no default \"%s\" in \"%s\"", section, name,
		    value, item);
		free(item);
		free(value);
	}
	free(text);
	conf_unref(conf);
}
END_TEST

static void *
hold_and_release(void *arg)
{
	int	 i;

	for (i = 0; i < 10000; i++)
		conf_unref(conf_ref(arg));
	return NULL;
}

START_TEST(references)
{
	struct conf	*conf = load_good("");
	pthread_t	 threads[4];
	size_t		 i;

	ck_assert_ptr_eq(conf_ref(conf), conf);
	conf_unref(conf);
	for (i = 0; i < 4; i++)
		ck_assert(pthread_create(&threads[i], NULL, hold_and_release,
		    conf) == 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_str_eq(conf->user, "xcontext");
	conf_unref(conf);
	conf_unref(NULL);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("conf");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, bad, 0,
	    (int)(sizeof(bad_rows) / sizeof(bad_rows[0])));
	tcase_add_test(tc, nul_byte);
	tcase_add_test(tc, no_file);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, everything);
	tcase_add_test(tc, fingerprints);
	tcase_add_test(tc, fingerprint_of_a_table);
	tcase_add_test(tc, report_only_words);
	tcase_add_test(tc, context_settings);
	tcase_add_test(tc, access_settings);
	tcase_add_test(tc, profiles);
	tcase_add_test(tc, maps);
	tcase_add_test(tc, lenient_tables);
	tcase_add_test(tc, own_addresses);
	tcase_add_test(tc, prints_what_it_reads);
	tcase_add_test(tc, prints_every_setting);
	tcase_add_test(tc, manual_names_every_setting);
	tcase_add_test(tc, references);
	return runner_run("conf", tc);
}
