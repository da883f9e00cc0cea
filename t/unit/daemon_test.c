/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * daemon_test: command lines and starts in children, sockets in a directory
 * of the test's own.
 */
#include "daemon/daemon.h"
#include "t/lib/runner.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char	 dir[64];
static char	 where[sizeof("unix:/sock") + sizeof(dir)];
static char	*path = where + 5;	/* behind "unix:" */

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "%s/daemon_test.XXXXXX", P_tmpdir);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(where, sizeof(where), "unix:%s/sock", dir);
}

static void
teardown(void)
{
	char	 command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert(system(command) == 0);
}

/* What a child wrote to stdout and stderr, and its exit status. */
struct outcome {
	char	 text[8192];
	int	 status;
};

/* Runs body in a child, with both outputs caught until they are closed. */
static void
run_child(void (*body)(void *), void *arg, struct outcome *got)
{
	int	 fds[2], status;
	pid_t	 pid;
	ssize_t	 n;
	size_t	 len = 0;

	ck_assert(pipe(fds) == 0);
	pid = fork();
	ck_assert(pid != -1);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		body(arg);
		exit(99);
	}
	close(fds[1]);
	while ((n = read(fds[0], got->text + len,
	    sizeof(got->text) - 1 - len)) > 0)
		len += (size_t)n;
	got->text[len] = '\0';
	close(fds[0]);
	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert(WIFEXITED(status));
	got->status = WEXITSTATUS(status);
}

static const struct options_row {
	const char	*name, *argv[6];
	int		 want_status;		/* 99: it returned */
	const char	*want;			/* beginning of its output */
} options_rows[] = {
	{ "none", { "p", NULL }, 99, CONF_DEFAULT_FILE " 000" },
	{ "all", { "p", "-c", "/x", "-ft", "-T", NULL }, 99, "/x 111" },
	{ "relative file", { "p", "-fc", "x", NULL }, 99, "x 100" },
	{ "relative file of a daemon", { "p", "-c", "x", NULL }, 99, "/" },
	{ "what is in force", { "p", "-R", NULL }, 99, SYSCONFDIR },
	{ "version", { "p", "-V", NULL }, 0, "prog " },
	{ "version in full", { "p", "--version", NULL }, 0, "prog " },
	{ "help", { "p", "-h", NULL }, 0, "usage: prog [-fhRTtV] [-c file]\n"
	    "\nWithout " },
	{ "help in full", { "p", "--help", NULL }, 0, "usage: prog " },
	{ "unknown in full", { "p", "--nosuch", NULL }, 64, NULL },
	{ "unknown", { "p", "-z", NULL }, 64, NULL },
	{ "missing argument", { "p", "-c", NULL }, 64, NULL },
	{ "superfluous", { "p", "x", NULL }, 64, "usage: prog " },
};

static void
read_options(void *arg)
{
	const struct options_row	*row = arg;
	struct daemon_options		 got;
	int				 argc = 0;

	while (row->argv[argc] != NULL)
		argc++;
	optind = 1;
	daemon_options(argc, (char **)(void *)row->argv, "prog", NULL,
	    &got);
	printf("%s %d%d%d\n", got.file, got.is_foreground, got.is_check,
	    got.is_print);
}

START_TEST(command_line)
{
	struct options_row	 row = options_rows[_i];
	struct outcome		 got;

	run_child(read_options, &row, &got);
	ck_assert_msg(got.status == row.want_status, "%s: got %d, %s",
	    row.name, got.status, got.text);
	ck_assert_msg(row.want == NULL ||
	    strncmp(got.text, row.want, strlen(row.want)) == 0,
	    "%s: got %s", row.name, got.text);
	if (row.want_status == 64)
		ck_assert_ptr_nonnull(strstr(got.text, "usage: prog "));
}
END_TEST

static void
write_conf(const char *text, struct daemon_options *options)
{
	static char	 file[128];
	FILE		*fp;

	snprintf(file, sizeof(file), "%s/conf", dir);
	fp = fopen(file, "w");
	ck_assert_ptr_nonnull(fp);
	fprintf(fp, "%s", text);
	ck_assert(fclose(fp) == 0);
	*options = (struct daemon_options){ .file = file };
}

static void
start(void *arg)
{
	struct conf	*conf = daemon_start(arg);

	printf("%s\n", conf->user);
	conf_unref(conf);
}

