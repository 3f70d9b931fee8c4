/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - CPU, memory, kernel, KVM, load: out of /proc and /sys. */
#include "vmm/compare/machine.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"

#define TEXT_MAX 256

static void put(struct json_object *o, const char *key, const char *text)
{
	if (text[0])
		json_put_str(o, key, text);
}

/* The first line of a file, "" when there is none. */
static void first_line(const char *root, const char *path, char *ret)
{
	char full[PATH_MAX];

	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	(void)io_read_line(AT_FDCWD, full, ret, TEXT_MAX);
}

/* The value of the first line "KEY : value" of @path. */
static void find_value(const char *root, const char *path, const char *key,
		       char *ret)
{
	char full[PATH_MAX], line[4096];

	ret[0] = '\0';
	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	AUTO_FCLOSE FILE *f = fopen(full, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char *value = strchr(line, ':');

		if (!value || strncmp(line, key, strlen(key)) != 0)
			continue;
		value += 1 + strspn(value + 1, " \t");
		value[strcspn(value, "\n")] = '\0';
		(void)snprintf(ret, TEXT_MAX, "%.*s", TEXT_MAX - 1, value);
		return;
	}
}

static bool has_flag(const char *root, const char *flag)
{
	char full[PATH_MAX], line[8192];
	size_t len = strlen(flag);

	(void)snprintf(full, sizeof(full), "%s/proc/cpuinfo", root);
	AUTO_FCLOSE FILE *f = fopen(full, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		for (const char *p = line; (p = strstr(p, flag)); p += len)
			if (p[-1] == ' ' && strchr(" \n", p[len]))
				return true;
		return false;
	}
	return false;
}

/* Whose virtualisation runs VMs here? */
static const char *kvm_kind(const char *root, bool lab)
{
	char path[PATH_MAX];
	bool vmx = has_flag(root, "vmx"), svm = has_flag(root, "svm");
	bool nested = has_flag(root, "hypervisor");

	(void)snprintf(path, sizeof(path), "%s/dev/kvm", root);
	if (access(path, F_OK) < 0)
		return "none";
	if (lab)
		return "emulated SVM";
	if (vmx)
		return nested ? "VMX, nested" : "VMX";
	if (svm)
		return nested ? "SVM, nested" : "SVM";
	return "without VMX and SVM";
}

static void put_numbers(struct json_object *o, const char *root)
{
	char text[TEXT_MAX];
	double load = 0;

	json_put_i64(o, "processors", sysconf(_SC_NPROCESSORS_ONLN));
	find_value(root, "/proc/meminfo", "MemTotal", text);
	json_put_i64(o, "memory_mib", strtoll(text, NULL, 10) / 1024);
	first_line(root, "/proc/loadavg", text);
	load = strtod(text, NULL);
	(void)json_object_object_add(o, "load_1min",
				     json_object_new_double(load));
}

struct json_object *machine_describe(const char *root, bool *ret_emulated)
{
	struct json_object *o = json_object_new_object();
	bool lab = getenv("BELLJAR_LAB") != NULL;
	char text[TEXT_MAX];
	struct utsname u;

	if (!o)
		return NULL;
	find_value(root, "/proc/cpuinfo", "model name", text);
	put(o, "cpu", text);
	put_numbers(o, root);
	if (uname(&u) == 0) {
		(void)snprintf(text, sizeof(text), "%s %.180s", u.sysname,
			       u.release);
		put(o, "kernel", text);
	}
	put(o, "kvm", kvm_kind(root, lab));
	put(o, "virtual", has_flag(root, "hypervisor") ? "yes" : "no");
	first_line(root,
		   "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
		   text);
	put(o, "governor", text[0] ? text : "not known");
	first_line(root, "/sys/kernel/mm/transparent_hugepage/enabled", text);
	put(o, "huge_pages", text);
	first_line(root, "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
		   text);
	put(o, "huge_pages_shared", text);
	put(o, "belljar", BELLJAR_VERSION);
	*ret_emulated = lab;
	return o;
}
