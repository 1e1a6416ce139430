/* SPDX-License-Identifier: Apache-2.0 */
#include "store/conformance.h"

static const struct str names[] = {STR_INIT("carla-alias"), STR_INIT("second")};

static void fill(struct fixture *f, const char *user, unsigned id)
{
	struct user_profile p = {.user = str_of(user),
				 .user_id = text(f, "id-of-%s", user),
				 .email = text(f, "%s@x.test", user)};
	struct assignment a[2] = {assignment_of(id, "spring"),
				  assignment_of(id + 1, "summer")};
	struct store_event e = event_of(id, "spring", STATISTIC_READ, T0);
	struct store_due d = {T0 + id, a[0].instance};
	struct store_outbox_row o = {.event_id = id_of(id),
				     .instance = a[0].instance,
				     .point = STR("p"),
				     .event_type = STR("read"),
				     .campaign = STR("spring"),
				     .at_ms = T0};
	struct store_user_change c = {.profile = &p,
				      .assignments = a,
				      .n_assignments = 2,
				      .events = &e,
				      .n_events = 1,
				      .outbox = &o,
				      .n_outbox = 1,
				      .due = &d,
				      .n_due = 1};
	struct str v = str_of(user);
	struct store_row row = row_of(user, &v, 1);
	if (id == 1) {
		p.aliases = names;
		p.n_aliases = 2;
	}
	must_commit(f, user, &c);
	assert_true(write_rows(f, 3, &row, 1, NULL, NULL));
}

static void an_erased_user_is_unknown_in_every_way(void **state)
{
	struct fixture *f = *state;
	size_t n;
	fill(f, "carla", 1);
	fill(f, "dora", 10);
	erase(f, "carla");
	struct user_record r = read_user(f, "carla");
	assert_true(r.revision == 0 && !r.known);
	assert_int_equal(r.n_rows + r.n_assignments, 0);
	static const char *const ids[] = {"carla", "id-of-carla", "carla@x.test",
					  "carla-alias", "second"};
	for (size_t i = 0; i < 5; i++)
		assert_null(resolve(f, ids[i]).p);
	assert_null(instance_of(f, id_of(1)).user_key.p);
	assert_null(instance_of(f, id_of(2)).user_key.p);
	struct store_due_entry *items = due(f, INT64_MAX, 10, &n);
	assert_int_equal(n, 1);
	assert_str(items[0].user_key, "dora");
	/* the other is as before */
	r = read_user(f, "dora");
	assert_true(r.known && r.n_rows == 1 && r.n_assignments == 2);
	assert_str(resolve(f, "id-of-dora"), "dora");
	assert_str(instance_of(f, id_of(10)).user_key, "dora");
}

static void an_erase_keeps_the_counts_and_writes_the_suppress_document(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[CRYPTO_SHA256_LEN];
	char hex[2 * CRYPTO_SHA256_LEN + 1];
	fill(f, "carla", 1);
	erase(f, "carla");
	erase(f, "carla"); /* repeated once later */
	assert_int_equal(total(f, "spring", STATISTIC_READ), 1);
	assert_int_equal(total_unique(f, "spring", STATISTIC_READ), 1);
	assert_int_equal(store_outbox_count(f->db), 1); /* names nobody */
	crypto_sha256(STR("carla"), hash);
	crypto_hex(hex, hash, sizeof hash);
	struct store_document doc = get(f, STORE_SUPPRESS, hex);
	assert_str(doc.body, "{\"at\":\"2026-01-01T00:00:00Z\"}");
	/* an event that comes again counts nothing more */
	struct store_event e = event_of(1, "spring", STATISTIC_READ, T0);
	struct store_user_change c = {.events = &e, .n_events = 1};
	must_commit(f, "carla", &c);
	assert_int_equal(total(f, "spring", STATISTIC_READ), 1);
	assert_int_equal(total_unique(f, "spring", STATISTIC_READ), 1);
}

static void who_read_before_the_erase_cannot_write_after_it(void **state)
{
	struct fixture *f = *state;
	struct store_user_change nothing = {0};
	struct error err;
	uint64_t before, after;
	assert_true(commit(f, "carla", 0, &nothing, &before, NULL));
	erase(f, "carla");
	assert_false(commit(f, "carla", before, &nothing, NULL, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_true(commit(f, "carla", 0, &nothing, &after, NULL));
	assert_true(after > before);
	assert_false(commit(f, "carla", before, &nothing, NULL, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_true(commit(f, "carla", after, &nothing, NULL, NULL));
}

static void what_an_erased_user_had_is_free_for_others(void **state)
{
	struct fixture *f = *state;
	struct user_profile p = {.user = STR("eva"),
				 .user_id = STR("id-of-carla"),
				 .aliases = names,
				 .n_aliases = 2};
	struct store_user_change c = {.profile = &p};
	fill(f, "carla", 1);
	erase(f, "carla");
	must_commit(f, "eva", &c);
	assert_str(resolve(f, "id-of-carla"), "eva");
	assert_str(resolve(f, "second"), "eva");
}

static const struct CMUnitTest tests[] = {
	TEST(an_erased_user_is_unknown_in_every_way),
	TEST(an_erase_keeps_the_counts_and_writes_the_suppress_document),
	TEST(who_read_before_the_erase_cannot_write_after_it),
	TEST(what_an_erased_user_had_is_free_for_others),
};
SUBJECT(erase, tests);