START_TEST(starts)
{
	struct daemon_options	 options;
	struct outcome		 got;
	char			 want[160];

	write_conf("user = \"who\"\n", &options);
	run_child(start, &options, &got);
	ck_assert_int_eq(got.status, 99);
	ck_assert_str_eq(got.text, "who\n");
	options.is_print = true;
	run_child(start, &options, &got);
	ck_assert_int_eq(got.status, 0);
	ck_assert_ptr_nonnull(strstr(got.text, "\nuser = \"who\"\n"));
	write_conf("user = \"\"\n", &options);
	options.is_check = true;
	run_child(start, &options, &got);
	ck_assert_int_eq(got.status, 0);
	snprintf(want, sizeof(want), "%s: ok\n", options.file);
	ck_assert_str_eq(got.text, want);
	write_conf("\nuser = {\n", &options);
	run_child(start, &options, &got);
	ck_assert_int_eq(got.status, 78);
	ck_assert_ptr_nonnull(strstr(got.text, "/conf:2: "));
}
END_TEST

static int
refuse(struct conf *conf, struct err *err)
{
	(void)conf;
	return err_set(err, "the program's own check");
}

/* -t passes nothing that cannot work. */
static const struct check_row {
	const char	*name, *text, *want;
	daemon_check_fn	*check;
} check_rows[] = {
	{ "no such user", "user = \"nosuch\"\n",
	    "/conf: user: there is no user \"nosuch\"", NULL },
	{ "root", "user = \"root\"\n", "/conf: user: \"root\" is root", NULL },
	{ "no such group", "user = \"\"\nsocket_group = \"nosuch\"\n",
	    "/conf: socket_group: there is no group \"nosuch\"", NULL },
	{ "maps over TCP", "policy {\nmaps = \"inet:127.0.0.1:9\" }\n",
	    "/conf:2: maps: \"inet:127.0.0.1:9\" is not valid", NULL },
	{ "policy over TCP", "policy {\nlisten = \"127.0.0.1:9\" }\n",
	    "/conf:2: listen: \"127.0.0.1:9\" is not valid", NULL },
	{ "no such profile", "user = \"\"\ntrust_maps = { \"static:x\" }\n",
	    "/conf:2: trust_maps: ", NULL },
	{ "the program's", "user = \"\"\n", "the program's own check",
	    refuse },
};

START_TEST(check_finds)
{
	const struct check_row	*row = &check_rows[_i];
	struct daemon_options	 options;
	struct outcome		 got;

	write_conf(row->text, &options);
	options.is_check = true;
	options.check = row->check;
	run_child(start, &options, &got);
	ck_assert_msg(got.status == 78 && strstr(got.text, row->want) != NULL,
	    "%s: got %d, \"%s\"", row->name, got.status, got.text);
}
END_TEST

/* What root can read, and the user cannot. */
START_TEST(check_as_the_user)
{
	struct daemon_options	 options;
	struct outcome		 got;
	char			 table[128], text[512];
	FILE			*fp;

	if (geteuid() != 0)
		return;
	snprintf(table, sizeof(table), "%s/table", dir);
	fp = fopen(table, "w");
	ck_assert_ptr_nonnull(fp);
	ck_assert(fclose(fp) == 0 && chmod(table, 0600) == 0 &&
	    chmod(dir, 0755) == 0);
	snprintf(text, sizeof(text), "user = \"nobody\"\n"
	    "trust_maps = { \"cidr:%s\" }\n", table);
	write_conf(text, &options);
	options.is_check = true;
	run_child(start, &options, &got);
	ck_assert_msg(got.status == 78 && strstr(got.text, "as user "
	    "\"nobody\", as at SIGHUP: ") != NULL && strstr(got.text,
	    "Permission denied") != NULL, "got %d, %s", got.status, got.text);
	ck_assert(chmod(table, 0644) == 0);
	run_child(start, &options, &got);
	ck_assert_msg(got.status == 0, "got %d, %s", got.status, got.text);
}
END_TEST

/* A daemon that is asked (-R) what is in force, at each of its stages; what it
 * left when it was killed is no answer. */
static void
ask(const char *file, int want_status, const char *want, const char *not)
{
	char			*argv[] = { "prog", "-R", "-c", "", NULL };
	struct daemon_options	 options;
	struct outcome		 got;

	argv[3] = (char *)(uintptr_t)file;
	optind = 1;
	daemon_options(4, argv, "prog", NULL, &options);
	run_child(start, &options, &got);
	ck_assert_msg(got.status == want_status && strstr(got.text, want) !=
	    NULL && (not == NULL || strstr(got.text, not) == NULL),
	    "got %d, \"%s\", want \"%s\"", got.status, got.text, want);
}

