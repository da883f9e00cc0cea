/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_stats: see inject_stats.h.
 */
#include "inject_stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

#define SHOW_MS		500

static const struct {
	const char	*key;
	size_t		 offset;
} rows[] = {
	{ "found",	offsetof(struct inject_stats, found) },
	{ "delivered",	offsetof(struct inject_stats, delivered) },
	{ "already",	offsetof(struct inject_stats, already) },
	{ "later",	offsetof(struct inject_stats, later) },
	{ "rejected",	offsetof(struct inject_stats, rejected) },
	{ "in_doubt",	offsetof(struct inject_stats, in_doubt) },
	{ "unsent",	offsetof(struct inject_stats, unsent) },
	{ "unknown",	offsetof(struct inject_stats, unknown) },
	{ "octets",	offsetof(struct inject_stats, octets) },
	{ "trouble",	offsetof(struct inject_stats, trouble) },
};
#define N_ROWS	(sizeof rows / sizeof rows[0])

static uint64_t
value_of(const struct inject_stats *s, size_t row)
{
	uint64_t	 value;

	memcpy(&value, (const char *)s + rows[row].offset, sizeof value);
	return value;
}

static double
seconds(const struct inject_stats *s, uint64_t now_ms)
{
	return now_ms > s->begun_ms ?
	    (double)(now_ms - s->begun_ms) / 1000 : 0.001;
}

void
inject_stats_show(struct inject_stats *s, const struct inject_source *source,
    uint64_t now_ms)
{
	uint64_t	 total, done;
	double		 so_far = seconds(s, now_ms), left;

	if (now_ms < s->shown_ms + SHOW_MS || !isatty(STDERR_FILENO))
		return;
	s->shown_ms = now_ms;
	inject_source_extent(source, &total, &done);
	left = done == 0 || total < done ? 0 :
	    so_far * (double)(total - done) / (double)done;
	fprintf(stderr, "\r\033[K%" PRIu64 " found, %" PRIu64 " delivered, %"
	    PRIu64 " not; %.0f/s; %.0f%%, %.0f s left", s->found, s->delivered,
	    s->later + s->rejected + s->in_doubt + s->unsent,
	    (double)s->delivered / so_far, total == 0 ? 100 :
	    100 * (double)done / (double)total, left);
}

void
inject_stats_end(const struct inject_stats *s, bool is_single,
    uint64_t now_ms)
{
	const char	*between = "";
	size_t		 i;

	if (s->shown_ms != 0)
		fprintf(stderr, "\r\033[K");
	if (is_single)
		return;
	fprintf(stderr, "%s: ", CTL_PROGRAM);
	for (i = 0; i < N_ROWS; i++)
		if (i == 0 || value_of(s, i) != 0) {
			fprintf(stderr, "%s%s=%" PRIu64, between, rows[i].key,
			    value_of(s, i));
			between = " ";
		}
	fprintf(stderr, " seconds=%.1f\n", seconds(s, now_ms));
}

int
inject_stats_write(const struct inject_stats *s, const char *path,
    uint64_t now_ms, struct err *err)
{
	json_t	*o = output_new();
	size_t	 i;
	int	 status;

	for (i = 0; i < N_ROWS; i++)
		output_put(o, rows[i].key,
		    json_integer((json_int_t)value_of(s, i)));
	output_put(o, "seconds", json_real(seconds(s, now_ms)));
	output_put(o, "rate", json_real((double)s->delivered /
	    seconds(s, now_ms)));
	status = json_dump_file(o, path, JSON_INDENT(2));
	json_decref(o);
	return status == 0 ? 0 :
	    err_set(err, "%s: %s", path, strerror(errno));
}
