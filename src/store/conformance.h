/* SPDX-License-Identifier: Apache-2.0 */
/* One suite for every backend (test-conformance.c): a fixture gives each test an
 * empty store of the kind at hand, and calls that wait. Part of the tests only. */
#ifndef INLAY_STORE_CONFORMANCE_H
#define INLAY_STORE_CONFORMANCE_H

#include "base/unit.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

struct kind {
	const char *name;
	const char *backend;
	unsigned delay_ms;
	bool wrapped;  /* in a faulty store that is never armed */
	bool persists; /* over close and open */
};

struct fixture {
	const struct kind *kind;
	char directory[64];
	struct store *inner, *store; /* the same unless wrapped */
	struct store_db *db;         /* keyspace "tests" of tenant "tests" */
	struct arena *arena;         /* for results; lives as long as the test */
	struct store_wait *wait;
};

/* cmocka's setup and teardown; *state is the struct kind before and after. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
/* Closes and opens; only where kind->persists. */
void fixture_reopen(struct fixture *f);

/* Waiting calls. What returns nothing fails the test on an error. */
struct store_document get(struct fixture *f, enum store_collection c, const char *id);
bool put(struct fixture *f, enum store_collection c, const char *id, const char *body,
	 uint64_t if_revision, uint64_t *revision, struct error *err);
struct store_document_list list(struct fixture *f, enum store_collection c,
				const char *prefix, const char *after, size_t limit,
				bool with_body);
struct user_record read_user(struct fixture *f, const char *user);
bool commit(struct fixture *f, const char *user, uint64_t if_revision,
	    const struct store_user_change *change, uint64_t *revision,
	    struct error *err);
void must_commit(struct fixture *f, const char *user,
		 const struct store_user_change *change);
struct str resolve(struct fixture *f, const char *identity);
void erase(struct fixture *f, const char *user);
struct store_statistic *statistics(struct fixture *f, const char *campaign, size_t *n);
/* Sums over all hours. */
uint64_t total(struct fixture *f, const char *campaign, enum statistic s);
uint64_t total_unique(struct fixture *f, const char *campaign, enum statistic s);
struct store_instance instance_of(struct fixture *f, struct id16 instance);
bool write_rows(struct fixture *f, uint64_t load, const struct store_row *rows,
		size_t n, const struct store_document *progress, struct error *err);
/* Sweeps to the end; how many rows went. */
uint64_t sweep(struct fixture *f, const uint64_t *live, size_t n_live);
/* How many rows went to their queues. */
uint64_t sort_outbox(struct fixture *f, size_t limit);
struct store_due_entry *due(struct fixture *f, int64_t now_ms, size_t limit, size_t *n);

/* Values ----------------------------------------------------------------------*/
#define T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
struct id16 id_of(unsigned n);
struct str text(struct fixture *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct assignment assignment_of(unsigned id, const char *campaign);
struct store_event event_of(unsigned id, const char *campaign, enum statistic s,
			    int64_t at_ms);
/* One row for a user; `values` is kept by the caller. */
struct store_row row_of(const char *user, const struct str *values, size_t n);
/* So many bytes. */
struct str big_value(struct fixture *f, size_t n);
/* Sorts by sort key. */
void sort_rows(struct store_row *rows, size_t n);

/* For a condition, at most 20 s. */
void await(_Atomic unsigned *value, unsigned want);

/* Lists of tests, one file a subject ------------------------------------------*/
#define CONFORMANCE_SUBJECTS(X)                                                        \
	X(databases)                                                                   \
	X(documents)                                                                   \
	X(users) X(assignments) X(events) X(deliveries) X(loads) X(erase) X(races)
struct subject {
	const struct CMUnitTest *tests;
	size_t n;
};
#define X(name) extern const struct subject subject_##name;
CONFORMANCE_SUBJECTS(X)
#undef X
#define SUBJECT(name, list)                                                            \
	const struct subject subject_##name = {list, sizeof(list) / sizeof *(list)}
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
