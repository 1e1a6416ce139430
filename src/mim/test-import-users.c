/* SPDX-License-Identifier: Apache-2.0 */
/* Imports of users while everything fails in turn: each user is as before or as the
 * file says, nobody is rejected for what is not the row's, whose no was stored is told
 * to the agents, and the next import makes everything good. */
#include "base/json-tree.h"
#include "mim/test-place.h"
#include "mim/user-find.h"

#include <stdlib.h>

#define FIRST INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */
#define LATER "2020-02-01T00:00:00Z"

static const char file[] = "user,userId,email,alias,attr.points,consent.news,optOut\n"
			   "u0,c0,u0@e.org,b0,5,revoked:" LATER ",\n"
			   "u1,,,,7,," LATER "\n"
			   "u2,c2,,a2,," LATER ",\n"
			   "u3,taken,,,,,\n" /* another user's */
			   "u4,,,,many,,\n"
			   "u5,c5,,,,,\n"  /* erased */
			   "u6,c6,,,,,\n"  /* and between reading and writing */
			   "u2,c9,,,,,\n"; /* has a row */
#define ROWS_READ 8
#define ROWS_LOADED 3

/* As describe() has it. */
static const struct {
	const char *name, *before, *after;
	bool says_no;
} users[] = {
	{"u0", " a0 points=1 +2020-01-01T00:00:00Z",
	 "c0 u0@e.org a0 b0 points=5 +2020-01-01T00:00:00Z -" LATER, true},
	{"u1", " +2020-01-01T00:00:00Z", " points=7 +2020-01-01T00:00:00Z !" LATER,
	 true},
	{"u2", "nobody", "c2 a2 +" LATER, false},
	{"u3", "nobody", "nobody", false},
	{"u4", "nobody", "nobody", false},
	{"u5", "nobody", "nobody", false},
};
#define USERS (sizeof users / sizeof *users)

/* Erasing ------------------------------------------------------------------------*/

/* As the API does it. */
static bool erase(struct tenant_runtime *t, const char *user)
{
	struct error err;
	uint8_t suppress[CRYPTO_SHA256_LEN];
	id_suppress(&t->key, str_of(user), suppress);
	pthread_mutex_lock(&t->change);
	t->erasures++;
	bool ok = erasure_note(t, &err) &&
		  sync_user_erase(t->db, str_of(user), suppress, WORLD_NOW, &err);
	pthread_mutex_unlock(&t->change);
	return ok;
}

/* Between reading and writing somebody is erased: here. */
bool __real_import_count_twins(struct import_job *j, struct str name);
bool __wrap_import_count_twins(struct import_job *j, struct str name);

bool __wrap_import_count_twins(struct import_job *j, struct str name)
{
	/* the fault may come here */
	if (!erase(j->tenant, "u6"))
		erase(j->tenant, "u6");
	return __real_import_count_twins(j, name);
}

/* Looking ------------------------------------------------------------------------*/

static void add_time(struct buf *out, char sign, int64_t at_ms, struct str source)
{
	assert_true(source.n > 0);
	buf_printf(out, " %c", sign);
	clock_format_rfc3339(out, at_ms);
}

static struct str describe(struct place *p, const char *user)
{
	struct user_record r = world_user(p->w, user);
	const struct user_profile *u = &r.profile;
	struct buf out;
	if (!user_record_exists(&r))
		return STR("nobody");
	buf_init(&out, 1000);
	buf_printf(&out, "%.*s", STR_ARG(u->user_id));
	if (u->email.n > 0)
		buf_printf(&out, " %.*s", STR_ARG(u->email));
	for (size_t i = 0; i < u->n_aliases; i++)
		buf_printf(&out, " %.*s", STR_ARG(u->aliases[i]));
	for (size_t i = 0; i < u->n_attributes; i++)
		buf_printf(&out, " %.*s=%.*s", STR_ARG(u->attributes[i].name),
			   STR_ARG(u->attributes[i].value));
	for (size_t i = 0; i < u->n_consents; i++)
		add_time(&out, u->consents[i].granted ? '+' : '-', u->consents[i].at_ms,
			 u->consents[i].source);
	for (size_t i = 0; i < u->n_opt_outs; i++)
		add_time(&out, '!', u->opt_outs[i].at_ms, u->opt_outs[i].source);
	struct str text = arena_str(p->w->arena, buf_str(&out));
	buf_free(&out);
	return text;
}

