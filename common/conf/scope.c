/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * scope: see scope.h.  A binding, a group and what is outside of both are one
 * kind of thing, each with the next one as its parent.  The precedence is the
 * way up, twice: within bindings and groups first all domains, then what these
 * say themselves; then the same outside.
 */
#include "conf/scope.h"

#include <stdio.h>
#include <stdlib.h>

#include <bsd/string.h>
#include <bsd/sys/cdefs.h>
#include <bsd/sys/tree.h>

#include "base/domain.h"

struct domain {
	RB_ENTRY(domain)	 entry;
	char			*name;
	enum xclient_mode	 mode;
	char			*rule;
};
RB_HEAD(domains, domain);

struct scope_binding {
	RB_ENTRY(scope_binding)		 entry;
	const struct scope_binding	*parent;	/* NULL: outside of all */
	char				*name;
	enum xclient_mode		 mode;
	char				*rule;		/* where it stands */
	struct scope_source		 source;
	char				*ca_file;	/* owned, in source */
	struct domains			 domains;
	const struct domain		*by_mode[XCLIENT_REQUIRED + 1];
						/* one of each; NULL: none */
};
RB_HEAD(bindings, scope_binding);

struct scope {
	struct scope_binding	 outside;
	struct bindings		 groups;
	struct bindings		 bindings;
};

/* In any case.  No name of ours holds NUL, so one that does is none. */
static int
compare(struct span a, const char *b)
{
	size_t	 n = strlen(b);
	int	 cmp = a.n == 0 ? 0 : strncasecmp(a.p, b, a.n < n ? a.n : n);

	if (cmp != 0)
		return cmp;
	return a.n < n ? -1 : a.n > n;
}

static int
compare_domains(const struct domain *a, const struct domain *b)
{
	return compare(span_of(a->name), b->name);
}

static int
compare_bindings(const struct scope_binding *a, const struct scope_binding *b)
{
	return compare(span_of(a->name), b->name);
}

RB_GENERATE_INTERNAL(domains, domain, entry, compare_domains,
    static __attribute__((unused)))
RB_GENERATE_INTERNAL(bindings, scope_binding, entry, compare_bindings,
    static __attribute__((unused)))

static void
free_domain(struct domain *domain)
{
	free(domain->name);
	free(domain->rule);
	free(domain);
}

/* All of it but the thing itself. */
static void
clear_binding(struct scope_binding *b)
{
	struct domain	*domain, *next;

	RB_FOREACH_SAFE(domain, domains, &b->domains, next) {
		RB_REMOVE(domains, &b->domains, domain);
		free_domain(domain);
	}
	free(b->name);
	free(b->ca_file);
	free(b->rule);
}

static void
free_bindings(struct bindings *tree)
{
	struct scope_binding	*b, *next;

	RB_FOREACH_SAFE(b, bindings, tree, next) {
		RB_REMOVE(bindings, tree, b);
		clear_binding(b);
		free(b);
	}
}

struct scope *
scope_new(void)
{
	struct scope	*scope = calloc(1, sizeof *scope);

	if (scope == NULL)
		return NULL;
	RB_INIT(&scope->outside.domains);
	RB_INIT(&scope->groups);
	RB_INIT(&scope->bindings);
	return scope;
}

void
scope_free(struct scope *scope)
{
	if (scope == NULL)
		return;
	free_bindings(&scope->bindings);
	free_bindings(&scope->groups);
	clear_binding(&scope->outside);
	free(scope);
}

int
scope_set_global(struct scope *scope, enum xclient_mode mode)
{
	if (scope->outside.mode != XCLIENT_UNSET)
		return -1;
	scope->outside.mode = mode;
	return 0;
}

static struct scope_binding *
find(const struct bindings *tree, struct span name)
{
	struct scope_binding	*b = RB_ROOT(tree);
	int			 cmp;

	while (b != NULL && (cmp = compare(name, b->name)) != 0)
		b = cmp < 0 ? RB_LEFT(b, entry) : RB_RIGHT(b, entry);
	return b;
}

/* The rule's text: "file:line (binding NAME)". */
static char *
rule_text(const char *file, unsigned line, const char *kind, const char *name)
{
	char	*text;

	if (asprintf(&text, "%s:%u (%s %s)", file, line, kind, name) == -1)
		return NULL;
	return text;
}

