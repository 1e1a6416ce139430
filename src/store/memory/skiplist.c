/* SPDX-License-Identifier: Apache-2.0 */
#include "store/memory/skiplist.h"

#include <stdlib.h>

void skiplist_init(struct skiplist *l)
{
	*l = (struct skiplist){.random = UINT64_C(0x9e3779b97f4a7c15)};
}

void skiplist_free(struct skiplist *l)
{
	struct skipnode *node = l->first[0];
	while (node != NULL) {
		struct skipnode *next = node->next[0];
		skiplist_node_free(node);
		node = next;
	}
	skiplist_init(l);
}

/* For each level the place of the pointer to the first node >= key. */
static void find_places(struct skiplist *l, struct str key, struct skipnode **places[])
{
	struct skipnode **links = l->first;
	for (unsigned level = SKIPLIST_LEVELS; level-- > 0;) {
		while (links[level] != NULL && str_cmp(links[level]->key, key) < 0)
			links = links[level]->next;
		places[level] = &links[level];
	}
}

struct skipnode *skiplist_seek(const struct skiplist *l, struct str key)
{
	struct skipnode *const *links = l->first;
	for (unsigned level = SKIPLIST_LEVELS; level-- > 0;)
		while (links[level] != NULL && str_cmp(links[level]->key, key) < 0)
			links = links[level]->next;
	return links[0];
}

struct skipnode *skiplist_find(const struct skiplist *l, struct str key)
{
	struct skipnode *node = skiplist_seek(l, key);
	return node != NULL && str_eq(node->key, key) ? node : NULL;
}

struct skipnode *skiplist_last(const struct skiplist *l)
{
	struct skipnode *const *links = l->first;
	struct skipnode *last = NULL;
	for (unsigned level = SKIPLIST_LEVELS; level-- > 0;)
		while (links[level] != NULL) {
			last = links[level];
			links = last->next;
		}
	return last;
}

/* Each level with half the chance of the one below (xorshift64). */
static unsigned draw_levels(struct skiplist *l)
{
	unsigned levels = 1;
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	for (uint64_t r = l->random; (r & 1) != 0 && levels < SKIPLIST_LEVELS; r >>= 1)
		levels++;
	return levels;
}

static bool copy(struct str from, struct str *to)
{
	char *p = malloc(from.n > 0 ? from.n : 1);
	if (p == NULL)
		return false;
	if (from.n > 0)
		memcpy(p, from.p, from.n);
	*to = (struct str){p, from.n};
	return true;
}

struct skipnode *skiplist_node(struct skiplist *l, struct str key, struct str value)
{
	unsigned levels = draw_levels(l);
	struct skipnode *node =
		calloc(1, sizeof *node + levels * sizeof(struct skipnode *));
	if (node == NULL)
		return NULL;
	node->levels = levels;
	if (!copy(key, &node->key) || !copy(value, &node->value)) {
		skiplist_node_free(node);
		return NULL;
	}
	return node;
}

void skiplist_node_free(struct skipnode *node)
{
	if (node == NULL)
		return;
	free((char *)(uintptr_t)node->key.p);
	free((char *)(uintptr_t)node->value.p);
	free(node);
}

void skiplist_insert(struct skiplist *l, struct skipnode *node)
{
	struct skipnode **places[SKIPLIST_LEVELS];
	find_places(l, node->key, places);
	for (unsigned i = 0; i < node->levels; i++) {
		node->next[i] = *places[i];
		*places[i] = node;
	}
	l->n++;
	l->bytes += node->key.n + node->value.n;
}

struct skipnode *skiplist_remove(struct skiplist *l, struct str key)
{
	struct skipnode **places[SKIPLIST_LEVELS];
	find_places(l, key, places);
	struct skipnode *node = *places[0];
	if (node == NULL || !str_eq(node->key, key))
		return NULL;
	for (unsigned i = 0; i < node->levels; i++)
		*places[i] = node->next[i];
	l->n--;
	l->bytes -= node->key.n + node->value.n;
	return node;
}
