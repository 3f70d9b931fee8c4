/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of VMs: names, locks, and what a dead keeper leaves. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/host.h"
#include "vmm/manager/kernel.h"
#include "vmm/manager/kvm_check.h"
#include "vmm/manager/vmdir.h"
#include "vmm/manager/writable.h"

struct place {
	char data[64], run[80];
	struct manager mgr;
};

static int setup(void **state)
{
	static struct place p;

	(void)strcpy(p.data, "/tmp/belljar-vmdir.XXXXXX");
	if (!mkdtemp(p.data))
		return -1;
	(void)snprintf(p.run, sizeof(p.run), "%s/run", p.data);
	p.mgr = (struct manager){ .data = p.data, .run = p.run };
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	return io_remove_tree(p->data, NULL);
}

static void create(struct place *p, const char *name, struct vmdir *vm)
{
	char id[VMDIR_ID_LEN + 1];

	assert_int_equal(vmdir_new_id(id, NULL), 0);
	assert_int_equal(vmdir_create(&p->mgr, id, name, vm, NULL), 0);
}

static void put_spec(const struct vmdir *vm, const char *text)
{
	AUTO_JSON struct json_object *o = json_tokener_parse(text);

	assert_non_null(o);
	assert_int_equal(vmdir_write(vm, "spec.json", o, NULL), 0);
}

static bool there(const struct vmdir *vm)
{
	return access(vm->path, F_OK) == 0;
}

static void names_are_taken_once(void **state)
{
	struct place *p = *state;
	struct vmdir a, b, found;
	struct err err;

	create(p, "one", &a);
	put_spec(&a, "{}");
	assert_int_equal(vmdir_create(&p->mgr, "ffffffffffff", "one", &b, &err),
			 -EEXIST);
	assert_non_null(strstr(err.msg, "the name 'one' is taken"));
	/* An id is a name too. */
	assert_int_equal(vmdir_create(&p->mgr, "ffffffffffff", a.id, &b, &err),
			 -EEXIST);
	assert_int_equal(vmdir_find(&p->mgr, "one", &found, &err), 0);
	assert_string_equal(found.id, a.id);
	assert_int_equal(vmdir_find(&p->mgr, a.id, &found, &err), 0);
	char beginning[] = { a.id[0], a.id[1], a.id[2], '\0' };
	assert_int_equal(vmdir_find(&p->mgr, beginning, &found, &err), 0);
	assert_int_equal(vmdir_find(&p->mgr, "two", &found, &err), -ENOENT);
	assert_int_equal(vmdir_find(&p->mgr, "", &found, &err), -ENOENT);
	assert_int_equal(vmdir_remove(&a, NULL), 0);
	vmdir_close(&a);
	assert_false(there(&a));
	assert_int_equal(vmdir_create(&p->mgr, "ffffffffffff", "one", &b, &err),
			 0);
	vmdir_close(&b);
}

static void ambiguous_beginnings_are_refused(void **state)
{
	struct place *p = *state;
	struct vmdir a, b, found;
	struct err err;

	assert_int_equal(vmdir_create(&p->mgr, "aa0000000000", NULL, &a, &err),
			 0);
	assert_int_equal(vmdir_create(&p->mgr, "ab0000000000", NULL, &b, &err),
			 0);
	assert_int_equal(vmdir_find(&p->mgr, "a", &found, &err), -EINVAL);
	assert_int_equal(vmdir_find(&p->mgr, "ab", &found, &err), 0);
	assert_string_equal(found.id, b.id);
	vmdir_close(&a);
	vmdir_close(&b);
}

static void the_lock_says_who_runs(void **state)
{
	struct place *p = *state;
	struct vmdir vm;

	create(p, NULL, &vm);
	assert_true(vmdir_running(&vm));
	vmdir_close(&vm);
	assert_false(vmdir_running(&vm));
}

static void repair_leaves_the_living_alone(void **state)
{
	struct place *p = *state;
	struct vmdir vm;

	create(p, NULL, &vm);
	put_spec(&vm, "{\"rm\":true}");
	assert_int_equal(vmdir_repair(&p->mgr, NULL), 0);
	assert_true(there(&vm));
	vmdir_close(&vm);
}

