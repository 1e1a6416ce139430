/* SPDX-License-Identifier: Apache-2.0 */
/* Assignments, instances, what is due, and the limits of a partition. */
#include "store/conformance.h"

static struct store_user_change with(const struct assignment *a, size_t n)
{
	return (struct store_user_change){.assignments = a, .n_assignments = n};
}

static void an_assignment_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct assignment a = {.instance = id_of(1),
			       .campaign = STR("spring"),
			       .version = UINT32_MAX,
			       .variant = STR("b"),
			       .n = 3,
			       .k = 2,
			       .service = true,
			       .state = ASSIGNMENT_GONE,
			       .was_read = true,
			       .gone_final = true,
			       .cause = WIRE_CAUSE_MOVED,
			       .assigned_ms = T0,
			       .injected_ms = T0 + 1,
			       .read_ms = T0 + 2,
			       .ended_ms = T0 + 3,
			       .uidvalidity = 4000000000U,
			       .uid = 17,
			       .nonce = UINT64_MAX,
			       .reported = 26,
			       .node = STR("mail1")};
	struct store_user_change c = with(&a, 1);
	must_commit(f, "u", &c);
	struct user_record r = read_user(f, "u");
	assert_int_equal(r.n_assignments, 1);
	struct assignment b = r.assignments[0];
	assert_true(id16_eq(a.instance, b.instance));
	assert_str(b.campaign, "spring");
	assert_str(b.variant, "b");
	assert_true(b.version == a.version && b.n == 3 && b.k == 2);
	assert_true(b.service && b.was_read && b.gone_final);
	assert_int_equal(b.state, ASSIGNMENT_GONE);
	assert_int_equal(b.cause, WIRE_CAUSE_MOVED);
	assert_true(b.assigned_ms == T0 && b.injected_ms == T0 + 1);
	assert_true(b.read_ms == T0 + 2 && b.ended_ms == T0 + 3);
	assert_true(b.uidvalidity == a.uidvalidity && b.uid == 17);
	assert_true(b.nonce == UINT64_MAX);
	assert_int_equal(b.reported, 26);
	assert_str(b.node, "mail1");
}

static void an_absent_variant_stays_absent(void **state)
{
	struct assignment a = assignment_of(1, "spring");
	a.variant = (struct str){NULL, 0};
	struct store_user_change c = with(&a, 1);
	must_commit(*state, "u", &c);
	assert_null(read_user(*state, "u").assignments[0].variant.p);
}

static void assignments_come_by_time_and_are_replaced_by_instance(void **state)
{
	struct fixture *f = *state;
	struct assignment a[20];
	for (unsigned i = 0; i < 20; i++) {
		a[i] = assignment_of(i, "spring");
		a[i].assigned_ms = T0 + (i * 7) % 10;
	}
	struct store_user_change c = with(a, 20);
	must_commit(f, "u", &c);
	a[3].state = ASSIGNMENT_READ;
	c = with(&a[3], 1);
	must_commit(f, "u", &c);
	struct user_record r = read_user(f, "u");
	assert_int_equal(r.n_assignments, 20);
	assert_int_equal(r.revision, 2);
	size_t n_read = 0;
	for (size_t i = 0; i < 20; i++) {
		const struct assignment *x = &r.assignments[i];
		n_read += x->state == ASSIGNMENT_READ;
		if (i == 0)
			continue;
		const struct assignment *w = x - 1;
		assert_true(w->assigned_ms < x->assigned_ms ||
			    (w->assigned_ms == x->assigned_ms &&
			     memcmp(w->instance.b, x->instance.b, ID_LEN) < 0));
	}
	assert_int_equal(n_read, 1);
}

static void an_instance_leads_to_its_user_until_it_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct assignment a[2] = {assignment_of(1, "spring"),
				  assignment_of(2, "summer")};
	struct store_user_change c = with(a, 2);
	a[1].assigned_ms = T0 + 5;
	must_commit(f, "u", &c);
	struct store_instance in = instance_of(f, id_of(2));
	assert_str(in.user_key, "u");
	assert_str(in.campaign, "summer");
	assert_int_equal(in.assigned_ms, T0 + 5);
	c = (struct store_user_change){.forget = &a[1].instance, .n_forget = 1};
	must_commit(f, "u", &c);
	assert_null(instance_of(f, id_of(2)).user_key.p);
	assert_str(instance_of(f, id_of(1)).user_key, "u");
	assert_int_equal(read_user(f, "u").n_assignments, 1);
	must_commit(f, "u", &c); /* again is nothing */
	assert_null(instance_of(f, id_of(3)).user_key.p);
}

