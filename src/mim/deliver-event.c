/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the outbox names an instance only; here it becomes what a point may know. */
#include "mim/deliver-internal.h"
#include "mim/sync.h"

#define TRACKING "tracking"

static void pseudonym(struct deliver_post *p, struct str point, struct str user_key,
		      struct arena *arena, struct str *out)
{
	char text[ID_TEXT_LEN + 1];
	id16_text(id_pseudonym(&p->tenant->key, point, user_key), text);
	*out = arena_str(arena, str_of(text));
}

/* The user's id, or name if there is none; a pseudonym without consent (decision.md:
 * perUser needs the purpose tracking). In a hashed tenant both are the hash. */
static bool name_user(struct deliver_post *p, const struct tenant *t, struct str point,
		      struct str user_key, struct arena *scratch, struct arena *arena,
		      struct str *out, struct error *err)
{
	struct user_record r = {0};
	const struct consent *by;
	const struct opt_out *no;
	int64_t now_ms = clock_real_ms();
	if (t->engagement_per_user &&
	    !sync_user_read(p->tenant->db, user_key, NULL, 0, scratch, &r, err))
		return false;
	if (r.known && user_has_consent(&r.profile, STR(TRACKING), now_ms, &by) &&
	    !user_is_opted_out(&r.profile, STR(TRACKING), now_ms, &no)) {
		bool has_id = r.profile.user_id.n > 0 && !t->hashed_email_addresses;
		*out = arena_str(arena, has_id ? r.profile.user_id : user_key);
	} else {
		pseudonym(p, point, user_key, arena, out);
	}
	return out->p != NULL ||
	       error_set(err, ERROR_MEMORY, "", "no memory for a call");
}

bool deliver_event(struct deliver_post *p, const struct tenant *t,
		   const struct store_queue_row *row, struct arena *scratch,
		   struct arena *arena, struct delivery *out, bool *gone,
		   struct error *err)
{
	const struct store_outbox_row *e = &row->event;
	struct store_instance whose;
	arena_reset(scratch);
	if (!sync_instance_get(p->tenant->db, e->instance, scratch, &whose, err))
		return false;
	*gone = whose.user_key.p == NULL;
	if (*gone)
		return true;
	*out = (struct delivery){
		.id = id_delivery(&p->tenant->key, e->point, e->event_id),
		.campaign = e->campaign,
		.event_type = e->event_type,
		.at_ms = e->at_ms,
		.instance = e->instance,
	};
	return name_user(p, t, e->point, whose.user_key, scratch, arena, &out->user,
			 err);
}
