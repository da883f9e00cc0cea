/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_command: see smtp_command.h.  Paths and parameters are read more
 * strictly than any server reads them, because servers disagree: Postfix takes
 * quotes and '<' for brackets around blanks wherever they stand, drops
 * comments, and lets a backslash hide the next character; others know nothing
 * of that.  What they might split in different ways is refused here.
 */
#include "base/smtp_command.h"

static const char	*verbs[SMTP_VERB_COUNT] = {
	[SMTP_UNKNOWN] = "",
	[SMTP_HELO] = "HELO",
	[SMTP_EHLO] = "EHLO",
	[SMTP_LHLO] = "LHLO",
	[SMTP_MAIL] = "MAIL",
	[SMTP_RCPT] = "RCPT",
	[SMTP_DATA] = "DATA",
	[SMTP_BDAT] = "BDAT",
	[SMTP_RSET] = "RSET",
	[SMTP_NOOP] = "NOOP",
	[SMTP_QUIT] = "QUIT",
	[SMTP_VRFY] = "VRFY",
	[SMTP_EXPN] = "EXPN",
	[SMTP_HELP] = "HELP",
	[SMTP_ETRN] = "ETRN",
	[SMTP_STARTTLS] = "STARTTLS",
	[SMTP_AUTH] = "AUTH",
	[SMTP_XCLIENT] = "XCLIENT",
	[SMTP_XFORWARD] = "XFORWARD",
	[SMTP_XREMOTEIP] = "XREMOTEIP",
	[SMTP_XSETCONTEXT] = "XSETCONTEXT",
	[SMTP_XDUMPCONTEXT] = "XDUMPCONTEXT",
};

static bool
is_control(char ch)
{
	return ((unsigned char)ch < 32) || ch == 127;
}

static bool
is_alnum(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	    (ch >= '0' && ch <= '9');
}

/* Takes the first word off *rest, which is trimmed before and after. */
static struct span
take_word(struct span *rest)
{
	struct span	 word;

	(void)span_word(rest, &word);
	*rest = span_trim(*rest);
	return word;
}

const char *
smtp_verb_text(enum smtp_verb verb)
{
	return verbs[verb];
}

static bool
is_clean(struct span text)
{
	size_t	 i;

	for (i = 0; i < text.n; i++) {
		if (is_control(text.p[i]) && text.p[i] != '\t')
			return false;
	}
	return true;
}

enum smtp_line_result
smtp_line_find(const char *buf, size_t len, size_t max,
    struct smtp_line *line_r, size_t *used_r)
{
	const char	*lf = len > 0 ? memchr(buf, '\n', len) : NULL;
	struct span	 text = { buf, 0 };
	bool		 is_bare_lf = true;

	if (lf == NULL && len < max)
		return SMTP_LINE_MORE;
	*used_r = lf == NULL ? 0 : (size_t)(lf - buf) + 1;
	if (lf == NULL || *used_r > max)
		return SMTP_LINE_TOO_LONG;
	text.n = *used_r - 1;
	if (text.n > 0 && text.p[text.n - 1] == '\r') {
		text.n--;
		is_bare_lf = false;
	}
	if (!is_clean(text))
		return SMTP_LINE_BAD;
	*line_r = (struct smtp_line){ text, is_bare_lf };
	return SMTP_LINE_DONE;
}

struct smtp_command
smtp_command_parse(struct span line)
{
	struct smtp_command	 command = { SMTP_UNKNOWN, span_trim(line),
				     span_trim(line) };
	struct span		 word = take_word(&command.args);
	int			 verb;

	for (verb = SMTP_UNKNOWN + 1; verb < SMTP_VERB_COUNT; verb++)
		if (span_caseeq(word, verbs[verb])) {
			command.verb = (enum smtp_verb)verb;
			break;
		}
	return command;
}

/* What an unquoted address may not hold (RFC 5321, 4.1.2: atext). */
static bool
is_special(char ch)
{
	return is_control(ch) || memchr(" ()<>[]:;@\\,\"", ch, 13) != NULL;
}