static int
copy_source(struct scope_binding *b, const struct scope_source *source)
{
	if (source == NULL)
		return 0;
	b->source = *source;
	if (source->tls_ca_file == NULL)
		return 0;
	b->source.tls_ca_file = b->ca_file = strdup(source->tls_ca_file);
	return b->ca_file == NULL ? -1 : 0;
}

static struct scope_binding *
make_binding(const char *name, enum xclient_mode mode,
    const struct scope_source *source, char *rule)
{
	struct scope_binding	*b = calloc(1, sizeof *b);

	if (b == NULL) {
		free(rule);
		return NULL;
	}
	RB_INIT(&b->domains);
	b->mode = mode;
	b->rule = rule;
	b->name = strdup(name);
	if (rule == NULL || b->name == NULL ||
	    copy_source(b, source) == -1) {
		clear_binding(b);
		free(b);
		return NULL;
	}
	return b;
}

/* Puts b, which is NULL if there was no memory for it, into the tree. */
static int
insert(struct bindings *tree, struct scope_binding *b,
    const struct scope_binding *parent, const char *file, unsigned line,
    struct err *err)
{
	const struct scope_binding	*there;

	if (b == NULL)
		return err_set_at(err, file, line, "out of memory");
	b->parent = parent;
	there = RB_INSERT(bindings, tree, b);
	if (there == NULL)
		return 0;
	(void)err_set_at(err, file, line, "\"%s\" is there already, at %s",
	    b->name, there->rule);
	clear_binding(b);
	free(b);
	return -1;
}

int
scope_add_group(struct scope *scope, const char *group,
    enum xclient_mode mode, const struct scope_source *source,
    const char *file, unsigned line, struct err *err)
{
	struct scope_binding	*b;

	b = make_binding(group, mode, source,
	    rule_text(file, line, "binding_group", group));
	return insert(&scope->groups, b, &scope->outside, file, line, err);
}

/* The group of that name, or what is outside of all groups; NULL with err. */
static struct scope_binding *
find_group(struct scope *scope, const char *group, const char *file,
    unsigned line, struct err *err)
{
	struct scope_binding	*found;

	if (group == NULL)
		return &scope->outside;
	found = find(&scope->groups, span_of(group));
	if (found == NULL)
		(void)err_set_at(err, file, line, "there is no binding_group "
		    "\"%s\"", group);
	return found;
}

int
scope_add_binding(struct scope *scope, const char *group,
    const char *binding, enum xclient_mode mode,
    const struct scope_source *source, const char *file, unsigned line,
    struct err *err)
{
	const struct scope_binding	*parent;
	struct scope_binding		*b;

	parent = find_group(scope, group, file, line, err);
	if (parent == NULL)
		return -1;
	b = make_binding(binding, mode, source,
	    rule_text(file, line, "binding", binding));
	return insert(&scope->bindings, b, parent, file, line, err);
}

/* Where a domain belongs; NULL with err. */
static struct scope_binding *
find_place(struct scope *scope, const char *group, const char *binding,
    const char *file, unsigned line, struct err *err)
{
	struct scope_binding	*parent, *found;

	parent = find_group(scope, group, file, line, err);
	if (parent == NULL || binding == NULL)
		return parent;
	found = find(&scope->bindings, span_of(binding));
	if (found != NULL && found->parent == parent)
		return found;
	(void)err_set_at(err, file, line, "there is no binding \"%s\"%s%s",
	    binding, group == NULL ? "" : " in binding_group ",
	    group == NULL ? "" : group);
	return NULL;
}

static char *
domain_rule(const char *group, const char *binding, const char *domain,
    const char *file, unsigned line)
{
	const char	*kind = binding != NULL ? "binding" : "binding_group";
	const char	*name = binding != NULL ? binding : group;
	char		*text;

	if (name == NULL)
		return rule_text(file, line, "domain", domain);
	if (asprintf(&text, "%s:%u (domain %s in %s %s)", file, line, domain,
	    kind, name) == -1)
		return NULL;
	return text;
}

