/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers_test.c - layers become the squashfs that unpacking them one after
 * the other would give; read back with rdsquashfs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/imagetest.h"
#include "vmm/lib/auto.h"

static void each_packing_is_read(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "plain", "1");
	imagetest_layer(t, PLAIN);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "gzip", "2");
	imagetest_layer(t, GZIP);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "zstd", "3");
	imagetest_layer(t, ZSTD);
	imagetest_loads_as(t, "file gzip 0644 0 0\n"
			      "file plain 0644 0 0\n"
			      "file zstd 0644 0 0\n");
	imagetest_holds(t, "gzip", "2");
	imagetest_holds(t, "zstd", "3");
}

static void whiteout_hides_lower_layers_only(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "a", "old");
	tar_text(&t->tar, "d/x", "old");
	tar_text(&t->tar, "d/y", "old");
	tar_text(&t->tar, "e/f/g", "old");
	imagetest_layer(t, PLAIN);
	tar_begin(&t->tar, PLAIN);
	/* Before and after what the same layer brings. */
	tar_text(&t->tar, "a", "new");
	tar_text(&t->tar, ".wh.a", "");
	tar_text(&t->tar, ".wh.d", "");
	tar_text(&t->tar, "d/z", "new");
	tar_text(&t->tar, ".wh.e", "");
	tar_text(&t->tar, "nowhere/.wh.x", "");
	imagetest_layer(t, GZIP);
	imagetest_loads_as(t, "file a 0644 0 0\n"
			      "dir d 0755 0 0\n"
			      "file d/z 0644 0 0\n");
	imagetest_holds(t, "a", "new");
}

static void opaque_directory_hides_lower_children(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_dir(&t->tar, "d", 0700);
	tar_text(&t->tar, "d/old", "1");
	tar_text(&t->tar, "d/sub/old", "1");
	tar_text(&t->tar, "keep/old", "1");
	imagetest_layer(t, PLAIN);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "d/new", "2");
	tar_text(&t->tar, "d/.wh..wh..opq", "");
	tar_text(&t->tar, ".wh..wh.plnk/1.2", "aufs");
	imagetest_layer(t, PLAIN);
	imagetest_loads_as(t, "dir d 0700 0 0\n"
			      "file d/new 0644 0 0\n"
			      "dir keep 0755 0 0\n"
			      "file keep/old 0644 0 0\n");
}

static void opaque_directory_behind_a_link(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "real/old", "1");
	tar_symlink(&t->tar, "alias", "real");
	imagetest_layer(t, PLAIN);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "alias/.wh..wh..opq", "");
	tar_text(&t->tar, "alias/new", "2");
	imagetest_layer(t, PLAIN);
	imagetest_loads_as(t, "slink alias 0777 0 0 real\n"
			      "dir real 0755 0 0\n"
			      "file real/new 0644 0 0\n");
}

static void kinds_replace_each_other(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "dir-to-file/x", "1");
	tar_text(&t->tar, "file-to-dir", "1");
	tar_dir(&t->tar, "dir-to-dir", 0700);
	tar_text(&t->tar, "dir-to-dir/stays", "1");
	imagetest_layer(t, PLAIN);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "dir-to-file", "2");
	tar_dir(&t->tar, "file-to-dir", 0711);
	tar_dir(&t->tar, "./dir-to-dir/", 01777);
	tar_dir(&t->tar, "./", 0750);
	imagetest_layer(t, PLAIN);
	imagetest_loads_as(t, "dir dir-to-dir 01777 0 0\n"
			      "file dir-to-dir/stays 0644 0 0\n"
			      "file dir-to-file 0644 0 0\n"
			      "dir file-to-dir 0711 0 0\n");
	AUTO_FREE char *root = imagetest_stat(t, "/");
	assert_non_null(strstr(root, "Access: 0750"));
}

static void hard_links_stay_links(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "a", "shared");
	tar_link(&t->tar, "b", "a");
	tar_link(&t->tar, "c", "./b");
	tar_link(&t->tar, "abs", "/a");
	imagetest_layer(t, PLAIN);
	tar_begin(&t->tar, PLAIN);
	/* Across layers; and the first name goes, the data doesn't. */
	tar_link(&t->tar, "d/e", "a");
	tar_text(&t->tar, ".wh.a", "");
	tar_text(&t->tar, "c", "apart");
	imagetest_layer(t, PLAIN);
	imagetest_loads_as(t, "file abs 0644 0 0\n"
			      "file b 0644 0 0\n"
			      "file c 0644 0 0\n"
			      "dir d 0755 0 0\n"
			      "file d/e 0644 0 0\n");
	imagetest_holds(t, "b", "shared");
	imagetest_holds(t, "d/e", "shared");
	imagetest_holds(t, "c", "apart");
	AUTO_FREE char *b = imagetest_stat(t, "b");
	assert_non_null(strstr(b, "Hard link count: 3"));
}

static void link_may_replace_the_parent_of_its_target(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "a/b", "survivor");
	tar_link(&t->tar, "a", "a/b");
	imagetest_layer(t, PLAIN);
	imagetest_loads_as(t, "file a 0644 0 0\n");
	imagetest_holds(t, "a", "survivor");
}

