/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles and identities. */
#include "store/conformance.h"

static const struct str anna_aliases[] = {STR_INIT("anni"), STR_INIT("a.b@x.test")};
static const struct attribute anna_attributes[] = {{STR_INIT("city"), STR_INIT("Köln")},
						   {STR_INIT("plan"), STR_INIT("")}};
static const struct consent anna_consents[] = {
	{STR_INIT("newsletter"), true, T0, STR_INIT("form"), STR_INIT("w1")},
	{STR_INIT("newsletter"), false, T0 + 1, STR_INIT("api"), {NULL, 0}}};
static const struct opt_out anna_opt_outs[] = {{{NULL, 0}, T0 + 2, STR_INIT("click")},
					       {STR_INIT("offers"), T0 + 3, {NULL, 0}}};

static struct user_profile anna(void)
{
	return (struct user_profile){.user = STR("anna@x.test"),
				     .user_id = STR("4711"),
				     .email = STR("Anna@X.test"),
				     .aliases = anna_aliases,
				     .n_aliases = 2,
				     .attributes = anna_attributes,
				     .n_attributes = 2,
				     .consents = anna_consents,
				     .n_consents = 2,
				     .opt_outs = anna_opt_outs,
				     .n_opt_outs = 2};
}

static void somebody_unknown_gives_an_empty_record(void **state)
{
	struct user_record r = read_user(*state, "nobody");
	assert_int_equal(r.revision, 0);
	assert_false(r.known);
	assert_int_equal(r.n_assignments + r.n_rows, 0);
}

static void a_profile_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct user_profile p = anna();
	struct store_user_change c = {.profile = &p};
	uint64_t revision = 0;
	assert_true(commit(f, "anna@x.test", 0, &c, &revision, NULL));
	assert_int_equal(revision, 1);
	struct user_record r = read_user(f, "anna@x.test");
	assert_int_equal(r.revision, 1);
	assert_true(r.known);
	assert_str(r.profile.user, "anna@x.test");
	assert_str(r.profile.user_id, "4711");
	assert_str(r.profile.email, "Anna@X.test");
	assert_int_equal(r.profile.n_aliases, 2);
	assert_str(r.profile.aliases[1], "a.b@x.test");
	assert_int_equal(r.profile.n_attributes, 2);
	assert_str(r.profile.attributes[0].value, "Köln");
	assert_non_null(r.profile.attributes[1].value.p);
	assert_int_equal(r.profile.attributes[1].value.n, 0);
	assert_int_equal(r.profile.n_consents, 2);
	assert_str(r.profile.consents[0].purpose, "newsletter");
	assert_true(r.profile.consents[0].granted);
	assert_int_equal(r.profile.consents[0].at_ms, T0);
	assert_str(r.profile.consents[0].wording, "w1");
	assert_false(r.profile.consents[1].granted);
	assert_null(r.profile.consents[1].wording.p);
	assert_int_equal(r.profile.n_opt_outs, 2);
	assert_null(r.profile.opt_outs[0].purpose.p);
	assert_str(r.profile.opt_outs[1].purpose, "offers");
	assert_int_equal(r.profile.opt_outs[1].at_ms, T0 + 3);
}

static void a_profile_stays_when_a_change_has_none(void **state)
{
	struct fixture *f = *state;
	struct user_profile p = anna();
	struct store_user_change c = {.profile = &p}, nothing = {0};
	uint64_t revision;
	must_commit(f, "anna@x.test", &c);
	assert_true(commit(f, "anna@x.test", 1, &nothing, &revision, NULL));
	assert_int_equal(revision, 2);
	struct user_record r = read_user(f, "anna@x.test");
	assert_true(r.known);
	assert_str(r.profile.user_id, "4711");
	assert_int_equal(r.profile.n_opt_outs, 2);
}

static void a_commit_without_a_profile_makes_nobody_known(void **state)
{
	struct fixture *f = *state;
	struct store_user_change nothing = {0};
	must_commit(f, "bob", &nothing);
	struct user_record r = read_user(f, "bob");
	assert_int_equal(r.revision, 1);
	assert_false(r.known);
}

