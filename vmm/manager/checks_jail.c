/* SPDX-License-Identifier: Apache-2.0 */
/* checks_jail.c - would a VM's processes have all their walls here?  Tried. */
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/jail/jail.h"
#include "vmm/manager/checks_jail.h"

/* In the child, as a companion does it; the walls fit into an exit status. */
static __attribute__((noreturn)) void enclose(const struct jail_birth *b)
{
	struct jail_walls walls = {
		.asked = { JAIL_AUTO, true, b->uid },
	};

	_exit(jail_enclose(&walls, NULL) < 0 ? -1 : (int)walls.missing);
}

void ask_jail(const struct manager *mgr, struct check *c)
{
	struct jail_birth birth = { .cgroup = -1 };
	struct jail_ids ids;
	struct err err = { 0 };
	char text[400] = "";
	int pidfd;
	int status = -1;

	(void)mgr;
	jail_ids_take(&ids);
	birth.uid = ids.first;
	pid_t pid = jail_fork(&birth, &pidfd, &err);
	if (pid == 0)
		enclose(&birth);
	if (pid > 0) {
		(void)waitpid(pid, &status, 0);
		(void)close(pidfd);
	}
	jail_ids_done(&ids);
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 0xff) {
		check_fact(c, CHECK_WARN, "cannot be entered here: %s",
			   pid < 0 ? err.msg : "a step failed");
		return;
	}

	unsigned missing = birth.missing | (unsigned)WEXITSTATUS(status);
	for (unsigned bit = 0; bit < JAIL_WALLS && !text[0]; bit++)
		if (missing & 1U << bit)
			jail_sentence((enum jail_wall)(1U << bit), birth.errnum,
				      text, sizeof(text));
	if (missing)
		check_fact(c, CHECK_WARN, "%s", text);
	else
		check_fact(c, CHECK_OK,
			   "all walls: namespaces, a user for each VM, empty "
			   "root, landlock");
}
