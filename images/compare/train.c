/* SPDX-License-Identifier: Apache-2.0 */
/* train.c - the model of digits.h, and row train.step. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "images/compare/digits.h"
#include "images/compare/pace.h"
#include "images/compare/suite.h"
#include "images/compare/times.h"
#include "vmm/lib/auto.h"

#define MOMENTUM 0.9F
#define RATE	 0.1F
#define LEARNT	 64 /* steps after which the loss must have fallen */
#define LOSSES	 8 /* at the beginning and the end, whose mean that is */

/* What a step computes on its way. */
struct pass {
	float hidden[DIGITS_BATCH][DIGITS_HIDDEN];
	float odds[DIGITS_BATCH][DIGITS_KINDS];
	float d_hidden[DIGITS_BATCH][DIGITS_HIDDEN];
	struct weights grad;
};

void model_init(struct model *m)
{
	uint64_t seed = 2;

	memset(m, 0, sizeof(*m));
	/* Uniform, of the variance 2/inputs that train.py's have. */
	const float in = sqrtf(24.0F / DIGITS_PIXELS);
	const float out = sqrtf(24.0F / DIGITS_HIDDEN);

	for (size_t i = 0; i < DIGITS_PIXELS; i++)
		for (size_t j = 0; j < DIGITS_HIDDEN; j++)
			m->param.w0[i][j] = in * pace_random_float(&seed);
	for (size_t i = 0; i < DIGITS_HIDDEN; i++)
		for (size_t j = 0; j < DIGITS_KINDS; j++)
			m->param.w1[i][j] = out * pace_random_float(&seed);
}

static void softmax(float *v)
{
	float most = v[0], sum = 0;

	for (size_t k = 1; k < DIGITS_KINDS; k++)
		most = fmaxf(most, v[k]);
	for (size_t k = 0; k < DIGITS_KINDS; k++)
		sum += v[k] = expf(v[k] - most);
	for (size_t k = 0; k < DIGITS_KINDS; k++)
		v[k] /= sum;
}

static void forward(const struct weights *w, const struct batch *b,
		    struct pass *p)
{
	for (size_t n = 0; n < DIGITS_BATCH; n++) {
		float *hidden = p->hidden[n], *odds = p->odds[n];

		memcpy(hidden, w->b0, sizeof(w->b0));
		for (size_t i = 0; i < DIGITS_PIXELS; i++)
			for (size_t j = 0; j < DIGITS_HIDDEN; j++)
				hidden[j] += b->x[n][i] * w->w0[i][j];
		for (size_t j = 0; j < DIGITS_HIDDEN; j++)
			hidden[j] = hidden[j] > 0 ? hidden[j] : 0;

		memcpy(odds, w->b1, sizeof(w->b1));
		for (size_t j = 0; j < DIGITS_HIDDEN; j++)
			for (size_t k = 0; k < DIGITS_KINDS; k++)
				odds[k] += hidden[j] * w->w1[j][k];
		softmax(odds);
	}
}

/* The mean loss; odds become the slope of it. */
static float slope(const struct batch *b, struct pass *p)
{
	float loss = 0;

	for (size_t n = 0; n < DIGITS_BATCH; n++) {
		float *odds = p->odds[n];

		loss -= logf(odds[b->kind[n]] + 1e-9F);
		odds[b->kind[n]] -= 1;
		for (size_t k = 0; k < DIGITS_KINDS; k++)
			odds[k] /= DIGITS_BATCH;
	}
	return loss / DIGITS_BATCH;
}

static void backward(const struct weights *w, const struct batch *b,
		     struct pass *p)
{
	struct weights *g = &p->grad;

	memset(g, 0, sizeof(*g));
	for (size_t n = 0; n < DIGITS_BATCH; n++) {
		const float *hidden = p->hidden[n], *odds = p->odds[n];
		float *d = p->d_hidden[n];

		for (size_t k = 0; k < DIGITS_KINDS; k++)
			g->b1[k] += odds[k];
		for (size_t j = 0; j < DIGITS_HIDDEN; j++) {
			d[j] = 0;
			for (size_t k = 0; k < DIGITS_KINDS; k++) {
				g->w1[j][k] += hidden[j] * odds[k];
				d[j] += odds[k] * w->w1[j][k];
			}
			d[j] = hidden[j] > 0 ? d[j] : 0;
			g->b0[j] += d[j];
		}
		for (size_t i = 0; i < DIGITS_PIXELS; i++)
			for (size_t j = 0; j < DIGITS_HIDDEN; j++)
				g->w0[i][j] += b->x[n][i] * d[j];
	}
}

static void update(float *param, float *speed, const float *grad, size_t n,
		   float rate)
{
	for (size_t i = 0; i < n; i++) {
		speed[i] = speed[i] * MOMENTUM - rate * grad[i];
		param[i] += speed[i];
	}
}

#define UPDATE(m, p, part, rate)                                               \
	update((float *)(m)->param.part, (float *)(m)->speed.part,             \
	       (const float *)(p)->grad.part,                                  \
	       sizeof((m)->param.part) / sizeof(float), rate)

float model_step(struct model *m, const struct batch *batch, float rate)
{
	static struct pass p;

	forward(&m->param, batch, &p);
	float loss = slope(batch, &p);
	backward(&m->param, batch, &p);
	UPDATE(m, &p, w0, rate);
	UPDATE(m, &p, b0, rate);
	UPDATE(m, &p, w1, rate);
	UPDATE(m, &p, b1, rate);
	return loss;
}

/* A training that is measured: its steps so far. */
struct training {
	struct digit digits[DIGITS_SAMPLES];
	struct model model;
	struct batch batch;
	uint64_t seed;
	size_t steps;
	float first, last; /* sums of LOSSES losses; last: a moving one */
};

/* ns that it took. */
static int64_t one_step(struct training *t)
{
	for (size_t n = 0; n < DIGITS_BATCH; n++) {
		uint64_t i = pace_random(&t->seed) % DIGITS_SAMPLES;

		digits_augment(&t->digits[i], t->batch.x[n], &t->seed);
		t->batch.kind[n] = t->digits[i].kind;
	}

	/* Preparing the batch is the loader's row. */
	int64_t begin = pace_now();
	float loss = model_step(&t->model, &t->batch, RATE);
	int64_t took = pace_now() - begin;

	if (t->steps < LOSSES)
		t->first += loss;
	t->last += loss - t->last / LOSSES;
	t->steps++;
	return took;
}

int train_step(const struct plan *plan, struct figure *ret, struct err *err)
{
	AUTO_FREE struct training *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(err, ENOMEM, "get memory for a model");

	digits_make(t->digits);
	model_init(&t->model);
	t->seed = 1;

	/* The first step warms up. */
	(void)one_step(t);
	t->steps = 0;
	t->first = t->last = 0;

	AUTO_FREE struct times *times = times_new(plan->budget, 1, err);
	if (!times)
		return -ENOMEM;
	while (times_more(times))
		times_add(times, one_step(t));

	if (!isfinite(t->last) || (t->steps >= LEARNT && t->last >= t->first))
		return err_say(err, EDOM,
			       "the model learnt nothing: its loss went from "
			       "%.3f to %.3f",
			       (double)t->first / LOSSES,
			       (double)t->last / LOSSES);
	ret->ops = times->n;
	ret->number = times_median(times) / 1e6;
	return 0;
}
