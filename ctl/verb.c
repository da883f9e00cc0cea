/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * verb: see verb.h.  Options of all verbs are long ones, and may stand before,
 * behind and between the arguments.
 */
#include "verb.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define LAST	{ NULL, NULL, NULL, false }

static const struct verb_option	 no_options[] = { LAST };

/* The same of each verb that is about a peer: peer.c reads them. */
static const struct verb_option	 peer_options[] = {
	{ "listener", "NAME", "by the rules of this listener", false },
	{ "name", "HOST", "the peer's verified host name", false },
	{ "fingerprint", "HEX", "of the peer's client certificate", false },
	LAST
};

static const struct verb_option	 apply_options[] = {
	{ "confirm", "TIME", "go back by itself unless confirmed: 90s, 10m, "
	    "2h", false },
	LAST
};

static const struct verb_option	 confirm_options[] = {
	{ "abort", NULL, "go back now", false },
	LAST
};

/* In the order of enum conformance_option in conformance.c. */
static const struct verb_option	 conformance_options[] = {
	{ "rcpt", "ADDRESS", "a recipient whom the server takes mail for",
	    false },
	{ "outside", "ADDRESS", "one whom it relays mail to for users alone "
	    "(probe@xcontext.invalid)", false },
	{ "login", "USER", "a user's name (probe)", false },
	{ "rejected", "ADDRESS", "of a client whom its rules reject", false },
	{ "rejected-name", "NAME", "likewise", false },
	{ "rejected-helo", "NAME", "likewise", false },
	{ "source", "ADDRESS", "to connect from", false },
	{ "timeout", "SECONDS", "for each reply (10)", false },
	LAST
};

static const struct verb_option	 diff_options[] = {
	{ "names", "FILE", "more names to try, a line each", false },
	LAST
};

static const struct verb_option	 explain_options[] = {
	{ "listener", "NAME", "by the rules of this listener", false },
	{ "name", "HOST", "the peer's verified host name", false },
	{ "fingerprint", "HEX", "of the peer's client certificate", false },
	{ "peer", "ADDRESS", "who connects", false },
	{ "log", NULL, "a line of a log, or those of a session, instead",
	    false },
	{ "scope", NULL, "the way that a relay (--listener) takes, instead",
	    false },
	{ "context", "PAIRS", "with --scope: as XSETCONTEXT has them", false },
	{ "xclient", "ATTRIBUTES", "with --scope: what --peer says", false },
	LAST
};

/* In the order of enum in inject.c. */
static const struct verb_option	 inject_options[] = {
	{ "server", "HOST:PORT", "the mail server, or /path of a socket",
	    false },
	{ "lmtp", NULL, "it speaks LMTP", false },
	{ "format", "FORMAT", "mbox, maildir, mh or eml; else by its look",
	    false },
	{ "received", "N", "the client is in the N-th Received header", false },
	{ "mine", "LIST", "it is the first that is none of these networks and "
	    "hosts", false },
	{ "origin-header", "NAME", "its address is in this header", false },
	{ "login", NULL, "also say who had logged in there", false },
	{ "unknown", "WHAT", "if there is none: unavailable (default), reject, "
	    "self", false },
	{ "sender", "ADDRESS", "in place of Return-Path's", false },
	{ "to-header", "NAME", "who has the recipient, in place of "
	    "Delivered-To", false },
	{ "journal", "FILE", "where each message's state is kept", false },
	{ "keep", NULL, "take nothing out of the source", false },
	{ "rejects", "DIR", "where what the server refuses is kept", false },
	{ "in-doubt", "WHAT", "of what may be there: hold (default), send, "
	    "ask:/PROGRAM", false },
	{ "jobs", "N", "so many connections at once (1)", false, 'j' },
	{ "retry", "SECONDS", "so long without a server; 60, standard input "
	    "0", false },
	{ "stats-json", "FILE", "write the numbers there", false },
	{ "dry-run", NULL, "only show what would be said", false },
	{ "status", NULL, "only show what the journal has", false },
	{ "starttls", NULL, "by STARTTLS", false },
	{ "tls", NULL, "by TLS from the first octet on", false },
	{ "ca", "FILE", "of CA certificates; the system's if not given",
	    false },
	{ "verify", "NAME", "what the certificate has to be for", false },
	LAST
};

static const struct verb_option	 lint_options[] = {
	{ "many", "NUMBER", "so many addresses may have LOGIN; 65536", false },
	LAST
};

