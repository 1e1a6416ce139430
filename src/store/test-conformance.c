/* SPDX-License-Identifier: Apache-2.0 */
/* Every promise of store.h, kept by every backend. With an argument: the name of
 * the kind to run, else all. */
#include "store/conformance.h"

static const struct kind kinds[] = {
	{"memory", "memory", 0, false, false},
	{"memory-delayed", "memory", 3, false, false},
	{"faulty-memory", "memory", 0, true, false},
	{"lmdb", "lmdb", 0, false, true},
};

static const struct subject *const subjects[] = {
#define X(name) &subject_##name,
	CONFORMANCE_SUBJECTS(X)
#undef X
};

#define MAX_TESTS 128

static int run(const struct kind *kind)
{
	struct CMUnitTest all[MAX_TESTS];
	size_t n = 0;
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
		for (size_t j = 0; j < subjects[i]->n && n < MAX_TESTS; j++) {
			all[n] = subjects[i]->tests[j];
			all[n++].initial_state = (void *)(uintptr_t)kind;
		}
	/* the macro wants an array of the right length */
	return _cmocka_run_group_tests(kind->name, all, n, NULL, NULL);
}

int main(int argc, char **argv)
{
	int failed = 0;
	bool found = false;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (argc < 2 || strcmp(argv[1], kinds[i].name) == 0) {
			found = true;
			failed += run(&kinds[i]);
		}
	if (!found)
		fprintf(stderr, "no such kind of store\n");
	return found && failed == 0 ? 0 : 1;
}