static void repair_finishes_the_dead(void **state)
{
	struct place *p = *state;
	struct vmdir half, temporary, kept, ended;
	struct json_object *o = NULL;
	int64_t status = 0;

	create(p, NULL, &half);
	create(p, NULL, &temporary);
	put_spec(&temporary, "{\"rm\":true}");
	create(p, NULL, &kept);
	put_spec(&kept, "{\"rm\":false}");
	create(p, NULL, &ended);
	put_spec(&ended, "{\"rm\":false}");
	o = json_tokener_parse("{\"status\":3}");
	assert_int_equal(vmdir_write(&ended, "exit.json", o, NULL), 0);
	json_object_put(o);
	vmdir_close(&half);
	vmdir_close(&temporary);
	vmdir_close(&kept);
	vmdir_close(&ended);

	assert_int_equal(vmdir_repair(&p->mgr, NULL), 0);
	assert_false(there(&half));
	assert_false(there(&temporary));
	assert_true(access(kept.run, F_OK) < 0);
	assert_int_equal(vmdir_read(&kept, "exit.json", &o, NULL), 0);
	assert_int_equal(json_get_i64(o, "status", &status, NULL), 0);
	assert_int_equal(status, EXIT_BELLJAR);
	json_object_put(o);
	assert_int_equal(vmdir_read(&ended, "exit.json", &o, NULL), 0);
	assert_int_equal(json_get_i64(o, "status", &status, NULL), 0);
	assert_int_equal(status, 3);
	json_object_put(o);
}

static void repair_makes_no_store(void **state)
{
	struct place *p = *state;
	char path[] = "/tmp/belljar-nowhere";
	struct manager mgr = { .data = path, .run = p->run };

	assert_int_equal(vmdir_repair(&mgr, NULL), 0);
	assert_true(access(path, F_OK) < 0);
}

/* The magic number of ext4 in its superblock. */
static bool is_ext4(const char *path)
{
	uint8_t magic[2] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(io_pread_full(fd, magic, 2, 1024 + 56), 2);
	(void)close(fd);
	return magic[0] == 0x53 && magic[1] == 0xef;
}

static void layers_are_copies_of_a_template(void **state)
{
	struct place *p = *state;
	char a[96], b[96], template[96];
	struct stat st, before, after;
	struct err err;

	(void)snprintf(a, sizeof(a), "%s/a", p->data);
	(void)snprintf(b, sizeof(b), "%s/b", p->data);
	(void)snprintf(template, sizeof(template), "%s/layers/ext4-1", p->data);
	assert_int_equal(writable_create(p->data, a, &err), 0);
	assert_int_equal(stat(template, &before), 0);
	assert_int_equal(writable_create(p->data, b, &err), 0);
	assert_int_equal(stat(template, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_true(is_ext4(a) && is_ext4(b));
	assert_int_equal(stat(b, &st), 0);
	assert_int_equal(st.st_size, 10LL << 30);
	/* Sparse: less than a MiB of 10 GiB. */
	assert_true(st.st_blocks < 2048);
	assert_int_equal(writable_create(p->data, b, &err), -EEXIST);
}

static void fake_devices_are_refused(void **state)
{
	struct place *p = *state;
	char path[96];
	struct err err;

	(void)snprintf(path, sizeof(path), "%s/kvm", p->data);
	assert_int_equal(kvm_check_open(path, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "there is no"));
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(kvm_check_open(path, &err), -ENOTTY);
	assert_non_null(strstr(err.msg, "is not a KVM device"));
	assert_true(kvm_check_open("/dev/null", &err) < 0);
}

static void processors_without_virtualization_are_refused(void **state)
{
	static const char *const texts[] = {
		"flags\t\t: fpu vme svm_lock avmx\n", /* neither */
		"flags\t\t: fpu vmx sse\n",
		"flags\t\t: fpu svm\n",
	};
	struct place *p = *state;
	char path[96];
	struct err err;

	(void)snprintf(path, sizeof(path), "%s/cpuinfo", p->data);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			io_write_file(path, texts[i], strlen(texts[i]), NULL),
			0);
		int r = kvm_check_hardware(path, &err);
		assert_int_equal(r, i == 0 ? -ENOTSUP : 0);
	}
	assert_true(kvm_check_hardware("/nonexistent", &err) < 0);
	assert_true(host_meminfo("MemTotal") > 0);
	assert_int_equal(host_meminfo("NoSuchLine"), 0);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];

	assert_int_equal(io_mkdirs(dir, 0700, NULL), 0);
	vmdir_file(dir, name, path);
	assert_int_equal(io_write_file(path, text, strlen(text), NULL), 0);
}

