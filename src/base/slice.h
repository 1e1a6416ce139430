/* SPDX-License-Identifier: Apache-2.0 */
/* How long a thread's turn on a processor is when others wait for one. Linux from 6.12
 * on lets a thread that wakes go at once before one whose turns are longer; else it
 * waits, if all processors are taken, for the end of that turn, or for the next tick of
 * the clock. It is no priority: nobody gets more time by it. Elsewhere, and where it is
 * refused, nothing changes. */
#ifndef INLAY_BASE_SLICE_H
#define INLAY_BASE_SLICE_H

#include <stdbool.h>
#include <stdint.h>

#define SLICE_DEFAULT_US 0 /* the kernel's */
#define SLICE_SHORT_US 100 /* the shortest that there is */

/* Of the calling thread and those that it starts from then on; false: it has what it
 * had. */
bool slice_set(int64_t us);
/* Of the calling thread; 0: it has none, or the kernel knows none. */
int64_t slice_us(void);

#endif
