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
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/imagebuild.h"
#include "vmm/lib/auto.h"
#include "vmm/manager/store.h"

static struct test_store ts;
static struct test_image img;
static struct tarball tar;
static char msg[512];

static int setup(void **state)
{
	(void)state;
	memset(&img, 0, sizeof(img));
	test_store_begin(&ts);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_image_done(&img);
	test_store_end(&ts);
	return 0;
}

static void end_layer(enum packing packing)
{
	test_image_add(&img, tar_end(&tar), packing);
}

/* Load the image; what is in it now, line by line. */
static char *load(void)
{
	struct blob archive = oci_archive(&img);
	int r = test_store_load(&ts, &archive, msg);

	blob_done(&archive);
	if (r < 0)
		fail_msg("refused: %s", msg);
	return squashfs_list(&ts, img.id);
}

static void loads_as(const char *expect)
{
	AUTO_FREE char *list = load();

	assert_string_equal(list, expect);
}

/* The image is refused, the sentence has @because, and nothing is left. */
static void refused(const char *because)
{
	struct blob archive = oci_archive(&img);
	int r = test_store_load(&ts, &archive, msg);

	blob_done(&archive);
	if (r >= 0)
		fail_msg("taken, instead of: %s", because);
	if (!strstr(msg, because))
		fail_msg("'%s' lacks '%s'", msg, because);
	assert_true(test_store_is_empty(&ts));
}

static void holds(const char *path, const char *text)
{
	AUTO_FREE char *data = squashfs_cat(&ts, img.id, path);

	assert_string_equal(data, text);
}

static void each_packing_is_read(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "plain", "1");
	end_layer(PLAIN);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "gzip", "2");
	end_layer(GZIP);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "zstd", "3");
	end_layer(ZSTD);
	loads_as("file gzip 0644 0 0\n"
		 "file plain 0644 0 0\n"
		 "file zstd 0644 0 0\n");
	holds("gzip", "2");
	holds("zstd", "3");
}

static void whiteout_hides_lower_layers_only(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "a", "old");
	tar_text(&tar, "d/x", "old");
	tar_text(&tar, "d/y", "old");
	tar_text(&tar, "e/f/g", "old");
	end_layer(PLAIN);
	tar_begin(&tar, PLAIN);
	/* Before and after what the same layer brings. */
	tar_text(&tar, "a", "new");
	tar_text(&tar, ".wh.a", "");
	tar_text(&tar, ".wh.d", "");
	tar_text(&tar, "d/z", "new");
	tar_text(&tar, ".wh.e", "");
	tar_text(&tar, "nowhere/.wh.x", "");
	end_layer(GZIP);
	loads_as("file a 0644 0 0\n"
		 "dir d 0755 0 0\n"
		 "file d/z 0644 0 0\n");
	holds("a", "new");
}

static void opaque_directory_hides_lower_children(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_dir(&tar, "d", 0700);
	tar_text(&tar, "d/old", "1");
	tar_text(&tar, "d/sub/old", "1");
	tar_text(&tar, "keep/old", "1");
	end_layer(PLAIN);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "d/new", "2");
	tar_text(&tar, "d/.wh..wh..opq", "");
	tar_text(&tar, ".wh..wh.plnk/1.2", "aufs");
	end_layer(PLAIN);
	loads_as("dir d 0700 0 0\n"
		 "file d/new 0644 0 0\n"
		 "dir keep 0755 0 0\n"
		 "file keep/old 0644 0 0\n");
}

static void opaque_directory_behind_a_link(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "real/old", "1");
	tar_symlink(&tar, "alias", "real");
	end_layer(PLAIN);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "alias/.wh..wh..opq", "");
	tar_text(&tar, "alias/new", "2");
	end_layer(PLAIN);
	loads_as("slink alias 0777 0 0 real\n"
		 "dir real 0755 0 0\n"
		 "file real/new 0644 0 0\n");
}

static void kinds_replace_each_other(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "dir-to-file/x", "1");
	tar_text(&tar, "file-to-dir", "1");
	tar_dir(&tar, "dir-to-dir", 0700);
	tar_text(&tar, "dir-to-dir/stays", "1");
	end_layer(PLAIN);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "dir-to-file", "2");
	tar_dir(&tar, "file-to-dir", 0711);
	tar_dir(&tar, "./dir-to-dir/", 01777);
	tar_dir(&tar, "./", 0750);
	end_layer(PLAIN);
	loads_as("dir dir-to-dir 01777 0 0\n"
		 "file dir-to-dir/stays 0644 0 0\n"
		 "file dir-to-file 0644 0 0\n"
		 "dir file-to-dir 0711 0 0\n");
	AUTO_FREE char *root = squashfs_stat(&ts, img.id, "/");
	assert_non_null(strstr(root, "Access: 0750"));
}

