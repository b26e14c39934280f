/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/skype_lcg.h"

/* 2^i steps at once: x -> mul x + add. Row 0 is one step; each row is the one before, twice. */
static const struct jump { uint32_t mul, add; } jumps[32] = {
	{ 0x00010dcd, 0x00004271 }, { 0x1c587629, 0x460633ee }, { 0x6ab9d291, 0x3ac4390c },
	{ 0x16c43621, 0xac6060d8 }, { 0x99f9f041, 0xee9a6cb0 }, { 0xf1ebf081, 0x30e50560 },
	{ 0x50c82101, 0xd876bac0 }, { 0x35d14201, 0xe5003580 }, { 0x40a68401, 0x054b6b00 },
	{ 0xf55d0801, 0x4fc2d600 }, { 0xbafa1001, 0x7435ac00 }, { 0xb6f42001, 0x3b2b5800 },
	{ 0x71e84001, 0xc156b000 }, { 0xf3d08001, 0xaead6000 }, { 0x27a10001, 0x0d5ac000 },
	{ 0x4f420001, 0xdab58000 }, { 0x9e840001, 0xb56b0000 }, { 0x3d080001, 0x6ad60000 },
	{ 0x7a100001, 0xd5ac0000 }, { 0xf4200001, 0xab580000 }, { 0xe8400001, 0x56b00000 },
	{ 0xd0800001, 0xad600000 }, { 0xa1000001, 0x5ac00000 }, { 0x42000001, 0xb5800000 },
	{ 0x84000001, 0x6b000000 }, { 0x08000001, 0xd6000000 }, { 0x10000001, 0xac000000 },
	{ 0x20000001, 0x58000000 }, { 0x40000001, 0xb0000000 }, { 0x80000001, 0x60000000 },
	{ 0x00000001, 0xc0000000 }, { 0x00000001, 0x80000000 },
};

/*
 * The lowest i bits repeat every 2^i steps, so bit i of two values that agree
 * below tells whether 2^i steps are part of the way.
 */
uint32_t skype_lcg_distance(uint32_t from, uint32_t to)
{
	uint32_t steps = 0;

	for (unsigned i = 0; i < 32 && from != to; i++) {
		if (!((from ^ to) >> i & 1))
			continue;
		from = from * jumps[i].mul + jumps[i].add;
		steps |= 1u << i;
	}
	return steps;
}

uint32_t skype_lcg_jump(uint32_t x, uint32_t steps)
{
	for (unsigned i = 0; steps != 0; i++, steps >>= 1)
		if (steps & 1)
			x = x * jumps[i].mul + jumps[i].add;
	return x;
}

uint32_t skype_lcg_run(const uint8_t *b, uint32_t n)
{
	uint32_t run = 0;

	while (run + 1 < n && b[run + 1] == skype_lcg_next_byte(b[run]))
		run++;
	return run;
}
