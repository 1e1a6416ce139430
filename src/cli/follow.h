/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at an import until it ends: a line that renews itself on a terminal, a line
 * for each phase elsewhere, then the result. */
#ifndef INLAY_CLI_FOLLOW_H
#define INLAY_CLI_FOLLOW_H

#include "cli/progress.h"
#include "cli/session.h"

/* False if it failed (errors say why), or cannot be looked at. A middleware that is
 * restarted meanwhile is waited for. */
bool follow_import(struct session *s, struct str id, struct error_list *errors);

/* What an import's document says, for progress.h. Text lives as long as the JSON. */
struct progress_sample follow_sample(const json_t *import);

#endif
