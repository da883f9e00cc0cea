/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_full: its text, and whom it takes for whom.
 */
#include "conf_full.h"

#include <check.h>

static const char	 full[] =
    "# every setting, none at its default\n"
    "store = \"lmdb:/a\" // one\n"
    "runtime_directory = \"/b\"\n"
    "user = \"\" shared = 'rediss://u@[::1]:1,b/2?sentinel=m'\n"
    "shared_deadline = 10 shared_password_file = '/d' "
    "shared_tls_ca_file = '/e' shared_tls_certificate = '/f'\n"
    "shared_tls_key = '/g'\n"
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

const char *
conf_full(void)
{
	return full;
}

const char *
conf_full_profile(const struct conf *conf, const char *addr,
    const char *listener)
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
