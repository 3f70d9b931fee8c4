/* SPDX-License-Identifier: Apache-2.0 */
/* hostdev_bind.c - taking functions and giving them back, by the journal. */
#include "vmm/hostdev/hostdev_bind.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/hostdev/journal.h"
#include "vmm/hostdev/rebind.h"
#include "vmm/lib/auto.h"

#define MOVE_MS	  60000 /* drivers of large devices take their time */
#define REPAIR_MS 2000 /* of commands that have something else to do */

void hostdev_hold_close(struct hostdev_hold *hold)
{
	for (size_t i = 0; i < hold->nr; i++)
		(void)close(hold->lock[i]);
	hold->nr = 0;
}

#define AUTO_HOLD __attribute__((cleanup(hostdev_hold_close)))

static int say_owned(const struct hostdev *dev, const char *vm, struct err *err)
{
	return err_say(err, EBUSY,
		       "%s (%.80s) is used by VM %s; end that VM first "
		       "('belljar rm -f %s'), or take another",
		       dev->bdf, dev->name, vm, vm);
}

/* Carry out one entry.  It stays when that can't be done now. */
static int finish(const struct hostdev_sys *sys, const char *data,
		  const char *bdf, const struct journal *j, struct err *err)
{
	int r = rebind_back(sys, bdf, j, err);

	if (r == 0 || r == -ENODEV)
		journal_remove(data, bdf);
	return r;
}

/*
 * What a dead VM left of a function is given back; the entry of a `gpu bind`
 * stays, unless that was cut off or a reboot has undone it.
 */
