/* SPDX-License-Identifier: Apache-2.0 */
/* Events go from the outbox to the tenants' conversion points (contracts: conversion
 * points). One thread for all points: one libcurl multi handle, and writes of the store
 * that it does not wait for; it does for reads. A row leaves the store only after an
 * answer of 2xx, or when it is given up; all that is remembered of attempts lies in the
 * store, so that an end at any moment loses nothing and a start does not hammer. */
#ifndef INLAY_MIM_DELIVER_H
#define INLAY_MIM_DELIVER_H

#include "mim/mim.h"

struct deliver;

struct deliver *deliver_start(struct mim *mim, struct error *err);
/* Drops calls under way: their rows stay and are sent again. NULL is fine. */
void deliver_stop(struct deliver *d);

/* As of the last look at the store, at most a second ago; d NULL: all zero. */
struct deliver_counts {
	uint64_t waiting, dead;   /* rows, of all tenants */
	uint64_t points, failing; /* that have failed for inlay.points.warn-after */
};
void deliver_counts(struct deliver *d, struct deliver_counts *out);

#endif
