/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail_test.c - stages 2 and 3 of the jail, on this host's kernel: what a
 * child that was born into it and enclosed itself can still see and do.
 *
 * The child reports a number; the parent asserts.  Filters (stage 4) are not
 * for a sanitizer's build: tests/jail/escape.sh has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/jail/jail.h"
#include "vmm/lib/io.h"

/* Born and enclosed, as a monitor is; then @what, whose result comes back. */
static int inside(struct jail_birth *b, const char *file, int (*what)(void))
{
	struct jail_walls walls = {
		.asked = { JAIL_REQUIRED, true, b->uid },
		.file = file,
		.files = 64,
	};
	struct err err = { 0 };
	int pidfd = -1;
	int status;
	pid_t pid = jail_fork(b, &pidfd, &err);

	if (pid == 0) {
		if (jail_enclose(&walls, &err) < 0) {
			(void)dprintf(2, "%s\n", err.msg);
			_exit(99);
		}
		_exit(what());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(pidfd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static struct jail_birth plain(void)
{
	return (struct jail_birth){ .cgroup = -1, .uid = JAIL_NO_UID };
}

static int is_process_1(void)
{
	return getpid() == 1 && getppid() == 0 ? 0 : 1;
}

static void child_is_process_1(void **state)
{
	struct jail_birth b = plain();

	(void)state;
	assert_int_equal(inside(&b, NULL, is_process_1), 0);
	assert_int_equal(b.missing & ~(unsigned)JAIL_UID, 0);
}

static int sees_files(void)
{
	struct stat st;

	if (open("/etc/passwd", O_RDONLY) >= 0 || open("/proc", O_RDONLY) >= 0)
		return 1;
	if (open("/new", O_RDWR | O_CREAT, 0600) >= 0 ||
	    mkdir("/new", 0700) == 0)
		return 2;
	if (stat("/..", &st) < 0 || chdir("..") < 0 ||
	    open("etc/passwd", O_RDONLY) >= 0)
		return 3;
	return 0;
}

static void root_is_empty_and_read_only(void **state)
{
	struct jail_birth b = plain();

	(void)state;
	assert_int_equal(inside(&b, NULL, sees_files), 0);
}

static int sees_one_file(void)
{
	char text[16];

	if (open("/etc/passwd", O_RDONLY) >= 0 || open("/etc", O_RDONLY) >= 0)
		return 1;
	int fd = open("/etc/hosts", O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text)) <= 0)
		return 2;
	return open("/etc/hosts", O_RDWR) >= 0 ? 3 : 0;
}

static void one_file_stays_readable(void **state)
{
	struct jail_birth b = plain();

	(void)state;
	b.keep_net = true;
	assert_int_equal(inside(&b, "/etc/hosts", sees_one_file), 0);
}

static int has_rights(void)
{
	struct rlimit limit;

	if (unshare(CLONE_NEWNS) == 0 || mount("x", "/", "tmpfs", 0, NULL) == 0)
		return 1;
	if (sethostname("x", 1) == 0 || chroot("/") == 0)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ||
	    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 3;
	for (int cap = 0; cap < 40; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			return 4;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max != 64 ||
	    getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max != 0)
		return 5;
	limit.rlim_cur = limit.rlim_max = 1024;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 6 : 0;
}

static void no_right_is_left(void **state)
{
	struct jail_birth b = plain();

	(void)state;
	assert_int_equal(inside(&b, NULL, has_rights), 0);
}

/* Interfaces of the host are not there; what is, is down. */
static int has_network(void)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return s >= 0 ? 1 : 0;
}

static int reaches_loopback(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return 0;
	/* Port 0 of 0.0.0.0: refused where there is a loopback interface. */
	return connect(s, (const struct sockaddr *)&any, sizeof(any)) == 0 ||
			       errno == ECONNREFUSED
		       ? 1
		       : 0;
}

static void network_is_kept_only_when_asked(void **state)
{
	struct jail_birth b = plain();

	(void)state;
	assert_int_equal(inside(&b, NULL, reaches_loopback), 0);
	b = plain();
	b.keep_net = true;
	assert_int_equal(inside(&b, NULL, has_network), 1);
}

static int wait_for_end(void)
{
	char c;

	return (int)read(STDIN_FILENO, &c, 1);
}

/* "Uid:\t<real>" of /proc/PID/status, as the host sees it. */
static unsigned outer_uid(pid_t pid)
{
	char path[64];
	char text[4096] = "";

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(io_read_full(fd, text, sizeof(text) - 1) > 0);
	(void)close(fd);
	const char *uid = strstr(text, "\nUid:");
	assert_non_null(uid);
	return (unsigned)strtoul(uid + 5, NULL, 10);
}

