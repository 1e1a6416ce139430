/* SPDX-License-Identifier: Apache-2.0 */
#include "model/snapshot.h"

#include <assert.h>
#include <stdatomic.h>

const struct running_campaign *snapshot_campaign(const struct snapshot *s,
						 struct str id)
{
	size_t from = 0, to = s->n_campaigns;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int d = str_cmp(id, s->campaigns[mid].definition->id);
		if (d == 0)
			return &s->campaigns[mid];
		if (d < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

struct snapshot *snapshot_hold(struct snapshot *s)
{
	unsigned before =
		atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
	assert(before > 0);
	(void)before;
	return s;
}

void snapshot_release(struct snapshot *s)
{
	if (s == NULL)
		return;
	/* the snapshot lies in its own arena */
	if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1)
		arena_free(s->arena);
}
