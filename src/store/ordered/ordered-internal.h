/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of this folder, one file a subject; run.c has the table of them. */
#ifndef INLAY_STORE_ORDERED_ORDERED_INTERNAL_H
#define INLAY_STORE_ORDERED_ORDERED_INTERNAL_H

#include "store/codec.h"
#include "store/ordered/keys.h"
#include "store/ordered/ordered.h"

typedef bool ordered_fn(struct tables *t, const struct store_op *op, struct error *err);
#define X(name, member, class) ordered_fn ordered_##member;
STORE_OPS(X)
#undef X

/* "out of memory" for results and scratch. */
bool no_memory(struct error *err);

/* The array with room for an n-th item more: itself, or a copy twice as large. */
void *one_more(struct arena *arena, void *items, size_t n, size_t size);

/* documents.c: the condition and the new revision, then the write. */
bool document_put(struct tables *t, enum store_collection c, struct str id,
		  struct str body, uint64_t if_revision, uint64_t *revision,
		  struct error *err);

/* commit.c */
bool commit_user(struct tables *t, struct str user_key, uint64_t if_revision,
		 const struct store_user_change *change, uint64_t *revision,
		 struct error *err);

/* identities.c: is none of them another user's? */
bool identities_check(struct tables *t, const struct user_hash *user,
		      const struct user_profile *p, struct error *err);
bool identities_put(struct tables *t, const struct user_hash *user,
		    const struct user_profile *p, struct error *err);
bool identities_remove(struct tables *t, const struct user_hash *user,
		       const struct user_profile *p, struct error *err);
/* The user key of a partition's head, borrowed; absent if there is no head. */
bool user_key_of(struct tables *t, const struct user_hash *user, struct str *user_key,
		 struct error *err);

/* count.c: one event, counted once. */
bool count_event(struct tables *t, const struct user_hash *user,
		 const struct store_event *e, struct error *err);

/* queue.c: a point that has no record yet is empty. */
bool point_get(struct tables *t, struct str id, struct store_point *p,
	       struct error *err);
bool point_put(struct tables *t, const struct store_point *p, struct error *err);
bool queue_put(struct tables *t, const struct store_queue_row *row, struct error *err);

/* meta.c: counters of the database, 0 if never written. */
bool meta_get_u64(struct tables *t, const char *name, uint64_t *v, struct error *err);
bool meta_put_u64(struct tables *t, const char *name, uint64_t v, struct error *err);
#define META_OUTBOX "outbox"   /* number of the last outbox row */
#define META_ERASED "erased"   /* users erased so far */
#define META_DELETED "deleted" /* documents deleted so far */
/* What was removed and made anew begins at a revision that it hardly had before, so
 * that nobody who read the old one can write over the new one. */
#define META_REVISIONS 4096

#endif
