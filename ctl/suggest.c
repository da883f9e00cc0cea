/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suggest: the least profile by which what passed in a trial would pass, told
 * as a section of the configuration, or as data.
 *
 * suggest_seen counts what is in the log, and suggest_profile makes settings of
 * it.
 */
#include <bsd/stdlib.h>
#include <stdio.h>
#include <sysexits.h>

#include "log_reader.h"
#include "output.h"
#include "suggest_private.h"

/* In the order of the options in verb.c. */
enum { OPTION_PREFIX, OPTION_PREFIX6 };

/*
 * As a section of the configuration
 */

/* How often, when, and what; a comment, so all of it is printable. */
static void
print_evidence(const json_t *object, const char *indent)
{
	json_int_t	 count = json_integer_value(json_object_get(object,
			    "count"));

	if (count == 0)
		return;
	printf("%s%" JSON_INTEGER_FORMAT " time%s", indent, count,
	    count == 1 ? "" : "s");
	if (*output_text_at(object, "first") != '\0')
		printf(", %s to %s", output_text_at(object, "first"),
		    output_text_at(object, "last"));
	if (*output_text_at(object, "example") != '\0')
		printf(": %.160s", output_text_at(object, "example"));
	printf("\n");
}

static void
print_list(const char *name, const json_t *items)
{
	const json_t	*item;
	size_t		 i;

	printf("\t%s = {\n", name);
	json_array_foreach(items, i, item) {
		print_evidence(item, "\t    # ");
		printf("\t    \"%s\"%s\n", output_text_at(item, "value"),
		    i + 1 < json_array_size(items) ? "," : "");
	}
	printf("\t}\n");
}

static void
print_setting(const json_t *setting)
{
	const char	*name = output_text_at(setting, "setting");
	const json_t	*items = json_object_get(setting, "items");
	const json_t	*item = json_array_get(items, 0);

	if (json_is_true(json_object_get(setting, "list"))) {
		print_list(name, items);
		return;
	}
	print_evidence(item, "\t# ");
	printf("\t%s = \"%s\"\n", name, output_text_at(item, "value"));
}

static void
print_profile(const json_t *object)
{
	const json_t	*settings = json_object_get(object, "settings");
	const json_t	*refused = json_object_get(object, "refused"), *row;
	size_t		 i;

	printf("# What passed, %" JSON_INTEGER_FORMAT " of it only reported:\n",
	    json_integer_value(json_object_get(object, "reported")));
	print_evidence(object, "# ");
	printf("profile %s {\n", output_text_at(object, "profile"));
	json_array_foreach(settings, i, row)
		print_setting(row);
	printf("}\n");
	json_array_foreach(refused, i, row) {
		printf("# Not suggested: %s\n", output_text_at(row, "why"));
		print_evidence(row, "#   ");
	}
}

/*
 * The verb
 */

/* False: something was not suggested. */
static bool
tell(struct suggest *s)
{
	json_t	*profiles = output_new_array(), *object, *found;
	bool	 is_all = true;
	size_t	 i;

	for (i = 0; i < s->n; i++) {
		if (s->seen[i].n_reported == 0)
			continue;
		object = suggest_profile_make(s, &s->seen[i]);
		if (json_array_size(json_object_get(object, "refused")) > 0)
			is_all = false;
		output_append(profiles, object);
	}
	if (json_array_size(profiles) == 0) {
		json_decref(profiles);
		ctl_die(CTL_NO, "nothing in this log was only reported: no "
		    "profile was on trial (report_only)");
	}
	if (s->ctl->is_json) {
		found = output_new();
		output_put(found, "undecidable",
		    json_integer((json_int_t)s->n_undecided));
		output_put(found, "profiles", profiles);
		output_object(s->ctl, found);
		return is_all;
	}
	json_array_foreach(profiles, i, object) {
		printf("%s", i > 0 ? "\n" : "");
		print_profile(object);
	}
	json_decref(profiles);
	return is_all;
}

static unsigned
read_prefix(const char *text, unsigned max)
{
	const char	*why;
	unsigned	 bits;

	if (text == NULL)
		return 0;
	bits = (unsigned)strtonum(text, 8, max, &why);
	if (why != NULL)
		ctl_die(EX_USAGE, "\"%s\": expected a number of bits, 8 to "
		    "%u", text, max);
	return bits;
}

int
suggest_run(struct ctl *ctl)
{
	struct suggest		 s = { .ctl = ctl };
	struct log_reader	*log;
	const struct log_entry	*e;
	unsigned long		 n_damaged;
	bool			 is_all;

	s.prefix = read_prefix(ctl->option[OPTION_PREFIX], 32);
	s.prefix6 = read_prefix(ctl->option[OPTION_PREFIX6], 128);
	s.again = again_new(ctl_conf(ctl));
	log = log_reader_open(ctl->args[0]);
	while ((e = log_reader_next(log)) != NULL)
		suggest_seen_take(&s, e);
	n_damaged = log_reader_counts(log)->damaged;
	if (!ctl->is_json && s.n_undecided > 0)
		fprintf(stderr, "%s: %lu decisions could not be read in "
		    "full\n", CTL_PROGRAM, s.n_undecided);
	is_all = tell(&s);
	log_reader_close(log);
	again_free(s.again);
	suggest_seen_clear(&s);
	if (!is_all)
		return CTL_NO;
	return s.n_undecided > 0 || n_damaged > 0 ? CTL_CANNOT_TELL : CTL_YES;
}
