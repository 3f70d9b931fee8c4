/* SPDX-License-Identifier: Apache-2.0 */
/* keeper_priv.h - the keeper's state, shared by the files keeper*.c only. */
#ifndef VMM_MANAGER_KEEPER_PRIV_H
#define VMM_MANAGER_KEEPER_PRIV_H

#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "vmm/hostdev/hostdev_bind.h"
#include "vmm/lib/err.h"
#include "vmm/manager/capped.h"
#include "vmm/manager/cgroup.h"
#include "vmm/manager/devices.h"
#include "vmm/manager/frame.h"
#include "vmm/manager/keeper.h"
#include "vmm/manager/networks.h"
#include "vmm/manager/shares.h"
#include "vmm/manager/spawn.h"
#include "vmm/manager/tap.h"

#define KEEPER_GRACE_NS	  10000000000ULL /* from a polite signal to SIGKILL */
#define KEEPER_SAID_MAX	  2048
#define KEEPER_EVENTS_MAX 512
#define KEEPER_RATE_LEN	  64
#define KEEPER_NOTES_MAX  32 /* lines of one companion */

/* A companion process and the last it said on stderr. */
struct keeper_child {
	pid_t pid; /* 0: not running */
	int pidfd;
	int err; /* read end of its stderr */
	size_t said_len;
	size_t noted; /* of these: passed on by keeper_child_note() */
	unsigned nr_notes;
	char said[KEEPER_SAID_MAX];
};

/* A virtiofsd, and how it ended. */
struct keeper_share {
	struct keeper_child child;
	int sock; /* the monitor's end, until the monitor has it; -1 */
	int status; /* 128+n when signalled */
	bool signalled;
	uint64_t note_at; /* when to say that it has ended; 0: not */
};

/* Files that stay open only until the monitor has them. */
struct files {
	int fd[SPAWN_FDS_MAX];
	unsigned n;
};

struct keeper {
	const struct keeper_plan *plan;
	struct timing timing;
	struct frame_link cli, agent;
	struct keeper_child monitor, net;
	struct keeper_share share[SHARES_MAX]; /* by the options' order */
	struct capped log, console;
	int dial; /* our end; the monitor asks for host connections */
	int events; /* read end of the monitor's events */
	int serial; /* read end of the guest's serial port */
	int signals;

	bool agent_taken; /* the first connection to AGENT_PORT was given */
	bool agent_hello; /* and has said HELLO */
	unsigned warned; /* times by the agent */
	bool running; /* the container's process has started */
	bool timed_out;
	bool guest_died; /* without a word of its init */
	int status; /* exit status, -1 while unknown */
	int monitor_status; /* 128+n when monitor_signalled */
	bool monitor_signalled;
	struct err why; /* the sentence for it, code 0: none needed */
	uint64_t kill_at; /* ns; 0: no reason to kill yet */
	uint64_t timeout_at;
	uint64_t net_note_at; /* when to say that belljar-net has ended */
	int net_status; /* how it did: 128+n by signal n */
	bool net_signalled;

	struct jail_ids ids; /* users of the companions */
	unsigned missing; /* walls of theirs (enum jail_wall) */
	int missing_errnum; /* why the first of them is */
	unsigned told; /* of these: the user knows */

	struct hostdev_hold hold; /* functions of the host that we have */
	bool lost[HOSTDEV_TAKE_MAX]; /* ... and the VM has no more */

	struct cgroup cgroup; /* of monitor and network */
	struct cgroup_usage usage; /* of it, when all has ended */

	struct network named; /* that the VM is on; of NETWORK_NAMED */
	struct in_addr address; /* the VM's there; 0: none */
	char tap[IF_NAMESIZE]; /* that the VM has; "": none */
	unsigned mtu; /* its */
	uint8_t mac[6]; /* of the guest there */
	struct json_object *ports; /* lines of belljar-net, for state.json */
	/* What "fd:N" in the monitor's sentences stands for; N from 3. */
	char *fd_names[SPAWN_FDS_MAX];
	size_t events_len;
	char events_buf[KEEPER_EVENTS_MAX];
};

