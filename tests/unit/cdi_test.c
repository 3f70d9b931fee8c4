/* SPDX-License-Identifier: Apache-2.0 */
/* CDI names lead to functions of the host; hostile files lead nowhere. */
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

#include "tests/harness/host_world.h"
#include "vmm/manager/cdi.h"

#define DRM "sys/class/drm/"

/* As nvidia-ctk writes it. */
static const char nvidia[] = "---\n"
			     "cdiVersion: 0.5.0\n"
			     "kind: nvidia.com/gpu\n"
			     "devices:\n"
			     "- name: \"0\"\n"
			     "  containerEdits:\n"
			     "    deviceNodes:\n"
			     "    - path: /dev/nvidia0\n"
			     "    - hostPath: /dev/dri/card1\n"
			     "      path: /dev/dri/card0\n"
			     "- name: slice\n"
			     "  containerEdits:\n"
			     "    deviceNodes:\n"
			     "    - path: /dev/nvidia0\n"
			     "    - path: /dev/nvidia-caps/nvidia-cap30\n"
			     "- name: gone\n"
			     "  containerEdits:\n"
			     "    deviceNodes:\n"
			     "    - path: /dev/nvidia7\n"
			     "containerEdits:\n"
			     "  env:\n"
			     "  - NVIDIA_VISIBLE_DEVICES=void\n"
			     "  deviceNodes:\n"
			     "  - path: /dev/nvidiactl\n"
			     "  hooks:\n"
			     "  - hookName: createContainer\n"
			     "    path: /usr/bin/nvidia-ctk\n";

static const char disk[] =
	"{\"cdiVersion\":\"0.6.0\",\"kind\":\"acme.com/disk\",\"devices\":["
	"{\"name\":\"group\",\"containerEdits\":{\"deviceNodes\":"
	"[{\"path\":\"/dev/vfio/13\"},{\"path\":\"/dev/vfio/vfio\"}],"
	"\"env\":[\"DISK=1\"]}},"
	"{\"name\":\"cdev\",\"containerEdits\":{\"deviceNodes\":"
	"[{\"path\":\"/dev/vfio/devices/vfio3\"}]}},"
	"{\"name\":\"two\",\"containerEdits\":{\"deviceNodes\":"
	"[{\"path\":\"/dev/vfio/12\"}]}},"
	"{\"name\":\"env\",\"containerEdits\":{\"env\":[\"=1\"],"
	"\"deviceNodes\":[{\"path\":\"/dev/vfio/13\"}]}}]}";

static struct cdi_device found;

static int find(struct world *w, const char *name)
{
	const struct strv none = { .n = 0 };

	cdi_device_done(&found);
	return cdi_find(&w->h.sys, &none, &w->all, name, &found, &w->err);
}

static int setup(void **state)
{
	(void)world_setup(state);
	struct world *w = *state;

	fake_host_file(&w->h, nvidia, "etc/cdi/nvidia.yaml");
	fake_host_file(&w->h, disk, "run/cdi/disk.json");
	fake_host_file(&w->h,
		       "Model: \t\t NVIDIA H100\nDevice Minor: \t 0\n"
		       "GPU Excluded:\t No\n",
		       "proc/driver/nvidia/gpus/" GPU "/information");
	fake_host_link(&w->h, "../../../" GPU, DRM "card1/device");
	fake_host_link(&w->h, "../../../" DISK,
		       "sys/class/vfio-dev/vfio3/device");
	return 0;
}

static int teardown(void **state)
{
	cdi_device_done(&found);
	return world_teardown(state);
}

static void refused(struct world *w, const char *name, const char *said)
{
	if (find(w, name) >= 0 || !strstr(w->err.msg, said) ||
	    strchr(w->err.msg, '\n'))
		fail_msg("%s: '%s' without '%s'", name, w->err.msg, said);
}

static void an_nvidia_file_leads_to_the_gpu(void **state)
{
	struct world *w = *state;

	if (find(w, "nvidia.com/gpu=0") != 0)
		fail_msg("%s", w->err.msg);
	/* Both of its nodes are of one function. */
	assert_int_equal(found.nr, 1);
	assert_string_equal(found.dev[0]->bdf, GPU);
	assert_string_equal(strv_get_env(&found.env, "NVIDIA_VISIBLE_DEVICES"),
			    "void");
	assert_true(found.left_out);
}

static void groups_and_character_devices_are_understood(void **state)
{
	struct world *w = *state;

	assert_int_equal(find(w, "acme.com/disk=group"), 0);
	assert_int_equal(found.nr, 1);
	assert_string_equal(found.dev[0]->bdf, DISK);
	assert_string_equal(strv_get_env(&found.env, "DISK"), "1");
	assert_false(found.left_out);
	assert_int_equal(find(w, "acme.com/disk=cdev"), 0);
	assert_string_equal(found.dev[0]->bdf, DISK);
	assert_int_equal(find(w, "acme.com/disk=two"), 0);
	assert_int_equal(found.nr, 2);
	assert_string_equal(found.dev[1]->bdf, AUDIO);
}

