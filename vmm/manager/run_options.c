/* SPDX-License-Identifier: Apache-2.0 */
/* run_options.c - the options of `belljar run`. */
#include "vmm/manager/run_options.h"

#include <errno.h>
#include <string.h>

#include "vmm/lib/allow.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/profile.h"
#include "vmm/manager/run_values.h"

enum {
	KEY_RM = 0x100,
	KEY_NAME,
	KEY_ENV_FILE,
	KEY_ENTRYPOINT,
	KEY_CPUS,
	KEY_MEMORY_MAX,
	KEY_SHM_SIZE,
	KEY_MOUNT,
	KEY_NETWORK,
	KEY_ALLOW,
	KEY_KERNEL,
	KEY_INITRD,
	KEY_KERNEL_MODULES,
	KEY_KERNEL_MODULE,
	KEY_KERNEL_FIRMWARE,
	KEY_READ_ONLY,
	KEY_TIMEOUT,
	KEY_HW,
	KEY_JAIL,
	KEY_SERIAL,
	KEY_TIMING,
	KEY_DRY_RUN,
	KEY_NO_KVM_CHECK,
	KEY_GPUS,
	KEY_DEVICE,
	KEY_CDI_SPEC_DIR,
	KEY_HUGEPAGES,
	KEY_NUMA,
	KEY_PCI_TOPOLOGY,
	KEY_PROFILE,
	KEY_RECORD,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Container:", 1 },
	{ "interactive", 'i', NULL, 0, "Pass our standard input on", 1 },
	{ "tty", 't', NULL, 0, "Give the command a terminal", 1 },
	{ "env", 'e', "NAME[=VALUE]", 0, "Set a variable, or copy ours", 1 },
	{ "env-file", KEY_ENV_FILE, "FILE", 0, "Set variables, one a line", 1 },
	{ "workdir", 'w', "DIR", 0, "Start the command in DIR", 1 },
	{ "user", 'u', "USER[:GROUP]", 0, "Run as USER: a name or number", 1 },
	{ "entrypoint", KEY_ENTRYPOINT, "PROGRAM", 0,
	  "Instead of the image's ENTRYPOINT ('' for none)", 1 },
	{ "hostname", 'h', "NAME", 0, "Host name (default: the VM's id)", 1 },
	{ "read-only", KEY_READ_ONLY, NULL, 0,
	  "No writable layer over the image", 1 },
	{ "shm-size", KEY_SHM_SIZE, "SIZE", 0,
	  "Size of /dev/shm (default: half of the memory)", 1 },
	{ "volume", 'v', "HOST:GUEST[:ro]", 0,
	  "Share a directory or file of the host (repeatable)", 1 },
	{ "mount", KEY_MOUNT, "type=bind|image,src=HOST,dst=GUEST[,readonly]",
	  0,
	  "The same; or mount an image, squashfs, erofs or ext4, that many VMs "
	  "may read at once",
	  1 },

