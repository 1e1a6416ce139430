/* SPDX-License-Identifier: Apache-2.0 */
/* Is there headroom in the user's quota? An injected message counts like any other,
 * so it must not be the one that fills the mailbox. */
#ifndef INLAY_QUOTA_H
#define INLAY_QUOTA_H

#include "inlay-settings.h"

/* True when the quota plugin is not loaded, or when every limited root would, with
 * `size` bytes more, still be within the headroom. False also where the usage is
 * unknown (an error, or a count that goes on in the background). */
bool inlay_quota_allows(struct mailbox *box, const struct inlay_settings *set,
			uint64_t size);
/* Pure part: may `add` more be put to `used` of `limit`? */
bool inlay_quota_fits(uint64_t used, uint64_t limit, uint64_t add, unsigned int percent,
		      uint64_t must_be_free);

#endif
