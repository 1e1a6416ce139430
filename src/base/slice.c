/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include <sys/syscall.h>
#include <unistd.h>

/* sched_setattr(2): the C library has no function for it before glibc 2.41, and the
 * kernel's header for it does not go with <sched.h>. The first size that there was. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};
_Static_assert(sizeof(struct attributes) == 48, "SCHED_ATTR_SIZE_VER0");

/* The others have priorities instead, or a runtime that means something else. */
static bool has_slices(const struct attributes *a)
{
	enum { SCHED_OTHER_POLICY = 0, SCHED_BATCH_POLICY = 3 };
	return a->policy == SCHED_OTHER_POLICY || a->policy == SCHED_BATCH_POLICY;
}

static bool get(struct attributes *a)
{
	*a = (struct attributes){.size = sizeof *a};
	return syscall(SYS_sched_getattr, 0, a, sizeof *a, 0) == 0 && has_slices(a);
}

bool slice_set(int64_t us)
{
	struct attributes a; /* with the nice value, which stays */
	if (!get(&a))
		return false;
	a.runtime_ns = (uint64_t)us * 1000;
	return syscall(SYS_sched_setattr, 0, &a, 0) == 0;
}

int64_t slice_us(void)
{
	struct attributes a;
	return get(&a) ? (int64_t)(a.runtime_ns / 1000) : 0;
}
