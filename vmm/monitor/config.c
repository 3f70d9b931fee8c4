/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - the monitor's command line: parse, check, open. */
#include "vmm/monitor/config.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/parse.h"
#include "vmm/monitor/config_priv.h"

enum option_key {
	OPT_KVM = 256,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_CMDLINE,
	OPT_CPUS,
	OPT_MEMORY,
	OPT_MEMORY_MAX,
	OPT_HUGEPAGES,
	OPT_NUMA,
	OPT_HW,
	OPT_SERIAL,
	OPT_CONSOLE,
	OPT_CONTROL,
	OPT_EVENTS,
	OPT_DISK,
	OPT_NET,
	OPT_FS,
	OPT_PMEM,
	OPT_VSOCK,
	OPT_RNG,
	OPT_BALLOON,
	OPT_VFIO,
	OPT_VFIO_CONTAINER,
	OPT_IOMMUFD,
	OPT_JAIL,
	OPT_ID,
	OPT_VERBOSE,
};

static const struct argp_option options[] = {
	{ "kvm", OPT_KVM, "RES", 0, "KVM device (default /dev/kvm)", 0 },
	{ "kernel", OPT_KERNEL, "RES", 0, "ELF vmlinux or bzImage", 0 },
	{ "initrd", OPT_INITRD, "RES", 0,
	  "Initramfs; several are put one after the other", 0 },
	{ "cmdline", OPT_CMDLINE, "TEXT", 0, "Kernel command line", 0 },
	{ "cpus", OPT_CPUS, "N", 0, "vCPUs, 1 to 64 (default 1)", 0 },
	{ "memory", OPT_MEMORY, "SIZE", 0, "RAM, such as 512m (default)", 0 },
	{ "memory-max", OPT_MEMORY_MAX, "SIZE", 0,
	  "virtio-mem: RAM that may be plugged in, up to SIZE in all", 0 },
	{ "hugepages", OPT_HUGEPAGES, "2m|1g", 0,
	  "RAM from the host's huge pages, allocated before the start", 0 },
	{ "numa", OPT_NUMA, "HOSTNODE", 0,
	  "A NUMA node of the guest, on that one of the host; up to 8", 0 },
	{ "hw", OPT_HW, "acpi|fdt", 0, "How the machine is described", 0 },
	{ "serial", OPT_SERIAL, "RES|stdio[,bps=BYTES]", 0,
	  "A 16550 and its output; what is more than BYTES a second "
	  "(default 1m) is dropped",
	  0 },
	{ "console", OPT_CONSOLE, "RES|stdio[,cols=N,rows=N]", 0,
	  "virtio-console, hvc0 of the guest; the size of its terminal", 0 },
	{ "control", OPT_CONTROL, "RES", 0,
	  "Listening Unix socket, or the path of one to make", 0 },
	{ "events", OPT_EVENTS, "fd:N", 0, "Life-cycle events as JSON lines",
	  0 },
	{ "disk", OPT_DISK,
	  "RES[,ro][,id=SERIAL][,bps=BYTES][,iops=N][,queues=N][,cache=MODE][,aio=HOW]",
	  0,
	  "Raw file or block device as virtio-blk; at most BYTES and N "
	  "requests a second; N queues (one for each vCPU up to 4); MODE is "
	  "writeback, none or unsafe; HOW is io_uring or threads",
	  0 },
	{ "net", OPT_NET,
	  "fd:N[,queue=fd:N..][,mac=MAC][,mtu=N][,vhost=RES..][,bps=BYTES][,pps=N]",
	  0,
	  "virtio-net over a SOCK_SEQPACKET socket or a tap; at most BYTES "
	  "and N packets a second each way",
	  0 },
	{ "fs", OPT_FS, "fd:N,tag=TAG", 0,
	  "virtio-fs: a socket that is connected to virtiofsd", 0 },
	{ "pmem", OPT_PMEM, "RES,ro[,id=ID]", 0,
	  "A file as virtio-pmem: the guest reads the host's page cache", 0 },
	{ "vsock", OPT_VSOCK, "cid=N,listen=RES[,dial=fd:N]", 0,
	  "virtio-vsock with its host side on Unix sockets", 0 },
	{ "rng", OPT_RNG, NULL, 0, "virtio-rng", 0 },
	{ "balloon", OPT_BALLOON, NULL, 0,
	  "virtio-balloon: memory that the guest does not need goes back", 0 },
	{ "vfio", OPT_VFIO,
	  "BDF,group=RES|cdev=RES[,node=N][,port=N][,rom=on][,reset=off]", 0,
	  "A PCI function of the host", 0 },
	{ "vfio-container", OPT_VFIO_CONTAINER, "RES", 0,
	  "For group= (default /dev/vfio/vfio)", 0 },
	{ "iommufd", OPT_IOMMUFD, "RES", 0, "For cdev=: /dev/iommu", 0 },
	{ "jail", OPT_JAIL, "auto|required[,born][,uid=N]", 0,
	  "What to do when this host lacks a wall of the jail: warn (default) "
	  "or refuse; born: in namespaces already; uid: to become",
	  0 },
	{ "id", OPT_ID, "TEXT", 0, "The VM's name in messages", 0 },
	{ "verbose", OPT_VERBOSE, NULL, 0, "Say more on stderr", 0 },
	{ 0 },
};

