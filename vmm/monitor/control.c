/* SPDX-License-Identifier: Apache-2.0 */
/* control.c - requests over a Unix socket, and events. */
#include "vmm/monitor/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "devices/virtio/balloon.h"
#include "devices/virtio/mem.h"
#include "devices/virtio/models.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/lib/list.h"
#include "vmm/lib/log.h"
#include "vmm/lib/parse.h"
#include "vmm/monitor/control_stats.h"

static void add_i64(struct json_object *o, const char *key, uint64_t v)
{
	json_put_i64(o, key, (int64_t)v);
}

static uint64_t relaxed(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* What the guest has not said is left out. */
static void add_known(struct json_object *o, const char *key, uint64_t v)
{
	if (v != BALLOON_UNKNOWN)
		add_i64(o, key, v);
}

static void add_balloon(struct vm *vm, struct json_object *answer)
{
	struct json_object *o = json_object_new_object();
	struct balloon_status s;

	balloon_status(vm->balloon, &s);
	add_i64(o, "target", s.target);
	add_i64(o, "actual", s.actual);
	add_i64(o, "reported", s.reported);
	json_put_bool(o, "driver", s.driver);
	add_i64(o, "figures", s.figures);
	add_known(o, "free", s.free);
	add_known(o, "available", s.available);
	add_known(o, "total", s.total);
	add_known(o, "caches", s.caches);
	(void)json_object_object_add(answer, "balloon", o);
}

static void add_mem(struct vm *vm, struct json_object *answer)
{
	struct json_object *o = json_object_new_object();
	struct mem_status s;

	mem_status(vm->mem, &s);
	add_i64(o, "most", s.most);
	add_i64(o, "requested", s.requested);
	add_i64(o, "plugged", s.plugged);
	json_put_bool(o, "driver", s.driver);
	(void)json_object_object_add(answer, "plug", o);
}

static void do_status(struct vm *vm, const char *arg,
		      struct json_object *answer)
{
	uint64_t io = 0;
	uint64_t mmio = 0;
	uint64_t other = 0;

	(void)arg;
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu_exits *e = &vm->vcpu[i].exits;

		io += relaxed(&e->io);
		mmio += relaxed(&e->mmio);
		other += relaxed(&e->other);
	}
	json_put_str(answer, "state", vm->paused ? "paused" : "running");
	json_put_str(answer, "id", vm->config->id ? vm->config->id : "");
	if (vm->config->pid)
		add_i64(answer, "pid", (uint64_t)vm->config->pid);
	add_i64(answer, "vcpus", vm->nr_vcpus);
	add_i64(answer, "memory", vm->gm.size);
	add_i64(answer, "exits", io + mmio + other);
	add_i64(answer, "exits_io", io);
	add_i64(answer, "exits_mmio", mmio);
	if (vm->balloon)
		add_balloon(vm, answer);
	if (vm->mem)
		add_mem(vm, answer);
}

static void do_pause(struct vm *vm, const char *arg, struct json_object *answer)
{
	(void)arg;
	(void)answer;
	vm_pause(vm);
}

static void do_resume(struct vm *vm, const char *arg,
		      struct json_object *answer)
{
	(void)arg;
	(void)answer;
	vm_resume(vm);
}

static void do_stop(struct vm *vm, const char *arg, struct json_object *answer)
{
	(void)arg;
	(void)answer;
	power_press(&vm->power);
}

static void do_kill(struct vm *vm, const char *arg, struct json_object *answer)
{
	(void)arg;
	(void)answer;
	vm_finish(vm, VM_KILLED);
}

static void refuse(struct json_object *answer, const char *sentence)
{
	json_put_bool(answer, "ok", false);
	json_put_str(answer, "error", sentence);
}

/* Below what it was started with by the balloon, above by virtio-mem. */
static void do_resize(struct vm *vm, const char *arg,
		      struct json_object *answer)
{
	uint64_t ram = vm->gm.size;
	struct mem_status mem = { 0 };
	struct err err;
	uint64_t bytes;

	if (vm->mem)
		mem_status(vm->mem, &mem);
	if (!vm->balloon && !vm->mem) {
		refuse(answer, "this VM has no balloon, its memory stays");
		return;
	}
	if (parse_u64(arg, "resize", vm->balloon ? BALLOON_LEAST : ram,
		      ram + mem.most, &bytes, &err) < 0) {
		refuse(answer, err.msg);
		return;
	}
	if (vm->balloon)
		balloon_resize(vm->balloon, bytes);
	if (vm->mem)
		mem_request(vm->mem, bytes > ram ? bytes - ram : 0);
}