static void an_instance_leads_to_its_user_whatever_changes_of_it(void **state)
{
	struct fixture *f = *state;
	struct assignment a = assignment_of(1, "spring");
	struct store_user_change c = with(&a, 1);
	must_commit(f, "u", &c);
	a.state = ASSIGNMENT_READ;
	must_commit(f, "u", &c);
	assert_str(instance_of(f, id_of(1)).user_key, "u");
	/* forgotten and given anew at once */
	c.forget = &a.instance;
	c.n_forget = 1;
	must_commit(f, "u", &c);
	assert_str(instance_of(f, id_of(1)).user_key, "u");
	assert_int_equal(read_user(f, "u").n_assignments, 1);
}

static void what_is_due_is_listed_by_time_until_it_is_done(void **state)
{
	struct fixture *f = *state;
	struct store_due d[3] = {
		{T0 + 30, id_of(1)}, {T0 + 10, id_of(2)}, {T0 + 20, id_of(3)}};
	struct store_user_change c = {.due = d, .n_due = 3};
	struct store_due other = {T0 + 15, id_of(4)};
	struct store_user_change c2 = {.due = &other, .n_due = 1};
	size_t n;
	must_commit(f, "u", &c);
	must_commit(f, "u", &c); /* once only */
	must_commit(f, "w", &c2);
	struct store_due_entry *items = due(f, T0 + 20, 10, &n);
	assert_int_equal(n, 3);
	assert_true(items[0].due_ms == T0 + 10 && items[1].due_ms == T0 + 15 &&
		    items[2].due_ms == T0 + 20);
	assert_str(items[0].user_key, "u");
	assert_str(items[1].user_key, "w");
	assert_true(id16_eq(items[2].instance, id_of(3)));
	due(f, T0 + 9, 10, &n);
	assert_int_equal(n, 0);
	due(f, INT64_MAX, 2, &n);
	assert_int_equal(n, 2);
	c = (struct store_user_change){.due_done = &d[1], .n_due_done = 1};
	must_commit(f, "u", &c);
	must_commit(f, "u", &c);
	items = due(f, INT64_MAX, 10, &n);
	assert_int_equal(n, 3);
	assert_int_equal(items[0].due_ms, T0 + 15);
}