static const char doc[] =
	"Run one virtual machine on KVM.\v"
	"A RES is a path or fd:N, a descriptor that was inherited. Exit "
	"status: 0 the guest powered off or reset, 124 killed through the "
	"control socket, 125 an error, said in a sentence.";

struct parse {
	struct config *c;
	struct err *err;
};

static int open_kvm(struct config *c, const char *res, struct err *err)
{
	int r = config_set_fd(&c->kvm_fd, config_open_res(res, O_RDWR, err));

	switch (-r) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return err_say(err, -r,
			       "there is no '%s': load the module kvm_intel or "
			       "kvm_amd, and switch virtualization on in the "
			       "firmware",
			       res);
	case EACCES:
	case EPERM:
		return err_say(err, -r,
			       "no permission on '%s'; become a member of its "
			       "group, or let another process open it and pass "
			       "it as --kvm=fd:N",
			       res);
	default:
		return r;
	}
}

static int add_initrd(struct config *c, const char *arg, struct err *err)
{
	if (c->nr_initrds == CONFIG_MAX_INITRDS)
		return err_say(err, E2BIG, "--initrd: more than %d of them",
			       CONFIG_MAX_INITRDS);
	int fd = config_open_res(arg, O_RDONLY, err);
	if (fd < 0)
		return fd;
	c->initrd[c->nr_initrds++] = (struct config_file){ fd, arg };
	return 0;
}

static int set_hw(struct config *c, const char *arg, struct err *err)
{
	if (strcmp(arg, "acpi") == 0)
		c->hw = MACHINE_ACPI;
	else if (strcmp(arg, "fdt") == 0)
		c->hw = MACHINE_FDT;
	else
		return err_say(err, EINVAL,
			       "--hw: '%s' is unknown; give acpi or fdt", arg);
	return 0;
}

static int set_cpus(struct config *c, const char *arg, struct err *err)
{
	uint64_t n;
	int r = parse_u64(arg, "--cpus", 1, CONFIG_MAX_CPUS, &n, err);

	if (r == 0)
		c->cpus = (unsigned)n;
	return r;
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;
	struct config *c = p->c;
	struct err *err = p->err;

	switch (key) {
	case OPT_KVM:
		return -open_kvm(c, arg, err);
	case OPT_KERNEL:
		c->kernel.name = arg;
		return -config_set_fd(&c->kernel.fd,
				      config_open_res(arg, O_RDONLY, err));
	case OPT_INITRD:
		return -add_initrd(c, arg, err);
	case OPT_CMDLINE:
		c->cmdline = arg;
		return 0;
	case OPT_CPUS:
		return -set_cpus(c, arg, err);
	case OPT_MEMORY:
		return -config_set_memory(c, arg, err);
	case OPT_MEMORY_MAX:
		return -config_set_memory_max(c, arg, err);
	case OPT_HUGEPAGES:
		return -config_set_hugepages(c, arg, err);
	case OPT_NUMA:
		return -config_add_node(c, arg, err);
	case OPT_HW:
		return -set_hw(c, arg, err);
	case OPT_SERIAL:
		return -config_set_serial(c, arg, err);
	case OPT_CONSOLE:
		return -config_set_console(c, arg, err);
	case OPT_CONTROL:
		return -config_set_listener(&c->control_fd, &c->made_control,
					    arg, err);
	case OPT_EVENTS:
		return -config_set_fd(&c->events_fd,
				      config_open_res(arg, O_WRONLY, err));
	case OPT_DISK:
		return -config_add_disk(c, arg, err);
	case OPT_NET:
		return -config_add_net(c, arg, err);
	case OPT_FS:
		return -config_add_fs(c, arg, err);
	case OPT_PMEM:
		return -config_add_pmem(c, arg, err);
	case OPT_VSOCK:
		return -config_set_vsock(c, arg, err);
	case OPT_RNG:
		c->rng = true;
		return 0;
	case OPT_BALLOON:
		c->balloon = true;
		return 0;
	case OPT_VFIO:
		return -config_add_vfio(c, arg, err);
	case OPT_VFIO_CONTAINER:
		return -config_set_fd(&c->vfio_container,
				      config_open_res(arg, O_RDWR, err));
	case OPT_IOMMUFD:
		return -config_set_fd(&c->iommufd,
				      config_open_res(arg, O_RDWR, err));
	case OPT_JAIL:
		return -jail_parse(arg, &c->jail, err);
	case OPT_ID:
		c->id = arg;
		return 0;
	case OPT_VERBOSE:
		c->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		return -err_say(err, EINVAL, "'%s' is not expected; see --help",
				arg);
	case ARGP_KEY_ERROR:
		/* Ours have their sentence; getopt's are to be named. */
		if (err->code == 0)
			(void)err_say(err, EINVAL,
				      "'%s' is not an option, or lacks its "
				      "value; see --help",
				      state->argv[state->next - 1]);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* --help and --version are answered before anything is opened. */
static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-?") == 0 ||
		    strcmp(argv[i], "--usage") == 0)
			return true;
	return false;
}

