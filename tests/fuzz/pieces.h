/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts an input into pieces, how follows from its bytes: another cut for each mutation
 * instead of many cuts of each. */
#ifndef INLAY_TESTS_PIECES_H
#define INLAY_TESTS_PIECES_H

#include "base/str.h"

struct pieces {
	struct str rest;
	uint64_t random;
	unsigned scale; /* a piece has up to 2^scale bytes */
};

static inline uint64_t pieces_draw(struct pieces *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random >> 16;
}

static inline struct pieces pieces_of(struct str in)
{
	struct pieces p = {.rest = in, .random = UINT64_C(0x9e3779b97f4a7c15) + in.n};
	for (size_t i = 0; i < in.n; i++)
		p.random =
			(p.random ^ (unsigned char)in.p[i]) * UINT64_C(0x100000001b3);
	p.random |= 1; /* xorshift stays at zero */
	/* small inputs in small pieces, others mostly in larger ones */
	p.scale = (unsigned)(pieces_draw(&p) % 4);
	while (in.n >> p.scale > 64)
		p.scale++;
	return p;
}

/* False at the end. */
static inline bool pieces_next(struct pieces *p, struct str *piece)
{
	if (p->rest.n == 0)
		return false;
	size_t n = 1 + (pieces_draw(p) & ((UINT64_C(1) << p->scale) - 1));
	*piece = str_slice(p->rest, 0, n);
	p->rest = str_slice(p->rest, piece->n, p->rest.n);
	return true;
}

#endif