static struct domain *
make_domain(const char *name, enum xclient_mode mode, char *rule)
{
	struct domain	*domain = calloc(1, sizeof *domain);

	if (domain == NULL) {
		free(rule);
		return NULL;
	}
	domain->mode = mode;
	domain->rule = rule;
	domain->name = strdup(name);
	if (rule == NULL || domain->name == NULL) {
		free_domain(domain);
		return NULL;
	}
	return domain;
}

/* A section's name in the spelling in which domains are compared; a dot in
 * front stays. */
static enum domain_result
read_name(const char *text, char *buf)
{
	struct span	 name;
	bool		 is_parent = text[0] == '.';

	buf[0] = '.';
	if (is_parent && text[1] == '[')
		return DOMAIN_BAD;
	return domain_read(span_of(text + is_parent), buf + is_parent, &name);
}

int
scope_add_domain(struct scope *scope, const char *group,
    const char *binding, const char *domain, enum xclient_mode mode,
    const char *file, unsigned line, struct err *err)
{
	struct scope_binding	*place;
	struct domain		*made;
	const struct domain	*there;
	char			 name[1 + DOMAIN_SIZE];

	place = find_place(scope, group, binding, file, line, err);
	if (place == NULL)
		return -1;
	if (read_name(domain, name) != DOMAIN_OK)
		return err_set_at(err, file, line, "domain \"%s\" is not "
		    "valid, expected \"example.com\", \".example.com\" or "
		    "\"[192.0.2.1]\"", domain);
	made = make_domain(name, mode,
	    domain_rule(group, binding, domain, file, line));
	if (made == NULL)
		return err_set_at(err, file, line, "out of memory");
	there = RB_INSERT(domains, &place->domains, made);
	if (there == NULL) {
		place->by_mode[mode] = made;
		return 0;
	}
	(void)err_set_at(err, file, line, "\"%s\" is there already, at %s",
	    domain, there->rule);
	free_domain(made);
	return -1;
}

const struct scope_binding *
scope_binding_find(const struct scope *scope, struct span name)
{
	return find(&scope->bindings, name);
}

const char *
scope_binding_name(const struct scope_binding *binding)
{
	return binding->name;
}

void
scope_binding_source(const struct scope_binding *binding,
    struct scope_source *source_r)
{
	const struct scope_source	*group = &binding->parent->source;

	*source_r = binding->source;
	if (source_r->ipv4.family == AF_UNSPEC)
		source_r->ipv4 = group->ipv4;
	if (source_r->ipv6.family == AF_UNSPEC)
		source_r->ipv6 = group->ipv6;
	if (source_r->tls == SCOPE_TLS_UNSET)
		source_r->tls = group->tls;
	if (source_r->tls_ca_file == NULL)
		source_r->tls_ca_file = group->tls_ca_file;
}

/* The domain of that very name, if it says anything. */
static const struct domain *
find_said(const struct scope_binding *b, struct span name)
{
	const struct domain	*d = RB_ROOT(&b->domains);
	int			 cmp;

	while (d != NULL && (cmp = compare(name, d->name)) != 0)
		d = cmp < 0 ? RB_LEFT(d, entry) : RB_RIGHT(d, entry);
	return d == NULL || d->mode == XCLIENT_UNSET ? NULL : d;
}

/* The name itself, then ".parent" from the longest on; NULL: none of them. */
static const struct domain *
find_domain(const struct scope_binding *b, struct span name)
{
	const struct domain	*found = find_said(b, name);
	const char		*dot;

	while (found == NULL && name.n > 0 &&
	    (dot = memchr(name.p + 1, '.', name.n - 1)) != NULL) {
		name = span_skip(name, (size_t)(dot - name.p));
		found = find_said(b, name);
	}
	return found;
}

/* A domain to be searched for; of what cannot be read, the text is empty. */
struct wanted {
	bool		 is_said;	/* there is one */
	struct span	 name;
	char		 buf[DOMAIN_SIZE];
};

static void
want(struct wanted *wanted, struct span domain)
{
	wanted->is_said = domain.n > 0;
	wanted->name = (struct span){ "", 0 };
	if (wanted->is_said &&
	    domain_read(domain, wanted->buf, &wanted->name) != DOMAIN_OK)
		wanted->name = (struct span){ "", 0 };
}

