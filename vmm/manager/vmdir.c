/* SPDX-License-Identifier: Apache-2.0 */
/* vmdir.c - making, finding and removing the folders of VMs. */
#include "vmm/manager/vmdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cgroup.h"
#include "vmm/manager/record.h"

#define JSON_MAX  (4U << 20)
#define REPAIR_MS 500

void vmdir_file(const char *dir, const char *file, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%s", dir, file);
}

int vmdir_new_id(char ret[VMDIR_ID_LEN + 1], struct err *err)
{
	unsigned char raw[VMDIR_ID_LEN / 2];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return err_set(err, errno, "draw a random id");
	for (size_t i = 0; i < sizeof(raw); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

/* Paths only; the lock stays with whoever has it. */
static int set_paths(const struct manager *mgr, const char *id,
		     struct vmdir *ret, struct err *err)
{
	struct vmdir vm = VMDIR_NONE;

	int a = snprintf(vm.path, sizeof(vm.path), "%s/vms/%s", mgr->data, id);
	int b = snprintf(vm.run, sizeof(vm.run), "%s/vms/%s", mgr->run, id);
	if (a >= (int)sizeof(vm.path) || b >= (int)sizeof(vm.run))
		return err_set(err, ENAMETOOLONG, "VM folder below '%s'",
			       mgr->data);
	(void)snprintf(vm.id, sizeof(vm.id), "%s", id);
	(void)snprintf(vm.name, sizeof(vm.name), "%s", id);
	*ret = vm;
	return 0;
}

static void read_name(struct vmdir *vm)
{
	char path[PATH_MAX];
	AUTO_FREE char *name = NULL;

	vmdir_file(vm->path, "name", path);
	if (io_read_file(path, sizeof(vm->name) - 1, &name, NULL) == 0 &&
	    name[0])
		(void)snprintf(vm->name, sizeof(vm->name), "%s", name);
}

/* DATA/vms/.lock, locked; making the directory when it is missing. */
static int lock_all(const struct manager *mgr, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/vms", mgr->data) >=
	    (int)sizeof(path) - 8)
		return err_set(err, ENAMETOOLONG, "store '%s'", mgr->data);
	int r = io_mkdirs(path, 0700, err);
	if (r < 0)
		return r;
	memcpy(path + strlen(path), "/.lock", sizeof("/.lock"));

	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "lock '%s'", path);
	return TAKE_FD(fd);
}

/* The VM's own lock.  -EWOULDBLOCK when its keeper lives. */
static int lock_one(const struct vmdir *vm, int flags, struct err *err)
{
	char path[PATH_MAX];

	vmdir_file(vm->path, "lock", path);
	AUTO_CLOSE int fd = open(path, flags, 0600);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, errno, "lock '%s'", path);
	return TAKE_FD(fd);
}

bool vmdir_running(const struct vmdir *vm)
{
	AUTO_CLOSE int fd = lock_one(vm, O_RDWR | O_CLOEXEC, NULL);

	return fd == -EWOULDBLOCK;
}

/*
 * The lock that is still held after the pidfd was opened proves that the pid
 * in state.json is the keeper's.
 */
int vmdir_keeper(const struct vmdir *vm, pid_t *ret, struct err *err)
{
	AUTO_JSON struct json_object *state = NULL;
	int64_t pid = 0;
	int r = vmdir_read(vm, "state.json", &state, NULL);

	if (r == 0)
		r = json_get_i64(state, "keeper", &pid, NULL);
	AUTO_CLOSE int pidfd = r < 0 ? -1 : pidfd_open((pid_t)pid, 0);
	if (!vmdir_running(vm))
		return err_say(err, ESRCH,
			       "VM '%s' has ended; 'belljar ps' lists those "
			       "that run",
			       vm->name);
	if (r < 0)
		return err_say(err, ESRCH,
			       "VM '%s' is starting; try again when it runs",
			       vm->name);
	if (pidfd < 0)
		return err_set(err, errno, "find the keeper of VM '%s'",
			       vm->name);
	*ret = (pid_t)pid;
	return TAKE_FD(pidfd);
}

static bool is_id(const char *name)
{
	return strlen(name) == VMDIR_ID_LEN &&
	       strspn(name, "0123456789abcdef") == VMDIR_ID_LEN;
}

