/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * matrix_picture: the matrix as one file of SVG or HTML, with nothing in it
 * that is fetched from elsewhere, and no script.  All texts are escaped.
 */
#include "matrix.h"

#include <string.h>

#define CELL		26	/* of a column and a row */
#define WHO_WIDTH	330
#define PROFILE_WIDTH	120
#define WHO_MAX		46	/* characters that fit */
#define HEAD		150	/* for the names of the grants */

static const struct reach {
	const char	*colour, *text;
} reaches[] = {
	[MATRIX_NOTHING] = { "#f2f2f2", "nothing" },
	[MATRIX_SOME] = { "#9ecae1", "some values" },
	[MATRIX_PUBLIC] = { "#fdae6b", "what is public" },
	[MATRIX_ALL] = { "#d7301f", "everything" }
};

static void
print_escaped(const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			printf("&amp;");
			break;
		case '<':
			printf("&lt;");
			break;
		case '>':
			printf("&gt;");
			break;
		case '"':
			printf("&quot;");
			break;
		default:
			putchar(*text);
		}
}

static const json_t *
value_of(const json_t *row, const json_t *grant)
{
	return json_object_get(json_object_get(row, "values"),
	    json_string_value(grant));
}

/* What a pointer over the cell shows: "edge: XCLIENT ADDR: public". */
static void
print_hint(const json_t *row, const json_t *grant)
{
	const json_t	*value = value_of(row, grant);

	print_escaped(output_text_at(row, "profile"));
	printf(": ");
	print_escaped(json_string_value(grant));
	printf(": ");
	print_escaped(value == NULL ? "not granted" :
	    json_is_string(value) ? json_string_value(value) : "yes");
}

/*
 * SVG
 */

static void
svg_text(int x, int y, const char *class, const char *text, size_t max)
{
	char	 cut[WHO_MAX + 4];

	printf("<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
	if (strlen(text) > max) {
		(void)snprintf(cut, sizeof cut, "%.*s...", (int)max - 3,
		    text);
		text = cut;
	}
	print_escaped(text);
	printf("</text>\n");
}

static void
svg_row(const json_t *grants, const json_t *row, int y)
{
	const json_t	*grant;
	const char	*listener = output_text_at(row, "listener");
	char		 who[512];
	size_t		 i;

	(void)snprintf(who, sizeof who, "%s%s%s", listener,
	    *listener == '\0' ? "" : ": ", output_text_at(row, "who"));
	printf("<g><title>");
	print_escaped(who);
	printf("</title>\n");
	svg_text(10, y + 17, "who", who, WHO_MAX);
	printf("</g>\n");
	svg_text(WHO_WIDTH, y + 17, "profile", output_text_at(row, "profile"),
	    16);
	json_array_foreach(grants, i, grant) {
		printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" "
		    "height=\"%d\" rx=\"3\" fill=\"%s\"><title>",
		    WHO_WIDTH + PROFILE_WIDTH + (int)i * CELL + 1, y + 1,
		    CELL - 2, CELL - 2,
		    reaches[matrix_reach(value_of(row, grant))].colour);
		print_hint(row, grant);
		printf("</title></rect>\n");
	}
}

static void
svg_legend(int y)
{
	int	 i, x = 10;

	for (i = MATRIX_ALL; i >= MATRIX_NOTHING; i--) {
		printf("<rect x=\"%d\" y=\"%d\" width=\"16\" height=\"16\" "
		    "rx=\"3\" fill=\"%s\"/>\n", x, y, reaches[i].colour);
		svg_text(x + 22, y + 13, "who", reaches[i].text, WHO_MAX);
		x += 130;
	}
}

