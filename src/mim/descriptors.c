/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/descriptors.h"

#include <sys/resource.h>

/* For the store, imports, the log, calls of conversion points (up to 128) and what
 * libraries open. */
#define OTHERS 256
/* A server takes so many more, to refuse them or for those that are closing: an eighth
 * (net/http-room.c), and a few for each thread. */
#define EIGHTHS 10
#define LEAST 16

static uint64_t needed(unsigned listeners, unsigned connections)
{
	return OTHERS + (uint64_t)listeners * connections * EIGHTHS / 8;
}

unsigned descriptors_share(uint64_t limit, unsigned listeners, unsigned want)
{
	if (limit >= needed(listeners, want))
		return want;
	uint64_t share =
		limit > OTHERS ? (limit - OTHERS) * 8 / EIGHTHS / listeners : 0;
	return share > LEAST ? (unsigned)share : LEAST;
}

unsigned descriptors_raise(const struct settings *s, struct log *log)
{
	unsigned want = (unsigned)settings_int(s, "inlay.http.max-connections");
	unsigned listeners = settings_str(s, "inlay.public.address").p != NULL ? 2 : 1;
	uint64_t need = needed(listeners, want);
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return want;
	if (r.rlim_cur < need) {
		r.rlim_cur = r.rlim_max < need ? r.rlim_max : need;
		setrlimit(RLIMIT_NOFILE, &r);
		getrlimit(RLIMIT_NOFILE, &r);
	}
	unsigned have = descriptors_share(r.rlim_cur, listeners, want);
	if (have < want)
		log_warn(log, "http",
			 "fewer connections than inlay.http.max-connections: the limit "
			 "of open files is too low  connections=%u limit=%llu "
			 "needed=%llu",
			 have, (unsigned long long)r.rlim_cur,
			 (unsigned long long)need);
	return have;
}
