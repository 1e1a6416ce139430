/* SPDX-License-Identifier: Apache-2.0 */
/* A small world for tests of the decision: a tenant, campaigns, one user. */
#ifndef INLAY_DECISION_TEST_WORLD_H
#define INLAY_DECISION_TEST_WORLD_H

#include "base/unit.h"

#include "decision/decide.h"

#define WORLD_NOW INT64_C(1700000000000)
#define WORLD_CAMPAIGNS 40
#define WORLD_USER "ada@example.org"

struct world {
	struct arena *arena;
	struct tenant tenant;
	struct snapshot snapshot;
	struct running_campaign running[WORLD_CAMPAIGNS];
	struct campaign definitions[WORLD_CAMPAIGNS];
	struct campaign_variant variants[WORLD_CAMPAIGNS];
	char ids[WORLD_CAMPAIGNS][8];
	struct user_record user;
	struct consent consents[4];
	struct opt_out opt_outs[4];
	struct recipient_row rows[4];
	struct assignment assignments[64];
	struct mailbox_view mailbox;
	struct present_message present[16];
};

/* n active campaigns "c00", "c01", ... for everyone, of purpose "newsletter", which
 * the user consents to. */
static inline struct world *world_new(size_t n)
{
	struct world *w = test_calloc(1, sizeof *w);
	w->arena = arena_new(16 << 20);
	w->tenant.limits = (struct tenant_limits){.max_per_decision = 1,
						  .min_spacing_ms = CLOCK_HOUR,
						  .live_unread = 2,
						  .service_per_decision = 2};
	w->snapshot.tenant = &w->tenant;
	memset(w->snapshot.key.b, 5, sizeof w->snapshot.key.b);
	w->snapshot.campaigns = w->running;
	w->snapshot.n_campaigns = n;
	for (size_t i = 0; i < n; i++) {
		w->ids[i][0] = 'c';
		w->ids[i][1] = (char)('0' + i / 10);
		w->ids[i][2] = (char)('0' + i % 10);
		w->variants[i].id = STR("a");
		w->definitions[i] = (struct campaign){
			.id = str_of(w->ids[i]),
			.version = 1,
			.type = CAMPAIGN_NEWSLETTER,
			.legal_class = LEGAL_OWN_MARKETING,
			.purpose = STR("newsletter"),
			.from = AUDIENCE_EVERYONE,
			.start_ms = WORLD_NOW - CLOCK_DAY,
			.end_ms = WORLD_NOW + 30 * CLOCK_DAY,
			.tier = 5,
			.weight = 100,
			.repeat = {.max = 1,
				   .after = REPEAT_AFTER_READ | REPEAT_AFTER_GONE |
					    REPEAT_AFTER_EXPIRED},
			.variants = &w->variants[i],
			.n_variants = 1,
		};
		w->running[i].definition = &w->definitions[i];
		w->running[i].state.status = CAMPAIGN_ACTIVE;
		w->running[i].state.active_version = 1;
	}
	w->consents[0] = (struct consent){.purpose = STR("newsletter"),
					  .granted = true,
					  .at_ms = WORLD_NOW - 30 * CLOCK_DAY};
	w->user.known = true;
	w->user.profile.user = STR(WORLD_USER);
	w->user.profile.consents = w->consents;
	w->user.profile.n_consents = 1;
	w->user.profile.opt_outs = w->opt_outs;
	w->user.rows = w->rows;
	w->user.assignments = w->assignments;
	w->mailbox = (struct mailbox_view){.node = STR("node-a"),
					   .uidvalidity = 1,
					   .uidnext = 100,
					   .complete = true,
					   .present = w->present};
	return w;
}

static inline void world_free(struct world *w)
{
	arena_free(w->arena);
	test_free(w);
}

/* An instance of campaign i, its n-th, in a state; times are relative to now. */
static inline struct assignment *world_gives(struct world *w, size_t i, uint32_t n,
					     enum assignment_state state,
					     int64_t ago_ms)
{
	struct assignment *a = &w->assignments[w->user.n_assignments++];
	bool was_there = state != ASSIGNMENT_PENDING && state != ASSIGNMENT_REFUSED &&
			 state != ASSIGNMENT_UNCERTAIN;
	*a = (struct assignment){
		.campaign = w->definitions[i].id,
		.n = n,
		.version = 1,
		.variant = STR("a"),
		.service = campaign_is_service(&w->definitions[i]),
		.state = state,
		.assigned_ms = WORLD_NOW - ago_ms,
		.injected_ms = was_there ? WORLD_NOW - ago_ms : 0,
		.was_read = state == ASSIGNMENT_READ,
		.reported = was_there ? 1u << WIRE_EVENT_INJECTED : 0,
		.node = STR("node-a"),
	};
	if (state == ASSIGNMENT_UNCERTAIN)
		a->reported = 1u << WIRE_EVENT_UNCERTAIN;
	if (state == ASSIGNMENT_GONE) {
		a->cause = WIRE_CAUSE_EXPUNGED;
		a->ended_ms = WORLD_NOW - ago_ms / 2;
	}
	a->instance = id_instance(&w->snapshot.key, a->campaign, STR(WORLD_USER), n, 0);
	return a;
}

/* The mailbox shows an instance. */
static inline struct present_message *world_shows(struct world *w,
						  const struct assignment *a,
						  uint32_t uid, bool seen)
{
	struct present_message *m = &w->present[w->mailbox.n_present++];
	*m = (struct present_message){
		.guid = id_guid(&w->snapshot.key, STR(WORLD_USER), a->instance),
		.uid = uid,
		.seen = seen};
	return m;
}

#endif
