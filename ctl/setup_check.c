/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_check: see setup_check.h.  This is the frame, and what concerns a whole
 * instance.
 */
#include "setup_check.h"

#include <stdlib.h>
#include <string.h>

#include "cf.h"
#include "wiring.h"

#define ERRORS	2			/* exit status, as that of lint */

/* The order of enum setup_check_severity. */
static const char *const	 severities[] = { "error", "warning", "note" };

static const char *
text_of(const json_t *finding, const char *key)
{
	return json_string_value(json_object_get(finding, key));
}

/* True if that was found already, by way of another relay or service. */
static bool
is_found(const struct setup_check *check, const json_t *finding)
{
	const json_t	*other;
	size_t		 i;

	json_array_foreach(check->findings, i, other)
		if (json_equal(other, finding))
			return true;
	return false;
}

void
setup_check_add(struct setup_check *check,
    enum setup_check_severity severity, const char *where,
    const char *problem, const char *cost, const char *fix)
{
	json_t	*finding = output_new();

	output_put(finding, "severity", output_text(severities[severity]));
	output_put(finding, "config_directory",
	    output_text(check->setup->directory));
	output_put(finding, "where", output_text(where));
	output_put(finding, "problem", output_text(problem));
	output_put(finding, "cost", output_text(cost));
	output_put(finding, "fix", output_text(fix));
	if (is_found(check, finding))
		json_decref(finding);
	else
		output_append(check->findings, finding);
}

static void
check_version(struct setup_check *check)
{
	const struct postfix	*pf = &check->setup->pf;

	if (!postfix_is_at_least(pf, 3, 7, 0))
		setup_check_add(check, SETUP_CHECK_ERROR, "Postfix",
		    pool_printf(&check->setup->pool, "version %s has no "
		    "inline regexp tables", pf->mail_version),
		    "the command filter and header_checks of the wirings are "
		    "not understood, and sessions end with 421",
		    "upgrade to Postfix 3.7 or later");
	if (postfix_is_at_least(pf, 3, 9, 0))
		setup_check_add(check, SETUP_CHECK_NOTE, "Postfix",
		    pool_printf(&check->setup->pool, "version %s ends the "
		    "session (554 5.5.0) of a messenger that does not wait "
		    "for the reply to XCLIENT or XSETCONTEXT",
		    pf->mail_version), "such messengers cannot send",
		    "mend the messenger; smtpd_forbid_unauth_pipelining = no "
		    "until then");
}

/* Which of the elements of header_checks is that; -1: none. */
static int
position(const char *list, const char *want)
{
	struct span	 element;
	int		 i;

	for (i = 0; wiring_next(&list, &element); i++)
		if (span_eq(element, want))
			return i;
	return -1;
}

#define HEADER_COST	"a line from outside passes for the header that " \
	"xcontext-milter writes, in sessions that it does not follow"

static void
check_header(struct setup_check *check, const struct postfix_service *service,
    const char *where)
{
	struct pool	*pool = &check->setup->pool;
	const char	*want = wiring_header_checks(pool,
			    check->setup->conf->milter_header);
	int		 at;

	at = position(postfix_get(&check->setup->pf, service,
	    "header_checks"), want);
	if (at == -1)
		setup_check_add(check, SETUP_CHECK_WARNING, where,
		    "our header is not removed from what comes in",
		    HEADER_COST, pool_printf(pool,
		    "put in front of what it has: %s", want));
	else if (at > 0)
		setup_check_add(check, SETUP_CHECK_WARNING, where,
		    "other tables stand in front of ours: what they find "
		    "first decides", HEADER_COST, pool_printf(pool,
		    "put in front of the others: %s", want));
}

/* main.cf's, and those of each cleanup service that has its own. */
static void
check_headers(struct setup_check *check)
{
	const struct postfix		*pf = &check->setup->pf;
	const struct postfix_service	*service;
	size_t				 i;

	check_header(check, NULL, "main.cf header_checks");
	for (i = 0; i < pf->n_services; i++) {
		service = &pf->services[i];
		if (strcmp(service->command, "cleanup") == 0 &&
		    postfix_param_find(&service->own, "header_checks") != NULL)
			check_header(check, service, pool_printf(
			    &check->setup->pool, "master.cf %s/%s -o "
			    "header_checks", service->name, service->type));
	}
}

static void
check_swallowed(struct setup_check *check)
{
	struct pool	*pool = &check->setup->pool;
	unsigned	 line;

	line = cf_find_swallowed(setup_read(check->setup,
	    check->setup->pf.master_cf));
	if (line != 0)
		setup_check_add(check, SETUP_CHECK_ERROR, pool_printf(pool,
		    "master.cf line %u", line), "an entry that is indented "
		    "continues the entry above it",
		    "Postfix has no such listener, and passes its text to the "
		    "service above",
		    "take the blanks in front of it away");
}

/* Postfix's own words, such as "overriding earlier entry". */
static void
check_complaints(struct setup_check *check)
{
	const char	*p = check->setup->pf.complaints;
	size_t		 n;

	for (; *p != '\0'; p += n + (p[n] == '\n')) {
		n = strcspn(p, "\n");
		if (n > 0)
			setup_check_add(check, SETUP_CHECK_NOTE, "postconf",
			    pool_printf(&check->setup->pool, "%.*s", (int)n,
			    p), "what is said there may not be in force",
			    "see postconf(5)");
	}
}

void
setup_check_instance(struct setup_check *check)
{
	const struct postfix	*pf = &check->setup->pf;
	unsigned		 before = check->n_wired;
	size_t			 i;

	check_swallowed(check);
	for (i = 0; i < pf->n_services; i++)
		if (postfix_service_is_smtpd(&pf->services[i]))
			setup_check_service(check, &pf->services[i]);
	if (check->n_wired == before)
		return;
	check_version(check);
	check_headers(check);
	check_complaints(check);
}

static void
print_finding(const json_t *finding)
{
	printf("%s: %s: %s\n\tcosts: %s\n\tdo:    %s\n",
	    text_of(finding, "severity"), text_of(finding, "where"),
	    text_of(finding, "problem"), text_of(finding, "cost"),
	    text_of(finding, "fix"));
}

static int
status_of(const json_t *findings)
{
	const json_t	*finding;
	size_t		 i;
	int		 status = CTL_YES;

	json_array_foreach(findings, i, finding) {
		if (strcmp(text_of(finding, "severity"), "error") == 0)
			return ERRORS;
		if (strcmp(text_of(finding, "severity"), "warning") == 0)
			status = CTL_NO;
	}
	return status;
}

int
setup_check_print(struct setup_check *check)
{
	const char	*dir = "";
	const json_t	*finding;
	size_t		 i;
	int		 status = status_of(check->findings);

	if (check->setup->ctl->is_json) {
		output_table(check->setup->ctl, json_incref(check->findings),
		    NULL);
		return status;
	}
	json_array_foreach(check->findings, i, finding) {
		if (strcmp(text_of(finding, "config_directory"), dir) != 0)
			printf("%s:\n", text_of(finding, "config_directory"));
		dir = text_of(finding, "config_directory");
		print_finding(finding);
	}
	printf("%s\n", status == CTL_YES ? "All that is needed is there." :
	    status == ERRORS ? "Not all of it is enforced." :
	    "It is enforced, but not in each case.");
	return status;
}
