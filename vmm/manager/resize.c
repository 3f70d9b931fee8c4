/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resize.c - a balloon inflated and deflated from outside, memory plugged in
 * and out.
 */
#include "vmm/manager/resize.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>

#include "vmm/lib/json.h"
#include "vmm/manager/timing.h"

#define MIB	((uint64_t)1 << 20)
#define NS_MS	1000000ULL
#define LEAST	(16 * MIB) /* the monitor's, of any guest */
#define PAGE	((uint64_t)4096) /* of a balloon */
#define BLOCK	(2 * MIB) /* of what is plugged in */
#define HINT	(16 * MIB) /* what we tell to give is whole these */
#define FRESH_S 2 /* that new figures may take */
/*
 * Linux plugs out 128 MiB at a time, and moves what lies there first: so many
 * times longer it may stand still.
 */
#define PLUG_OUT 3

const struct resize_pace resize_pace = {
	.tick_ms = 50,
	.still_ms = 5000,
	.rate = 8 * MIB,
};

/* What a status says. */
struct view {
	uint64_t memory;
	bool balloon, driver;
	uint64_t target, actual; /* bytes in the balloon: asked, there */
	uint64_t figures;
	bool known; /* the next one is */
	uint64_t available;
	/* Bytes beside `memory` that can be plugged in; 0: none. */
	uint64_t most;
	bool plug_driver;
	uint64_t requested, plugged; /* of these: asked, there */
};

static uint64_t limit_of(const struct view *v)
{
	return v->memory - v->target + v->requested;
}

/* What its kernel may use now. */
static uint64_t has(const struct view *v)
{
	return v->memory + v->plugged - v->actual;
}

/* A number of bytes, at most @max. */
static bool get_bytes(struct json_object *o, const char *key, uint64_t max,
		      uint64_t *ret)
{
	int64_t n = 0;

	if (json_get_i64(o, key, &n, NULL) < 0 || n < 0 || (uint64_t)n > max)
		return false;
	*ret = (uint64_t)n;
	return true;
}

static bool get_bool(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	(void)json_object_object_get_ex(o, key, &v);
	return json_object_get_boolean(v);
}

static bool read_plug(struct json_object *o, struct view *v)
{
	v->plug_driver = get_bool(o, "driver");
	return get_bytes(o, "most", (uint64_t)INT64_MAX - v->memory,
			 &v->most) &&
	       get_bytes(o, "requested", v->most, &v->requested) &&
	       get_bytes(o, "plugged", v->most, &v->plugged);
}

static bool read_view(struct json_object *o, struct view *ret)
{
	struct json_object *b = NULL;
	struct view v = { 0 };

	if (!get_bytes(o, "memory", INT64_MAX, &v.memory))
		return false;
	if (json_get_obj(o, "plug", &b, NULL) == 0 && !read_plug(b, &v))
		return false;
	v.balloon = json_get_obj(o, "balloon", &b, NULL) == 0;
	if (v.balloon) {
		if (!get_bytes(b, "target", v.memory, &v.target) ||
		    !get_bytes(b, "actual", v.memory, &v.actual) ||
		    !get_bytes(b, "figures", INT64_MAX, &v.figures))
			return false;
		v.driver = get_bool(b, "driver");
		v.known = get_bytes(b, "available", v.memory + v.most,
				    &v.available);
	}
	*ret = v;
	return true;
}

static int look(struct client *c, struct view *ret, struct err *err)
{
	AUTO_JSON struct json_object *o = NULL;
	int r = client_ask(c, "status", &o, err);

	if (r < 0)
		return r;
	return read_view(o, ret)
		       ? 0
		       : err_say(err, EPROTO,
				 "the monitor of VM '%s' says of its memory "
				 "what cannot be; end it with 'belljar rm -f'",
				 c->name);
}

