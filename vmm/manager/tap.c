/* SPDX-License-Identifier: Apache-2.0 */
/* tap.c - attach to a tap, or make one on a bridge. */
#include "vmm/manager/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/auto.h"

/*
 * A bridge without an address of its own takes the lowest of its ports': ours
 * begin with the highest there is, so that a VM that comes or goes does not
 * change it.
 */
#define HIGHEST 0xfe

static int open_clone(const char *clone, struct err *err)
{
	int fd = open(clone, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV))
		return err_say(err, errno,
			       "--network: this host has no taps ('%s' is not "
			       "there); load the module: 'modprobe tun'",
			       clone);
	if (fd < 0)
		return err_set(err, errno, "--network: open '%s'", clone);
	return fd;
}

static struct ifreq request(const char *name)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ifr;
}

/* TUNSETIFF, and what each refusal of it means. */
static int set_interface(int fd, const char *name, int flags, struct err *err)
{
	struct ifreq ifr = request(name);

	ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags);
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return 0;
	switch (errno) {
	case EBUSY:
		return err_say(err, EBUSY,
			       "--network: the tap '%s' is in use by another "
			       "program; give each VM one of its own",
			       name);
	case EINVAL:
		return err_say(err, EINVAL,
			       "--network: '%s' is no tap; make one with 'ip "
			       "tuntap add dev NAME mode tap'",
			       name);
	default:
		return err_set(err, errno, "--network: attach to the tap '%s'",
			       name);
	}
}

/* One more descriptor of the tap. */
static int open_queue(const char *clone, const char *name, int flags,
		      struct tap_end *end, struct err *err)
{
	AUTO_CLOSE int fd = open_clone(clone, err);

	if (fd < 0)
		return fd;
	int r = set_interface(fd, name, flags, err);
	if (r == 0)
		end->fd[end->nr++] = TAKE_FD(fd);
	return r;
}

static int open_queues(const char *clone, const char *name, unsigned queues,
		       struct tap_end *end, struct err *err)
{
	int r = 0;

	while (r == 0 && end->nr < queues)
		r = open_queue(clone, name, IFF_MULTI_QUEUE, end, err);
	return r;
}

void tap_close(struct tap_end *end)
{
	while (end->nr)
		(void)close(end->fd[--end->nr]);
}

static int control_socket(struct err *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_set(err, errno, "--network: create a socket") : fd;
}

static int get_mtu(int ctl, const char *name, unsigned *ret, struct err *err)
{
	struct ifreq ifr = request(name);

	if (ioctl(ctl, SIOCGIFMTU, &ifr) < 0)
		return err_set(err, errno, "--network: the MTU of '%s'", name);
	*ret = (unsigned)ifr.ifr_mtu;
	return 0;
}

static int attach(const char *clone, const char *name, unsigned queues, int ctl,
		  struct tap_end *end, struct err *err)
{
	int r = open_queue(clone, name, 0, end, err);

	/* One that may have several takes nobody who does not say so. */
	if (r == -EINVAL)
		r = open_queues(clone, name, queues, end, err);
	if (r == -EPERM)
		return err_say(err, EPERM,
			       "--network: the tap '%s' is not yours; start "
			       "belljar as root, or have it made with 'ip "
			       "tuntap add dev %s mode tap user %u'",
			       name, name, geteuid());
	return r < 0 ? r : get_mtu(ctl, name, &end->mtu, err);
}

int tap_attach(const char *clone, const char *name, unsigned queues,
	       struct tap_end *ret, struct err *err)
{
	/* TUNSETIFF would make one that is not there. */
	unsigned index = if_nametoindex(name);

	if (index == 0)
		return err_say(err, ENODEV,
			       "--network: there is no interface '%s'; make "
			       "it with 'ip tuntap add dev %s mode tap', or "
			       "name another",
			       name, name);
	AUTO_CLOSE int ctl = control_socket(err);
	if (ctl < 0)
		return ctl;
	struct tap_end end = { .nr = 0 };
	int r = attach(clone, name, queues, ctl, &end, err);
	if (r == 0 && if_nametoindex(name) != index)
		r = err_say(err, ENODEV,
			    "--network: the tap '%s' was removed just now",
			    name);
	if (r < 0) {
		tap_close(&end);
		return r;
	}
	(void)snprintf(end.name, sizeof(end.name), "%s", name);
	*ret = end;
	return 0;
}

