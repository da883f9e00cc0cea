/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_json: the numbers of a page of metrics (metrics_text.h), one by one,
 * so that whoever wants them otherwise than Prometheus has no list of his own.
 */
#ifndef XC_METRICS_JSON_H
#define XC_METRICS_JSON_H

#include <jansson.h>

struct evbuffer;

/* {"name": "xcontext_sessions", "type": "gauge", "labels": {}, "value": 3};
 * the reference is the function's. */
typedef void	metrics_json_fn(json_t *number, void *arg);

/* Takes the page out of the buffer, and calls fn for each number in it. */
void	metrics_json_each(struct evbuffer *page, metrics_json_fn *fn,
	    void *arg);

#endif