/* The number of ordinary bytes at the front. */
static size_t
plain_len(struct span s)
{
	size_t	 n = 0;

	while (n < s.n && !is_special(s.p[n]))
		n++;
	return n;
}

/* The length of the quoted string at the front; 0: there is none. */
static size_t
quoted_len(struct span s)
{
	size_t	 i;

	if (s.n == 0 || s.p[0] != '"')
		return 0;
	for (i = 1; i < s.n && !is_control(s.p[i]); i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\' && (++i == s.n || is_control(s.p[i])))
			return 0;
	}
	return 0;
}

/* The length of the address literal at the front, "[IPv6:2001:db8::1]"; 0:
 * there is none. */
static size_t
literal_len(struct span s)
{
	size_t	 i;

	if (s.n == 0 || s.p[0] != '[')
		return 0;
	for (i = 1; i < s.n; i++) {
		if (s.p[i] == ']')
			return i + 1;
		if (s.p[i] != ':' && is_special(s.p[i]))
			return 0;
	}
	return 0;
}

/* The length of the source route at the front, "@a,@b:", which is ignored
 * (RFC 5321, 4.1.1.3); 0: there is none. */
static size_t
route_len(struct span s)
{
	size_t	 i;

	if (s.n == 0 || s.p[0] != '@')
		return 0;
	for (i = 1; i < s.n; i++) {
		if (s.p[i] == ':')
			return i + 1;
		if (!is_alnum(s.p[i]) && memchr("@,.-_", s.p[i], 5) == NULL)
			return 0;
	}
	return 0;
}

/*
 * Reads an address at the front of s and returns its length; 0: there is none.
 * A local part is quoted as a whole or not at all, and there is one '@' behind
 * it: of "a@b@c" servers take different parts for the domain.
 */
static size_t
read_address(struct span s, struct span *domain_r)
{
	size_t		 local = quoted_len(s), n;
	struct span	 domain;

	if (local == 0)
		local = plain_len(s);
	*domain_r = (struct span){ s.p + local, 0 };
	if (local == 0 || local == s.n || s.p[local] != '@')
		return local;
	domain = span_skip(s, local + 1);
	n = literal_len(domain);
	domain.n = n > 0 ? n : plain_len(domain);
	if (domain.n == 0)
		return 0;
	*domain_r = domain;
	return local + 1 + domain.n;
}

/* Reads a path at the front of s; false: there is none. */
static bool
read_path(struct span s, struct smtp_path *path_r)
{
	bool	 has_brackets = s.n > 0 && s.p[0] == '<';
	size_t	 at = has_brackets, len;

	at += route_len(span_skip(s, at));
	len = read_address(span_skip(s, at), &path_r->domain);
	path_r->address = (struct span){ s.p + at, len };
	/* Nothing at all is the null path, but not behind a route. */
	if (len == 0 && at != 1)
		return false;
	at += len;
	if (has_brackets && (at == s.n || s.p[at++] != '>'))
		return false;
	path_r->path = (struct span){ s.p, at };
	return at == s.n || span_is_blank(s.p[at]);
}

/* True if each bracket and quotation mark that Postfix would see in the word is
 * closed in it (RFC 3461's xtext may hold them), so that the word ends for all
 * where it ends for us. */
static bool
is_closed(struct span word)
{
	char	 end = '\0';
	size_t	 i;

	for (i = 0; i < word.n; i++) {
		if (word.p[i] == '\\') {
			if (++i == word.n)
				return false;
		} else if (end != '\0' && word.p[i] == end) {
			end = '\0';
		} else if (word.p[i] == '"' || word.p[i] == '<') {
			if (end != '\0')
				return false;
			end = word.p[i] == '"' ? '"' : '>';
		}
	}
	return end == '\0';
}

/* Splits "SIZE=1" into its name and what follows the '='. */
static struct span
param_name(struct span word, struct span *value_r)
{
	struct span	 name = { word.p, 0 };

	while (name.n < word.n && word.p[name.n] != '=')
		name.n++;
	*value_r = span_skip(word, name.n + (name.n < word.n));
	return name;
}

