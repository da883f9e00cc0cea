/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_plan: see setup_plan.h.  This is what each subject needs; what is
 * changed for one of them, its own file works out.
 */
#include "setup_plan.h"

#include <sys/stat.h>

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* Lines, for a reader; a tab would be a code of its own there. */
static json_t *
lines_of(const char *text)
{
	json_t	*lines = output_new_array();
	char	*line, *p;
	size_t	 n;

	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if ((line = strndup(text, n)) == NULL)
			ctl_die(EX_OSERR, "out of memory");
		for (p = line; *p != '\0'; p++)
			if (*p == '\t')
				*p = ' ';
		output_append(lines, output_text(line));
		free(line);
	}
	return lines;
}

void
setup_plan_add(struct setup_plan *plan, const char *file, const char *what,
    const char *old, const char *new, const char *why)
{
	json_t	*step = output_new();

	output_put(step, "file", output_text(file));
	output_put(step, "what", output_text(what));
	output_put(step, "old", old == NULL ? json_null() : lines_of(old));
	output_put(step, "new", new == NULL ? json_null() : lines_of(new));
	output_put(step, "why", output_text(why));
	output_append(plan->steps, step);
}

const char *
setup_plan_text(struct setup *setup, const struct setup_plan *plan,
    const char *path)
{
	size_t	 i;

	for (i = 0; i < plan->n_files; i++)
		if (strcmp(plan->files[i].path, path) == 0)
			return plan->files[i].new;
	return setup_read(setup, path);
}

void
setup_plan_file(struct setup_plan *plan, const char *path, const char *old,
    const char *new)
{
	size_t	 i;

	for (i = 0; i < plan->n_files; i++)
		if (strcmp(plan->files[i].path, path) == 0) {
			plan->files[i].new = new;
			return;
		}
	if (strcmp(old, new) != 0)
		plan->files[plan->n_files++] = (struct setup_file){ path, old,
		    new };
}

/*
 * The user and the directories
 */

void
setup_plan_user(struct setup *setup, struct setup_plan *plan)
{
	const char	*user = setup->conf->user;

	if (*user == '\0' || getpwnam(user) != NULL)
		return;
	plan->user = user;
	setup_plan_add(plan, NULL, "user", NULL, pool_printf(&setup->pool,
	    "%s: systemd-sysusers xcontext.conf", user),
	    "the daemons become this user, which nothing else should use");
}

void
setup_plan_directory(struct setup *setup, struct setup_plan *plan,
    const char *listen, const char *group, const char *why)
{
	const char	*path = setup_path(listen), *dir;
	struct stat	 st;
	size_t		 i;

	if (path == NULL)
		return;
	dir = pool_copy(&setup->pool, (struct span){ path,
	    (size_t)(strrchr(path, '/') - path) });
	for (i = 0; i < plan->n_directories; i++)
		if (strcmp(plan->directories[i].path, dir) == 0)
			return;
	if (stat(dir, &st) == 0)
		return;
	if (*setup->conf->socket_group != '\0')
		group = setup->conf->socket_group;
	plan->directories[plan->n_directories++] = (struct setup_directory){
	    dir, setup->conf->user, group };
	setup_plan_add(plan, dir, "directory", NULL, pool_printf(&setup->pool,
	    "mode 2750, user %s, group %s", setup->conf->user, group),
	    why);
}

void
setup_plan_next(struct setup_plan *plan, const char *line)
{
	output_append(plan->next, output_text(line));
}

void
setup_plan_cost(struct setup_plan *plan, const char *text)
{
	output_append(plan->costs, output_text(text));
}

void
setup_plan_make(struct setup *setup, struct setup_plan *plan_r)
{
	*plan_r = (struct setup_plan){ .steps = output_new_array(),
	    .costs = output_new_array(), .next = output_new_array() };
	setup->subject->plan(setup, plan_r);
}

void
setup_plan_clear(struct setup_plan *plan)
{
	json_decref(plan->steps);
	json_decref(plan->costs);
	json_decref(plan->next);
}

/*
 * Printing
 */

static void
print_lines(const json_t *lines, const char *mark)
{
	const json_t	*line;
	size_t		 i;

	json_array_foreach(lines, i, line)
		printf("\t%s %s\n", mark, json_string_value(line));
}

static void
print_step(const json_t *step, size_t number)
{
	const json_t	*file = json_object_get(step, "file");

	printf("%zu. %s%s%s\n", number, json_is_string(file) ?
	    json_string_value(file) : "", json_is_string(file) ? ": " : "",
	    json_string_value(json_object_get(step, "what")));
	print_lines(json_object_get(step, "old"), "-");
	print_lines(json_object_get(step, "new"), "+");
	printf("\tbecause %s\n", json_string_value(json_object_get(step,
	    "why")));
}

void
setup_plan_print(const struct setup *setup, const struct setup_plan *plan)
{
	const json_t	*step;
	json_t		*whole;
	size_t		 i;

	if (setup->ctl->is_json) {
		whole = output_new();
		output_put(whole, "config_directory", output_text(
		    setup->directory));
		output_put(whole, "steps", json_incref(plan->steps));
		output_put(whole, "costs", json_incref(plan->costs));
		output_put(whole, "next", json_incref(plan->next));
		output_object(setup->ctl, whole);
		return;
	}
	json_array_foreach(plan->steps, i, step)
		print_step(step, i + 1);
	if (json_array_size(plan->steps) == 0)
		printf("%s is wired already; there is nothing to change.\n",
		    setup->directory);
	if (json_array_size(plan->costs) > 0)
		printf("\nWhat it costs:\n");
	print_lines(plan->costs, "*");
}
