/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_agent.c - the host's side of abi/agent.h.  The guest is hostile: a
 * record of the wrong type or size, or at the wrong time, ends the VM.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vmm/abi/net.h"
#include "vmm/lib/le.h"
#include "vmm/manager/keeper_priv.h"

#define STRINGIFY(x) #x
#define TEXT(x)	     STRINGIFY(x)

#define WORDS 600 /* bytes of a sentence that the guest says */

static int broke(struct keeper *k, const char *how)
{
	keeper_decide(k, EXIT_BELLJAR,
		      "the guest's init broke the agent protocol: %s", how);
	return -EPROTO;
}

static int send_list(struct keeper *k, uint32_t type, const struct strv *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = frame_send_str(&k->agent, type, list->v[i]);
	return r;
}

static int send_user_network(struct keeper *k)
{
	static const struct {
		uint32_t type;
		const char *text;
	} settings[] = {
		{ AGENT_ADDR, NET_GUEST4 "/" TEXT(NET_PREFIX4) },
		{ AGENT_ADDR, NET_GUEST6 "/" TEXT(NET_PREFIX6) },
		{ AGENT_GATEWAY, NET_GATEWAY4 },
		{ AGENT_GATEWAY, NET_GATEWAY6 },
		{ AGENT_DNS, NET_DNS4 },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (r == 0)
			r = frame_send_str(&k->agent, settings[i].type,
					   settings[i].text);
	return r;
}

/* What of it was given; without an address the guest sets up its own. */
static int send_network(struct keeper *k)
{
	const struct network_options *n = &k->plan->spec->options->network;

	if (n->kind == NETWORK_USER)
		return send_user_network(k);
	if (n->kind == NETWORK_NAMED)
		return keeper_switch_settings(k);
	/* With --network none there is none of all this. */
	int r = send_list(k, AGENT_ADDR, &n->addrs);
	if (r == 0)
		r = send_list(k, AGENT_GATEWAY, &n->gateways);
	return r == 0 ? send_list(k, AGENT_DNS, &n->dns) : r;
}

static int send_time(struct keeper *k)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return frame_send_u64(&k->agent, AGENT_TIME,
			      (uint64_t)ts.tv_sec * 1000000000U +
				      (uint64_t)ts.tv_nsec);
}

static int send_size(struct keeper *k, uint32_t type,
		     const struct agent_size *size)
{
	struct agent_size le = { htole16(size->rows), htole16(size->cols) };

	return frame_send(&k->agent, type, &le, sizeof(le));
}

static int send_process(struct keeper *k)
{
	const struct spec *s = k->plan->spec;
	int r = send_list(k, AGENT_ARG, &s->args);

	if (r == 0)
		r = send_list(k, AGENT_ENV, &s->env);
	if (r == 0)
		r = frame_send_str(&k->agent, AGENT_CWD, s->cwd);
	if (r == 0 && s->user)
		r = frame_send_str(&k->agent, AGENT_USER, s->user);
	if (r == 0)
		r = frame_send_str(&k->agent, AGENT_HOSTNAME, s->hostname);
	return r;
}

static int send_modules(struct keeper *k)
{
	const struct run_options *o = k->plan->spec->options;

	if (!o->kernel_modules)
		return 0;
	int r = frame_send_str(&k->agent, AGENT_MODULES,
			       k->plan->modules >= 0 ? "disk" : "image");
	return r < 0 ? r : send_list(k, AGENT_MODULE, &o->kernel_module);
}

static int send_shares(struct keeper *k)
{
	const struct shares *s = &k->plan->spec->options->shares;
	char text[SHARES_PATH + 64];
	unsigned nr_dax = 0;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < s->n; i++) {
		const struct share *v = &s->v[i];
		const char *kind = v->image  ? v->disk.fs
				   : v->file ? "file"
					     : "dir";

		if (v->dax)
			(void)snprintf(text, sizeof(text), "%u ro %s+dax %s",
				       nr_dax++, kind, v->target);
		else
			(void)snprintf(
				text, sizeof(text), KEEPER_TAG "%u %s %s %s", i,
				v->readonly ? "ro" : "rw", kind, v->target);
		r = frame_send_str(&k->agent, AGENT_SHARE, text);
	}
	return r;
}

static int send_settings(struct keeper *k)
{
	const struct run_options *o = k->plan->spec->options;
	int r = send_process(k);

	if (r == 0 && o->tty)
		r = send_size(k, AGENT_TTY, &k->plan->size);
	if (r == 0 && o->shm_size)
		r = frame_send_u64(&k->agent, AGENT_SHM_SIZE, o->shm_size);
	if (r == 0)
		r = send_network(k);
	if (r == 0 && o->read_only)
		r = frame_send(&k->agent, AGENT_READONLY, NULL, 0);
	if (r == 0 && o->interactive)
		r = frame_send(&k->agent, AGENT_STDIN, NULL, 0);
	if (r == 0)
		r = send_modules(k);
	if (r == 0)
		r = send_shares(k);
	if (r == 0)
		r = send_time(k);
	if (r == 0)
		r = frame_send(&k->agent, AGENT_START, NULL, 0);
	/* From now on stdin may come: the first window is open. */
	if (r == 0 && o->interactive)
		r = frame_send_u32(&k->cli, AGENT_CREDIT, AGENT_WINDOW);
	return r;
}

