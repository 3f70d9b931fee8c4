/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - locks and entries of DATA/devices. */
#include "vmm/hostdev/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/hostdev/hostdev_bind.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/lib/sysfs.h"

#define ENTRY_MAX 4096
#define PAUSE_MS  20

static void place(const char *data, const char *bdf, const char *tail,
		  char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/devices/%s%s", data, bdf, tail);
}

static int set_lock(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	while (fcntl(fd, F_OFD_SETLK, &l) < 0)
		if (errno != EINTR)
			return errno == EACCES || errno == EAGAIN ? -EBUSY
								  : -errno;
	return 0;
}

/* -EBUSY when another has it and does not let go within @ms. */
static int open_lock(const char *path, unsigned ms, struct err *err)
{
	AUTO_CLOSE int fd =
		open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	int r = set_lock(fd);
	for (unsigned n = 0; r == -EBUSY && n < ms; n += PAUSE_MS) {
		(void)poll(NULL, 0, PAUSE_MS);
		r = set_lock(fd);
	}
	if (r < 0)
		return err_set(err, -r, "lock '%s'", path);
	return TAKE_FD(fd);
}

int journal_begin(const char *data, unsigned ms, struct err *err)
{
	char path[PATH_MAX];

	place(data, "", "", path);
	int r = io_mkdirs(path, 0700, err);
	if (r < 0)
		return r;
	place(data, ".lock", "", path);
	r = open_lock(path, ms, err);
	if (r == -EBUSY)
		return err_say(err, EBUSY,
			       "another belljar command has been moving "
			       "devices for %u seconds, so a driver of theirs "
			       "may hang: 'dmesg' knows more",
			       ms / 1000);
	return r;
}

int journal_lock(const char *data, const char *bdf, const char *vm,
		 struct err *err)
{
	char path[PATH_MAX];

	place(data, bdf, ".lock", path);
	AUTO_CLOSE int fd = open_lock(path, 0, err);
	if (fd < 0)
		return fd;
	if (ftruncate(fd, 0) < 0)
		return err_set(err, errno, "write '%s'", path);
	int r = io_write_full(fd, vm, strlen(vm));
	if (r < 0)
		return err_set(err, -r, "write '%s'", path);
	return TAKE_FD(fd);
}

void hostdev_owner(const char *data, const char *bdf, char *ret, size_t size)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX], text[64];

	ret[0] = '\0';
	place(data, bdf, ".lock", path);
	AUTO_CLOSE int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &l) < 0 || l.l_type == F_UNLCK)
		return;
	ssize_t n = io_pread_full(fd, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	(void)snprintf(ret, size, "%s", text[0] ? text : "(starting)");
}

void journal_stamp(const struct hostdev_sys *sys, struct journal *j)
{
	(void)sysfs_text(sys->root, j->boot, sizeof(j->boot),
			 "/proc/sys/kernel/random/boot_id");
}

bool journal_is_current(const struct hostdev_sys *sys, const struct journal *j)
{
	struct journal now;

	journal_stamp(sys, &now);
	return strcmp(now.boot, j->boot) == 0;
}

static void copy(char *to, size_t size, struct json_object *o, const char *key)
{
	(void)snprintf(to, size, "%s", json_str_or(o, key, ""));
}

int journal_read(const char *data, const char *bdf, struct journal *ret,
		 struct err *err)
{
	AUTO_JSON struct json_object *o = NULL;
	struct json_object *keep = NULL;
	struct journal j = { .keep = false };
	int64_t vendor = 0, device = 0;
	char path[PATH_MAX];

	place(data, bdf, ".json", path);
	if (access(path, F_OK) < 0)
		return -ENOENT;
	int r = json_read(path, ENTRY_MAX, &o, err);
	if (r == 0)
		r = json_get_i64(o, "vendor", &vendor, err);
	if (r == 0)
		r = json_get_i64(o, "device", &device, err);
	if (r < 0) {
		(void)err_wrap(err,
			       "the record of how %s was before ('%s') cannot "
			       "be used; bind the function by hand and remove "
			       "the file",
			       bdf, path);
		return -EINVAL;
	}
	copy(j.driver, sizeof(j.driver), o, "former_driver");
	copy(j.override, sizeof(j.override), o, "former_override");
	copy(j.vm, sizeof(j.vm), o, "vm");
	copy(j.boot, sizeof(j.boot), o, "boot");
	j.keep = json_object_object_get_ex(o, "keep", &keep) &&
		 json_object_get_boolean(keep);
	j.vendor = (uint16_t)vendor;
	j.device = (uint16_t)device;
	*ret = j;
	return 0;
}

static bool put(struct json_object *o, const char *key, struct json_object *v)
{
	return json_object_object_add(o, key, v) == 0;
}

static struct json_object *string_or_null(const char *text)
{
	return text[0] ? json_object_new_string(text) : NULL;
}

int journal_write(const char *data, const char *bdf, const struct journal *j,
		  struct err *err)
{
	AUTO_JSON struct json_object *o = json_object_new_object();
	char path[PATH_MAX];

	if (!o || !put(o, "former_driver", string_or_null(j->driver)) ||
	    !put(o, "former_override", string_or_null(j->override)) ||
	    !put(o, "vm", string_or_null(j->vm)) ||
	    !put(o, "boot", string_or_null(j->boot)) ||
	    !put(o, "keep", json_object_new_boolean(j->keep)) ||
	    !put(o, "vendor", json_object_new_int(j->vendor)) ||
	    !put(o, "device", json_object_new_int(j->device)))
		return err_set(err, ENOMEM, "record how %s was", bdf);
	const char *text =
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	if (!text)
		return err_set(err, ENOMEM, "record how %s was", bdf);
	place(data, bdf, ".json", path);
	return io_write_file(path, text, strlen(text), err);
}

void journal_remove(const char *data, const char *bdf)
{
	char path[PATH_MAX];

	place(data, bdf, ".json", path);
	(void)unlink(path);
}

/* What the death of a writer left; nobody writes, .lock is ours. */
static void remove_half(const char *data, const char *name)
{
	char path[PATH_MAX];

	place(data, name, "", path);
	(void)unlink(path);
}

int journal_each(const char *data,
		 int (*each)(const char *bdf, void *arg, struct err *err),
		 void *arg, struct err *err)
{
	char path[PATH_MAX], bdf[BDF_MAX];
	struct dirent **list = NULL;
	int r = 0;

	place(data, "", "", path);
	int n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char *dot = strstr(list[i]->d_name, ".json");
		struct err why = { 0 };
		int one = 0;

		if (dot && dot[strlen(".json")]) {
			remove_half(data, list[i]->d_name);
		} else if (dot) {
			*dot = '\0';
			if (bdf_parse(list[i]->d_name, bdf, NULL) == 0)
				one = each(bdf, arg, &why);
		}
		if (one < 0 && r == 0) {
			r = one;
			if (err)
				*err = why;
		}
		free(list[i]);
	}
	free(list);
	return r;
}
