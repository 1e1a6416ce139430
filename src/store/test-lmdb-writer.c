/* SPDX-License-Identifier: Apache-2.0 */
/* The LMDB backend's writer: who shares a transaction, and who waits for whom. */
#include "store/conformance.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static const struct kind kind = {"lmdb", "lmdb", 0, false, true};

/* Completions of many calls --------------------------------------------------*/
struct calls {
	_Atomic unsigned done, failed, conflicts;
};

static void count_call(void *ctx, const struct error *err)
{
	struct calls *c = ctx;
	if (err != NULL) {
		c->failed++;
		c->conflicts += err->kind == ERROR_CONFLICT;
	}
	c->done++;
}

/* Number of transactions ever committed. */
static size_t transactions(struct fixture *f)
{
	MDB_env *env;
	MDB_envinfo info;
	fixture_close(f);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, text(f, "%s/tests", f->directory).p,
				      MDB_RDONLY, 0600),
			 0);
	mdb_env_info(env, &info);
	mdb_env_close(env);
	fixture_open(f);
	return info.me_last_txnid;
}

static void many_commits_share_a_transaction_and_one_that_is_refused_is_alone(
	void **state)
{
	struct fixture *f = *state;
	struct calls c = {0};
	struct store_user_change nothing = {0};
	size_t before = transactions(f);
	for (unsigned i = 0; i < 1000; i++)
		store_user_commit(f->db, text(f, "u%u", i), i % 10 == 9, &nothing, NULL,
				  count_call, &c);
	await(&c.done, 1000);
	assert_int_equal(c.failed, 100);
	assert_int_equal(c.conflicts, 100);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(read_user(f, text(f, "u%u", i).p).revision,
				 i % 10 != 9);
	assert_true(transactions(f) - before < 300);
}

/* What came before what. */
struct order {
	_Atomic unsigned applied, done;
	bool early; /* applied before done */
};

static void is_applied(void *ctx)
{
	struct order *o = ctx;
	o->early = o->done == 0;
	o->applied++;
}

static void is_done(void *ctx, const struct error *err)
{
	struct order *o = ctx;
	assert_null(err);
	o->done++;
}

static void who_is_alone_hears_of_it_before_the_disk(void **state)
{
	struct fixture *f = *state;
	struct order o = {0};
	struct store_user_change change = {.applied = is_applied, .applied_ctx = &o};
	store_user_commit(f->db, STR("u"), 0, &change, NULL, is_done, &o);
	await(&o.done, 1);
	assert_int_equal(o.applied, 1);
	assert_true(o.early);
	/* whose condition does not hold hears nothing */
	struct calls c = {0};
	store_user_commit(f->db, STR("u"), 7, &change, NULL, count_call, &c);
	await(&c.done, 1);
	assert_int_equal(c.conflicts, 1);
	assert_int_equal(o.applied, 1);
}

/* A thousand at once share transactions: hardly any of them is alone. */
static void who_shares_a_transaction_is_not_told(void **state)
{
	struct fixture *f = *state;
	struct order o = {0};
	struct store_user_change change = {.applied = is_applied, .applied_ctx = &o};
	for (unsigned i = 0; i < 1000; i++)
		store_user_commit(f->db, text(f, "u%u", i), 0, &change, NULL, is_done,
				  &o);
	await(&o.done, 1000);
	assert_true(o.applied < 100);
}

/* The writer's waits for company: the only ones with a limit. */
int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				  const struct timespec *until);
static _Atomic unsigned waits;

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				  const struct timespec *until)
{
	waits++;
	return __real_pthread_cond_timedwait(cond, mutex, until);
}

static void who_is_alone_waits_for_no_company(void **state)
{
	struct fixture *f = *state;
	struct calls c = {0};
	struct store_user_change nothing = {0};
	waits = 0;
	for (unsigned i = 0; i < 20; i++)
		must_commit(f, "alone", &nothing);
	assert_int_equal(waits, 0);
	/* after a transaction of several the next one does */
	for (unsigned i = 0; i < 1000; i++)
		store_user_commit(f->db, text(f, "u%u", i), 0, &nothing, NULL,
				  count_call, &c);
	await(&c.done, 1000);
	must_commit(f, "alone", &nothing);
	assert_true(waits > 0);
}

static void a_decision_does_not_wait_for_an_import(void **state)
{
	struct fixture *f = *state;
	struct calls imports = {0};
	struct store_user_change nothing = {0};
	struct str value = big_value(f, 2000);
	enum { SLICES = 20, ROWS = 500 };
	struct store_row *rows = arena_array(f->arena, ROWS, sizeof *rows);
	for (unsigned i = 0; i < ROWS; i++)
		rows[i] = row_of(text(f, "u%u", i).p, &value, 1);
	sort_rows(rows, ROWS);
	for (unsigned i = 0; i < SLICES; i++)
		store_rows_write(f->db, i, rows, ROWS, STORE_IMPORT, NULL, count_call,
				 &imports);
	must_commit(f, "decision", &nothing);
	assert_true(imports.done < SLICES);
	await(&imports.done, SLICES);
	assert_int_equal(imports.failed, 0);
}