static const struct verb_option	 matrix_options[] = {
	{ "svg", NULL, "as a picture, SVG", false },
	{ "html", NULL, "as one file of HTML", false },
	LAST
};

static const struct verb_option	 ping_options[] = {
	{ "wiring", NULL, "also ask as the mail server does", false },
	LAST
};

static const struct verb_option	 replay_options[] = {
	{ "config", "NEW", "by the rules of this file, not those of -c",
	    false },
	LAST
};

static const struct verb_option	 session_options[] = {
	{ "profile", "NAME", "only those of this profile", false },
	{ "peer", "NETWORK", "only those that came from there", false },
	{ "all", NULL, "also those whose process is gone", false },
	{ "watch", NULL, "in place, again and again, until q", false },
	LAST
};

/* In the order of enum setup_option in setup.h. */
static const struct verb_option	 setup_options[] = {
	{ "plan", NULL, "show what would be changed, and why", false },
	{ "apply", NULL, "change it, all or nothing", false },
	{ "check", NULL, "what of it is missing, and what that costs", false },
	{ "undo", NULL, "put the files back as they were", false },
	{ "config-directory", "DIR", "the Postfix whose main.cf is there",
	    false },
	{ "instance", "NAME", "of those that postmulti -l lists", false },
	{ "wiring", "A|B", "a listener for messengers (A), or for all",
	    false },
	{ "bind", "ADDRESS", "where A, or what has the relay's trust, listens; "
	    "else 127.0.0.1", false },
	{ "port", "PORT", "of it; else 10025 or 10027, or the next free one",
	    false },
	{ "messengers", "NETWORK", "that all of B's messengers are in",
	    false },
	{ "allow-public", NULL, "it may be on the Internet", false },
	{ "force", NULL, "--undo although the files were changed since",
	    false },
	{ "reload", NULL, "run postfix reload, too", false },
	{ "where", "front|behind", "the relay: of port 25, or of what Postfix "
	    "sends", false },
	{ "mail", "relay|all", "behind: for relay_domains, or all that leaves",
	    false },
	{ "rebuild", NULL, "also make sendmail.cf, by m4", false },
	LAST
};

static const struct verb_option	 revoke_options[] = {
	{ "for", "TIME", "so long: 90s, 30m, 12h, 7d; else until unrevoke",
	    false },
	{ "reason", "TEXT", "why, for who reads the list", false },
	LAST
};

/* In the order of enum probe_option in probe.c. */
static const struct verb_option	 probe_options[] = {
	{ "server", "HOST:PORT", "127.0.0.1:25 if it is not given; or a "
	    "socket's path", false },
	{ "jobs", "N", "so many connections at once (1)", false, 'j' },
	{ "starttls", NULL, "by STARTTLS", false },
	{ "tls", NULL, "by TLS from the first octet on", false },
	{ "ca", "FILE", "of CA certificates; the system's if not given",
	    false },
	{ "verify", "NAME", "what the certificate has to be for", false },
	{ "name", "NAME", "to greet by, where no client has one", false },
	{ "source", "ADDRESS", "to connect from", false },
	{ "timeout", "SECONDS", "for each reply (30)", false },
	{ "send", "LIST", "messages, to these addresses and @domains",
	    false },
	{ "junit", "FILE", "a report for a build server", false },
	{ "record", NULL, "print the files with what is replied today",
	    false },
	{ "compare", "HOST:PORT", "print where this server differs", false },
	{ "capture", "LOG", "print cases of what a Postfix has logged", false },
	LAST
};

static const struct verb_option	 suggest_options[] = {
	{ "prefix", "BITS", "networks of IPv4 in place of addresses", false },
	{ "prefix6", "BITS", "likewise of IPv6", false },
	LAST
};

/* In the order of enum test_option in test.c. */
static const struct verb_option	 test_options[] = {
	{ "coverage", NULL, "also which rules no test reaches", false },
	{ "fail-under", "PERCENT", "fail if fewer rules are reached", false },
	LAST
};

static const struct verb_option	 trace_options[] = {
	{ "peer", "NETWORK", "only those about peers there", false },
	{ "profile", "NAME", "only those about this profile", false },
	{ "only", "NUMBER", "so many, and then end", false },
	{ "terse", NULL, "who, what and why, and no more", false },
	LAST
};

