/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * driver: runs a fuzz target over its corpus without a fuzzer.
 *
 * Each file goes to the target whole and cut short at every length, in memory
 * of exactly that size, so that a sanitizer sees each byte read too far.
 * Arguments are files and directories; without any, the corpus of the program's
 * own name: $XC_CORPUS/NAME for NAME_fuzz.  An empty corpus is a failure.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cuts of a longer file are taken at this many places at most. */
#define CUTS_MAX	2048

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long
run_bytes(const uint8_t *bytes, size_t n)
{
	uint8_t	*copy = malloc(n > 0 ? n : 1);

	if (copy == NULL)
		err(EXIT_FAILURE, "malloc");
	memcpy(copy, bytes, n);
	if (LLVMFuzzerTestOneInput(copy, n) != 0)
		errx(EXIT_FAILURE, "the target must return 0");
	free(copy);
	return 1;
}

static uint8_t *
read_file(const char *path, size_t *n_r)
{
	struct stat	 st;
	FILE		*in = fopen(path, "rb");
	uint8_t		*bytes;

	if (in == NULL || fstat(fileno(in), &st) == -1)
		err(EXIT_FAILURE, "%s", path);
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes == NULL)
		err(EXIT_FAILURE, "malloc");
	*n_r = fread(bytes, 1, (size_t)st.st_size, in);
	if (*n_r != (size_t)st.st_size)
		err(EXIT_FAILURE, "%s", path);
	fclose(in);
	return bytes;
}

static unsigned long
run_file(const char *path)
{
	unsigned long	 nruns = 0;
	size_t		 cut, n, step;
	uint8_t		*bytes = read_file(path, &n);

	step = n / CUTS_MAX + 1;
	for (cut = 0; cut < n; cut += step)
		nruns += run_bytes(bytes, cut);
	nruns += run_bytes(bytes, n);
	free(bytes);
	return nruns;
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static unsigned long
run_directory(const char *path)
{
	struct dirent	**entries;
	unsigned long	  nruns = 0;
	char		  file[4096];
	int		  i, n = scandir(path, &entries, is_visible, alphasort);

	if (n == -1)
		err(EXIT_FAILURE, "%s", path);
	for (i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path,
		    entries[i]->d_name);
		nruns += run_file(file);
		free(entries[i]);
	}
	free(entries);
	return nruns;
}

static unsigned long
run_path(const char *path)
{
	struct stat	 st;

	if (stat(path, &st) == -1)
		err(EXIT_FAILURE, "%s", path);
	return S_ISDIR(st.st_mode) ? run_directory(path) : run_file(path);
}

static unsigned long
run_own_corpus(const char *program)
{
	const char	*top = getenv("XC_CORPUS");
	const char	*slash = strrchr(program, '/');
	const char	*name = slash != NULL ? slash + 1 : program;
	const char	*end = strstr(name, "_fuzz");
	char		 path[4096];

	if (top == NULL || end == NULL)
		errx(EXIT_FAILURE, "usage: %s file-or-directory ...", name);
	snprintf(path, sizeof(path), "%s/%.*s", top, (int)(end - name), name);
	return run_path(path);
}

int
main(int argc, char **argv)
{
	unsigned long	 nruns = 0;
	int		 i;

	if (argc < 2)
		nruns = run_own_corpus(argv[0]);
	for (i = 1; i < argc; i++)
		nruns += run_path(argv[i]);
	if (nruns == 0)
		errx(EXIT_FAILURE, "there is no corpus");
	printf("%lu inputs\n", nruns);
	return EXIT_SUCCESS;
}