/* Everybody is as before or as after; the latter if it is over. */
static void check_users(struct place *p, const struct fault *f, bool is_over,
			bool is_told)
{
	for (size_t i = 0; i < USERS; i++) {
		struct str now = describe(p, users[i].name);
		bool is_after = str_eqz(now, users[i].after);
		if (!is_after && (is_over || !str_eqz(now, users[i].before)))
			fail_msg("%s: %s is \"%.*s\"", fault_text(f), users[i].name,
				 STR_ARG(now));
		if (is_after && users[i].says_no && !is_told)
			fail_msg("%s: the no of %s was not told", fault_text(f),
				 users[i].name);
	}
	struct str erased = describe(p, "u6");
	if (is_over && !str_eqz(erased, "nobody"))
		fail_msg("%s: u6 is \"%.*s\"", fault_text(f), STR_ARG(erased));
}

static void check_figures(struct place *p, struct str id, const struct fault *f)
{
	json_t *v = import_shown(p, id), *rows = json_object_get(v, "rows");
	json_int_t rejected = json_integer_value(json_object_get(rows, "rejected"));
	json_int_t loaded = json_integer_value(json_object_get(rows, "loaded"));
	if (rejected != ROWS_READ - ROWS_LOADED || loaded != ROWS_LOADED)
		fail_msg("%s: %d rows rejected, %d loaded", fault_text(f),
			 (int)rejected, (int)loaded);
	json_decref(v);
}

/* -----------------------------------------------------------------------------------*/

static void know(struct place *p, const struct user_profile *u)
{
	const struct store_user_change change = {.profile = u};
	struct error err;
	assert_true(
		sync_user_commit(p->w->db, u->user, STORE_ANY, &change, NULL, &err));
}

static struct place *with_users(enum fault_kind kind)
{
	struct place *p = place_new_for(kind);
	const struct attribute_schema points = {.name = STR("points"),
						.type = ATTRIBUTE_NUMBER};
	const struct user_schema schema = {.attributes = &points, .n_attributes = 1};
	const struct consent yes = {STR("news"), true, FIRST, STR("web"), STR("")};
	const struct str alias = STR("a0");
	const struct attribute one = {STR("points"), STR("1")};
	struct error err;
	p->kind = IMPORT_USERS;
	settings_free(p->settings);
	make_settings(p, "inlay.import.max-rejected-percent=100\n");
	assert_true(schema_store_attributes(p->w->db, &schema, &err));
	know(p, &(struct user_profile){.user = STR("u0"),
				       .aliases = &alias,
				       .n_aliases = 1,
				       .attributes = &one,
				       .n_attributes = 1,
				       .consents = &yes,
				       .n_consents = 1});
	know(p, &(struct user_profile){
			.user = STR("u1"), .consents = &yes, .n_consents = 1});
	know(p, &(struct user_profile){.user = STR("keeper"), .user_id = STR("taken")});
	assert_true(erase(p->t, "u5"));
	write_file(p, "datasource/t/b/users.csv", str_of(file));
	return p;
}

/* False: the fault did not come. */
static bool fails_at(const struct fault *f)
{
	bool came;
	struct str id;
	size_t descriptors = unit_descriptors();
	struct place *p = with_users(f->kind);
	struct str news = news_of(p);
	char before[200]; /* the arena may go meanwhile */
	snprintf(before, sizeof before, "%.*s", STR_ARG(news));
	enum import_phase end = load_with(p, f, &came, &id);
	check_users(p, f, end == IMPORT_DONE, !str_eqz(news_of(p), before));
	if (end == IMPORT_DONE)
		check_figures(p, id, f);
	else if (!came)
		fail_msg("behind %s: it ends as %d", fault_text(f), (int)end);
	if (end == IMPORT_FAILED)
		check_blame(p, id, f);
	restart(p);
	if (load(p) != IMPORT_DONE)
		fail_msg("%s: it cannot be made good", fault_text(f));
	check_users(p, f, true, true);
	place_free(p);
	assert_int_equal(unit_descriptors(), descriptors);
	return came;
}

static void torture(enum fault_kind kind, long least)
{
	struct fault f = {.kind = kind, .nth = 1};
	while (fails_at(&f))
		f.nth++;
	assert_true(f.nth > least);
}

static void without_memory_a_user_is_as_before_or_after(void **state)
{
	(void)state;
	torture(FAULT_ALLOCATION, 100);
}

static void with_a_failing_store_a_user_is_as_before_or_after(void **state)
{
	(void)state;
	torture(FAULT_CALL, 10);
	torture(FAULT_WRITE_BEFORE, 5);
	torture(FAULT_WRITE_AFTER, 5);
}

static void on_a_failing_disk_a_user_is_as_before_or_after(void **state)
{
	(void)state;
	torture(FAULT_DISK_NAME, 0);
	torture(FAULT_DISK_WRITE, 5);
	torture(FAULT_DISK_SYNC, 5);
	torture(FAULT_DISK_FULL, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_a_user_is_as_before_or_after),
		cmocka_unit_test(with_a_failing_store_a_user_is_as_before_or_after),
		cmocka_unit_test(on_a_failing_disk_a_user_is_as_before_or_after),
	};
	json_set_alloc_funcs(__wrap_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
