/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hold: lets very many processes begin a session each and stay, and prints by
 * how much the daemons have grown for each of them.
 *
 * A session is that of a messenger with an override behind it.  It has a
 * connection for lookups, and with -p one for policy requests and with -s one
 * to the milter, as an smtpd process would.  The processes exist before the
 * daemons are first looked at, so that pages shared with them (of the C
 * library) count alike before and after.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crew.h"
#include "dialog.h"
#include "mta.h"

#define DAEMON_MAX	4
#define SETTLE		1.0	/* s, for what daemons still have to do */

struct options {
	const char	*policy, *maps, *milter;
	unsigned	 sessions;
	unsigned	 n_daemons;
	pid_t		 daemon[DAEMON_MAX];
};

/* Nothing of this is ever given back: the process stays until it is ended. */
static void *
begin(unsigned index, void *arg)
{
	const struct options	*options = arg;
	static struct dialog	 dialog;
	static struct mta_terms	 terms;
	struct dialog_hosts	 hosts;
	struct dialog_step	 request;
	int			 fd;

	dialog_hosts(index, DIALOG_MESSENGER, &hosts);
	dialog_open(&dialog, options->policy, options->maps, false);
	dialog_messenger(&dialog, &hosts, true);
	if (options->policy != NULL) {
		dialog_prepare(&request, NULL, "action=DUNNO", &hosts);
		dialog_ask(&dialog, &request);
	}
	if (options->milter != NULL) {
		fd = mta_open(options->milter, &terms);
		mta_connect(fd, &terms, &hosts);
	}
	return &dialog;
}

/* The process's share of memory in KiB: what it would give back by ending. */
static double
share_of(pid_t pid)
{
	char	 path[64], line[256];
	double	 kib = -1;
	FILE	*f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup",
	    (long)pid);
	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %lf kB", &kib) == 1)
			break;
	(void)fclose(f);
	if (kib < 0)
		errx(1, "%s names no Pss", path);
	return kib;
}

static double
share_of_all(const struct options *options)
{
	double	 sum = 0;
	unsigned i;

	for (i = 0; i < options->n_daemons; i++)
		sum += share_of(options->daemon[i]);
	return sum;
}

static void
usage(void)
{
	(void)fprintf(stderr, "usage: hold -m maps-socket [-p policy-socket] "
	    "[-s milter-socket] [-n sessions] -P pid ...\n");
	exit(64);
}

static void
read_options(int argc, char **argv, struct options *options)
{
	int	 c;

	while ((c = getopt(argc, argv, "m:p:s:n:P:")) != -1)
		switch (c) {
		case 'm':
			options->maps = optarg;
			break;
		case 'p':
			options->policy = optarg;
			break;
		case 's':
			options->milter = optarg;
			break;
		case 'n':
			options->sessions = (unsigned)atoi(optarg);
			break;
		case 'P':
			if (options->n_daemons == DAEMON_MAX)
				usage();
			options->daemon[options->n_daemons++] = atoi(optarg);
			break;
		default:
			usage();
		}
	if (argc != optind || options->maps == NULL ||
	    options->n_daemons == 0 || options->sessions == 0)
		usage();
}

int
main(int argc, char **argv)
{
	struct options	 options = { .sessions = 10000 };
	struct crew_work work = { .begin = begin, .arg = &options };
	struct crew	*crew;
	double		 before, after;

	read_options(argc, argv, &options);
	crew = crew_new(options.sessions, -1, &work);
	stopwatch_sleep(SETTLE);
	before = share_of_all(&options);
	crew_begin(crew);
	crew_await(crew);
	stopwatch_sleep(SETTLE);
	after = share_of_all(&options);
	crew_free(crew);
	printf("sessions=%u before_kib=%.0f after_kib=%.0f bytes=%.0f\n",
	    options.sessions, before, after,
	    (after - before) * 1024 / options.sessions);
	return 0;
}