static int settle(const struct hostdev_sys *sys, const char *data,
		  const char *bdf, struct err *err)
{
	struct journal j;
	struct hostdev now;
	int r = journal_read(data, bdf, &j, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (j.keep && journal_is_current(sys, &j) &&
	    hostdev_read(sys, bdf, &now, NULL) == 0 && hostdev_with_vfio(&now))
		return 0;
	return finish(sys, data, bdf, &j, err);
}

/*
 * A group belongs to one VM as a whole; so another that has a member of it is
 * in the way too.
 */
static int check_owners(const char *data, const struct hostdev_list *all,
			const struct hostdev *dev,
			const struct hostdev_set *but, struct err *err)
{
	char vm[64];

	for (size_t i = 0; i < all->nr; i++) {
		const struct hostdev *d = &all->dev[i];
		bool ours = false;

		for (size_t k = 0; but && k < but->nr; k++)
			ours = ours || strcmp(but->dev[k]->bdf, d->bdf) == 0;
		if (ours || (strcmp(d->bdf, dev->bdf) != 0 &&
			     (d->group < 0 || d->group != dev->group)))
			continue;
		hostdev_owner(data, d->bdf, vm, sizeof(vm));
		if (vm[0])
			return say_owned(d, vm, err);
	}
	return 0;
}

/* Journal, then move, unless the entry or the driver is there already. */
static int move_one(const struct hostdev_sys *sys, const char *data,
		    const struct hostdev *dev, const char *vm, bool keep,
		    struct err *err)
{
	struct journal j = { .keep = keep,
			     .vendor = dev->vendor,
			     .device = dev->device };

	if (hostdev_with_vfio(dev))
		return 0;
	int r = journal_read(data, dev->bdf, &j, err);
	if (r == -ENOENT) {
		journal_stamp(sys, &j);
		memcpy(j.driver, dev->driver, sizeof(j.driver));
		memcpy(j.override, dev->override, sizeof(j.override));
		(void)snprintf(j.vm, sizeof(j.vm), "%s", vm);
		r = journal_write(data, dev->bdf, &j, err);
	}
	return r < 0 ? r : rebind_to_vfio(sys, dev, err);
}

/* Undo move_one() for the first @nr of @set; @keep: entries of that kind. */
static void undo(const struct hostdev_sys *sys, const char *data,
		 const struct hostdev_set *set, size_t nr, bool keep)
{
	struct journal j;

	for (size_t i = 0; i < nr; i++) {
		const struct hostdev *d = set->dev[i];

		if (!hostdev_with_vfio(d) &&
		    journal_read(data, d->bdf, &j, NULL) == 0 && j.keep == keep)
			(void)finish(sys, data, d->bdf, &j, NULL);
	}
}

static int move_all(const struct hostdev_sys *sys, const char *data,
		    const struct hostdev_set *set, const char *vm, bool keep,
		    struct err *err)
{
	for (size_t i = 0; i < set->nr; i++) {
		int r = move_one(sys, data, set->dev[i], vm, keep, err);

		if (r < 0) {
			undo(sys, data, set, i + 1, keep);
			return r;
		}
	}
	return 0;
}

/* The same functions in a list that was read later. */
static int refresh(const struct hostdev_list *all, struct hostdev_set *set,
		   struct err *err)
{
	for (size_t i = 0; i < set->nr; i++) {
		set->dev[i] = hostdev_find(all, set->dev[i]->bdf, err);
		if (!set->dev[i])
			return -ENODEV;
	}
	return 0;
}

static int lock_all(const char *data, const char *vm,
		    const struct hostdev_set *set, struct hostdev_hold *hold,
		    struct err *err)
{
	char owner[64];

	for (size_t i = 0; i < set->nr; i++) {
		const struct hostdev *d = set->dev[i];
		int fd = journal_lock(data, d->bdf, vm, err);

		if (fd == -EBUSY) {
			hostdev_owner(data, d->bdf, owner, sizeof(owner));
			return say_owned(d, owner, err);
		}
		if (fd < 0)
			return fd;
		memcpy(hold->bdf[i], d->bdf, sizeof(hold->bdf[i]));
		hold->lock[i] = fd;
		hold->nr++;
	}
	return 0;
}

/* A driver that is gone is no reason not to go on. */
static int settle_all(const struct hostdev_sys *sys, const char *data,
		      const struct hostdev_set *set, struct err *err)
{
	for (size_t i = 0; i < set->nr; i++) {
		int r = settle(sys, data, set->dev[i]->bdf, err);

		if (r < 0 && r != -ENODEV)
			return r;
	}
	return 0;
}

int hostdev_take(const struct hostdev_sys *sys, const char *data,
		 const char *vm, const struct hostdev_set *set,
		 struct hostdev_hold *ret, struct err *err)
{
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };
	AUTO_HOLD struct hostdev_hold hold = { .nr = 0 };
	struct hostdev_set fresh = *set;

	AUTO_CLOSE int begun = journal_begin(data, MOVE_MS, err);
	if (begun < 0)
		return begun;
	int r = lock_all(data, vm, set, &hold, err);
	if (r == 0)
		r = settle_all(sys, data, set, err);
	if (r == 0)
		r = hostdev_list(sys, &all, err);
	if (r == 0)
		r = refresh(&all, &fresh, err);
	for (size_t i = 0; r == 0 && i < fresh.nr; i++)
		r = check_owners(data, &all, fresh.dev[i], &fresh, err);
	if (r == 0)
		r = hostdev_check(sys, &all, &fresh, err);
	if (r == 0)
		r = move_all(sys, data, &fresh, vm, false, err);
	if (r < 0)
		return r;
	*ret = hold;
	hold.nr = 0;
	return 0;
}

int hostdev_give_back(const struct hostdev_sys *sys, const char *data,
		      struct hostdev_hold *hold, struct err *err)
{
	struct journal j;
	int first = 0;

	if (hold->nr == 0)
		return 0;
	AUTO_CLOSE int begun = journal_begin(data, MOVE_MS, err);
	if (begun < 0)
		first = begun;
	for (size_t i = 0; begun >= 0 && i < hold->nr; i++) {
		struct err why = { 0 };
		int r = journal_read(data, hold->bdf[i], &j, &why);

		if (r == 0 && !j.keep)
			r = finish(sys, data, hold->bdf[i], &j, &why);
		if (r < 0 && r != -ENOENT && first == 0) {
			first = r;
			if (err)
				*err = why;
		}
	}
	hostdev_hold_close(hold);
	return first;
}

