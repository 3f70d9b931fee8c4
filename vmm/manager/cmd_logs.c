/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_logs.c - `belljar logs`: what a VM wrote so far. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/vmdir.h"

struct logs {
	const char *name;
	bool console;
};

static const struct argp_option options[] = {
	{ "console", 'c', NULL, 0, "The kernel's messages (run --serial)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct logs *l = state->input;

	switch (key) {
	case 'c':
		l->console = true;
		return 0;
	case ARGP_KEY_ARG:
		if (l->name)
			return ARGP_ERR_UNKNOWN;
		l->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print_file(const char *path, struct err *err)
{
	char buf[65536];
	ssize_t n;

	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		int r = io_write_full(STDOUT_FILENO, buf, (size_t)n);
		if (r < 0)
			return err_set(err, -r, "write to standard output");
	}
	return n < 0 ? err_set(err, errno, "read '%s'", path) : 0;
}

static int print_log(const struct manager *mgr, const struct logs *l,
		     struct err *err)
{
	struct vmdir vm = VMDIR_NONE;
	char path[PATH_MAX];
	int r = vmdir_find(mgr, l->name, &vm, err);

	if (r < 0)
		return r;
	vmdir_file(vm.path, l->console ? "console.log" : "log", path);
	if (l->console && access(path, F_OK) < 0)
		return err_say(err, ENOENT,
			       "VM '%s' has no console log; 'belljar run "
			       "--serial' keeps one",
			       l->name);
	return print_file(path, err);
}

int cmd_logs(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "VM",
		.doc = "Print what a VM has written, by name or id.",
	};
	struct logs l = { 0 };
	struct err err;

	int r = cli_parse(&argp, "belljar logs", argc, argv, &l, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0 && !l.name)
		r = err_say(&err, EINVAL,
			    "no VM given; 'belljar ps -a' lists them");
	if (r == 0)
		r = vmdir_repair(mgr, &err);
	if (r == 0)
		gpu_repair(mgr);
	if (r == 0)
		r = print_log(mgr, &l, &err);
	return r < 0 ? cmd_fail(&err) : 0;
}
