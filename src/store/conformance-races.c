/* SPDX-License-Identifier: Apache-2.0 */
/* Many at once: compare-and-set lets one win and loses nothing. */
#include "store/conformance.h"

#include <pthread.h>

enum { THREADS = 20, CAMPAIGNS = 5, PER_CAMPAIGN = 3, PER_USER = 12, TRIES = 12 };

struct racer {
	pthread_t thread;
	struct fixture *f;
	struct store_wait *wait;
	unsigned number, random;
	unsigned wins, conflicts;
	bool failed;
};

static const char *const campaigns[CAMPAIGNS] = {"c0", "c1", "c2", "c3", "c4"};

static unsigned draw(struct racer *r, unsigned below)
{
	r->random = r->random * 1103515245 + 12345;
	return (r->random >> 16) % below;
}

/* May this user have one more of the campaign? */
static bool is_allowed(const struct user_record *u, const char *campaign)
{
	size_t n = 0;
	for (size_t i = 0; i < u->n_assignments; i++)
		n += str_eqz(u->assignments[i].campaign, campaign);
	return n < PER_CAMPAIGN && u->n_assignments < PER_USER;
}

/* Reads, decides on what it read, writes if nothing changed; at most 40 times. */
static void assign_one(struct racer *r, unsigned id, const char *campaign)
{
	struct assignment a = assignment_of(id, campaign);
	struct store_event e = event_of(id, campaign, STATISTIC_INJECTED, T0);
	struct store_user_change c = {
		.assignments = &a, .n_assignments = 1, .events = &e, .n_events = 1};
	struct arena *arena = arena_new(1 << 20);
	struct error err;
	for (unsigned i = 0; i < 40 && arena != NULL; i++) {
		struct user_record u;
		arena_reset(arena);
		store_user_read(r->f->db, STR("u"), NULL, 0, arena, &u, store_wait_done,
				r->wait);
		if (!store_wait(r->wait, &err)) {
			r->failed = true;
			break;
		}
		if (!is_allowed(&u, campaign))
			break;
		store_user_commit(r->f->db, STR("u"), u.revision, &c, NULL,
				  store_wait_done, r->wait);
		if (store_wait(r->wait, &err)) {
			r->wins++;
			break;
		}
		r->conflicts++;
		r->failed |= err.kind != ERROR_CONFLICT;
	}
	arena_free(arena);
}

static void *race_assign(void *arg)
{
	struct racer *r = arg;
	for (unsigned i = 0; i < TRIES; i++)
		assign_one(r, r->number * TRIES + i, campaigns[draw(r, CAMPAIGNS)]);
	return NULL;
}

