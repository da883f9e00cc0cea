/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe: a mail server is asked about its rules, as any client in the world, by
 * cases that a file has, xcontext-test(5).
 */
#include "probe.h"

#include <bsd/stdlib.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "capture.h"
#include "log_reader.h"
#include "tls_choice.h"
#include "verb.h"

#define DEFAULT_SERVER	"127.0.0.1:25"
#define JOBS_MAX	256
#define BAR_WIDTH	40

enum probe_option {
	OPTION_SERVER,
	OPTION_JOBS,
	OPTION_STARTTLS,
	OPTION_TLS,
	OPTION_CA,
	OPTION_VERIFY,
	OPTION_NAME,
	OPTION_SOURCE,
	OPTION_TIMEOUT,
	OPTION_SEND,
	OPTION_JUNIT,
	OPTION_RECORD,
	OPTION_COMPARE,
	OPTION_CAPTURE
};

/* What the run is shown by. */
struct show {
	struct ctl	*ctl;
	unsigned	 n_printed;
	unsigned	 width;		/* of the bar, as it stands */
	bool		 has_bar;
	bool		 is_tap;
};

static unsigned
number(const struct ctl *ctl, int option, unsigned otherwise, unsigned max)
{
	const char	*text = ctl->option[option], *why;
	long long	 n;

	if (text == NULL)
		return otherwise;
	n = strtonum(text, 1, max, &why);
	if (why != NULL)
		ctl_die(EX_USAGE, "\"%s\": expected a number from 1 to %u",
		    text, max);
	return (unsigned)n;
}

/*
 * What it is asked by
 */

static void
set_tls(struct ctl *ctl, struct probe *probe)
{
	struct tls_choice	 choice;
	struct err		 err;

	tls_choice_read(&choice, ctl->option[OPTION_STARTTLS],
	    ctl->option[OPTION_TLS], ctl->option[OPTION_CA],
	    ctl->option[OPTION_VERIFY]);
	probe->is_starttls = choice.is_starttls;
	if (tls_choice_make(&choice, &probe->options, &err) != 0)
		ctl_die(EX_NOINPUT, "%s", err.text);
}

static const char *
own_name(const struct ctl *ctl, char *buf, size_t size)
{
	if (ctl->option[OPTION_NAME] != NULL)
		return ctl->option[OPTION_NAME];
	if (gethostname(buf, size - 1) != 0 || *buf == '\0')
		return "localhost";
	buf[size - 1] = '\0';
	return buf;
}

static void
set_source(const struct ctl *ctl, struct probe *probe, struct address *source)
{
	const char	*text = ctl->option[OPTION_SOURCE];

	if (text == NULL)
		return;
	if (!address_parse(span_of(text), source))
		ctl_die(EX_USAGE, "\"%s\": expected an address", text);
	probe->options.source = source;
}

static void
read_suites(struct ctl *ctl, struct probe *probe)
{
	int	 i;

	probe->suites = calloc((size_t)ctl->n_args, sizeof *probe->suites);
	if (probe->suites == NULL)
		ctl_die(EX_OSERR, "out of memory");
	probe->n_suites = (unsigned)ctl->n_args;
	for (i = 0; i < ctl->n_args; i++)
		suite_read(&probe->suites[i], ctl->args[i]);
	probe_case_make(probe);
}

static void
find_server(struct probe *probe, const char *where)
{
	struct err	 err;

	smtp_server_free(probe->server);
	probe->server = smtp_server_new(where, &err);
	if (probe->server == NULL)
		ctl_die(EX_NOHOST, "%s", err.text);
}

/*
 * While it runs
 */

static void
draw(struct show *show, const struct probe *probe)
{
	unsigned	 width = probe->n_done * BAR_WIDTH / probe->n, i;

	if (!show->has_bar || (width == show->width && probe->n_done > 1))
		return;
	show->width = width;
	fprintf(stderr, "\r[");
	for (i = 0; i < BAR_WIDTH; i++)
		putc(i < width ? '#' : ' ', stderr);
	fprintf(stderr, "] %u/%u ", probe->n_done, probe->n);
	if (probe->n_done == probe->n)
		fprintf(stderr, "\r%*s\r", BAR_WIDTH + 20, "");
}

static void
on_done(struct probe *probe)
{
	struct show	*show = probe->arg;

	draw(show, probe);
	if (!show->is_tap)
		return;
	probe_report_tap(probe, show->n_printed);
	while (show->n_printed < probe->n &&
	    probe->cases[show->n_printed].is_done)
		show->n_printed++;
}

