/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modules_test.c - --kernel-modules on the host: layouts of directories,
 * versions, what is packed for the guest, and the store's cache of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/archive.h"
#include "vmm/manager/module_dir.h"
#include "vmm/manager/module_pack.h"
#include "vmm/manager/modules.h"

#define V "6.1.0-1-test"

static char dir[64];
static struct err err;

static int set_up(void **state)
{
	(void)state;
	err = (struct err){ 0 };
	(void)snprintf(dir, sizeof(dir), "/tmp/belljar-modules.XXXXXX");
	return !mkdtemp(dir) || chdir(dir) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : io_remove_tree(dir, NULL);
}

static void put_bytes(const char *path, const void *data, size_t len)
{
	char parent[256];

	(void)snprintf(parent, sizeof(parent), "%s/%s", dir, path);
	*strrchr(parent, '/') = '\0';
	assert_int_equal(io_mkdirs(parent, 0755, &err), 0);
	assert_int_equal(io_write_file(path, data, len, &err), 0);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

/* As much of a module as is looked at here. */
static void put_module(const char *path, const char *version)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
			 "\177ELF%clicense=GPL%cvermagic=%s SMP preempt %c", 0,
			 0, version, 0);

	put_bytes(path, text, (size_t)n);
}

static void put_packed(const char *path, int filter, const char *text)
{
	AUTO_ARCHIVE_WRITE struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();

	put(path, "");
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_pathname(e, "x");
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	assert_true(archive_write_data(a, text, strlen(text)) >= 0);
	archive_entry_free(e);
}

static void make_tree(const char *at)
{
	static const char *const files[] = {
		"virtio_pci", "virtio_blk", "vmw_vsock_virtio_transport",
		"squashfs",   "crc32c",	    "ext4",
	};
	char path[256], dep[1024] = "";

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/kernel/%s.ko", at,
			       files[i]);
		put_module(path, V);
		size_t len = strlen(dep);
		(void)snprintf(dep + len, sizeof(dep) - len, "kernel/%s.ko:\n",
			       files[i]);
	}
	(void)snprintf(path, sizeof(path), "%s/modules.dep", at);
	put(path, dep);
	(void)snprintf(path, sizeof(path), "%s/modules.alias", at);
	put(path, "alias crypto-crc32c crc32c\n");
	(void)snprintf(path, sizeof(path), "%s/modules.softdep", at);
	put(path, "softdep ext4 pre: crypto-crc32c\n");
	(void)snprintf(path, sizeof(path), "%s/modules.builtin", at);
	put(path, "kernel/fs/overlayfs/overlay.ko\n");
}

static int find(const char *at, const char *version, struct module_dir *ret)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, at);
	return module_dir_find(path, NULL, version, ret, &err);
}

static void tree_is_found_in_all_layouts(void **state)
{
	static const char *const from[] = { "a/lib/modules/" V, "a/lib/modules",
					    "a" };
	struct module_dir d;
	char want[256];

	(void)state;
	make_tree("a/lib/modules/" V);
	put("a/lib/firmware/x.bin", "x");
	(void)snprintf(want, sizeof(want), "%s/a/lib/modules/" V, dir);
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		assert_int_equal(find(from[i], V, &d), 0);
		assert_string_equal(d.tree, want);
		assert_true(d.indexed);
	}
	assert_non_null(strstr(d.firmware, "/a/lib/firmware"));
	assert_int_equal(find(from[0], "", &d), 0);
	assert_string_equal(d.firmware, "");
}

static void build_directory_is_a_tree_without_index(void **state)
{
	struct module_dir d;

	(void)state;
	put_module("flat/sub/vendor.ko", V);
	assert_int_equal(find("flat", V, &d), 0);
	assert_false(d.indexed);
}

static void what_holds_no_module_is_refused(void **state)
{
	struct module_dir d;

	(void)state;
	put("empty/vendor.ko.cmd", "");
	assert_int_equal(find("empty", V, &d), -ENOENT);
	assert_non_null(strstr(err.msg, "there is no kernel module (*.ko)"));
	assert_int_equal(find("nowhere", V, &d), -ENOENT);
	assert_int_equal(find("empty/vendor.ko.cmd", V, &d), -ENOTDIR);
	make_tree("b/lib/modules/" V);
	assert_int_equal(find("b", "9.9", &d), -ENOENT);
	assert_non_null(strstr(err.msg, "no modules of the kernel 9.9"));
}

