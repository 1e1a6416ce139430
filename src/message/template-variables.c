/* SPDX-License-Identifier: Apache-2.0 */
#include "message/template-internal.h"

#include <stdlib.h>

size_t template_memory(const struct template *t)
{
	size_t total = sizeof *t + arena_used(t->arena);
	for (size_t i = 0; i < template_n_texts(t); i++) {
		const struct mustache *m = template_text_at(t, i);
		total += m != NULL ? mustache_memory(m) : 0;
	}
	return total;
}

static int by_name(const void *a, const void *b)
{
	const struct template_need *x = a, *y = b;
	return str_cmp(x->name, y->name);
}

/* Sorted: makes one of those with the same name. */
static size_t unite(struct template_need *v, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && str_eq(v[kept - 1].name, v[i].name))
			v[kept - 1].always = v[kept - 1].always || v[i].always;
		else
			v[kept++] = v[i];
	}
	return kept;
}

bool template_variables(const struct template *t, struct arena *arena,
			struct template_need **variables, size_t *n)
{
	const struct mustache_name *names;
	size_t total = 0, at = 0;
	for (size_t i = 0; i < template_n_texts(t); i++) {
		const struct mustache *m = template_text_at(t, i);
		total += m != NULL ? mustache_names(m, &names) : 0;
	}
	struct template_need *v = arena_array(arena, total, sizeof *v);
	if (v == NULL)
		return false;
	struct mustache_values defaults = mustache_table_values(&t->defaults);
	for (size_t i = 0; i < template_n_texts(t); i++) {
		const struct mustache *m = template_text_at(t, i);
		size_t k = m != NULL ? mustache_names(m, &names) : 0;
		for (size_t j = 0; j < k; j++)
			v[at++] = (struct template_need){
				.name = names[j].name,
				.always = names[j].always,
				.has_default =
					defaults.lookup(defaults.ctx, names[j].name)
						.kind != MUSTACHE_ABSENT};
	}
	if (total > 1)
		qsort(v, total, sizeof *v, by_name);
	*variables = v;
	*n = unite(v, total);
	return true;
}
