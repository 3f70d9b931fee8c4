/* SPDX-License-Identifier: Apache-2.0 */
/* Options and image become what runs, by docker's rules. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/abi/agent.h"
#include "vmm/manager/devices.h"
#include "vmm/manager/image.h"
#include "vmm/manager/spec.h"

#define MIB  ((uint64_t)1 << 20)
#define HOST (4096 * MIB)

static char name[] = "img:latest";
static char entry[] = "entry", cmd[] = "cmd", word[] = "word", flag[] = "-f";
static char *entry_list[] = { entry, flag, NULL };
static char *cmd_list[] = { cmd, NULL };
static char *none[] = { NULL };
static char *command[] = { word, NULL };

struct fixture {
	struct run_options o;
	struct image img;
	struct kernel kernel;
	struct devices devices;
	uint64_t host; /* bytes */
	struct spec spec;
	struct err err;
};

static void init(struct fixture *f)
{
	*f = (struct fixture){
		.o = { .command = none },
		.img = { .name = name,
			 .rootfs = -1,
			 .config = { .env = none,
				     .entrypoint = none,
				     .cmd = cmd_list,
				     .ports = none } },
		.kernel = { .flavour = "minimal", .min_memory = 64 * MIB },
		.host = HOST,
	};
}

static int make(struct fixture *f)
{
	const struct spec_parts parts = {
		.options = &f->o,
		.image = &f->img,
		.kernel = &f->kernel,
		.devices = &f->devices,
		.id = "0123456789ab",
		.host_memory = f->host,
	};

	return spec_make(&parts, &f->spec, &f->err);
}

static void done(struct fixture *f)
{
	spec_done(&f->spec);
	strv_done(&f->o.env);
	strv_done(&f->o.env_file);
	devices_done(&f->devices);
}

static void expect_args(struct fixture *f, const char *const *args)
{
	assert_int_equal(make(f), 0);
	size_t n = 0;
	for (; args[n]; n++) {
		assert_true(n < f->spec.args.n);
		assert_string_equal(f->spec.args.v[n], args[n]);
	}
	assert_int_equal(f->spec.args.n, n);
	spec_done(&f->spec);
}

static void shares_are_in_the_plan(void **state)
{
	struct json_object *o, *list, *v;
	struct fixture f;

	(void)state;
	init(&f);
	assert_int_equal(shares_add_volume(&f.o.shares, "/a:/b:ro", &f.err), 0);
	assert_int_equal(make(&f), 0);
	o = spec_to_json(&f.spec);
	assert_true(json_object_object_get_ex(o, "shares", &list));
	assert_int_equal(json_object_array_length(list), 1);
	v = json_object_array_get_idx(list, 0);
	assert_string_equal(json_object_to_json_string_ext(v, 0),
			    "{\"source\":\"\\/a\",\"target\":\"\\/b\","
			    "\"kind\":\"directory\",\"read_only\":true}");
	json_object_put(o);
	shares_done(&f.o.shares);
	done(&f);
}

static void command_and_entrypoint_merge(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	expect_args(&f, (const char *const[]){ "cmd", NULL });
	f.o.command = command;
	expect_args(&f, (const char *const[]){ "word", NULL });
	f.img.config.entrypoint = entry_list;
	expect_args(&f, (const char *const[]){ "entry", "-f", "word", NULL });
	f.o.command = none;
	expect_args(&f, (const char *const[]){ "entry", "-f", "cmd", NULL });
	/* --entrypoint drops CMD. */
	f.o.entrypoint = "mine";
	expect_args(&f, (const char *const[]){ "mine", NULL });
	f.o.command = command;
	expect_args(&f, (const char *const[]){ "mine", "word", NULL });
	f.o.entrypoint = "";
	expect_args(&f, (const char *const[]){ "word", NULL });
	f.o.command = none;
	assert_int_equal(make(&f), -EINVAL);
	assert_non_null(strstr(f.err.msg, "names no command"));
	done(&f);
}

static void environment_is_layered(void **state)
{
	static char from[] = "FROM=image", path[] = "PATH=/image",
		    junk[] = "JUNK", gone[] = "GONE=x";
	static char *env[] = { from, path, junk, gone, NULL };
	struct fixture f;

	(void)state;
	init(&f);
	f.img.config.env = env;
	assert_int_equal(strv_add(&f.devices.env, "FROM=cdi"), 0);
	assert_int_equal(strv_add(&f.devices.env, "CDI=1"), 0);
	assert_int_equal(strv_add(&f.o.env_file, "FROM=file"), 0);
	assert_int_equal(strv_add(&f.o.env_file, "FILE=1"), 0);
	assert_int_equal(strv_add(&f.o.env, "FILE=2"), 0);
	assert_int_equal(strv_add(&f.o.env, "GONE"), 0);
	f.o.tty = true;
	assert_int_equal(make(&f), 0);
	assert_string_equal(strv_get_env(&f.spec.env, "FROM"), "file");
	assert_string_equal(strv_get_env(&f.spec.env, "PATH"), "/image");
	assert_string_equal(strv_get_env(&f.spec.env, "CDI"), "1");
	assert_string_equal(strv_get_env(&f.spec.env, "FILE"), "2");
	assert_string_equal(strv_get_env(&f.spec.env, "TERM"), "xterm");
	assert_string_equal(strv_get_env(&f.spec.env, "HOSTNAME"),
			    "0123456789ab");
	assert_null(strv_get_env(&f.spec.env, "GONE"));
	assert_null(strv_get_env(&f.spec.env, "JUNK"));
	done(&f);
}

