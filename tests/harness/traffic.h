/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic.h - what tests of the network send, and that it arrives.  These
 * functions fail the cmocka test that calls them.
 */
#ifndef TESTS_HARNESS_TRAFFIC_H
#define TESTS_HARNESS_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#include "tests/harness/netns.h"

/* Skip the running test, and say why, when the namespaces are not to be had. */
void traffic_need(struct netns *n);

/* Make and remove the namespaces: for a group of tests. */
int traffic_setup(struct netns *n);

/* After a test that failed half-way: nothing keeps running. */
void traffic_cleanup(struct netns *n);

/* The next connection of @listener. */
int traffic_accept(int listener);

/* Send @total bytes from @tx to @rx; what arrives has the same sha256. */
void traffic_transfer(int tx, int rx, size_t total);

/*
 * Client @c says a datagram of @len bytes; the server answers whoever it was
 * with the same, and the client gets it.
 */
void traffic_echo(int c, int server, size_t len);

/*
 * The same from the guest to the host's address @ip.  Also the proof that
 * belljar-net has dealt with all frames before.
 */
void traffic_echo_out(struct netns *n, const char *ip, size_t len);

#endif
