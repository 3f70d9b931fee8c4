/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a run: what it says, where it goes, when it cannot be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/devices.h"
#include "vmm/manager/pin.h"
#include "vmm/manager/record.h"

#define MIB ((uint64_t)1 << 20)
#define ID  "0123456789ab"

struct fixture {
	char data[64];
	struct manager mgr;
	struct run_options o;
	struct devices devices;
	struct allow_list allow;
	struct spec spec;
	struct vmdir vm;
	char path[PATH_MAX];
	struct err err;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .data = "/tmp/belljar-record.XXXXXX" };
	if (!mkdtemp(f.data))
		return -1;
	f.mgr = (struct manager){ .data = f.data, .run = f.data };
	f.o = (struct run_options){ .jail = JAIL_REQUIRED,
				    .profile = "untrusted",
				    .read_only = true,
				    .timeout = 60 };
	f.spec = (struct spec){
		.options = &f.o,
		.image_name = "img:latest",
		.image_id = "abcd",
		.cwd = "/srv",
		.cpus = 1,
		.memory = 128 * MIB,
		.log_max = 16 * MIB,
		.kernel = { .flavour = "minimal",
			    .image = "/k/vmlinux",
			    .version = "6.1" },
		.devices = &f.devices,
		.allow = &f.allow,
	};
	f.vm = (struct vmdir){ .id = ID, .name = "box", .lock = -1 };
	(void)strv_add(&f.spec.args, "python3");
	(void)strv_add(&f.spec.args, "load.py");
	(void)strv_add(&f.spec.env, "TOKEN=secret");
	(void)strv_add(&f.spec.env, "EMPTY=");
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	strv_done(&f->spec.args);
	strv_done(&f->spec.env);
	strv_done(&f->o.allow);
	return io_remove_tree(f->data, NULL);
}

static void place(struct fixture *f)
{
	assert_int_equal(record_path(&f->mgr, &f->o, ID, f->path, &f->err), 0);
	f->spec.record = f->path[0] ? f->path : NULL;
}

static struct json_object *get(struct json_object *o, const char *path)
{
	struct json_object *ret = NULL;

	if (json_pointer_get(o, path, &ret) < 0)
		fail_msg("no %s in %s", path, json_object_to_json_string(o));
	return ret;
}

