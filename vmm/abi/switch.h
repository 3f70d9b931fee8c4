/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch.h - what a keeper and the switch of a named network say to each other.
 *
 * The keeper connects to the network's socket (SOCK_SEQPACKET) once for each
 * wire that it wants, writes one struct switch_hello and reads one struct
 * switch_welcome.  From then on the connection is a wire (abi/net.h): one
 * Ethernet frame a message, both ways.  The keeper hands it to the monitor, or,
 * the uplink, to belljar-net, and keeps nothing of it.  A wire that is closed
 * ends what it is: the port of a VM, with its address and name, or its uplink.
 *
 * Both run on one machine, from one build: numbers are the machine's own.
 */
#ifndef VMM_ABI_SWITCH_H
#define VMM_ABI_SWITCH_H

#include <stdint.h>

#define SWITCH_VERSION 1
#define SWITCH_PORTS   128 /* VMs of one network, at most */
#define SWITCH_ID_LEN  16
#define SWITCH_NAME    65 /* with its NUL */

/* Of a subnet, after the network's own address. */
#define SWITCH_GATEWAY 1
#define SWITCH_DNS     2
#define SWITCH_FIRST   3 /* the first VM's */

enum switch_wire {
	SWITCH_GUEST = 1, /* makes a port: the monitor's */
	SWITCH_UPLINK, /* of the port of the same id: belljar-net's */
};

struct switch_hello {
	uint32_t version;
	uint32_t wire; /* enum switch_wire */
	char id[SWITCH_ID_LEN]; /* the VM's; with a NUL, as is name */
	char name[SWITCH_NAME]; /* that others know it by; "": its id */
};

/*
 * @error is 0 or an errno: EADDRNOTAVAIL no address is free, EEXIST another
 * port has the name, ENOENT an uplink without a port, EPROTO not understood.
 */
struct switch_welcome {
	uint32_t version;
	uint32_t error;
	uint8_t addr[4]; /* the VM's, IPv4 */
	uint8_t mac[6];
	uint16_t unused;
};

#endif
