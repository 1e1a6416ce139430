/* SPDX-License-Identifier: Apache-2.0 */
/* One conditional write to one user's partition, with all that goes with it. */
#include "store/ordered/ordered-internal.h"

/* All that is found out, checked and encoded before the first write. */
struct plan {
	struct user_hash user;
	struct str user_key;
	uint64_t revision;       /* as found; 0: there is no head */
	struct codec_head old;   /* only with a new profile */
	struct str head;         /* encoded */
	size_t old_head;         /* bytes of it as found */
	struct str *assignments; /* encoded, as in the change */
	bool *leads;             /* of each: its instance leads to the user already */
	size_t added;            /* assignments that are new */
	size_t n_assignments;    /* as found */
	size_t bytes;            /* of rows and assignments as found */
};

static bool next_revision(struct tables *t, struct plan *p, uint64_t *next,
			  struct error *err)
{
	uint64_t erased = 0;
	if (p->revision == 0 && !meta_get_u64(t, META_ERASED, &erased, err))
		return false;
	*next = p->revision + 1 + erased * META_REVISIONS;
	return true;
}

static bool plan_head(struct tables *t, struct plan *p,
		      const struct store_user_change *c, uint64_t if_revision,
		      uint64_t *next, struct error *err)
{
	struct key k = key_user(&p->user, USER_HEAD);
	struct str value, key = p->user_key, rest = {NULL, 0};
	if (!tables_get(t, TABLE_USERS, key_str(&k), &value, err))
		return false;
	if (value.p != NULL && !codec_head_split(value, &p->revision, &key, &rest, err))
		return false;
	p->old_head = value.n;
	if (!str_eq(key, p->user_key))
		return error_set(err, ERROR_CORRUPT, "",
				 "a user's record bears another user's key");
	if (if_revision != STORE_ANY && if_revision != p->revision)
		return error_set(err, ERROR_CONFLICT, "",
				 "the user was changed meanwhile");
	if (c->profile != NULL && value.p != NULL) {
		struct str copy = arena_str(t->scratch, value);
		if (copy.p == NULL)
			return no_memory(err);
		if (!codec_head_decode(copy, t->scratch, &p->old, err))
			return false;
	}
	if (c->profile != NULL && !identities_check(t, &p->user, c->profile, err))
		return false;
	if (!next_revision(t, p, next, err))
		return false;
	struct buf *out = tables_start_value(t);
	if (c->profile == NULL && rest.p != NULL)
		codec_head_join(out, *next, rest);
	else
		codec_head_encode(out, *next, p->user_key, c->profile);
	return tables_keep_value(t, &p->head, err);
}

static bool is_forgotten(const struct store_user_change *c, struct id16 instance)
{
	for (size_t i = 0; i < c->n_forget; i++)
		if (id16_eq(c->forget[i], instance))
			return true;
	return false;
}

static bool plan_assignments(struct tables *t, struct plan *p,
			     const struct store_user_change *c, struct error *err)
{
	struct str old;
	p->assignments =
		arena_array(t->scratch, c->n_assignments, sizeof *p->assignments);
	p->leads = arena_array(t->scratch, c->n_assignments, sizeof *p->leads);
	if (p->assignments == NULL || p->leads == NULL)
		return no_memory(err);
	for (size_t i = 0; i < c->n_assignments; i++) {
		struct key k = key_assignment(&p->user, c->assignments[i].instance);
		codec_assignment_encode(tables_start_value(t), &c->assignments[i]);
		if (!tables_keep_value(t, &p->assignments[i], err) ||
		    !tables_get(t, TABLE_USERS, key_str(&k), &old, err))
			return false;
		p->added += old.p == NULL;
		p->leads[i] =
			old.p != NULL && !is_forgotten(c, c->assignments[i].instance);
	}
	return true;
}

static bool measure(struct tables *t, struct plan *p, struct error *err)
{
	struct key k = key_user(&p->user, USER_HEAD);
	struct entry e;
	if (!tables_seek(t, TABLE_USERS, key_str(&k), &e, err))
		return false;
	while (key_in_record(e.key, &p->user)) {
		p->n_assignments += key_user_kind(e.key) == USER_ASSIGNMENT;
		/* the head that is there now will not be */
		if (key_user_kind(e.key) != USER_HEAD)
			p->bytes += e.key.n + e.value.n;
		if (!tables_next(t, TABLE_USERS, &e, err))
			return false;
	}
	return true;
}

static size_t count_revoked(const struct user_profile *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_consents; i++)
		n += !p->consents[i].granted;
	return n;
}

/* Does the new profile say no where the old one did not? */
static bool says_no(const struct user_profile *old, const struct user_profile *new)
{
	return new->n_opt_outs > old->n_opt_outs ||
	       count_revoked(new) > count_revoked(old);
}

/* Only what makes the partition grow may be refused, and a user's no never: what
 * happened to a message that is out must always find its place, too. What is forgotten
 * in the same change makes room for the count of assignments, and not for the bytes. */
static bool check_room(struct tables *t, struct plan *p,
		       const struct store_user_change *c, struct error *err)
{
	size_t forgotten = 0;
	struct str old;
	if (p->added == 0 && (c->profile == NULL || p->head.n <= p->old_head ||
			      says_no(&p->old.profile, c->profile)))
		return true;
	if (!measure(t, p, err))
		return false;
	for (size_t i = 0; i < c->n_forget; i++) {
		struct key k = key_assignment(&p->user, c->forget[i]);
		if (!tables_get(t, TABLE_USERS, key_str(&k), &old, err))
			return false;
		forgotten += old.p != NULL;
	}
	if (p->added > 0 &&
	    p->n_assignments + p->added - forgotten > USER_MAX_ASSIGNMENTS)
		return error_set(err, ERROR_TOO_LARGE, "",
				 "the user has over %d assignments",
				 USER_MAX_ASSIGNMENTS);
	size_t bytes = p->bytes + p->head.n;
	for (size_t i = 0; p->added > 0 && i < c->n_assignments; i++)
		bytes += p->assignments[i].n;
	if (bytes > USER_MAX_PARTITION)
		return error_set(err, ERROR_TOO_LARGE, "",
				 "there are over %d bytes of this user",
				 USER_MAX_PARTITION);
	return true;
}

