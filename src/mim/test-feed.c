/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "mim/feed.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LATER INT64_C(1000000)

/* One request and its answer. */
struct asked {
	struct request q;
	bool answered;
	json_t *body;
};

static void sent(struct request *q)
{
	struct asked *a = q->transport;
	json_error_t why;
	assert_int_equal(q->status, 200);
	a->body = json_loadb(q->out.p, q->out.n, 0, &why);
	assert_non_null(a->body);
	buf_free(&q->out);
	a->answered = true;
}

static void ask(struct feed *f, struct asked *a, const char *since)
{
	*a = (struct asked){.q = {.send = sent, .transport = a}};
	buf_init(&a->q.out, REQUEST_REPLY_MAX);
	feed_ask(f, &a->q, str_of(since), LATER);
}

static const char *cursor_of(const struct asked *a)
{
	assert_true(a->answered);
	return json_string_value(json_object_get(a->body, "cursor"));
}

static bool is_reset(const struct asked *a)
{
	assert_true(a->answered);
	return json_is_true(json_object_get(a->body, "reset"));
}

/* "campaign spring", or "" when there is none at that place. */
static const char *entry(const struct asked *a, size_t i)
{
	static char text[128];
	const char *key;
	json_t *value;
	assert_true(a->answered);
	text[0] = '\0';
	json_t *e = json_array_get(json_object_get(a->body, "entries"), i);
	json_object_foreach(e, key, value)
		snprintf(text, sizeof text, "%s %s", key, json_string_value(value));
	return text;
}

/* The cursor of a first question; the caller's until the next one. */
static const char *first(struct feed *f, char out[FEED_CURSOR_MAX])
{
	struct asked a;
	ask(f, &a, NULL);
	assert_true(is_reset(&a));
	assert_string_equal(entry(&a, 0), "");
	snprintf(out, FEED_CURSOR_MAX, "%s", cursor_of(&a));
	json_decref(a.body);
	return out;
}

static struct feed *made(void)
{
	struct feed *f = feed_new(NULL);
	assert_non_null(f);
	return f;
}

static void who_waits_hears_of_it_at_once(void **state)
{
	struct feed *f = made();
	char cursor[FEED_CURSOR_MAX];
	struct asked one, other;
	(void)state;
	first(f, cursor);
	ask(f, &one, cursor);
	ask(f, &other, cursor);
	assert_false(one.answered);
	assert_int_equal(feed_waiters(f), 2);
	feed_campaign(f, STR("spring"));
	assert_int_equal(feed_waiters(f), 0);
	assert_false(is_reset(&one));
	assert_string_equal(entry(&one, 0), "campaign spring");
	assert_string_equal(entry(&one, 1), "");
	assert_string_equal(entry(&other, 0), "campaign spring");
	/* behind it there is nothing */
	struct asked next;
	ask(f, &next, cursor_of(&one));
	assert_false(next.answered);
	feed_user(f, STR("ada@example.org"));
	assert_string_equal(entry(&next, 0), "user ada@example.org");
	json_decref(one.body);
	json_decref(other.body);
	json_decref(next.body);
	feed_free(f);
}

static void what_came_meanwhile_is_told_at_once(void **state)
{
	struct feed *f = made();
	char cursor[FEED_CURSOR_MAX];
	struct asked a;
	(void)state;
	first(f, cursor);
	feed_campaign(f, STR("spring"));
	feed_user(f, STR("ada"));
	ask(f, &a, cursor);
	assert_string_equal(entry(&a, 0), "campaign spring");
	assert_string_equal(entry(&a, 1), "user ada");
	assert_string_equal(entry(&a, 2), "");
	json_decref(a.body);
	feed_free(f);
}

static void time_ends_a_wait(void **state)
{
	struct feed *f = made();
	char cursor[FEED_CURSOR_MAX];
	struct asked a;
	(void)state;
	first(f, cursor);
	ask(f, &a, cursor);
	feed_tick(f, LATER - 1);
	assert_false(a.answered);
	feed_tick(f, LATER);
	assert_false(is_reset(&a));
	assert_string_equal(entry(&a, 0), "");
	assert_string_equal(cursor_of(&a), cursor);
	json_decref(a.body);
	feed_free(f);
}

