/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * in_force: see in_force.h.  Who reads while another puts FILE.before back, or
 * confirms, may see half of either; so what was read counts only if the journal
 * has not changed meanwhile.
 */
#include "daemon/in_force.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define BOOT_FILE	"/proc/sys/kernel/random/boot_id"
#define WAIT_MAX_MS	1000
#define TRIES		5

static void
read_boot(char boot[TRIAL_BOOT_SIZE])
{
	int	 fd = open(BOOT_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t	 n = fd == -1 ? -1 : read(fd, boot, TRIAL_BOOT_SIZE - 1);

	boot[n > 0 ? n : 0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
	if (fd != -1)
		(void)close(fd);
}

struct trial_clock
in_force_clock(void)
{
	struct trial_clock	 now = {
		.real_ms = clock_ms(CLOCK_REALTIME),
		.up_ms = clock_ms(CLOCK_BOOTTIME)
	};

	read_boot(now.boot);
	return now;
}

int
in_force_wait_ms(const struct conf *conf)
{
	uint64_t	 now = clock_ms(CLOCK_BOOTTIME);

	if (conf->trial.until_ms == 0)
		return -1;
	if (now >= conf->trial.due_ms)
		return 0;
	return conf->trial.due_ms - now > WAIT_MAX_MS ? WAIT_MAX_MS :
	    (int)(conf->trial.due_ms - now);
}

/*
 * Loading
 */

static struct conf *
load_before(const char *file, struct err *err)
{
	char	 before[TRIAL_PATH_SIZE];

	return trial_before(file, before, err) == -1 ? NULL :
	    conf_load(before, err);
}

static void
put_trial(struct conf *conf, struct conf *former, const struct trial *trial,
    const struct trial_clock *now)
{
	conf->trial.former = former;
	conf->trial.until_ms = trial->until_ms;
	conf->trial.due_ms = now->up_ms + trial_left_ms(trial, now);
	(void)snprintf(conf->trial.by, sizeof conf->trial.by, "%s",
	    trial->by);
}

/* FILE cannot be loaded, for which err has the reason. */
static struct conf *
load_former_alone(const char *file, enum in_force_how how, struct err *err)
{
	struct conf	*former;

	if (how != IN_FORCE_START)
		return NULL;
	former = load_before(file, NULL);
	if (former != NULL)
		(void)err_set(&former->trial.warning,
		    "what is on trial cannot be loaded: %s", err->text);
	return former;
}

static struct conf *
load_both(const char *file, enum in_force_how how, const struct trial *trial,
    const struct trial_clock *now, struct err *err)
{
	struct conf	*conf = conf_load(file, err), *former = NULL;
	struct err	 why = { "" };

	if (conf == NULL)
		return load_former_alone(file, how, err);
	if (how != IN_FORCE_LOOK)
		former = load_before(file, &why);
	if (former == NULL && how == IN_FORCE_RELOAD) {
		conf_unref(conf);
		(void)err_set(err, "what the trial is to come back to cannot "
		    "be loaded: %s", why.text);
		return NULL;
	}
	if (former == NULL && how == IN_FORCE_START)
		(void)err_set(&conf->trial.warning, "what the trial is to "
		    "come back to cannot be loaded: %s", why.text);
	put_trial(conf, former, trial, now);
	return conf;
}

/* Whoever cannot leaves it to who can: what counts is the same. */
void
in_force_put_back(const char *file)
{
	struct trial_clock	 now = in_force_clock();
	struct trial		 trial;
	enum trial_state	 state = trial_look(file, &now, &trial, NULL);
	int			 lock;

	if (state != TRIAL_OVER && state != TRIAL_BACK)
		return;
	lock = trial_lock(file, NULL);
	if (lock < 0)
		return;
	state = trial_look(file, &now, &trial, NULL);
	if (state == TRIAL_OVER || state == TRIAL_BACK)
		(void)trial_back(file, &trial, NULL);
	trial_unlock(file, lock);
}

static struct conf *
load(const char *file, enum in_force_how how, enum trial_state state,
    const struct trial *trial, const struct trial_clock *now, struct err *err)
{
	struct err	 warning = *err;
	struct conf	*conf;

	switch (state) {
	case TRIAL_CANNOT_TELL:
		return NULL;
	case TRIAL_OVER:
		return load_before(file, err);
	case TRIAL_OPEN:
		return load_both(file, how, trial, now, err);
	case TRIAL_NONE:
	case TRIAL_BACK:
		return conf_load(file, err);
	case TRIAL_IGNORED:
		conf = conf_load(file, err);
		if (conf != NULL)
			conf->trial.warning = warning;
		return conf;
	}
	return NULL;
}

struct conf *
in_force_load(const char *file, enum in_force_how how, struct err *err)
{
	struct trial_clock	 now = in_force_clock();
	struct trial		 trial = { .until_ms = 0 }, again;
	enum trial_state	 state;
	struct err		 own = { "" };
	struct conf		*conf = NULL;
	int			 i;

	for (i = 0; i < TRIES; i++) {
		conf_unref(conf);
		now = in_force_clock();
		if (how != IN_FORCE_LOOK)
			in_force_put_back(file);
		state = trial_look(file, &now, &trial, &own);
		conf = load(file, how, state, &trial, &now, &own);
		again = trial;
		if (trial_look(file, &now, &again, NULL) == state &&
		    again.begun.real_ms == trial.begun.real_ms)
			break;
	}
	if (conf == NULL)
		(void)err_set(err, "%s", own.text);
	return conf;
}