static void hard_links_stay_links(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "a", "shared");
	tar_link(&tar, "b", "a");
	tar_link(&tar, "c", "./b");
	tar_link(&tar, "abs", "/a");
	end_layer(PLAIN);
	tar_begin(&tar, PLAIN);
	/* Across layers; and the first name goes, the data doesn't. */
	tar_link(&tar, "d/e", "a");
	tar_text(&tar, ".wh.a", "");
	tar_text(&tar, "c", "apart");
	end_layer(PLAIN);
	loads_as("file abs 0644 0 0\n"
		 "file b 0644 0 0\n"
		 "file c 0644 0 0\n"
		 "dir d 0755 0 0\n"
		 "file d/e 0644 0 0\n");
	holds("b", "shared");
	holds("d/e", "shared");
	holds("c", "apart");
	AUTO_FREE char *b = squashfs_stat(&ts, img.id, "b");
	assert_non_null(strstr(b, "Hard link count: 3"));
}

static void link_may_replace_the_parent_of_its_target(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "a/b", "survivor");
	tar_link(&tar, "a", "a/b");
	end_layer(PLAIN);
	loads_as("file a 0644 0 0\n");
	holds("a", "survivor");
}

static void bad_hard_links_are_refused(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_link(&tar, "a", "missing");
	end_layer(PLAIN);
	refused("the hard link 'a' points to 'missing', which isn't there");
	test_image_done(&img);

	tar_begin(&tar, PLAIN);
	tar_dir(&tar, "d", 0755);
	tar_link(&tar, "a", "d");
	end_layer(PLAIN);
	refused("is a directory");
	test_image_done(&img);

	tar_begin(&tar, PLAIN);
	tar_link(&tar, "a", "../../etc/shadow");
	end_layer(PLAIN);
	refused("hard link to outside of the image");
}

static void metadata_survives(void **state)
{
	static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 0x20 };
	struct archive_entry *e = archive_entry_new();

	(void)state;
	tar_begin(&tar, PLAIN);
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
	tar_entry(&tar, e, "data");

	e = archive_entry_new();
	archive_entry_copy_pathname(e, "null");
	archive_entry_set_filetype(e, AE_IFCHR);
	archive_entry_set_perm(e, 0666);
	archive_entry_set_rdevmajor(e, 1);
	archive_entry_set_rdevminor(e, 3);
	tar_entry(&tar, e, NULL);

	e = archive_entry_new();
	archive_entry_copy_pathname(e, "disk");
	archive_entry_set_filetype(e, AE_IFBLK);
	archive_entry_set_perm(e, 0660);
	archive_entry_set_rdevmajor(e, 8);
	archive_entry_set_rdevminor(e, 300);
	tar_entry(&tar, e, NULL);

	e = archive_entry_new();
	archive_entry_copy_pathname(e, "fifo");
	archive_entry_set_filetype(e, AE_IFIFO);
	archive_entry_set_perm(e, 0600);
	tar_entry(&tar, e, NULL);
	tar_symlink(&tar, "up", "../../../etc/passwd");
	end_layer(GZIP);

	loads_as("nod disk 0660 0 0 b 8 300\n"
		 "pipe fifo 0600 0 0\n"
		 "nod null 0666 0 0 c 1 3\n"
		 "file ping 06755 3000000000 70000\n"
		 "slink up 0777 0 0 ../../../etc/passwd\n");
	AUTO_FREE char *xattrs = squashfs_xattrs(&ts, img.id, "ping");
	assert_non_null(strstr(xattrs, "user.note=hi\n"));
	assert_non_null(strstr(xattrs, "security.capability=0x010000020020"));
	assert_null(strstr(xattrs, "overlay"));
	assert_null(strstr(xattrs, "acl"));
	AUTO_FREE char *stat = squashfs_stat(&ts, img.id, "ping");
	assert_non_null(strstr(stat, "(1700000000)"));
}