void
matrix_svg(const json_t *data)
{
	const json_t	*grants = json_object_get(data, "grants"), *grant;
	const json_t	*rows = json_object_get(data, "rows"), *row;
	int		 width, height, x;
	size_t		 i;

	width = WHO_WIDTH + PROFILE_WIDTH + (int)json_array_size(grants) *
	    CELL + HEAD;
	if (width < 640)
		width = 640;
	height = HEAD + (int)json_array_size(rows) * CELL + 60;
	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
	    "height=\"%d\" viewBox=\"0 0 %d %d\">\n"
	    "<title>Who may speak for whom</title>\n<style>"
	    "text{font:13px sans-serif;fill:#222}"
	    ".profile{font-weight:bold}</style>\n"
	    "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
	    width, height, width, height);
	json_array_foreach(grants, i, grant) {
		x = WHO_WIDTH + PROFILE_WIDTH + (int)i * CELL + CELL / 2 + 4;
		printf("<g transform=\"translate(%d %d) rotate(-55)\">", x,
		    HEAD - 8);
		svg_text(0, 0, "grant", json_string_value(grant), WHO_MAX);
		printf("</g>\n");
	}
	json_array_foreach(rows, i, row)
		svg_row(grants, row, HEAD + (int)i * CELL);
	svg_legend(height - 36);
	printf("</svg>\n");
}

/*
 * HTML
 */

static void
html_row(const json_t *grants, const json_t *row)
{
	static const char *const	 classes[] = { "n", "s", "p", "a" };
	static const char *const	 marks[] = { "", "some", "public",
		"all" };
	const json_t			*grant;
	enum matrix_reach		 reach;
	size_t				 i;

	printf("<tr><th scope=\"row\">");
	print_escaped(output_text_at(row, "who"));
	printf("</th><td>");
	print_escaped(output_text_at(row, "listener"));
	printf("</td><td><b>");
	print_escaped(output_text_at(row, "profile"));
	printf("</b></td>");
	json_array_foreach(grants, i, grant) {
		reach = matrix_reach(value_of(row, grant));
		printf("<td class=\"%s\" title=\"", classes[reach]);
		print_hint(row, grant);
		printf("\">%s</td>", marks[reach]);
	}
	printf("</tr>\n");
}

void
matrix_html(const json_t *data)
{
	const json_t	*grants = json_object_get(data, "grants"), *grant;
	const json_t	*rows = json_object_get(data, "rows"), *row;
	size_t		 i;

	printf("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n<meta http-equiv="
	    "\"Content-Security-Policy\" content=\"default-src 'none'; "
	    "style-src 'unsafe-inline'\">\n"
	    "<title>Who may speak for whom</title>\n<style>\n"
	    "body{font:14px sans-serif;color:#222;margin:2em}\n"
	    "table{border-collapse:collapse}\n"
	    "th,td{padding:4px 8px;border:1px solid #ddd;text-align:left}\n"
	    "thead th{vertical-align:bottom;background:#fff;position:sticky;"
	    "top:0}\n.v{writing-mode:vertical-rl;transform:rotate(180deg)}\n"
	    ".n{background:%s}\n.s{background:%s}\n.p{background:%s}\n"
	    ".a{background:%s;color:#fff}\n</style>\n</head>\n<body>\n"
	    "<h1>Who may speak for whom</h1>\n<table>\n<thead><tr>"
	    "<th>who</th><th>listener</th><th>profile</th>",
	    reaches[MATRIX_NOTHING].colour, reaches[MATRIX_SOME].colour,
	    reaches[MATRIX_PUBLIC].colour, reaches[MATRIX_ALL].colour);
	json_array_foreach(grants, i, grant) {
		printf("<th scope=\"col\"><span class=\"v\">");
		print_escaped(json_string_value(grant));
		printf("</span></th>");
	}
	printf("</tr></thead>\n<tbody>\n");
	json_array_foreach(rows, i, row)
		html_row(grants, row);
	printf("</tbody>\n</table>\n<p>all: every value; public: addresses "
	    "that nobody else has; some: the values that the cell shows under "
	    "the pointer.</p>\n</body>\n</html>\n");
}
