/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - the monitor's command line: parse, check, open. */
#include "vmm/monitor/config.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/io.h"
#include "vmm/lib/parse.h"

#define MEMORY_MIN (UINT64_C(4) << 20)
#define MEMORY_MAX (UINT64_C(4) << 40)

enum option_key {
	OPT_KVM = 256,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_CMDLINE,
	OPT_CPUS,
	OPT_MEMORY,
	OPT_HW,
	OPT_SERIAL,
	OPT_CONTROL,
	OPT_EVENTS,
	OPT_DISK,
	OPT_NET,
	OPT_VSOCK,
	OPT_RNG,
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
	{ "hw", OPT_HW, "acpi|fdt", 0, "How the machine is described", 0 },
	{ "serial", OPT_SERIAL, "RES|stdio", 0, "A 16550 and its output", 0 },
	{ "control", OPT_CONTROL, "RES", 0,
	  "Listening Unix socket, or the path of one to make", 0 },
	{ "events", OPT_EVENTS, "fd:N", 0, "Life-cycle events as JSON lines",
	  0 },
	{ "disk", OPT_DISK, "RES[,ro][,id=SERIAL]", 0,
	  "Raw file or block device as virtio-blk", 0 },
	{ "net", OPT_NET, "fd:N[,mac=MAC]", 0,
	  "virtio-net over a SOCK_SEQPACKET socket or a tap", 0 },
	{ "vsock", OPT_VSOCK, "cid=N,listen=RES[,dial=fd:N]", 0,
	  "virtio-vsock with its host side on Unix sockets", 0 },
	{ "rng", OPT_RNG, NULL, 0, "virtio-rng", 0 },
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

/* fd:N or a path; @flags are open()'s. */
static int open_res(const char *res, int flags, struct err *err)
{
	if (strncmp(res, "fd:", 3) == 0) {
		uint64_t n;
		int r = parse_u64(res + 3, res, 0, 1 << 20, &n, err);
		if (r < 0)
			return r;
		if (io_set_cloexec((int)n, true) < 0)
			return err_say(err, EBADF,
				       "'%s' is not an open descriptor", res);
		return (int)n;
	}
	int fd = open(res, flags | O_CLOEXEC | O_NOCTTY, 0600);
	return fd < 0 ? err_set(err, errno, "open '%s'", res) : fd;
}

static int set_fd(int *slot, int fd)
{
	if (fd < 0)
		return fd;
	if (*slot >= 0)
		(void)close(*slot);
	*slot = fd;
	return 0;
}

static int open_kvm(struct config *c, const char *res, struct err *err)
{
	int r = set_fd(&c->kvm_fd, open_res(res, O_RDWR, err));

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
	int fd = open_res(arg, O_RDONLY, err);
	if (fd < 0)
		return fd;
	c->initrd[c->nr_initrds++] = (struct config_file){ fd, arg };
	return 0;
}

/* getsubopt() takes its keys without a const. */
static char key_ro[] = "ro";
static char key_id[] = "id";
static char key_mac[] = "mac";
static char key_cid[] = "cid";
static char key_listen[] = "listen";
static char key_dial[] = "dial";

enum { DISK_RO, DISK_ID };

static int add_disk(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = {
		[DISK_RO] = key_ro, [DISK_ID] = key_id, NULL
	};
	struct config_disk disk = { .fd = -1 };
	char *opts = strchr(arg, ',');
	char *value;

	if (c->nr_disks == CONFIG_MAX_DISKS)
		return err_say(err, E2BIG, "--disk: more than %d of them",
			       CONFIG_MAX_DISKS);
	if (opts)
		*opts++ = '\0';
	while (opts && *opts) {
		const char *option = opts;

		switch (getsubopt(&opts, keys, &value)) {
		case DISK_RO:
			disk.readonly = true;
			break;
		case DISK_ID:
			if (!value || strlen(value) >= sizeof(disk.serial))
				return err_say(err, EINVAL,
					       "--disk: id takes 1 to 20 "
					       "characters");
			memcpy(disk.serial, value, strlen(value) + 1);
			break;
		default:
			return err_say(err, EINVAL,
				       "--disk: '%s' is not an option of it; "
				       "there are ro and id=",
				       option);
		}
	}
	disk.fd = open_res(arg, disk.readonly ? O_RDONLY : O_RDWR, err);
	if (disk.fd < 0)
		return disk.fd;
	c->disk[c->nr_disks++] = disk;
	return 0;
}

/* Six times two digits, colons between them. */
static bool read_mac(const char *text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++, text += 3) {
		char *end;

		if (!isxdigit((unsigned char)text[0]))
			return false;
		mac[i] = (uint8_t)strtoul(text, &end, 16);
		if (end != text + 2 || *end != (i < 5 ? ':' : '\0'))
			return false;
	}
	return true;
}

static int parse_mac(const char *text, uint8_t mac[6], struct err *err)
{
	uint8_t b[6];

	if (!read_mac(text, b) || (b[0] & 1))
		return err_say(err, EINVAL,
			       "--net: '%s' is not a unicast MAC address",
			       text);
	memcpy(mac, b, sizeof(b));
	return 0;
}