static void
run(struct ctl *ctl, struct probe *probe)
{
	struct show	 show = { .ctl = ctl,
			    .has_bar = isatty(STDERR_FILENO) != 0 &&
			    isatty(STDOUT_FILENO) == 0,
			    .is_tap = !ctl->is_json &&
			    ctl->option[OPTION_RECORD] == NULL &&
			    ctl->option[OPTION_COMPARE] == NULL };

	probe->done = on_done;
	probe->arg = &show;
	if (show.is_tap)
		printf("1..%u\n", probe->n);
	probe_session_run(probe);
}

static void
free_probe(struct probe *probe)
{
	unsigned	 i;

	probe_case_free(probe);
	for (i = 0; i < probe->n_suites; i++)
		suite_clear(&probe->suites[i]);
	free(probe->suites);
	smtp_server_free(probe->server);
	tls_free(probe->options.tls);
	event_base_free(probe->base);
}

static void
print_json(const struct probe *probe)
{
	json_t	*all = probe_report_json(probe);

	(void)json_dumpf(all, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(all);
}

/* The same cases, put to another server. */
static int
compare(struct ctl *ctl, struct probe *probe)
{
	static const struct output_column	 columns[] = {
		{ "title", 40 }, { "stage", 40 }, { "first", 0 },
		{ "second", 0 }, { NULL, 0 }
	};
	json_t	*first = probe_report_json(probe), *second, *rows;
	int	 status = probe_report_status(probe, true), other;

	probe_case_forget(probe);
	find_server(probe, ctl->option[OPTION_COMPARE]);
	run(ctl, probe);
	second = probe_report_json(probe);
	other = probe_report_status(probe, true);
	rows = probe_compare(first, second);
	if (other > status)
		status = other;
	if (status == CTL_YES && json_array_size(rows) > 0)
		status = CTL_NO;
	output_table(ctl, rows, columns);
	json_decref(first);
	json_decref(second);
	return status;
}

/* What the cases have come to, in the way that is asked for; the exit status. */
static int
tell(struct ctl *ctl, struct probe *probe)
{
	if (ctl->option[OPTION_JUNIT] != NULL)
		probe_report_junit(probe, ctl->option[OPTION_JUNIT]);
	if (ctl->option[OPTION_COMPARE] != NULL)
		return compare(ctl, probe);
	if (ctl->option[OPTION_RECORD] != NULL) {
		probe_record(probe);
		return probe_report_status(probe, true);
	}
	if (ctl->is_json)
		print_json(probe);
	return probe_report_status(probe, false);
}

/* Cases from a log, in place of any that are put to a server. */
static int
capture(const char *path)
{
	struct log_reader	*log = log_reader_open(path);
	struct capture		*made = capture_new(stdout, CAPTURE_MEMORY);
	const struct log_entry	*e;
	struct span		 line;
	unsigned long		 n;

	while ((e = log_reader_any(log, &line)) != NULL)
		capture_take(made, e);
	n = capture_end(made);
	log_reader_close(log);
	if (fflush(stdout) != 0 || ferror(stdout))
		ctl_die(EX_IOERR, "the cases cannot be written");
	if (n == 0)
		ctl_die(CTL_NO, "%s: no session that could be a case", path);
	return CTL_YES;
}

int
probe_run(struct ctl *ctl)
{
	struct probe	 probe = { .jobs = number(ctl, OPTION_JOBS, 1,
			    JOBS_MAX), .send = ctl->option[OPTION_SEND],
			    .is_recording = ctl->option[OPTION_RECORD] != NULL };
	struct address	 source;
	char		 name[HOST_NAME_MAX + 1];
	int		 status;

	if ((ctl->option[OPTION_CAPTURE] == NULL) == (ctl->n_args == 0))
		ctl_die(EX_USAGE, "expected files of cases, or --capture");
	if (ctl->option[OPTION_CAPTURE] != NULL)
		return capture(ctl->option[OPTION_CAPTURE]);
	(void)signal(SIGPIPE, SIG_IGN);
	probe.options.timeout_s = number(ctl, OPTION_TIMEOUT, 30, 3600);
	probe.options.end_timeout_s = probe.options.timeout_s;
	probe.name = own_name(ctl, name, sizeof name);
	set_source(ctl, &probe, &source);
	read_suites(ctl, &probe);
	set_tls(ctl, &probe);
	find_server(&probe, ctl->option[OPTION_SERVER] == NULL ?
	    DEFAULT_SERVER : ctl->option[OPTION_SERVER]);
	probe.base = event_base_new();
	if (probe.base == NULL)
		ctl_die(EX_OSERR, "no event loop");
	run(ctl, &probe);
	status = tell(ctl, &probe);
	free_probe(&probe);
	return status;
}