static void what_cannot_be_had_is_said(void **state)
{
	struct world *w = *state;

	refused(w, "nvidia.com/gpu=slice", "a slice of a GPU");
	refused(w, "nvidia.com/gpu=gone", "leads to a PCI function now");
	refused(w, "nvidia.com/gpu=1", "there are nvidia.com/gpu=0, ");
	refused(w, "acme.com/nic=1", "--cdi-spec-dir");
	refused(w, "acme.com/disk=env", "not NAME=VALUE");
	refused(w, "none", "no CDI name");
}

static void a_later_directory_wins_and_one_has_no_twins(void **state)
{
	static const char other[] =
		"{\"kind\":\"nvidia.com/gpu\",\"devices\":[{\"name\":\"0\","
		"\"containerEdits\":{\"deviceNodes\":"
		"[{\"path\":\"/dev/vfio/13\"}]}}]}";
	struct world *w = *state;

	fake_host_file(&w->h, other, "run/cdi/other.json");
	assert_int_equal(find(w, "nvidia.com/gpu=0"), 0);
	assert_string_equal(found.dev[0]->bdf, DISK);
	fake_host_file(&w->h, other, "run/cdi/twin.json");
	refused(w, "nvidia.com/gpu=0", "is in both");
	/* Not a specification by its name. */
	fake_host_remove(&w->h, "run/cdi/twin.json");
	fake_host_file(&w->h, other, "run/cdi/twin.json.old");
	assert_int_equal(find(w, "nvidia.com/gpu=0"), 0);
}

static void given_directories_replace_the_usual(void **state)
{
	struct world *w = *state;
	struct strv dirs = { .n = 0 };

	assert_int_equal(strv_add(&dirs, "%s/run/cdi", w->h.root), 0);
	assert_int_equal(cdi_find(&w->h.sys, &dirs, &w->all,
				  "acme.com/disk=group", &found, &w->err),
			 0);
	cdi_device_done(&found);
	assert_int_equal(cdi_find(&w->h.sys, &dirs, &w->all, "nvidia.com/gpu=0",
				  &found, &w->err),
			 -ENOENT);
	cdi_device_done(&found);
	assert_int_equal(strv_add(&dirs, "%s/none", w->h.root), 0);
	assert_int_equal(cdi_find(&w->h.sys, &dirs, &w->all,
				  "acme.com/disk=group", &found, &w->err),
			 -ENOENT);
	assert_non_null(strstr(w->err.msg, "--cdi-spec-dir"));
	strv_done(&dirs);
}

static void a_broken_file_hides_no_other(void **state)
{
	struct world *w = *state;

	fake_host_file(&w->h, "{", "etc/cdi/broken.json");
	assert_int_equal(find(w, "nvidia.com/gpu=0"), 0);
	refused(w, "acme.com/nic=1", "etc/cdi/broken.json is not valid JSON");
}

/* Nobody writes to it: opening it would wait for ever. */
static void a_pipe_keeps_nobody(void **state)
{
	struct world *w = *state;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/etc/cdi/a.json", w->h.root);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)alarm(20);
	assert_int_equal(find(w, "nvidia.com/gpu=0"), 0);
	refused(w, "acme.com/nic=1", "etc/cdi/a.json' is not a file");
	(void)alarm(0);
}

static struct json_object *edits;

static int edits_of(struct world *w, const char *bdf)
{
	const struct strv none = { .n = 0 };

	return cdi_edits(&w->h.sys, &none, &w->all,
			 hostdev_find(&w->all, bdf, NULL), &edits, &w->err);
}

static const char *edit(const char *pointer)
{
	struct json_object *o = NULL;

	return json_pointer_get(edits, pointer, &o) == 0
		       ? json_object_get_string(o)
		       : "none";
}

static void a_function_leads_to_its_edits(void **state)
{
	struct world *w = *state;

	if (edits_of(w, GPU) != 0)
		fail_msg("%s", w->err.msg);
	assert_int_equal(json_object_array_length(edits), 2);
	assert_string_equal(edit("/0/deviceNodes/0/path"), "/dev/nvidiactl");
	assert_string_equal(edit("/0/hooks/0/hookName"), "createContainer");
	assert_string_equal(edit("/1/deviceNodes/0/path"), "/dev/nvidia0");
	json_object_put(edits);

	/* Not "two", which has another function as well; not a broken file. */
	fake_host_file(&w->h, "{", "etc/cdi/broken.json");
	assert_int_equal(edits_of(w, DISK), 0);
	assert_int_equal(json_object_array_length(edits), 1);
	assert_string_equal(edit("/0/env/0"), "DISK=1");
	json_object_put(edits);
	assert_int_equal(edits_of(w, AUDIO), -ENOENT);
	assert_non_null(strstr(w->err.msg, "how a container gets " AUDIO));
	assert_non_null(strstr(w->err.msg, "broken.json"));
	assert_non_null(strstr(w->err.msg, "--cdi-spec-dir"));
}

