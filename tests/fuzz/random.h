/* SPDX-License-Identifier: Apache-2.0 */
/* Random documents for a fuzz harness that compares us with another library: most of
 * them good, which mutated bytes seldom are. */
#ifndef INLAY_TESTS_RANDOM_H
#define INLAY_TESTS_RANDOM_H

#include "base/buf.h"

/* A number below `below`; the sequence follows from the seed of the round. */
uint64_t draw(uint64_t below);
/* One of the texts. */
#define pick(texts) ((texts)[draw(sizeof(texts) / sizeof *(texts))])

/* Each kind of document is a file with this function. */
void random_document(struct buf *out);

#endif