static struct str hash_str(const struct user_hash *user)
{
	return (struct str){(const char *)user->b, sizeof user->b};
}

/* A first import of profiles, sorted, fills its pages to the brim (see loads.c). */
static bool put_head(struct tables *t, const struct plan *p,
		     const struct store_user_change *c, struct error *err)
{
	struct key k = key_user(&p->user, USER_HEAD);
	struct entry e = {{NULL, 0}, {NULL, 0}};
	bool is_first = p->revision == 0 && c->profile != NULL;
	if (is_first && !tables_last(t, TABLE_USERS, &e, err))
		return false;
	if (is_first && (e.key.p == NULL || str_cmp(e.key, key_str(&k)) < 0))
		return tables_append(t, TABLE_USERS, key_str(&k), p->head, err);
	return tables_put(t, TABLE_USERS, key_str(&k), p->head, err);
}

static bool write_partition(struct tables *t, const struct plan *p,
			    const struct store_user_change *c, struct error *err)
{
	if (c->profile != NULL &&
	    ((p->old.known && !identities_remove(t, &p->user, &p->old.profile, err)) ||
	     !identities_put(t, &p->user, c->profile, err)))
		return false;
	if (!put_head(t, p, c, err))
		return false;
	for (size_t i = 0; i < c->n_forget; i++) {
		struct key a = key_assignment(&p->user, c->forget[i]);
		struct key in = key_instance(c->forget[i]);
		if (!tables_del(t, TABLE_USERS, key_str(&a), err) ||
		    !tables_del(t, TABLE_INSTANCES, key_str(&in), err))
			return false;
	}
	for (size_t i = 0; i < c->n_assignments; i++) {
		struct key a = key_assignment(&p->user, c->assignments[i].instance);
		struct key in = key_instance(c->assignments[i].instance);
		if (!tables_put(t, TABLE_USERS, key_str(&a), p->assignments[i], err))
			return false;
		/* instances lie anywhere: that would be one page more to write */
		if (!p->leads[i] && !tables_put(t, TABLE_INSTANCES, key_str(&in),
						hash_str(&p->user), err))
			return false;
	}
	return true;
}

static bool write_due(struct tables *t, const struct user_hash *user,
		      const struct store_user_change *c, struct error *err)
{
	for (size_t i = 0; i < c->n_due; i++) {
		struct key d = key_due(c->due[i].due_ms, c->due[i].instance);
		struct key u = key_user_due(user, c->due[i].due_ms, c->due[i].instance);
		if (!tables_put(t, TABLE_DUE, key_str(&d), hash_str(user), err) ||
		    !tables_put(t, TABLE_USERS, key_str(&u), STR(""), err))
			return false;
	}
	for (size_t i = 0; i < c->n_due_done; i++) {
		const struct store_due *due = &c->due_done[i];
		struct key d = key_due(due->due_ms, due->instance);
		struct key u = key_user_due(user, due->due_ms, due->instance);
		if (!tables_del(t, TABLE_DUE, key_str(&d), err) ||
		    !tables_del(t, TABLE_USERS, key_str(&u), err))
			return false;
	}
	return true;
}

static bool write_outbox(struct tables *t, const struct store_user_change *c,
			 struct error *err)
{
	uint64_t last, first;
	struct str value;
	if (c->n_outbox == 0)
		return true;
	if (!meta_get_u64(t, META_OUTBOX, &last, err))
		return false;
	first = last;
	for (size_t i = 0; i < c->n_outbox; i++) {
		const struct store_outbox_row *row = &c->outbox[i];
		struct key id = key_outbox_id(row->event_id, row->point);
		if (!tables_get(t, TABLE_OUTBOX_IDS, key_str(&id), &value, err))
			return false;
		if (value.p != NULL)
			continue;
		struct key k = key_outbox(++last);
		codec_outbox_encode(tables_start_value(t), row);
		if (!tables_take_value(t, &value, err) ||
		    !tables_append(t, TABLE_OUTBOX, key_str(&k), value, err) ||
		    !tables_put(t, TABLE_OUTBOX_IDS, key_str(&id), STR(""), err))
			return false;
	}
	return last == first || meta_put_u64(t, META_OUTBOX, last, err);
}

bool commit_user(struct tables *t, struct str user_key, uint64_t if_revision,
		 const struct store_user_change *c, uint64_t *revision,
		 struct error *err)
{
	struct plan p = {.user = user_hash(user_key), .user_key = user_key};
	uint64_t next = 0;
	if (!plan_head(t, &p, c, if_revision, &next, err) ||
	    !plan_assignments(t, &p, c, err) || !check_room(t, &p, c, err))
		return false;
	if (!write_partition(t, &p, c, err) || !write_due(t, &p.user, c, err))
		return false;
	for (size_t i = 0; i < c->n_events; i++)
		if (!count_event(t, &p.user, &c->events[i], err))
			return false;
	if (!write_outbox(t, c, err))
		return false;
	if (revision != NULL)
		*revision = next;
	return true;
}

bool ordered_user_commit(struct tables *t, const struct store_op *op, struct error *err)
{
	return commit_user(t, op->user_commit.user_key, op->user_commit.if_revision,
			   op->user_commit.change, op->user_commit.revision, err);
}
