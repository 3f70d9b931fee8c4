/* SPDX-License-Identifier: Apache-2.0 */
/* fake_engine.c - operations that hang, fail, and are counted. */
#include "tests/harness/fake_engine.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/lib/list.h"

struct fake fake;

struct fake_engine {
	struct engine engine;
	struct engine_ops ops; /* with the real one's role */
	struct engine *real;
	struct io *kept, **last; /* the disk's thread's */
	struct io *failed;
};

static int wake_fd = -1;

static struct fake_engine *self(struct engine *e)
{
	return container_of(e, struct fake_engine, engine);
}

static int fake_open(const struct raw *raw, const int *watched, unsigned nr,
		     struct engine **ret, struct err *err)
{
	struct fake_engine *f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(err, ENOMEM, "allocate");

	int r = fake.real->open(raw, watched, nr, &f->real, err);
	if (r < 0) {
		free(f);
		return r;
	}
	wake_fd = watched[0];
	f->ops = engine_fake;
	f->ops.role = fake.real->role;
	f->engine.ops = &f->ops;
	f->last = &f->kept;
	*ret = &f->engine;
	return 0;
}

static void fake_close(struct engine *e)
{
	struct fake_engine *f = self(e);

	f->real->ops->close(f->real);
	free(f);
}

static bool to_be_held(const struct io *io)
{
	return __atomic_load_n(&fake.hold, __ATOMIC_ACQUIRE) ||
	       (__atomic_load_n(&fake.hold_writes, __ATOMIC_ACQUIRE) &&
		io->kind == IO_WRITE);
}

static void fake_submit(struct engine *e, struct io *io)
{
	struct fake_engine *f = self(e);
	int error = __atomic_load_n(&fake.error, __ATOMIC_ACQUIRE);

	(void)__atomic_fetch_add(&fake.submitted, 1, __ATOMIC_RELAXED);
	if (io->kind == IO_FLUSH)
		(void)__atomic_fetch_add(&fake.flushes, 1, __ATOMIC_RELAXED);
	if (error) {
		io->result = -error;
		io->next = f->failed;
		f->failed = io;
	} else if (to_be_held(io)) {
		io->next = NULL;
		*f->last = io;
		f->last = &io->next;
		(void)__atomic_fetch_add(&fake.held, 1, __ATOMIC_RELEASE);
	} else {
		f->real->ops->submit(f->real, io);
	}
}

static void let_go(struct fake_engine *f)
{
	while (f->kept && !to_be_held(f->kept)) {
		struct io *io = f->kept;

		f->kept = io->next;
		(void)__atomic_fetch_sub(&fake.held, 1, __ATOMIC_RELEASE);
		f->real->ops->submit(f->real, io);
	}
	if (!f->kept)
		f->last = &f->kept;
}

static void fake_wait(struct engine *e, uint32_t listen, int64_t ns)
{
	struct fake_engine *f = self(e);

	let_go(f);
	if (f->failed)
		ns = 0;
	if (ns != 0)
		(void)__atomic_fetch_add(&fake.sleeps, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&fake.sleep_ns, ns > 0 ? ns : 0, __ATOMIC_RELEASE);
	f->real->ops->wait(f->real, listen, ns);
	__atomic_store_n(&fake.sleep_ns, 0, __ATOMIC_RELEASE);
}

static struct io *fake_reap(struct engine *e)
{
	struct fake_engine *f = self(e);
	struct io *io = f->failed;

	if (!io)
		return f->real->ops->reap(f->real);
	f->failed = io->next;
	return io;
}

const struct engine_ops engine_fake = {
	.name = "fake",
	.role = JAIL_DISK,
	.open = fake_open,
	.close = fake_close,
	.submit = fake_submit,
	.wait = fake_wait,
	.reap = fake_reap,
};

void fake_begin(const struct engine_ops *real)
{
	fake = (struct fake){ .real = real };
}

void fake_await_held(unsigned n)
{
	while (__atomic_load_n(&fake.held, __ATOMIC_ACQUIRE) < n)
		(void)sched_yield();
}

void fake_release(void)
{
	uint64_t one = 1;

	__atomic_store_n(&fake.hold, false, __ATOMIC_RELEASE);
	__atomic_store_n(&fake.hold_writes, false, __ATOMIC_RELEASE);
	(void)!write(wake_fd, &one, sizeof(one));
}
