/* SPDX-License-Identifier: Apache-2.0 */
/* machine_test.c - machines out of pretended /proc and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/compare/machine.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"

static char root[] = "/tmp/machine_test.XXXXXX";

static void write_file(const char *path, const char *text)
{
	char full[256], *slash;

	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(io_mkdirs(full, 0755, NULL), 0);
	*slash = '/';
	assert_int_equal(io_write_file(full, text, strlen(text), NULL), 0);
}

static int make(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int clear(void **state)
{
	(void)state;
	(void)unsetenv("BELLJAR_LAB");
	return io_remove_tree(root, NULL);
}

static void an_empty_machine(void **state)
{
	bool emulated = true;

	(void)state;
	AUTO_JSON struct json_object *o = machine_describe(root, &emulated);
	assert_non_null(o);
	assert_false(emulated);
	assert_string_equal(json_str_or(o, "kvm", ""), "none");
	assert_string_equal(json_str_or(o, "governor", ""), "not known");
	assert_null(json_str_or(o, "cpu", NULL));
}

static void a_whole_machine(void **state)
{
	bool emulated = false;
	int64_t n = 0;

	(void)state;
	write_file("/proc/cpuinfo", "processor : 0\nmodel name\t: Fine CPU\n"
				    "flags\t\t: fpu svmx vmx hypervisor\n");
	write_file("/proc/meminfo", "MemTotal:        2097152 kB\n");
	write_file("/proc/loadavg", "1.50 1.00 0.50 1/100 7\n");
	write_file("/dev/kvm", "");
	write_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
		   "powersave\n");
	write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
		   "always [never]\n");
	AUTO_JSON struct json_object *o = machine_describe(root, &emulated);
	assert_string_equal(json_str_or(o, "cpu", ""), "Fine CPU");
	assert_string_equal(json_str_or(o, "kvm", ""), "VMX, nested");
	assert_string_equal(json_str_or(o, "virtual", ""), "yes");
	assert_string_equal(json_str_or(o, "governor", ""), "powersave");
	assert_string_equal(json_str_or(o, "huge_pages_shared", ""),
			    "always [never]");
	assert_int_equal(json_get_i64(o, "memory_mib", &n, NULL), 0);
	assert_int_equal(n, 2048);
	assert_false(emulated);
}

static void flags_are_whole_words(void **state)
{
	bool emulated;

	(void)state;
	write_file("/proc/cpuinfo", "flags : svmx xsvm\n");
	AUTO_JSON struct json_object *o = machine_describe(root, &emulated);
	assert_string_equal(json_str_or(o, "kvm", ""), "without VMX and SVM");
}

static void the_lab_is_emulated(void **state)
{
	bool emulated = false;

	(void)state;
	(void)setenv("BELLJAR_LAB", "1", 1);
	AUTO_JSON struct json_object *o = machine_describe(root, &emulated);
	assert_true(emulated);
	assert_string_equal(json_str_or(o, "kvm", ""), "emulated SVM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_machine),
		cmocka_unit_test(a_whole_machine),
		cmocka_unit_test(flags_are_whole_words),
		cmocka_unit_test(the_lab_is_emulated),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