static void the_later_directory_has_the_edits(void **state)
{
	static const char other[] =
		"{\"kind\":\"a.b/c\",\"devices\":[{\"name\":\"0\","
		"\"containerEdits\":{\"env\":[\"OTHER=1\"],\"deviceNodes\":"
		"[{\"path\":\"/dev/nvidia0\"}]}}]}";
	struct world *w = *state;

	fake_host_file(&w->h, other, "run/cdi/other.json");
	/* Within a directory any that leads there will do. */
	fake_host_file(&w->h, other, "run/cdi/twin.json");
	assert_int_equal(edits_of(w, GPU), 0);
	assert_int_equal(json_object_array_length(edits), 1);
	assert_string_equal(edit("/0/env/0"), "OTHER=1");
	json_object_put(edits);
}

/* In place of the only file: what is said of it. */
static void hostile(struct world *w, const char *text, const char *said)
{
	fake_host_file(&w->h, text, "etc/cdi/nvidia.yaml");
	refused(w, "nvidia.com/gpu=0", said);
}

static void hostile_files_lead_nowhere(void **state)
{
	struct world *w = *state;

	hostile(w, "kind: &a nvidia.com/gpu\ndevices: *a\n", "aliases");
	hostile(w, "a: 1\n---\nb: 2\n", "a second document");
	hostile(w, "a: 1\na: 2\n", "a key that is there already");
	hostile(w, "[a]: 1\n", "a key that is not a word");
	hostile(w, "a: \"x\\0y\"\n", "a zero byte");
	hostile(w, "a: [\n", "line ");
	hostile(w, "\"\\x1b[31m\": *x\n", "line 1");
	hostile(w, "", "is empty");
	hostile(w, "~\n", "is empty");
	hostile(w, "nvidia.com/gpu\n", "is no CDI file");
	hostile(w, "kind: nvidia.com/gpu\n", "no CDI file");
	hostile(w, "kind: nvidia.com/gpu\ndevices: 7\n", "no CDI file");
	hostile(w, "kind: nvidia.com/gpu\ndevices: [7, [], {name: 0}]\n",
		"no CDI file");
	hostile(w,
		"kind: nvidia.com/gpu\ndevices:\n- name: '0'\n"
		"  containerEdits: {deviceNodes: [1, {}, {path: 2},"
		" {path: /dev/nvidia99999999999999999999},"
		" {path: /dev/dri/card../../x}, {path: /dev/vfio/-1}]}\n",
		"leads to a PCI function now");
	hostile(w,
		"kind: nvidia.com/gpu\ndevices:\n- name: '0'\n"
		"  containerEdits: {env: [7]}\n",
		"not NAME=VALUE");
}

static void bounds_hold(void **state)
{
	struct world *w = *state;
	size_t size = (1U << 20) + 2;
	char *text = calloc(1, size);

	assert_non_null(text);
	memset(text, '[', 40);
	hostile(w, text, "more than 32 levels");
	memset(text, '[', 1);
	for (size_t i = 1; i < 200000; i += 2)
		memcpy(text + i, "a,", 2);
	hostile(w, text, "too many values");
	memset(text, '#', size - 1);
	hostile(w, text, "nvidia.yaml");
	free(text);
}

/* Plain words of YAML's core schema are values, quoted ones are strings. */
static void numbers_are_no_names(void **state)
{
	struct world *w = *state;

	fake_host_file(&w->h,
		       "kind: nvidia.com/gpu\ndevices:\n- name: 0\n"
		       "  containerEdits: {deviceNodes: "
		       "[{path: /dev/vfio/13}]}\n",
		       "etc/cdi/nvidia.yaml");
	refused(w, "nvidia.com/gpu=0", "no CDI file");
	fake_host_file(&w->h,
		       "kind: nvidia.com/gpu\ndevices:\n- name: '0'\n"
		       "  containerEdits: {env: [A=yes], deviceNodes: "
		       "[{path: /dev/vfio/13, major: 195, type: ~}]}\n",
		       "etc/cdi/nvidia.yaml");
	assert_int_equal(find(w, "nvidia.com/gpu=0"), 0);
	assert_string_equal(found.dev[0]->bdf, DISK);
}

#define CDI(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CDI(an_nvidia_file_leads_to_the_gpu),
		CDI(groups_and_character_devices_are_understood),
		CDI(what_cannot_be_had_is_said),
		CDI(a_later_directory_wins_and_one_has_no_twins),
		CDI(given_directories_replace_the_usual),
		CDI(a_broken_file_hides_no_other),
		CDI(a_pipe_keeps_nobody),
		CDI(a_function_leads_to_its_edits),
		CDI(the_later_directory_has_the_edits),
		CDI(hostile_files_lead_nowhere),
		CDI(bounds_hold),
		CDI(numbers_are_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
