/* SPDX-License-Identifier: Apache-2.0 */
/* An ordered map of bytes to bytes in memory (W. Pugh, "Skip Lists: A Probabilistic
 * Alternative to Balanced Trees", 1990). */
#ifndef INLAY_STORE_MEMORY_SKIPLIST_H
#define INLAY_STORE_MEMORY_SKIPLIST_H

#include "base/str.h"

#define SKIPLIST_LEVELS 20

struct skipnode {
	struct str key, value; /* both its own */
	unsigned levels;
	struct skipnode *next[];
};

struct skiplist {
	struct skipnode *first[SKIPLIST_LEVELS];
	uint64_t random;
	size_t n, bytes; /* nodes; keys and values together */
};

void skiplist_init(struct skiplist *l);
void skiplist_free(struct skiplist *l);
/* The first node with a key >= key, or NULL. */
struct skipnode *skiplist_seek(const struct skiplist *l, struct str key);
struct skipnode *skiplist_find(const struct skiplist *l, struct str key);
struct skipnode *skiplist_last(const struct skiplist *l);
/* A new node, not in the list yet; NULL without memory. */
struct skipnode *skiplist_node(struct skiplist *l, struct str key, struct str value);
void skiplist_node_free(struct skipnode *node);
/* Takes the node; no other has its key. */
void skiplist_insert(struct skiplist *l, struct skipnode *node);
/* Takes the node with this key out and gives it, or NULL. */
struct skipnode *skiplist_remove(struct skiplist *l, struct str key);

#endif