static void free_entries(struct dirent **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

int vmdir_walk(const struct manager *mgr,
	       int (*each)(const struct vmdir *vm, void *arg), void *arg,
	       struct err *err)
{
	char path[PATH_MAX];
	struct dirent **list = NULL;

	vmdir_file(mgr->data, "vms", path);
	int n = scandir(path, &list, NULL, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0
				       : err_set(err, errno, "read '%s'", path);

	int r = 0;
	for (int i = 0; i < n && r == 0; i++) {
		struct vmdir vm;

		if (!is_id(list[i]->d_name))
			continue;
		r = set_paths(mgr, list[i]->d_name, &vm, err);
		if (r < 0)
			break;
		read_name(&vm);
		r = each(&vm, arg);
	}
	free_entries(list, n);
	return r;
}

struct taken {
	const char *name;
	struct err *err;
};

static int refuse_taken(const struct vmdir *vm, void *arg)
{
	const struct taken *t = arg;

	if (strcmp(vm->name, t->name) != 0 && strcmp(vm->id, t->name) != 0)
		return 0;
	return err_say(t->err, EEXIST,
		       "the name '%s' is taken by VM %s; remove it with "
		       "'belljar rm %s' or choose another",
		       t->name, vm->id, t->name);
}

/*
 * Whole or not at all for readers.  Without fsync(): after a power failure
 * the VM is gone anyway, and waiting for a disk would show at each start.
 */
static int write_file(const struct vmdir *vm, const char *file,
		      const char *text, size_t len, struct err *err)
{
	char path[PATH_MAX];
	char tmp[PATH_MAX];
	char name[64];

	/* The keeper and 'belljar update' may write at once, not the same. */
	(void)snprintf(name, sizeof(name), ".%s.new", file);
	vmdir_file(vm->path, file, path);
	vmdir_file(vm->path, name, tmp);
	AUTO_CLOSE int fd =
		open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "create '%s'", tmp);
	int r = io_write_full(fd, text, len);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	return r < 0 ? err_set(err, -r, "write '%s'", path) : 0;
}

static int fill(struct vmdir *vm, struct err *err)
{
	int r = io_mkdirs(vm->run, 0700, err);
	if (r < 0)
		return r;
	vm->lock = lock_one(vm, O_RDWR | O_CREAT | O_CLOEXEC, err);
	if (vm->lock < 0)
		return vm->lock;
	return write_file(vm, "name", vm->name, strlen(vm->name), err);
}

int vmdir_create(const struct manager *mgr, const char *id, const char *name,
		 struct vmdir *ret, struct err *err)
{
	struct vmdir vm = VMDIR_NONE;
	struct taken taken = { name, err };

	AUTO_CLOSE int all = lock_all(mgr, err);
	if (all < 0)
		return all;
	int r = name ? vmdir_walk(mgr, refuse_taken, &taken, err) : 0;
	if (r == 0)
		r = set_paths(mgr, id, &vm, err);
	if (r < 0)
		return r;
	if (name)
		(void)snprintf(vm.name, sizeof(vm.name), "%s", name);
	if (mkdir(vm.path, 0700) < 0)
		return err_set(err, errno, "make directory '%s'", vm.path);

	r = fill(&vm, err);
	if (r < 0) {
		(void)vmdir_remove(&vm, NULL);
		vmdir_close(&vm);
		return r;
	}
	*ret = vm;
	return 0;
}

void vmdir_close(struct vmdir *vm)
{
	if (vm->lock >= 0)
		(void)close(vm->lock);
	vm->lock = -1;
}

int vmdir_remove(const struct vmdir *vm, struct err *err)
{
	int r = io_remove_tree(vm->run, err);

	return r < 0 ? r : io_remove_tree(vm->path, err);
}

struct search {
	const char *name;
	struct vmdir *ret;
	unsigned found;
};

static int match(const struct vmdir *vm, void *arg)
{
	struct search *s = arg;

	if (strcmp(vm->name, s->name) == 0 || strcmp(vm->id, s->name) == 0) {
		*s->ret = *vm;
		s->found = 1;
		return 1;
	}
	if (strncmp(vm->id, s->name, strlen(s->name)) == 0) {
		*s->ret = *vm;
		s->found++;
	}
	return 0;
}

int vmdir_find(const struct manager *mgr, const char *name, struct vmdir *ret,
	       struct err *err)
{
	struct vmdir vm = VMDIR_NONE;
	struct search s = { name, &vm, 0 };
	int r = name[0] ? vmdir_walk(mgr, match, &s, err) : 0;

	if (r < 0)
		return r;
	if (s.found == 0)
		return err_say(
			err, ENOENT,
			"there is no VM '%s'; 'belljar ps -a' lists them",
			name);
	if (s.found > 1)
		return err_say(err, EINVAL,
			       "several VMs begin with '%s'; give more of the "
			       "id",
			       name);
	*ret = vm;
	return 0;
}

int vmdir_read(const struct vmdir *vm, const char *file,
	       struct json_object **ret, struct err *err)
{
	char path[PATH_MAX];

	vmdir_file(vm->path, file, path);
	return json_read(path, JSON_MAX, ret, err);
}

int vmdir_write(const struct vmdir *vm, const char *file,
		struct json_object *obj, struct err *err)
{
	size_t len = 0;
	const char *text = obj ? json_object_to_json_string_length(
					 obj, JSON_C_TO_STRING_PRETTY, &len)
			       : NULL;

	if (!text)
		return err_set(err, ENOMEM, "write '%s'", file);
	return write_file(vm, file, text, len, err);
}

int vmdir_drop_cgroup(const struct vmdir *vm, unsigned ms, struct err *err)
{
	const struct cgroup_sys sys = cgroup_host();
	AUTO_JSON struct json_object *o = NULL;
	char path[PATH_MAX];
	struct cgroup cg;

	vmdir_file(vm->path, VMDIR_CGROUP, path);
	if (access(path, F_OK) < 0)
		return 0;
	/* What is not whole was written when nothing had been made. */
	if (vmdir_read(vm, VMDIR_CGROUP, &o, NULL) == 0 &&
	    cgroup_from_json(&sys, o, vm->id, &cg) == 0) {
		int r = cgroup_remove(&cg, ms, err);

		cgroup_done(&cg);
		if (r < 0)
			return r;
	}
	(void)unlink(path);
	return 0;
}

/* The keeper is gone: finish what it could not. */
static int finish(const struct vmdir *vm, struct err *err)
{
	AUTO_JSON struct json_object *spec = NULL;
	AUTO_JSON struct json_object *end = NULL;
	struct json_object *rm = NULL;

	(void)io_remove_tree(vm->run, NULL);
	/* Something in it does not die: the next command tries again. */
	if (vmdir_drop_cgroup(vm, REPAIR_MS, NULL) < 0)
		return 0;
	if (vmdir_read(vm, "spec.json", &spec, NULL) < 0)
		return vmdir_remove(vm, err);
	/* A full disk or a lost directory is no reason to stop here. */
	(void)record_repair(spec, vm->id, NULL);
	(void)json_object_object_get_ex(spec, "rm", &rm);
	if (json_object_get_boolean(rm))
		return vmdir_remove(vm, err);
	if (vmdir_read(vm, "exit.json", &end, NULL) == 0)
		return 0;

	end = json_object_new_object();
	(void)json_object_object_add(end, "status",
				     json_object_new_int(EXIT_BELLJAR));
	json_put_str(end, "error", "the keeper of the VM was killed");
	return vmdir_write(vm, "exit.json", end, err);
}

static int repair(const struct vmdir *vm, void *arg)
{
	struct err *err = arg;
	AUTO_CLOSE int lock = lock_one(vm, O_RDWR | O_CREAT | O_CLOEXEC, err);

	if (lock == -EWOULDBLOCK)
		return 0;
	return lock < 0 ? lock : finish(vm, err);
}

int vmdir_repair(const struct manager *mgr, struct err *err)
{
	char path[PATH_MAX];

	/* Nothing was ever run here: do not make the store for that. */
	vmdir_file(mgr->data, "vms", path);
	if (access(path, F_OK) < 0)
		return 0;

	AUTO_CLOSE int all = lock_all(mgr, err);
	if (all < 0)
		return all;
	return vmdir_walk(mgr, repair, err, err);
}
