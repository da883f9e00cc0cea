/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * networks: see networks.h.
 */
#include "networks.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

void
networks_add(struct trust_sweep *sweep, const struct trust_sweep_range *range)
{
	struct trust_sweep_range	*end;
	struct address			 next;
	struct err			 err;

	end = sweep->n == 0 ? NULL : &sweep->v[sweep->n - 1];
	if (end != NULL && end->profile == range->profile) {
		next = trust_sweep_next(end->last);
		if (trust_sweep_compare(&next, &range->first) == 0) {
			end->last = range->last;
			return;
		}
	}
	if (trust_sweep_add(sweep, range, &err) == -1)
		ctl_die(EX_OSERR, "%s", err.text);
}

/* The longest prefix that begins at first and ends at last, or before; last_r
 * is where it ends. */
static unsigned
largest(const struct address *first, const struct address *last,
    struct address *last_r)
{
	unsigned	 total = first->family == AF_INET ? 32 : 128;
	unsigned	 bits = total, i;
	struct address	 end = *first;

	*last_r = end;
	while (bits > 0) {
		i = bits - 1;
		if ((first->bytes[i / 8] & 0x80 >> i % 8) != 0)
			break;
		end.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
		if (trust_sweep_compare(&end, last) > 0)
			break;
		*last_r = end;
		bits--;
	}
	return bits;
}

static void
print_range(json_t *texts, struct address first, const struct address *last)
{
	char		 text[ADDRESS_TEXT_SIZE + 4];
	struct address	 end;
	unsigned	 bits;

	for (;;) {
		bits = largest(&first, last, &end);
		(void)address_format(&first, text, ADDRESS_TEXT_SIZE);
		if (bits < (first.family == AF_INET ? 32 : 128))
			(void)snprintf(text + strlen(text), 5, "/%u", bits);
		output_append(texts, output_text(text));
		if (trust_sweep_compare(&end, last) == 0)
			break;
		first = trust_sweep_next(end);
	}
}

json_t *
networks_print(const struct trust_sweep *sweep)
{
	json_t	*texts = output_new_array();
	size_t	 i;

	for (i = 0; i < sweep->n; i++)
		print_range(texts, sweep->v[i].first, &sweep->v[i].last);
	return texts;
}

json_t *
networks_brief(const json_t *texts, size_t max)
{
	size_t		 size = 64, i, n = json_array_size(texts);
	char		*line;
	json_t		*text;

	for (i = 0; i < n && i < max; i++)
		size += strlen(json_string_value(json_array_get(texts, i))) +
		    2;
	line = calloc(1, size);
	if (line == NULL)
		ctl_die(EX_OSERR, "out of memory");
	for (i = 0; i < n && i < max; i++)
		(void)snprintf(line + strlen(line), size - strlen(line),
		    "%s%s", i == 0 ? "" : ", ",
		    json_string_value(json_array_get(texts, i)));
	if (n > max)
		(void)snprintf(line + strlen(line), size - strlen(line),
		    " and %zu more", n - max);
	text = json_string(line);
	free(line);
	return text;
}
