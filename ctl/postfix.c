/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * postfix: see postfix.h.  postconf(1) prints a parameter a line, its value's
 * lines joined; so what is read here is what Postfix has understood, not what a
 * second reader of its files makes of them.
 */
#include "postfix.h"

#include <stdlib.h>
#include <string.h>

#include "run.h"

/*
 * Parameters
 */

const char *
postfix_param_find(const struct postfix_params *params, const char *name)
{
	size_t	 i;

	/* The last one is in force. */
	for (i = params->n; i-- > 0;)
		if (strcmp(params->list[i].name, name) == 0)
			return params->list[i].value;
	return NULL;
}

static const char *
get(const struct postfix_params *own, const struct postfix_params *all,
    const char *name)
{
	const char	*value = NULL;

	if (own != NULL)
		value = postfix_param_find(own, name);
	if (value == NULL)
		value = postfix_param_find(all, name);
	return value == NULL ? "" : value;
}

const char *
postfix_get(const struct postfix *pf, const struct postfix_service *service,
    const char *name)
{
	return get(service == NULL ? NULL : &service->own, &pf->all, name);
}

const char *
postfix_get_expanded(const struct postfix *pf,
    const struct postfix_service *service, const char *name)
{
	return get(service == NULL ? NULL : &service->own_expanded,
	    &pf->all_expanded, name);
}

static size_t
count_lines(const char *text)
{
	size_t	 n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n + 1;
}

/* "name = value" of a line; false: it is none. */
static bool
split(struct pool *pool, struct span line, struct postfix_param *param_r)
{
	const char	*eq = memmem(line.p, line.n, " =", 2);
	size_t		 rest;

	if (eq == NULL)
		return false;
	param_r->name = pool_copy(pool, (struct span){ line.p,
	    (size_t)(eq - line.p) });
	rest = line.n - (size_t)(eq - line.p) - 2;
	eq += 2;
	if (rest > 0 && *eq == ' ') {
		eq++;
		rest--;
	}
	param_r->value = pool_copy(pool, (struct span){ eq, rest });
	return true;
}

static struct postfix_params
parse(struct pool *pool, const char *text)
{
	struct postfix_params	 params = { NULL, 0 };
	size_t			 n;

	params.list = pool_alloc(pool, count_lines(text) *
	    sizeof *params.list);
	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (split(pool, (struct span){ text, n },
		    &params.list[params.n]))
			params.n++;
	}
	return params;
}

static int
ask(struct pool *pool, const char *directory, const char *how,
    const char *also, struct postfix_params *params_r, struct err *err)
{
	const char	*argv[] = { "postconf", "-c", directory, how, also,
			    NULL };
	const char	*out;

	if (run_program(pool, argv, &out, NULL, err) != 0)
		return -1;
	*params_r = parse(pool, out);
	return 0;
}

/*
 * master.cf
 */

bool
postfix_service_is_smtpd(const struct postfix_service *service)
{
	return strcmp(service->command, "smtpd") == 0 &&
	    (strcmp(service->type, "inet") == 0 ||
	    strcmp(service->type, "pass") == 0);
}

struct postfix_service *
postfix_service_find(const struct postfix *pf, const char *name,
    const char *type)
{
	size_t	 i;

	for (i = 0; i < pf->n_services; i++)
		if (strcmp(pf->services[i].name, name) == 0 &&
		    strcmp(pf->services[i].type, type) == 0)
			return &pf->services[i];
	return NULL;
}

/* "smtp/inet/chroot" in its three parts; only the first may have a "/". */
static bool
split_name(struct pool *pool, const char *name, const char *part_r[3])
{
	const char	*last = strrchr(name, '/'), *first;

	if (last == NULL ||
	    (first = memrchr(name, '/', (size_t)(last - name))) == NULL)
		return false;
	part_r[0] = pool_copy(pool, (struct span){ name,
	    (size_t)(first - name) });
	part_r[1] = pool_copy(pool, (struct span){ first + 1,
	    (size_t)(last - first) - 1 });
	part_r[2] = last + 1;
	return true;
}

