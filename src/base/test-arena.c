/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/unit.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	struct arena *a = arena_new(1 << 20);
	unsigned char *pieces[200];
	for (size_t i = 0; i < 200; i++) {
		pieces[i] = arena_alloc(a, i);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(pieces[i][k], 0);
		memset(pieces[i], (int)i, i);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_equal(pieces[i][k], i);
	arena_free(a);
}

static void the_maximum_holds_and_sticks(void **state)
{
	(void)state;
	struct arena *a = arena_new(1000);
	assert_non_null(arena_alloc(a, 900));
	assert_null(arena_alloc(a, 200));
	assert_true(arena_failed(a));
	assert_null(arena_array(a, SIZE_MAX / 2, 3));
	arena_reset(a);
	assert_false(arena_failed(a));
	assert_non_null(arena_alloc(a, 900));
	arena_free(a);
}

static void text_is_copied_with_a_nul(void **state)
{
	(void)state;
	struct arena *a = arena_new(10000);
	char from[] = "abc";
	struct str s = arena_str(a, (struct str){from, 3});
	from[0] = 'x';
	assert_str(s, "abc");
	assert_int_equal(s.p[3], 0);
	assert_null(arena_str(a, (struct str){NULL, 0}).p);
	assert_non_null(arena_str(a, STR("")).p);
	assert_str(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(the_maximum_holds_and_sticks),
		cmocka_unit_test(text_is_copied_with_a_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