static const struct verb	 verbs[] = {
	{ "apply", "NEW", 1, 1, "put a file in the configuration's place, and "
	    "back if one daemon refuses it", apply_options, apply_run },
	{ "completion", "bash|zsh", 1, 1, "print a completion script",
	    no_options, verb_run_completion },
	{ "confirm", "", 0, 0, "keep what apply --confirm has put on trial",
	    confirm_options, apply_confirm },
	{ "conformance", "HOST:PORT", 1, 1, "what a mail server makes of "
	    "XCLIENT, XFORWARD and PROXY", conformance_options,
	    conformance_run },
	{ "coverage", "LOG", 1, 1, "which rules the decisions of a log have "
	    "asked, and which never", no_options, coverage_log_run },
	{ "diff", "OLD NEW", 2, 2, "who gains and who loses which right by a "
	    "change of the configuration", diff_options, diff_run },
	{ "explain", "[COMMAND|LINE|SESSION|SENDER RECIPIENT]", 0, 2,
	    "what a line, or a dialogue on standard input, would come to, and "
	    "by which rule",
	    explain_options, explain_run },
	{ "help", "[VERB]", 0, 1, "tell of a verb, or of all", no_options,
	    verb_run_help },
	{ "inject", "[SOURCE [RECIPIENT ...]]", 0, -1, "hand stored mail to a "
	    "mail server as from the client it came from", inject_options,
	    inject_run },
	{ "lint", "", 0, 0, "what is dead, too wide or dangerous in the rules",
	    lint_options, lint_run },
	{ "matrix", "", 0, 0, "who may say what, at a glance",
	    matrix_options, matrix_run },
	{ "may", "PEER", 1, 1, "what a peer may do, and by which rule",
	    peer_options, may_run },
	{ "ping", "", 0, 0, "whether the daemons are there, and what they go "
	    "by", ping_options, ping_run },
	{ "probe", "FILE...", 0, -1, "whether a mail server replies as files "
	    "expect, to whichever client", probe_options, probe_run },
	{ "reload", "", 0, 0, "have the configuration read again, and say "
	    "what became of it", no_options, reload_run },
	{ "replay", "LOG", 1, 1, "what the decisions of a log would have been "
	    "by other rules", replay_options, replay_run },
	{ "revocations", "", 0, 0, "list what is revoked", no_options,
	    revoke_list },
	{ "revoke", "ADDRESS|NETWORK|PROFILE|SESSION", 1, 1,
	    "take the rights of peers or of a session away at once",
	    revoke_options, revoke_run },
	{ "sessions", "", 0, 0, "list the sessions that there are",
	    session_options, sessions_list },
	{ "setup", "postfix|relay|sendmail", 1, 1, "attach xcontext to a mail "
	    "server, check that, or take it off", setup_options, setup_run },
	{ "show", "SESSION", 1, 1, "all that is known of a session",
	    no_options, sessions_show },
	{ "stats", "", 0, 0, "the numbers that the daemons have counted",
	    no_options, stats_run },
	{ "suggest", "LOG", 1, 1, "the least profile by which what passed in a "
	    "trial would pass", suggest_options, suggest_run },
	{ "test", "FILE", 1, 1, "whether the rules come to what a file "
	    "expects, as TAP", test_options, test_run },
	{ "trace", "", 0, 0, "show decisions as they are made",
	    trace_options, follow_trace },
	{ "unrevoke", "ADDRESS|NETWORK|PROFILE|SESSION", 1, 1,
	    "give revoked rights back",
	    no_options, revoke_undo },
	{ "who-can", "COMMAND", 1, 1, "everybody who could say a line",
	    no_options, who_can_run }
};
#define N_VERBS	(sizeof verbs / sizeof verbs[0])

#define ALL	"usage: " CTL_PROGRAM " [-c FILE] [--json] VERB ..."

const struct verb *
verb_at(unsigned i)
{
	return i < N_VERBS ? &verbs[i] : NULL;
}

const struct verb *
verb_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/*
 * Help
 */

void
verb_usage(const struct verb *verb, FILE *out)
{
	const struct verb_option	*o;

	fprintf(out, "usage: %s [-c FILE] [--json] %s", CTL_PROGRAM,
	    verb->name);
	for (o = verb->options; o->name != NULL; o++)
		fprintf(out, " %s--%s%s%s%s", o->is_required ? "" : "[",
		    o->name, o->arg == NULL ? "" : " ",
		    o->arg == NULL ? "" : o->arg, o->is_required ? "" : "]");
	fprintf(out, "%s%s\n", *verb->args == '\0' ? "" : " ", verb->args);
}