static void do_stats(struct vm *vm, const char *arg, struct json_object *answer)
{
	(void)arg;
	control_stats(vm, answer);
}

/* ID BYTES; an ID may have spaces. */
static void do_disk_size(struct vm *vm, const char *arg,
			 struct json_object *answer)
{
	char id[CONTROL_MAX_REQUEST];
	const char *space = strrchr(arg, ' ');
	struct err err;
	uint64_t bytes;
	int r = -ENODEV;

	if (!space) {
		refuse(answer, "disk-size takes the id of a disk and bytes");
		return;
	}
	if (parse_u64(space + 1, "disk-size", 1, INT64_MAX, &bytes, &err) < 0) {
		refuse(answer, err.msg);
		return;
	}
	(void)snprintf(id, sizeof(id), "%.*s", (int)(space - arg), arg);
	for (unsigned i = 0; r == -ENODEV && i < vm->nr_devs; i++)
		r = blk_grow(vm->dev[i], id, bytes);
	if (r == -ENODEV)
		refuse(answer, "no disk of this VM has that id");
	else if (r < 0)
		refuse(answer, "a disk only grows while its VM runs");
}

/* COLS ROWS */
static void do_console_size(struct vm *vm, const char *arg,
			    struct json_object *answer)
{
	char cols_text[CONTROL_MAX_REQUEST];
	const char *space = strchrnul(arg, ' ');
	uint64_t cols, rows;
	struct err err;
	int r = -ENODEV;

	(void)snprintf(cols_text, sizeof(cols_text), "%.*s", (int)(space - arg),
		       arg);
	if (parse_u64(cols_text, "console-size: columns", 1, UINT16_MAX, &cols,
		      &err) < 0 ||
	    parse_u64(*space ? space + 1 : "", "console-size: rows", 1,
		      UINT16_MAX, &rows, &err) < 0) {
		refuse(answer, err.msg);
		return;
	}
	for (unsigned i = 0; r == -ENODEV && i < vm->nr_devs; i++)
		r = console_resize(vm->dev[i], (uint16_t)cols, (uint16_t)rows);
	if (r < 0)
		refuse(answer, "this VM has no virtio console");
}

static const struct {
	const char *word;
	void (*run)(struct vm *vm, const char *arg, struct json_object *answer);
} requests[] = {
	{ "status", do_status },
	{ "pause", do_pause },
	{ "resume", do_resume },
	{ "stop", do_stop },
	{ "kill", do_kill },
	{ "resize", do_resize },
	{ "stats", do_stats },
	{ "disk-size", do_disk_size },
	{ "console-size", do_console_size },
};

/* "WORD" or "WORD ARGUMENT"; @request is cut between them. */
static void answer_request(struct vm *vm, char *request, int fd)
{
	AUTO_JSON struct json_object *answer = json_object_new_object();
	char *arg = strchrnul(request, ' ');
	unsigned i = 0;
	const unsigned nr = sizeof(requests) / sizeof(requests[0]);

	if (*arg)
		*arg++ = '\0';
	while (i < nr && strcmp(request, requests[i].word) != 0)
		i++;
	if (i < nr) {
		json_put_bool(answer, "ok", true);
		requests[i].run(vm, arg, answer);
	} else {
		refuse(answer, "unknown request; there are status, stats, "
			       "pause, resume, stop, kill, resize, "
			       "disk-size and console-size");
	}

	size_t len;
	const char *text = json_object_to_json_string_length(
		answer, JSON_C_TO_STRING_PLAIN, &len);
	struct iovec line[] = { { (char *)(uintptr_t)text, len },
				{ (char[]){ '\n' }, 1 } };
	struct msghdr msg = { .msg_iov = line, .msg_iovlen = 2 };

	/* A client that does not read its answers does without them. */
	if (text)
		(void)sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void hang_up(struct control_client *client)
{
	loop_remove(client->control->loop, &client->src);
	(void)close(client->src.fd);
	client->src.fd = -1;
	client->len = 0;
}

static void on_request(struct loop_fd *src, uint32_t events)
{
	struct control_client *c =
		container_of(src, struct control_client, src);
	ssize_t n = io_recv(src->fd, c->line + c->len, sizeof(c->line) - c->len,
			    MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(c);
		return;
	}
	c->len += (size_t)n;

	char *end;
	while ((end = memchr(c->line, '\n', c->len))) {
		size_t used = (size_t)(end - c->line) + 1;

		*end = '\0';
		answer_request(c->control->vm, c->line, src->fd);
		c->len -= used;
		memmove(c->line, c->line + used, c->len);
	}
	if (c->len == sizeof(c->line)) {
		log_warn("control: a request longer than %d bytes, hanging up",
			 CONTROL_MAX_REQUEST);
		hang_up(c);
	}
}

static void on_client(struct loop_fd *src, uint32_t events)
{
	struct control *c = container_of(src, struct control, listener);
	int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &c->client[i];

		if (client->src.fd >= 0)
			continue;
		client->src.fd = fd;
		if (loop_set(c->loop, &client->src, EPOLLIN) < 0)
			hang_up(client);
		return;
	}
	log_warn("control: more than %d clients, hanging up", CONTROL_CLIENTS);
	(void)close(fd);
}

