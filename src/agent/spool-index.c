/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool-index.h"

#include <stdlib.h>

bool spool_index_init(struct spool_index *x)
{
	*x = (struct spool_index){0};
	x->buckets = calloc(SPOOL_INDEX_BUCKETS, sizeof(struct spool_event *));
	return x->buckets != NULL;
}

void spool_index_free(struct spool_index *x)
{
	while (x->tenants != NULL) {
		struct spool_tenant *t = x->tenants;
		x->tenants = t->next;
		while (t->first != NULL) {
			struct spool_event *e = t->first;
			t->first = e->next;
			free(e);
		}
		free(t);
	}
	free(x->buckets);
	*x = (struct spool_index){0};
}

/* FNV-1a */
static size_t bucket_of(struct str user)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < user.n; i++)
		h = (h ^ (unsigned char)user.p[i]) * UINT64_C(1099511628211);
	return (size_t)((h ^ h >> 32) % SPOOL_INDEX_BUCKETS);
}

static struct spool_tenant *tenant_of(struct spool_index *x, struct str id)
{
	for (struct spool_tenant *t = x->tenants; t != NULL; t = t->next)
		if (str_eqz(id, t->id))
			return t;
	struct spool_tenant *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	memcpy(t->id, id.p, id.n); /* SPOOL_TENANT_MAX at most: str_is_id */
	t->next = x->tenants;
	x->tenants = t;
	return t;
}

struct spool_event *spool_index_add(struct spool_index *x,
				    const struct spool_record *record,
				    struct spool_segment *segment)
{
	struct spool_tenant *t = tenant_of(x, record->tenant);
	struct spool_event *e =
		t != NULL ? calloc(1, sizeof *e + record->user.n) : NULL;
	if (e == NULL)
		return NULL;
	char *user = (char *)(e + 1);
	memcpy(user, record->user.p, record->user.n);
	e->record = *record;
	e->record.user.p = user;
	e->record.tenant = str_of(t->id);
	e->segment = segment;
	e->tenant = t;
	e->previous = t->last;
	if (t->last != NULL)
		t->last->next = e;
	else
		t->first = e;
	t->last = e;
	t->n++;
	x->n++;
	struct spool_event **at = &x->buckets[bucket_of(e->record.user)];
	while (*at != NULL)
		at = &(*at)->next_of_user;
	*at = e;
	return e;
}

void spool_index_remove(struct spool_index *x, struct spool_event *e)
{
	struct spool_tenant *t = e->tenant;
	if (e->previous != NULL)
		e->previous->next = e->next;
	else
		t->first = e->next;
	if (e->next != NULL)
		e->next->previous = e->previous;
	else
		t->last = e->previous;
	t->n--;
	x->n--;
	struct spool_event **at = &x->buckets[bucket_of(e->record.user)];
	while (*at != e)
		at = &(*at)->next_of_user;
	*at = e->next_of_user;
	free(e);
}

size_t spool_index_of_user(const struct spool_index *x, struct str tenant,
			   struct str user, const struct spool_event **out, size_t max)
{
	size_t n = 0;
	for (const struct spool_event *e = x->buckets[bucket_of(user)]; e != NULL;
	     e = e->next_of_user)
		if (!e->parked && str_eq(e->record.user, user) &&
		    str_eq(e->record.tenant, tenant)) {
			if (n < max)
				out[n] = e;
			n++;
		}
	return n;
}