static void metadata_survives(void **state)
{
	struct imagetest *t = *state;
	static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 0x20 };
	struct archive_entry *e = archive_entry_new();

	tar_begin(&t->tar, PLAIN);
	archive_entry_copy_pathname(e, "ping");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 06755);
	archive_entry_set_uid(e, 3000000000);
	archive_entry_set_gid(e, 70000);
	archive_entry_set_mtime(e, 1700000000, 5);
	archive_entry_set_size(e, 4);
	archive_entry_xattr_add_entry(e, "security.capability", cap,
				      sizeof(cap));
	archive_entry_xattr_add_entry(e, "user.note", "hi", 2);
	archive_entry_xattr_add_entry(e, "trusted.overlay.opaque", "y", 1);
	archive_entry_xattr_add_entry(e, "system.posix_acl_access", "x", 1);
	tar_entry(&t->tar, e, "data");

	e = archive_entry_new();
	archive_entry_copy_pathname(e, "null");
	archive_entry_set_filetype(e, AE_IFCHR);
	archive_entry_set_perm(e, 0666);
	archive_entry_set_rdevmajor(e, 1);
	archive_entry_set_rdevminor(e, 3);
	tar_entry(&t->tar, e, NULL);

	e = archive_entry_new();
	archive_entry_copy_pathname(e, "disk");
	archive_entry_set_filetype(e, AE_IFBLK);
	archive_entry_set_perm(e, 0660);
	archive_entry_set_rdevmajor(e, 8);
	archive_entry_set_rdevminor(e, 300);
	tar_entry(&t->tar, e, NULL);

	e = archive_entry_new();
	archive_entry_copy_pathname(e, "fifo");
	archive_entry_set_filetype(e, AE_IFIFO);
	archive_entry_set_perm(e, 0600);
	tar_entry(&t->tar, e, NULL);
	tar_symlink(&t->tar, "up", "../../../etc/passwd");
	imagetest_layer(t, GZIP);

	imagetest_loads_as(t, "nod disk 0660 0 0 b 8 300\n"
			      "pipe fifo 0600 0 0\n"
			      "nod null 0666 0 0 c 1 3\n"
			      "file ping 06755 3000000000 70000\n"
			      "slink up 0777 0 0 ../../../etc/passwd\n");
	AUTO_FREE char *xattrs = imagetest_xattrs(t, "ping");
	assert_non_null(strstr(xattrs, "user.note=hi\n"));
	assert_non_null(strstr(xattrs, "security.capability=0x010000020020"));
	assert_null(strstr(xattrs, "overlay"));
	assert_null(strstr(xattrs, "acl"));
	AUTO_FREE char *stat = imagetest_stat(t, "ping");
	assert_non_null(strstr(stat, "(1700000000)"));
}

static void names_are_bytes(void **state)
{
	struct imagetest *t = *state;
	char name[256];

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "latin-\xe9", "1");
	tar_text(&t->tar, "nfc-\xc3\xa9", "2");
	tar_text(&t->tar, "nfd-e\xcc\x81", "3");
	memset(name, 'n', 255);
	name[255] = '\0';
	tar_text(&t->tar, name, "4");
	imagetest_layer(t, PLAIN);

	AUTO_FREE char *list = imagetest_list(t);
	assert_non_null(strstr(list, "file latin-\xe9 0644"));
	assert_non_null(strstr(list, "file nfc-\xc3\xa9 0644"));
	assert_non_null(strstr(list, "file nfd-e\xcc\x81 0644"));
	assert_non_null(strstr(list, name));
}

static void holes_read_as_zeros(void **state)
{
	struct imagetest *t = *state;
	struct archive_entry *e = archive_entry_new();
	static char data[1 << 20];

	data[sizeof(data) - 1] = 'z';
	tar_begin(&t->tar, PLAIN);
	archive_entry_copy_pathname(e, "sparse");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, sizeof(data));
	archive_entry_sparse_add_entry(e, sizeof(data) - 4096, 4096);
	tar_entry(&t->tar, e, data);
	imagetest_layer(t, GZIP);
	free(imagetest_list(t));
	AUTO_FREE char *stat = imagetest_stat(t, "sparse");
	assert_non_null(strstr(stat, "File size: 1048576"));
}

static void entry_behind_a_symlink_goes_where_it_points(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_dir(&t->tar, "usr/lib", 0755);
	tar_symlink(&t->tar, "lib", "usr/lib");
	tar_symlink(&t->tar, "abs", "/usr");
	tar_symlink(&t->tar, "usr/up", "../lib");
	imagetest_layer(t, PLAIN);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "lib/a", "1");
	tar_text(&t->tar, "abs/b", "2");
	tar_text(&t->tar, "usr/up/c", "3");
	tar_text(&t->tar, "lib/.wh.gone", "");
	imagetest_layer(t, PLAIN);
	imagetest_loads_as(t, "slink abs 0777 0 0 /usr\n"
			      "slink lib 0777 0 0 usr/lib\n"
			      "dir usr 0755 0 0\n"
			      "file usr/b 0644 0 0\n"
			      "dir usr/lib 0755 0 0\n"
			      "file usr/lib/a 0644 0 0\n"
			      "file usr/lib/c 0644 0 0\n"
			      "slink usr/up 0777 0 0 ../lib\n");
}

static void empty_layers_are_fine(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	imagetest_layer(t, GZIP);
	struct blob nothing = { .data = strdup("") };
	test_image_add(&t->img, nothing, PLAIN);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "a", "1");
	imagetest_layer(t, PLAIN);
	imagetest_loads_as(t, "file a 0644 0 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IMAGE_TEST(each_packing_is_read),
		IMAGE_TEST(whiteout_hides_lower_layers_only),
		IMAGE_TEST(opaque_directory_hides_lower_children),
		IMAGE_TEST(opaque_directory_behind_a_link),
		IMAGE_TEST(kinds_replace_each_other),
		IMAGE_TEST(hard_links_stay_links),
		IMAGE_TEST(link_may_replace_the_parent_of_its_target),
		IMAGE_TEST(metadata_survives),
		IMAGE_TEST(names_are_bytes),
		IMAGE_TEST(holes_read_as_zeros),
		IMAGE_TEST(entry_behind_a_symlink_goes_where_it_points),
		IMAGE_TEST(empty_layers_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
