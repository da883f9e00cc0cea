/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * transaction_params: what the parameters of MAIL and RCPT need of a next hop.
 *
 * Where the next hop depends on the recipient, extensions have to be offered
 * before anybody knows whether it has them.  What it lacks is then left out,
 * where mail can do without (DSN: no notification of ours says so; xcontext-
 * relay(8)), or is a reply to that recipient.  What was not offered is handed
 * on as it came, for its next hop to answer.
 */
#include "transaction_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A parameter that belongs to an extension. */
static const struct param {
	const char		*name;
	enum smtp_keyword	 keyword;
	const char		*lack;	/* the reply; NULL: it is left out */
} params_known[] = {
	{ "BODY=8BITMIME", SMTP_KW_8BITMIME,
	    "554 5.6.3 the next hop takes no 8-bit mail" },
	{ "BODY=7BIT", SMTP_KW_8BITMIME, NULL },
	{ "BODY=BINARYMIME", SMTP_KW_BINARYMIME,
	    "554 5.6.3 the next hop takes no binary mail" },
	{ "SMTPUTF8", SMTP_KW_SMTPUTF8,
	    "550 5.6.7 the next hop takes no internationalized mail" },
	{ "SIZE", SMTP_KW_SIZE, NULL },
	{ "RET", SMTP_KW_DSN, NULL },
	{ "ENVID", SMTP_KW_DSN, NULL },
	{ "NOTIFY", SMTP_KW_DSN, NULL },
	{ "ORCPT", SMTP_KW_DSN, NULL },
	{ "AUTH", SMTP_KW_AUTH, NULL },
	{ "BY", SMTP_KW_DELIVERBY,
	    "550 5.5.4 the next hop does not have DELIVERBY" },
	{ "MT-PRIORITY", SMTP_KW_MT_PRIORITY, NULL }
};

static const struct param *
find_param(struct span text)
{
	const char	*eq = span_find(text, '=');
	struct span	 name = { text.p, eq == NULL ? text.n :
			     (size_t)(eq - text.p) };
	size_t		 i;

	for (i = 0; i < sizeof params_known / sizeof params_known[0]; i++)
		if (span_caseeq(name, params_known[i].name) ||
		    span_caseeq(text, params_known[i].name))
			return &params_known[i];
	return NULL;
}

/* Whether the client had been led to believe what is not so. */
static bool
is_lacking(const struct param *param, const struct smtp_offer *offer,
    unsigned promised)
{
	return param != NULL && !smtp_offers(offer, param->keyword) &&
	    (promised & 1U << param->keyword) != 0;
}

const char *
transaction_params_lack(const struct smtp_offer *offer, unsigned promised,
    struct span params)
{
	const struct param	*known;
	struct span		 text;

	while (smtp_param_next(&params, &text)) {
		known = find_param(text);
		if (is_lacking(known, offer, promised) && known->lack != NULL)
			return known->lack;
	}
	return NULL;
}

/* As many digits as there are; what has more is over any limit. */
static uint64_t
read_size(struct span text)
{
	uint64_t	 size = 0;

	for (; text.n > 0 && isdigit((unsigned char)*text.p) &&
	    size < UINT64_MAX / 16; text = span_skip(text, 1))
		size = size * 10 + (uint64_t)(*text.p - '0');
	return size;
}

/* "SIZE 0": it says no limit (RFC 1870, 4). */
uint64_t
transaction_params_size_announced(const struct smtp_offer *offer)
{
	if (!smtp_offers(offer, SMTP_KW_SIZE))
		return 0;
	return read_size(smtp_offer_params(offer, SMTP_KW_SIZE));
}

bool
transaction_params_require_tls(struct span params)
{
	struct span	 value;

	return smtp_param_find(params, "REQUIRETLS", &value);
}

uint64_t
transaction_params_size_limit(const struct smtp_offer *offer,
    const struct conf_relay *relay)
{
	uint64_t	 limit = transaction_params_size_announced(offer);

	return limit == 0 ? relay->message_size_max : limit;
}

bool
transaction_params_size(struct span params, uint64_t *size_r)
{
	struct span	 value;

	if (!smtp_param_find(params, "SIZE", &value))
		return false;
	*size_r = read_size(value);
	return true;
}

char *
transaction_params_strip(const struct smtp_offer *offer, unsigned promised,
    struct span args, struct span params)
{
	const struct param	*known;
	struct span		 text;
	/* The parameters are the end of the argument. */
	size_t			 n = args.n - params.n;
	char			*out = malloc(args.n + 2);

	if (out == NULL)
		return NULL;
	if (params.n > 0)
		n = (size_t)(params.p - args.p);
	memcpy(out, args.p, n);
	while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\t'))
		n--;
	while (smtp_param_next(&params, &text)) {
		known = find_param(text);
		if (is_lacking(known, offer, promised) && known->lack == NULL)
			continue;
		out[n++] = ' ';
		span_copy(out + n, text);
		n += text.n;
	}
	out[n] = '\0';
	return out;
}
