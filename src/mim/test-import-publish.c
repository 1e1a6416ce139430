/* SPDX-License-Identifier: Apache-2.0 */
/* Imports of one campaign that come between each other, step by step: who is too late
 * is refused and leaves no trace. And what interrupts an import, how often. */
#include "mim/test-place.h"

#include <sched.h>

/* An import that has read version `version`, with n rows, and has yet to claim it. As
 * no document of it is stored, others take it for one that is over. */
static struct import_job *begin(struct place *p, const char *id, unsigned version,
				unsigned n)
{
	char root[300];
	struct error err;
	struct import_job *j = calloc(1, sizeof *j);
	assert_non_null(j);
	j->mim = &p->mim;
	j->tenant = tenant_runtime_hold(p->t);
	j->config = tenant_runtime_config(p->t);
	j->arena = arena_new(1 << 20);
	error_list_init(&j->problem, IMPORT_ERRORS_MAX);
	error_list_init(&j->row_errors, IMPORT_ERRORS_MAX);
	j->doc.id = str_of(id);
	j->doc.activate = true;
	write_bundle(p, version, n);
	path_of(p, "datasource", root);
	j->objects = object_store_directory(root, STR("t"), STR("b"), &err);
	assert_non_null(j->objects);
	const struct bundle_source source = {j->objects, read_source};
	j->check = bundle_check_new();
	assert_non_null(j->check);
	assert_true(bundle_check_documents(j->check, &source, j->config->tenant));
	j->doc.prefix = STR("b");
	j->doc.data_source = STR("default");
	j->doc.by = STR("test");
	j->doc.campaign = STR("c");
	j->doc.version = version;
	return j;
}

/* Likewise, and it has claimed it. */
static struct import_job *claimed(struct place *p, const char *id, unsigned version,
				  unsigned n)
{
	struct import_job *j = begin(p, id, version, n);
	assert_true(import_claim(j));
	return j;
}

static void store_phase(struct import_job *j, enum import_phase phase)
{
	struct error err;
	assert_true(import_enter(j, phase, &err));
}

static void check_refused(const struct import_job *j, const char *why)
{
	assert_int_equal(j->problem.n, 1);
	assert_int_equal(j->problem.items[0].kind, ERROR_CONFLICT);
	assert_string_equal(j->problem.items[0].message, why);
}

static struct campaign_document campaign_of(struct place *p)
{
	struct store_document doc;
	struct campaign_document d;
	struct error err;
	assert_true(sync_document_get(p->w->db, STORE_CAMPAIGN, STR("c"), p->w->arena,
				      &doc, &err));
	assert_true(campaign_document_parse(doc.body, p->w->arena, &d, &err));
	return d;
}

/* The import that a stored version comes from; absent if there is none. */
static struct str version_from(struct place *p, uint32_t version)
{
	struct store_document doc;
	struct version_document v;
	struct error err;
	struct str id = version_document_id(p->w->arena, STR("c"), version);
	assert_true(sync_document_get(p->w->db, STORE_VERSION, id, p->w->arena, &doc,
				      &err));
	if (doc.revision == 0)
		return (struct str){NULL, 0};
	assert_true(version_document_parse(doc.body, p->w->arena, &v, &err));
	return v.import;
}

/* How import_publish ends, which is in one piece for whoever looks. */
static bool publish(struct place *p, struct import_job *j)
{
	bool ok = import_publish(j);
	struct snapshot *s = tenant_runtime_snapshot(p->t);
	assert_non_null(s);
	assert_int_equal(snapshot_campaign(s, STR("c"))->state.active_version,
			 campaign_of(p).state.active_version);
	snapshot_release(s);
	return ok;
}

/* Coming too late ----------------------------------------------------------------*/

static void who_loses_a_version_leaves_the_winners_as_it_is(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *loser = claimed(p, "loser", 1, 3);
	struct import_job *winner = claimed(p, "winner", 1, 5);
	assert_true(publish(p, winner));
	assert_false(publish(p, loser));
	check_refused(loser, "another import of this campaign came in between");
	assert_str(version_from(p, 1), "winner");
	import_job_free(loser);
	import_job_free(winner);
	place_free(p);
}

static void what_came_after_a_higher_one_is_never_taken_for_loaded(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *low = claimed(p, "low", 2, 3);
	struct import_job *high = claimed(p, "high", 3, 5);
	assert_true(publish(p, high));
	assert_false(publish(p, low));
	assert_null(version_from(p, 2).p);
	import_job_free(low);
	low = begin(p, "low-again", 2, 3);
	assert_int_equal(import_compare(low), IMPORT_NOT_TAKEN);
	check_refused(low, "version 3 was imported already: a version must be higher "
			   "than all before it");
	assert_int_equal(campaign_of(p).state.active_version, 3);
	import_job_free(low);
	import_job_free(high);
	place_free(p);
}

