/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail.c - theory of operation, and stage 3.
 *
 * A companion (the monitor of a VM, its network helper) handles what a hostile
 * guest sends.  The jail assumes that it loses, and that the guest then runs
 * code of its own in it: what can that code do?  Four stages take away
 * everything but what the companion needs to serve its own guest.
 *
 *  1. Descriptors.  The keeper opens whatever the VM needs (kernel, disks, KVM,
 *     sockets, functions of the host) and hands over descriptors; the companion
 *     gets no other (vmm/manager/spawn.c).  So it never needs a path.
 *
 *  2. Birth (birth.c).  It is born as process 1 of a PID namespace, into user,
 *     mount, network, IPC, UTS and cgroup namespaces of its own, in the VM's
 *     cgroup, as a user id of its own that owns nothing (ids.c).  It never has
 *     a right on the host that a later stage would have to take back.  (One
 *     exception: a network helper that must bind a port below 1024 keeps root
 *     until it has, and then goes the same way.)
 *
 *  3. Enclosure (here), when all is set up and before any thread of its own
 *     runs: the root becomes an empty, read-only directory (root.c); all
 *     capabilities go, those over its own namespaces too, for good
 *     (no_new_privs); limits become small (caps.c); landlock forbids all
 *     files, ports and signals once more, by another mechanism (landlock.c).
 *
 *  4. Filters (seccomp.c).  Each thread gives itself a seccomp filter for its
 *     role; a call that is not in it kills the process.  The filters are
 *     compiled by libseccomp when belljar is built: nothing is parsed or
 *     allocated here.  vCPUs run when every thread has its own.
 *
 * The stages do not trust each other: without the filter there would still be
 * nothing to open, without the empty root no call to open it with.  What a
 * host cannot give is named, one sentence for each, by whoever starts the VM;
 * with JAIL_REQUIRED it does not start.
 */
#include "vmm/jail/jail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vmm/jail/jail_priv.h"
#include "vmm/lib/log.h"

static const struct {
	enum jail_wall wall;
	const char *without, *how;
} sentences[] = {
	{ JAIL_USER_NS,
	  "user namespaces: who breaks out of the monitor is the user that "
	  "started it",
	  "allow them (sysctl user.max_user_namespaces, "
	  "kernel.unprivileged_userns_clone, "
	  "kernel.apparmor_restrict_unprivileged_userns)" },
	{ JAIL_PID_NS, "PID namespaces: the monitor could see other processes",
	  "start belljar as root, or allow user namespaces" },
	{ JAIL_ROOT,
	  "mount namespaces: files of the host stay in the monitor's sight",
	  "start belljar as root, or allow user namespaces" },
	{ JAIL_OTHER_NS,
	  "network, IPC, UTS and cgroup namespaces: the monitor shares the "
	  "host's",
	  "start belljar as root, or allow user namespaces" },
	{ JAIL_UID,
	  "a user id for each VM: who breaks out of the monitor is the user "
	  "that started it",
	  "give that user a range ('usermod --add-subuids 100000-165535 "
	  "--add-subgids 100000-165535 USER') and install the package uidmap" },
	{ JAIL_LANDLOCK, "landlock: one wall less around files and sockets",
	  "use a kernel with CONFIG_SECURITY_LANDLOCK and 'landlock' in its "
	  "lsm= list" },
};

void jail_sentence(enum jail_wall wall, int errnum, char *ret, size_t len)
{
	char why[64] = "";

	if (errnum)
		(void)snprintf(why, sizeof(why), " (%s)",
			       strerrordesc_np(errnum));
	for (unsigned i = 0; i < sizeof(sentences) / sizeof(*sentences); i++)
		if (sentences[i].wall == wall)
			(void)snprintf(ret, len, "this host gives no %s%s; %s",
				       sentences[i].without, why,
				       sentences[i].how);
}

int jail_report(unsigned missing, int errnum, enum jail_mode mode,
		struct err *err)
{
	char text[400];

	for (unsigned bit = 0; bit < JAIL_WALLS; bit++) {
		if (!(missing & 1U << bit))
			continue;
		jail_sentence((enum jail_wall)(1U << bit), errnum, text,
			      sizeof(text));
		if (mode == JAIL_REQUIRED)
			return err_say(err, EPERM,
				       "--jail=required: %s, or give "
				       "--jail=auto",
				       text);
		log_warn("%s", text);
	}
	return 0;
}

static bool wanted;

void jail_on(void)
{
	wanted = true;
}

bool jail_is_on(void)
{
	return wanted;
}

/* A wall did not go up. */
static int lack(struct jail_walls *w, enum jail_wall wall, int r)
{
	if (r == 0)
		return 0;
	w->missing |= wall;
	if (!w->errnum)
		w->errnum = -r;
	return w->asked.mode == JAIL_REQUIRED ? r : 0;
}

int jail_enclose(struct jail_walls *w, struct err *err)
{
	w->missing = 0;
	w->errnum = 0;
	if (w->asked.mode == JAIL_OFF)
		return 0;
	jail_on();

	int r = lack(w, JAIL_ROOT, jail_root_enter(w->file));
	if (r == 0)
		r = jail_caps_drop(w->asked.uid, err);
	if (r == 0)
		r = jail_limits_set(w->files, err);
	if (r == 0)
		r = lack(w, JAIL_LANDLOCK, jail_landlock_enter(w->file));
	if (r < 0 && w->missing)
		return jail_report(w->missing, w->errnum, JAIL_REQUIRED, err);
	return r;
}
