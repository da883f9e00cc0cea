/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_file: the logical lines of a table file.
 *
 * A line that starts with white space continues the one before, also across
 * comments and empty lines.  The file is read as a whole and lines are joined
 * where they stand, so that a large table costs no allocation per line.
 */
#include "table/table_private.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fingerprint.h"

#define LABEL_CUT	"..."
#define READ_MIN	16384
#define TEXT_MAX	((size_t)UINT32_MAX)

struct table_label
table_label(const char *name)
{
	struct table_label	 label;
	size_t			 room = sizeof label.text - sizeof(LABEL_CUT);

	if (strlen(name) < sizeof label.text)
		strcpy(label.text, name);
	else
		(void)snprintf(label.text, sizeof label.text, "%.*s%s",
		    (int)room, name, LABEL_CUT);
	return label;
}

static int
file_error(const struct table_file *file, struct err *err)
{
	return err_set(err, "%s: %s", table_label(file->name).text,
	    strerror(errno));
}

/* Leaves room for what is to be read, and for one NUL. */
static int
file_reserve(struct table_file *file, size_t *size, struct err *err)
{
	char	*p;

	if (*size - file->len > 1)
		return 0;
	if (*size > TEXT_MAX)
		return err_set(err, "%s: the file is too large",
		    table_label(file->name).text);
	*size = *size * 2 + READ_MIN;
	if ((p = realloc(file->text, *size)) == NULL)
		return file_error(file, err);
	file->text = p;
	return 0;
}

static int
file_read(struct table_file *file, int fd, struct err *err)
{
	struct stat	 st;
	size_t		 size;
	ssize_t		 n;

	if (fstat(fd, &st) == -1)
		return file_error(file, err);
	size = st.st_size > 0 && (uintmax_t)st.st_size < TEXT_MAX ?
	    (size_t)st.st_size + 2 : READ_MIN;
	if ((file->text = malloc(size)) == NULL)
		return file_error(file, err);
	do {
		if (file_reserve(file, &size, err) == -1)
			return -1;
		n = read(fd, file->text + file->len, size - file->len - 1);
		if (n > 0)
			file->len += (size_t)n;
	} while (n > 0 || (n == -1 && errno == EINTR));
	if (n == -1)
		return file_error(file, err);
	file->text[file->len] = '\0';
	return 0;
}

int
table_file_open_path(struct table_file *file, const struct table_source *src,
    struct err *err)
{
	int	 fd, result;

	*file = (struct table_file){ .name = src->name, .line = 1 };
	if ((file->path = strdup(src->name)) == NULL)
		return file_error(file, err);
	if ((fd = open(src->name, O_RDONLY | O_CLOEXEC)) == -1)
		return file_error(file, err);
	result = file_read(file, fd, err);
	(void)close(fd);
	if (result == 0 && src->how->skips != NULL)
		src->how->skips->fingerprint = fingerprint_add(
		    src->how->skips->fingerprint,
		    (struct span){ file->text, file->len });
	return result;
}

/* Makes one line of each rule, so that the line number counts the rules. */
static int
file_from_rules(struct table_file *file, char *list, struct err *err)
{
	struct err	 why;
	char		*token, *rule;
	size_t		 n;

	if (*list != '{' || (n = table_brace_len(list)) == 0 || list[n] != '\0')
		return err_set(err, "%s: expected {{rule}, ...}",
		    table_label(file->name).text);
	list[n - 1] = '\0';
	list++;
	/* Each rule loses two braces, hence one newline more still fits. */
	while ((token = table_brace_token(&list)) != NULL) {
		if ((rule = table_brace_strip(token, &why)) == NULL)
			return err_set(err, "%s: %s",
			    table_label(file->name).text, why.text);
		n = strlen(rule);
		memcpy(file->text + file->len, rule, n);
		file->text[file->len + n] = '\n';
		file->len += n + 1;
	}
	file->text[file->len] = '\0';
	return 0;
}

int
table_file_open(struct table_file *file, const struct table_source *src,
    struct err *err)
{
	char	*copy;
	int	 result;

	if (*src->name != '{')
		return table_file_open_path(file, src, err);
	*file = (struct table_file){ .name = src->spec, .line = 1 };
	file->text = malloc(strlen(src->name) + 1);
	if (file->text == NULL || (copy = strdup(src->name)) == NULL)
		return file_error(file, err);
	result = file_from_rules(file, copy, err);
	free(copy);
	return result;
}

void
table_file_close(struct table_file *file)
{
	free(file->path);
	free(file->text);
	*file = (struct table_file){ 0 };
}

const char *
table_file_take_name(struct table_file *file, char **path_r)
{
	*path_r = file->path;
	if (file->path != NULL)
		file->name = file->path;
	file->path = NULL;
	return file->name;
}

/* True if the physical line is empty or a comment. */
static bool
is_blank(const char *p, const char *end)
{
	while (p < end && table_isspace(*p))
		p++;
	return p == end || *p == '#';
}

/* True if a logical line cannot end before the character c. */
static bool
is_continued(int c)
{
	return c == '#' || table_isspace(c);
}

/* The next physical line without its newline; false at the end. */
static bool
next_physical(struct table_file *file, char **p_r, size_t *n_r)
{
	char	*p = file->text + file->pos, *end;
	size_t	 rest = file->len - file->pos;

	if (rest == 0)
		return false;
	end = memchr(p, '\n', rest);
	*p_r = p;
	*n_r = end == NULL ? rest : (size_t)(end - p);
	file->pos += *n_r + (end != NULL);
	file->line++;
	return true;
}

int
table_file_next(struct table_file *file, struct table_line *line_r,
    struct err *err)
{
	struct table_line	 line = { 0 };
	char			*p;
	size_t			 n;

	while (next_physical(file, &p, &n)) {
		if (memchr(p, '\0', n) != NULL)
			return err_set_at(err, table_label(file->name).text,
			    file->line - 1, "the line holds a NUL");
		if (!is_blank(p, p + n)) {
			if (line.text == NULL) {
				line.text = p;
				line.number = file->line - 1;
			} else {
				memmove(line.text + line.len, p, n);
			}
			line.len += n;
		}
		if (line.text != NULL && file->pos < file->len &&
		    !is_continued(file->text[file->pos]))
			break;
	}
	if (line.text == NULL)
		return 0;
	line.text[line.len] = '\0';
	if (table_isspace(line.text[0]))
		return err_set_at(err, table_label(file->name).text,
		    line.number, "white space at the start continues no line");
	*line_r = line;
	return 1;
}
