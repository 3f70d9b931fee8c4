/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modtree_fuzz.c - a tree of kernel modules whose indexes are the input: the
 * name looked for, modules.dep, modules.alias, modules.softdep and
 * modules.builtin, each up to a NUL.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/modtree.h"

static int match(void *arg, const char *pattern, const char *module)
{
	(void)modtree_match(pattern, arg);
	(void)module;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const files[] = { "modules.dep", "modules.alias",
					     "modules.softdep",
					     "modules.builtin" };
	struct input in = { data, size };
	AUTO_MODLIST struct modlist list = { 0 };
	AUTO_FREE char *name = input_text(&in);
	char found[MODTREE_NAME_MAX];
	struct err err = { 0 };

	input_begin();
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		AUTO_FREE char *text = input_text(&in);

		input_put(files[i], text, strlen(text));
	}
	AUTO_CLOSE int tree =
		open(input_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(tree >= 0);
	int r = modtree_resolve(tree, name, &list, &err);
	MUST(r == 0 || (r < 0 && err.msg[0]));
	(void)modtree_find(tree, "a", "b", found);
	modtree_normalize(name);
	(void)modtree_aliases(tree, match, name);
	return 0;
}
