/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * noop_milter: a libmilter program that does nothing, the ceiling that the
 * benchmarks hold xcontext-milter against.
 *
 * "all" takes every event and answers it.  "same" negotiates what it is told:
 * the actions, protocol steps and macros that another milter was seen to
 * negotiate (milter_load -N prints them as these options).  With -A it accepts
 * the message at DATA, which saves the MTA and itself the end of it.  With -H
 * it does something after all: it adds a header, always the same.
 */
#include <sys/stat.h>

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define STAGES	(SMFIM_LAST + 1)

/* Set before libmilter makes its threads, read-only from then on. */
static struct {
	bool		 is_same;
	bool		 accepts_early;
	bool		 adds_header;
	unsigned long	 actions, protocol;
	char		*macros[STAGES];
} terms;

/* libmilter must be told the truth about events that get no reply. */
static sfsistat
answer(unsigned long no_reply)
{
	return (terms.protocol & no_reply) != 0 ? SMFIS_NOREPLY :
	    SMFIS_CONTINUE;
}

static sfsistat
negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	int	 i;

	(void)f2;
	(void)f3;
	if (!terms.is_same)
		return SMFIS_ALL_OPTS;
	for (i = 0; i < STAGES; i++)
		if (terms.macros[i] != NULL && smfi_setsymlist(ctx, i,
		    terms.macros[i]) != MI_SUCCESS)
			warnx("smfi_setsymlist");
	*pf0 = terms.actions & f0;
	*pf1 = terms.protocol & f1;
	*pf2 = 0;
	*pf3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	(void)ctx;
	(void)host;
	(void)addr;
	return answer(SMFIP_NR_CONN);
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx;
	(void)name;
	return answer(SMFIP_NR_HELO);
}

static sfsistat
on_mail(SMFICTX *ctx, char **args)
{
	(void)ctx;
	(void)args;
	return answer(SMFIP_NR_MAIL);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **args)
{
	(void)ctx;
	(void)args;
	return answer(SMFIP_NR_RCPT);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	(void)ctx;
	return terms.accepts_early ? SMFIS_ACCEPT : answer(SMFIP_NR_DATA);
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *line)
{
	(void)ctx;
	(void)line;
	return answer(SMFIP_NR_UNKN);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return answer(SMFIP_NR_HDR);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	(void)ctx;
	return answer(SMFIP_NR_EOH);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t len)
{
	(void)ctx;
	(void)chunk;
	(void)len;
	return answer(SMFIP_NR_BODY);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	char	 name[] = "X-Session-Context", value[] = "session=none";

	if (terms.adds_header &&
	    smfi_insheader(ctx, 0, name, value) != MI_SUCCESS) {
		warnx("smfi_insheader");
		return SMFIS_TEMPFAIL;
	}
	return SMFIS_CONTINUE;
}

static sfsistat
on_event(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static const struct smfiDesc description = {
	.xxfi_name = "noop",
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = SMFIF_ADDHDRS,
	.xxfi_connect = on_connect,
	.xxfi_helo = on_helo,
	.xxfi_envfrom = on_mail,
	.xxfi_envrcpt = on_rcpt,
	.xxfi_header = on_header,
	.xxfi_eoh = on_eoh,
	.xxfi_body = on_body,
	.xxfi_eom = on_eom,
	.xxfi_abort = on_event,
	.xxfi_close = on_event,
	.xxfi_unknown = on_unknown,
	.xxfi_data = on_data,
	.xxfi_negotiate = negotiate
};

static void
usage(void)
{
	(void)fprintf(stderr, "usage: noop_milter -s unix:path all\n"
	    "       noop_milter -s unix:path -a actions -p protocol "
	    "[-m stage:macros] [-AH] same\n");
	exit(64);
}

static void
read_macros(char *arg)
{
	char	*end;
	long	 stage = strtol(arg, &end, 10);

	if (*end != ':' || stage < 0 || stage >= STAGES)
		usage();
	terms.macros[stage] = end + 1;
}

/* The address to listen at. */
static char *
read_options(int argc, char **argv)
{
	char	*where = NULL;
	int	 c;

	while ((c = getopt(argc, argv, "s:a:p:m:AH")) != -1)
		switch (c) {
		case 's':
			where = optarg;
			break;
		case 'a':
			terms.actions = strtoul(optarg, NULL, 16);
			break;
		case 'p':
			terms.protocol = strtoul(optarg, NULL, 16);
			break;
		case 'm':
			read_macros(optarg);
			break;
		case 'A':
			terms.accepts_early = true;
			break;
		case 'H':
			terms.adds_header = true;
			break;
		default:
			usage();
		}
	if (argc - optind != 1 || where == NULL)
		usage();
	terms.is_same = strcmp(argv[optind], "same") == 0;
	if (!terms.is_same && strcmp(argv[optind], "all") != 0)
		usage();
	return where;
}

int
main(int argc, char **argv)
{
	char	*where = read_options(argc, argv);

	(void)umask(0);
	if (smfi_setconn(where) != MI_SUCCESS ||
	    smfi_register(description) != MI_SUCCESS)
		errx(1, "libmilter did not take the settings");
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