START_TEST(what_is_in_force)
{
	struct daemon_options	 options;
	struct conf		*conf;
	struct err		 err;
	char			 text[256];

	snprintf(text, sizeof(text), "runtime_directory = \"%s\"\n"
	    "user = \"who\"\n", dir);
	write_conf(text, &options);
	ask(options.file, 69, "prog does not run", NULL);
	conf = conf_load(options.file, &err);
	ck_assert_ptr_nonnull(conf);
	daemon_ready(conf);
	/* The file is another one by now. */
	snprintf(text, sizeof(text), "runtime_directory = \"%s\"\n"
	    "user = \"he\"\n", dir);
	write_conf(text, &options);
	ask(options.file, 0, "\nuser = \"who\"\n", "failed");
	ck_assert(!daemon_status().is_reload_failed);
	err_set(&err, "/x:7: no\nway");
	daemon_reload_failed(conf, &err);
	ask(options.file, 0, " failed: /x:7: no way\n", NULL);
	ask(options.file, 0, "\nuser = \"who\"\n", NULL);
	ck_assert(daemon_status().is_reload_failed);
	ck_assert_uint_eq(daemon_status().n_reloads_failed, 1);
	conf_unref(conf);
	conf = conf_load(options.file, &err);
	ck_assert_ptr_nonnull(conf);
	daemon_reloaded(conf);
	ask(options.file, 0, "\nuser = \"he\"\n", "failed");
	ck_assert(!daemon_status().is_reload_failed);
	conf_unref(conf);
	daemon_stopping();
	ask(options.file, 69, "prog does not run", NULL);
}
END_TEST

/* True if the pid file names this process. */
static bool
has_pidfile(void)
{
	char	 file[128], text[32] = "";
	FILE	*fp;

	snprintf(file, sizeof(file), "%s/prog.pid", dir);
	fp = fopen(file, "r");
	if (fp == NULL)
		return false;
	if (fgets(text, sizeof(text), fp) == NULL)
		text[0] = '\0';
	fclose(fp);
	return strtol(text, NULL, 10) == getpid();
}

/* Writes "ok" to a file of that name, or what is wrong. */
static void
report(const char *name, const char *wrong)
{
	char	 file[128];
	FILE	*fp;

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	fp = fopen(file, "w");
	if (fp == NULL)
		return;
	fputs(wrong == NULL ? "ok" : wrong, fp);
	fclose(fp);
}

static const char *
wrong_with_daemon(void)
{
	struct stat	 null, out;
	char		 cwd[32];

	if (getcwd(cwd, sizeof(cwd)) == NULL || strcmp(cwd, "/") != 0)
		return "cwd";
	if (stat("/dev/null", &null) == -1 || fstat(2, &out) == -1 ||
	    null.st_rdev != out.st_rdev)
		return "stderr";
	if (getsid(0) != getpid())
		return "session";
	return has_pidfile() ? NULL : "pidfile";
}

/* A daemon that becomes ready only after the parent could have gone. */
static void
detach_ready(void *arg)
{
	char			*argv[] = { "prog", "-c", arg, NULL };
	struct daemon_options	 options;
	struct err		 err = { "" };
	const char		*wrong;

	optind = 1;
	daemon_options(3, argv, "prog", NULL, &options);
	conf_unref(daemon_start(&options));
	if (daemon_detach(&options, &err) == -1)
		_exit(1);
	usleep(100000);
	fprintf(stderr, "still heard,");
	daemon_ready(NULL);
	wrong = wrong_with_daemon();
	daemon_stopping();
	if (wrong == NULL && has_pidfile())
		wrong = "pidfile stays";
	report("ok", wrong);
	_exit(0);
}

static void
wait_for(const char *name, const char *want)
{
	char	 file[128], got[16] = "";
	FILE	*fp;
	int	 i;

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	for (i = 0; i < 500 && strcmp(got, want) != 0; i++) {
		usleep(10000);
		fp = fopen(file, "r");
		if (fp != NULL) {
			if (fgets(got, sizeof(got), fp) == NULL)
				got[0] = '\0';
			fclose(fp);
		}
	}
	ck_assert_str_eq(got, want);
}

