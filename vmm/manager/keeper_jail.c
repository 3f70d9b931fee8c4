/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_jail.c - stages 1 and 2 of the companions' jail (vmm/jail/jail.c):
 * how they are born, and what the user hears of walls that this host lacks.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm/lib/json.h"
#include "vmm/lib/publish.h"
#include "vmm/manager/keeper_priv.h"

#define NET	    1
#define LOW_PORTS   1024U /* those below are root's */
#define MEMLOCK_ADD ((rlim_t)64 << 20)

static const struct run_options *options(const struct keeper *k)
{
	return k->plan->spec->options;
}

void keeper_jail_take(struct keeper *k)
{
	if (options(k)->jail != JAIL_OFF)
		jail_ids_take(&k->ids);
}

/* Only root may bind those, so belljar-net stays root until it has. */
static bool publishes_low(const struct keeper *k)
{
	const struct strv *ports = &options(k)->publish;
	struct publish p;

	for (size_t i = 0; i < ports->n; i++)
		if (publish_parse(ports->v[i], &p, NULL) == 0 &&
		    publish_host_port(&p) != 0 &&
		    publish_host_port(&p) < LOW_PORTS)
			return true;
	return false;
}

/*
 * Devices of the host reach all of the VM's memory, which is locked for them.
 * Root may lock any amount, but that right stays here.  Where we may not raise
 * the limit, devices_check_memory() has seen that it is enough.
 */
static void allow_locked(const struct keeper *k, pid_t pid)
{
	const struct spec *spec = k->plan->spec;
	rlim_t bytes = spec->memory + MEMLOCK_ADD;
	struct rlimit now;

	if (spec->devices->set.nr == 0 ||
	    prlimit(pid, RLIMIT_MEMLOCK, NULL, &now) < 0)
		return;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < bytes)
		now.rlim_max = bytes;
	now.rlim_cur = now.rlim_max;
	(void)prlimit(pid, RLIMIT_MEMLOCK, &now, NULL);
}

static int place(void *arg, pid_t pid, bool in_cgroup)
{
	if (!in_cgroup)
		keeper_cgroup_add(arg, pid);
	allow_locked(arg, pid);
	return 0;
}

int keeper_jail_prepare(struct keeper *k, unsigned companion, struct spawn *s,
			struct jail_birth *b, struct err *err)
{
	const char *mode = jail_mode_name(options(k)->jail);
	bool has_ids = k->ids.first != JAIL_NO_UID;
	int r;

	if (options(k)->jail == JAIL_OFF) {
		r = strv_add(&s->args, "--jail=%s", mode);
		return r < 0 ? err_set(err, -r, "start '%s'", s->path) : 0;
	}
	*b = (struct jail_birth){
		.cgroup = k->cgroup.fd,
		.uid = has_ids ? k->ids.first + companion : JAIL_NO_UID,
		.keep_net = companion == NET,
		.keep_user =
			companion == NET && geteuid() == 0 && publishes_low(k),
		.place = place,
		.arg = k,
	};
	s->birth = b;
	if (has_ids && geteuid() == 0)
		r = strv_add(&s->args, "--jail=%s,born,uid=%u", mode, b->uid);
	else
		r = strv_add(&s->args, "--jail=%s,born", mode);
	return r < 0 ? err_set(err, -r, "start '%s'", s->path) : 0;
}

void keeper_jail_ids(const struct keeper *k, struct jail_ids *ret)
{
	*ret = (struct jail_ids){ .first = JAIL_NO_UID, .lock = -1 };
	if (options(k)->jail != JAIL_OFF)
		jail_ids_take(ret);
}

int keeper_jail_switch(const struct keeper *k, const struct jail_ids *ids,
		       struct spawn *s, struct jail_birth *b)
{
	const char *mode = jail_mode_name(options(k)->jail);

	*b = (struct jail_birth){ .cgroup = -1, .uid = ids->first };
	if (options(k)->jail == JAIL_OFF)
		return strv_add(&s->args, "--jail=%s", mode);
	s->birth = b;
	if (ids->first != JAIL_NO_UID && geteuid() == 0)
		return strv_add(&s->args, "--jail=%s,born,uid=%u", mode,
				ids->first);
	return strv_add(&s->args, "--jail=%s,born", mode);
}

static int place_server(void *arg, pid_t pid, bool in_cgroup)
{
	if (!in_cgroup)
		keeper_cgroup_add(arg, pid);
	return 0;
}

void keeper_jail_server(struct keeper *k, struct jail_birth *b)
{
	*b = (struct jail_birth){ .cgroup = k->cgroup.fd,
				  .uid = JAIL_NO_UID,
				  .all_ids = true,
				  .place = place_server,
				  .arg = k };
}

int keeper_jail_born(struct keeper *k, const struct jail_birth *b,
		     struct err *err)
{
	if (options(k)->jail == JAIL_OFF)
		return 0;
	k->missing |= b->missing;
	if (!k->missing_errnum)
		k->missing_errnum = b->errnum;
	if (options(k)->jail == JAIL_REQUIRED)
		return jail_report(b->missing, b->errnum, JAIL_REQUIRED, err);
	return 0;
}

void keeper_jail_event(struct keeper *k, struct json_object *event)
{
	int64_t missing = 0;
	int64_t errnum = 0;

	if (json_get_i64(event, "missing", &missing, NULL) == 0)
		k->missing |= (unsigned)missing;
	if (json_get_i64(event, "errno", &errnum, NULL) == 0 &&
	    !k->missing_errnum)
		k->missing_errnum = (int)errnum;
}

void keeper_jail_note(struct keeper *k)
{
	char text[400];
	char file[32];

	for (unsigned bit = 0; bit < JAIL_WALLS; bit++) {
		if (!(k->missing & ~k->told & 1U << bit))
			continue;
		jail_sentence((enum jail_wall)(1U << bit), k->missing_errnum,
			      text, sizeof(text));
		(void)snprintf(file, sizeof(file), "no-wall-%u", bit);
		keeper_note_once(k, file, text);
	}
	k->told = k->missing;
}