static void has(struct json_object *o, const char *path, const char *json)
{
	const char *got = json_object_to_json_string_ext(
		get(o, path),
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (strcmp(got, json) != 0)
		fail_msg("%s is %s, not %s", path, got, json);
}

static struct json_object *written(struct fixture *f)
{
	struct json_object *o = NULL;

	assert_int_equal(json_read(f->path, 1 << 20, &o, &f->err), 0);
	return o;
}

static int begin(struct fixture *f)
{
	return record_write(&f->spec, &f->vm, 86400, NULL, &f->err);
}

static void paths_are_absolute(void **state)
{
	struct fixture *f = *state;
	char want[PATH_MAX], cwd[PATH_MAX - 16];

	place(f);
	(void)snprintf(want, sizeof(want), "%s/records/" ID ".json", f->data);
	assert_string_equal(f->path, want);
	f->o.record = "/a/b";
	place(f);
	assert_string_equal(f->path, "/a/b");
	f->o.record = "x.json";
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(want, sizeof(want), "%s/x.json", cwd);
	place(f);
	assert_string_equal(f->path, want);
	f->o.record = NULL;
	f->o.profile = NULL;
	place(f);
	assert_string_equal(f->path, "");
	/* Nothing asked for, nothing done. */
	assert_int_equal(begin(f), 0);
	assert_int_not_equal(access(want, F_OK), 0);

	static char much[PATH_MAX + 8];
	memset(much, 'x', sizeof(much) - 1);
	much[0] = '/';
	f->o.record = much;
	assert_int_equal(record_path(&f->mgr, &f->o, ID, f->path, &f->err),
			 -ENAMETOOLONG);
}

static void it_begins_without_an_end(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	place(f);
	assert_int_equal(begin(f), 0);
	AUTO_JSON struct json_object *o = written(f);
	has(o, "/version", "1");
	has(o, "/id", "\"" ID "\"");
	has(o, "/name", "\"box\"");
	has(o, "/profile", "\"untrusted\"");
	has(o, "/image/name", "\"img:latest\"");
	has(o, "/image/digest", "\"sha256:abcd\"");
	has(o, "/command", "[\"python3\",\"load.py\"]");
	has(o, "/user", "\"root\"");
	has(o, "/cwd", "\"/srv\"");
	has(o, "/env", "[\"TOKEN\",\"EMPTY\"]");
	assert_null(strstr(json_object_to_json_string(o), "secret"));
	has(o, "/read_only", "true");
	has(o, "/shares", "[]");
	has(o, "/kernel/flavour", "\"minimal\"");
	has(o, "/kernel/version", "\"6.1\"");
	has(o, "/kernel/path", "\"/k/vmlinux\"");
	has(o, "/jail/mode", "\"required\"");
	has(o, "/jail/missing", "null");
	has(o, "/network/mode", "\"user\"");
	has(o, "/network/allow", "null");
	has(o, "/limits/timeout", "60");
	has(o, "/limits/log", "16777216");
	has(o, "/limits/guest_memory", "134217728");
	has(o, "/started", "\"1970-01-02T00:00:00Z\"");
	has(o, "/finished", "null");
	has(o, "/status", "null");
	has(o, "/usage", "null");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	*strrchr(f->path, '/') = '\0';
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void it_ends_with_all_of_it(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_usage usage = {
		.cpu_usec = 5,
		.memory_peak = 6,
		.io_read = -1,
		.io_written = 0,
		.oom_kills = 1,
	};
	const struct record_end end = {
		.status = 137,
		.error = "it was killed",
		.timed_out = true,
		.missing = JAIL_LANDLOCK | JAIL_USER_NS,
		.limits_missing = "no cgroups here",
		.usage = &usage,
	};

	place(f);
	assert_int_equal(strv_add(&f->o.allow, "192.0.2.1:80"), 0);
	assert_int_equal(pin_all(&f->o.allow, &f->allow, &f->err), 0);
	assert_int_equal(begin(f), 0);
	assert_int_equal(record_write(&f->spec, &f->vm, 86400, &end, &f->err),
			 0);
	AUTO_JSON struct json_object *o = written(f);
	has(o, "/status", "137");
	has(o, "/error", "\"it was killed\"");
	has(o, "/timed_out", "true");
	has(o, "/jail/missing", "[\"user namespace\",\"landlock\"]");
	has(o, "/limits/missing", "\"no cgroups here\"");
	has(o, "/network/allow/0/addresses", "[\"192.0.2.1\"]");
	has(o, "/network/allow/0/port", "80");
	has(o, "/usage/cpu_usec", "5");
	has(o, "/usage/memory_peak", "6");
	has(o, "/usage/io_read", "null");
	has(o, "/usage/oom_kills", "1");
	has(o, "/started", "\"1970-01-02T00:00:00Z\"");
	assert_true(json_object_get_type(get(o, "/finished")) ==
		    json_type_string);
}

static void refused(struct fixture *f, int code, const char *why)
{
	assert_int_equal(begin(f), code);
	if (!strstr(f->err.msg, why) ||
	    !strstr(f->err.msg, "the record of the run cannot be written"))
		fail_msg("'%s' has not '%s'", f->err.msg, why);
}

/* A device would be replaced by a file, were it not looked at. */
static void what_cannot_be_written_is_said(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], target[PATH_MAX];

	f->o.record = "/nonexistent/x";
	place(f);
	refused(f, -ENOENT, "/nonexistent/x");
	vmdir_file(f->data, "fifo", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	f->o.record = path;
	place(f);
	refused(f, -EEXIST, "fifo' is there and not a plain file");
	f->o.record = f->data;
	place(f);
	refused(f, -EEXIST, "not a plain file");
	vmdir_file(f->data, "link", path);
	vmdir_file(f->data, "target", target);
	assert_int_equal(symlink(target, path), 0);
	f->o.record = path;
	place(f);
	refused(f, -EEXIST, "not a plain file");
	/* The directory that would be ours is a file. */
	f->o.record = NULL;
	vmdir_file(f->data, "records", path);
	assert_int_equal(io_write_file(path, "x", 1, &f->err), 0);
	place(f);
	assert_true(begin(f) < 0);
}

static void a_killed_keeper_s_is_completed(void **state)
{
	struct fixture *f = *state;

	place(f);
	AUTO_JSON struct json_object *spec = json_object_new_object();
	(void)json_object_object_add(spec, "record",
				     json_object_new_string(f->path));
	/* Not there. */
	assert_int_equal(record_repair(spec, ID, &f->err), 0);
	assert_int_not_equal(access(f->path, F_OK), 0);

	assert_int_equal(begin(f), 0);
	/* Another VM's. */
	assert_int_equal(record_repair(spec, "ffffffffffff", &f->err), 0);
	AUTO_JSON struct json_object *open = written(f);
	has(open, "/finished", "null");

	assert_int_equal(record_repair(spec, ID, &f->err), 0);
	AUTO_JSON struct json_object *o = written(f);
	has(o, "/status", "125");
	assert_non_null(strstr(json_object_get_string(get(o, "/error")),
			       "the keeper of the VM was killed"));
	assert_non_null(get(o, "/finished"));
	has(o, "/command", "[\"python3\",\"load.py\"]");

	/* One that has its end keeps it. */
	const struct record_end end = { .status = 3 };
	assert_int_equal(record_write(&f->spec, &f->vm, 0, &end, &f->err), 0);
	assert_int_equal(record_repair(spec, ID, &f->err), 0);
	AUTO_JSON struct json_object *kept = written(f);
	has(kept, "/status", "3");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(paths_are_absolute),
		T(it_begins_without_an_end),
		T(it_ends_with_all_of_it),
		T(what_cannot_be_written_is_said),
		T(a_killed_keeper_s_is_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