static void kernels_are_found(void **state)
{
	struct place *p = *state;
	char dir[96];
	struct kernel k;
	struct err err;

	assert_int_equal(kernel_find(p->data, NULL, &k, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "make"));
	(void)snprintf(dir, sizeof(dir), "%s/kernels/stock", p->data);
	put_file(dir, "vmlinuz", "k");
	/* Without its modules it is not whole. */
	assert_int_equal(kernel_find(p->data, "stock", &k, &err), -ENOENT);
	put_file(dir, "modules.cpio", "m");
	put_file(dir, "version", "6.1.0-9\nmore");
	assert_int_equal(kernel_find(p->data, NULL, &k, &err), 0);
	assert_string_equal(k.flavour, "stock");
	assert_string_equal(k.version, "6.1.0-9");
	(void)snprintf(dir, sizeof(dir), "%s/kernels/minimal", p->data);
	put_file(dir, "vmlinux", "k");
	assert_int_equal(kernel_find(p->data, NULL, &k, &err), 0);
	assert_string_equal(k.flavour, "minimal");
	assert_string_equal(k.modules, "");
	assert_int_equal(kernel_find(p->data, "stock", &k, &err), 0);
	assert_string_equal(k.flavour, "stock");
	assert_int_equal(kernel_find(p->data, "/some/file", &k, &err), 0);
	assert_string_equal(k.image, "/some/file");
	assert_int_equal(kernel_find(p->data, "sotck", &k, &err), -ENOENT);
}

static void put_cgroup(const struct vmdir *vm, const char *dir)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"version\":2,\"dirs\":[\"%s\"]}",
		       dir);
	put_file(vm->path, VMDIR_CGROUP, text);
}

/* Here a group is a directory: it is removed in the same way. */
static void a_left_group_is_removed_and_nothing_else(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX], dir[160], mine[180];
	struct vmdir vm;

	create(p, NULL, &vm);
	vmdir_file(vm.path, VMDIR_CGROUP, path);
	(void)snprintf(dir, sizeof(dir), "%s/group", p->data);
	assert_int_equal(mkdir(dir, 0700), 0);
	(void)snprintf(mine, sizeof(mine), "%s/%s", dir, vm.id);
	assert_int_equal(mkdir(mine, 0700), 0);

	assert_int_equal(vmdir_drop_cgroup(&vm, 10, NULL), 0);
	put_cgroup(&vm, dir);
	assert_int_equal(vmdir_drop_cgroup(&vm, 10, NULL), 0);
	assert_int_equal(access(dir, F_OK), 0);
	assert_int_equal(access(path, F_OK), -1);
	put_file(vm.path, VMDIR_CGROUP, "{\"version\":2,\"dirs\":");
	assert_int_equal(vmdir_drop_cgroup(&vm, 10, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);

	put_cgroup(&vm, mine);
	vmdir_close(&vm);
	assert_int_equal(vmdir_repair(&p->mgr, NULL), 0);
	assert_int_equal(access(mine, F_OK), -1);
	assert_int_equal(access(dir, F_OK), 0);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(names_are_taken_once),
		WITH_PLACE(ambiguous_beginnings_are_refused),
		WITH_PLACE(the_lock_says_who_runs),
		WITH_PLACE(repair_leaves_the_living_alone),
		WITH_PLACE(repair_finishes_the_dead),
		WITH_PLACE(repair_makes_no_store),
		WITH_PLACE(a_left_group_is_removed_and_nothing_else),
		WITH_PLACE(layers_are_copies_of_a_template),
		WITH_PLACE(fake_devices_are_refused),
		WITH_PLACE(processors_without_virtualization_are_refused),
		WITH_PLACE(kernels_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