int config_parse(int argc, char **argv, struct config *ret, bool *ret_done,
		 struct err *err)
{
	static const struct argp argp = { options, parse_one, NULL, doc,
					  NULL,	   NULL,      NULL };
	struct parse p = { .c = ret, .err = err };

	*ret_done = false;
	*ret = (struct config){
		.kvm_fd = -1,
		.kernel.fd = -1,
		.cmdline = "",
		.cpus = 1,
		.memory = UINT64_C(512) << 20,
		.serial_out = -1,
		.serial_in = -1,
		.console_out = -1,
		.console_in = -1,
		.control_fd = -1,
		.events_fd = -1,
		.vsock_listen = -1,
		.vsock_dial = -1,
		.vfio_container = -1,
		.iommufd = -1,
		.jail = JAIL_NOT_ASKED,
		.pid = getpid() == 1 ? 0 : getpid(),
	};
	if (wants_help(argc, argv)) {
		argp_help(&argp, stdout,
			  ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK, argv[0]);
		*ret_done = true;
		return 0;
	}

	err->code = 0;
	int r = argp_parse(&argp, argc, argv,
			   ARGP_NO_EXIT | ARGP_NO_HELP | ARGP_NO_ERRS, NULL,
			   &p);
	if (r != 0)
		return err->code ? -err->code
				 : err_say(err, r, "command line; see --help");
	if (ret->kernel.fd < 0)
		return err_say(err, EINVAL, "--kernel is missing");
	r = config_check_nodes(ret, err);
	if (r == 0)
		r = config_finish_vfio(ret, err);
	if (r == 0)
		r = config_check_memory(ret, err);
	if (r == 0 && ret->serial_in >= 0 && ret->console_in == ret->serial_in)
		r = err_say(err, EINVAL,
			    "--serial and --console can not both read standard "
			    "input; give one of them a file");
	if (r < 0)
		return r;
	return ret->kvm_fd < 0 ? open_kvm(ret, "/dev/kvm", err) : 0;
}

static void close_fd(int *fd)
{
	if (*fd > STDERR_FILENO)
		(void)close(*fd);
	*fd = -1;
}

void config_done(struct config *c)
{
	close_fd(&c->kvm_fd);
	close_fd(&c->kernel.fd);
	for (unsigned i = 0; i < c->nr_initrds; i++)
		close_fd(&c->initrd[i].fd);
	for (unsigned i = 0; i < c->nr_disks; i++)
		close_fd(&c->disk[i].fd);
	for (unsigned i = 0; i < c->nr_nets; i++)
		config_done_net(&c->net[i]);
	for (unsigned i = 0; i < c->nr_fs; i++)
		close_fd(&c->fs[i].fd);
	for (unsigned i = 0; i < c->nr_pmem; i++)
		close_fd(&c->pmem[i].fd);
	close_fd(&c->serial_out);
	close_fd(&c->console_out);
	close_fd(&c->control_fd);
	close_fd(&c->events_fd);
	close_fd(&c->vsock_listen);
	close_fd(&c->vsock_dial);
	config_done_vfio(c);
	close_fd(&c->vfio_container);
	close_fd(&c->iommufd);
	if (c->made_control)
		(void)unlink(c->made_control);
	if (c->made_vsock)
		(void)unlink(c->made_vsock);
}
