/* SPDX-License-Identifier: Apache-2.0 */
/* Where a message of a rank belongs: what the newest messages of INBOX are dated. */
#ifndef INLAY_RANK_H
#define INLAY_RANK_H

#include "inlay-compat.h"

#define INLAY_RANK_MAX 100   /* a higher rank is refused */
#define INLAY_RANK_MARGIN 20 /* newest messages that are looked at beside the rank */

/* The date for this rank (1..INLAY_RANK_MAX) among the messages of our synchronised
 * handle, but for the one with the UID `except` (0: none). What cannot be looked at is
 * left out. */
time_t inlay_rank_date(struct mailbox *box, uint32_t rank, uint32_t except, time_t now);

#endif