START_TEST(detaches)
{
	struct daemon_options	 options;
	struct outcome		 got;
	char			 text[128];

	snprintf(text, sizeof(text), "runtime_directory = \"%s\"\n", dir);
	write_conf(text, &options);
	run_child(detach_ready, (void *)(uintptr_t)options.file, &got);
	ck_assert_int_eq(got.status, 0);
	ck_assert_str_eq(got.text, "still heard,");
	wait_for("ok", "ok");
}
END_TEST

static void
detach_dies(void *arg)
{
	struct daemon_options	 options = { .file = arg };
	struct err		 err = { "" };

	daemon_detach(&options, &err);
	_exit(0);
}

START_TEST(daemon_that_dies_before_it_is_ready)
{
	struct outcome	 got;

	run_child(detach_dies, "", &got);
	ck_assert_int_ne(got.status, 0);
}
END_TEST

static void
stay(void *arg)
{
	struct daemon_options	 options = { .is_foreground = true };
	struct err		 err = { "" };
	pid_t			 pid = getpid();

	(void)arg;
	if (daemon_detach(&options, &err) == 0 && getpid() == pid)
		printf("same");
	daemon_ready(NULL);
	daemon_reloading();
	daemon_stopping();
	printf(" heard");
}

START_TEST(foreground)
{
	struct outcome	 got;

	run_child(stay, NULL, &got);
	ck_assert_str_eq(got.text, "same heard");
}
END_TEST

#ifdef HAVE_LIBSYSTEMD
static void
notify_all(void *arg)
{
	setenv("NOTIFY_SOCKET", arg, 1);
	daemon_ready(NULL);
	daemon_reloading();
	daemon_stopping();
}

START_TEST(service_manager)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	struct outcome		 got;
	char			 text[256];
	ssize_t			 n;
	int			 fd;

	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	ck_assert(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	run_child(notify_all, path, &got);
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	ck_assert_int_eq(n, 7);
	ck_assert(memcmp(text, "READY=1", 7) == 0);
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	ck_assert_int_gt(n, 26);
	ck_assert(memcmp(text, "RELOADING=1\nMONOTONIC_USEC", 26) == 0);
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	ck_assert_int_eq(n, 10);
	ck_assert(memcmp(text, "STOPPING=1", 10) == 0);
	close(fd);
}
END_TEST
#endif

