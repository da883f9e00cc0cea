/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe_report: what cases have come to, for a person (TAP), a program (JSON) and
 * a build server (JUnit's XML).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl.h"
#include "probe.h"

/* In TAP, what stands behind "#" is a directive. */
static void
print_title(const char *text)
{
	for (; *text != '\0'; text++)
		printf("%s%c", *text == '#' ? "\\" : "", *text);
}

static void
print_case(const struct probe_case *c, unsigned n)
{
	unsigned	 i;

	printf("%sok %u - ", c->class == PROBE_OK ? "" : "not ", n);
	print_title(*c->title == '\0' ? c->suite->name : c->title);
	printf("\n");
	if (c->unsaid != NULL)
		printf("# %s:%u: %s\n", c->suite->name, c->line, c->unsaid);
	if (c->class > PROBE_WRONG)
		printf("# %s:%u: %s: %s\n", c->suite->name, c->line,
		    probe_class_word(c->class), c->why);
	for (i = 0; i < c->n_differences; i++) {
		const struct probe_difference	*d = &c->differences[i];

		printf("# %s:%u: %s\n#   expected: %s\n#        got: %s\n",
		    c->suite->name, d->line, d->stage, d->expected, d->got);
	}
}

void
probe_report_tap(const struct probe *probe, unsigned first)
{
	while (first < probe->n && probe->cases[first].is_done) {
		print_case(&probe->cases[first], first + 1);
		first++;
	}
}

/*
 * JSON
 */

static json_t *
differences(const struct probe_case *c)
{
	json_t		*all = output_new_array(), *one;
	unsigned	 i;

	for (i = 0; i < c->n_differences; i++) {
		const struct probe_difference	*d = &c->differences[i];

		one = output_new();
		output_put(one, "stage", output_text(d->stage));
		output_put(one, "line", json_integer(d->line));
		output_put(one, "expected", output_text(d->expected));
		output_put(one, "got", output_text(d->got));
		output_append(all, one);
	}
	return all;
}

static json_t *
replies(const struct probe_case *c)
{
	json_t		*all = output_new_array(), *one;
	unsigned	 i;

	for (i = 0; i < c->n; i++) {
		const struct probe_step	*step = &c->steps[i];

		if (!step->is_answered)
			continue;
		one = output_new();
		output_put(one, "command", output_text(step->command == NULL ?
		    "" : step->command->text.p));
		output_put(one, "code", json_integer(step->code));
		output_put(one, "status", output_text(step->status));
		output_put(one, "reply", output_text(step->text));
		output_append(all, one);
	}
	return all;
}

json_t *
probe_report_json(const struct probe *probe)
{
	json_t		*all = output_new_array(), *one;
	unsigned	 i;

	for (i = 0; i < probe->n; i++) {
		const struct probe_case	*c = &probe->cases[i];

		one = output_new();
		output_put(one, "title", output_text(c->title));
		output_put(one, "file", output_text(c->suite->name));
		output_put(one, "line", json_integer(c->line));
		output_put(one, "result",
		    output_text(probe_class_word(c->class)));
		output_put(one, "why", output_text(c->why));
		output_put(one, "unsaid", output_text(c->unsaid));
		output_put(one, "differences", differences(c));
		output_put(one, "replies", replies(c));
		output_append(all, one);
	}
	return all;
}

/*
 * JUnit
 */

/* XML has no controls, quoted or not; a file's 8-bit bytes may be no UTF-8. */
static void
print_xml(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			putc(*text < ' ' || *text > '~' ? '?' : *text, out);
		}
}

static void
print_attribute(const char *name, const char *value, FILE *out)
{
	fprintf(out, " %s=\"", name);
	print_xml(value, out);
	fputc('"', out);
}

static void
print_failures(const struct probe_case *c, FILE *out)
{
	unsigned	 i;

	fprintf(out, "<%s", c->class == PROBE_WRONG ? "failure" : "error");
	print_attribute("type", probe_class_word(c->class), out);
	print_attribute("message", c->class == PROBE_WRONG ?
	    c->differences[0].stage : c->why, out);
	fputc('>', out);
	for (i = 0; i < c->n_differences; i++) {
		fprintf(out, "line %u: ", c->differences[i].line);
		print_xml(c->differences[i].stage, out);
		fputs(": expected ", out);
		print_xml(c->differences[i].expected, out);
		fputs(", got ", out);
		print_xml(c->differences[i].got, out);
		fputc('\n', out);
	}
	fprintf(out, "</%s>", c->class == PROBE_WRONG ? "failure" : "error");
}

static unsigned
count(const struct probe *probe, bool is_wrong)
{
	unsigned	 i, n = 0;

	for (i = 0; i < probe->n; i++)
		n += is_wrong ? probe->cases[i].class == PROBE_WRONG :
		    probe->cases[i].class > PROBE_WRONG;
	return n;
}

void
probe_report_junit(const struct probe *probe, const char *name)
{
	FILE		*out = fopen(name, "w");
	unsigned	 i;

	if (out == NULL)
		ctl_die(EX_CANTCREAT, "%s: %s", name, strerror(errno));
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<testsuite name=\"xcontext probe\" tests=\"%u\" failures=\"%u\" "
	    "errors=\"%u\">\n", probe->n, count(probe, true),
	    count(probe, false));
	for (i = 0; i < probe->n; i++) {
		const struct probe_case	*c = &probe->cases[i];

		fputs("<testcase", out);
		print_attribute("classname", c->suite->name, out);
		print_attribute("name", c->title, out);
		fputc('>', out);
		if (c->class != PROBE_OK)
			print_failures(c, out);
		fputs("</testcase>\n", out);
	}
	fputs("</testsuite>\n", out);
	if (fclose(out) != 0)
		ctl_die(EX_IOERR, "%s: %s", name, strerror(errno));
}

/* Those that a reply tells. */
static bool
is_reply(int class)
{
	return class == PROBE_GREYLISTED || class == PROBE_UNAVAILABLE ||
	    class == PROBE_DENIED;
}

int
probe_report_status(const struct probe *probe, bool is_told)
{
	unsigned	 n[PROBE_CLASSES] = { 0 }, i;
	int		 class, status = PROBE_OK;

	for (i = 0; i < probe->n; i++)
		n[probe->cases[i].class]++;
	if (n[PROBE_WRONG] > 0 && !is_told)
		status = PROBE_WRONG;
	for (class = PROBE_NO_REPLY; class < PROBE_CLASSES; class++) {
		if (n[class] == 0 || (is_told && is_reply(class)))
			continue;
		status = class;
		for (i = 0; probe->cases[i].class != (enum probe_class)class;)
			i++;
		fprintf(stderr, "%s: %u of %u cases: %s: %s\n", CTL_PROGRAM,
		    n[class], probe->n,
		    probe_class_text((enum probe_class)class),
		    probe->cases[i].why);
	}
	return status;
}
