/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at an import until it ends: a line that renews itself on a terminal, a line
 * for each phase elsewhere, then the result. */
#ifndef INLAY_CLI_FOLLOW_H
#define INLAY_CLI_FOLLOW_H

#include "cli/progress.h"
#include "cli/session.h"

/* How long a middleware that does not answer is waited for: one that has just taken
 * the import may be starting again; of one that was never seen nobody knows. */
#define FOLLOW_PATIENCE_US (INT64_C(60) * 1000000)
#define FOLLOW_NO_PATIENCE INT64_C(0)

/* False if it failed (errors say why), or cannot be looked at. patience_us: before the
 * first answer; once there was one, a restart is waited for. */
bool follow_import(struct session *s, struct str id, int64_t patience_us,
		   struct error_list *errors);

/* What an import's document says, for progress.h. Text lives as long as the JSON. */
struct progress_sample follow_sample(const json_t *import);

#endif
