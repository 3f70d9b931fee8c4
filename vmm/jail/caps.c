/* SPDX-License-Identifier: Apache-2.0 */
/* caps.c - no rights, and no way to get any; small limits. */
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vmm/jail/jail.h"
#include "vmm/jail/jail_priv.h"

/* Not even root gets capabilities by being root; each bit with its lock. */
#define SECURE                                                                 \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |       \
	 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |             \
	 SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

/*
 * In a user namespace of our birth @uid is what root is outside, and no name
 * for anybody inside: EINVAL, and nothing is to be done.
 */
static int become_user(uid_t uid, struct err *err)
{
	int sig = 0;

	if (uid == JAIL_NO_UID || geteuid() != 0)
		return 0;
	(void)prctl(PR_GET_PDEATHSIG, &sig);
	if (setresgid(uid, uid, uid) < 0 && errno == EINVAL)
		return 0;
	if (setgroups(0, NULL) < 0 || setresuid(uid, uid, uid) < 0)
		return err_set(err, errno, "become user %u", uid);
	/* The kernel forgets it with the user. */
	if (prctl(PR_SET_PDEATHSIG, sig) < 0)
		return err_set(err, errno, "end with the keeper");
	return 0;
}

int jail_caps_drop(uid_t uid, struct err *err)
{
	capng_get_caps_process();
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP)) {
		capng_clear(CAPNG_SELECT_BOUNDS);
		if (capng_apply(CAPNG_SELECT_BOUNDS) < 0 ||
		    prctl(PR_SET_SECUREBITS, SECURE, 0, 0, 0) < 0)
			return err_set(err, errno, "give up capabilities");
	}
	int r = become_user(uid, err);
	if (r < 0)
		return r;
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return err_set(err, errno, "give up capabilities");
	capng_get_caps_process();
	if (capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
		return err_say(err, EPERM, "capabilities cannot be given up");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "give up privileges");
	return 0;
}

static int limit(enum __rlimit_resource what, rlim_t max, struct err *err)
{
	struct rlimit now;

	if (prlimit(0, what, NULL, &now) < 0)
		return err_set(err, errno, "read a limit");
	if (now.rlim_max < max)
		max = now.rlim_max;
	now = (struct rlimit){ max, max };
	return prlimit(0, what, &now, NULL) < 0
		       ? err_set(err, errno, "set a limit")
		       : 0;
}

int jail_limits_set(rlim_t files, struct err *err)
{
	static const enum __rlimit_resource none[] = {
		RLIMIT_CORE, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO,
		RLIMIT_LOCKS
	};
	int r = files ? limit(RLIMIT_NOFILE, files, err) : 0;

	for (unsigned i = 0; r == 0 && i < sizeof(none) / sizeof(*none); i++)
		r = limit(none[i], 0, err);
	return r;
}
