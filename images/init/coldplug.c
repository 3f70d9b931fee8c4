/* SPDX-License-Identifier: Apache-2.0 */
/* coldplug.c - load the modules that the machine's devices ask for. */
#include "images/init/coldplug.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images/init/insmod.h"
#include "images/init/kmsg.h"
#include "images/init/uevents.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define ROUNDS	     8 /* a device that appears behind another, behind .. */
#define MODULES_MAX  16 /* that match one device; more are left out */
#define RANKS	     3
#define NVME_WAIT    5000 /* ms until its namespaces are there */
#define CLASS_NVME   0x010802UL
#define CLASS_BRIDGE 0x06UL /* its upper byte */

static DIR *open_dir(int at, const char *path)
{
	AUTO_CLOSE int fd =
		openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)TAKE_FD(fd);
	return dir;
}

void coldplug_free(struct coldplug_device *list)
{
	while (list) {
		struct coldplug_device *next = list->next;

		modlist_done(&list->modules);
		free(list);
		list = next;
	}
}

static void auto_free_devices(struct coldplug_device **list)
{
	coldplug_free(*list);
}

unsigned coldplug_rank(const char *path)
{
	static const char fbdev[] = "kernel/drivers/video/fbdev/";

	if (strncmp(path, fbdev, sizeof(fbdev) - 1) == 0)
		return 2;
	return strncmp(path, "kernel/", 7) == 0;
}

/* Device @name of @bus, when it asks for a module and has not been asked. */
static int add_device(int devices, const char *bus, const char *name,
		      struct modlist *known, struct coldplug_device **list)
{
	char alias[2048], id[96];

	AUTO_CLOSE int dir =
		openat(devices, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 ||
	    snprintf(id, sizeof(id), "%s/%s", bus, name) >= (int)sizeof(id) ||
	    modlist_has(known, id) || faccessat(dir, "driver", F_OK, 0) == 0 ||
	    io_read_line(dir, "modalias", alias, sizeof(alias)) < 0 || !*alias)
		return 0;

	size_t len = strlen(alias) + 1;
	struct coldplug_device *d = calloc(1, sizeof(*d) + len);
	if (!d || modlist_add(known, id) < 0) {
		free(d);
		return -ENOMEM;
	}
	(void)snprintf(d->name, sizeof(d->name), "%s", id);
	memcpy(d->alias, alias, len);
	modtree_normalize(d->alias);
	d->next = *list;
	*list = d;
	return 0;
}