static int on_hello(struct keeper *k, const struct frame *f)
{
	uint32_t version = frame_u32(f, 0);

	if (k->agent_hello)
		return broke(k, "a second HELLO");
	if (version != AGENT_VERSION) {
		keeper_decide(k, EXIT_BELLJAR,
			      "the guest's init speaks version %u of the agent "
			      "protocol, not %u; rebuild initrd.cpio with "
			      "'make'",
			      version, AGENT_VERSION);
		return -EPROTO;
	}
	k->agent_hello = true;
	return send_settings(k);
}

static int on_times(struct keeper *k, const struct frame *f)
{
	struct agent_times t;

	if (f->len != sizeof(t))
		return broke(k, "TIMES has the wrong size");
	memcpy(&t, f->data, sizeof(t));
	uint64_t init = le64toh(t.init);
	uint64_t exec = le64toh(t.exec);
	k->timing.init_ns = exec > init ? exec - init : 0;
	return 0;
}

static int on_started(struct keeper *k, const struct frame *f)
{
	if (k->running)
		return broke(k, "a second STARTED");
	k->running = true;
	k->timing.exec = timing_now();
	return frame_send(&k->cli, AGENT_STARTED, f->data, f->len);
}

/* The guest's words from @off on: no control bytes for the user's terminal. */
static void copy_words(const struct frame *f, size_t off, char ret[WORDS])
{
	size_t len = f->len - off;

	if (len >= WORDS)
		len = WORDS - 1;
	memcpy(ret, f->data + off, len);
	ret[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)ret[i] < 0x20 || ret[i] == 0x7f)
			ret[i] = '?';
}

static int on_warn(struct keeper *k, const struct frame *f)
{
	char text[WORDS];

	if (k->running || k->warned == AGENT_WARN_MAX)
		return broke(k, "too many warnings, or too late");
	k->warned++;
	copy_words(f, 0, text);
	return frame_send_str(&k->cli, KEEPER_NOTE, text);
}

static int on_failed(struct keeper *k, const struct frame *f)
{
	struct frame number = { f->type, sizeof(uint32_t), f->data };

	if (f->len < sizeof(uint32_t))
		return broke(k, "FAILED without a status");
	uint32_t status = frame_u32(&number, 0);
	if (status < EXIT_BELLJAR || status > 127)
		return broke(k, "FAILED with a status of its own");

	char text[WORDS];
	copy_words(f, sizeof(uint32_t), text);
	k->timing.exited = timing_now();
	k->kill_at = k->timing.exited + KEEPER_GRACE_NS;
	keeper_decide(k, (int)status, "%s", text);
	return 0;
}

static int on_exit_status(struct keeper *k, const struct frame *f)
{
	uint32_t status = frame_u32(f, UINT32_MAX);

	if (status > 255 || !k->running)
		return broke(k, "EXIT with a bad status or before STARTED");
	k->timing.exited = timing_now();
	k->kill_at = k->timing.exited + KEEPER_GRACE_NS;
	keeper_decide(k, (int)status, NULL);
	return 0;
}

static int on_output(struct keeper *k, const struct frame *f)
{
	if (!k->running)
		return broke(k, "output before STARTED");
	capped_write(&k->log, f->data, f->len);
	return frame_send(&k->cli, f->type, f->data, f->len);
}

static int on_record(struct keeper *k, const struct frame *f)
{
	if (!k->agent_hello && f->type != AGENT_HELLO)
		return broke(k, "it does not begin with HELLO");
	switch (f->type) {
	case AGENT_HELLO:
		return on_hello(k, f);
	case AGENT_TIMES:
		return on_times(k, f);
	case AGENT_WARN:
		return on_warn(k, f);
	case AGENT_STARTED:
		return on_started(k, f);
	case AGENT_FAILED:
		return on_failed(k, f);
	case AGENT_OUT:
	case AGENT_ERR:
		return on_output(k, f);
	case AGENT_CREDIT:
		return frame_send(&k->cli, f->type, f->data, f->len);
	case AGENT_EXIT:
		return on_exit_status(k, f);
	default:
		return broke(k, "a record of unknown type");
	}
}

int keeper_agent_read(struct keeper *k)
{
	struct frame f;
	int n = frame_fill(&k->agent);
	int r = 0;

	if (n == -EAGAIN)
		return 0;
	/* Its end: the monitor is ending, or init is; both are seen there. */
	if (n <= 0) {
		frame_close(&k->agent);
		return 0;
	}
	while (r == 0 && (n = frame_next(&k->agent, &f)) > 0)
		r = on_record(k, &f);
	if (n < 0)
		return broke(k, "a record that is too long");
	if (r == -ENOMEM)
		keeper_decide(k, EXIT_BELLJAR, "the keeper ran out of memory");
	return r;
}

void keeper_signal(struct keeper *k, uint32_t sig)
{
	if (k->running && sig != SIGKILL) {
		(void)frame_send_u32(&k->agent, AGENT_SIGNAL, sig);
		return;
	}
	if (sig == SIGKILL || sig == SIGTERM || sig == SIGINT ||
	    sig == SIGHUP || sig == SIGQUIT) {
		keeper_decide(k, 128 + (int)sig, NULL);
		k->kill_at = timing_now();
	}
}

void keeper_cli_record(struct keeper *k, const struct frame *f)
{
	uint32_t sig;

	switch (f->type) {
	case AGENT_SIGNAL:
		sig = frame_u32(f, 0);
		if (sig > 0 && sig < NSIG)
			keeper_signal(k, sig);
		break;
	case AGENT_IN:
	case AGENT_RESIZE:
		/* Before START the guest would take it for a setting. */
		if (k->agent_hello)
			(void)frame_send(&k->agent, f->type, f->data, f->len);
		break;
	default:
		break;
	}
}