static int add_net(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = { key_mac, NULL };
	struct config_net net = {
		.mac = { 0x52, 0x54, 0, 0x12, 0x34,
			 (uint8_t)(0x56 + c->nr_nets) },
	};
	char *opts = strchr(arg, ',');
	char *value;

	if (c->nr_nets == CONFIG_MAX_NETS)
		return err_say(err, E2BIG, "--net: more than %d of them",
			       CONFIG_MAX_NETS);
	if (opts)
		*opts++ = '\0';
	while (opts && *opts) {
		const char *option = opts;

		if (getsubopt(&opts, keys, &value) != 0 || !value)
			return err_say(err, EINVAL,
				       "--net: '%s' is not an option of it; "
				       "there is mac=",
				       option);
		int r = parse_mac(value, net.mac, err);
		if (r < 0)
			return r;
	}
	net.fd = open_res(arg, O_RDWR, err);
	if (net.fd < 0)
		return net.fd;
	c->net[c->nr_nets++] = net;
	return 0;
}

/* fd:N listens already; a path is made to, and removed in the end. */
static int set_listener(int *slot, const char **made, const char *res,
			struct err *err)
{
	bool ours = strncmp(res, "fd:", 3) != 0;
	int fd = ours ? io_unix_listen(res, err) : open_res(res, 0, err);

	if (fd < 0)
		return fd;
	if (*made)
		(void)unlink(*made);
	*made = ours ? res : NULL;
	return set_fd(slot, fd);
}

enum { VSOCK_CID, VSOCK_LISTEN, VSOCK_DIAL };

static int set_vsock(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = { [VSOCK_CID] = key_cid,
				      [VSOCK_LISTEN] = key_listen,
				      [VSOCK_DIAL] = key_dial,
				      NULL };
	char *value;

	c->vsock = true;
	while (*arg) {
		const char *option = arg;
		int key = getsubopt(&arg, keys, &value);
		int r = 0;

		if (key < 0 || !value)
			return err_say(err, EINVAL,
				       "--vsock: '%s' is not an option of it; "
				       "there are cid=, listen= and dial=",
				       option);
		if (key == VSOCK_CID)
			r = parse_u64(value, "--vsock: cid", 3, UINT32_MAX - 1,
				      &c->vsock_cid, err);
		else if (key == VSOCK_LISTEN)
			r = set_listener(&c->vsock_listen, &c->made_vsock,
					 value, err);
		else
			r = set_fd(&c->vsock_dial, open_res(value, 0, err));
		if (r < 0)
			return r;
	}
	if (c->vsock_cid == 0)
		return err_say(err, EINVAL, "--vsock: cid= is missing");
	return 0;
}

static int set_serial(struct config *c, const char *arg, struct err *err)
{
	c->serial = true;
	if (strcmp(arg, "stdio") == 0) {
		c->serial_out = STDOUT_FILENO;
		c->serial_in = STDIN_FILENO;
		return 0;
	}
	return set_fd(&c->serial_out,
		      open_res(arg, O_WRONLY | O_CREAT | O_APPEND, err));
}

static int set_memory(struct parse *p, const char *arg)
{
	uint64_t bytes;
	int r = parse_size(arg, "--memory", &bytes, p->err);

	if (r < 0)
		return r;
	if (bytes < MEMORY_MIN)
		return err_say(p->err, ERANGE,
			       "--memory: %s is too small; give 64m or more",
			       arg);
	if (bytes > MEMORY_MAX)
		return err_say(p->err, ERANGE,
			       "--memory: %s is too large; give 4t or less",
			       arg);
	p->c->memory = bytes & ~UINT64_C(4095);
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
		return -set_fd(&c->kernel.fd, open_res(arg, O_RDONLY, err));
	case OPT_INITRD:
		return -add_initrd(c, arg, err);
	case OPT_CMDLINE:
		c->cmdline = arg;
		return 0;
	case OPT_CPUS:
		return -set_cpus(c, arg, err);
	case OPT_MEMORY:
		return -set_memory(p, arg);
	case OPT_HW:
		return -set_hw(c, arg, err);
	case OPT_SERIAL:
		return -set_serial(c, arg, err);
	case OPT_CONTROL:
		return -set_listener(&c->control_fd, &c->made_control, arg,
				     err);
	case OPT_EVENTS:
		return -set_fd(&c->events_fd, open_res(arg, O_WRONLY, err));
	case OPT_DISK:
		return -add_disk(c, arg, err);
	case OPT_NET:
		return -add_net(c, arg, err);
	case OPT_VSOCK:
		return -set_vsock(c, arg, err);
	case OPT_RNG:
		c->rng = true;
		return 0;
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
		.control_fd = -1,
		.events_fd = -1,
		.vsock_listen = -1,
		.vsock_dial = -1,
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
		close_fd(&c->net[i].fd);
	close_fd(&c->serial_out);
	close_fd(&c->control_fd);
	close_fd(&c->events_fd);
	close_fd(&c->vsock_listen);
	close_fd(&c->vsock_dial);
	if (c->made_control)
		(void)unlink(c->made_control);
	if (c->made_vsock)
		(void)unlink(c->made_vsock);
}
