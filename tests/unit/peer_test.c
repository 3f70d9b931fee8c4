/* SPDX-License-Identifier: Apache-2.0 */
/* peer_test.c - what peers make of an image and a job, without running it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/compare/qemu_job.h"
#include "vmm/compare/command.h"
#include "vmm/compare/peer.h"
#include "vmm/compare/qemu_initrd.h"
#include "vmm/compare/runner.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"

static char entry[] = "/entry", cmd[] = "cmd", var[] = "A=b", dir[] = "/work";
static char *entrypoint[] = { entry, NULL }, *cmds[] = { cmd, NULL },
	    *vars[] = { var, NULL };
static struct image image = {
	.config = { .env = vars,
		    .entrypoint = entrypoint,
		    .cmd = cmds,
		    .working_dir = dir },
};
static struct manager mgr;
static struct peer_world world = {
	.mgr = &mgr,
	.image = &image,
	.lower = "/lower",
	.user = { .uid = 0, .gid = 0, .home = "/root" },
};

static struct json_object *bundle(struct instance *inst,
				  const struct peer_job *job)
{
	struct json_object *doc;

	(void)snprintf(inst->id, sizeof(inst->id), "compare-1-2");
	doc = oci_bundle(inst, &world, job);
	assert_non_null(doc);
	return doc;
}

static const char *text_of(struct json_object *doc, const char *path)
{
	struct json_object *o = NULL;

	assert_int_equal(json_pointer_get(doc, path, &o), 0);
	return json_object_to_json_string_ext(o,
					      JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void a_bundle_is_what_docker_writes(void **state)
{
	const struct peer_job job = { .memory = 64 << 20 };
	struct instance inst = { 0 };

	(void)state;
	AUTO_JSON struct json_object *doc = bundle(&inst, &job);
	assert_string_equal(text_of(doc, "/process/args"),
			    "[\"/entry\",\"cmd\"]");
	assert_string_equal(text_of(doc, "/process/cwd"), "\"/work\"");
	assert_non_null(strstr(text_of(doc, "/process/env"), "\"A=b\""));
	assert_non_null(strstr(text_of(doc, "/process/env"), "\"HOME=/root\""));
	assert_string_equal(text_of(doc, "/root/path"), "\"rootfs\"");
	assert_string_equal(text_of(doc, "/linux/resources/memory/limit"),
			    "67108864");
	assert_string_equal(text_of(doc, "/linux/cgroupsPath"),
			    "\"/belljar-compare-1-2\"");
	const char *caps = text_of(doc, "/process/capabilities/effective");
	assert_non_null(strstr(caps, "CAP_CHOWN"));
	assert_null(strstr(caps, "CAP_SYS_ADMIN"));
	for (const char *const *ns =
		     (const char *const[]){ "pid", "mount", "ipc", "uts",
					    "network", "cgroup", NULL };
	     *ns; ns++)
		assert_non_null(strstr(text_of(doc, "/linux/namespaces"), *ns));
	assert_non_null(strstr(text_of(doc, "/linux/maskedPaths"), "kcore"));
	assert_non_null(strstr(text_of(doc, "/mounts"), "/dev/shm"));
}

static void a_published_port_keeps_the_runners_network(void **state)
{
	const struct peer_job job = { .memory = 64 << 20, .port = 80 };
	struct instance inst = { .net = true };

	(void)state;
	AUTO_JSON struct json_object *doc = bundle(&inst, &job);
	assert_null(strstr(text_of(doc, "/linux/namespaces"), "network"));
}

/* execve() of a user that is not root keeps no capabilities. */
static void users_have_no_capabilities(void **state)
{
	const struct peer_job job = { .memory = 64 << 20 };
	struct instance inst = { 0 };
	struct json_object *o = NULL;

	(void)state;
	world.user = (struct user){ 7, 8, { 9 }, 1, "/" };
	AUTO_JSON struct json_object *doc = bundle(&inst, &job);
	world.user = (struct user){ .home = "/root" };
	assert_int_equal(json_pointer_get(doc, "/process/capabilities", &o),
			 -1);
	assert_string_equal(text_of(doc, "/process/user/uid"), "7");
	assert_string_equal(text_of(doc, "/process/user/gid"), "8");
	assert_string_equal(text_of(doc, "/process/user/additionalGids"),
			    "[9]");
}

