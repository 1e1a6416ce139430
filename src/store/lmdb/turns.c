/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lmdb/turns.h"

#include "base/clock.h"

/* So long a transaction takes in what is patient, by itself and when somebody waits for
 * it: who comes then waits for the rest of it. */
#define PATIENT_US 3000
#define PATIENT_BESIDE_US 1000
/* For so long after one that somebody waits for, the next is expected, and imports
 * get one slice a transaction; and none in that in which somebody waits, unless there
 * was none in the one before either. */
#define EXPECT_US 100000
/* What waits so long goes first once, what is patient for PATIENT_BESIDE_US: decisions
 * may fill the time of every transaction, and who erases a user waits for the import's
 * slices. */
#define PATIENCE_US 100000

void queue_init(struct queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

void queue_push(struct queue *q, struct item *item)
{
	item->next = NULL;
	*q->end = item;
	q->end = &item->next;
}

struct item *queue_pop(struct queue *q)
{
	struct item *item = q->first;
	if (item != NULL) {
		q->first = item->next;
		if (q->first == NULL)
			q->end = &q->first;
	}
	return item;
}

void queue_prepend(struct queue *to, struct queue *from)
{
	if (from->first == NULL)
		return;
	*from->end = to->first;
	if (to->first == NULL)
		to->end = from->end;
	to->first = from->first;
	queue_init(from);
}

void queue_append(struct queue *to, struct queue *from)
{
	struct queue rest = *from;
	if (from->first == NULL)
		return;
	*to->end = rest.first;
	to->end = rest.end;
	queue_init(from);
}

void turns_init(struct turns *t)
{
	*t = (struct turns){.had_import = false};
	queue_init(&t->urgent);
	queue_init(&t->patient);
	queue_init(&t->imports);
}

bool turns_empty(const struct turns *t)
{
	return t->urgent.first == NULL && t->patient.first == NULL &&
	       t->imports.first == NULL;
}

static bool is_patient(const struct store_op *op)
{
	return op->kind == STORE_OP_USER_COMMIT && op->user_commit.change->patient;
}

void turns_add(struct turns *t, struct item *item)
{
	if (store_op_class(item->op.kind) == STORE_CLASS_BULK) {
		if (t->imports.first == NULL)
			t->import_us = clock_mono_us();
		queue_push(&t->imports, item);
	} else if (is_patient(&item->op)) {
		if (t->patient.first == NULL)
			t->patient_us = clock_mono_us();
		queue_push(&t->patient, item);
	} else {
		queue_push(&t->urgent, item);
	}
}

static struct item *take_import(struct turns *t, struct round_turns *r, int64_t now_us)
{
	struct item *item = queue_pop(&t->imports);
	r->has_import |= item != NULL;
	t->import_us = now_us;
	return item;
}

static struct item *take_patient(struct turns *t, struct round_turns *r, int64_t now_us)
{
	bool is_beside = r->n_urgent > 0 || r->patient_first;
	if (now_us - r->begin_us > (is_beside ? PATIENT_BESIDE_US : PATIENT_US) ||
	    t->patient.first == NULL)
		return NULL;
	r->n_patient++;
	t->patient_us = now_us;
	return queue_pop(&t->patient);
}

static bool is_overdue(const struct queue *q, int64_t since_us, int64_t now_us)
{
	return q->first != NULL && now_us - since_us > PATIENCE_US;
}

struct item *turns_take(struct turns *t, struct round_turns *r, int64_t now_us)
{
	struct item *item = NULL;
	bool is_expected = now_us - t->urgent_us < EXPECT_US;
	if (!r->has_import && is_overdue(&t->imports, t->import_us, now_us))
		return take_import(t, r, now_us);
	r->patient_first |= is_overdue(&t->patient, t->patient_us, now_us);
	if (r->patient_first)
		item = take_patient(t, r, now_us);
	if (item == NULL && (item = queue_pop(&t->urgent)) != NULL)
		r->n_urgent++;
	if (item == NULL)
		item = take_patient(t, r, now_us);
	if (item != NULL)
		t->urgent_us = now_us;
	else if (!is_expected || (!r->has_import &&
				  (r->n_urgent + r->n_patient == 0 || !t->had_import)))
		item = take_import(t, r, now_us);
	return item;
}