/*
 * keeper.c: a note to the user that is the same for each VM of this host: said
 * once a boot, remembered as RUN/@file.
 */
void keeper_note_once(struct keeper *k, const char *file, const char *text);
/*
 * keeper.c: whether the user, or who ends the keeper, had enough of waiting;
 * then the status is decided.
 */
bool keeper_interrupted(struct keeper *k);

/* keeper_start.c: open everything, start both companions. */
int keeper_start(struct keeper *k, struct err *err);
/*
 * Hand @fd, which becomes one of @f, to the monitor: its number there.  @name
 * is what the monitor's sentences then say for "fd:N".
 */
int keeper_give(struct keeper *k, struct spawn *s, struct files *f, int fd,
		const char *name);

/* A pipe: the read end is ours, non-blocking; *@ret_theirs the companion's. */
int keeper_pipe(int *ret_ours, int *ret_theirs, struct err *err);
/* Start what @s says: the monitor is companion 0, belljar-net 1. */
int keeper_companion(struct keeper *k, unsigned companion, struct spawn *s,
		     struct err *err);
/* ",KEY=N,KEY=N" of those that were given: what @nr devices get each. */
void keeper_rate_tail(char ret[KEEPER_RATE_LEN], unsigned nr, uint64_t bytes,
		      const char *ops_key, uint64_t ops);

/* keeper_net.c: belljar-net, a tap, or a network by name. */
/* The monitor's ends: a socket, or queues of a tap, and the kernel's part. */
struct net_ends {
	int fd[TAP_QUEUES_MAX], vhost[TAP_QUEUES_MAX];
	unsigned nr, nr_vhosts; /* the latter as many, or none */
};
/* Make the network ready; @ret, all zeros, stays so for none. */
int keeper_net_open(struct keeper *k, struct net_ends *ret, struct err *err);
/* Behind a tap vhost-net for each of @ends, where there is one. */
int keeper_net_vhost(struct keeper *k, struct net_ends *ends, struct err *err);
/* The option for all of them.  0 or -ENOMEM. */
int keeper_net_add(const struct keeper *k, struct spawn *s,
		   const struct net_ends *ends);
void keeper_net_close(struct net_ends *ends);

/* keeper_switch.c: a network that VMs share. */
/*
 * Join it: *@ret_guest is the monitor's wire, *@ret_uplink belljar-net's, left
 * alone where there is no way out.
 */
int keeper_switch_join(struct keeper *k, int *ret_guest, int *ret_uplink,
		       struct err *err);
/* What the guest is told about it.  0 or -ENOMEM. */
int keeper_switch_settings(struct keeper *k);
/* Members of state.json. */
void keeper_switch_state(const struct keeper *k, struct json_object *to);

/* keeper_jail.c: companions behind walls, or, with the jail off, without. */
/* Users for them. */
void keeper_jail_take(struct keeper *k);
/*
 * How @s is to be born, in @b, and what it is told (an option more).  The
 * monitor is companion 0, belljar-net 1.
 */
int keeper_jail_prepare(struct keeper *k, unsigned companion, struct spawn *s,
			struct jail_birth *b, struct err *err);
/* A range of users for what outlives the VM; jail_ids_done() in every case. */
void keeper_jail_ids(const struct keeper *k, struct jail_ids *ret);
/* How a switch is to be born, of @ids' first, and what it is told. */
int keeper_jail_switch(const struct keeper *k, const struct jail_ids *ids,
		       struct spawn *s, struct jail_birth *b);
/* How a server of files is to be born; also with the jail off. */
void keeper_jail_server(struct keeper *k, struct jail_birth *b);
/* It was; -EPERM with a sentence when all walls are required. */
int keeper_jail_born(struct keeper *k, const struct jail_birth *b,
		     struct err *err);
/* The monitor's event "jail". */
void keeper_jail_event(struct keeper *k, struct json_object *event);
/* Tell the user what is missing, once a boot. */
void keeper_jail_note(struct keeper *k);

