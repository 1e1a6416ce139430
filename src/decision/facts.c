/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/decision-internal.h"

void fact_string(struct look *l, const char *key, struct str value)
{
	if (l->facts != NULL)
		json_kv_string(l->facts, key, value);
}

void fact_u64(struct look *l, const char *key, uint64_t value)
{
	if (l->facts != NULL)
		json_kv_u64(l->facts, key, value);
}

void fact_bool(struct look *l, const char *key, bool value)
{
	if (l->facts != NULL)
		json_kv_bool(l->facts, key, value);
}

void fact_time(struct look *l, const char *key, int64_t ms)
{
	if (l->facts != NULL)
		json_kv_time(l->facts, key, ms);
}

void fact_duration(struct look *l, const char *key, int64_t ms)
{
	if (l->facts != NULL)
		json_kv_duration(l->facts, key, ms);
}