static void versions_come_out_of_kernels_and_modules(void **state)
{
	static char image[0x2000];
	static const char module[] = "x\0vermagic=5.4.0 SMP mod_unload ";
	char version[KERNEL_VERSION_MAX];

	(void)state;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x20e] = 0x10;
	image[0x20f] = 0x0e;
	(void)strcpy(image + 0x1010, "6.1.0-9-cloud-amd64 (debian) #1 SMP");
	put_bytes("bzImage", image, sizeof(image));
	kernel_version_file("bzImage", version);
	assert_string_equal(version, "6.1.0-9-cloud-amd64");

	/* Pointing out of the file: nothing is known, nothing breaks. */
	image[0x20f] = (char)0xff;
	put_bytes("bad", image, sizeof(image));
	kernel_version_file("bad", version);
	assert_string_equal(version, "");

	memset(image, 0, sizeof(image));
	memcpy(image, "\177ELF", 4);
	(void)strcpy(image + 0x1ff0, "Linux version 6");
	put_bytes("vmlinux", image, sizeof(image));
	kernel_version_file("vmlinux", version);
	assert_string_equal(version, "6");

	kernel_version_module(module, sizeof(module), version);
	assert_string_equal(version, "5.4.0");
	kernel_version_module("vermagic=", 9, version);
	assert_string_equal(version, "");
}

static void compressed_files_are_unpacked(void **state)
{
	static const struct {
		const char *name;
		int filter;
	} kinds[] = {
		{ "m.ko.xz", ARCHIVE_FILTER_XZ },
		{ "m.ko.gz", ARCHIVE_FILTER_GZIP },
		{ "m.ko.zst", ARCHIVE_FILTER_ZSTD },
	};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		AUTO_FREE char *data = NULL;

		put_packed(kinds[i].name, kinds[i].filter, "a module");
		assert_int_equal(
			module_pack_read(kinds[i].name, &data, &len, &err), 0);
		assert_int_equal(len, 8);
		assert_memory_equal(data, "a module", 8);
	}
	AUTO_FREE char *data = NULL;
	put_bytes("cut.ko.xz", "\3757zXZ\0\0\4", 8);
	assert_true(module_pack_read("cut.ko.xz", &data, &len, &err) < 0);
	assert_non_null(strstr(err.msg, "cut.ko.xz"));
	assert_int_equal(module_pack_read("none.ko", &data, &len, &err),
			 -ENOENT);
}

