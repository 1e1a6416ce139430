/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: a listener that runs out of them leaves its clients hanging, so it has no
 * more connections than there are descriptors for. */
#ifndef INLAY_MIM_DESCRIPTORS_H
#define INLAY_MIM_DESCRIPTORS_H

#include "base/log.h"
#include "base/properties.h"

#include <stdint.h>

/* How many connections, at most `want`, each of the listeners may have when the process
 * may have `limit` descriptors; at least 16. */
unsigned descriptors_share(uint64_t limit, unsigned listeners, unsigned want);
/* Raises the soft limit to what the settings ask for, as far as the hard one allows.
 * The connections of each listener; says so in the log when they are fewer than
 * inlay.http.max-connections. */
unsigned descriptors_raise(const struct settings *s, struct log *log);

#endif