static void user_and_directory_fall_back_to_the_image(void **state)
{
	static char user[] = "web", dir[] = "/srv";
	struct fixture f;

	(void)state;
	init(&f);
	assert_int_equal(make(&f), 0);
	assert_string_equal(f.spec.cwd, "/");
	assert_null(f.spec.user);
	assert_string_equal(f.spec.hostname, "0123456789ab");
	spec_done(&f.spec);

	f.img.config.user = user;
	f.img.config.working_dir = dir;
	assert_int_equal(make(&f), 0);
	assert_string_equal(f.spec.cwd, "/srv");
	assert_string_equal(f.spec.user, "web");
	spec_done(&f.spec);

	f.o.user = "0";
	f.o.workdir = "/w";
	f.o.hostname = "box";
	assert_int_equal(make(&f), 0);
	assert_string_equal(f.spec.cwd, "/w");
	assert_string_equal(f.spec.user, "0");
	assert_string_equal(f.spec.hostname, "box");
	assert_string_equal(strv_get_env(&f.spec.env, "HOSTNAME"), "box");
	done(&f);
}

static void memory_is_bounded(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	assert_int_equal(make(&f), 0);
	assert_int_equal(f.spec.memory, 2048 * MIB);
	spec_done(&f.spec);
	f.o.memory = 64 * MIB + 5;
	assert_int_equal(make(&f), 0);
	assert_int_equal(f.spec.memory, 64 * MIB);
	spec_done(&f.spec);
	f.o.memory = 64 * MIB - 1;
	assert_int_equal(make(&f), -ERANGE);
	assert_non_null(strstr(f.err.msg, "64m or more"));
	spec_done(&f.spec);
	f.o.memory = HOST + MIB;
	assert_int_equal(make(&f), -ERANGE);
	assert_non_null(strstr(f.err.msg, "4096 MiB of this host"));
	spec_done(&f.spec);

	/* What may be plugged in. */
	f.o.memory = 256 * MIB;
	f.o.memory_max = 1024 * MIB + 5;
	assert_int_equal(make(&f), 0);
	assert_int_equal(f.spec.memory, 256 * MIB);
	assert_int_equal(f.spec.memory_max, 1024 * MIB);
	spec_done(&f.spec);
	f.o.memory_max = 257 * MIB;
	assert_int_equal(make(&f), -ERANGE);
	assert_non_null(strstr(f.err.msg, "give 258m or more"));
	spec_done(&f.spec);
	f.o.memory_max = 4097 * MIB;
	assert_int_equal(make(&f), -ERANGE);
	assert_non_null(strstr(f.err.msg, "4096 MiB of this host"));
	spec_done(&f.spec);
	f.o.memory_max = 1024 * MIB;
	f.devices.nr_numa = 1;
	assert_int_equal(make(&f), -EINVAL);
	assert_non_null(strstr(f.err.msg, "no NUMA node; leave it out"));
	spec_done(&f.spec);
	f.devices.nr_numa = 0;
	f.o.memory_max = 0;

	/* Whole huge pages: rounded when nobody said how much. */
	f.o.memory = 0;
	f.o.hugepages = 1024 * MIB;
	f.host = 3000 * MIB;
	assert_int_equal(make(&f), 0);
	assert_int_equal(f.spec.memory, 1024 * MIB);
	spec_done(&f.spec);
	f.o.memory = 1500 * MIB;
	assert_int_equal(make(&f), -ERANGE);
	assert_non_null(strstr(f.err.msg, "give 2048m"));
	done(&f);
}

/* The variable V<i>, @len bytes with its name. */
static int add_long(struct fixture *f, int i, int len)
{
	int name_len = snprintf(NULL, 0, "V%d=", i);

	return strv_add(&f->o.env, "V%d=%0*d", i, len - name_len, 0);
}

static void settings_fit_into_records(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	/* One record each, and AGENT_SETTINGS for all of them. */
	assert_int_equal(add_long(&f, 0, AGENT_MAX), 0);
	assert_int_equal(make(&f), 0);
	spec_done(&f.spec);
	assert_int_equal(add_long(&f, 1, AGENT_MAX + 1), 0);
	assert_int_equal(make(&f), -E2BIG);
	assert_non_null(strstr(f.err.msg, "is longer than"));
	done(&f);

	init(&f);
	for (int i = 0; i < AGENT_SETTINGS / AGENT_MAX; i++)
		assert_int_equal(add_long(&f, i, AGENT_MAX), 0);
	assert_int_equal(make(&f), -E2BIG);
	assert_non_null(strstr(f.err.msg, "together"));
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_in_the_plan),
		cmocka_unit_test(command_and_entrypoint_merge),
		cmocka_unit_test(environment_is_layered),
		cmocka_unit_test(user_and_directory_fall_back_to_the_image),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(settings_fit_into_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
