/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * xcontext: the administrator's command.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "verb.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION	"unknown"
#endif

static _Noreturn void
usage(void)
{
	verb_help_all(stderr);
	exit(EX_USAGE);
}

static void
read_options(int argc, char **argv, struct ctl *ctl)
{
	static const struct option	 names[] = {
		{ "help",	no_argument,	NULL,	'h' },
		{ "json",	no_argument,	NULL,	'j' },
		{ "version",	no_argument,	NULL,	'V' },
		{ NULL,		0,		NULL,	0 }
	};
	int	 c;

	/* "+": what stands behind the verb is the verb's. */
	while ((c = getopt_long(argc, argv, "+c:hV", names, NULL)) != -1)
		switch (c) {
		case 'c':
			ctl->file = optarg;
			break;
		case 'h':
			verb_help_all(stdout);
			exit(EX_OK);
		case 'j':
			ctl->is_json = true;
			break;
		case 'V':
			printf("%s %s\n", CTL_PROGRAM, PACKAGE_VERSION);
			exit(EX_OK);
		default:
			usage();
		}
}

int
main(int argc, char **argv)
{
	struct ctl		 ctl = { .file = CONF_DEFAULT_FILE };
	const struct verb	*verb;
	int			 status;

	read_options(argc, argv, &ctl);
	argc -= optind;
	argv += optind;
	if (argc == 0)
		usage();
	verb = verb_find(argv[0]);
	if (verb == NULL)
		ctl_die(EX_USAGE, "there is no verb \"%s\"; %s help lists "
		    "them", argv[0], CTL_PROGRAM);
	verb_read(verb, argc, argv, &ctl);
	status = verb->run(&ctl);
	store_close(ctl.store);
	conf_unref(ctl.conf);
	if (fflush(stdout) != 0)
		ctl_die(EX_IOERR, "standard output cannot be written");
	return status;
}