static void
set_field(struct pool *pool, struct postfix_service *service,
    const char *field, const char *value)
{
	const struct {
		const char	 *name;
		const char	**to;
	} fields[] = {
		{ "private", &service->private },
		{ "unprivileged", &service->unprivileged },
		{ "chroot", &service->chroot },
		{ "wakeup", &service->wakeup },
		{ "process_limit", &service->process_limit }
	};
	size_t	 i;

	if (strcmp(field, "command") == 0)
		service->command = pool_copy(pool, (struct span){ value,
		    strcspn(value, " \t") });
	for (i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (strcmp(field, fields[i].name) == 0)
			*fields[i].to = value;
}

static struct postfix_service *
service_of(struct postfix *pf, const char *name, const char *type)
{
	struct postfix_service	*service;

	service = postfix_service_find(pf, name, type);
	if (service != NULL)
		return service;
	service = &pf->services[pf->n_services++];
	service->name = name;
	service->type = type;
	service->private = service->unprivileged = service->chroot =
	    service->wakeup = service->process_limit = "-";
	service->command = "";
	return service;
}

/* A "-" in the chroot column: master(5). */
static bool
chroots_by_default(const struct postfix *pf)
{
	return atof(postfix_get(pf, NULL, "compatibility_level")) < 1;
}

static void
read_services(struct pool *pool, struct postfix *pf,
    const struct postfix_params *fields)
{
	struct postfix_service	*service;
	const char		*part[3];
	size_t			 i;

	pf->services = pool_alloc(pool, (fields->n + 1) *
	    sizeof *pf->services);
	for (i = 0; i < fields->n; i++)
		if (split_name(pool, fields->list[i].name, part))
			set_field(pool, service_of(pf, part[0], part[1]),
			    part[2], fields->list[i].value);
	for (i = 0; i < pf->n_services; i++) {
		service = &pf->services[i];
		service->is_chrooted = strcmp(service->chroot, "-") == 0 ?
		    chroots_by_default(pf) : *service->chroot == 'y';
	}
}

/* Hands each "service/type/parameter" to its service. */
static void
read_own(struct pool *pool, struct postfix *pf,
    const struct postfix_params *all, bool is_expanded)
{
	struct postfix_service	*service;
	struct postfix_params	*to;
	const char		*part[3];
	size_t			 i;

	for (i = 0; i < all->n; i++) {
		if (!split_name(pool, all->list[i].name, part) ||
		    (service = postfix_service_find(pf, part[0], part[1])) ==
		    NULL)
			continue;
		to = is_expanded ? &service->own_expanded : &service->own;
		if (to->list == NULL)
			to->list = pool_alloc(pool, all->n * sizeof *to->list);
		to->list[to->n++] = (struct postfix_param){ part[2],
		    all->list[i].value };
	}
}

static int
read_master(struct pool *pool, const char *dir, struct postfix *pf,
    struct err *err)
{
	struct postfix_params	 fields, own, expanded;

	if (ask(pool, dir, "-F", NULL, &fields, err) != 0 ||
	    ask(pool, dir, "-P", NULL, &own, err) != 0 ||
	    ask(pool, dir, "-Px", NULL, &expanded, err) != 0)
		return -1;
	read_services(pool, pf, &fields);
	read_own(pool, pf, &own, false);
	read_own(pool, pf, &expanded, true);
	return 0;
}

/*
 * The whole
 */

bool
postfix_is_at_least(const struct postfix *pf, unsigned major, unsigned minor,
    unsigned patch)
{
	const char	*p = pf->mail_version;
	const unsigned	 want[3] = { major, minor, patch };
	unsigned long	 have;
	char		*end;
	int		 i;

	/* Of a snapshot, "3.12-20260821", the date says nothing. */
	for (i = 0; i < 3; i++) {
		have = strtoul(p, &end, 10);
		if (have != want[i])
			return have > want[i];
		p = *end == '.' ? end + 1 : "0";
	}
	return true;
}

static int
read_main(struct pool *pool, const char *dir, struct postfix *pf,
    struct err *err)
{
	const char	*argv[] = { "postconf", "-c", dir, "-n", NULL }, *out;

	if (run_program(pool, argv, &out, &pf->complaints, err) != 0)
		return -1;
	pf->set = parse(pool, out);
	if (ask(pool, dir, NULL, NULL, &pf->all, err) != 0 ||
	    ask(pool, dir, "-x", NULL, &pf->all_expanded, err) != 0)
		return -1;
	pf->queue_directory = postfix_get_expanded(pf, NULL,
	    "queue_directory");
	pf->command_directory = postfix_get_expanded(pf, NULL,
	    "command_directory");
	pf->mail_owner = postfix_get_expanded(pf, NULL, "mail_owner");
	pf->mail_version = postfix_get_expanded(pf, NULL, "mail_version");
	pf->instance = postfix_get_expanded(pf, NULL, "multi_instance_name");
	return 0;
}

/* A link would be replaced by a file, and whoever looks at what it leads to
 * would not see the change. */
static int
find_file(struct pool *pool, const char *dir, const char *name,
    const char **path_r, struct err *err)
{
	const char	*path = pool_printf(pool, "%s/%s", dir, name);
	char		*real = realpath(path, NULL);

	if (real == NULL)
		return err_set(err, "%s: no such file; is this a Postfix's "
		    "config_directory?", path);
	*path_r = pool_copy(pool, span_of(real));
	free(real);
	return 0;
}

static int
default_directory(struct pool *pool, const char **dir_r, struct err *err)
{
	const char	*argv[] = { "postconf", "-dh", "config_directory",
			    NULL };
	const char	*out = getenv("MAIL_CONFIG");

	if (out == NULL && run_program(pool, argv, &out, NULL, err) != 0)
		return -1;
	*dir_r = pool_copy(pool, (struct span){ out, strcspn(out, "\n") });
	return 0;
}

int
postfix_read(struct pool *pool, const char *directory, struct postfix *pf_r,
    struct err *err)
{
	struct postfix	 pf = { .config_directory = directory };
	const char	*dir;

	if (directory == NULL &&
	    default_directory(pool, &pf.config_directory, err) != 0)
		return -1;
	dir = pf.config_directory;
	if (find_file(pool, dir, "main.cf", &pf.main_cf, err) != 0 ||
	    find_file(pool, dir, "master.cf", &pf.master_cf, err) != 0 ||
	    find_file(pool, dir, ".", &pf.config_directory, err) != 0 ||
	    read_main(pool, pf.config_directory, &pf, err) != 0 ||
	    read_master(pool, pf.config_directory, &pf, err) != 0)
		return -1;
	*pf_r = pf;
	return 0;
}

int
postfix_locate(struct pool *pool, const char *directory, struct postfix *pf_r,
    struct err *err)
{
	*pf_r = (struct postfix){ .command_directory = "" };
	return find_file(pool, directory, ".", &pf_r->config_directory, err);
}

/* "NAME GROUP y|n DIRECTORY" of a line. */
static void
read_instance(struct pool *pool, const char *line, size_t len,
    struct postfix_instance *instance_r)
{
	const char	*end = line + len, *dir = end;

	while (dir > line && dir[-1] == ' ')
		end = --dir;
	while (dir > line && dir[-1] != ' ')
		dir--;
	instance_r->name = pool_copy(pool, (struct span){ line,
	    strcspn(line, " \n") });
	instance_r->directory = pool_copy(pool, (struct span){ dir,
	    (size_t)(end - dir) });
}

int
postfix_instances(struct pool *pool, struct postfix_instance **list_r,
    size_t *n_r, struct err *err)
{
	const char			*argv[] = { "postmulti", "-l", NULL };
	const char			*out, *dir;
	struct postfix_instance		*list;
	size_t				 n = 0, len;

	/* It fails where there is no main.cf; postconf says that better. */
	if (run_program(pool, argv, &out, NULL, err) != 0)
		out = "";
	list = pool_alloc(pool, (count_lines(out) + 1) * sizeof *list);
	for (; *out != '\0'; out += len + (out[len] == '\n')) {
		len = strcspn(out, "\n");
		if (len > 0 && *out != '#')
			read_instance(pool, out, len, &list[n++]);
	}
	if (n == 0) {
		if (default_directory(pool, &dir, err) != 0)
			return -1;
		list[n++] = (struct postfix_instance){ "-", dir };
	}
	*list_r = list;
	*n_r = n;
	return 0;
}
