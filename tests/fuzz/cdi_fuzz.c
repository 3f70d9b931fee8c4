/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdi_fuzz.c - files that vendors' tools write: YAML and JSON as trees, and a
 * CDI name looked up in them.
 *
 *   how    1 byte: bit 0: the file is JSON
 *   file   the rest
 */
#include <errno.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cdi.h"
#include "vmm/manager/yaml.h"

static void parse(const char *text, size_t len, bool json)
{
	AUTO_JSON struct json_object *tree = NULL;
	struct err err = { 0 };
	int r = json ? json_parse(text, len, "file", &tree, &err)
		     : yaml_parse(text, len, "file", &tree, &err);

	MUST((r == 0) == (tree != NULL));
	MUST(r == 0 || (err.msg[0] && !strchr(err.msg, '\n')));
	if (tree)
		(void)json_object_to_json_string(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.b/c=0", "a.b/c=1",
					     "a.b/c=all" };
	struct input in = { data, size };
	bool json = input_u8(&in) & 1;
	const struct hostdev_list none = { .nr = 0 };
	const struct strv dirs = { .n = 0 };

	input_begin();
	parse((const char *)in.at, in.left, json);

	const struct hostdev_sys sys = { .root = input_dir() };
	input_folder("etc/cdi");
	input_put(json ? "etc/cdi/x.json" : "etc/cdi/x.yaml", in.at, in.left);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		AUTO_CDI_DEVICE struct cdi_device dev;
		struct err err = { 0 };
		int r = cdi_find(&sys, &dirs, &none, names[i], &dev, &err);

		/* No function of this host is behind anything. */
		MUST(r < 0 && err.msg[0] && !strchr(err.msg, '\n'));
	}
	input_drop(json ? "etc/cdi/x.json" : "etc/cdi/x.yaml");
	return 0;
}