static void names_are_bytes(void **state)
{
	char name[256];

	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "latin-\xe9", "1");
	tar_text(&tar, "nfc-\xc3\xa9", "2");
	tar_text(&tar, "nfd-e\xcc\x81", "3");
	memset(name, 'n', 255);
	name[255] = '\0';
	tar_text(&tar, name, "4");
	end_layer(PLAIN);

	AUTO_FREE char *list = load();
	assert_non_null(strstr(list, "file latin-\xe9 0644"));
	assert_non_null(strstr(list, "file nfc-\xc3\xa9 0644"));
	assert_non_null(strstr(list, "file nfd-e\xcc\x81 0644"));
	assert_non_null(strstr(list, name));
}

static void holes_read_as_zeros(void **state)
{
	struct archive_entry *e = archive_entry_new();
	static char data[1 << 20];

	(void)state;
	data[sizeof(data) - 1] = 'z';
	tar_begin(&tar, PLAIN);
	archive_entry_copy_pathname(e, "sparse");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, sizeof(data));
	archive_entry_sparse_add_entry(e, sizeof(data) - 4096, 4096);
	tar_entry(&tar, e, data);
	end_layer(GZIP);
	free(load());
	AUTO_FREE char *stat = squashfs_stat(&ts, img.id, "sparse");
	assert_non_null(strstr(stat, "File size: 1048576"));
}

static void entry_behind_a_symlink_goes_where_it_points(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_dir(&tar, "usr/lib", 0755);
	tar_symlink(&tar, "lib", "usr/lib");
	tar_symlink(&tar, "abs", "/usr");
	tar_symlink(&tar, "usr/up", "../lib");
	end_layer(PLAIN);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "lib/a", "1");
	tar_text(&tar, "abs/b", "2");
	tar_text(&tar, "usr/up/c", "3");
	tar_text(&tar, "lib/.wh.gone", "");
	end_layer(PLAIN);
	loads_as("slink abs 0777 0 0 /usr\n"
		 "slink lib 0777 0 0 usr/lib\n"
		 "dir usr 0755 0 0\n"
		 "file usr/b 0644 0 0\n"
		 "dir usr/lib 0755 0 0\n"
		 "file usr/lib/a 0644 0 0\n"
		 "file usr/lib/c 0644 0 0\n"
		 "slink usr/up 0777 0 0 ../lib\n");
}

static void escaping_paths_are_refused(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "a/../../etc/passwd", "x");
	end_layer(PLAIN);
	refused("layer 1 of 1: the entry 'a/../../etc/passwd' climbs out");
	test_image_done(&img);

	tar_begin(&tar, PLAIN);
	tar_text(&tar, "/etc/passwd", "x");
	end_layer(PLAIN);
	refused("the entry '/etc/passwd' has an absolute path");
	test_image_done(&img);

	tar_begin(&tar, PLAIN);
	tar_symlink(&tar, "a", "../../etc");
	tar_text(&tar, "a/passwd", "x");
	end_layer(PLAIN);
	refused("the entry 'a/passwd' escapes from the image");
	test_image_done(&img);

	tar_begin(&tar, PLAIN);
	tar_symlink(&tar, "a", "b");
	tar_symlink(&tar, "b", "a");
	tar_text(&tar, "a/x", "x");
	end_layer(PLAIN);
	refused("symbolic links in a loop");
	test_image_done(&img);

	tar_begin(&tar, PLAIN);
	tar_text(&tar, "f", "x");
	tar_text(&tar, "f/x", "x");
	end_layer(PLAIN);
	refused("below something that is no directory");
	test_image_done(&img);

	tar_begin(&tar, PLAIN);
	tar_text(&tar, ".wh.", "");
	end_layer(PLAIN);
	refused("whiteout of nothing");
	test_image_done(&img);

	tar_begin(&tar, PLAIN);
	tar_text(&tar, ".", "the root as a file");
	end_layer(PLAIN);
	refused("is not a directory");
}

static void lengths_are_bounded(void **state)
{
	char path[6000];
	size_t len = 0;

	(void)state;
	memset(path, 'n', 256);
	path[256] = '\0';
	tar_begin(&tar, PLAIN);
	tar_text(&tar, path, "x");
	end_layer(PLAIN);
	refused("has a name of over 255 bytes");
	test_image_done(&img);

	while (len < 5000)
		len += (size_t)sprintf(path + len, "dddddddddddddddd/");
	(void)sprintf(path + len, "f");
	tar_begin(&tar, PLAIN);
	tar_text(&tar, path, "x");
	end_layer(PLAIN);
	refused("has a path of over 4095 bytes");
	test_image_done(&img);

	for (len = 0; len < 1400; len += 2)
		memcpy(path + len, "d/", 2);
	memcpy(path + len, "f", 2);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, path, "x");
	end_layer(PLAIN);
	refused("nested more than 512 deep");
}

