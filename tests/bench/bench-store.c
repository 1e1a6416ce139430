/* SPDX-License-Identifier: Apache-2.0 */
/* What the LMDB store costs: reads, group commits, loads.
 *
 *   bench-store DIRECTORY [USERS]
 *
 * DIRECTORY is made and must be empty; it is left there. */
#include "store/store.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Calls under way at most, as an importer or a busy server has them. */
#define WINDOW 16
#define COMMITS 20000
#define READS 1000000

struct window {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned under_way, failed;
};
static struct window window = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0,
			       0};

static void window_done(void *ctx, const struct error *err)
{
	struct window *w = ctx;
	pthread_mutex_lock(&w->lock);
	w->under_way--;
	if (err != NULL && w->failed++ == 0)
		fprintf(stderr, "%s\n", err->message);
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* Until fewer than `most` are under way; counts one more if enter. */
static void window_wait(unsigned most, bool enter)
{
	pthread_mutex_lock(&window.lock);
	while (window.under_way >= most)
		pthread_cond_wait(&window.changed, &window.lock);
	window.under_way += enter;
	pthread_mutex_unlock(&window.lock);
}

static void line(const char *what, double n, int64_t us, const char *unit)
{
	printf("%-44s %12.0f %s  %8.3f us\n", what, n * 1e6 / (double)us, unit,
	       (double)us / n);
	fflush(stdout);
}

struct user {
	uint8_t sort_key[16];
	char name[48], id[24];
	struct str values[3];
};

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct user *)a)->sort_key,
		      ((const struct user *)b)->sort_key, 16);
}

static struct user *make_users(size_t n)
{
	struct user *u = calloc(n, sizeof *u);
	if (u == NULL)
		exit(1);
	for (size_t i = 0; i < n; i++) {
		snprintf(u[i].name, sizeof u[i].name, "user%07zu@mail.example", i);
		snprintf(u[i].id, sizeof u[i].id, "%zu", i);
		u[i].values[0] = STR("Annette");
		u[i].values[1] = STR("Berg");
		u[i].values[2] = STR("A-1047");
		store_sort_key(str_of(u[i].name), u[i].sort_key);
	}
	qsort(u, n, sizeof *u, by_key);
	return u;
}

static uint64_t used(struct store *s)
{
	struct store_usage usage;
	store_usage(s, &usage);
	return usage.bytes_used;
}

static void load_profiles(struct store *s, struct store_db *db, struct user *u,
			  size_t n)
{
	static struct user_profile p[WINDOW][STORE_PROFILES_MAX];
	static struct error errors[WINDOW][STORE_PROFILES_MAX];
	static const struct consent consent = {STR_INIT("newsletter"), true,
					       1767225600000, STR_INIT("web"),
					       STR_INIT("v1")};
	uint64_t before = used(s);
	int64_t begin = clock_mono_us();
	size_t slot = 0;
	for (size_t at = 0; at < n; at += STORE_PROFILES_MAX, slot++) {
		size_t m = n - at < STORE_PROFILES_MAX ? n - at : STORE_PROFILES_MAX;
		/* one writer ends calls in order, so the oldest slot is free */
		window_wait(WINDOW, true);
		struct user_profile *q = p[slot % WINDOW];
		for (size_t i = 0; i < m; i++)
			q[i] = (struct user_profile){.user = str_of(u[at + i].name),
						     .user_id = str_of(u[at + i].id),
						     .consents = &consent,
						     .n_consents = 1};
		store_profiles_write(db, q, m, errors[slot % WINDOW], window_done,
				     &window);
	}
	window_wait(1, false);
	line("profiles into an empty store", (double)n, clock_mono_us() - begin,
	     "users/s");
	printf("%-44s %12.1f bytes\n", "  a user with id and consent",
	       (double)(used(s) - before) / (double)n);
}

static void load_rows(struct store *s, struct store_db *db, struct user *u, size_t n,
		      uint64_t load, const char *what)
{
	static struct store_row rows[WINDOW][STORE_ROWS_MAX];
	struct store_document progress = {.id = STR("bench"), .body = STR("{}")};
	uint64_t before = used(s);
	int64_t begin = clock_mono_us();
	size_t slot = 0;
	for (size_t at = 0; at < n; at += STORE_ROWS_MAX, slot++) {
		size_t m = n - at < STORE_ROWS_MAX ? n - at : STORE_ROWS_MAX;
		window_wait(WINDOW, true);
		struct store_row *r = rows[slot % WINDOW];
		for (size_t i = 0; i < m; i++) {
			memcpy(r[i].sort_key, u[at + i].sort_key, 16);
			r[i].values = u[at + i].values;
			r[i].n_values = 3;
		}
		store_rows_write(db, load, r, m, STORE_IMPORT, &progress, window_done,
				 &window);
	}
	window_wait(1, false);
	line(what, (double)n, clock_mono_us() - begin, "rows/s ");
	printf("%-44s %12.1f bytes\n", "  a row with 18 bytes of variables",
	       (double)(used(s) - before) / (double)n);
}

static void read_done(void *ctx, const struct error *err)
{
	*(unsigned *)ctx += err != NULL;
}

