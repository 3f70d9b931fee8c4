/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_version.c - `belljar version`: what is running here. */
#include <archive.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/kernel.h"
#include "vmm/manager/kvm_check.h"

struct version {
	bool json;
	struct err *err;
};

static const struct argp_option options[] = {
	{ "format", 'f', "text|json", 0, "How to print it", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct version *v = state->input;

	if (key != 'f')
		return ARGP_ERR_UNKNOWN;
	return -cli_choose("--format", arg, "text", "json", &v->json, v->err);
}

static void put_kernel(struct json_object *o, const struct manager *mgr,
		       const char *key, const char *flavour)
{
	struct kernel k;

	if (!kernel_installed(mgr->libdir, flavour, &k))
		json_put_str(o, key, "not here");
	else
		json_put_str(o, key, k.version[0] ? k.version : "unknown");
}

static void put_kvm(struct json_object *o, const struct manager *mgr)
{
	AUTO_CLOSE int kvm = kvm_check_open(mgr->kvm, NULL);
	char text[16];

	(void)snprintf(text, sizeof(text), "%d",
		       kvm < 0 ? -1 : ioctl(kvm, KVM_GET_API_VERSION, 0));
	json_put_str(o, "kvm-api", kvm < 0 ? "not here" : text);
}

static void collect(struct json_object *o, const struct manager *mgr)
{
	struct utsname host;

	json_put_str(o, "belljar", BELLJAR_VERSION);
	put_kernel(o, mgr, "kernel-minimal", "minimal");
	put_kernel(o, mgr, "kernel-stock", "stock");
	put_kvm(o, mgr);
	if (uname(&host) == 0)
		json_put_str(o, "host-kernel", host.release);
	json_put_str(o, "json-c", json_c_version());
	json_put_str(o, "libarchive", archive_version_string());
}

int cmd_version(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = { .options = options,
				   .parser = parse,
				   .doc = "Print versions." };
	struct err err;
	struct version v = { .err = &err };

	int r = cli_parse(&argp, "belljar version", argc, argv, &v, &err);
	if (r != 0)
		return r < 0 ? cmd_fail(&err) : 0;

	AUTO_JSON struct json_object *o = json_object_new_object();
	collect(o, mgr);
	if (v.json) {
		(void)printf("%s\n", json_object_to_json_string_ext(
					     o, JSON_C_TO_STRING_PRETTY));
		return 0;
	}
	json_object_object_foreach(o, key, value)
	{
		(void)printf("%-14s  %s\n", key, json_object_get_string(value));
	}
	return 0;
}
