/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapns.h - a network namespace of our own, for tests that need real taps and
 * bridges.  Nothing of the machine's own network is touched.
 */
#ifndef TESTS_HARNESS_TAPNS_H
#define TESTS_HARNESS_TAPNS_H

#include <stddef.h>
#include <stdint.h>

#define TAPNS_HEADER 12U /* struct virtio_net_hdr_v1 */
#define TAPNS_HEADS  54U /* Ethernet, IPv4, TCP */

/*
 * Go there for good, as root of a user namespace where we are not root; taps
 * can be made, and no frame comes from IPv6.  0, or -errno with the step.
 */
int tapns_enter(const char **ret_step);

/* Run "ip ARGS"; what fails fails the test. */
void tapns_ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A non-blocking tap by that name, attached with @flags more, switched on. */
int tapns_tap(const char *name, int flags);

/* Its wire: a packet socket whose frames stand behind a virtio_net_hdr. */
int tapns_wire(const char *name);

/*
 * A TCP segment of @len bytes of payload, all @fill, in an IPv4 packet, at
 * @ret; its checksum covers the pseudo header only, as one to be finished does.
 * Returns the frame's length.
 */
size_t tapns_segment(void *ret, size_t len, unsigned char fill);

/* The frame's TCP checksum is right. */
int tapns_checksum_ok(const void *frame, size_t len);

#endif
