/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/statistics-print.h"

struct sum {
	uint64_t count, unique;
};

static void add_up(struct sum sums[STATISTICS_COUNT],
		   const struct store_statistic *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sums[rows[i].statistic].count += rows[i].count;
		sums[rows[i].statistic].unique += rows[i].unique;
	}
}

static void put_values(struct json_writer *w, const struct sum *sums, bool zeroes)
{
	json_put_object(w);
	for (enum statistic s = 0; s < STATISTICS_COUNT; s++) {
		if (!statistic_is_shown(s) || (sums[s].count == 0 && !zeroes))
			continue;
		json_put_key(w, str_of(statistic_name(s)));
		json_put_object(w);
		json_kv_u64(w, "count", sums[s].count);
		json_kv_u64(w, "unique", sums[s].unique);
		json_put_object_end(w);
	}
	json_put_object_end(w);
}

void statistics_put_totals(struct json_writer *w, const struct store_statistic *rows,
			   size_t n)
{
	struct sum sums[STATISTICS_COUNT] = {{0, 0}};
	add_up(sums, rows, n);
	put_values(w, sums, true);
}

void statistics_put_copies(struct json_writer *w, const struct store_statistic *rows,
			   size_t n)
{
	struct sum sums[STATISTICS_COUNT] = {{0, 0}};
	add_up(sums, rows, n);
#define N(name) sums[STATISTIC_##name].count
	/* the sums are of one moment, but events of one message may come in any order
	 */
	uint64_t out = N(INJECTED) + N(REINJECTED);
	uint64_t in_place = N(READ) > N(ENDED_READ) ? N(READ) - N(ENDED_READ) : 0;
	uint64_t kept = in_place + N(MOVED);
	uint64_t gone = N(EXPUNGED_READ) + N(EXPUNGED_UNREAD) + N(EXPIRED) +
			N(GONE_PENDING) + N(REPLACED);
	uint64_t known = N(RECALLED) + kept + gone;
#undef N
	json_put_object(w);
	json_kv_u64(w, "out", out);
	json_kv_u64(w, "takenBack", sums[STATISTIC_RECALLED].count);
	json_kv_u64(w, "kept", kept);
	json_kv_u64(w, "gone", gone);
	json_kv_u64(w, "stillOut", out > known ? out - known : 0);
	json_put_object_end(w);
}

static bool anything(const struct sum *sums)
{
	for (enum statistic s = 0; s < STATISTICS_COUNT; s++)
		if (statistic_is_shown(s) && sums[s].count > 0)
			return true;
	return false;
}

void statistics_put_series(struct json_writer *w, const struct store_statistic *rows,
			   size_t n, int64_t width_ms)
{
	size_t first = 0;
	json_put_array(w);
	while (first < n) {
		struct sum sums[STATISTICS_COUNT] = {{0, 0}};
		int64_t at = rows[first].hour_ms - rows[first].hour_ms % width_ms;
		size_t end = first;
		while (end < n && rows[end].hour_ms < at + width_ms)
			end++;
		add_up(sums, rows + first, end - first);
		first = end;
		if (!anything(sums))
			continue;
		json_put_object(w);
		json_kv_time(w, "at", at);
		json_put_key(w, STR("values"));
		put_values(w, sums, false);
		json_put_object_end(w);
	}
	json_put_array_end(w);
}