/* As nvidia-ctk has it: the file's own, and the device's. */
static const char edits_text[] =
	"[{\"env\":[\"NVIDIA_VISIBLE_DEVICES=void\",\"A=c\"],"
	"\"deviceNodes\":[{\"path\":\"/dev/zero2\",\"hostPath\":\"/dev/zero\"}],"
	"\"mounts\":[{\"hostPath\":\"/usr/lib/x.so.1\",\"containerPath\":"
	"\"/lib/x.so.1\",\"options\":[\"ro\"]}],"
	"\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"/bin/hook\","
	"\"args\":[\"hook\",\"x\"]}]},"
	"{\"deviceNodes\":[{\"path\":\"/dev/gpu0\",\"type\":\"c\",\"major\":195,"
	"\"minor\":0,\"fileMode\":438,\"permissions\":\"rw\"}],"
	"\"additionalGids\":[44]}]";

static struct json_object *parsed(const char *text)
{
	struct json_object *o = json_tokener_parse(text);

	assert_non_null(o);
	return o;
}

static void edits_of_a_device_are_in_the_bundle(void **state)
{
	const struct peer_job job = { .memory = 64 << 20, .gpu = true };
	struct instance inst = { 0 };
	AUTO_JSON struct json_object *edits = parsed(edits_text);
	struct err err;

	(void)state;
	AUTO_JSON struct json_object *doc = bundle(&inst, &job);
	if (oci_edits_apply(doc, edits, &err) < 0)
		fail_msg("%s", err.msg);
	const char *env = text_of(doc, "/process/env");
	assert_non_null(strstr(env, "\"NVIDIA_VISIBLE_DEVICES=void\""));
	assert_non_null(strstr(env, "\"A=c\""));
	assert_null(strstr(env, "\"A=b\""));
	assert_string_equal(text_of(doc, "/linux/devices/0/path"),
			    "\"/dev/zero2\"");
	assert_string_equal(text_of(doc, "/linux/devices/0/minor"), "5");
	assert_string_equal(text_of(doc, "/linux/devices/1/fileMode"), "438");
	/* The first one still forbids all others. */
	assert_string_equal(text_of(doc, "/linux/resources/devices/0/allow"),
			    "false");
	assert_string_equal(text_of(doc, "/linux/resources/devices/2/major"),
			    "195");
	assert_string_equal(text_of(doc, "/linux/resources/devices/2/access"),
			    "\"rw\"");
	assert_non_null(strstr(text_of(doc, "/mounts"), "/usr/lib/x.so.1"));
	assert_non_null(strstr(text_of(doc, "/mounts"), "\"ro\",\"rbind\""));
	assert_non_null(strstr(text_of(doc, "/hooks/createContainer/0/args"),
			       "\"hook\",\"x\""));
	assert_string_equal(text_of(doc, "/process/user/additionalGids"),
			    "[44]");
}

static void broken_edits_are_a_sentence(void **state)
{
	static const struct {
		const char *text, *said;
	} bad[] = {
		{ "[{\"deviceNodes\":[7]}]", "a device node without a path" },
		{ "[{\"deviceNodes\":[{\"path\":\"x\"}]}]", "without a path" },
		{ "[{\"deviceNodes\":[{\"path\":\"/dev/none\"}]}]",
		  "device '/dev/none'" },
		{ "[{\"deviceNodes\":[{\"path\":\"/etc\"}]}]",
		  "a device node that is none" },
		{ "[{\"mounts\":[{\"hostPath\":\"/x\"}]}]",
		  "both of its paths" },
		{ "[{\"mounts\":[[]]}]", "both of its paths" },
		{ "[{\"env\":[\"A\"]}]", "not NAME=VALUE" },
		{ "[{\"env\":[{}]}]", "not NAME=VALUE" },
		{ "[{\"hooks\":[{\"hookName\":\"x\",\"path\":\"/x\"}]}]",
		  "a hook" },
		{ "[{\"hooks\":[{\"hookName\":\"poststop\"}]}]", "a hook" },
		{ "[{\"additionalGids\":[\"0\"]}]", "a group" },
	};
	const struct peer_job job = { .memory = 64 << 20, .gpu = true };
	struct instance inst = { 0 };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_JSON struct json_object *doc = bundle(&inst, &job);
		AUTO_JSON struct json_object *edits = parsed(bad[i].text);

		assert_true(oci_edits_apply(doc, edits, &err) < 0);
		if (!strstr(err.msg, bad[i].said))
			fail_msg("'%s' without '%s'", err.msg, bad[i].said);
	}
}

/* What of it is no list of ours is passed over, as by all readers of CDI. */
static void odd_edits_change_nothing(void **state)
{
	const struct peer_job job = { .memory = 64 << 20 };
	struct instance inst = { 0 };
	struct err err;

	(void)state;
	AUTO_JSON struct json_object *doc = bundle(&inst, &job);
	AUTO_JSON struct json_object *same = bundle(&inst, &job);
	AUTO_JSON struct json_object *edits =
		parsed("[7,[],{\"env\":{},\"mounts\":0,\"intelRdt\":{}}]");
	assert_int_equal(oci_edits_apply(doc, edits, &err), 0);
	assert_true(json_object_equal(doc, same));
}

