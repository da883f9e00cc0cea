/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_parse_shared: what the configuration says of the engine that several
 * hosts share.  The value itself is in no message: somebody may have written a
 * password into it.
 */
#include "conf/conf_private.h"

/* A certificate is of no use without its key, nor a key by itself. */
static int
check_pair(struct conf_reader *reader, cfg_t *cfg)
{
	cfg_opt_t	*certificate, *key;

	certificate = cfg_getopt(cfg, "shared_tls_certificate");
	key = cfg_getopt(cfg, "shared_tls_key");
	if ((*cfg_opt_getnstr(certificate, 0) == '\0') ==
	    (*cfg_opt_getnstr(key, 0) == '\0'))
		return 0;
	if (*cfg_opt_getnstr(key, 0) == '\0')
		return err_set_at(reader->err, reader->conf->file,
		    conf_line_of(reader, certificate),
		    "shared_tls_certificate: shared_tls_key is missing");
	return err_set_at(reader->err, reader->conf->file,
	    conf_line_of(reader, key),
	    "shared_tls_key: shared_tls_certificate is missing");
}

int
conf_add_shared(struct conf_reader *reader, cfg_t *cfg)
{
	cfg_opt_t	*opt = cfg_getopt(cfg, "shared");
	const char	*text = cfg_opt_getnstr(opt, 0);
	struct err	 err;

	if (*text != '\0' && shared_url_parse(span_of(text),
	    &reader->conf->shared_url, &err) == -1)
		return err_set_at(reader->err, reader->conf->file,
		    conf_line_of(reader, opt), "shared: %s", err.text);
	return check_pair(reader, cfg);
}