void
verb_help(const struct verb *verb, FILE *out)
{
	const struct verb_option	*o;
	char				 left[40];

	verb_usage(verb, out);
	fprintf(out, "\n%s\n", verb->help);
	if (verb->options->name != NULL)
		fprintf(out, "\n");
	for (o = verb->options; o->name != NULL; o++) {
		(void)snprintf(left, sizeof left, "--%s%s%s", o->name,
		    o->arg == NULL ? "" : " ", o->arg == NULL ? "" : o->arg);
		fprintf(out, "  %-20s %s\n", left, o->help);
	}
}

void
verb_help_all(FILE *out)
{
	size_t	 i;

	fprintf(out, ALL "\n\n");
	for (i = 0; i < N_VERBS; i++)
		fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].help);
	fprintf(out, "\n  -c FILE      configuration, instead of "
	    CONF_DEFAULT_FILE "\n"
	    "  --json       data as JSON\n"
	    "  -V           print the version (also --version)\n\n"
	    CTL_PROGRAM " help VERB tells more, man 1 " CTL_PROGRAM
	    " all\n");
}

int
verb_run_help(struct ctl *ctl)
{
	const struct verb	*verb;

	if (ctl->n_args == 0) {
		verb_help_all(stdout);
		return CTL_YES;
	}
	verb = verb_find(ctl->args[0]);
	if (verb == NULL)
		ctl_die(EX_USAGE, "there is no verb \"%s\"; %s help lists "
		    "them", ctl->args[0], CTL_PROGRAM);
	verb_help(verb, stdout);
	return CTL_YES;
}

/*
 * Completion
 */

static void
print_verbs(FILE *out)
{
	size_t	 i;

	for (i = 0; i < N_VERBS; i++)
		fprintf(out, "%s%s", i == 0 ? "" : " ", verbs[i].name);
}

/* Words of our own among which there is a choice, "bash|zsh"; what is to be
 * filled in stands in capitals. */
static bool
is_choice(const char *args)
{
	return strchr(args, '|') != NULL && islower((unsigned char)*args);
}

static void
print_choice(const char *args, FILE *out)
{
	for (; *args != '\0'; args++)
		putc(*args == '|' ? ' ' : *args, out);
}

static void
complete_bash(FILE *out)
{
	const struct verb_option	*o;
	size_t				 i;

	fprintf(out, "_%s() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb=\n"
	    "\tlocal i words\n\tCOMPREPLY=()\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tcase ${COMP_WORDS[i]} in\n\t\t-c) ((i++)) ;;\n"
	    "\t\t-*) ;;\n\t\t*) verb=${COMP_WORDS[i]}; break ;;\n"
	    "\t\tesac\n\tdone\n\tcase $verb in\n\t'') words='-c --json ",
	    CTL_PROGRAM);
	print_verbs(out);
	fprintf(out, "' ;;\n\thelp) words='");
	print_verbs(out);
	fprintf(out, "' ;;\n");
	for (i = 0; i < N_VERBS; i++) {
		if (verbs[i].options->name == NULL &&
		    !is_choice(verbs[i].args))
			continue;
		fprintf(out, "\t%s) words='", verbs[i].name);
		if (is_choice(verbs[i].args)) {
			print_choice(verbs[i].args, out);
			putc(' ', out);
		}
		fprintf(out, "--json");
		for (o = verbs[i].options; o->name != NULL; o++)
			fprintf(out, " --%s", o->name);
		fprintf(out, "' ;;\n");
	}
	fprintf(out, "\t*) words=--json ;;\n\tesac\n"
	    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	    "}\ncomplete -o default -F _%s %s\n", CTL_PROGRAM, CTL_PROGRAM);
}

/* Within single quotes of a shell's. */
static void
print_quoted(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			putc(*text, out);
}

/* As _arguments of zsh wants it. */
static void
print_zsh_option(const struct verb_option *o, FILE *out)
{
	fprintf(out, " '--%s[", o->name);
	print_quoted(o->help, out);
	fprintf(out, "]%s%s:'", o->arg == NULL ? "" : ":",
	    o->arg == NULL ? "" : o->arg);
}