static int add_bus(int buses, const char *bus, struct modlist *known,
		   struct coldplug_device **list)
{
	char path[300];
	const struct dirent *e;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/devices", bus);
	AUTO_DIR DIR *dir = open_dir(buses, path);
	while (dir && r == 0 && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = add_device(dirfd(dir), bus, e->d_name, known, list);
	return r;
}

static int find_match(void *arg, const char *pattern, const char *module)
{
	struct coldplug_device *list = arg;

	for (struct coldplug_device *d = list; d; d = d->next)
		if (modtree_match(pattern, d->alias) &&
		    d->modules.n < MODULES_MAX &&
		    !modlist_has(&d->modules, module) &&
		    modlist_add(&d->modules, module) < 0)
			return -ENOMEM;
	return 0;
}

int coldplug_find(const char *sys, int tree, struct modlist *known,
		  struct coldplug_device **ret, struct err *err)
{
	__attribute__((cleanup(
		auto_free_devices))) struct coldplug_device *list = NULL;
	char path[256];
	const struct dirent *e;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/bus", sys);
	AUTO_DIR DIR *dir = opendir(path);
	if (!dir)
		return err_set(err, errno, "open '%s'", path);
	/* What a processor could use the kernel asks for when it does. */
	while (r == 0 && (e = readdir(dir)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, "cpu") != 0)
			r = add_bus(dirfd(dir), e->d_name, known, &list);
	if (r == 0 && list)
		r = modtree_aliases(tree, find_match, list);
	if (r < 0)
		return err_set(err, -r, "match devices and modules");
	*ret = TAKE_PTR(list);
	return 0;
}

static int open_device(const struct coldplug_device *d)
{
	char path[160];
	int bus = (int)strcspn(d->name, "/");

	(void)snprintf(path, sizeof(path), COLDPLUG_SYS "/bus/%.*s/devices%s",
		       bus, d->name, d->name + bus);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool has_driver(const struct coldplug_device *d)
{
	AUTO_CLOSE int dir = open_device(d);

	return dir >= 0 && faccessat(dir, "driver", F_OK, 0) == 0;
}

/* PCI class code, 24 bits; 0: not PCI. */
static unsigned long class_of(const struct coldplug_device *d)
{
	AUTO_CLOSE int dir = open_device(d);
	char text[32];

	if (strncmp(d->name, "pci/", 4) != 0 || dir < 0 ||
	    io_read_line(dir, "class", text, sizeof(text)) < 0)
		return 0;
	return strtoul(text, NULL, 16);
}

/* "nvme/nvme0/nvme0n1", or "nvme0c0n1" where there are several ways to it. */
static bool has_namespace(void *arg)
{
	AUTO_CLOSE int dir = open_device(arg);
	AUTO_DIR DIR *controllers = open_dir(dir, "nvme");
	const struct dirent *e;
	bool found = false;

	while (controllers && !found && (e = readdir(controllers))) {
		if (strncmp(e->d_name, "nvme", 4) != 0)
			continue;
		AUTO_DIR DIR *disks = open_dir(dirfd(controllers), e->d_name);

		while (disks && !found && (e = readdir(disks)))
			found = strncmp(e->d_name, "nvme", 4) == 0 &&
				strchr(e->d_name + 4, 'n');
	}
	return found;
}

/* The modules of a device by rank; what is loaded already has had its turn. */
struct turn {
	struct modlist list[MODULES_MAX]; /* files, for insmod_list */
	unsigned rank[MODULES_MAX];
};

static void take_turns(int tree, const struct coldplug_device *d,
		       struct turn *t)
{
	for (size_t i = 0; i < d->modules.n; i++) {
		char name[MODTREE_NAME_MAX];

		t->rank[i] = RANKS;
		if (insmod_loaded(d->modules.v[i]) ||
		    modtree_resolve(tree, d->modules.v[i], &t->list[i], NULL) <
			    0)
			continue;
		for (size_t k = 0; k < t->list[i].n; k++) {
			modtree_name(t->list[i].v[k], name);
			if (strcmp(name, d->modules.v[i]) == 0)
				t->rank[i] = coldplug_rank(t->list[i].v[k]);
		}
	}
}

static void turns_done(struct turn *t)
{
	for (size_t i = 0; i < MODULES_MAX; i++)
		modlist_done(&t->list[i]);
}

/* The last module of that rank that was tried, or NULL. */
static const char *load_rank(int tree, const struct coldplug_device *d,
			     const struct turn *t, unsigned rank,
			     struct warn *warn)
{
	const char *tried = NULL;
	struct err err;

	for (size_t i = 0; i < d->modules.n; i++) {
		if (t->rank[i] != rank)
			continue;
		tried = d->modules.v[i];
		if (insmod_list(tree, &t->list[i], d->modules.v[i], "", &err) <
		    0)
			warn_user(warn, "device %s: %s", d->name, err.msg);
	}
	return tried;
}

/* A bridge works without a driver; so do devices that are not PCI's. */
static bool needs_driver(const struct coldplug_device *d)
{
	unsigned long class = class_of(d);

	return class && class >> 16 != CLASS_BRIDGE && !has_driver(d);
}

static void serve(int tree, struct coldplug_device *d, struct warn *warn)
{
	__attribute__((cleanup(turns_done))) struct turn t = { 0 };
	AUTO_CLOSE int mark = kmsg_mark();
	unsigned rank = 0, said = warn->said;
	const char *tried = NULL;

	take_turns(tree, d, &t);
	while (rank < RANKS && !has_driver(d)) {
		const char *last = load_rank(tree, d, &t, rank, warn);

		tried = last ? last : tried;
		/* A vendor's: the kernel's own must not come after it. */
		rank += rank == 0 && tried ? RANKS : 1;
	}
	if (tried && warn->said == said && needs_driver(d)) {
		char why[200];

		kmsg_complaint(mark, why, sizeof(why));
		warn_user(warn,
			  "device %s: module '%s' is loaded but does not take "
			  "it%s%s",
			  d->name, tried, why[0] ? "; the kernel says: " : "",
			  why);
	}
	if (class_of(d) == CLASS_NVME && has_driver(d))
		(void)uevents_wait(has_namespace, d, NVME_WAIT);
}

int coldplug(int tree, struct warn *warn, struct err *err)
{
	AUTO_MODLIST struct modlist known = { 0 };

	for (unsigned i = 0; i < ROUNDS; i++) {
		__attribute__((cleanup(
			auto_free_devices))) struct coldplug_device *list =
			NULL;
		int r = coldplug_find(COLDPLUG_SYS, tree, &known, &list, err);

		if (r < 0 || !list)
			return r;
		for (struct coldplug_device *d = list; d; d = d->next)
			if (d->modules.n)
				serve(tree, d, warn);
	}
	return 0;
}