static void early_modules_are_packed_in_order(void **state)
{
	char names[1024] = "";
	struct archive_entry *e;

	(void)state;
	make_tree("t");
	assert_int_equal(module_pack_early("t", "early.cpio", &err), 0);
	AUTO_ARCHIVE_READ struct archive *a = archive_read_new();
	assert_int_equal(archive_read_support_format_cpio(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(a, "early.cpio", 4096),
			 ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		if (archive_entry_filetype(e) != AE_IFREG)
			continue;
		const char *path = archive_entry_pathname(e);
		assert_true(archive_entry_size(e) > 0);
		(void)strncat(names, strrchr(path, '/') + 1,
			      sizeof(names) - strlen(names) - 2);
		(void)strcat(names, " ");
	}
	assert_string_equal(names,
			    "000-virtio_pci.ko 001-virtio_blk.ko "
			    "002-vmw_vsock_virtio_transport.ko "
			    "003-squashfs.ko 004-crc32c.ko 005-ext4.ko ");
}

static void kernel_without_what_a_guest_needs_is_refused(void **state)
{
	(void)state;
	make_tree("t");
	put("t/modules.builtin", "");
	assert_int_equal(module_pack_early("t", "early.cpio", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no 'overlay'"));
	/* A vendor's directory does not tell what is built in. */
	assert_int_equal(unlink("t/modules.builtin"), 0);
	assert_int_equal(module_pack_early("t", "early.cpio", &err), 0);
}

static struct store *open_store(void)
{
	char path[128];
	struct store *store = NULL;

	(void)snprintf(path, sizeof(path), "%s/store", dir);
	assert_int_equal(store_open(path, &store, &err), 0);
	return store;
}

static int prepare(struct store *store, const char *at, struct kernel *k)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, at);
	return modules_prepare(store, path, NULL, true, k, &err);
}

static unsigned count_kept(void)
{
	unsigned n = 0;
	FILE *p = popen("ls store/modules | wc -l", "r");

	assert_non_null(p);
	assert_int_equal(fscanf(p, "%u", &n), 1);
	assert_int_equal(pclose(p), 0);
	return n;
}

static void modules_are_made_once_and_again_when_they_change(void **state)
{
	struct kernel k = { .flavour = "file", .image = "none" };

	(void)state;
	AUTO_STORE struct store *store = open_store();
	make_tree("t");
	put("t/firmware/vendor/f.bin", "firmware");
	int first = prepare(store, "t", &k);
	assert_true(first >= 0);
	assert_string_equal(k.version, V);
	assert_int_equal(access(k.modules, R_OK), 0);
	struct stat a, b;
	assert_int_equal(fstat(first, &a), 0);
	(void)close(first);

	AUTO_CLOSE int again = prepare(store, "t", &k);
	assert_true(again >= 0);
	assert_int_equal(fstat(again, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(count_kept(), 1);

	put_module("t/updates/new.ko", V);
	AUTO_CLOSE int other = prepare(store, "t", &k);
	assert_true(other >= 0);
	assert_int_equal(count_kept(), 2);
}

static void least_recently_used_go_unless_in_use(void **state)
{
	struct kernel k = { .flavour = "stock", .version = V };

	(void)state;
	AUTO_STORE struct store *store = open_store();
	make_tree("t");
	AUTO_CLOSE int used = prepare(store, "t", &k);
	assert_true(used >= 0);
	for (int i = 0; i < MODULES_KEPT + 2; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "t/updates/n%d.ko", i);
		put_module(name, V);
		int fd = prepare(store, "t", &k);
		assert_true(fd >= 0);
		(void)close(fd);
	}
	assert_int_equal(count_kept(), MODULES_KEPT);
	assert_int_equal(lseek(used, 0, SEEK_CUR), 0);
	struct stat st;
	assert_int_equal(fstat(used, &st), 0);
	assert_int_equal(st.st_nlink, 1);
}

static void modules_of_another_kernel_are_refused(void **state)
{
	struct kernel k = { .flavour = "stock",
			    .image = "vmlinuz",
			    .version = "6.1.0-2-cloud" };

	(void)state;
	AUTO_STORE struct store *store = open_store();
	make_tree("t");
	assert_int_equal(prepare(store, "t", &k), -EINVAL);
	assert_non_null(strstr(err.msg, "are for the kernel " V));
	assert_non_null(strstr(err.msg, "is 6.1.0-2-cloud"));
	/* And found in the cache as well. */
	struct kernel same = { .flavour = "stock", .version = V };
	AUTO_CLOSE int fd = prepare(store, "t", &same);
	assert_true(fd >= 0);
	assert_int_equal(prepare(store, "t", &k), -EINVAL);
}

static void build_directory_is_indexed_by_depmod(void **state)
{
	struct kernel k = { .flavour = "stock", .version = V };
	char cmd[512];

	(void)state;
	if (access("/usr/sbin/depmod", X_OK) < 0 &&
	    access("/sbin/depmod", X_OK) < 0)
		skip();
	AUTO_STORE struct store *store = open_store();
	put_module("flat/vendor-gpu.ko", V);
	put("flat/firmware/vendor/f.bin.xz", "");
	put_packed("flat/firmware/vendor/f.bin.xz", ARCHIVE_FILTER_XZ, "fw");
	AUTO_CLOSE int fd = prepare(store, "flat", &k);
	if (fd < 0)
		print_message("%s\n", err.msg);
	assert_true(fd >= 0);
	(void)snprintf(cmd, sizeof(cmd),
		       "rdsquashfs -d store/modules/*/disk.squashfs >list");
	assert_int_equal(system(cmd), 0);
	AUTO_FREE char *list = NULL;
	assert_int_equal(io_read_file("list", 65536, &list, &err), 0);
	assert_non_null(strstr(list, "lib/modules/" V "/vendor-gpu.ko"));
	assert_non_null(strstr(list, "lib/modules/" V "/modules.dep"));
	assert_non_null(strstr(list, "lib/firmware/vendor/f.bin "));
	assert_int_equal(access("flat/modules.dep", F_OK), -1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tree_is_found_in_all_layouts),
		T(build_directory_is_a_tree_without_index),
		T(what_holds_no_module_is_refused),
		T(versions_come_out_of_kernels_and_modules),
		T(compressed_files_are_unpacked),
		T(early_modules_are_packed_in_order),
		T(kernel_without_what_a_guest_needs_is_refused),
		T(modules_are_made_once_and_again_when_they_change),
		T(least_recently_used_go_unless_in_use),
		T(modules_of_another_kernel_are_refused),
		T(build_directory_is_indexed_by_depmod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
