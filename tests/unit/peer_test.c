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
		cmocka_unit_test(the_commands_of_a_job),
		cmocka_unit_test(addresses_of_pairs_differ),
		cmocka_unit_test(users_of_an_image),
		cmocka_unit_test(jobs_for_qemu_are_what_it_reads),
		cmocka_unit_test(the_status_of_a_command),
		cmocka_unit_test(names_of_peers_and_suites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
