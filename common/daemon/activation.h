/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * activation: sockets that the service manager has bound already
 * (sd_listen_fds(3)), so that a restart refuses no connection.
 */
#ifndef XC_ACTIVATION_H
#define XC_ACTIVATION_H

/*
 * The listening descriptor that was handed over under that name
 * (FileDescriptorName= in the .socket unit), non-blocking and close-on-exec;
 * -1: none.  Without libsystemd always -1.
 */
int	activation_socket(const char *name);

#endif
