/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_print_test: a configuration, as it is printed, is the same one, and has
 * each setting; the manual page has it, too.
 *
 * "make check" sets srcdir, where the manual page is looked for.
 */
#include "conf/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/conf_file.h"
#include "t/lib/conf_full.h"
#include "t/lib/runner.h"

START_TEST(prints_what_it_reads)
{
	const char *const		 texts[] = { "", conf_full() };
	size_t				 i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct conf	*conf = load_good(texts[i]);
		char		*once = printed(conf), *twice;

		conf_unref(conf);
		conf = load_good(once);
		twice = printed(conf);
		ck_assert_str_eq(once, twice);
		if (i == 1) {
			ck_assert_str_eq(conf->socket_group,
			    "g\\h\"i$j\tk\nl");
			ck_assert_str_eq(conf->policy_other_milters,
			    "${a}$\\");
			ck_assert_str_eq(conf_full_profile(conf, "10.9.1.1",
			    NULL), "edge");
			ck_assert_ptr_nonnull(strstr(twice,
			    "\tdestaddr = { }\n"));
		}
		conf_unref(conf);
		free(once);
		free(twice);
	}
}
END_TEST

START_TEST(prints_every_setting)
{
	struct conf	*conf = load_good(conf_full());
	char		*text = printed(conf);
	const char	*name, *dot;
	unsigned	 i;

	for (i = 0; (name = conf_setting_name(i)) != NULL; i++) {
		char	 want[64];

		dot = strchr(name, '.');
		snprintf(want, sizeof(want), "\n%s%s = ",
		    dot == NULL ? "" : "\t", dot == NULL ? name : dot + 1);
		ck_assert_msg(strstr(text, want) != NULL, "%s", name);
	}
	ck_assert_uint_gt(i, 30);
	free(text);
	conf_unref(conf);
}
END_TEST

static char *
read_manual(void)
{
	static char	 text[200000];
	const char	*srcdir = getenv("srcdir");
	char		 file[512];
	FILE		*fp;
	size_t		 n;

	snprintf(file, sizeof(file), "%s/man/xcontext.conf.5",
	    srcdir == NULL ? "." : srcdir);
	fp = fopen(file, "r");
	ck_assert_msg(fp != NULL, "%s: %s", file, strerror(errno));
	n = fread(text, 1, sizeof(text) - 1, fp);
	text[n] = '\0';
	fclose(fp);
	return text;
}

/* A copy of what stands behind "begin", up to "end"; NULL: no "begin". */
static char *
cut_out(const char *text, const char *begin, const char *end)
{
	const char	*from = strstr(text, begin), *to;

	if (from == NULL)
		return NULL;
	from += strlen(begin);
	to = strstr(from, end);
	return strndup(from, to == NULL ? strlen(from) : (size_t)(to - from));
}

/* What the manual says about a setting, under the title of its section. */
static char *
manual_item(const char *manual, const char *section, const char *name)
{
	char	 title[64], item[64], *text, *found;

	snprintf(title, sizeof(title), "\n.Ss The %s ", section);
	text = cut_out(manual, title, "\n.Ss ");
	ck_assert_msg(text != NULL, "no %s", title + 1);
	snprintf(item, sizeof(item), "\n.It Ic %s ", name);
	found = cut_out(text, item, "\n.It ");
	ck_assert_msg(found != NULL, "%s: no item %s", section, name);
	free(text);
	return found;
}

/* The value of a setting as it is printed, without quotes and braces. */
static char *
printed_value(const char *text, const char *section, const char *name)
{
	char	 begin[64], *part, *value, *p;

	snprintf(begin, sizeof(begin), "\n%s ", section);
	part = *section == '\0' ? strdup(text) :
	    cut_out(text, begin, "\n}");
	ck_assert_msg(part != NULL, "%s is not printed", section);
	snprintf(begin, sizeof(begin), "\n%s%s = ",
	    *section == '\0' ? "" : "\t", name);
	value = cut_out(part, begin, "\n");
	ck_assert_msg(value != NULL, "%s is not printed", name);
	free(part);
	p = value + strspn(value, "{ \"");
	memmove(value, p, strlen(p) + 1);
	value[strcspn(value, "\" }")] = '\0';
	return value;
}

/* The manual tells of each setting, with its default. */
START_TEST(manual_names_every_setting)
{
	struct conf	*conf = load_good("profile a { }\n"
			    "listener b { trust_maps = "
			    "{ \"static:stranger\" } }\n"
			    "relay c { listen = \"127.0.0.1:10027\" "
			    "next_hop = \"smtp:[127.0.0.1]:10028\" }\n"
			    "binding d { } binding_group e { } domain f { }");
	char		*manual = read_manual(), *text = printed(conf);
	const char	*name, *dot;
	unsigned	 i;

	for (i = 0; (name = conf_setting_name(i)) != NULL; i++) {
		char	 section[32] = "", *item, *value;

		dot = strchr(name, '.');
		if (dot != NULL) {
			snprintf(section, sizeof(section), "%.*s",
			    (int)(dot - name), name);
			name = dot + 1;
		}
		item = manual_item(manual, *section == '\0' ? "settings" :
		    section, name);
		value = printed_value(text, section, name);
		ck_assert_msg(strstr(item, value) != NULL,
		    "%s %s: no default \"%s\" in \"%s\"", section, name,
		    value, item);
		free(item);
		free(value);
	}
	free(text);
	conf_unref(conf);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("conf_print");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, prints_what_it_reads);
	tcase_add_test(tc, prints_every_setting);
	tcase_add_test(tc, manual_names_every_setting);
	return runner_run("conf_print", tc);
}