static bool has(const struct strv *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], text) == 0)
			return true;
	return false;
}

static void a_vm_gets_the_gpu_as_a_person_would_say_it(void **state)
{
	char option[] = "--kernel-modules=/m", *options[] = { option, NULL };
	const struct gpu_plan plan = { .vm_options = { options, 1 } };
	char gpu[] = "/gpu", *args[] = { gpu, NULL }, data[] = "/d",
	     run[] = "/r", all[] = "sha256:1";
	struct peer_job job = { .args = args, .memory = 64 << 20, .cpus = 1 };
	struct instance inst = { 0 };
	struct err err;

	(void)state;
	mgr = (struct manager){ .data = data, .run = run, .kvm = "/k" };
	(void)snprintf(image.id, sizeof(image.id), "%s", all);
	world.gpu = (struct gpu){ .bdf = "0000:01:00.0", .plan = &plan };
	assert_int_equal(peer_belljar.launch(&world, &job, &inst, &err), 0);
	assert_false(has(&inst.argv, "--gpus=device=0000:01:00.0"));
	strv_done(&inst.argv);
	strv_done(&inst.env);

	inst = (struct instance){ 0 };
	job.gpu = true;
	assert_int_equal(peer_belljar.launch(&world, &job, &inst, &err), 0);
	assert_true(has(&inst.argv, "--gpus=device=0000:01:00.0"));
	assert_true(has(&inst.argv, option));
	assert_true(has(&inst.argv, all));
	strv_done(&inst.argv);
	strv_done(&inst.env);

	inst = (struct instance){ 0 };
	(void)snprintf(world.gpu.image, sizeof(world.gpu.image), "sha256:2");
	assert_int_equal(peer_belljar.launch(&world, &job, &inst, &err), 0);
	assert_true(has(&inst.argv, "sha256:2"));
	assert_false(has(&inst.argv, all));
	strv_done(&inst.argv);
	strv_done(&inst.env);

	/* Bare: the file in the unpacked image, by the host's loader. */
	inst = (struct instance){ 0 };
	assert_int_equal(peer_bare.launch(&world, &job, &inst, &err), 0);
	assert_string_equal(inst.argv.v[0], "/lower/gpu");
	strv_done(&inst.argv);
	strv_done(&inst.env);
	world.gpu = (struct gpu){ .plan = NULL };
	image.id[0] = '\0';
	mgr = (struct manager){ .data = NULL };
}

/* Each has one, or says why not, and where its libraries come from. */
static void every_peer_has_a_gpu_or_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; peers_all[i]; i++)
		assert_int_equal(!peers_all[i]->no_gpu,
				 !!peers_all[i]->no_library);
}

static void the_commands_of_a_job(void **state)
{
	char one[] = "one";
	char *own[] = { one, NULL }, *none[] = { NULL };
	struct peer_job job = { .args = own };
	struct strv args = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(peer_args(&world, &job, &args, &err), 0);
	assert_int_equal(args.n, 2);
	assert_string_equal(args.v[1], "one");
	strv_done(&args);
	args = (struct strv){ 0 };
	job.args = none;
	assert_int_equal(peer_args(&world, &job, &args, &err), 0);
	assert_string_equal(args.v[1], "cmd");
	strv_done(&args);

	image.config.entrypoint = image.config.cmd = none;
	args = (struct strv){ 0 };
	assert_int_equal(peer_args(&world, &job, &args, &err), -EINVAL);
	strv_done(&args);
	image.config.entrypoint = entrypoint;
	image.config.cmd = cmds;
}

static void addresses_of_pairs_differ(void **state)
{
	struct in_addr near, far, other, far2;

	(void)state;
	walls_address(5, &near, &far);
	walls_address(6, &other, &far2);
	assert_int_equal(ntohl(far.s_addr), ntohl(near.s_addr) + 1);
	assert_int_not_equal(near.s_addr, other.s_addr);
	/* All of them in 198.18.0.0/15, in networks of four. */
	walls_address(~0U, &near, &far);
	assert_int_equal(ntohl(near.s_addr) >> 17, 0xc6120000U >> 17);
	assert_int_equal(ntohl(near.s_addr) % 4, 1);
}

static void write_file(const char *root, const char *path, const char *text)
{
	char full[PATH_MAX];

	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	assert_int_equal(io_write_file(full, text, strlen(text), NULL), 0);
}

