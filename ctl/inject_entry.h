/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_entry: where a message stands, for each of its recipients.
 *
 * It is JSON, as the journal has it and as it is shown:
 *	{ "name", "at", "tries", "rcpt": { ADDRESS: [ STATE, REPLY ], ... } }
 */
#ifndef XC_CTL_INJECT_ENTRY_H
#define XC_CTL_INJECT_ENTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum inject_state {
	INJECT_NEW,		/* nothing was tried */
	INJECT_DOUBT,		/* all was sent, or nearly, and no reply is
				 * known: it may be there */
	INJECT_DONE,		/* the server has said 250 */
	INJECT_LATER,		/* it did not get it: to be tried again */
	INJECT_REJECTED		/* the server refuses it for good */
};
#define INJECT_STATES	(INJECT_REJECTED + 1)

/* "in doubt". */
const char	*inject_entry_state_text(enum inject_state state);

/* A new one.  Out of memory ends the program here. */
json_t		*inject_entry_new(const char *name);

enum inject_state	 inject_entry_of(const json_t *entry, const char *rcpt);
void	inject_entry_set(json_t *entry, const char *rcpt,
	    enum inject_state state, const char *reply, uint64_t now_ms);

/* That of all of it: the one that most is to be done about. */
enum inject_state	 inject_entry_sum(const json_t *entry);

/* For whom it is now: who is not in it yet is new, and of what stood there
 * while nobody could be named nothing is left; but a refusal is. */
void	inject_entry_expect(json_t *entry, const char *const *rcpts, unsigned n,
	    uint64_t now_ms);
/* As the sum, of these; nobody: of all. */
enum inject_state	 inject_entry_sum_for(const json_t *entry,
			    const char *const *rcpts, unsigned n);

/* The rejected part of it is kept in a place of its own; what is rejected after
 * that is not. */
void	inject_entry_set_saved(json_t *entry);
bool	inject_entry_is_saved(const json_t *entry);
/* Nothing of it is needed in the source any more. */
bool	inject_entry_is_over(const json_t *entry);

#endif
