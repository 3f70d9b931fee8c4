/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - what one VM is made of: every descriptor open, every number
 * checked.  After config_parse() the monitor opens no path, but for what the
 * host says of its memory in /sys and /proc while the VM is made.
 */
#ifndef VMM_MONITOR_CONFIG_H
#define VMM_MONITOR_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/virtio/models.h"
#include "firmware/machine.h"
#include "vmm/jail/jail.h"
#include "vmm/lib/err.h"

#define CONFIG_MAX_CPUS	   64
#define CONFIG_MAX_DISKS   64
#define CONFIG_MTU_MIN	   68U /* virtio 1.2, 5.1.4.1; RFC 791 */
#define CONFIG_MTU_MAX	   65535U
#define CONFIG_MAX_NETS	   4
#define CONFIG_MAX_PAIRS   8 /* of queues, of one of them */
#define CONFIG_MAX_FS	   16
#define CONFIG_MAX_PMEM	   16
#define CONFIG_MAX_INITRDS 8
#define CONFIG_MAX_VFIO	   16

struct config_file {
	int fd;
	const char *name; /* for messages */
};

struct config_disk {
	int fd;
	bool readonly;
	char serial[21]; /* VIRTIO_BLK_ID_BYTES and a NUL */
	uint64_t bps, iops; /* 0: no limit */
	unsigned queues; /* 0: as many as vCPUs, but few */
	enum blk_cache cache;
	const struct engine_ops *engine; /* NULL: the best there is */
};

struct config_net {
	int fd[CONFIG_MAX_PAIRS]; /* a socket, or queues of one tap */
	unsigned nr_fds;
	uint8_t mac[6];
	int vhost[CONFIG_MAX_PAIRS]; /* /dev/vhost-net for each, or none */
	unsigned nr_vhosts;
	uint16_t mtu; /* 0: the driver is not told */
	uint64_t bps, pps; /* each way; 0: no limit */
};

/* A shared directory. */
struct config_fs {
	int fd; /* connected to a vhost-user backend */
	char tag[37]; /* of 36 bytes at most, and a NUL */
};

/* A file in the guest's memory, to be read. */
struct config_pmem {
	int fd;
	const char *name; /* for messages */
	char id[21];
};

/* A function of the host. */
struct config_vfio {
	const char *bdf; /* "0000:01:00.0" */
	const char *res; /* as it was given */
	int fd; /* group or device node; those of one group share it */
	int node, port; /* -1: not given */
	bool cdev; /* device node */
	bool rom, no_reset;
};

struct config {
	const char *id;
	int kvm_fd;
	struct config_file kernel;
	struct config_file initrd[CONFIG_MAX_INITRDS];
	unsigned nr_initrds;
	const char *cmdline;
	unsigned cpus;
	uint64_t memory; /* bytes, a multiple of 4 KiB */
	uint64_t memory_max; /* ... with what is plugged in; 0: nothing is */
	uint64_t page; /* GMEM_PAGE_2M or _1G; 0: no huge pages */
	unsigned nr_nodes; /* of the guest; 0: no NUMA */
	unsigned node[GMEM_MAX_NODES]; /* of the host, one for each */
	enum machine_hw hw;
	uint64_t serial_bps; /* 0: the device's own limit */
	bool serial;
	int serial_out, serial_in; /* -1: none */
	bool console;
	int console_out, console_in; /* -1: none */
	uint16_t console_cols, console_rows; /* 0: not known */
	int control_fd; /* listening; -1: none */
	int events_fd; /* -1: none */
	unsigned nr_disks;
	struct config_disk disk[CONFIG_MAX_DISKS];
	struct config_net net[CONFIG_MAX_NETS];
	unsigned nr_nets;
	struct config_fs fs[CONFIG_MAX_FS];
	unsigned nr_fs;
	struct config_pmem pmem[CONFIG_MAX_PMEM];
	unsigned nr_pmem;
	bool vsock;
	uint64_t vsock_cid;
	int vsock_listen, vsock_dial; /* -1: none */
	bool rng, balloon;
	struct config_vfio vfio[CONFIG_MAX_VFIO]; /* all the same kind */
	unsigned nr_vfio;
	int vfio_container, iommufd; /* -1: none */
	bool verbose;
	struct jail_asked jail;
	pid_t pid; /* ours, as others see it; 0: not known */
	/* Sockets that we made: control's and vsock's; NULL: none. */
	const char *made_control, *made_vsock;
};

/*
 * The command line, with all it names opened.  Strings point into @argv.
 * --help, --usage and --version print and leave *@ret_done true.
 */
int config_parse(int argc, char **argv, struct config *ret, bool *ret_done,
		 struct err *err);

/*
 * Close what is still open and remove what was made; accepts a config that
 * failed half-way.
 */
void config_done(struct config *c);

#endif
