/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * watch_screen: draws what is watched.  All texts are printable ASCII by now
 * (output_text): what a client chose is no command to the terminal.
 */
#include <ctype.h>
#include <ncurses.h>
#include <string.h>
#include <time.h>

#include "watch_private.h"

#define HEAD	2		/* lines above the rows */
#define FOOT	1		/* and below */
#define COLUMNS_MAX	12

size_t
watch_screen_room(void)
{
	return LINES > HEAD + FOOT ? (size_t)(LINES - HEAD - FOOT) : 1;
}

/* Cut where the screen ends, and blank from there on. */
static void
put_line(int y, const char *text)
{
	if (y < 0 || y >= LINES)
		return;
	(void)mvaddnstr(y, 0, text, COLS);
	(void)clrtoeol();
}

static void
draw_head(const struct watch *w)
{
	char		 line[sizeof w->said], now[16];
	time_t		 when = time(NULL);
	struct tm	 tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(now, sizeof now, "%H:%M:%SZ", &tm) == 0)
		now[0] = '\0';
	(void)snprintf(line, sizeof line, "%s  %zu of %zu sessions  by %s%s"
	    "%s%s", now, w->n_shown, json_array_size(w->rows),
	    w->columns[w->by].key, w->is_falling ? ", falling" : "",
	    w->filter[0] == '\0' ? "" : "  with ", w->filter);
	put_line(0, line);
}

static void
measure(const struct watch *w, size_t width[COLUMNS_MAX])
{
	char	 buf[32];
	size_t	 c, i, n;

	for (c = 0; w->columns[c].key != NULL; c++) {
		width[c] = strlen(w->columns[c].key);
		for (i = 0; i < w->n_shown; i++) {
			n = strlen(watch_cell(w->shown[i], w->columns[c].key,
			    buf));
			if (n > width[c])
				width[c] = n;
		}
		if (w->columns[c].width_max > 0 &&
		    width[c] > w->columns[c].width_max)
			width[c] = w->columns[c].width_max;
	}
}

/* Adds a cell where the cursor's column x is; returns the next one. */
static int
put_cell(int y, int x, const char *text, size_t width, attr_t attributes)
{
	if (x >= COLS)
		return x;
	(void)attron(attributes);
	(void)mvprintw(y, x, "%-*.*s", (int)width, (int)width, text);
	(void)attroff(attributes);
	if (x + (int)width < COLS)
		(void)mvaddnstr(y, x + (int)width, "  ", COLS - x -
		    (int)width);
	return x + (int)width + 2;
}

static void
draw_titles(const struct watch *w, const size_t width[COLUMNS_MAX])
{
	char	 title[32];
	size_t	 c, i;
	int	 x = 0;

	(void)attron(A_REVERSE);
	put_line(1, "");
	(void)mvhline(1, 0, ' ', COLS);
	for (c = 0; w->columns[c].key != NULL; c++) {
		(void)snprintf(title, sizeof title, "%s", w->columns[c].key);
		for (i = 0; title[i] != '\0'; i++)
			title[i] = (char)toupper((unsigned char)title[i]);
		x = put_cell(1, x, title, width[c],
		    c == w->by ? A_REVERSE | A_BOLD | A_UNDERLINE : A_REVERSE);
		(void)attron(A_REVERSE);
	}
	(void)attroff(A_REVERSE);
}

static void
draw_row(const struct watch *w, size_t n, int y,
    const size_t width[COLUMNS_MAX])
{
	attr_t	 attributes = n == w->at ? A_STANDOUT : A_NORMAL;
	char	 buf[32];
	size_t	 c;
	int	 x = 0;

	if (strncmp(watch_cell(w->shown[n], "state", buf), "refused", 7) == 0)
		attributes |= A_BOLD;
	(void)attron(attributes);
	(void)mvhline(y, 0, ' ', COLS);
	for (c = 0; w->columns[c].key != NULL; c++) {
		(void)attron(attributes);
		x = put_cell(y, x, watch_cell(w->shown[n], w->columns[c].key,
		    buf), width[c], attributes);
	}
	(void)attroff(attributes);
}

static void
draw_foot(const struct watch *w)
{
	char	 line[sizeof w->said];

	switch (w->question) {
	case WATCH_REVOKE:
		(void)snprintf(line, sizeof line, "Revoke session %s of %s? "
		    "(y/N) ", w->asked, w->about);
		break;
	case WATCH_FILTER:
		(void)snprintf(line, sizeof line, "Only with: %s", w->typed);
		break;
	case WATCH_NOTHING:
		(void)snprintf(line, sizeof line, "%s", w->said[0] != '\0' ?
		    w->said : "q quit  r revoke  / only with  < > order by  "
		    "R turn it round  up down");
		break;
	}
	put_line(LINES - 1, line);
	(void)curs_set(w->question == WATCH_NOTHING ? 0 : 1);
	if (w->question != WATCH_NOTHING)
		(void)move(LINES - 1, (int)strlen(line) < COLS ?
		    (int)strlen(line) : COLS - 1);
}

void
watch_screen_draw(struct watch *w)
{
	size_t	 width[COLUMNS_MAX], room = watch_screen_room(), i;

	if (w->at < w->top)
		w->top = w->at;
	if (w->at >= w->top + room)
		w->top = w->at - room + 1;
	if (w->top + room > w->n_shown)
		w->top = w->n_shown > room ? w->n_shown - room : 0;
	measure(w, width);
	(void)erase();
	draw_head(w);
	draw_titles(w, width);
	for (i = 0; i < room && w->top + i < w->n_shown; i++)
		draw_row(w, w->top + i, HEAD + (int)i, width);
	draw_foot(w);
	(void)refresh();
}
