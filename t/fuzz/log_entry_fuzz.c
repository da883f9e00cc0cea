/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_entry_fuzz: a line is what it is, whatever stands behind it in memory;
 * and what is told of it are texts within the entry.
 */
#include "ctl/log_entry.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const struct log_entry *e, const char *text)
{
	if (text == NULL || strcmp(text, "true") == 0)
		return;
	assert(text >= e->buf && text < e->buf + sizeof e->buf);
	assert(memchr(text, '\0', (size_t)(e->buf + sizeof e->buf - text)) !=
	    NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_entry	*e = malloc(sizeof *e);
	const char		*said;
	int			 i;

	assert(e != NULL);
	log_entry_read((struct span){ (const char *)data, size }, e);
	if (e->kind == LOG_ENTRY_DAMAGED)
		assert(e->why != NULL);
	if (e->kind == LOG_ENTRY_EVENT || e->kind == LOG_ENTRY_DECISION) {
		assert(e->event != NULL);
		check_text(e, e->time);
		check_text(e, e->program);
		check_text(e, e->session);
		check_text(e, e->event);
		for (i = 0; i < DECISION_KEY_COUNT; i++)
			check_text(e, e->value[i]);
	}
	if (e->kind == LOG_ENTRY_DECISION) {
		assert(e->value[DECISION_KEY_COMMAND] != NULL);
		said = e->value[DECISION_KEY_SAID];
		assert(!e->is_said_whole || said != NULL);
	}
	free(e);
	return 0;
}