static struct racer *race(struct fixture *f, void *(*main)(void *))
{
	struct racer *r = calloc(THREADS, sizeof *r);
	assert_non_null(r);
	for (unsigned i = 0; i < THREADS; i++) {
		r[i] = (struct racer){.f = f, .number = i, .random = i};
		r[i].wait = store_wait_new();
		assert_non_null(r[i].wait);
		assert_int_equal(pthread_create(&r[i].thread, NULL, main, &r[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(r[i].thread, NULL);
		store_wait_free(r[i].wait);
		assert_false(r[i].failed);
	}
	return r;
}

static unsigned wins(const struct racer *r)
{
	unsigned n = 0;
	for (unsigned i = 0; i < THREADS; i++)
		n += r[i].wins;
	return n;
}

static void twenty_at_once_never_pass_the_limits_of_one_user(void **state)
{
	struct fixture *f = *state;
	struct racer *r = race(f, race_assign);
	struct user_record u = read_user(f, "u");
	size_t per[CAMPAIGNS] = {0}, counted = 0;
	for (size_t i = 0; i < u.n_assignments; i++)
		for (size_t c = 0; c < CAMPAIGNS; c++)
			per[c] += str_eqz(u.assignments[i].campaign, campaigns[c]);
	for (size_t c = 0; c < CAMPAIGNS; c++) {
		assert_true(per[c] <= PER_CAMPAIGN);
		counted += total(f, campaigns[c], STATISTIC_INJECTED);
	}
	/* enough tried that the limit of the user is reached; each win is there */
	assert_int_equal(u.n_assignments, PER_USER);
	assert_int_equal(wins(r), PER_USER);
	assert_int_equal(u.revision, PER_USER);
	assert_int_equal(counted, PER_USER);
	free(r);
}

static void *race_document(void *arg)
{
	struct racer *r = arg;
	struct arena *arena = arena_new(1 << 20);
	struct error err;
	while (r->wins < 5 && !r->failed && arena != NULL) {
		struct store_document doc;
		char next[32];
		uint64_t n = 0;
		arena_reset(arena);
		store_document_get(r->f->db, STORE_SETTING, STR("counter"), arena, &doc,
				   store_wait_done, r->wait);
		r->failed |= !store_wait(r->wait, &err);
		if (doc.revision > 0)
			r->failed |= !str_to_u64(doc.body, UINT64_MAX, &n);
		snprintf(next, sizeof next, "%llu", (unsigned long long)n + 1);
		store_document_put(r->f->db, STORE_SETTING, STR("counter"),
				   str_of(next), doc.revision, NULL, store_wait_done,
				   r->wait);
		if (store_wait(r->wait, &err))
			r->wins++;
		else
			r->failed |= err.kind != ERROR_CONFLICT;
	}
	arena_free(arena);
	return NULL;
}

static void a_document_counted_up_by_twenty_loses_no_step(void **state)
{
	struct fixture *f = *state;
	free(race(f, race_document));
	assert_str(get(f, STORE_SETTING, "counter").body, "100");
	assert_int_equal(get(f, STORE_SETTING, "counter").revision, 100);
}

static void *race_identity(void *arg)
{
	struct racer *r = arg;
	char user[16];
	struct error err;
	snprintf(user, sizeof user, "user%u", r->number);
	struct user_profile p = {.user = str_of(user), .email = STR("one@x.test")};
	struct store_user_change c = {.profile = &p};
	store_user_commit(r->f->db, str_of(user), 0, &c, NULL, store_wait_done,
			  r->wait);
	if (store_wait(r->wait, &err))
		r->wins++;
	else
		r->failed = err.kind != ERROR_CONFLICT;
	return NULL;
}

static void of_twenty_who_want_one_identity_one_gets_it(void **state)
{
	struct fixture *f = *state;
	struct racer *r = race(f, race_identity);
	assert_int_equal(wins(r), 1);
	for (unsigned i = 0; i < THREADS; i++)
		if (r[i].wins == 1)
			assert_true(
				str_eq(resolve(f, "one@x.test"), text(f, "user%u", i)));
	free(r);
}

/* Users of their own, events of shared campaigns, an import and reads between. */
static void *race_mixed(void *arg)
{
	struct racer *r = arg;
	char user[16];
	struct str value = STR("v");
	snprintf(user, sizeof user, "user%u", r->number);
	struct store_row row = row_of(user, &value, 1);
	for (unsigned i = 0; i < 10; i++) {
		struct store_event e = event_of(r->number * 10 + i, campaigns[i % 5],
						STATISTIC_READ, T0 + i * CLOCK_HOUR);
		struct store_user_change c = {.events = &e, .n_events = 1};
		store_rows_write(r->f->db, i, &row, 1, STORE_IMPORT, NULL,
				 store_wait_done, r->wait);
		r->failed |= !store_wait(r->wait, NULL);
		store_user_commit(r->f->db, str_of(user), i, &c, NULL, store_wait_done,
				  r->wait);
		r->failed |= !store_wait(r->wait, NULL);
	}
	return NULL;
}

static void imports_events_and_reads_at_once_lose_nothing(void **state)
{
	struct fixture *f = *state;
	free(race(f, race_mixed));
	for (unsigned i = 0; i < THREADS; i++) {
		struct user_record u = read_user(f, text(f, "user%u", i).p);
		assert_int_equal(u.revision, 10);
		assert_int_equal(u.n_rows, 10);
	}
	for (size_t c = 0; c < CAMPAIGNS; c++) {
		assert_int_equal(total(f, campaigns[c], STATISTIC_READ), 2 * THREADS);
		assert_int_equal(total_unique(f, campaigns[c], STATISTIC_READ),
				 THREADS);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(twenty_at_once_never_pass_the_limits_of_one_user),
	TEST(a_document_counted_up_by_twenty_loses_no_step),
	TEST(of_twenty_who_want_one_identity_one_gets_it),
	TEST(imports_events_and_reads_at_once_lose_nothing),
};
SUBJECT(races, tests);
