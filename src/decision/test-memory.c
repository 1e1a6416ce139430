/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever memory a decision gets: it decides as with plenty, or says that it cannot.
 * In sanitizer builds each piece of an arena is an allocation of its own. */
#include "decision/test-world.h"

#define STEP 48
#define PLENTY (4u << 20)

static struct world *busy_world(void)
{
	static const struct template_variable needs = {STR_INIT("city"), true};
	struct world *w = world_new(20);
	w->variants[0].variables = &needs;
	w->variants[0].n_variables = 1;
	w->tenant.limits.min_spacing_ms = 0;
	w->tenant.limits.max_per_decision = 2;
	for (size_t i = 1; i <= 6; i++) {
		struct assignment *a = world_gives(w, i, 1, ASSIGNMENT_PENDING, 1000);
		world_shows(w, a, (uint32_t)i, i % 2 == 0);
	}
	w->tenant.limits.live_unread = 20;
	return w;
}

static bool decides(struct world *w, struct arena *a, size_t *n)
{
	struct decision d;
	bool ok = decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, a, &d);
	*n = ok ? d.n : 0;
	return ok;
}

static bool reconciles(struct world *w, struct arena *a, size_t *n)
{
	struct reconciled r;
	struct assignment copy[64];
	bool changed[64] = {false};
	memcpy(copy, w->assignments, sizeof copy);
	bool ok = reconcile(&w->snapshot, STR(WORLD_USER), copy, w->user.n_assignments,
			    changed, &w->mailbox, WORLD_NOW, a, &r);
	*n = ok ? r.n_effects : 0;
	return ok;
}

static bool explains(struct world *w, struct arena *a, size_t *n)
{
	struct explanation *all;
	return decision_why(&w->snapshot, &w->user, WORLD_NOW, a, &all, n);
}

static void short_memory_is_said_and_changes_no_answer(void **state)
{
	(void)state;
	static bool (*const calls[])(struct world *, struct arena *,
				     size_t *) = {decides, reconciles, explains};
	struct world *w = busy_world();
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		struct arena *a = arena_new(PLENTY);
		size_t want = 0, got = 0, failed = 0;
		assert_true(calls[i](w, a, &want) && want > 0);
		arena_free(a);
		for (size_t max = STEP;; max += STEP) {
			a = arena_new(max);
			bool ok = a != NULL && calls[i](w, a, &got);
			arena_free(a);
			if (ok)
				break;
			failed++;
			assert_true(max < PLENTY);
		}
		assert_int_equal(got, want);
		assert_true(failed > 2);
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_memory_is_said_and_changes_no_answer),
	};
	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
