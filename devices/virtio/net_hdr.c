/* SPDX-License-Identifier: Apache-2.0 */
/* net_hdr.c - the guest's header of a frame, checked. */
#include "devices/virtio/net_hdr.h"

#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include "devices/virtio/virtio.h"

/*
 * Of the smallest datagram that every link carries (RFC 791, 68 bytes) what is
 * left behind the headers.  Smaller ones would only make the host cut more.
 */
#define SEGMENT_MIN 28
#define TCP_CSUM    offsetof(struct tcphdr, th_sum)

/* Where TCP may begin at the earliest; 0: cutting so was not agreed on. */
static size_t least_start(unsigned type, uint64_t features)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return features & VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4)
			       ? ETH_HLEN + sizeof(struct iphdr)
			       : 0;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return features & VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6)
			       ? ETH_HLEN + sizeof(struct ip6_hdr)
			       : 0;
	default:
		return 0;
	}
}

/* The TCP header lies behind an IP header and inside the frame. */
static bool segments_ok(const struct virtio_net_hdr_v1 *h, size_t start,
			size_t off, size_t len, uint64_t features)
{
	unsigned type = h->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;
	size_t least = least_start(type, features);

	if ((h->gso_type & VIRTIO_NET_HDR_GSO_ECN) &&
	    !(features & VIRTIO_BIT(VIRTIO_NET_F_HOST_ECN)))
		return false;
	return least != 0 && start >= least && off == TCP_CSUM &&
	       start <= len && sizeof(struct tcphdr) <= len - start &&
	       le16toh(h->gso_size) >= SEGMENT_MIN;
}

bool net_hdr_check(struct virtio_net_hdr_v1 *h, size_t len, uint64_t features)
{
	size_t start = le16toh(h->csum_start);
	size_t off = le16toh(h->csum_offset);
	struct virtio_net_hdr_v1 out = { 0 };

	if (!(features & VIRTIO_BIT(VIRTIO_NET_F_CSUM))) {
		*h = out;
		return true;
	}
	/* Section 5.1.6.2.1: bits that are not known are ignored. */
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (start > len || off > len - start || len - start - off < 2)
			return false;
		out.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		out.csum_start = h->csum_start;
		out.csum_offset = h->csum_offset;
	}
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		if (!out.flags || !segments_ok(h, start, off, len, features))
			return false;
		out.gso_type = h->gso_type;
		out.gso_size = h->gso_size;
		/* A hint that we need not trust: as far as TCP's header. */
		out.hdr_len =
			htole16((uint16_t)(start + sizeof(struct tcphdr)));
	}
	*h = out;
	return true;
}