/*
 * ASan keeps what was freed for a while; what is measured below is not that.
 * It calls this by its name.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

/* The most memory that this process has had so far, in MiB. */
static long peak(void)
{
	struct rusage use;

	assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
	return use.ru_maxrss / 1024;
}

/* In a child, whose peak begins at what there is now. */
static int load_and_measure(void)
{
	struct blob archive = oci_archive(&img);
	long before = peak();

	if (test_store_load(&ts, &archive, msg) < 0)
		return 255;
	long more = peak() - before;
	return more > 254 ? 254 : (int)more;
}

static void a_flood_of_entries_stays_bounded(void **state)
{
	char path[64];
	int status;

	(void)state;
	tar_begin(&tar, PLAIN);
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(path, sizeof(path), "d%d/f%d", i % 100, i);
		tar_text(&tar, path, "");
	}
	end_layer(GZIP);
	tar_begin(&tar, PLAIN);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), ".wh.d%d", i);
		tar_text(&tar, path, "");
	}
	tar_text(&tar, "end", "x");
	end_layer(PLAIN);

	pid_t pid = fork();
	if (pid == 0)
		_exit(load_and_measure());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	/* About 170 bytes a name, and twice that under ASan. */
	assert_in_range(WEXITSTATUS(status), 1, 60);
	loads_as("file end 0644 0 0\n");
}

static void wrong_digests_are_named(void **state)
{
	char want[65];

	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "a", "1");
	end_layer(GZIP);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "b", "2");
	end_layer(GZIP);
	struct test_layer *l = &img.layer[1];

	l->file.data[l->file.len - 5] ^= 1;
	refused("layer 2 of 2: its digest should be sha256:");
	assert_non_null(strstr(msg, l->digest));
	l->file.data[l->file.len - 5] ^= 1;

	memcpy(want, l->diff_id, sizeof(want));
	memset(l->diff_id, '0', 64);
	refused("layer 2 of 2: its diff_id should be sha256:0000");
	assert_non_null(strstr(msg, want));
}

static void damaged_layers_are_refused(void **state)
{
	(void)state;
	static char noise[200000];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * i * 2654435761u >> 13);

	for (int i = 0; i < 3; i++) {
		tar_begin(&tar, PLAIN);
		tar_file(&tar, "noise", noise, sizeof(noise));
		end_layer(i == 0 ? PLAIN : i == 1 ? GZIP : ZSTD);
		/* Cut short, with a digest that says it should be so. */
		struct test_layer *l = &img.layer[0];
		l->file.len /= 2;
		sha256_hex(l->file.data, l->file.len, l->digest);
		refused("layer 1 of 1: it is damaged or cut short: ");
		test_image_done(&img);
	}

	/* Not a tar at all, though everything adds up. */
	struct blob junk = { .data = strdup("this is not a layer"), .len = 19 };
	test_image_add(&img, junk, GZIP);
	refused("layer 1 of 1: it is damaged or cut short: ");
}

static void empty_layers_are_fine(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	end_layer(GZIP);
	struct blob nothing = { .data = strdup("") };
	test_image_add(&img, nothing, PLAIN);
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "a", "1");
	end_layer(PLAIN);
	loads_as("file a 0644 0 0\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_packing_is_read),
		T(whiteout_hides_lower_layers_only),
		T(opaque_directory_hides_lower_children),
		T(opaque_directory_behind_a_link),
		T(kinds_replace_each_other),
		T(hard_links_stay_links),
		T(link_may_replace_the_parent_of_its_target),
		T(bad_hard_links_are_refused),
		T(metadata_survives),
		T(names_are_bytes),
		T(holes_read_as_zeros),
		T(entry_behind_a_symlink_goes_where_it_points),
		T(escaping_paths_are_refused),
		T(lengths_are_bounded),
		T(a_flood_of_entries_stays_bounded),
		T(wrong_digests_are_named),
		T(damaged_layers_are_refused),
		T(empty_layers_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