static void each_has_a_user_of_its_own(void **state)
{
	struct jail_ids a;
	struct jail_ids b;
	struct err err = { 0 };
	int pidfd;

	(void)state;
	jail_ids_take(&a);
	if (a.first == JAIL_NO_UID)
		skip();
	jail_ids_take(&b);
	assert_int_not_equal(b.first, JAIL_NO_UID);
	assert_true(b.first >= a.first + JAIL_UIDS ||
		    a.first >= b.first + JAIL_UIDS);

	struct jail_birth birth = plain();
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	birth.uid = b.first;
	pid_t pid = jail_fork(&birth, &pidfd, &err);
	if (pid == 0) {
		(void)dup2(p[0], STDIN_FILENO);
		(void)close(p[1]);
		_exit(wait_for_end());
	}
	assert_true(pid > 0);
	assert_int_equal(birth.missing, 0);
	/* The ids are taken when the child runs: when it has a new pipe end. */
	while (outer_uid(pid) == geteuid())
		;
	assert_int_equal(outer_uid(pid), b.first);
	(void)close(p[1]);
	(void)close(p[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(pidfd);

	/* What is given back is the next one's. */
	uid_t was = a.first;
	jail_ids_done(&a);
	jail_ids_take(&a);
	assert_int_equal(a.first, was);
	jail_ids_done(&a);
	jail_ids_done(&b);
}

static void orphan_is_noticed(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_false(jail_orphaned(p[0]));
	assert_false(jail_orphaned(p[1]));
	(void)close(p[0]);
	assert_true(jail_orphaned(p[1]));
	(void)close(p[1]);
}

/*
 * In a user namespace whose limits say "no more namespaces": a host that
 * forbids them.  Runs as a child, because its limits stay.
 */
static int where_there_are_none(void)
{
	static const char *const limits[] = {
		"/proc/sys/user/max_user_namespaces",
		"/proc/sys/user/max_pid_namespaces",
	};
	struct jail_birth b = plain();
	struct err err = { 0 };
	char text[400];
	int pidfd;
	int status;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int fd = open(limits[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0", 1) != 1)
			return 77;
		(void)close(fd);
	}
	pid_t pid = jail_fork(&b, &pidfd, &err);
	if (pid == 0)
		_exit(getpid() != 1 ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return 1;
	if (!(b.missing & JAIL_USER_NS) || !(b.missing & JAIL_PID_NS) ||
	    b.errnum != ENOSPC)
		return 2;
	jail_sentence(JAIL_USER_NS, b.errnum, text, sizeof(text));
	if (!strstr(text, "user namespaces") || !strstr(text, "sysctl") ||
	    !strstr(text, "No space left"))
		return 3;
	if (jail_report(b.missing, b.errnum, JAIL_REQUIRED, &err) != -EPERM ||
	    !strstr(err.msg, "--jail=required"))
		return 4;
	return jail_report(0, 0, JAIL_REQUIRED, &err) == 0 ? 0 : 5;
}

static void missing_namespaces_are_named(void **state)
{
	struct jail_birth b = plain();
	struct err err = { 0 };
	int pidfd;
	int status;

	(void)state;
	pid_t pid = jail_fork(&b, &pidfd, &err);
	if (pid == 0)
		_exit(where_there_are_none());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(pidfd);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int never(void *arg, pid_t pid, bool in_cgroup)
{
	*(pid_t *)arg = pid;
	(void)in_cgroup;
	return -ENOSPC;
}

static void failed_placing_leaves_no_child(void **state)
{
	struct jail_birth b = plain();
	struct err err = { 0 };
	pid_t child = 0;
	int pidfd = -1;

	(void)state;
	b.place = never;
	b.arg = &child;
	assert_int_equal(jail_fork(&b, &pidfd, &err), -ENOSPC);
	assert_true(child > 0);
	assert_int_equal(kill(child, 0), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void options_are_read(void **state)
{
	struct jail_asked asked = JAIL_NOT_ASKED;
	struct err err = { 0 };
	char good[] = "required,born,uid=70000";
	char bad[] = "auto,uid=x";
	char other[] = "auto,color=red";
	char word[] = "maybe";

	(void)state;
	assert_int_equal(jail_parse(good, &asked, &err), 0);
	assert_int_equal(asked.mode, JAIL_REQUIRED);
	assert_true(asked.born);
	assert_int_equal(asked.uid, 70000);
	assert_int_equal(jail_parse(bad, &asked, &err), -EINVAL);
	assert_int_equal(jail_parse(other, &asked, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "color=red"));
	assert_int_equal(jail_parse(word, &asked, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "'maybe'"));
	/* On failure what was there stays. */
	assert_int_equal(asked.uid, 70000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_is_process_1),
		cmocka_unit_test(root_is_empty_and_read_only),
		cmocka_unit_test(one_file_stays_readable),
		cmocka_unit_test(no_right_is_left),
		cmocka_unit_test(network_is_kept_only_when_asked),
		cmocka_unit_test(each_has_a_user_of_its_own),
		cmocka_unit_test(orphan_is_noticed),
		cmocka_unit_test(missing_namespaces_are_named),
		cmocka_unit_test(failed_placing_leaves_no_child),
		cmocka_unit_test(options_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
