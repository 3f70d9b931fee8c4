/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - the user-mode network as the guest sees it, and the framing between
 * monitor and belljar-net: a SOCK_SEQPACKET pair, one Ethernet frame (no
 * virtio header, no FCS) a message, NET_FRAME_MIN..NET_FRAME_MAX bytes.
 * Anything else is dropped by the receiver.
 */
#ifndef VMM_ABI_NET_H
#define VMM_ABI_NET_H

#define NET_FRAME_MIN 14
#define NET_FRAME_MAX 65550 /* 64 KiB segment and its Ethernet header */

/*
 * Of the guest's interface.  As TCP ends in belljar-net, it has nothing to do
 * with the MTU of any other link: long frames are what segmentation offload
 * would be.
 */
#define NET_MTU	    65520
#define NET_MTU_MIN 1280 /* RFC 8200, section 5 */

#define NET_GUEST4   "10.0.2.15"
#define NET_PREFIX4  24
#define NET_GATEWAY4 "10.0.2.2"
#define NET_DNS4     "10.0.2.3"
#define NET_GUEST6   "fd00:be11:1a5::15"
#define NET_PREFIX6  64
#define NET_GATEWAY6 "fd00:be11:1a5::2"
#define NET_DNS6     "fd00:be11:1a5::3"

#endif