static void who_was_thought_dead_does_not_publish(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *dead = claimed(p, "dead", 1, 3);
	struct import_job *next = claimed(p, "next", 2, 5);
	assert_false(import_publish(dead)); /* before the other one does */
	check_refused(dead, "another import of this campaign came in between");
	assert_null(version_from(p, 1).p);
	assert_int_equal(campaign_of(p).newest_version, 0);
	assert_true(publish(p, next));
	assert_int_equal(campaign_of(p).state.active_version, 2);
	import_job_free(dead);
	import_job_free(next);
	place_free(p);
}

static void who_was_thought_dead_does_not_take_the_campaign_with_it(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *dead = claimed(p, "dead", 1, 3);
	struct import_job *next = claimed(p, "next", 2, 5);
	import_give_up(dead);
	assert_true(publish(p, next));
	import_job_free(dead);
	import_job_free(next);
	place_free(p);
}

/* The epochs of a campaign that was given up and made anew begin at the beginning. */
static void an_epoch_that_comes_again_lets_no_lower_version_through(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *low = claimed(p, "low", 2, 3);
	struct import_job *failed = claimed(p, "failed", 3, 3);
	import_give_up(failed);
	struct import_job *high = claimed(p, "high", 3, 5);
	assert_int_equal(high->epoch, low->epoch);
	assert_true(publish(p, high));
	assert_false(publish(p, low));
	check_refused(low, "version 3 was imported meanwhile");
	assert_null(version_from(p, 2).p);
	import_job_free(low);
	import_job_free(failed);
	import_job_free(high);
	place_free(p);
}

static void a_cancelled_campaign_gets_no_version(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct error err;
	write_bundle(p, 1, 3);
	assert_int_equal(load(p), IMPORT_DONE);
	struct import_job *j = claimed(p, "late", 2, 5);
	assert_true(campaign_change(p->t, STR("c"), CAMPAIGN_ORDER_CANCEL, RECALL_NONE,
				    WORLD_NOW, &err));
	assert_false(publish(p, j));
	check_refused(j, "the campaign was cancelled");
	assert_null(version_from(p, 2).p);
	import_job_free(j);
	place_free(p);
}

static void put_load(struct place *p, uint64_t load, enum load_state state)
{
	char id[LOAD_ID_LEN + 1];
	struct buf body;
	struct error err;
	const struct load_document d = {.campaign = STR("c"),
					.sha256 = STR(WORLD_TEMPLATE),
					.content = STR(WORLD_TEMPLATE),
					.import = STR("before"),
					.created_ms = WORLD_NOW,
					.state = state};
	load_document_id(load, id);
	buf_init(&body, 4096);
	assert_true(load_document_write(&body, &d));
	assert_true(sync_document_put(p->w->db, STORE_LOAD, str_of(id), buf_str(&body),
				      STORE_ANY, NULL, &err));
	buf_free(&body);
}

static void rows_that_were_given_up_meanwhile_are_not_published(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *j = claimed(p, "import", 1, 3);
	j->load = 7;
	assert_false(import_publish(j)); /* forgotten already */
	check_refused(j, "the loaded rows were given up meanwhile: import it again");
	put_load(p, 7, LOAD_DEAD);
	assert_false(import_publish(j)); /* about to be swept */
	assert_null(version_from(p, 1).p);
	put_load(p, 7, LOAD_COMPLETE);
	assert_true(publish(p, j));
	import_job_free(j);
	place_free(p);
}

static bool is_used(struct place *p, uint64_t load)
{
	struct error err;
	bool used;
	assert_true(import_load_is_used(p->t, STR("c"), load, &used, &err));
	return used;
}

static void what_a_crash_left_above_the_newest_is_replaced(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *j = claimed(p, "crashed", 1, 3);
	j->load = 7;
	put_load(p, 7, LOAD_COMPLETE);
	/* after the template and the version */
	store_faulty_arm(p->w->store, 3, 'b');
	assert_false(import_publish(j));
	store_faulty_arm(p->w->store, 0, 'b');
	assert_str(version_from(p, 1), "crashed");
	assert_false(is_used(p, 7));
	import_job_free(j);
	j = claimed(p, "next", 1, 5);
	j->load = 8;
	put_load(p, 8, LOAD_COMPLETE);
	assert_true(publish(p, j));
	assert_str(version_from(p, 1), "next");
	assert_false(is_used(p, 7));
	assert_true(is_used(p, 8));
	import_job_free(j);
	place_free(p);
}

