/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_json: reads what metrics_text and its callers write, where neither a
 * name nor a label's value has a quote, a brace or a blank in it.  A line that
 * was cut for want of memory is none.
 */
#include "daemon/metrics_json.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_SIZE	16

/* {"a": "b"} of a="b",c="d"; NULL: it is cut, or there is no memory. */
static json_t *
read_labels(char *text)
{
	json_t	*labels = json_object();
	char	*key, *value, *end;

	while (labels != NULL && *text != '\0') {
		key = text;
		value = strstr(key, "=\"");
		end = value == NULL ? NULL : strchr(value + 2, '"');
		if (end == NULL) {
			json_decref(labels);
			return NULL;
		}
		*value = *end = '\0';
		(void)json_object_set_new(labels, key,
		    json_string(value + 2));
		text = end + 1;
		if (*text == ',')
			text++;
	}
	return labels;
}

static json_t *
read_value(const char *text)
{
	char	*end;

	if (text[strspn(text, "0123456789")] == '\0')
		return json_integer(strtoll(text, &end, 10));
	return json_real(strtod(text, &end));
}

/* 'name value' or 'name{labels} value'. */
static json_t *
read_number(char *line, const char *type)
{
	char	*blank = strrchr(line, ' ');
	char	*brace = strchr(line, '{');
	json_t	*labels;

	if (blank == NULL || blank == line || blank[1] == '\0')
		return NULL;
	*blank = '\0';
	if (brace != NULL && blank[-1] != '}')
		return NULL;
	if (brace != NULL) {
		blank[-1] = '\0';
		*brace++ = '\0';
	}
	labels = read_labels(brace == NULL ? blank : brace);
	return labels == NULL ? NULL : json_pack("{s:s, s:s, s:o, s:o}",
	    "name", line, "type", type, "labels", labels, "value",
	    read_value(blank + 1));
}

void
metrics_json_each(struct evbuffer *page, metrics_json_fn *fn, void *arg)
{
	char	 type[TYPE_SIZE] = "";
	char	*line;
	json_t	*number;

	while ((line = evbuffer_readln(page, NULL, EVBUFFER_EOL_LF)) !=
	    NULL) {
		if (*line == '#')
			(void)sscanf(line, "# TYPE %*s %15s", type);
		else if ((number = read_number(line, type)) != NULL)
			fn(number, arg);
		free(line);
	}
}
