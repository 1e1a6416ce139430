/* SPDX-License-Identifier: Apache-2.0 */
/* Events counted once, users counted once, sums by hour.
 *
 * An event's row says what it was counted as and in which hour. A user's row per
 * campaign and statistic says how many events of theirs are counted in which hours;
 * its first hour is where the user counts as unique. So sums and uniques come out
 * the same whatever is repeated, moved, or in whatever order events come. */
#include "store/ordered/ordered-internal.h"

static uint32_t hour_of(int64_t ms)
{
	return (uint32_t)(ms / CLOCK_HOUR);
}

/* Adds to the sums of an hour; a row of zeros is dropped. */
static bool add_sums(struct tables *t, struct str campaign, enum statistic statistic,
		     uint32_t hour, int64_t count, int64_t unique, struct error *err)
{
	struct key k = key_statistic(campaign, hour, statistic);
	struct codec_sums sums = {0};
	struct str value;
	if (!tables_get(t, TABLE_STATISTICS, key_str(&k), &value, err))
		return false;
	if (value.p != NULL && !codec_sums_decode(value, &sums, err))
		return false;
	if ((count < 0 && sums.count < (uint64_t)-count) ||
	    (unique < 0 && sums.unique < (uint64_t)-unique))
		return error_set(err, ERROR_CORRUPT, "",
				 "the sums of a campaign are less than its events");
	sums.count += (uint64_t)count;
	sums.unique += (uint64_t)unique;
	if (sums.count == 0 && sums.unique == 0)
		return value.p == NULL ||
		       tables_del(t, TABLE_STATISTICS, key_str(&k), err);
	codec_sums_encode(tables_start_value(t), &sums);
	return tables_take_value(t, &value, err) &&
	       tables_put(t, TABLE_STATISTICS, key_str(&k), value, err);
}

static void hours_add(struct codec_hours *h, uint32_t hour)
{
	size_t i = 0;
	while (i < h->n && h->items[i].hour < hour)
		i++;
	if (i < h->n && h->items[i].hour == hour) {
		h->items[i].n++;
		return;
	}
	memmove(h->items + i + 1, h->items + i, (h->n - i) * sizeof *h->items);
	h->items[i] = (struct codec_hour){hour, 1};
	h->n++;
}

static void hours_take(struct codec_hours *h, uint32_t hour)
{
	size_t i = 0;
	while (i < h->n && h->items[i].hour != hour)
		i++;
	if (i == h->n || --h->items[i].n > 0)
		return;
	h->n--;
	memmove(h->items + i, h->items + i + 1, (h->n - i) * sizeof *h->items);
}

/* One event more (add) or less of this user. */
static bool count_change(struct tables *t, const struct user_hash *user,
			 struct str campaign, enum statistic statistic, uint32_t hour,
			 bool more, struct error *err)
{
	struct key k = key_counted(user, campaign, statistic);
	struct codec_hours h = {0};
	struct str value;
	if (!tables_get(t, TABLE_USERS, key_str(&k), &value, err) ||
	    !codec_hours_decode(value, t->scratch, &h, err))
		return false;
	bool was = h.n > 0;
	uint32_t first = was ? h.items[0].hour : 0;
	/* after an erase the user's row is gone and its uniques stay counted */
	if (more)
		hours_add(&h, hour);
	else
		hours_take(&h, hour);
	bool is = h.n > 0;
	if (is) {
		codec_hours_encode(tables_start_value(t), &h);
		if (!tables_take_value(t, &value, err) ||
		    !tables_put(t, TABLE_USERS, key_str(&k), value, err))
			return false;
	} else if (was && !tables_del(t, TABLE_USERS, key_str(&k), err)) {
		return false;
	}
	if (was && (!is || h.items[0].hour != first) &&
	    !add_sums(t, campaign, statistic, first, 0, -1, err))
		return false;
	if (is && (!was || h.items[0].hour != first) &&
	    !add_sums(t, campaign, statistic, h.items[0].hour, 0, 1, err))
		return false;
	return add_sums(t, campaign, statistic, hour, more ? 1 : -1, 0, err);
}

bool count_event(struct tables *t, const struct user_hash *user,
		 const struct store_event *e, struct error *err)
{
	struct key k = key_event(hour_of(e->assigned_ms), e->event_id);
	struct codec_event now = {e->statistic, hour_of(e->at_ms)}, old;
	struct str value;
	if (!tables_get(t, TABLE_EVENTS, key_str(&k), &value, err))
		return false;
	if (value.p != NULL) {
		if (!codec_event_decode(value, &old, err))
			return false;
		if (old.statistic == now.statistic)
			return true;
		now.hour = old.hour;
		if (!count_change(t, user, e->campaign, old.statistic, old.hour, false,
				  err))
			return false;
	}
	if (!count_change(t, user, e->campaign, now.statistic, now.hour, true, err))
		return false;
	codec_event_encode(tables_start_value(t), &now);
	return tables_take_value(t, &value, err) &&
	       tables_put(t, TABLE_EVENTS, key_str(&k), value, err);
}

/* Hours [from, to) of a range of times whose ends are anything. */
static uint32_t first_hour_at_or_after(int64_t ms)
{
	if (ms <= 0)
		return 0;
	int64_t hours = ms / CLOCK_HOUR + (ms % CLOCK_HOUR != 0);
	return hours < UINT32_MAX ? (uint32_t)hours : UINT32_MAX;
}

bool ordered_statistics_read(struct tables *t, const struct store_op *op,
			     struct error *err)
{
	struct str campaign = op->statistics_read.campaign;
	uint32_t from = first_hour_at_or_after(op->statistics_read.from_ms);
	uint32_t to = first_hour_at_or_after(op->statistics_read.to_ms);
	struct key low = key_statistic(campaign, from, (enum statistic)0);
	struct key end = key_statistic(campaign, to, (enum statistic)0);
	struct store_statistic *rows = NULL;
	size_t n = 0, at = campaign.n + 1;
	struct entry e;
	struct codec_sums sums;
	if (!tables_seek(t, TABLE_STATISTICS, key_str(&low), &e, err))
		return false;
	while (e.key.p != NULL && str_cmp(e.key, key_str(&end)) < 0) {
		if (!codec_sums_decode(e.value, &sums, err))
			return false;
		struct store_statistic *more =
			one_more(op->arena, rows, n, sizeof *rows);
		if (more == NULL)
			return no_memory(err);
		rows = more;
		rows[n++] = (struct store_statistic){
			.hour_ms = key_u32(e.key, at) * CLOCK_HOUR,
			.statistic = (enum statistic)(uint8_t)e.key.p[at + 4],
			.count = sums.count,
			.unique = sums.unique};
		if (!tables_next(t, TABLE_STATISTICS, &e, err))
			return false;
	}
	*op->statistics_read.out = rows;
	*op->statistics_read.n = n;
	return true;
}
