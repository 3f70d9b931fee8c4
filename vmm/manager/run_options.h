/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_options.h - what stands between `belljar run` and the image's name.
 * Every option means what docker means by it; docs/run.md lists them.
 */
#ifndef VMM_MANAGER_RUN_OPTIONS_H
#define VMM_MANAGER_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/jail/jail.h"
#include "vmm/lib/err.h"
#include "vmm/manager/device_options.h"
#include "vmm/manager/limit_options.h"
#include "vmm/manager/network_options.h"
#include "vmm/manager/shares.h"
#include "vmm/manager/strv.h"

#define RUN_CPUS_MAX 64

/* Strings belong to argv unless they are in a strv. */
struct run_options {
	bool interactive;
	bool tty;
	bool rm;
	bool read_only;
	bool quiet;
	bool serial;
	bool timing;
	bool dry_run;
	bool no_kvm_check;
	bool fdt; /* instead of ACPI */
	struct network_options network;
	enum jail_mode jail;
	bool jail_given; /* --jail was */
	const char *profile; /* of profile.h, or NULL */
	const char *record; /* path, or NULL */
	const char *name; /* NULL: none */
	const char *workdir; /* absolute, or NULL */
	const char *user; /* or NULL */
	const char *entrypoint; /* NULL: the image's; "": none */
	const char *hostname; /* or NULL */
	const char *kernel; /* "minimal", "stock", a path, or NULL */
	const char *kernel_modules; /* a directory, "image", or NULL */
	const char *kernel_firmware; /* a directory, or NULL */
	struct strv kernel_module; /* "NAME PARAM=VALUE..", in order */
	struct strv env_file; /* NAME=VALUE, or NAME to unset it */
	struct strv env; /* the same; wins over env_file */
	struct strv publish; /* as the user wrote them */
	struct strv allow; /* the same; none: everything may be reached */
	struct strv initrds; /* paths */
	struct shares shares; /* resolved later */
	struct device_asks devices; /* in the order given */
	struct strv cdi_dirs; /* none: the usual ones */
	struct device_numa numa;
	bool host_topology; /* instead of flat */
	uint64_t hugepages; /* bytes of one page, 0: not given */
	unsigned cpus; /* 0: not given */
	uint64_t memory; /* bytes, 0: not given */
	uint64_t memory_max; /* the same */
	struct limit_options limits;
	uint64_t shm_size; /* bytes, 0: not given */
	uint64_t timeout; /* seconds, 0: none */
	uint64_t log_max; /* bytes of each log, 0: SPEC_LOG_MAX */
	const char *image;
	char **command; /* NULL-terminated part of argv, may be empty */
};

/*
 * Read argv; argv[0] is the verb.  0, CLI_HELPED, or -errno with a sentence.
 * The caller ends @ret with run_options_done() in every case.
 */
int run_options_parse(int argc, char **argv, struct run_options *ret,
		      struct err *err);
void run_options_done(struct run_options *o);

#endif
