/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * watch: see watch.h.  SIGTSTP, SIGCONT and SIGWINCH are the library's; those
 * that end a program are read from a descriptor, so that nothing of the
 * terminal is done in a handler.
 */
#include "watch.h"

#include <sys/signalfd.h>

#include <bsd/string.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "watch_private.h"

#define REFRESH_MS	1000
#define ESCAPE		27

static void
restore_terminal(void)
{
	(void)endwin();
}

static void
start_screen(void)
{
	if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1)
		ctl_die(EX_USAGE, "--watch needs a terminal");
	if (newterm(NULL, stdout, stdin) == NULL)
		ctl_die(EX_UNAVAILABLE, "the terminal is of no known type: "
		    "TERM is \"%s\"", getenv("TERM") == NULL ? "" :
		    getenv("TERM"));
	if (atexit(restore_terminal) != 0) {
		restore_terminal();
		ctl_die(EX_OSERR, "out of memory");
	}
	(void)cbreak();
	(void)noecho();
	(void)nodelay(stdscr, TRUE);
	(void)keypad(stdscr, TRUE);
	(void)set_escdelay(25);
}

/* What ends it, as a descriptor. */
static int
block_signals(sigset_t *old_r)
{
	sigset_t	 set;
	int		 fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGPIPE);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1 || sigprocmask(SIG_BLOCK, &set, old_r) != 0)
		ctl_die(EX_OSERR, "signals cannot be waited for");
	return fd;
}

static void
look(struct watch *w, watch_list_fn *list, void *arg)
{
	json_t		*rows;
	struct err	 err;

	rows = list(arg, &err);
	if (rows == NULL) {
		(void)snprintf(w->said, sizeof w->said, "as it was before: "
		    "%s", err.text);
		return;
	}
	free(w->shown);
	w->shown = NULL;
	json_decref(w->rows);
	w->rows = rows;
	watch_order(w);
}

/*
 * Keys
 */

static void
revoke_asked(struct ctl *ctl, struct watch *w)
{
	char			 what[WATCH_TEXT_SIZE + 16];
	struct store_revocation	 revocation = { .what = what };
	struct err		 err;

	(void)snprintf(what, sizeof what, "session=%s", w->asked);
	if (store_revoke(ctl_store(ctl), &revocation, &err) != 0)
		(void)snprintf(w->said, sizeof w->said, "%s is not revoked: "
		    "%s", w->asked, err.text);
	else
		(void)snprintf(w->said, sizeof w->said, "%s is revoked; "
		    "\"" CTL_PROGRAM " unrevoke\" takes that back", w->asked);
}

static void
ask_to_revoke(struct watch *w)
{
	char	 buf[32];

	if (w->n_shown == 0)
		return;
	w->question = WATCH_REVOKE;
	(void)strlcpy(w->asked, w->selected, sizeof w->asked);
	(void)snprintf(w->about, sizeof w->about, "%s",
	    watch_cell(w->shown[w->at], "peer", buf));
}

static void
order_by(struct watch *w, int step)
{
	size_t	 n = 0;

	while (w->columns[n].key != NULL)
		n++;
	w->by = (w->by + n + (size_t)step) % n;
	watch_order(w);
}

/* False: it is enough. */
static bool
take_key(struct watch *w, int key)
{
	size_t	 room = watch_screen_room();

	w->said[0] = '\0';
	if (key == 'q' || key == 'Q')
		return false;
	if (key == 'r')
		ask_to_revoke(w);
	else if (key == 'R')
		w->is_falling = !w->is_falling;
	else if (key == '<' || key == '>')
		order_by(w, key == '<' ? -1 : 1);
	else if (key == KEY_DOWN || key == 'j')
		watch_select(w, w->at + 1);
	else if ((key == KEY_UP || key == 'k') && w->at > 0)
		watch_select(w, w->at - 1);
	else if (key == KEY_NPAGE)
		watch_select(w, w->at + room);
	else if (key == KEY_PPAGE)
		watch_select(w, w->at > room ? w->at - room : 0);
	else if (key == KEY_HOME)
		watch_select(w, 0);
	else if (key == KEY_END)
		watch_select(w, w->n_shown);
	else if (key == '/') {
		w->question = WATCH_FILTER;
		(void)strlcpy(w->typed, w->filter, sizeof w->typed);
	}
	return true;
}