/* Look again and again, until @is says so or @ms are over; 1: it does. */
static int look_until(struct client *c, unsigned ms,
		      const struct resize_pace *pace,
		      bool (*is)(const struct view *v, uint64_t arg),
		      uint64_t arg, struct view *v, struct err *err)
{
	uint64_t until = timing_now() + ms * NS_MS;

	for (;;) {
		int r = look(c, v, err);

		if (r < 0)
			return r;
		if (is(v, arg))
			return 1;
		if (timing_now() >= until)
			return 0;
		(void)poll(NULL, 0, (int)pace->tick_ms);
	}
}

static bool lacks_plug(const struct view *v, uint64_t limit)
{
	return !v->plug_driver &&
	       (limit > v->memory || v->requested || v->plugged);
}

static bool has_driver(const struct view *v, uint64_t limit)
{
	bool balloon = limit < v->memory || v->target || v->actual;

	return (v->driver || !balloon) && !lacks_plug(v, limit);
}

static bool is_fresh(const struct view *v, uint64_t seen)
{
	return v->figures > seen;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static uint64_t distance(const struct view *v)
{
	return apart(v->actual, v->target) + apart(v->plugged, v->requested);
}

static int ask_for(struct client *c, uint64_t limit, struct err *err)
{
	AUTO_JSON struct json_object *o = NULL;
	char request[64];

	(void)snprintf(request, sizeof(request), "resize %" PRIu64, limit);
	return client_ask(c, request, &o, err);
}

/*
 * Until the guest has as much as was asked, comes no nearer, or one that comes
 * nearer byte by byte had enough time.  1: it has.
 */
static int settle(struct client *c, const struct resize_pace *pace,
		  struct view *v, struct err *err)
{
	uint64_t begin = timing_now();
	uint64_t moved = begin;
	int r = look(c, v, err);
	uint64_t best = distance(v);
	uint64_t still = pace->still_ms * NS_MS;
	uint64_t end = begin + best / (pace->rate / 1000 + 1) * NS_MS;

	if (v->plugged > v->requested)
		still *= PLUG_OUT;
	end += still;

	while (r == 0 && distance(v) > 0) {
		uint64_t now = timing_now();

		if (distance(v) < best) {
			best = distance(v);
			moved = now;
		}
		if (now >= end || now - moved >= still)
			return 0;
		(void)poll(NULL, 0, (int)pace->tick_ms);
		r = look(c, v, err);
	}
	return r < 0 ? r : 1;
}

/* What a person reads: whole MiB, up. */
static uint64_t mib(uint64_t bytes)
{
	return (bytes + MIB - 1) / MIB;
}

static int say_busy(const struct client *c, const struct view *v,
		    uint64_t limit, uint64_t used, struct err *err)
{
	return err_say(err, EBUSY,
		       "VM '%s' cannot do with %" PRIu64 " MiB: its guest has "
		       "%" PRIu64 " MiB in use; its limit stays at %" PRIu64
		       " MiB, give %" PRIu64 "m or more",
		       c->name, limit / MIB, mib(used), limit_of(v) / MIB,
		       (used + HINT) / HINT * HINT / MIB);
}

/* What can be said before the guest is asked anything. */
static int check(const struct client *c, const struct view *v, uint64_t limit,
		 struct err *err)
{
	if (limit > v->memory && v->most)
		return limit <= v->memory + v->most
			       ? 0
			       : err_say(err, ERANGE,
					 "VM '%s' may have %" PRIu64
					 " MiB at most, its --memory-max; give "
					 "%" PRIu64 "m or less, or run it anew",
					 c->name, (v->memory + v->most) / MIB,
					 (v->memory + v->most) / MIB);
	if (limit > v->memory)
		return err_say(err, ERANGE,
			       "VM '%s' was started with %" PRIu64 " MiB and "
			       "gets no more while it runs; give %" PRIu64
			       "m at most, or run it anew with -m %" PRIu64 "m",
			       c->name, v->memory / MIB, v->memory / MIB,
			       mib(limit));
	if (limit < LEAST)
		return err_say(err, ERANGE,
			       "--memory: %" PRIu64 " bytes are too few for "
			       "any guest; give %" PRIu64 "m or more",
			       limit, LEAST / MIB);
	if (!v->balloon)
		return err_say(err, ENOTSUP,
			       "the memory of VM '%s' cannot change: it is of "
			       "huge pages, or devices of the host reach it; "
			       "run it anew with another -m",
			       c->name);
	return 0;
}

/*
 * A guest that has more in use would throw away all that it has cached, and
 * then still not do it: what it says of itself is enough to leave it alone.
 */
static int check_use(struct client *c, const struct resize_pace *pace,
		     uint64_t limit, struct view *v, struct err *err)
{
	int r = look_until(c, FRESH_S * 1000, pace, is_fresh, v->figures, v,
			   err);

	if (r <= 0 || !v->known || v->available > has(v))
		return r < 0 ? r : 0;
	uint64_t used = has(v) - v->available;
	return limit < used ? say_busy(c, v, limit, used, err) : 0;
}

/* It has not been reached: the old one holds again. */
static int give_up(struct client *c, const struct resize_pace *pace,
		   uint64_t limit, uint64_t old, struct view *v,
		   struct err *err)
{
	uint64_t least = has(v);
	uint64_t asked = limit_of(v);
	bool grows = v->plugged < v->requested;
	int r;

	if (v->actual > v->target)
		return err_say(err, EBUSY,
			       "the guest of VM '%s' leaves %" PRIu64 " MiB in "
			       "its balloon, though it may use %" PRIu64
			       " MiB; look at the messages of its kernel",
			       c->name, mib(v->actual - v->target),
			       limit / MIB);
	r = ask_for(c, old, err);
	if (r == 0)
		r = settle(c, pace, v, err);
	if (r >= 0 && grows)
		return err_say(
			err, EBUSY,
			"the guest of VM '%s' plugs in no more than "
			"%" PRIu64 " of %" PRIu64 " MiB; its limit stays "
			"at %" PRIu64 " MiB, look at the messages of its "
			"kernel",
			c->name, least / MIB, asked / MIB, limit_of(v) / MIB);
	return r < 0 ? r : say_busy(c, v, limit, least, err);
}

static int say_no_driver(const struct client *c, const struct view *v,
			 uint64_t limit, struct err *err)
{
	bool plug = lacks_plug(v, limit);

	return err_say(err, ENOTSUP,
		       "the kernel of VM '%s' has no driver for %s; run it "
		       "with --kernel minimal or stock, or load the driver "
		       "with --kernel-module %s",
		       c->name, plug ? "memory plugged in" : "its balloon",
		       plug ? "virtio_mem" : "virtio_balloon");
}

static int change(struct client *c, const struct resize_pace *pace,
		  uint64_t limit, struct view *v, struct err *err)
{
	uint64_t old = limit_of(v);
	int r = look_until(c, pace->still_ms, pace, has_driver, limit, v, err);

	if (r == 0)
		r = say_no_driver(c, v, limit, err);
	if (r > 0)
		r = limit < has(v) ? check_use(c, pace, limit, v, err) : 0;
	if (r == 0)
		r = ask_for(c, limit, err);
	if (r == 0)
		r = settle(c, pace, v, err);
	return r == 0 ? give_up(c, pace, limit, old, v, err) : r;
}

int resize_vm(struct client *c, uint64_t limit, const struct resize_pace *pace,
	      struct resized *ret, struct err *err)
{
	struct view v = { 0 };
	int r = look(c, &v, err);

	if (r < 0)
		return r;
	limit -= limit % PAGE;
	*ret = (struct resized){ v.memory + v.most, limit_of(&v),
				 limit_of(&v) };
	r = check(c, &v, limit, err);
	if (limit > v.memory)
		limit -= (limit - v.memory) % BLOCK;
	if (r < 0 || (limit_of(&v) == limit && distance(&v) == 0))
		return r;
	r = change(c, pace, limit, &v, err);
	ret->limit = limit_of(&v);
	return r < 0 ? r : 0;
}
