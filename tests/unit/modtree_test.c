/* SPDX-License-Identifier: Apache-2.0 */
/* modtree_test.c - modules by name and by alias, in the order of loading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/modtree.h"

static char dir[64];
static int tree = -1;
static struct modlist list;
static struct err err;

static void put(const char *name, const char *text)
{
	assert_int_equal(io_write_file(name, text, strlen(text), &err), 0);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/belljar-modtree.XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	tree = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = (struct modlist){ 0 };
	put("modules.dep", "kernel/a.ko: kernel/b.ko.xz kernel/c.ko\n"
			   "kernel/b.ko.xz: kernel/c.ko\n"
			   "kernel/c.ko:\n"
			   "kernel/virtio-rng.ko:\n"
			   "kernel/hash_intel.ko:\n"
			   "kernel/hash_plain.ko:\n"
			   "kernel/soft.ko: kernel/c.ko\n"
			   "kernel/after.ko:\n"
			   "kernel/ring1.ko:\n"
			   "kernel/ring2.ko:\n");
	put("modules.alias", "# Aliases extracted from modules themselves.\n"
			     "alias crypto-hash hash_intel\n"
			     "alias crypto-hash hash_plain\n"
			     "alias pci:v000010DEd*sv*sd*bc03sc[0-9]*i00* a\n"
			     "alias virtio:d00000004v* virtio_rng\n");
	put("modules.softdep", "# Soft dependencies\n"
			       "softdep soft pre: crypto-hash missing "
			       "post: after\n"
			       "softdep c plain words\n"
			       "softdep ring1 pre: ring2\n"
			       "softdep ring2 pre: ring1\n");
	put("modules.builtin", "kernel/fs/built-in_fs.ko\n");
	return tree < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	modlist_done(&list);
	(void)close(tree);
	return chdir("/") < 0 ? -1 : io_remove_tree(dir, NULL);
}

/* @want: the names in order, each followed by a space. */
static void resolves(const char *name, const char *want)
{
	char got[512] = "", one[MODTREE_NAME_MAX];

	assert_int_equal(modtree_resolve(tree, name, &list, &err), 0);
	for (size_t i = 0; i < list.n; i++) {
		modtree_name(list.v[i], one);
		(void)strncat(got, one, sizeof(got) - strlen(got) - 2);
		(void)strcat(got, " ");
	}
	assert_string_equal(got, want);
	modlist_done(&list);
}

static void dependencies_come_before_the_module(void **state)
{
	(void)state;
	resolves("a", "c b a ");
	resolves("c", "c ");
}

static void what_is_in_the_list_is_not_added_again(void **state)
{
	(void)state;
	assert_int_equal(modtree_resolve(tree, "b", &list, &err), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(modtree_resolve(tree, "a", &list, &err), 0);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.v[0], "kernel/c.ko");
	assert_string_equal(list.v[1], "kernel/b.ko.xz");
	assert_string_equal(list.v[2], "kernel/a.ko");
}

static void dash_and_underscore_are_the_same(void **state)
{
	(void)state;
	resolves("virtio-rng", "virtio_rng ");
	resolves("virtio_rng", "virtio_rng ");
	resolves("crypto_hash", "hash_intel hash_plain ");
}

static void aliases_lead_to_modules(void **state)
{
	(void)state;
	resolves("virtio:d00000004v00001AF4", "virtio_rng ");
	resolves("pci:v000010DEd00002204sv00001458sd0000403Bbc03sc00i00",
		 "c b a ");
}

static void soft_dependencies_come_before_and_after(void **state)
{
	(void)state;
	resolves("soft", "c hash_intel hash_plain soft after ");
}

static void soft_dependencies_in_a_circle_end(void **state)
{
	(void)state;
	assert_int_equal(modtree_resolve(tree, "ring1", &list, &err), 0);
	assert_int_equal(list.n, 2);
}

static void built_in_adds_nothing(void **state)
{
	(void)state;
	resolves("built_in-fs", "");
}

static void unknown_name_is_said(void **state)
{
	(void)state;
	assert_int_equal(modtree_resolve(tree, "nope", &list, &err), -ENOENT);
	assert_string_equal(err.msg, "there is no module 'nope'");
	assert_int_equal(modtree_resolve(tree, "virtio", &list, &err), -ENOENT);
	assert_int_equal(list.n, 0);
}

static void tree_without_indexes_knows_nothing(void **state)
{
	(void)state;
	assert_int_equal(unlink("modules.dep"), 0);
	assert_int_equal(modtree_resolve(tree, "a", &list, &err), -ENOENT);
}

static void patterns_match_as_a_shell_s(void **state)
{
	char alias[] = "hid:b0003g0001v-046D[a-b]";

	(void)state;
	assert_true(modtree_match("pci:v00001AF4d*", "pci:v00001AF4d00001050"));
	assert_false(modtree_match("pci:v00001AF4d*", "pci:v00001AF5d0000"));
	assert_false(modtree_match("pci:v00001AF4d1", "pci:v00001AF4d"));
	assert_false(modtree_match("pci:v00001AF4d", "pci:v00001AF4d1"));
	assert_true(modtree_match("acpi*:PNP0C0C:*", "acpi:PNP0C0C:"));
	modtree_normalize(alias);
	assert_string_equal(alias, "hid:b0003g0001v_046D[a-b]");
}

static void names_are_found_by_both_ends(void **state)
{
	char name[MODTREE_NAME_MAX];

	(void)state;
	assert_int_equal(modtree_find(tree, "virtio", "_rng", name), 0);
	assert_string_equal(name, "virtio_rng");
	assert_int_equal(modtree_find(tree, "hash", "_plain", name), 0);
	assert_string_equal(name, "hash_plain");
	assert_int_equal(modtree_find(tree, "virtio", "_uvm", name), -ENOENT);
}

static void patterns_have_stars_sets_and_marks(void **state)
{
	(void)state;
	assert_true(modtree_match("a*b*c", "axxbyybzc"));
	assert_false(modtree_match("a*b*c", "axxbyybz"));
	assert_true(modtree_match("*", ""));
	assert_true(modtree_match("a?c", "abc"));
	assert_false(modtree_match("a?c", "ac"));
	assert_true(modtree_match("sc[0-9]x", "sc7x"));
	assert_false(modtree_match("sc[0-9]x", "scax"));
	assert_true(modtree_match("[!a-c]", "d"));
	assert_false(modtree_match("[!a-c]", "b"));
	assert_true(modtree_match("[]]", "]"));
	assert_false(modtree_match("[", "["));
	assert_false(modtree_match("[ab", "a"));
}

static void names_lose_directory_and_endings(void **state)
{
	char name[MODTREE_NAME_MAX];

	(void)state;
	modtree_name("kernel/x/snd-hda-intel.ko.zst", name);
	assert_string_equal(name, "snd_hda_intel");
	assert_string_equal(modtree_packed("a/b.ko.zst"), ".zst");
	assert_string_equal(modtree_packed("b.ko.xz"), ".xz");
	assert_null(modtree_packed("a.gz/b.ko"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(dependencies_come_before_the_module),
		T(what_is_in_the_list_is_not_added_again),
		T(dash_and_underscore_are_the_same),
		T(aliases_lead_to_modules),
		T(soft_dependencies_come_before_and_after),
		T(soft_dependencies_in_a_circle_end),
		T(built_in_adds_nothing),
		T(unknown_name_is_said),
		T(tree_without_indexes_knows_nothing),
		T(patterns_match_as_a_shell_s),
		T(names_are_found_by_both_ends),
		T(patterns_have_stars_sets_and_marks),
		T(names_lose_directory_and_endings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