static int
listen_good(const char *what, unsigned mode, const char *group)
{
	struct err	 err = { "" };
	int		 fd = daemon_listen(what, mode, group, &err);

	ck_assert_msg(fd != -1, "%s", err.text);
	ck_assert((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	ck_assert((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	return fd;
}

static void
listen_bad(const char *what, const char *group, const char *want)
{
	struct err	 err = { "" };

	ck_assert_msg(daemon_listen(what, 0660, group, &err) == -1, "%s",
	    what);
	ck_assert_msg(strstr(err.text, want) != NULL, "%s: got \"%s\", "
	    "want \"%s\"", what, err.text, want);
}

static int
connect_unix(void)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

START_TEST(modes)
{
	static const unsigned	 list[] = { 0600, 0660, 0666, 0640 };
	struct stat		 st;
	size_t			 i;
	int			 fd;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		umask(i % 2 == 0 ? 0 : 077);
		fd = listen_good(where, list[i], "");
		ck_assert(stat(path, &st) == 0);
		ck_assert(S_ISSOCK(st.st_mode));
		ck_assert_uint_eq(st.st_mode & 0777, list[i]);
		ck_assert_uint_eq(umask(022), i % 2 == 0 ? 0 : 077);
		close(fd);
	}
}
END_TEST

START_TEST(group_of_socket)
{
	const struct group	*gr = getgrnam("mail");
	struct stat		 st;
	int			 fd;

	if (geteuid() != 0 || gr == NULL)
		return;
	fd = listen_good(where, 0660, "mail");
	ck_assert(stat(path, &st) == 0);
	ck_assert_uint_eq(st.st_gid, gr->gr_gid);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	close(fd);
}
END_TEST

START_TEST(stale_and_live)
{
	int	 fd, client;

	fd = listen_good(where, 0600, NULL);
	listen_bad(where, NULL, "another process serves this socket");
	client = connect_unix();
	ck_assert(client != -1);
	close(client);
	close(fd);
	ck_assert_int_eq(connect_unix(), -1);
	fd = listen_good(where, 0600, NULL);
	client = connect_unix();
	ck_assert(client != -1);
	close(client);
	close(fd);
}
END_TEST

/* Whoever serves with another type of socket is alive, too. */
START_TEST(live_datagram_socket)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	struct stat		 st;
	int			 fd;

	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	ck_assert(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	listen_bad(where, NULL, "another process");
	ck_assert(stat(path, &st) == 0);
	close(fd);
}
END_TEST

START_TEST(not_a_socket)
{
	struct stat	 st;
	char		 target[128];
	int		 fd;

	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert(fd != -1);
	close(fd);
	listen_bad(where, NULL, "exists and is not a socket");
	ck_assert(stat(path, &st) == 0 && S_ISREG(st.st_mode));
	ck_assert(unlink(path) == 0);
	snprintf(target, sizeof(target), "%s/target", dir);
	ck_assert(symlink(target, path) == 0);
	listen_bad(where, NULL, "exists and is not a socket");
	ck_assert(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
}
END_TEST

START_TEST(bad_places)
{
	char	 text[256], longer[200];

	snprintf(text, sizeof(text), "unix:%s/no/sock", dir);
	listen_bad(text, NULL, "/no: does not exist; create it");
	snprintf(text, sizeof(text), "unix:/dev/null/sock");
	listen_bad(text, NULL, "/dev/null");
	listen_bad("unix:relative", NULL, "absolute path");
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	snprintf(text, sizeof(text), "unix:/%.150s", longer);
	listen_bad(text, NULL, "longer than 107 bytes");
	listen_bad(where, "no such group", "unknown group \"no such group\"");
	ck_assert_int_eq(access(path, F_OK), -1);
	listen_bad("inet:127.0.0.1", NULL, "expected \"unix:/path\"");
	listen_bad(":25", NULL, "expected \"unix:/path\"");
	listen_bad("inet:127.0.0.1:", NULL, "expected \"unix:/path\"");
	listen_bad("inet:192.0.2.1:9", NULL, "cannot listen");
}
END_TEST

START_TEST(inet)
{
	struct sockaddr_in	 sin = { 0 };
	socklen_t		 len = sizeof(sin);
	char			 again[64];
	int			 fd, client;

	fd = listen_good("inet:127.0.0.1:0", 0, NULL);
	ck_assert(getsockname(fd, (struct sockaddr *)&sin, &len) == 0);
	ck_assert_int_eq(sin.sin_family, AF_INET);
	client = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert(connect(client, (struct sockaddr *)&sin, len) == 0);
	snprintf(again, sizeof(again), "127.0.0.1:%u", ntohs(sin.sin_port));
	listen_bad(again, NULL, "Address already in use");
	close(client);
	close(fd);
}
END_TEST

START_TEST(inet6)
{
	struct sockaddr_in6	 sin6;
	socklen_t		 len = sizeof(sin6);
	struct err		 err = { "" };
	int			 fd = daemon_listen("[::1]:0", 0, NULL, &err);

	if (fd == -1) {		/* a host without IPv6 */
		ck_assert_ptr_nonnull(strstr(err.text, "cannot listen"));
		return;
	}
	ck_assert(getsockname(fd, (struct sockaddr *)&sin6, &len) == 0);
	ck_assert_int_eq(sin6.sin6_family, AF_INET6);
	close(fd);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("daemon");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, command_line, 0,
	    (int)(sizeof(options_rows) / sizeof(options_rows[0])));
	tcase_add_test(tc, starts);
	tcase_add_loop_test(tc, check_finds, 0,
	    (int)(sizeof(check_rows) / sizeof(check_rows[0])));
	tcase_add_test(tc, check_as_the_user);
	tcase_add_test(tc, what_is_in_force);
	tcase_add_test(tc, detaches);
	tcase_add_test(tc, daemon_that_dies_before_it_is_ready);
	tcase_add_test(tc, foreground);
#ifdef HAVE_LIBSYSTEMD
	tcase_add_test(tc, service_manager);
#endif
	tcase_add_test(tc, modes);
	tcase_add_test(tc, group_of_socket);
	tcase_add_test(tc, stale_and_live);
	tcase_add_test(tc, live_datagram_socket);
	tcase_add_test(tc, not_a_socket);
	tcase_add_test(tc, bad_places);
	tcase_add_test(tc, inet);
	tcase_add_test(tc, inet6);
	return runner_run("daemon", tc);
}
