/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_relay: xcontext-relay(8) in front of a Postfix, or behind it, and what
 * both plans need: sections of xcontext.conf.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_RELAY_H
#define XC_CTL_SETUP_RELAY_H

#include "conf_edit.h"
#include "setup_check.h"
#include "setup_plan.h"

extern const struct setup_subject	 setup_relay;

/* The two parts of setup_subject's plan.  They exit if there can be none. */
void	setup_relay_front(struct setup *setup, struct setup_plan *plan);
void	setup_relay_behind(struct setup *setup, struct setup_plan *plan);

/* Looks at one instance of Postfix, and at the relays that mail comes to it
 * from, or goes to from it; those count as wired. */
void	setup_relay_look(struct setup_check *check);

/* A setting; list: the value is one, as it is to stand there. */
struct setup_relay_setting {
	const char	*name, *value;
	bool		 is_list;
};

/* Puts settings (name NULL ends them; value NULL: leave it) into a section of
 * xcontext.conf, which is a step if that changes it. */
void	setup_relay_section(struct setup *setup, struct setup_plan *plan,
	    struct conf_edit_place place,
	    const struct setup_relay_setting *settings, const char *why);

/*
 * The title for a section: base, or base2 and so on, whose section is not there
 * yet or says that already: setting (NULL: none will do) is value.
 */
const char	*setup_relay_title(struct setup *setup,
		    const struct setup_plan *plan, const char *section,
		    const char *base, const char *setting, const char *value);

/* A binding with XCLIENT in that mode; returns its title. */
const char	*setup_relay_binding(struct setup *setup,
		    struct setup_plan *plan, const char *base,
		    const struct setup_relay_setting *settings);

/* Where it listens, without "inet:". */
const char	*setup_relay_listen(const struct conf_relay *relay);

/* The relay that listens there, "127.0.0.1:10027"; NULL: none does. */
const struct conf_relay	*setup_relay_at(const struct setup *setup,
			    const char *listen);

/* Why the daemons' user cannot read a file; NULL: it can, or that cannot be
 * tried. */
const char	*setup_relay_unreadable(struct setup *setup,
		    const char *path);

/* A command line that lets it. */
const char	*setup_relay_readable_by(struct setup *setup,
		    const char *path);

/* The address that the relay, or Postfix, connects from to that one of its own
 * host. */
const char	*setup_relay_source(struct setup *setup,
		    const struct address *addr);

#endif
