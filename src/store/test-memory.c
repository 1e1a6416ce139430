/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered map of the memory backend, against a plain array; and that what fails
 * half-way is taken back. */
#include "base/unit.h"
#include "store/memory/memory-internal.h"

#include <stdio.h>

enum { KEYS = 200 };

struct model {
	unsigned value[KEYS]; /* 0: absent */
};

static struct str key_of(unsigned k, char *out, size_t size)
{
	int n = snprintf(out, size, "%03u", k);
	return (struct str){out, (size_t)n};
}

static void check(struct memory_tables *m, const struct model *model)
{
	struct entry e;
	char name[16];
	assert_true(tables_seek(&m->t, TABLE_USERS, STR("\0"), &e, NULL));
	for (unsigned k = 0; k < KEYS; k++) {
		struct str value, key = key_of(k, name, sizeof name);
		assert_true(tables_get(&m->t, TABLE_USERS, key, &value, NULL));
		assert_true((value.p != NULL) == (model->value[k] != 0));
		if (value.p == NULL)
			continue;
		assert_true(str_eq(e.key, key) && str_eq(e.value, value));
		assert_int_equal((unsigned char)value.p[0], model->value[k]);
		assert_true(tables_next(&m->t, TABLE_USERS, &e, NULL));
	}
	assert_null(e.key.p);
}

static void write_at_random(struct memory_tables *m, struct model *model,
			    unsigned *random)
{
	char name[16], value;
	for (unsigned i = 0; i < 20; i++) {
		*random = *random * 1103515245 + 12345;
		unsigned k = (*random >> 16) % KEYS;
		struct str key = key_of(k, name, sizeof name);
		if ((*random >> 28) % 3 == 0) {
			assert_true(tables_del(&m->t, TABLE_USERS, key, NULL));
			model->value[k] = 0;
		} else {
			value = (char)(1 + i);
			assert_true(tables_put(&m->t, TABLE_USERS, key,
					       (struct str){&value, 1}, NULL));
			model->value[k] = 1 + i;
		}
	}
}

static void tables_are_as_an_array_would_be(void **state)
{
	static struct memory_tables m;
	struct model model = {{0}};
	unsigned random = 7;
	(void)state;
	assert_true(memory_tables_init(&m));
	for (unsigned round = 0; round < 200; round++) {
		write_at_random(&m, &model, &random);
		memory_tables_end(&m, true);
		check(&m, &model);
	}
	memory_tables_free(&m);
}

static void what_is_not_kept_was_never_there(void **state)
{
	static struct memory_tables m;
	struct model model = {{0}}, thrown;
	unsigned random = 3;
	(void)state;
	assert_true(memory_tables_init(&m));
	for (unsigned round = 0; round < 200; round++) {
		size_t bytes = m.lists[TABLE_USERS].bytes;
		thrown = model;
		write_at_random(&m, &thrown, &random);
		check(&m, &thrown);
		memory_tables_end(&m, false);
		check(&m, &model);
		assert_int_equal(m.lists[TABLE_USERS].bytes, bytes);
		write_at_random(&m, &model, &random);
		memory_tables_end(&m, true);
	}
	memory_tables_free(&m);
}

static void the_last_and_the_first_at_or_behind_a_key_are_found(void **state)
{
	static struct memory_tables m;
	struct entry e;
	(void)state;
	assert_true(memory_tables_init(&m));
	assert_true(tables_last(&m.t, TABLE_DUE, &e, NULL));
	assert_null(e.key.p);
	assert_true(tables_put(&m.t, TABLE_DUE, STR("b"), STR("1"), NULL));
	assert_true(tables_put(&m.t, TABLE_DUE, STR("ba"), STR("2"), NULL));
	assert_true(tables_put(&m.t, TABLE_DUE, STR("\xff"), STR(""), NULL));
	memory_tables_end(&m, true);
	assert_true(tables_last(&m.t, TABLE_DUE, &e, NULL));
	assert_str(e.key, "\xff");
	assert_true(tables_seek(&m.t, TABLE_DUE, STR("a"), &e, NULL));
	assert_str(e.value, "1");
	assert_true(tables_seek(&m.t, TABLE_DUE, STR("b\0"), &e, NULL));
	assert_str(e.value, "2");
	assert_true(tables_seek(&m.t, TABLE_DUE, STR("\xff\x00"), &e, NULL));
	assert_null(e.key.p);
	memory_tables_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_as_an_array_would_be),
		cmocka_unit_test(what_is_not_kept_was_never_there),
		cmocka_unit_test(the_last_and_the_first_at_or_behind_a_key_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