	{ NULL, 0, NULL, 0, "Machine:", 2 },
	{ "cpus", KEY_CPUS, "N", 0,
	  "vCPUs (default 1), and processor time in all; 1.5: 2 vCPUs", 2 },
	{ "memory", 'm', "SIZE", 0,
	  "Memory (default: half of the host's, 2g at most); taken from the "
	  "host as the guest touches it",
	  2 },
	{ "memory-max", KEY_MEMORY_MAX, "SIZE", 0,
	  "What 'belljar update -m' may give it at most while it runs", 2 },
	{ "network", KEY_NETWORK, "user|none|NAME|tap=NAME|bridge=NAME", 0,
	  "Default: user.  NAME: a network that other VMs share, made by "
	  "'belljar network create'.  A tap that is there, or a new one on a bridge, "
	  "and with ,ip=ADDRESS/PREFIX ,gateway= ,dns= ,mac= what the guest "
	  "is told",
	  2 },
	{ "net", 0, NULL, OPTION_ALIAS, NULL, 2 },
	{ "allow", KEY_ALLOW, "HOST:PORT[/PROTO]", 0,
	  "Let the guest reach this and nothing else (repeatable); HOST is a "
	  "name, looked up once, or an address",
	  2 },
	{ "publish", 'p', "[IP:]HOST:GUEST[/PROTO]", 0,
	  "Publish a port, on 127.0.0.1 unless IP says otherwise", 2 },
	{ "kernel", KEY_KERNEL, "minimal|stock|FILE", 0,
	  "Default: minimal when it has been built", 2 },
	{ "initrd", KEY_INITRD, "FILE", 0,
	  "One more initramfs, unpacked before ours", 2 },
	{ "kernel-modules", KEY_KERNEL_MODULES, "DIR|image", 0,
	  "Modules for the guest's kernel: a directory such as "
	  "/lib/modules/VERSION, or those of the image; devices get theirs "
	  "before the command starts",
	  2 },
	{ "kernel-module", KEY_KERNEL_MODULE, "NAME[ PARAM=VALUE..]", 0,
	  "Load one of them though no device asks for it", 2 },
	{ "kernel-firmware", KEY_KERNEL_FIRMWARE, "DIR", 0,
	  "Firmware for the devices' drivers (default: DIR/firmware)", 2 },
	{ "hw", KEY_HW, "acpi|fdt", 0, "How the machine is described", 2 },
	{ "jail", KEY_JAIL, "auto|required", 0,
	  "Where this host lacks a wall around the VM's processes, or a limit: "
	  "warn (default), or refuse",
	  2 },
	{ "serial", KEY_SERIAL, NULL, 0,
	  "Keep the kernel's messages (`console.log` of the VM)", 2 },

	{ "profile", KEY_PROFILE, "untrusted", 0,
	  "For what may be hostile: required jail and limits, no network but "
	  "--allow, read-only, a cap on all that it takes, a record",
	  2 },

	{ NULL, 0, NULL, 0, "Devices:", 3 },
	{ "gpus", KEY_GPUS, "all|N|device=GPU", 0,
	  "Give GPUs to the VM; GPU is a number or address of 'belljar gpu "
	  "ls', or a UUID",
	  3 },
	{ "device", KEY_DEVICE, "vfio=BDF[,rom=on][,reset=off]|CDI-NAME", 0,
	  "Give the host's PCI function at BDF, or what a CDI name stands for",
	  3 },
	{ "cdi-spec-dir", KEY_CDI_SPEC_DIR, "DIR", 0,
	  "Look for CDI files in DIR only", 3 },
	{ "pci-topology", KEY_PCI_TOPOLOGY, "flat|host", 0,
	  "Where devices sit in the VM: on a root bus (default), or below "
	  "switches as on the host",
	  3 },
	{ "numa", KEY_NUMA, "auto|NODE[,NODE]", 0,
	  "Memory and vCPUs on these nodes; auto: those of the devices", 3 },
	{ "hugepages", KEY_HUGEPAGES, "2M|1G", 0,
	  "Memory out of the host's reserved huge pages", 3 },

	{ NULL, 0, NULL, 0, "Life:", 4 },
	{ "name", KEY_NAME, "NAME", 0, "Name of the VM", 4 },
	{ "rm", KEY_RM, NULL, 0, "Remove the VM when the command ends", 4 },
	{ "timeout", KEY_TIMEOUT, "TIME", 0,
	  "Stop after TIME (90, 5m, 2h) with status 124", 4 },
	{ "record", KEY_RECORD, "FILE", 0,
	  "Write what ran, how it ended and what it took to FILE, as JSON", 4 },
	{ "quiet", 'q', NULL, 0, "No warnings", 4 },
	{ "timing", KEY_TIMING, NULL, 0, "Say at the end where time went", 4 },
	{ "dry-run", KEY_DRY_RUN, NULL, 0, "Print what would run, as JSON", 4 },
	{ "no-kvm-check", KEY_NO_KVM_CHECK, NULL, OPTION_HIDDEN, "", 3 },

