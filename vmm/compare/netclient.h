/* SPDX-License-Identifier: Apache-2.0 */
/* netclient.h - the host's end of `/suite serve`. */
#ifndef VMM_COMPARE_NETCLIENT_H
#define VMM_COMPARE_NETCLIENT_H

#include <netinet/in.h>
#include <stdint.h>

struct netclient {
	struct sockaddr_in address;
	uint64_t budget_ns; /* of each of its rows */
};

/*
 * Measure and print a line "value ROW NUMBER" for each of net.in, net.out and
 * net.rtt, or "failed ROW SENTENCE"; then end the server.  For a job's run():
 * the argument is a struct netclient; returns the exit status.
 */
int netclient_run(void *arg);

#endif
