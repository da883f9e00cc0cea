/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * matrix: who may say what, as a picture.
 *
 * Its data are an object: "grants", the names of the columns, and "rows", each
 * with "who", "profile", "listener" and "values", an object that has for each
 * grant the values, or true where there are none.
 */
#ifndef XC_CTL_MATRIX_H
#define XC_CTL_MATRIX_H

#include "output.h"

/* How much a grant is: no value is left out, the public ones, or a list. */
enum matrix_reach {
	MATRIX_NOTHING,
	MATRIX_SOME,
	MATRIX_PUBLIC,
	MATRIX_ALL
};

/* Of a value in "values"; NULL: nothing. */
enum matrix_reach	matrix_reach(const json_t *value);

void	matrix_svg(const json_t *data);
void	matrix_html(const json_t *data);

#endif