	{ NULL, 0, NULL, 0,
	  "Limits (docs/limits.md has the default ones):", 5 },
	{ "cpu-shares", LIMIT_KEY_CPU_SHARES, "N", 0,
	  "Weight of its processor time, 2 to 262144 (default: 1024)", 5 },
	{ "cpuset-cpus", LIMIT_KEY_CPUSET_CPUS, "LIST", 0,
	  "Run on these processors of the host only: 0-3,5", 5 },
	{ "blkio-weight", LIMIT_KEY_BLKIO_WEIGHT, "N", 0,
	  "Weight of its disk time, 10 to 1000", 5 },
	{ "cgroup-parent", LIMIT_KEY_CGROUP_PARENT, "PATH", 0,
	  "Make the VM's cgroup below this one", 5 },
	{ "disk-bps", LIMIT_KEY_DISK_BPS, "SIZE", 0,
	  "Bytes a second of its disks together", 5 },
	{ "disk-iops", LIMIT_KEY_DISK_IOPS, "N", 0,
	  "Requests a second of its disks together", 5 },
	{ "net-bps", LIMIT_KEY_NET_BPS, "SIZE", 0,
	  "Bytes a second of its network, each way", 5 },
	{ "net-pps", LIMIT_KEY_NET_PPS, "N", 0,
	  "Packets a second of its network, each way", 5 },
	{ "console-bps", LIMIT_KEY_CONSOLE_BPS, "SIZE", 0,
	  "Bytes a second of --serial", 5 },
	{ 0 },
};

struct parsing {
	struct run_options *o;
	struct err *err;
};

static int set_workdir(struct run_options *o, const char *text, struct err *err)
{
	if (text[0] != '/')
		return err_say(err, EINVAL,
			       "--workdir: '%s' is not an absolute path; begin "
			       "it with '/'",
			       text);
	o->workdir = text;
	return 0;
}

static int set_size(const char *option, const char *text, uint64_t *ret,
		    struct err *err)
{
	uint64_t v;
	int r = parse_size(text, option, &v, err);

	if (r == 0 && v == 0)
		return err_say(err, ERANGE, "%s: zero bytes are too few",
			       option);
	if (r == 0)
		*ret = v;
	return r;
}

static int set_name(struct run_options *o, char *text, struct err *err)
{
	o->name = text;
	return run_value_name(text, err);
}

static int set_hostname(struct run_options *o, char *text, struct err *err)
{
	o->hostname = text;
	return run_value_hostname(text, err);
}

static int add(struct strv *to, const char *text, struct err *err)
{
	int r = strv_add(to, "%s", text);

	return r < 0 ? err_set(err, -r, "read the options") : 0;
}

/* Names are looked up later; a mistake in the writing is told now. */
static int add_allow(struct run_options *o, const char *text, struct err *err)
{
	struct allow a;
	int r = allow_parse(text, &a, err);

	return r < 0 ? r : add(&o->allow, text, err);
}

static int set_record(struct run_options *o, const char *text, struct err *err)
{
	if (!text[0])
		return err_say(err, EINVAL,
			       "--record: the name of the file is empty");
	o->record = text;
	return 0;
}

/* Options about devices and limits.  -ENOSYS: not one of them. */
static int set_device(int key, char *arg, struct run_options *o,
		      struct err *err)
{
	switch (key) {
	case KEY_GPUS:
		return device_parse_gpus(arg, &o->devices, err);
	case KEY_DEVICE:
		return device_parse_device(arg, &o->devices, err);
	case KEY_CDI_SPEC_DIR:
		return add(&o->cdi_dirs, arg, err);
	case KEY_HUGEPAGES:
		return device_parse_hugepages(arg, &o->hugepages, err);
	case KEY_NUMA:
		return device_parse_numa(arg, &o->numa, err);
	case KEY_PCI_TOPOLOGY:
		return cli_choose("--pci-topology", arg, "flat", "host",
				  &o->host_topology, err);
	default:
		return limit_option(key, arg, &o->limits, err);
	}
}