static void another_users_profile_is_refused(void **state)
{
	struct fixture *f = *state;
	struct user_profile p = anna();
	struct store_user_change c = {.profile = &p};
	struct error err;
	assert_false(commit(f, "bob", STORE_ANY, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	assert_int_equal(read_user(f, "bob").revision, 0);
}

static void a_commit_on_another_revision_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct user_profile p = anna();
	struct store_user_change c = {.profile = &p};
	struct store_event e = event_of(1, "spring", STATISTIC_INJECTED, T0);
	struct store_outbox_row o = {.event_id = id_of(1),
				     .point = STR("p"),
				     .event_type = STR("injected"),
				     .campaign = STR("spring"),
				     .at_ms = T0};
	struct store_due d = {T0, id_of(1)};
	struct assignment a = assignment_of(1, "spring");
	struct error err;
	must_commit(f, "anna@x.test", &c);
	p.user_id = STR("other");
	c = (struct store_user_change){.profile = &p,
				       .assignments = &a,
				       .n_assignments = 1,
				       .events = &e,
				       .n_events = 1,
				       .outbox = &o,
				       .n_outbox = 1,
				       .due = &d,
				       .n_due = 1};
	assert_false(commit(f, "anna@x.test", 0, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_false(commit(f, "anna@x.test", 2, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	struct user_record r = read_user(f, "anna@x.test");
	assert_int_equal(r.revision, 1);
	assert_str(r.profile.user_id, "4711");
	assert_int_equal(r.n_assignments, 0);
	assert_null(instance_of(f, id_of(1)).user_key.p);
	assert_int_equal(total(f, "spring", STATISTIC_INJECTED), 0);
	assert_int_equal(store_outbox_count(f->db), 0);
	size_t n;
	due(f, INT64_MAX, 10, &n);
	assert_int_equal(n, 0);
	assert_null(resolve(f, "other").p);
}

static void profile_with(struct fixture *f, const char *user, const char *user_id,
			 const char *email, const char *alias)
{
	struct str aliases[] = {str_of(alias)};
	struct user_profile p = {.user = str_of(user),
				 .user_id = str_of(user_id),
				 .email = str_of(email),
				 .aliases = aliases,
				 .n_aliases = alias != NULL};
	struct store_user_change c = {.profile = &p};
	must_commit(f, user, &c);
}

static void an_identity_leads_to_its_user_by_kind_in_order(void **state)
{
	struct fixture *f = *state;
	profile_with(f, "u1", "id1", "One@x.test", "al1");
	profile_with(f, "u2", "u1", "al1", "id1");
	assert_str(resolve(f, "u1"), "u1"); /* user key before u2's user id */
	assert_str(resolve(f, "u2"), "u2");
	assert_str(resolve(f, "id1"), "u1");        /* user id before u2's alias */
	assert_str(resolve(f, "al1"), "u2");        /* e-mail before u1's alias */
	assert_str(resolve(f, "oNE@X.TEST"), "u1"); /* e-mail is folded */
	assert_null(resolve(f, "ID1").p);           /* a user id is not */
	assert_null(resolve(f, "AL").p);
	assert_null(resolve(f, "").p);
}

static void refused_identity(struct fixture *f, struct user_profile *p,
			     const char *where)
{
	struct store_user_change c = {.profile = p};
	struct error err = {.kind = ERROR_NONE};
	p->user = STR("u2");
	assert_false(commit(f, "u2", STORE_ANY, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_string_equal(err.where, where);
	assert_int_equal(read_user(f, "u2").revision, 0);
}

static void an_identity_of_another_user_is_a_conflict_that_names_the_field(void **state)
{
	struct fixture *f = *state;
	struct str aliases[] = {STR("new"), STR("al1")};
	profile_with(f, "u1", "id1", "One@x.test", "al1");
	refused_identity(f, &(struct user_profile){.user_id = STR("id1")}, "/userId");
	refused_identity(f, &(struct user_profile){.email = STR("ONE@X.test")},
			 "/email");
	refused_identity(f, &(struct user_profile){.aliases = aliases, .n_aliases = 2},
			 "/aliases");
	assert_null(resolve(f, "new").p);
	profile_with(f, "u1", "id1", "one@X.test", "al1"); /* one's own is none */
}

static void an_identity_given_up_is_free(void **state)
{
	struct fixture *f = *state;
	profile_with(f, "u1", "id1", "one@x.test", "al1");
	profile_with(f, "u1", "id2", NULL, NULL);
	assert_null(resolve(f, "id1").p);
	assert_null(resolve(f, "one@x.test").p);
	assert_null(resolve(f, "al1").p);
	assert_str(resolve(f, "id2"), "u1");
	profile_with(f, "u2", "id1", "one@x.test", "al1");
	assert_str(resolve(f, "al1"), "u2");
}

static void profiles_are_written_in_slices_and_each_is_refused_alone(void **state)
{
	struct fixture *f = *state;
	struct user_profile p[5] = {{.user = STR("u1"), .user_id = STR("1")},
				    {.user = STR("u2"), .user_id = STR("taken")},
				    {.user = STR("u3"), .user_id = STR("1")},
				    {.user = STR("")},
				    {.user = STR("u5"), .email = STR("5@x.test")}};
	struct error errors[5];
	profile_with(f, "u0", "taken", NULL, NULL);
	store_profiles_write(f->db, p, 5, errors, store_wait_done, f->wait);
	assert_true(store_wait(f->wait, NULL));
	assert_int_equal(errors[0].kind, ERROR_NONE);
	assert_int_equal(errors[1].kind, ERROR_CONFLICT);
	assert_string_equal(errors[1].where, "/userId");
	assert_int_equal(errors[2].kind, ERROR_CONFLICT);
	assert_int_equal(errors[3].kind, ERROR_BAD_VALUE);
	assert_int_equal(errors[4].kind, ERROR_NONE);
	assert_true(read_user(f, "u1").known);
	assert_false(read_user(f, "u2").known);
	assert_false(read_user(f, "u3").known);
	assert_str(resolve(f, "5@x.test"), "u5");
}

static void a_scan_gives_each_profile_once(void **state)
{
	struct fixture *f = *state;
	bool seen[60] = {false};
	size_t n = 0;
	for (unsigned i = 0; i < 60; i += 20) {
		struct user_profile p[20];
		struct error errors[20];
		for (unsigned j = 0; j < 20; j++)
			p[j] = (struct user_profile){.user = text(f, "%u", i + j)};
		store_profiles_write(f->db, p, 20, errors, store_wait_done, f->wait);
		assert_true(store_wait(f->wait, NULL));
	}
	struct store_user_change nothing = {0};
	must_commit(f, "unknown", &nothing);
	struct store_scan scan = {.resume = {NULL, 0}};
	do {
		store_user_scan(f->db, scan.resume, 7, f->arena, &scan, store_wait_done,
				f->wait);
		assert_true(store_wait(f->wait, NULL));
		assert_true(scan.n <= 7);
		for (size_t i = 0; i < scan.n; i++) {
			uint64_t u;
			assert_true(str_to_u64(scan.profiles[i].user, 59, &u));
			assert_false(seen[u]);
			seen[u] = true;
			n++;
		}
	} while (scan.resume.p != NULL);
	assert_int_equal(n, 60);
}

static void what_does_not_fit_the_callers_arena_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct user_profile p = anna();
	struct store_user_change c = {.profile = &p};
	struct user_record r;
	struct error err;
	must_commit(f, "anna@x.test", &c);
	for (size_t max = 0; max < 2000; max += 16) {
		struct arena *arena = arena_new(max);
		store_user_read(f->db, p.user, NULL, SIZE_MAX, arena, &r,
				store_wait_done, f->wait);
		bool ok = store_wait(f->wait, &err);
		assert_true(ok ? r.known : err.kind == ERROR_MEMORY);
		arena_free(arena);
		if (ok)
			return;
	}
	fail_msg("2000 bytes were not enough");
}

static const struct CMUnitTest tests[] = {
	TEST(somebody_unknown_gives_an_empty_record),
	TEST(a_profile_comes_back_whole),
	TEST(a_profile_stays_when_a_change_has_none),
	TEST(a_commit_without_a_profile_makes_nobody_known),
	TEST(another_users_profile_is_refused),
	TEST(a_commit_on_another_revision_changes_nothing),
	TEST(an_identity_leads_to_its_user_by_kind_in_order),
	TEST(an_identity_of_another_user_is_a_conflict_that_names_the_field),
	TEST(an_identity_given_up_is_free),
	TEST(profiles_are_written_in_slices_and_each_is_refused_alone),
	TEST(a_scan_gives_each_profile_once),
	TEST(what_does_not_fit_the_callers_arena_is_an_error),
};
SUBJECT(users, tests);
