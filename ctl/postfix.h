/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * postfix: an instance of Postfix as its own postconf(1) shows it.
 *
 * It is read once, and nothing of it is changed here.
 */
#ifndef XC_CTL_POSTFIX_H
#define XC_CTL_POSTFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "pool.h"

struct postfix_param {
	const char	*name, *value;
};

struct postfix_params {
	struct postfix_param	*list;
	size_t			 n;
};

/* An entry of master.cf. */
struct postfix_service {
	const char		*name, *type;	/* "smtp", "inet" */
	const char		*private, *unprivileged, *chroot, *wakeup;
	const char		*process_limit;
	const char		*command;	/* "smtpd", without arguments */
	bool			 is_chrooted;
	struct postfix_params	 own;		/* its -o, as they are */
	struct postfix_params	 own_expanded;	/* "$name" replaced */
};

struct postfix {
	const char		*config_directory;	/* without links */
	const char		*queue_directory, *command_directory;
	const char		*mail_owner, *mail_version;
	const char		*instance;	/* multi_instance_name; "" */
	const char		*main_cf, *master_cf;	/* paths */
	const char		*complaints;	/* of postconf, a line each */
	struct postfix_params	 set;		/* what main.cf says */
	struct postfix_params	 all;		/* and all defaults */
	struct postfix_params	 all_expanded;
	struct postfix_service	*services;
	size_t			 n_services;
};

/*
 * Reads the instance whose configuration is in that directory; NULL: that
 * which Postfix itself would take.  0, or -1 with err.  All of it is in the
 * pool.
 */
int	postfix_read(struct pool *pool, const char *directory,
	    struct postfix *pf_r, struct err *err);

/* Sets config_directory alone, without a question to anybody.  0, or -1 with
 * err. */
int	postfix_locate(struct pool *pool, const char *directory,
	    struct postfix *pf_r, struct err *err);

struct postfix_instance {
	const char	*name;		/* "-": it has none */
	const char	*directory;
};

/* All instances of postmulti(1); where it knows none, that which Postfix would
 * take.  0, or -1 with err. */
int	postfix_instances(struct pool *pool, struct postfix_instance **list_r,
	    size_t *n_r, struct err *err);

/* NULL: it does not say. */
const char	*postfix_param_find(const struct postfix_params *params,
		    const char *name);

/*
 * What is in force in that service, or, service NULL, in main.cf; "" where
 * this Postfix has no such parameter.  "$name" is as it is, or replaced.
 */
const char	*postfix_get(const struct postfix *pf,
		    const struct postfix_service *service, const char *name);
const char	*postfix_get_expanded(const struct postfix *pf,
		    const struct postfix_service *service, const char *name);

/* NULL: there is none. */
struct postfix_service	*postfix_service_find(const struct postfix *pf,
			    const char *name, const char *type);

/* True for an entry that a smtpd serves: smtpd by itself, or behind
 * postscreen. */
bool	postfix_service_is_smtpd(const struct postfix_service *service);

/* True if the version is that or a later one. */
bool	postfix_is_at_least(const struct postfix *pf, unsigned major,
	    unsigned minor, unsigned patch);

#endif