/* keeper_share.c: a virtiofsd for each share, options->shares.n of them. */
#define KEEPER_TAG "share" /* tags: this and the share's number */
int keeper_shares_start(struct keeper *k, struct err *err);
/* The monitor's options about them. */
int keeper_shares_add(struct keeper *k, struct spawn *s, struct err *err);
/* The monitor has their sockets: a server ends when it closes its own. */
void keeper_shares_given(struct keeper *k);
/* Two entries of poll() each; and what they said. */
#define KEEPER_SHARES_FDS (2 * SHARES_MAX)
void keeper_shares_sources(const struct keeper *k,
			   struct pollfd fds[KEEPER_SHARES_FDS]);
void keeper_shares_ready(struct keeper *k,
			 const struct pollfd fds[KEEPER_SHARES_FDS]);
/* When keeper_shares_check() is due, ns; 0: not. */
uint64_t keeper_shares_due(const struct keeper *k);
/* Tell the user of those that ended while the VM goes on. */
void keeper_shares_check(struct keeper *k, uint64_t now);
/* Their process ids, for state.json; the caller owns it. */
struct json_object *keeper_shares_json(const struct keeper *k);
/* Kill, reap, close. */
void keeper_shares_end(struct keeper *k);

/* keeper_devices.c */
/* Bind the VM's functions to vfio-pci; nothing to do without any. */
int keeper_devices_take(struct keeper *k, struct err *err);
/* Give back what was taken; the monitor is reaped.  Failures become notes. */
void keeper_devices_give_back(struct keeper *k);
/* The monitor's options about devices and where memory is. */
int keeper_devices_add(struct keeper *k, struct spawn *s, struct files *f,
		       struct err *err);
/* Those that the VM has now, for state.json; the caller owns it. */
struct json_object *keeper_devices_json(const struct keeper *k);
/* The monitor's event "device-lost"; false when it changes nothing. */
bool keeper_devices_lost(struct keeper *k, struct json_object *event);

/* keeper_cgroup.c */
/*
 * Make the VM's group.  Limits that cannot be set become a note, or a failure
 * when they are required.
 */
int keeper_cgroup_make(struct keeper *k, struct err *err);
/* Put a companion in. */
void keeper_cgroup_add(struct keeper *k, pid_t pid);
/* Decide, if that is how the monitor, which is reaped, was killed. */
bool keeper_cgroup_oom(struct keeper *k);
/* Note what was used and remove the group; the companions are reaped. */
void keeper_cgroup_end(struct keeper *k);

/* keeper_agent.c: the guest's init.  -EPROTO, sentence in k->why: end it. */
int keeper_agent_read(struct keeper *k);
/* A record of the CLI. */
void keeper_cli_record(struct keeper *k, const struct frame *f);
/* Deliver @sig to the container, or end a VM that has none yet. */
void keeper_signal(struct keeper *k, uint32_t sig);

/* keeper_dial.c: answer what waits on k->dial. */
void keeper_dial(struct keeper *k);

/* keeper_child.c */
/* Read stderr; closes it at its end. */
void keeper_child_read(struct keeper_child *c);
/* The last line said, without log prefix; "" when there is none. */
void keeper_child_sentence(const struct keeper *k, const struct keeper_child *c,
			   char *ret, size_t len);
/* Pass whole lines of its log on to the CLI, KEEPER_NOTES_MAX at most. */
void keeper_child_note(struct keeper *k, struct keeper_child *c);
/* SIGKILL; harmless when it is gone. */
void keeper_child_kill(const struct keeper_child *c);
/* Reap: exit status or 128+n; closes the pidfd.  The child has ended. */
int keeper_child_reap(struct keeper_child *c, bool *ret_signalled);

/* keeper_end.c */
/* First reason wins: the status, and a sentence unless @fmt is NULL. */
void keeper_decide(struct keeper *k, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The monitor has ended and all that the guest said is read: what does that
 * mean, if the guest has not said so?
 */
void keeper_judge(struct keeper *k);
/* Write exit.json, remove what is to be removed, tell the CLI. */
void keeper_finish(struct keeper *k);

#endif
