/* SPDX-License-Identifier: Apache-2.0 */
/* digits.c - made-up digits, and what a data loader does to them. */
#include "images/compare/digits.h"

#include "images/compare/pace.h"

#define BRIGHT 16 /* the brightest pixel */
#define NOISE  0.25F

/* About normal, mean 0 and sigma 1: the sum of four uniform numbers. */
static float normal(uint64_t *seed)
{
	uint64_t word = pace_random(seed);
	float sum = 0;

	for (unsigned shift = 0; shift < 64; shift += 16)
		sum += (float)(word >> shift & 0xffff) / 65536;
	return (sum - 2) * 1.7320508F;
}

static uint8_t smudge(uint8_t pixel, uint64_t *seed)
{
	float value = (float)pixel + 2 * normal(seed);

	if (value < 0)
		return 0;
	return value > BRIGHT ? BRIGHT : (uint8_t)value;
}

void digits_make(struct digit *ret)
{
	uint8_t shapes[DIGITS_KINDS][DIGITS_PIXELS];
	uint64_t seed = 10;

	for (size_t k = 0; k < DIGITS_KINDS; k++)
		for (size_t i = 0; i < DIGITS_PIXELS; i++)
			/* A stroke covers a third of a picture. */
			shapes[k][i] = pace_random(&seed) % 3 ? 0 : BRIGHT;

	for (size_t n = 0; n < DIGITS_SAMPLES; n++) {
		uint8_t kind = (uint8_t)(n % DIGITS_KINDS);

		ret[n].kind = kind;
		for (size_t i = 0; i < DIGITS_PIXELS; i++)
			ret[n].pixels[i] = smudge(shapes[kind][i], &seed);
	}
}

void digits_augment(const struct digit *from, float *to, uint64_t *seed)
{
	uint64_t word = pace_random(seed);
	int right = (int)(word % 3) - 1;
	int down = (int)(word / 3 % 3) - 1;

	for (int y = 0; y < DIGITS_SIDE; y++)
		for (int x = 0; x < DIGITS_SIDE; x++) {
			int fy = y - down, fx = x - right;
			float value = NOISE * normal(seed);

			/* Dark comes in from the border. */
			if (fy >= 0 && fy < DIGITS_SIDE && fx >= 0 &&
			    fx < DIGITS_SIDE)
				value += (float)from->pixels[fy * DIGITS_SIDE +
							     fx] /
					 BRIGHT;
			to[y * DIGITS_SIDE + x] = value;
		}
}
