/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/throttle.h"

bool throttle_allows(struct throttle *t, int64_t now_us, size_t *left_out)
{
	int64_t second = now_us / 1000000;
	*left_out = 0;
	if (second != t->second) {
		t->second = second;
		t->written = 0;
	}
	if (t->written == THROTTLE_PER_SECOND) {
		t->left_out++;
		return false;
	}
	t->written++;
	*left_out = t->left_out;
	t->left_out = 0;
	return true;
}
