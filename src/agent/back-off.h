/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait after failures: longer each time, up to half a minute. */
#ifndef INLAY_AGENT_BACK_OFF_H
#define INLAY_AGENT_BACK_OFF_H

#include <stdint.h>

/* Seconds after the n-th failure in a row (from 1). Pure. */
double back_off_delay(unsigned failures);
/* The same, drawn, so that not all agents come at once; never less than `least`
 * seconds, as Retry-After says it. */
double back_off(unsigned failures, uint32_t least);

#endif
