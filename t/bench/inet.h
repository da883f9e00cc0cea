/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inet: TCP sockets and epoll sets of the benchmarks' programs.  Errors end the
 * program.
 */
#ifndef XC_T_INET_H
#define XC_T_INET_H

#include <stdint.h>

/* The number in text, a port; anything else ends the program. */
int	inet_port(const char *text);

/* A listening, non-blocking socket at 127.0.0.1. */
int	inet_listen(int port);

/* The next connection, non-blocking; -1: there is none at the moment. */
int	inet_accept(int listener);

/* A connection, which is blocking. */
int	inet_dial(const char *address, int port);

/* A non-blocking one to 127.0.0.1, which may still be under way. */
int	inet_dial_later(int port);

/* Adds fd to the set, for these events, which will bring ptr. */
void	inet_watch(int epfd, int fd, uint32_t events, void *ptr);

/* As many descriptors as can be had. */
void	inet_raise_limit(void);

#endif