/* Claiming -----------------------------------------------------------------------*/

static void a_lower_version_does_not_disturb_a_higher_one_under_way(void **state)
{
	(void)state;
	static const char *const why = "version 3 is being imported";
	struct place *p = place_new();
	struct import_job *high = begin(p, "high", 3, 5);
	store_phase(high, IMPORT_LOADING);
	assert_true(import_claim(high));
	struct import_job *same = begin(p, "same", 3, 3);
	assert_false(import_claim(same));
	check_refused(same, why);
	struct import_job *low = begin(p, "low", 2, 3);
	assert_false(import_claim(low));
	check_refused(low, why);
	import_give_up(low); /* it has nothing to give up */
	assert_true(publish(p, high));
	import_job_free(low);
	import_job_free(same);
	import_job_free(high);
	place_free(p);
}

static void a_lower_version_is_taken_once_the_higher_one_has_failed(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *high = begin(p, "high", 3, 5);
	store_phase(high, IMPORT_LOADING);
	assert_true(import_claim(high));
	store_phase(high, IMPORT_FAILED);
	struct import_job *low = claimed(p, "low", 2, 3);
	assert_true(publish(p, low));
	import_job_free(low);
	import_job_free(high);
	place_free(p);
}

static void an_import_may_claim_again_after_a_crash(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct import_job *j = begin(p, "import", 1, 3);
	store_phase(j, IMPORT_LOADING);
	assert_true(import_claim(j));
	import_job_free(j);
	j = claimed(p, "import", 1, 3);
	assert_true(publish(p, j));
	import_job_free(j);
	place_free(p);
}

/* Interruptions ------------------------------------------------------------------*/

static void store_attempts(struct place *p, uint32_t attempts)
{
	struct import_job *j = begin(p, "20260101T000000-000000", 1, 3);
	j->doc.attempts = attempts;
	store_phase(j, IMPORT_LOADING);
	import_job_free(j);
	restart(p);
}

static void an_import_is_tried_five_times(void **state)
{
	(void)state;
	const struct str id = STR("20260101T000000-000000");
	struct place *p = place_new();
	store_attempts(p, 5);
	assert_int_equal(import_of(p, id).phase, IMPORT_FAILED);
	store_attempts(p, 4);
	assert_int_equal(import_of(p, id).phase, IMPORT_DONE);
	place_free(p);
}

static void an_orderly_stop_is_no_failed_attempt(void **state)
{
	(void)state;
	struct place *p = place_new();
	struct str id;
	write_bundle(p, 1, 3);
	pthread_mutex_lock(&p->t->change); /* it comes no further than this */
	assert_true(order(p, &id));
	int64_t end_us = clock_mono_us() + 60 * 1000 * 1000;
	while (import_of(p, id).attempts == 0 && clock_mono_us() < end_us)
		sched_yield();
	assert_int_equal(import_of(p, id).attempts, 1);
	p->mim.stopping = true;
	pthread_mutex_unlock(&p->t->change);
	finish_jobs(p);
	assert_int_equal(import_of(p, id).phase, IMPORT_WAITING);
	assert_int_equal(import_of(p, id).attempts, 0);
	p->mim.stopping = false;
	restart(p);
	assert_int_equal(import_of(p, id).phase, IMPORT_DONE);
	place_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_loses_a_version_leaves_the_winners_as_it_is),
		cmocka_unit_test(
			what_came_after_a_higher_one_is_never_taken_for_loaded),
		cmocka_unit_test(who_was_thought_dead_does_not_publish),
		cmocka_unit_test(
			who_was_thought_dead_does_not_take_the_campaign_with_it),
		cmocka_unit_test(
			an_epoch_that_comes_again_lets_no_lower_version_through),
		cmocka_unit_test(a_cancelled_campaign_gets_no_version),
		cmocka_unit_test(rows_that_were_given_up_meanwhile_are_not_published),
		cmocka_unit_test(what_a_crash_left_above_the_newest_is_replaced),
		cmocka_unit_test(
			a_lower_version_does_not_disturb_a_higher_one_under_way),
		cmocka_unit_test(
			a_lower_version_is_taken_once_the_higher_one_has_failed),
		cmocka_unit_test(an_import_may_claim_again_after_a_crash),
		cmocka_unit_test(an_import_is_tried_five_times),
		cmocka_unit_test(an_orderly_stop_is_no_failed_attempt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
