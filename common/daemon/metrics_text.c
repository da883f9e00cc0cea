/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_text: see metrics_text.h.  An evbuffer that runs out of memory
 * leaves a line out; the answer is then as good as it can be.
 */
#include "daemon/metrics_text.h"

#include <event2/buffer.h>
#include <inttypes.h>

void
metrics_text_head(struct evbuffer *out, const char *name, const char *type,
    const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help,
	    name, type);
}

void
metrics_text_number(struct evbuffer *out, const char *name, const char *type,
    const char *help, uint64_t value)
{
	metrics_text_head(out, name, type, help);
	evbuffer_add_printf(out, "%s %" PRIu64 "\n", name, value);
}

void
metrics_text_counters(struct evbuffer *out, const char *name,
    const char *help, const char *label, const char *const *texts,
    const uint64_t *counts, size_t n)
{
	size_t	 i;

	metrics_text_head(out, name, "counter", help);
	for (i = 0; i < n; i++)
		evbuffer_add_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name,
		    label, texts[i], counts[i]);
}

void
metrics_text_table(struct evbuffer *out, const char *name, const char *help,
    const struct metrics_label *row, const struct metrics_label *column,
    const uint64_t *counts)
{
	size_t	 i, j;

	metrics_text_head(out, name, "counter", help);
	for (i = 0; i < row->n; i++)
		for (j = 0; j < column->n; j++)
			(void)evbuffer_add_printf(out, "%s{%s=\"%s\",%s=\"%s"
			    "\"} %" PRIu64 "\n", name, row->name,
			    row->texts[i], column->name, column->texts[j],
			    counts[i * column->n + j]);
}
