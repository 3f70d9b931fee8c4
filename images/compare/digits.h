/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digits.h - data and model of the rows train.*: those of images/demo/train.py
 * in size, batch and arithmetic.  The digits themselves are made up, so that
 * the image needs no data set: ten shapes and noise.
 */
#ifndef IMAGES_COMPARE_DIGITS_H
#define IMAGES_COMPARE_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#define DIGITS_SAMPLES 1437UL /* what train.py trains on */
#define DIGITS_SIDE    8
#define DIGITS_PIXELS  (1UL * DIGITS_SIDE * DIGITS_SIDE)
#define DIGITS_KINDS   10UL
#define DIGITS_BATCH   32UL
#define DIGITS_HIDDEN  128UL

/* As in a file: pixels from 0 to 16, and which digit it is. */
struct digit {
	uint8_t pixels[DIGITS_PIXELS];
	uint8_t kind;
};

/* Fill @ret[DIGITS_SAMPLES]; the same each time. */
void digits_make(struct digit *ret);

struct batch {
	float x[DIGITS_BATCH][DIGITS_PIXELS];
	uint8_t kind[DIGITS_BATCH];
};

/* Scale to 0..1, move by up to one pixel and add noise (sigma 0.25). */
void digits_augment(const struct digit *from, float *to, uint64_t *seed);

/* One hidden layer, ReLU, softmax; SGD with momentum. */
struct weights {
	float w0[DIGITS_PIXELS][DIGITS_HIDDEN], b0[DIGITS_HIDDEN];
	float w1[DIGITS_HIDDEN][DIGITS_KINDS], b1[DIGITS_KINDS];
};

struct model {
	struct weights param, speed; /* speed: the optimizer's state */
};

void model_init(struct model *m);

/* One step of training; returns the loss before it. */
float model_step(struct model *m, const struct batch *batch, float rate);

#endif