static const struct domain *
find_wanted(const struct scope_binding *b, const struct wanted *wanted)
{
	if (!wanted->is_said)
		return NULL;
	if (wanted->name.n == 0)
		return b->by_mode[XCLIENT_REQUIRED];
	return find_domain(b, wanted->name);
}

/* Copies what decided. */
static enum xclient_mode
by(enum xclient_mode mode, const char *rule, char *rule_r, size_t rule_size)
{
	(void)strlcpy(rule_r, rule == NULL ? "global" : rule, rule_size);
	return mode;
}

/* From a binding up to one that does not belong to it any more: all domains,
 * then all else.  XCLIENT_UNSET: nothing is said there. */
static enum xclient_mode
search(const struct scope_binding *from, const struct scope_binding *end,
    const struct wanted wanted[2], char *rule_r, size_t rule_size)
{
	const struct scope_binding	*b;
	const struct domain		*found;

	for (b = from; b != end; b = b->parent) {
		found = find_wanted(b, &wanted[0]);
		if (found == NULL)
			found = find_wanted(b, &wanted[1]);
		if (found != NULL)
			return by(found->mode, found->rule, rule_r,
			    rule_size);
	}
	for (b = from; b != end; b = b->parent)
		if (b->mode != XCLIENT_UNSET)
			return by(b->mode, b->rule, rule_r, rule_size);
	return XCLIENT_UNSET;
}

enum xclient_mode
scope_mode(const struct scope *scope, const struct scope_binding *binding,
    const struct scope_domains *domains, char *rule_r, size_t rule_size)
{
	const struct scope_binding	*outside = &scope->outside;
	enum xclient_mode		 mode;
	struct wanted			 wanted[2];

	want(&wanted[0], domains->recipient);
	want(&wanted[1], domains->nexthop);
	mode = search(binding == NULL ? outside : binding, outside, wanted,
	    rule_r, rule_size);
	if (mode == XCLIENT_UNSET)
		mode = search(outside, NULL, wanted, rule_r, rule_size);
	if (mode == XCLIENT_UNSET)
		mode = by(XCLIENT_NO, "default", rule_r, rule_size);
	return mode;
}

enum xclient_mode
scope_xclient(const struct scope *scope, const struct scope_binding *binding,
    struct span domain, char *rule_r, size_t rule_size)
{
	struct scope_domains	 domains = { .recipient = domain };

	if (domain.n > 0 && domain.p[0] == '/')
		domains.recipient.n = 0;
	return scope_mode(scope, binding, &domains, rule_r, rule_size);
}

/* Whether any domain of it says another mode. */
static bool
says_another(const struct scope_binding *b, enum xclient_mode mode)
{
	unsigned	 i;

	for (i = XCLIENT_NO; i <= XCLIENT_REQUIRED; i++)
		if (i != mode && b->by_mode[i] != NULL)
			return true;
	return false;
}

bool
scope_is_by_domain(const struct scope *scope,
    const struct scope_binding *binding, enum xclient_mode mode)
{
	const struct scope_binding	*b, *from = binding;
	bool				 is_decided = false;

	if (from == NULL)
		from = &scope->outside;
	for (b = from; b != &scope->outside; b = b->parent) {
		if (says_another(b, mode))
			return true;
		is_decided = is_decided || b->mode != XCLIENT_UNSET;
	}
	return !is_decided && says_another(&scope->outside, mode);
}

enum xclient_dialect
scope_dialect(const struct scope *dialects,
    const struct scope_binding *binding, struct span domain)
{
	char	 rule[2];

	if (binding != NULL)
		binding = find(&dialects->bindings, span_of(binding->name));
	return (enum xclient_dialect)scope_xclient(dialects, binding, domain,
	    rule, sizeof rule);
}

const char *
scope_mode_text(enum xclient_mode mode)
{
	switch (mode) {
	case XCLIENT_NO:
		return "no";
	case XCLIENT_IFAVAILABLE:
		return "ifavailable";
	case XCLIENT_REQUIRED:
		return "required";
	case XCLIENT_UNSET:
	default:
		return NULL;
	}
}
