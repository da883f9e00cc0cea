/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_text: numbers in the text that Prometheus reads (its exposition
 * format, 0.0.4).
 *
 * Values of labels are words of ours: nothing is escaped here.
 */
#ifndef XC_METRICS_TEXT_H
#define XC_METRICS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define METRICS_TEXT_TYPE	"text/plain; version=0.0.4; charset=utf-8"

struct evbuffer;

/* What stands ahead of a metric's numbers; type is "counter", "gauge" ... */
void	metrics_text_head(struct evbuffer *out, const char *name,
	    const char *type, const char *help);

/* A metric that is one number. */
void	metrics_text_number(struct evbuffer *out, const char *name,
	    const char *type, const char *help, uint64_t value);

/* A counter with one label, which has the n values of texts. */
void	metrics_text_counters(struct evbuffer *out, const char *name,
	    const char *help, const char *label, const char *const *texts,
	    const uint64_t *counts, size_t n);

/* One label of a counter that has two, and its n values. */
struct metrics_label {
	const char		*name;
	const char *const	*texts;
	size_t			 n;
};

/* A counter with two labels; counts has a row for each value of the first. */
void	metrics_text_table(struct evbuffer *out, const char *name,
	    const char *help, const struct metrics_label *row,
	    const struct metrics_label *column, const uint64_t *counts);

#endif