static void users_of_an_image(void **state)
{
	char root[] = "/tmp/user_test.XXXXXX", etc[64];
	struct user u;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(user_find(root, NULL, &u, &err), 0);
	assert_int_equal(u.uid, 0);
	assert_int_equal(user_find(root, "joe", &u, &err), -ENOENT);
	assert_string_equal(err.msg,
			    "user 'joe' is not in the image's /etc/passwd");
	(void)snprintf(etc, sizeof(etc), "%s/etc", root);
	assert_int_equal(mkdir(etc, 0755), 0);
	write_file(root, "etc/passwd",
		   "root:x:0:0::/root:/bin/sh\njoe:x:5:6::/home/joe:\n");
	write_file(root, "etc/group", "a:x:7:\nb:x:8:ann,joe\nc:x:9:joe\n");
	assert_int_equal(user_find(root, "joe", &u, &err), 0);
	assert_int_equal(u.uid, 5);
	assert_int_equal(u.gid, 6);
	assert_string_equal(u.home, "/home/joe");
	assert_int_equal(u.nr_groups, 2);
	assert_int_equal(u.groups[1], 9);
	assert_int_equal(user_find(root, "5:b", &u, &err), 0);
	assert_int_equal(u.gid, 8);
	assert_int_equal(u.nr_groups, 0);
	assert_int_equal(user_find(root, "12:13", &u, &err), 0);
	assert_int_equal(u.uid, 12);
	assert_int_equal(u.gid, 13);
	assert_int_equal(user_find(root, "joe:x", &u, &err), -ENOENT);
	assert_int_equal(io_remove_tree(root, NULL), 0);
}

/* What qemu_job.h says, read by what the guest reads it with. */
static void jobs_for_qemu_are_what_it_reads(void **state)
{
	const struct user user = { .uid = 5, .gid = 6 };
	struct strv args = { 0 }, env = { 0 };
	size_t len = 0;

	(void)state;
	assert_int_equal(strv_add(&args, "/suite"), 0);
	assert_int_equal(strv_add(&args, "two words"), 0);
	assert_int_equal(strv_add(&env, "A=b"), 0);
	char *data = qemu_initrd_job("/work", &user, &args, &env, &len);
	static const char want[] = "/work\0"
				   "5\0"
				   "6\0"
				   "2\0"
				   "/suite\0"
				   "two words\0"
				   "A=b";
	assert_int_equal(len, sizeof(want));
	assert_memory_equal(data, want, len);
	free(data);
	strv_done(&args);
	strv_done(&env);
	assert_int_equal(peer_qemu.status(3), 0);
	assert_int_equal(peer_qemu.status(2 * 8 + 1), 7);
	assert_int_equal(peer_qemu.status(1), QEMU_JOB_FAILED);
}

static void the_status_of_a_command(void **state)
{
	struct turn t[3] = { { .made = true, .status = 4 },
			     { .made = false, .status = 0 },
			     { .made = true, .status = 5 } };

	(void)state;
	assert_int_equal(command_status(t, 3), -1);
	assert_int_equal(command_status(t, 2), 4);
	t[2].status = 4;
	assert_int_equal(command_status(t, 3), 4);
	t[2].status = 0;
	assert_int_equal(command_status(t, 3), 0);
	assert_int_equal(command_status(t + 1, 1), -1);
}

static void names_of_peers_and_suites(void **state)
{
	(void)state;
	assert_ptr_equal(peer_find("crun"), &peer_crun);
	assert_null(peer_find("docker"));
	assert_non_null(suite_find("quick"));
	assert_null(suite_find("command"));
	/* Every row that a program is to measure is one. */
	for (const char *const *p = suite_find("full")->programs; *p; p++)
		assert_int_not_equal(row_find(*p), NR_ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bundle_is_what_docker_writes),
		cmocka_unit_test(a_published_port_keeps_the_runners_network),
		cmocka_unit_test(users_have_no_capabilities),
		cmocka_unit_test(edits_of_a_device_are_in_the_bundle),
		cmocka_unit_test(broken_edits_are_a_sentence),
		cmocka_unit_test(odd_edits_change_nothing),
		cmocka_unit_test(a_vm_gets_the_gpu_as_a_person_would_say_it),
		cmocka_unit_test(every_peer_has_a_gpu_or_a_reason),
		cmocka_unit_test(the_commands_of_a_job),
		cmocka_unit_test(addresses_of_pairs_differ),
		cmocka_unit_test(users_of_an_image),
		cmocka_unit_test(jobs_for_qemu_are_what_it_reads),
		cmocka_unit_test(the_status_of_a_command),
		cmocka_unit_test(names_of_peers_and_suites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