static void
complete_zsh(FILE *out)
{
	const struct verb_option	*o;
	size_t				 i;

	fprintf(out, "#compdef %s\nlocal -a verbs\nverbs=(\n", CTL_PROGRAM);
	for (i = 0; i < N_VERBS; i++) {
		fprintf(out, "\t'%s:", verbs[i].name);
		print_quoted(verbs[i].help, out);
		fprintf(out, "'\n");
	}
	fprintf(out, ")\nlocal context state state_descr line\n"
	    "typeset -A opt_args\n"
	    "_arguments -C '-c[configuration]:file:_files' "
	    "'--json[data as JSON]' '1:verb:->verb' '*::argument:->rest'\n"
	    "case $state in\nverb) _describe verb verbs ;;\n"
	    "rest)\n\tcase $line[1] in\n");
	for (i = 0; i < N_VERBS; i++) {
		fprintf(out, "\t%s) _arguments '--json[data as JSON]'",
		    verbs[i].name);
		for (o = verbs[i].options; o->name != NULL; o++)
			print_zsh_option(o, out);
		if (is_choice(verbs[i].args)) {
			fprintf(out, " '1: :(");
			print_choice(verbs[i].args, out);
			fprintf(out, ")' ;;\n");
		} else
			fprintf(out, " '*: :_default' ;;\n");
	}
	fprintf(out, "\tesac ;;\nesac\n");
}

bool
verb_completion(const char *shell, FILE *out)
{
	if (strcmp(shell, "bash") == 0)
		complete_bash(out);
	else if (strcmp(shell, "zsh") == 0)
		complete_zsh(out);
	else
		return false;
	return true;
}

int
verb_run_completion(struct ctl *ctl)
{
	if (!verb_completion(ctl->args[0], stdout))
		ctl_die(EX_USAGE, "there is completion for bash and zsh, not "
		    "for \"%s\"", ctl->args[0]);
	return CTL_YES;
}

/*
 * The command line
 */

static _Noreturn void
wrong_usage(const struct verb *verb)
{
	verb_usage(verb, stderr);
	exit(EX_USAGE);
}

#define IS_JSON	CTL_OPTIONS_MAX

static void
name_options(const struct verb *verb,
    struct option names[CTL_OPTIONS_MAX + 2])
{
	const struct verb_option	*o;
	unsigned			 n = 0;

	for (o = verb->options; o->name != NULL && n < CTL_OPTIONS_MAX; o++) {
		names[n] = (struct option){ o->name, o->arg == NULL ?
		    no_argument : required_argument, NULL, (int)n };
		n++;
	}
	names[n++] = (struct option){ "json", no_argument, NULL, IS_JSON };
	names[n] = (struct option){ NULL, 0, NULL, 0 };
}

/* Those that are a letter, too, as getopt_long wants them. */
static void
name_letters(const struct verb *verb, char *letters)
{
	const struct verb_option	*o;

	for (o = verb->options; o->name != NULL; o++) {
		if (o->letter == '\0')
			continue;
		*letters++ = o->letter;
		if (o->arg != NULL)
			*letters++ = ':';
	}
	*letters = '\0';
}

static int
option_of(const struct verb *verb, int c)
{
	int	 i;

	for (i = 0; verb->options[i].name != NULL; i++)
		if (verb->options[i].letter == c && c != '\0')
			return i;
	return c;
}

static void
check_required(const struct verb *verb, const struct ctl *ctl)
{
	unsigned	 i;

	for (i = 0; verb->options[i].name != NULL; i++)
		if (verb->options[i].is_required && ctl->option[i] == NULL) {
			fprintf(stderr, "%s: %s needs --%s %s\n", CTL_PROGRAM,
			    verb->name, verb->options[i].name,
			    verb->options[i].arg);
			wrong_usage(verb);
		}
}

void
verb_read(const struct verb *verb, int argc, char **argv, struct ctl *ctl)
{
	struct option	 names[CTL_OPTIONS_MAX + 2];
	char		 letters[2 * CTL_OPTIONS_MAX + 1];
	int		 c;

	name_options(verb, names);
	name_letters(verb, letters);
	/* 0: from here on anew, in any order. */
	optind = 0;
	while ((c = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		if (c == '?')
			wrong_usage(verb);
		if (c == IS_JSON)
			ctl->is_json = true;
		else
			ctl->option[option_of(verb, c)] = optarg == NULL ? "" : optarg;
	}
	check_required(verb, ctl);
	ctl->args = argv + optind;
	ctl->n_args = argc - optind;
	if (ctl->n_args < verb->min_args ||
	    (verb->max_args != -1 && ctl->n_args > verb->max_args))
		wrong_usage(verb);
}
