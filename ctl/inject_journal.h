/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_journal: where each message stands, on disk, whatever ends the program
 * or the host at whatever moment.
 *
 * An LMDB file, so that neither its size nor a mailbox's is held in memory.
 * What was put there is there after the death of the process at once, and, if it
 * is said so, after that of the host.
 */
#ifndef XC_CTL_INJECT_JOURNAL_H
#define XC_CTL_INJECT_JOURNAL_H

#include "base/err.h"
#include "inject_entry.h"

struct inject_journal;

/*
 * Opens or makes it.  With is_alone it is this process's until it ends: another
 * one that works through the same source would send everything twice.  NULL with
 * err.
 */
struct inject_journal	*inject_journal_open(const char *path, bool is_alone,
			    struct err *err);
void			 inject_journal_close(struct inject_journal *journal);

/* 1: *entry_r is the caller's; 0: there is none; -1 with err. */
int	inject_journal_get(struct inject_journal *journal, const char *key,
	    json_t **entry_r, struct err *err);

/*
 * Puts of several entries are one change, which costs as much as one: begin, put
 * each, end.  is_safe: all of it is on disk when that returns.  0, or -1 with
 * err: it is as it was.
 */
int	inject_journal_begin(struct inject_journal *journal, bool is_safe,
	    struct err *err);
int	inject_journal_put(struct inject_journal *journal, const char *key,
	    const json_t *entry, struct err *err);
int	inject_journal_end(struct inject_journal *journal, struct err *err);

/* In one step: what was there under one key is there under another. */
int	inject_journal_move(struct inject_journal *journal, const char *from,
	    const char *to, struct err *err);

/* Calls fn for each entry whose key begins so, in the order of their bytes, from
 * the first that is not before "from" on ("": from the first), until it returns
 * false. */
typedef bool inject_journal_fn(void *arg, const char *key,
    const json_t *entry);
int	inject_journal_each(struct inject_journal *journal,
	    const char *prefix, const char *from, inject_journal_fn *fn,
	    void *arg, struct err *err);

/*
 * An mbox is about to be replaced by the file of that inode, which has not what
 * is over.  When that has happened, or when it is opened again as that file,
 * what is over is forgotten: the same text may come again.
 */
int	inject_journal_mark(struct inject_journal *journal, uint64_t inode,
	    struct err *err);
int	inject_journal_settle(struct inject_journal *journal, uint64_t inode,
	    struct err *err);

#endif
