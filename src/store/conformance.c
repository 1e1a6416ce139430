/* SPDX-License-Identifier: Apache-2.0 */
#include "store/conformance.h"

#include "base/unit-folder.h"

#include <unistd.h>

void fixture_open(struct fixture *f)
{
	struct error err;
	struct store_options o = {.backend = f->kind->backend,
				  .directory = f->directory,
				  .map_size = UINT64_C(64) << 20,
				  .delay_ms = f->kind->delay_ms};
	if (!store_open(&o, &f->inner, &err))
		fail_msg("%s", err.message);
	f->store = f->inner;
	if (f->kind->wrapped) {
		struct store_options w = {.backend = "faulty", .inner = f->inner};
		if (!store_open(&w, &f->store, &err))
			fail_msg("%s", err.message);
	}
	if (!store_db_create(f->store, STR("tests"), STR("tests"), &f->db, &err))
		fail_msg("%s", err.message);
}

void fixture_close(struct fixture *f)
{
	store_db_close(f->db);
	store_close(f->store);
	if (f->kind->wrapped)
		store_close(f->inner);
}

void fixture_reopen(struct fixture *f)
{
	fixture_close(f);
	fixture_open(f);
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	f->kind = *state;
	f->arena = arena_new((size_t)256 << 20);
	f->wait = store_wait_new();
	assert_true(f->arena != NULL && f->wait != NULL && crypto_init());
	make_folder_of_own(f->directory, sizeof f->directory, "store");
	fixture_open(f);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	const struct kind *kind = f->kind;
	fixture_close(f);
	remove_folder(f->directory);
	store_wait_free(f->wait);
	arena_free(f->arena);
	free(f);
	*state = (void *)(uintptr_t)kind;
	return 0;
}

static void must(struct fixture *f)
{
	struct error err;
	if (!store_wait(f->wait, &err))
		fail_msg("%s (%s)", err.message, error_kind_info(err.kind)->slug);
}

struct store_document get(struct fixture *f, enum store_collection c, const char *id)
{
	struct store_document doc;
	store_document_get(f->db, c, str_of(id), f->arena, &doc, store_wait_done,
			   f->wait);
	must(f);
	return doc;
}

bool put(struct fixture *f, enum store_collection c, const char *id, const char *body,
	 uint64_t if_revision, uint64_t *revision, struct error *err)
{
	store_document_put(f->db, c, str_of(id), str_of(body), if_revision, revision,
			   store_wait_done, f->wait);
	return store_wait(f->wait, err);
}

struct store_document_list list(struct fixture *f, enum store_collection c,
				const char *prefix, const char *after, size_t limit,
				bool with_body)
{
	struct store_document_list l;
	store_document_list(f->db, c, str_of(prefix), str_of(after), limit, with_body,
			    f->arena, &l, store_wait_done, f->wait);
	must(f);
	return l;
}

struct user_record read_user(struct fixture *f, const char *user)
{
	struct user_record r;
	store_user_read(f->db, str_of(user), NULL, SIZE_MAX, f->arena, &r,
			store_wait_done, f->wait);
	must(f);
	return r;
}

bool commit(struct fixture *f, const char *user, uint64_t if_revision,
	    const struct store_user_change *change, uint64_t *revision,
	    struct error *err)
{
	store_user_commit(f->db, str_of(user), if_revision, change, revision,
			  store_wait_done, f->wait);
	return store_wait(f->wait, err);
}

void must_commit(struct fixture *f, const char *user,
		 const struct store_user_change *change)
{
	store_user_commit(f->db, str_of(user), STORE_ANY, change, NULL, store_wait_done,
			  f->wait);
	must(f);
}

/* Among others it must mean the same. */
static void resolve_among_others(struct fixture *f, struct str identity, struct str key)
{
	struct store_identity items[] = {
		{.text = STR("nobody at all")}, {.text = identity}, {.text = STR("")}};
	uint8_t want[sizeof items[0].sort_key];
	store_users_resolve(f->db, items, 3, f->arena, store_wait_done, f->wait);
	must(f);
	assert_true((items[1].user_key.p == NULL) == (key.p == NULL));
	assert_true(str_eq(items[1].user_key, key));
	store_sort_key(key.p != NULL ? key : identity, want);
	assert_memory_equal(items[1].sort_key, want, sizeof want);
	assert_null(items[0].user_key.p);
	assert_null(items[2].user_key.p);
	store_sort_key(items[0].text, want);
	assert_memory_equal(items[0].sort_key, want, sizeof want);
}

struct str resolve(struct fixture *f, const char *identity)
{
	struct str key;
	store_user_resolve(f->db, str_of(identity), f->arena, &key, store_wait_done,
			   f->wait);
	must(f);
	resolve_among_others(f, str_of(identity), key);
	return key;
}

