/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial.h - the jailed monitor asks its keeper for the host end of a
 * guest-initiated vsock connection.  SOCK_SEQPACKET, one struct a message,
 * host byte order (both are processes of this machine).  Answers may come in
 * any order; `cookie` joins them.
 */
#ifndef VMM_ABI_DIAL_H
#define VMM_ABI_DIAL_H

#include <stdint.h>

struct dial_request {
	uint64_t cookie;
	uint32_t port; /* the port the guest connected to, on CID 2 */
	uint32_t pad;
};

/* With error 0 a connected stream socket travels along (SCM_RIGHTS). */
struct dial_answer {
	uint64_t cookie;
	int32_t error; /* 0 or a positive errno */
	uint32_t pad;
};

#endif
