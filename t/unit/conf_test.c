/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_test: what the configuration file may say, how it is refused, and by
 * what two are known to be the same.
 */
#include "conf/conf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/conf_file.h"
#include "t/lib/conf_full.h"
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

START_TEST(everything)
{
	struct conf	*conf = load_good(conf_full());

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
	tcase_add_test(tc, references);
	return runner_run("conf", tc);
}