/* Its first key makes json-c ask for random numbers: before the jail. */
static void seed_json(void)
{
	AUTO_JSON struct json_object *o = json_object_new_object();

	json_put_str(o, "first", "");
}

int control_init(struct control *c, struct vm *vm, struct loop *loop,
		 int listen_fd, struct err *err)
{
	*c = (struct control){
		.vm = vm,
		.loop = loop,
		.listener = { .fd = listen_fd, .ready = on_client },
	};
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		c->client[i].control = c;
		c->client[i].src =
			(struct loop_fd){ .fd = -1, .ready = on_request };
	}
	seed_json();
	if (listen_fd < 0)
		return 0;
	int r = io_set_nonblock(listen_fd, true);
	if (r == 0)
		r = loop_set(loop, &c->listener, EPOLLIN);
	return r < 0 ? err_set(err, -r, "watch the control socket") : 0;
}

void control_done(struct control *c)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (c->client[i].src.fd >= 0)
			hang_up(&c->client[i]);
	loop_remove(c->loop, &c->listener);
}

static struct json_object *new_event(const char *event)
{
	struct json_object *o = json_object_new_object();
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	json_put_str(o, "event", event);
	add_i64(o, "ns",
		(uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	return o;
}

static void send_event(int fd, struct json_object *o)
{
	const char *text =
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	char line[256];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	if (n > 0 && (io_poll_now(fd, POLLOUT) & POLLOUT))
		(void)!write(fd, line, (size_t)n);
}

void control_event(int fd, const char *event, const char *reason)
{
	if (fd < 0)
		return;

	AUTO_JSON struct json_object *o = new_event(event);
	if (reason)
		json_put_str(o, "reason", reason);
	send_event(fd, o);
}

void control_event_memory(int fd, const struct gmem *gm, uint64_t map_ns)
{
	if (fd < 0 || gm->report.bytes == 0)
		return;

	AUTO_JSON struct json_object *o = new_event("memory");
	add_i64(o, "bytes", gm->report.bytes);
	add_i64(o, "page", gm->page);
	add_i64(o, "threads", gm->report.threads);
	add_i64(o, "populate_ns", gm->report.ns);
	add_i64(o, "map_ns", map_ns);
	send_event(fd, o);
}

void control_event_jail(int fd, const struct jail_walls *walls)
{
	if (!walls->missing)
		return;

	AUTO_JSON struct json_object *o = new_event("jail");
	add_i64(o, "missing", walls->missing);
	add_i64(o, "errno", (uint64_t)walls->errnum);
	send_event(fd, o);
}

void control_event_lost(int fd, const char *bdf, const char *why)
{
	if (fd < 0)
		return;

	AUTO_JSON struct json_object *o = new_event("device-lost");
	json_put_str(o, "device", bdf);
	json_put_str(o, "why", why);
	send_event(fd, o);
}

const char *control_end_name(enum vm_end end)
{
	static const char *const name[] = {
		[VM_RUNS] = "running", [VM_POWEROFF] = "poweroff",
		[VM_RESET] = "reset",  [VM_KILLED] = "killed",
		[VM_FAILED] = "error",
	};

	return name[end];
}
