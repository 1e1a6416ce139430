/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of a campaign as JSON: totals, and points of a series. Pure. */
#ifndef INLAY_MIM_STATISTICS_PRINT_H
#define INLAY_MIM_STATISTICS_PRINT_H

#include "base/json.h"
#include "store/store.h"

/* {"injected":{"count":2,"unique":2},...} of all statistics that are shown. */
void statistics_put_totals(struct json_writer *w, const struct store_statistic *rows,
			   size_t n);
/* {"out":..,"takenBack":..,"kept":..,"gone":..,"stillOut":..}: what has become of the
 * copies that were ever put in. kept: read and there, or moved elsewhere by the user;
 * gone: the user's doing, or expired; stillOut: unread and there. */
void statistics_put_copies(struct json_writer *w, const struct store_statistic *rows,
			   size_t n);
/* [{"at":...,"values":{...}},...]: points of width_ms, each from a multiple of it,
 * those in which something was counted. Rows come by hour. */
void statistics_put_series(struct json_writer *w, const struct store_statistic *rows,
			   size_t n, int64_t width_ms);

#endif