/* Options with a value.  -ENOSYS: not one of them. */
static int set_value(int key, char *arg, struct run_options *o, struct err *err)
{
	switch (key) {
	case 'e':
		return run_value_env(arg, &o->env, err);
	case KEY_ENV_FILE:
		return run_value_env_file(arg, &o->env_file, err);
	case 'w':
		return set_workdir(o, arg, err);
	case 'h':
		return set_hostname(o, arg, err);
	case KEY_NAME:
		return set_name(o, arg, err);
	case 'u':
		o->user = arg;
		return 0;
	case KEY_ENTRYPOINT:
		o->entrypoint = arg;
		return 0;
	case KEY_KERNEL:
		o->kernel = arg;
		return 0;
	case KEY_CPUS:
		return run_value_cpus(arg, &o->cpus, &o->limits.cpu, err);
	case 'm':
		return set_size("--memory", arg, &o->memory, err);
	case KEY_MEMORY_MAX:
		return set_size("--memory-max", arg, &o->memory_max, err);
	case KEY_SHM_SIZE:
		return set_size("--shm-size", arg, &o->shm_size, err);
	case KEY_TIMEOUT:
		return run_value_timeout(arg, &o->timeout, err);
	case 'p':
		return add(&o->publish, arg, err);
	case 'v':
		return shares_add_volume(&o->shares, arg, err);
	case KEY_MOUNT:
		return shares_add_mount(&o->shares, arg, err);
	case KEY_INITRD:
		return add(&o->initrds, arg, err);
	case KEY_KERNEL_MODULES:
		o->kernel_modules = arg;
		return 0;
	case KEY_KERNEL_MODULE:
		return run_value_module(arg, &o->kernel_module, err);
	case KEY_KERNEL_FIRMWARE:
		o->kernel_firmware = arg;
		return 0;
	case KEY_ALLOW:
		return add_allow(o, arg, err);
	case KEY_NETWORK:
		return network_options_parse(arg, &o->network, err);
	case KEY_JAIL:
		o->jail_given = true;
		return jail_parse_mode(arg, &o->jail, err);
	case KEY_PROFILE:
		o->profile = arg;
		return 0;
	case KEY_RECORD:
		return set_record(o, arg, err);
	case KEY_HW:
		return cli_choose("--hw", arg, "acpi", "fdt", &o->fdt, err);
	default:
		return set_device(key, arg, o, err);
	}
}