static void read_users(struct store_db *db, const struct user *u, size_t n, bool miss,
		       const uint64_t *loads, size_t n_loads, const char *what)
{
	struct arena *arena = arena_new(1 << 20);
	unsigned failed = 0;
	uint64_t found = 0;
	char name[64];
	int64_t begin = clock_mono_us();
	for (size_t i = 0; i < READS; i++) {
		struct user_record r;
		struct str key = str_of(u[i * 7919 % n].name);
		if (miss) {
			memcpy(name, key.p, key.n);
			name[key.n] = 'x';
			key = (struct str){name, key.n + 1};
		}
		arena_reset(arena);
		store_user_read(db, key, loads, n_loads, arena, &r, read_done, &failed);
		found += r.n_rows;
	}
	line(what, READS, clock_mono_us() - begin, "reads/s");
	if (failed > 0 || (miss && found > 0))
		exit(1);
	arena_free(arena);
}

static void commit_users(struct store_db *db, const struct user *u, size_t n,
			 unsigned most, unsigned commits, const char *what)
{
	struct assignment *a = calloc(commits, sizeof *a);
	struct store_user_change *c = calloc(commits, sizeof *c);
	if (a == NULL || c == NULL)
		exit(1);
	int64_t begin = clock_mono_us();
	for (unsigned i = 0; i < commits; i++) {
		const struct user *who = &u[(size_t)i * 7919 % n];
		memcpy(a[i].instance.b, who->sort_key, 16);
		a[i].instance.b[0] = (uint8_t)most;
		a[i].campaign = STR("spring");
		a[i].variant = STR("a");
		a[i].assigned_ms = 1767225600000;
		c[i] = (struct store_user_change){.assignments = &a[i],
						  .n_assignments = 1};
		window_wait(most, true);
		store_user_commit(db, str_of(who->name), STORE_ANY, &c[i], NULL,
				  window_done, &window);
	}
	window_wait(1, false);
	line(what, commits, clock_mono_us() - begin, "/s     ");
	free(a);
	free(c);
}

static int by_time(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
	return a < b ? -1 : a > b;
}

/* One decision after the other, as long as `stop` is not set or so many. */
static void commit_latency(struct store_db *db, const struct user *u, size_t n,
			   const _Atomic bool *stop, const char *what)
{
	enum { MOST = 1000 };
	static int64_t us[MOST];
	struct store_wait *wait = store_wait_new();
	struct store_user_change nothing = {0};
	size_t count = 0;
	while (count < MOST && !*stop) {
		int64_t begin = clock_mono_us();
		store_user_commit(db, str_of(u[count * 7919 % n].name), STORE_ANY,
				  &nothing, NULL, store_wait_done, wait);
		if (!store_wait(wait, NULL))
			exit(1);
		us[count++] = clock_mono_us() - begin;
	}
	store_wait_free(wait);
	if (count == 0)
		return;
	qsort(us, count, sizeof *us, by_time);
	printf("%-44s %12" PRId64 " us median %8" PRId64 " us p99 (%zu)\n", what,
	       us[count / 2], us[count * 99 / 100], count);
}

struct import {
	struct store *s;
	struct store_db *db;
	struct user *u;
	size_t n;
	_Atomic bool is_over;
};

static void *import_main(void *arg)
{
	struct import *i = arg;
	load_rows(i->s, i->db, i->u, i->n, 20, "rows meanwhile");
	i->is_over = true;
	return NULL;
}

static void commits_during_an_import(struct store *s, struct store_db *db,
				     struct user *u, size_t n)
{
	struct import import = {s, db, u, n, false};
	pthread_t thread;
	commit_latency(db, u, n, &import.is_over, "a durable commit, idle");
	if (pthread_create(&thread, NULL, import_main, &import) != 0)
		exit(1);
	commit_latency(db, u, n, &import.is_over, "a durable commit during an import");
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	struct store_options o = {.backend = "lmdb",
				  .directory = argc > 1 ? argv[1] : NULL};
	struct store *s;
	struct store_db *empty, *db;
	struct error err;
	uint64_t n = 1000000;
	const uint64_t one_load = 5;
	if (argc > 2 && !str_to_u64(str_of(argv[2]), 100000000, &n))
		return 2;
	if (!crypto_init() || !store_open(&o, &s, &err) ||
	    !store_db_create(s, STR("empty"), STR("bench"), &empty, &err) ||
	    !store_db_create(s, STR("full"), STR("bench"), &db, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	struct user *u = make_users(n);
	load_rows(s, empty, u, n, 1, "rows into an empty store");
	load_profiles(s, db, u, n);
	load_rows(s, db, u, n, 5, "rows into the store of all users");
	for (uint64_t load = 1; load < 4; load++)
		load_rows(s, db, u, n, load * 3, "  and again");
	read_users(db, u, n, true, NULL, SIZE_MAX, "read of an unknown user");
	read_users(db, u, n, false, NULL, 0, "read of a profile among 4 rows");
	read_users(db, u, n, false, &one_load, 1, "read of a profile and 1 of 4 rows");
	read_users(db, u, n, false, NULL, SIZE_MAX, "read of a profile and 4 rows");
	commit_users(db, u, n, 1, 200, "durable commits, 1 at a time");
	commit_users(db, u, n, 64, COMMITS, "durable commits, 64 at a time");
	commits_during_an_import(s, db, u, n);
	store_close(s);
	free(u);
	return window.failed == 0 ? 0 : 1;
}
