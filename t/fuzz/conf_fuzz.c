/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_fuzz: a file either loads, and is then printed as something that loads
 * again and prints the same; or there is an error that names the file.
 */
#include "conf/conf.h"

#include <sys/mman.h>

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Loads bytes as a file; NULL: they are none. */
static struct conf *
load(const char *bytes, size_t size)
{
	struct conf	*conf;
	struct err	 err = { "" };
	char		 file[64];
	int		 fd = memfd_create("conf", MFD_CLOEXEC);

	assert(fd != -1);
	assert(write(fd, bytes, size) == (ssize_t)size);
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	conf = conf_load(file, &err);
	close(fd);
	if (conf == NULL)
		assert(strncmp(err.text, file, strlen(file)) == 0);
	return conf;
}

static char *
printed(const struct conf *conf, size_t *size_r)
{
	char	*text = NULL;
	FILE	*out = open_memstream(&text, size_r);

	assert(out != NULL);
	conf_print(conf, out);
	assert(fclose(out) == 0 && text != NULL);
	return text;
}

/* Tables of devices never end; they are their reader's business. */
static bool
names_device(const uint8_t *data, size_t size)
{
	return memmem(data, size, "/dev", 4) != NULL ||
	    memmem(data, size, "/proc", 5) != NULL ||
	    memmem(data, size, "/sys", 4) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf	*conf;
	char		*once, *twice;
	size_t		 n, again;

	if (names_device(data, size))
		return 0;
	conf = load((const char *)data, size);
	if (conf == NULL)
		return 0;
	assert(conf->store != NULL && conf->trust != NULL);
	assert(conf->limits.connections > 0);
	once = printed(conf, &n);
	conf_unref(conf);
	conf = load(once, n);
	assert(conf != NULL);
	twice = printed(conf, &again);
	assert(n == again && memcmp(once, twice, n) == 0);
	conf_unref(conf);
	free(once);
	free(twice);
	return 0;
}