void erase(struct fixture *f, const char *user)
{
	uint8_t suppress[CRYPTO_SHA256_LEN];
	crypto_sha256(str_of(user), suppress);
	store_user_erase(f->db, str_of(user), suppress, T0, store_wait_done, f->wait);
	must(f);
}

struct store_statistic *statistics(struct fixture *f, const char *campaign, size_t *n)
{
	struct store_statistic *rows;
	store_statistics_read(f->db, str_of(campaign), INT64_MIN, INT64_MAX, f->arena,
			      &rows, n, store_wait_done, f->wait);
	must(f);
	return rows;
}

uint64_t total(struct fixture *f, const char *campaign, enum statistic s)
{
	size_t n;
	uint64_t sum = 0;
	struct store_statistic *rows = statistics(f, campaign, &n);
	for (size_t i = 0; i < n; i++)
		sum += rows[i].statistic == s ? rows[i].count : 0;
	return sum;
}

uint64_t total_unique(struct fixture *f, const char *campaign, enum statistic s)
{
	size_t n;
	uint64_t sum = 0;
	struct store_statistic *rows = statistics(f, campaign, &n);
	for (size_t i = 0; i < n; i++)
		sum += rows[i].statistic == s ? rows[i].unique : 0;
	return sum;
}

struct store_instance instance_of(struct fixture *f, struct id16 instance)
{
	struct store_instance out;
	store_instance_get(f->db, instance, f->arena, &out, store_wait_done, f->wait);
	must(f);
	return out;
}

bool write_rows(struct fixture *f, uint64_t load, const struct store_row *rows,
		size_t n, const struct store_document *progress, struct error *err)
{
	store_rows_write(f->db, load, rows, n, STORE_IMPORT, progress, store_wait_done,
			 f->wait);
	return store_wait(f->wait, err);
}

uint64_t sweep(struct fixture *f, const uint64_t *live, size_t n_live)
{
	struct str resume = {NULL, 0};
	uint64_t removed = 0, n;
	do {
		store_rows_sweep(f->db, live, n_live, resume, f->arena, &resume, &n,
				 store_wait_done, f->wait);
		must(f);
		removed += n;
	} while (resume.p != NULL);
	return removed;
}

uint64_t sort_outbox(struct fixture *f, size_t limit)
{
	size_t moved;
	store_outbox_sort(f->db, T0, limit, &moved, store_wait_done, f->wait);
	must(f);
	return moved;
}

struct store_due_entry *due(struct fixture *f, int64_t now_ms, size_t limit, size_t *n)
{
	struct store_due_entry *items;
	store_due_list(f->db, now_ms, limit, f->arena, &items, n, store_wait_done,
		       f->wait);
	must(f);
	return items;
}

struct id16 id_of(unsigned n)
{
	struct id16 id = {{0}};
	uint8_t hash[CRYPTO_SHA256_LEN];
	crypto_sha256((struct str){(const char *)&n, sizeof n}, hash);
	memcpy(id.b, hash, ID_LEN);
	return id;
}

struct str text(struct fixture *f, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	struct str s = arena_str(f->arena, str_of(line));
	assert_non_null(s.p);
	return s;
}

struct assignment assignment_of(unsigned id, const char *campaign)
{
	return (struct assignment){.instance = id_of(id),
				   .campaign = str_of(campaign),
				   .version = 1,
				   .variant = STR("a"),
				   .n = 1,
				   .state = ASSIGNMENT_PENDING,
				   .assigned_ms = T0,
				   .nonce = id};
}

struct store_event event_of(unsigned id, const char *campaign, enum statistic s,
			    int64_t at_ms)
{
	return (struct store_event){.event_id = id_of(id),
				    .instance = id_of(1000000 + id),
				    .campaign = str_of(campaign),
				    .statistic = s,
				    .assigned_ms = T0,
				    .at_ms = at_ms};
}

struct store_row row_of(const char *user, const struct str *values, size_t n)
{
	struct store_row row = {.values = values, .n_values = n};
	store_sort_key(str_of(user), row.sort_key);
	return row;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct store_row *)a)->sort_key,
		      ((const struct store_row *)b)->sort_key, 16);
}

void sort_rows(struct store_row *rows, size_t n)
{
	qsort(rows, n, sizeof *rows, by_key);
}

struct str big_value(struct fixture *f, size_t n)
{
	char *p = arena_alloc(f->arena, n);
	assert_non_null(p);
	memset(p, 'v', n);
	return (struct str){p, n};
}

void await(_Atomic unsigned *value, unsigned want)
{
	for (int i = 0; i < 20000 && *value < want; i++)
		usleep(1000);
	assert_int_equal(*value, want);
}