static void what_is_patient_goes_behind_a_decision(void **state)
{
	struct fixture *f = *state;
	struct calls events = {0};
	struct store_user_change nothing = {0}, patient = {.patient = true};
	enum { EVENTS = 3000 };
	for (unsigned i = 0; i < EVENTS; i++)
		store_user_commit(f->db, text(f, "u%u", i), 0, &patient, NULL,
				  count_call, &events);
	must_commit(f, "decision", &nothing);
	assert_true(events.done < EVENTS);
	await(&events.done, EVENTS);
	assert_int_equal(events.failed, 0);
}

/* Decisions one behind the other: as soon as one is done the next is asked for. */
struct chain {
	struct fixture *f;
	_Atomic bool *stop;
	_Atomic unsigned *ended;
	struct str user;
	struct store_user_change change;
	struct assignment assignment;
};

static void next_in_chain(void *ctx, const struct error *err)
{
	struct chain *c = ctx;
	if (err != NULL || *c->stop)
		(*c->ended)++;
	else
		store_user_commit(c->f->db, c->user, STORE_ANY, &c->change, NULL,
				  next_in_chain, c);
}

/* So many that they alone fill the time of each transaction. */
struct crowd {
	_Atomic bool stop;
	_Atomic unsigned ended;
	struct chain *chains;
};
enum { CHAINS = 4000 };

static void crowd_comes(struct crowd *c, struct fixture *f)
{
	*c = (struct crowd){.chains = calloc(CHAINS, sizeof *c->chains)};
	assert_non_null(c->chains);
	for (unsigned i = 0; i < CHAINS; i++) {
		struct chain *one = &c->chains[i];
		*one = (struct chain){.f = f,
				      .stop = &c->stop,
				      .ended = &c->ended,
				      .user = text(f, "busy%u", i),
				      .assignment = assignment_of(i, "spring")};
		one->change.assignments = &one->assignment;
		one->change.n_assignments = 1;
		next_in_chain(one, NULL);
	}
}

static void crowd_goes(struct crowd *c)
{
	c->stop = true;
	await(&c->ended, CHAINS);
	free(c->chains);
}

static void imports_go_on_however_many_decisions_come(void **state)
{
	struct fixture *f = *state;
	struct calls imports = {0};
	struct crowd crowd;
	struct str value = STR("v");
	struct store_row row = row_of("u", &value, 1);
	enum { SLICES = 5 };
	crowd_comes(&crowd, f);
	for (unsigned i = 0; i < SLICES; i++)
		store_rows_write(f->db, i, &row, 1, STORE_IMPORT, NULL, count_call,
				 &imports);
	await(&imports.done, SLICES);
	crowd_goes(&crowd);
	assert_int_equal(imports.failed, 0);
}

static void what_is_patient_goes_on_however_many_decisions_come(void **state)
{
	struct fixture *f = *state;
	struct calls events = {0};
	struct crowd crowd;
	struct store_user_change patient = {.patient = true};
	enum { EVENTS = 100 };
	crowd_comes(&crowd, f);
	for (unsigned i = 0; i < EVENTS; i++)
		store_user_commit(f->db, text(f, "u%u", i), 0, &patient, NULL,
				  count_call, &events);
	await(&events.done, EVENTS);
	crowd_goes(&crowd);
	assert_int_equal(events.failed, 0);
}

/* One decision behind the other, and imports beside them. */
struct shares {
	struct fixture *f;
	_Atomic unsigned decisions, slices;
	unsigned want; /* slices; the last one ends the decisions */
	_Atomic unsigned ended;
};

static void next_decision(void *ctx, const struct error *err)
{
	static const struct store_user_change nothing = {0};
	struct shares *s = ctx;
	s->decisions++;
	if (err != NULL || s->slices == s->want)
		s->ended++;
	else
		store_user_commit(s->f->db, STR("u"), STORE_ANY, &nothing, NULL,
				  next_decision, s);
}

static void next_slice(void *ctx, const struct error *err)
{
	struct shares *s = ctx;
	assert_null(err);
	s->slices++;
}

static void while_decisions_come_every_second_transaction_is_theirs_alone(void **state)
{
	struct fixture *f = *state;
	enum { SLICES = 60 };
	struct shares s = {.f = f, .want = SLICES};
	struct str value = STR("v");
	struct store_row row = row_of("u", &value, 1);
	next_decision(&s, NULL);
	for (unsigned i = 0; i < SLICES; i++)
		store_rows_write(f->db, i, &row, 1, STORE_IMPORT, NULL, next_slice, &s);
	await(&s.ended, 1);
	/* twice as many, or so: a slice that waited too long comes at once */
	assert_true(s.decisions > SLICES + SLICES / 2);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		TEST(many_commits_share_a_transaction_and_one_that_is_refused_is_alone),
		TEST(who_is_alone_hears_of_it_before_the_disk),
		TEST(who_shares_a_transaction_is_not_told),
		TEST(who_is_alone_waits_for_no_company),
		TEST(a_decision_does_not_wait_for_an_import),
		TEST(what_is_patient_goes_behind_a_decision),
		TEST(imports_go_on_however_many_decisions_come),
		TEST(what_is_patient_goes_on_however_many_decisions_come),
		TEST(while_decisions_come_every_second_transaction_is_theirs_alone),
	};
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tests[i].initial_state = (void *)(uintptr_t)&kind;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
