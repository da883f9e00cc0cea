/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * lint: what is wrong, or dangerous, in rules that can be read.
 */
#include "lint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sysexits.h>

#include "verb.h"

enum { OPTION_MANY };

#define MANY	65536

static const char *const	 severities[] = {
	[LINT_NONE] = "",
	[LINT_NOTE] = "note",
	[LINT_WARNING] = "warning",
	[LINT_ERROR] = "error"
};

void
lint_add(struct lint *lint, const struct lint_kind *kind, const char *file,
    unsigned line, const char *fmt, ...)
{
	json_t	*finding, *value;
	char	 what[ERR_TEXT_SIZE], key[2 * ERR_TEXT_SIZE];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	/* A table may be in the maps of several listeners. */
	(void)snprintf(key, sizeof key, "%s %u %s %.400s", kind->name, line,
	    what, file == NULL ? "" : file);
	value = output_text(key);
	if (json_object_get(lint->seen, json_string_value(value)) != NULL) {
		json_decref(value);
		return;
	}
	output_put(lint->seen, json_string_value(value), json_true());
	json_decref(value);
	finding = output_new();
	output_put(finding, "severity",
	    output_text(severities[kind->severity]));
	output_put(finding, "kind", output_text(kind->name));
	output_put(finding, "file", output_text(file));
	output_put(finding, "line", line == 0 ? json_null() :
	    json_integer(line));
	output_put(finding, "what", output_text(what));
	output_put(finding, "why", output_text(kind->why));
	output_put(finding, "fix", output_text(kind->fix));
	output_append(lint->findings, finding);
	if (kind->severity > lint->worst)
		lint->worst = kind->severity;
}

/* The daemons would not start with it: the one finding there is. */
static void
add_refusal(struct lint *lint, const char *file, const struct err *err)
{
	static const struct lint_kind	 kind = { "unusable", LINT_ERROR,
		"the daemons do not start with it, and do not take it over "
		    "when they are told to reload",
		"change what is named" };

	lint_add(lint, &kind, file, 0, "%s", err->text);
}

static void
print_for_person(const struct lint *lint)
{
	const json_t	*finding;
	const char	*severity, *begun;
	json_int_t	 line;
	size_t		 i;

	json_array_foreach(lint->findings, i, finding) {
		line = json_integer_value(json_object_get(finding, "line"));
		printf("%s", output_text_at(finding, "file"));
		if (line != 0)
			printf(":%" JSON_INTEGER_FORMAT, line);
		severity = output_text_at(finding, "severity");
		begun = output_begin("severity", severity);
		printf(": %s%s%s: %s [%s]\n\twhy: %s\n\tfix: %s\n", begun,
		    severity, output_end(begun),
		    output_text_at(finding, "what"),
		    output_text_at(finding, "kind"),
		    output_text_at(finding, "why"),
		    output_text_at(finding, "fix"));
	}
	if (i == 0)
		printf("Nothing was found.\n");
}

json_t *
lint_rules(const struct conf *conf)
{
	struct lint	 lint = { .conf = conf, .findings = output_new_array(),
			    .seen = output_new() };

	lint_tables(&lint);
	lint_profiles(&lint, MANY);
	json_decref(lint.seen);
	return lint.findings;
}

static unsigned long long
read_many(const struct ctl *ctl)
{
	const char		*text = ctl->option[OPTION_MANY];
	unsigned long long	 many;
	char			*end;

	if (text == NULL)
		return MANY;
	errno = 0;
	many = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
		ctl_die(EX_USAGE, "\"%s\": expected a number of addresses",
		    text);
	return many;
}

int
lint_run(struct ctl *ctl)
{
	unsigned long long	 many = read_many(ctl);
	struct lint		 lint = { .findings = output_new_array(),
				     .seen = output_new() };
	struct err		 err;

	ctl->conf = conf_load(ctl->file, &err);
	lint.conf = ctl->conf;
	if (ctl->conf == NULL) {
		add_refusal(&lint, ctl->file, &err);
	} else {
		lint_tables(&lint);
		lint_profiles(&lint, many);
		lint_host(&lint);
	}
	if (ctl->is_json)
		output_table(ctl, json_incref(lint.findings), NULL);
	else
		print_for_person(&lint);
	json_decref(lint.findings);
	json_decref(lint.seen);
	return lint.worst == LINT_ERROR ? 2 : lint.worst == LINT_WARNING ?
	    1 : 0;
}
