/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for the writer, and whose turn it is. What somebody waits for goes first,
 * then what is patient; imports fill the rest of a transaction that has not lasted
 * long. A lock is the caller's. */
#ifndef INLAY_STORE_LMDB_TURNS_H
#define INLAY_STORE_LMDB_TURNS_H

#include "store/store-internal.h"

struct item {
	struct item *next;
	struct store_op op;
	bool ok;
	struct error err;
};

struct queue {
	struct item *first, **end;
};
void queue_init(struct queue *q);
void queue_push(struct queue *q, struct item *item);
struct item *queue_pop(struct queue *q); /* NULL: it is empty */
/* All of `from` in front of what is in `to`, or behind it. */
void queue_prepend(struct queue *to, struct queue *from);
void queue_append(struct queue *to, struct queue *from);

struct turns {
	struct queue urgent, patient, imports;
	int64_t urgent_us; /* when the last one was taken */
	/* likewise, or when the first one came */
	int64_t patient_us, import_us;
	bool had_import; /* the last round, as the writer says */
};
/* One round of the writer. */
struct round_turns {
	int64_t begin_us;
	size_t n_urgent, n_patient;
	bool has_import, patient_first;
};

void turns_init(struct turns *t);
bool turns_empty(const struct turns *t);
void turns_add(struct turns *t, struct item *item);
/* NULL: nothing more in this round, or at all. */
struct item *turns_take(struct turns *t, struct round_turns *r, int64_t now_us);

#endif