static int set_mtu(int ctl, const char *name, unsigned mtu, struct err *err)
{
	struct ifreq ifr = request(name);

	ifr.ifr_mtu = (int)mtu;
	if (ioctl(ctl, SIOCSIFMTU, &ifr) < 0)
		return err_set(err, errno, "--network: set the MTU of '%s'",
			       name);
	return 0;
}

static int set_address(int ctl, const char *name, const uint8_t mac[6],
		       struct err *err)
{
	struct ifreq ifr = request(name);

	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	ifr.ifr_hwaddr.sa_data[0] = (char)HIGHEST;
	if (ioctl(ctl, SIOCSIFHWADDR, &ifr) < 0)
		return err_set(err, errno, "--network: set the address of '%s'",
			       name);
	return 0;
}

/* SIOCBRADDIF: -EOPNOTSUPP when @bridge is none. */
static int join(int ctl, unsigned index, const char *bridge)
{
	struct ifreq ifr = request(bridge);

	ifr.ifr_ifindex = (int)index;
	return ioctl(ctl, SIOCBRADDIF, &ifr) < 0 ? -errno : 0;
}

static int add_port(int ctl, const char *name, const char *bridge,
		    struct err *err)
{
	int r = join(ctl, if_nametoindex(name), bridge);

	return r < 0 ? err_set(err, -r,
			       "--network: put a tap on the bridge '%s'",
			       bridge)
		     : 0;
}

static int check_bridge(int ctl, const char *bridge, struct err *err)
{
	if (if_nametoindex(bridge) == 0)
		return err_say(err, ENODEV,
			       "--network: there is no bridge '%s'; make it "
			       "with 'ip link add %s type bridge', or name "
			       "another",
			       bridge, bridge);
	/* A port that there is not is refused by bridges only. */
	if (join(ctl, 0, bridge) == -EOPNOTSUPP)
		return err_say(err, EOPNOTSUPP,
			       "--network: '%s' is no bridge; make one with "
			       "'ip link add NAME type bridge'",
			       bridge);
	return 0;
}

static int switch_on(int ctl, const char *name, struct err *err)
{
	struct ifreq ifr = request(name);

	ifr.ifr_flags = IFF_UP;
	if (ioctl(ctl, SIOCSIFFLAGS, &ifr) < 0)
		return err_set(err, errno, "--network: switch '%s' on", name);
	return 0;
}

static int not_allowed(const char *bridge, struct err *err)
{
	return err_say(err, EPERM,
		       "--network: no permission to put a tap on the bridge "
		       "'%s'; start belljar as root, or have one made ('ip "
		       "tuntap add dev NAME mode tap user %u', 'ip link set "
		       "NAME master %s up') and give --network tap=NAME",
		       bridge, geteuid(), bridge);
}

int tap_make(const char *clone, const char *name, const char *bridge,
	     const uint8_t mac[6], unsigned queues, struct tap_end *ret,
	     struct err *err)
{
	struct tap_end end = { .nr = 0 };

	AUTO_CLOSE int ctl = control_socket(err);
	if (ctl < 0)
		return ctl;
	int r = check_bridge(ctl, bridge, err);
	if (r < 0)
		return r;

	if (queues > 1)
		r = open_queues(clone, name, queues, &end, err);
	else
		r = open_queue(clone, name, 0, &end, err);
	if (r == 0)
		r = get_mtu(ctl, bridge, &end.mtu, err);
	if (r == 0)
		r = set_mtu(ctl, name, end.mtu, err);
	if (r == 0)
		r = set_address(ctl, name, mac, err);
	if (r == 0)
		r = add_port(ctl, name, bridge, err);
	if (r == 0)
		r = switch_on(ctl, name, err);
	if (r == -EPERM)
		r = not_allowed(bridge, err);
	if (r < 0) {
		tap_close(&end);
		return r;
	}
	(void)snprintf(end.name, sizeof(end.name), "%s", name);
	*ret = end;
	return 0;
}