static void a_partition_takes_500_assignments_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct assignment a[USER_MAX_ASSIGNMENTS + 1];
	struct error err;
	uint64_t revision = 0;
	for (unsigned i = 0; i <= USER_MAX_ASSIGNMENTS; i++)
		a[i] = assignment_of(i, "spring");
	struct store_user_change c = with(a, USER_MAX_ASSIGNMENTS);
	assert_true(commit(f, "u", 0, &c, &revision, &err));
	c = with(&a[USER_MAX_ASSIGNMENTS], 1);
	struct store_event e = event_of(1, "spring", STATISTIC_INJECTED, T0);
	c.events = &e;
	c.n_events = 1;
	assert_false(commit(f, "u", revision, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	assert_int_equal(total(f, "spring", STATISTIC_INJECTED), 0);
	assert_null(instance_of(f, a[USER_MAX_ASSIGNMENTS].instance).user_key.p);
	/* what becomes of one that is there is kept */
	a[7].state = ASSIGNMENT_READ;
	a[7].read_ms = a[7].injected_ms = T0 + 99;
	c = with(&a[7], 1);
	assert_true(commit(f, "u", revision, &c, &revision, &err));
	/* one for another fits */
	c = with(&a[USER_MAX_ASSIGNMENTS], 1);
	c.forget = &a[0].instance;
	c.n_forget = 1;
	assert_true(commit(f, "u", revision, &c, &revision, &err));
	assert_int_equal(read_user(f, "u").n_assignments, USER_MAX_ASSIGNMENTS);
}

static void a_partition_has_a_greatest_size(void **state)
{
	struct fixture *f = *state;
	static char large[USER_MAX_PARTITION];
	struct error err;
	memset(large, 'x', sizeof large);
	struct str value = {large, 60 * 1024};
	struct store_row row = row_of("u", &value, 1);
	struct attribute attribute = {STR("a"), {large, 30 * 1024}};
	struct user_profile p = {
		.user = STR("u"), .attributes = &attribute, .n_attributes = 1};
	struct store_user_change c = {.profile = &p};
	assert_true(write_rows(f, 1, &row, 1, NULL, &err));
	must_commit(f, "u", &c);
	must_commit(f, "u", &c); /* it replaces itself */
	assert_true(write_rows(f, 1, &row, 1, NULL, &err));
	attribute.value.n = 45 * 1024;
	assert_false(commit(f, "u", STORE_ANY, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	assert_int_equal(read_user(f, "u").profile.attributes[0].value.n, 30 * 1024);
	/* rows too, with their place in the slice, and nothing of the slice */
	struct str little = STR("little");
	struct store_row rows[] = {row_of("v", &little, 1), row,
				   row_of("w", &little, 1)};
	struct store_document progress = {.id = STR("i"), .body = STR("{}")};
	char where[16];
	sort_rows(rows, 3);
	assert_false(write_rows(f, 2, rows, 3, &progress, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	for (size_t i = 0; i < 3; i++)
		if (rows[i].values == &value)
			snprintf(where, sizeof where, "/%zu", i);
	assert_string_equal(err.where, where);
	assert_int_equal(read_user(f, "v").n_rows + read_user(f, "w").n_rows, 0);
	assert_int_equal(get(f, STORE_IMPORT, "i").revision, 0);
}

static void a_full_partition_takes_a_no_and_what_makes_it_smaller(void **state)
{
	struct fixture *f = *state;
	static char large[USER_MAX_PARTITION];
	struct error err = {0};
	memset(large, 'x', sizeof large);
	struct str value = {large, 2000};
	struct store_row row = row_of("u", &value, 1);
	struct attribute attribute = {STR("a"), {large, 2000}};
	struct user_profile p = {
		.user = STR("u"), .attributes = &attribute, .n_attributes = 1};
	struct store_user_change c = {.profile = &p};
	must_commit(f, "u", &c);
	for (uint64_t load = 1; write_rows(f, load, &row, 1, NULL, &err); load++)
		;
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	attribute.value.n = 4000;
	assert_false(commit(f, "u", STORE_ANY, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	attribute.value.n = 2000;
	struct opt_out no[100];
	for (size_t i = 0; i < 100; i++) {
		no[i] = (struct opt_out){{NULL, 0}, T0 + (int64_t)i, STR("link")};
		p.opt_outs = no;
		p.n_opt_outs = i + 1;
		must_commit(f, "u", &c);
	}
	struct consent revoked = {.purpose = STR("news"), .at_ms = T0};
	p.consents = &revoked;
	p.n_consents = 1;
	must_commit(f, "u", &c);
	assert_int_equal(read_user(f, "u").profile.n_opt_outs, 100);
	/* over the limit by now: only what does not grow */
	attribute.value.n = 2100;
	assert_false(commit(f, "u", STORE_ANY, &c, NULL, &err));
	attribute.value.n = 1900;
	must_commit(f, "u", &c);
}

static void a_change_that_makes_no_sense_is_refused(void **state)
{
	struct fixture *f = *state;
	struct assignment a = assignment_of(1, "");
	struct store_user_change c = with(&a, 1);
	struct error err;
	assert_false(commit(f, "u", STORE_ANY, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	a = assignment_of(1, "spring");
	a.assigned_ms = -1;
	assert_false(commit(f, "u", STORE_ANY, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
	c = (struct store_user_change){0};
	assert_false(commit(f, "", STORE_ANY, &c, NULL, &err));
	assert_int_equal(err.kind, ERROR_BAD_VALUE);
}

static const struct CMUnitTest tests[] = {
	TEST(an_assignment_comes_back_whole),
	TEST(an_absent_variant_stays_absent),
	TEST(assignments_come_by_time_and_are_replaced_by_instance),
	TEST(an_instance_leads_to_its_user_until_it_is_forgotten),
	TEST(an_instance_leads_to_its_user_whatever_changes_of_it),
	TEST(what_is_due_is_listed_by_time_until_it_is_done),
	TEST(a_partition_takes_500_assignments_and_no_more),
	TEST(a_partition_has_a_greatest_size),
	TEST(a_full_partition_takes_a_no_and_what_makes_it_smaller),
	TEST(a_change_that_makes_no_sense_is_refused),
};
SUBJECT(assignments, tests);
