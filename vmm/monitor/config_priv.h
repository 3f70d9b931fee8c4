/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_priv.h - what the files of the command line share.  All return 0 (or
 * a descriptor) or -errno with a sentence.
 */
#ifndef VMM_MONITOR_CONFIG_PRIV_H
#define VMM_MONITOR_CONFIG_PRIV_H

#include "vmm/monitor/config.h"

/* Open @res, fd:N or a path; @flags are open()'s. */
int config_open_res(const char *res, int flags, struct err *err);
/* *@slot becomes @fd, unless that is -errno; what was there is closed. */
int config_set_fd(int *slot, int fd);
/*
 * @res as fd:N listens already; a path is made to, *@made remembers it, and it
 * is removed in the end.
 */
int config_set_listener(int *slot, const char **made, const char *res,
			struct err *err);

/* The values of --memory, --memory-max, --hugepages and --numa. */
int config_set_memory(struct config *c, const char *arg, struct err *err);
int config_set_memory_max(struct config *c, const char *arg, struct err *err);
int config_set_hugepages(struct config *c, const char *arg, struct err *err);
int config_add_node(struct config *c, const char *arg, struct err *err);
/* Afterwards: does --numa go with the other options? */
int config_check_nodes(const struct config *c, struct err *err);
/* ... and --memory-max and --balloon? */
int config_check_memory(const struct config *c, struct err *err);

/* The values of --serial, --disk, ..., cut up on the way. */
int config_set_serial(struct config *c, char *arg, struct err *err);
int config_set_console(struct config *c, char *arg, struct err *err);
int config_add_disk(struct config *c, char *arg, struct err *err);
int config_add_net(struct config *c, char *arg, struct err *err);
int config_add_fs(struct config *c, char *arg, struct err *err);
int config_add_pmem(struct config *c, char *arg, struct err *err);
void config_done_net(struct config_net *net);
int config_set_vsock(struct config *c, char *arg, struct err *err);

/* The value of --vfio; once all are read; and their descriptors' end. */
int config_add_vfio(struct config *c, char *arg, struct err *err);
int config_finish_vfio(struct config *c, struct err *err);
void config_done_vfio(struct config *c);

#endif