static void
take_answer(struct ctl *ctl, struct watch *w, int key)
{
	if (key == 'y' || key == 'Y')
		revoke_asked(ctl, w);
	else
		(void)snprintf(w->said, sizeof w->said, "nothing is revoked");
	w->question = WATCH_NOTHING;
}

static void
take_text(struct watch *w, int key)
{
	size_t	 n = strlen(w->typed);

	if (key == ESCAPE || key == '\n' || key == '\r' || key == KEY_ENTER) {
		if (key != ESCAPE)
			(void)strlcpy(w->filter, w->typed, sizeof w->filter);
		w->question = WATCH_NOTHING;
	} else if (key == KEY_BACKSPACE || key == '\b' || key == 127) {
		if (n > 0)
			w->typed[n - 1] = '\0';
	} else if (key >= ' ' && key <= '~' && n + 1 < sizeof w->typed) {
		w->typed[n] = (char)key;
		w->typed[n + 1] = '\0';
	}
}

/* Takes all keys that are there; false: it is enough. */
static bool
take_keys(struct ctl *ctl, struct watch *w)
{
	int	 key;

	while ((key = getch()) != ERR) {
		if (key == KEY_RESIZE)
			continue;
		if (w->question == WATCH_REVOKE)
			take_answer(ctl, w, key);
		else if (w->question == WATCH_FILTER)
			take_text(w, key);
		else if (!take_key(w, key))
			return false;
		watch_order(w);
	}
	return true;
}

/*
 * The loop
 */

/* Waits for a key, or the time of the next look.  False: it ends, by the signal
 * that *signal_r has then, or because there is no terminal any more. */
static bool
wait_for_keys(int fd, uint64_t until_ms, int *signal_r)
{
	struct pollfd		 fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = fd, .events = POLLIN }
	};
	struct signalfd_siginfo	 info;
	uint64_t		 now = clock_ms(CLOCK_MONOTONIC);

	if (poll(fds, 2, until_ms > now ? (int)(until_ms - now) : 0) <= 0)
		return true;
	if (fds[1].revents != 0 &&
	    read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
		*signal_r = (int)info.ssi_signo;
		return false;
	}
	return (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

/* Returns the signal that has ended it; 0: none. */
static int
watch(struct ctl *ctl, struct watch *w, int fd, watch_list_fn *list,
    void *arg)
{
	uint64_t	 next = 0;
	int		 signal = 0;

	do {
		if (clock_ms(CLOCK_MONOTONIC) >= next) {
			look(w, list, arg);
			next = clock_ms(CLOCK_MONOTONIC) + REFRESH_MS;
		}
		watch_screen_draw(w);
	} while (wait_for_keys(fd, next, &signal) && take_keys(ctl, w));
	return signal;
}

int
watch_run(struct ctl *ctl, const struct output_column *columns,
    watch_list_fn *list, void *arg)
{
	struct watch	 w = { .columns = columns,
			     .rows = output_new_array() };
	sigset_t	 old;
	int		 fd, signal;

	(void)ctl_store(ctl);
	start_screen();
	fd = block_signals(&old);
	signal = watch(ctl, &w, fd, list, arg);
	restore_terminal();
	(void)close(fd);
	free(w.shown);
	json_decref(w.rows);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (signal != 0) {
		(void)sigaction(signal, &(struct sigaction){
		    .sa_handler = SIG_DFL }, NULL);
		(void)raise(signal);
	}
	return CTL_YES;
}
