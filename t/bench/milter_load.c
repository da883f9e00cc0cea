/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * milter_load: lets many processes play milter sessions one after the other,
 * and prints how many a second the milter took and what each cost it.
 *
 * With -m, each process is a messenger in the ledger of xcontext-policy, with
 * an override behind it, before it begins.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crew.h"
#include "dialog.h"
#include "mta.h"

struct options {
	const char	*milter, *maps;
	bool		 is_negotiation;
	unsigned	 connections;
	double		 seconds;
	int		 core;
	pid_t		 server;
};

struct player {
	struct dialog		 dialog;
	struct dialog_hosts	 hosts;
	const char		*milter;
};

static void *
begin(unsigned index, void *arg)
{
	const struct options	*options = arg;
	struct player		*player;

	if ((player = calloc(1, sizeof(*player))) == NULL)
		err(1, NULL);
	dialog_hosts(index, DIALOG_MESSENGER, &player->hosts);
	player->milter = options->milter;
	dialog_open(&player->dialog, NULL, options->maps, false);
	if (options->maps != NULL)
		dialog_messenger(&player->dialog, &player->hosts, true);
	return player;
}

static void
turn(void *state)
{
	const struct player	*player = state;

	mta_play(player->milter, &player->hosts);
}

/* Prints what the milter negotiated, as options for noop_milter. */
static void
print_negotiation(const char *milter)
{
	struct mta_terms	 terms;
	int			 i;

	(void)close(mta_open(milter, &terms));
	printf("-a\n%x\n-p\n%x\n", terms.actions, terms.protocol);
	for (i = 0; i < MTA_STAGES; i++)
		if (terms.macros[i][0] != '\0')
			printf("-m\n%d:%s\n", i, terms.macros[i]);
}

static void
usage(void)
{
	(void)fprintf(stderr, "usage: milter_load -s milter-socket -N\n"
	    "       milter_load -s milter-socket [-m maps-socket] "
	    "[-n connections] [-t seconds]\n"
	    "           [-c core] [-P milter-pid]\n");
	exit(64);
}

static void
read_options(int argc, char **argv, struct options *options)
{
	int	 c;

	while ((c = getopt(argc, argv, "s:m:Nn:t:c:P:")) != -1)
		switch (c) {
		case 's':
			options->milter = optarg;
			break;
		case 'm':
			options->maps = optarg;
			break;
		case 'N':
			options->is_negotiation = true;
			break;
		case 'n':
			options->connections = (unsigned)atoi(optarg);
			break;
		case 't':
			options->seconds = atof(optarg);
			break;
		case 'c':
			options->core = atoi(optarg);
			break;
		case 'P':
			options->server = atoi(optarg);
			break;
		default:
			usage();
		}
	if (argc != optind || options->milter == NULL ||
	    options->connections == 0)
		usage();
}

int
main(int argc, char **argv)
{
	struct options			 options = {
		.connections = 1, .seconds = 1, .core = -1
	};
	struct crew_work		 work = { .begin = begin,
					     .turn = turn, .arg = &options };
	struct stopwatch_figures	 figures;
	struct crew			*crew;

	read_options(argc, argv, &options);
	if (options.is_negotiation) {
		print_negotiation(options.milter);
		return 0;
	}
	crew = crew_new(options.connections, options.core, &work);
	crew_begin(crew);
	crew_await(crew);
	crew_measure(crew, options.seconds, options.server, &figures);
	crew_free(crew);
	stopwatch_print(&figures);
	return 0;
}
