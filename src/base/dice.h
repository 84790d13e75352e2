/*
 * dice.h - numbers that look like chance and are the same every time:
 * SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, 2014).  Good for test data and for waiting; no secret.
 */
#ifndef BASE_DICE_H
#define BASE_DICE_H

#include <stdint.h>

#define DICE_STEP 0x9e3779b97f4a7c15u

/* Every bit of `z` into every other one; each number gives one of its own. */
static inline uint64_t
dice_mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* The next number; `dice` may begin as anything. */
static inline uint64_t
dice_throw(uint64_t *dice)
{
	return dice_mix(*dice += DICE_STEP);
}

#endif