static bool
is_same_name(struct span a, struct span b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* The last of them counts. */
static bool
find_param(struct span params, struct span name, struct span *value_r)
{
	struct span	 value;
	bool		 is_found = false;

	params = span_trim(params);
	while (params.n > 0) {
		struct span	 word = take_word(&params);

		if (!is_same_name(param_name(word, &value), name))
			continue;
		*value_r = value;
		is_found = true;
	}
	return is_found;
}

/* Of these, said twice, Postfix takes the last; of others it takes none. */
static bool
may_be_repeated(struct span name)
{
	return span_caseeq(name, "SIZE") || span_caseeq(name, "BODY") ||
	    span_caseeq(name, "SMTPUTF8") || span_caseeq(name, "AUTH");
}

/* RFC 5321, 4.1.2: esmtp-param, where the value may have any byte but blanks
 * and controls ("AUTH=<>"; UTF-8). */
static bool
is_param(struct span word)
{
	struct span	 value, name = param_name(word, &value);
	size_t		 i;

	for (i = 0; i < name.n; i++) {
		if (!is_alnum(name.p[i]) && (i == 0 || name.p[i] != '-'))
			return false;
	}
	for (i = 0; i < value.n; i++) {
		if (is_control(value.p[i]))
			return false;
	}
	return name.n > 0 && is_closed(value);
}

/* Whether all are parameters, and none is there twice that may not be. */
static bool
are_params(struct span params)
{
	struct span	 value, name;

	while (params.n > 0) {
		struct span	 word = take_word(&params);

		if (!is_param(word))
			return false;
		name = param_name(word, &value);
		if (!may_be_repeated(name) &&
		    find_param(params, name, &value))
			return false;
	}
	return true;
}

bool
smtp_path_parse(enum smtp_verb verb, struct span args,
    struct smtp_path *path_r)
{
	struct smtp_path	 path;
	const char		*word = verb == SMTP_MAIL ? "FROM:" : "TO:";
	size_t			 n = strlen(word);

	if ((verb != SMTP_MAIL && verb != SMTP_RCPT) || args.n < n ||
	    !span_caseeq((struct span){ args.p, n }, word))
		return false;
	args = span_trim(span_skip(args, n));
	if (!read_path(args, &path))
		return false;
	path.params = span_trim(span_skip(args, path.path.n));
	if (!are_params(path.params))
		return false;
	*path_r = path;
	return true;
}

bool
smtp_param_find(struct span params, const char *name, struct span *value_r)
{
	return find_param(params, span_of(name), value_r);
}

bool
smtp_param_next(struct span *params, struct span *param_r)
{
	struct span	 word, value;

	*params = span_trim(*params);
	while (params->n > 0) {
		word = take_word(params);
		if (find_param(*params, param_name(word, &value), &value))
			continue;
		*param_r = word;
		return true;
	}
	return false;
}

static bool
read_size(struct span digits, uint64_t *size_r)
{
	uint64_t	 size = 0, digit;
	size_t		 i;

	for (i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
		digit = (uint64_t)(digits.p[i] - '0');
		if (size > (UINT64_MAX / 2 - digit) / 10)
			return false;
		size = size * 10 + digit;
	}
	*size_r = size;
	return digits.n > 0;
}

bool
smtp_bdat_parse(struct span args, uint64_t *size_r, bool *is_last_r)
{
	struct span	 rest = span_trim(args), digits = take_word(&rest);
	uint64_t	 size;

	if ((rest.n > 0 && !span_caseeq(rest, "LAST")) ||
	    !read_size(digits, &size))
		return false;
	*size_r = size;
	*is_last_r = rest.n > 0;
	return true;
}

bool
smtp_is_helo_name(struct span text)
{
	size_t	 i;

	for (i = 0; i < text.n; i++) {
		if (text.p[i] < 33 || text.p[i] > 126)
			return false;
	}
	return text.n >= 1 && text.n <= 255;
}
