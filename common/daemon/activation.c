/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * activation: asks libsystemd, where the program was built with it; without it
 * nobody has bound anything.  Names (FileDescriptorName=) count, not numbers.
 */
#include "daemon/activation.h"

#ifdef HAVE_LIBSYSTEMD

#include <systemd/sd-daemon.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int
activation_socket(const char *name)
{
	char	**names = NULL;
	int	  i, n, flags, fd = -1;

	/* The environment is left alone: each socket is asked for by name. */
	n = sd_listen_fds_with_names(0, &names);
	for (i = 0; i < n; i++) {
		if (fd == -1 && strcmp(names[i], name) == 0)
			fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	if (fd == -1)
		return -1;
	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	return fd;
}

#else

int
activation_socket(const char *name)
{
	(void)name;
	return -1;
}

#endif