static void an_old_cursor_is_reset(void **state)
{
	struct feed *f = made(), *other = made();
	char cursor[FEED_CURSOR_MAX], strange[FEED_CURSOR_MAX];
	struct asked a;
	(void)state;
	first(f, cursor);
	first(other, strange);
	const char *bad[] = {"", "-", "x", strange, "0-0", "0000000000000000-0"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ask(f, &a, bad[i]);
		assert_true(is_reset(&a));
		json_decref(a.body);
	}
	/* one of the future is none of ours either */
	snprintf(strange, sizeof strange, "%.16s-1", cursor);
	ask(f, &a, strange);
	assert_true(is_reset(&a));
	json_decref(a.body);
	for (size_t i = 0; i < FEED_KEPT; i++)
		feed_campaign(f, STR("c"));
	ask(f, &a, cursor);
	assert_false(is_reset(&a));
	assert_int_equal(json_array_size(json_object_get(a.body, "entries")),
			 FEED_KEPT);
	json_decref(a.body);
	feed_campaign(f, STR("c"));
	ask(f, &a, cursor);
	assert_true(is_reset(&a));
	json_decref(a.body);
	feed_free(f);
	feed_free(other);
}

static void what_cannot_be_named_resets_all(void **state)
{
	struct feed *f = made();
	char cursor[FEED_CURSOR_MAX];
	struct asked waits, late, next;
	(void)state;
	first(f, cursor);
	ask(f, &waits, cursor);
	feed_all(f);
	assert_true(is_reset(&waits));
	ask(f, &late, cursor);
	assert_true(is_reset(&late));
	/* and goes on from there */
	ask(f, &next, cursor_of(&late));
	assert_false(next.answered);
	feed_campaign(f, STR("spring"));
	assert_string_equal(entry(&next, 0), "campaign spring");
	json_decref(waits.body);
	json_decref(late.body);
	json_decref(next.body);
	feed_free(f);
}

static void the_end_answers_all(void **state)
{
	struct feed *f = made();
	char cursor[FEED_CURSOR_MAX];
	struct asked a, late;
	(void)state;
	first(f, cursor);
	ask(f, &a, cursor);
	feed_end(f);
	assert_true(a.answered);
	ask(f, &late, cursor);
	assert_true(late.answered);
	assert_false(is_reset(&late));
	json_decref(a.body);
	json_decref(late.body);
	feed_free(f);
}

static void too_many_are_answered_at_once(void **state)
{
	struct feed *f = made();
	char cursor[FEED_CURSOR_MAX];
	struct asked *all = calloc(FEED_WAITERS_MAX + 1, sizeof *all);
	(void)state;
	assert_non_null(all);
	first(f, cursor);
	for (size_t i = 0; i <= FEED_WAITERS_MAX; i++)
		ask(f, &all[i], cursor);
	assert_int_equal(feed_waiters(f), FEED_WAITERS_MAX);
	assert_true(all[FEED_WAITERS_MAX].answered);
	feed_end(f);
	for (size_t i = 0; i <= FEED_WAITERS_MAX; i++)
		json_decref(all[i].body);
	free(all);
	feed_free(f);
}

static void one_tenant_does_not_take_all_room(void **state)
{
	struct feed_room room = {.most = 4};
	struct feed *f = feed_new(&room), *other = feed_new(&room),
		    *third = feed_new(&room);
	struct feed *feeds[] = {f, other, third};
	char cursor[3][FEED_CURSOR_MAX];
	struct asked all[3][3];
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		first(feeds[i], cursor[i]);
		for (size_t k = 0; k < 3; k++)
			ask(feeds[i], &all[i][k], cursor[i]);
	}
	assert_int_equal(feed_waiters(f), 2);
	assert_true(all[0][2].answered);
	assert_int_equal(feed_waiters(other), 2);
	assert_int_equal(feed_waiters(third), 0); /* there are four */
	assert_int_equal(room.waiting, 4);
	feed_campaign(f, STR("spring"));
	assert_int_equal(room.waiting, 2);
	for (size_t i = 0; i < 3; i++) {
		feed_end(feeds[i]);
		for (size_t k = 0; k < 3; k++)
			json_decref(all[i][k].body);
		feed_free(feeds[i]);
	}
	assert_int_equal(room.waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_hears_of_it_at_once),
		cmocka_unit_test(what_came_meanwhile_is_told_at_once),
		cmocka_unit_test(time_ends_a_wait),
		cmocka_unit_test(an_old_cursor_is_reset),
		cmocka_unit_test(what_cannot_be_named_resets_all),
		cmocka_unit_test(the_end_answers_all),
		cmocka_unit_test(too_many_are_answered_at_once),
		cmocka_unit_test(one_tenant_does_not_take_all_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
