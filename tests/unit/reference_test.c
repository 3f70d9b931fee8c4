/* SPDX-License-Identifier: Apache-2.0 */
/* reference_test.c - image names: what docker takes, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "vmm/manager/reference.h"

#define HEX8 "01234567"
#define HEX  HEX8 HEX8 HEX8 HEX8 HEX8 HEX8 HEX8 HEX8

static void means(const char *text, const char *full, const char *brief)
{
	struct reference ref;
	struct err err = { 0 };
	char out[REFERENCE_MAX];

	if (reference_parse(text, &ref, &err) < 0)
		fail_msg("'%s' refused: %s", text, err.msg);
	reference_full(&ref, out);
	assert_string_equal(out, full);
	reference_short(&ref, out);
	assert_string_equal(out, brief);

	/* The full form means itself. */
	struct reference again;
	assert_int_equal(reference_parse(full, &again, NULL), 0);
	assert_memory_equal(&again, &ref, sizeof(ref));
}

static void names_are_completed_as_docker_does(void **state)
{
	(void)state;
	means("debian", "docker.io/library/debian:latest", "debian:latest");
	means("debian:12", "docker.io/library/debian:12", "debian:12");
	means("me/app", "docker.io/me/app:latest", "me/app:latest");
	means("docker.io/debian", "docker.io/library/debian:latest",
	      "debian:latest");
	means("index.docker.io/library/debian",
	      "docker.io/library/debian:latest", "debian:latest");
	means("localhost/app", "localhost/app:latest", "localhost/app:latest");
	means("localhost:5000/a/b/c:v1", "localhost:5000/a/b/c:v1",
	      "localhost:5000/a/b/c:v1");
	means("ghcr.io/a/b", "ghcr.io/a/b:latest", "ghcr.io/a/b:latest");
	means("Host.Example/a", "Host.Example/a:latest",
	      "Host.Example/a:latest");
	means("a__b--c.d_e", "docker.io/library/a__b--c.d_e:latest",
	      "a__b--c.d_e:latest");
}

static void a_digest_drops_the_tag(void **state)
{
	(void)state;
	means("debian@sha256:" HEX, "docker.io/library/debian@sha256:" HEX,
	      "debian@sha256:" HEX);
	means("debian:12@sha256:" HEX, "docker.io/library/debian@sha256:" HEX,
	      "debian@sha256:" HEX);
}

static void malformed_names_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"Debian",
		"a/B",
		"-a",
		"a-",
		"a..b",
		"a___b",
		"a//b",
		"/a",
		"a/",
		"a:",
		"a:-x",
		"a:b c",
		"a b",
		"a@",
		"a@sha256:12",
		"a@md5:12",
		"../etc",
		"a/../b",
		"host.x:/a",
		"h.x:99999999/a",
		"a:b:c",
		"a\nb",
		"a@sha512:" HEX,
		HEX,
		"h.x/",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct reference ref;
		struct err err = { 0 };

		if (reference_parse(bad[i], &ref, &err) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(strlen(err.msg) > 10);
	}
}

static void lengths_are_bounded(void **state)
{
	char name[2000];
	struct reference ref;

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(reference_parse(name, &ref, NULL), -EINVAL);

	/* docker.io/library/ takes 18 of 255 bytes. */
	name[238] = '\0';
	assert_int_equal(reference_parse(name, &ref, NULL), -EINVAL);
	name[237] = '\0';
	assert_int_equal(reference_parse(name, &ref, NULL), 0);

	memcpy(name, "b:", 2);
	memset(name + 2, 't', 129);
	name[131] = '\0';
	assert_int_equal(reference_parse(name, &ref, NULL), -EINVAL);
	name[130] = '\0';
	assert_int_equal(reference_parse(name, &ref, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_completed_as_docker_does),
		cmocka_unit_test(a_digest_drops_the_tag),
		cmocka_unit_test(malformed_names_are_refused),
		cmocka_unit_test(lengths_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