static bool *find_flag(int key, struct run_options *o)
{
	switch (key) {
	case 'i':
		return &o->interactive;
	case 't':
		return &o->tty;
	case 'q':
		return &o->quiet;
	case KEY_RM:
		return &o->rm;
	case KEY_READ_ONLY:
		return &o->read_only;
	case KEY_SERIAL:
		return &o->serial;
	case KEY_TIMING:
		return &o->timing;
	case KEY_DRY_RUN:
		return &o->dry_run;
	case KEY_NO_KVM_CHECK:
		return &o->no_kvm_check;
	default:
		return NULL;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct parsing *p = state->input;
	bool *flag = find_flag(key, p->o);

	if (flag) {
		*flag = true;
		return 0;
	}
	if (key == ARGP_KEY_ARG) {
		/* The image: what follows is the container's command. */
		p->o->image = arg;
		p->o->command = state->argv + state->next;
		state->next = state->argc;
		return 0;
	}
	int r = set_value(key, arg, p->o, p->err);
	return r == -ENOSYS ? ARGP_ERR_UNKNOWN : -r;
}

/*
 * Another VM of the network could pass on what the list does not allow.  Its
 * VMs have no IPv6, so nothing would come of ports there.
 */
static int check_named(const struct run_options *o, struct err *err)
{
	const char *net = o->network.name;

	if (o->allow.n)
		return err_say(err, EINVAL,
			       "--allow %s needs --network user: on network "
			       "'%s' other VMs are in reach, and what they "
			       "reach; leave one out, or make the network with "
			       "--internal",
			       o->allow.v[0], net);
	for (size_t i = 0; i < o->publish.n; i++)
		if (o->publish.v[i][0] == '[')
			return err_say(err, EINVAL,
				       "-p %s: VMs on network '%s' have IPv4 "
				       "only; publish on an IPv4 address",
				       o->publish.v[i], net);
	return 0;
}

/* Ports and lists are belljar-net's. */
static int check_network(const struct run_options *o, struct err *err)
{
	enum network_kind kind = o->network.kind;
	const char *option = o->publish.n ? "-p" : "--allow";
	const struct strv *values = o->publish.n ? &o->publish : &o->allow;

	if (values->n && kind == NETWORK_NONE)
		return err_say(err, EINVAL,
			       "%s %s needs a network; leave out --network "
			       "none",
			       option, values->v[0]);
	if (kind == NETWORK_NAMED)
		return check_named(o, err);
	if (values->n && kind != NETWORK_USER)
		return err_say(err, EINVAL,
			       "%s %s needs --network user; behind %s=%s that "
			       "is up to the host's own rules",
			       option, values->v[0],
			       network_options_mode(&o->network),
			       o->network.name);
	if (o->network.vhost == VHOST_ON &&
	    (o->limits.net_bps || o->limits.net_pps))
		return err_say(err, EINVAL,
			       "--network: vhost=on and %s exclude each other: "
			       "the host's kernel keeps no limits; leave one "
			       "out",
			       o->limits.net_bps ? "--net-bps" : "--net-pps");
	if (o->network.queues > 1 && (o->limits.net_bps || o->limits.net_pps))
		return err_say(err, EINVAL,
			       "--network: queues=%u: limits (--net-bps, "
			       "--net-pps) are those of one queue; leave it "
			       "or them out",
			       o->network.queues);
	return limit_options_check(&o->limits, o->serial, kind != NETWORK_NONE,
				   err);
}

static int check_modules(const struct run_options *o, struct err *err)
{
	if (!o->kernel_modules && (o->kernel_module.n || o->kernel_firmware))
		return err_say(err, EINVAL,
			       "%s needs --kernel-modules DIR (or image): that "
			       "is where modules come from",
			       o->kernel_module.n ? "--kernel-module"
						  : "--kernel-firmware");
	if (o->kernel_firmware && strcmp(o->kernel_modules, "image") == 0)
		return err_say(err, EINVAL,
			       "--kernel-firmware: with --kernel-modules image "
			       "firmware is the image's; leave it out");
	return 0;
}

int run_options_parse(int argc, char **argv, struct run_options *ret,
		      struct err *err)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "IMAGE [COMMAND] [ARG...]",
		.doc = "Run a command of an image in a microVM of its own.",
	};
	struct parsing p = { ret, err };

	int r = cli_parse_before(&argp, "belljar run", argc, argv, &p, err);
	if (r != 0)
		return r;
	if (!ret->image)
		return err_say(err, EINVAL,
			       "no image given; see 'belljar run --help' and "
			       "'belljar images'");
	r = profile_apply(ret, err);
	if (r == 0)
		r = check_network(ret, err);
	if (r == 0)
		r = check_modules(ret, err);
	/* Who requires the walls requires the limits: both hold the VM. */
	ret->limits.required = ret->jail == JAIL_REQUIRED;
	return r;
}

void run_options_done(struct run_options *o)
{
	network_options_done(&o->network);
	strv_done(&o->env_file);
	strv_done(&o->env);
	strv_done(&o->publish);
	strv_done(&o->allow);
	strv_done(&o->initrds);
	strv_done(&o->kernel_module);
	strv_done(&o->cdi_dirs);
	shares_done(&o->shares);
}
