/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a campaign's state by hand: pause, resume, cancel, recall; and of the
 * tenant's kill switch. Each is a conditional write followed by a new snapshot, so it
 * acts at once. All of it blocks. */
#ifndef INLAY_MIM_CAMPAIGN_STATE_H
#define INLAY_MIM_CAMPAIGN_STATE_H

#include "mim/documents.h"
#include "mim/tenants.h"

/* X(NAME, word in paths) */
#define CAMPAIGN_ORDERS(X)                                                             \
	X(PAUSE, "pause")                                                              \
	X(RESUME, "resume")                                                            \
	X(CANCEL, "cancel")                                                            \
	X(RECALL, "recall")
enum campaign_order {
#define X(name, text) CAMPAIGN_ORDER_##name,
	CAMPAIGN_ORDERS(X)
#undef X
};

/* What an order does to a state; pure. CONFLICT when the state does not allow it.
 * *changed false: it is so already. scope: of RECALL. */
bool campaign_state_order(struct campaign_state *s, enum campaign_order order,
			  enum recall_scope scope, int64_t now_ms, bool *changed,
			  struct error *err);

/* NOT_FOUND, CONFLICT. */
bool campaign_change(struct tenant_runtime *t, struct str campaign,
		     enum campaign_order order, enum recall_scope scope, int64_t now_ms,
		     struct error *err);

/* Switches off what is in scope, in place of what was switched off before. */
bool kill_switch_set(struct tenant_runtime *t, enum kill_switch scope, int64_t now_ms,
		     struct error *err);
/* Lifts a switch of that scope: all lifts whatever is set; nonService only that, and is
 * a CONFLICT while all is paused. */
bool kill_switch_lift(struct tenant_runtime *t, enum kill_switch scope, int64_t now_ms,
		      struct error *err);
bool kill_switch_read(struct tenant_runtime *t, enum kill_switch *now,
		      struct error *err);

#endif