struct repair {
	const struct hostdev_sys *sys;
	const char *data;
};

static int repair_one(const char *bdf, void *arg, struct err *err)
{
	const struct repair *rep = arg;
	char vm[64];

	hostdev_owner(rep->data, bdf, vm, sizeof(vm));
	if (vm[0])
		return 0;
	return settle(rep->sys, rep->data, bdf, err);
}

int hostdev_repair(const struct hostdev_sys *sys, const char *data,
		   struct err *err)
{
	struct repair rep = { sys, data };
	char path[PATH_MAX];

	/* Nothing was ever taken: do not make the directory for that. */
	(void)snprintf(path, sizeof(path), "%s/devices", data);
	if (access(path, F_OK) < 0)
		return 0;
	AUTO_CLOSE int begun = journal_begin(data, REPAIR_MS, err);
	if (begun < 0)
		return begun == -EBUSY ? 0 : begun;
	return journal_each(data, repair_one, &rep, err);
}

int hostdev_bind(const struct hostdev_sys *sys, const char *data,
		 const struct hostdev_set *set, struct err *err)
{
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };
	struct hostdev_set fresh = *set, rest = { .nr = 0 };

	AUTO_CLOSE int begun = journal_begin(data, MOVE_MS, err);
	if (begun < 0)
		return begun;
	int r = hostdev_list(sys, &all, err);
	for (size_t i = 0; r == 0 && i < set->nr; i++)
		r = check_owners(data, &all, set->dev[i], NULL, err);
	if (r == 0)
		r = settle_all(sys, data, set, err);
	hostdev_list_done(&all);
	if (r == 0)
		r = hostdev_list(sys, &all, err);
	if (r == 0)
		r = refresh(&all, &fresh, err);
	for (size_t i = 0; r == 0 && i < fresh.nr; i++) {
		if (hostdev_with_vfio(fresh.dev[i]))
			continue;
		rest.dev[rest.nr] = fresh.dev[i];
		rest.no_reset[rest.nr++] = true;
	}
	if (r == 0)
		r = hostdev_check(sys, &all, &rest, err);
	return r < 0 ? r : move_all(sys, data, &rest, "", true, err);
}

/* @dev itself, and with it what `gpu bind` took along. */
static int unbind_one(const struct hostdev_sys *sys, const char *data,
		      const struct hostdev *d, bool asked, struct err *err)
{
	struct journal j;
	int r = journal_read(data, d->bdf, &j, err);

	if (r == 0)
		return finish(sys, data, d->bdf, &j, err);
	if (r != -ENOENT || !asked || !hostdev_with_vfio(d))
		return r == -ENOENT ? 0 : r;
	return err_say(err, EINVAL,
		       "%s (%.80s) was not given to %s by 'belljar gpu bind', "
		       "so its driver of before is not known; 'echo %s > "
		       "/sys/bus/pci/drivers/%s/unbind' frees it",
		       d->bdf, d->name, d->driver, d->bdf, d->driver);
}

int hostdev_unbind(const struct hostdev_sys *sys, const char *data,
		   const struct hostdev *dev, struct err *err)
{
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };

	AUTO_CLOSE int begun = journal_begin(data, MOVE_MS, err);
	if (begun < 0)
		return begun;
	int r = hostdev_list(sys, &all, err);
	if (r == 0)
		r = check_owners(data, &all, dev, NULL, err);
	for (size_t i = 0; r == 0 && i < all.nr; i++) {
		const struct hostdev *d = &all.dev[i];
		bool asked = strcmp(d->bdf, dev->bdf) == 0;

		if (asked || (d->group >= 0 && d->group == dev->group &&
			      hostdev_same_slot(d, dev)))
			r = unbind_one(sys, data, d, asked, err);
	}
	return r;
}
