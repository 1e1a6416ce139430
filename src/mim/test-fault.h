/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: all that can fail, and its n-th time. */
#ifndef INLAY_MIM_TEST_FAULT_H
#define INLAY_MIM_TEST_FAULT_H

#include "base/unit-disk.h"
#include "base/unit-folder.h"
#include "base/unit-malloc.h"
#include "base/unit.h"
#include "store/store.h"

#include <stdio.h>

/* X(NAME, how store_faulty_arm or unit_disk_fail is told, text) */
#define FAULTS(X)                                                                      \
	X(ALLOCATION, 0, "allocation")                                                 \
	X(CALL, 'c', "call of the store")                                              \
	X(WRITE_BEFORE, 'b', "write of the store, not done")                           \
	X(WRITE_AFTER, 'a', "write of the store, done")                                \
	X(DISK_NAME, UNIT_DISK_NAME, "file made")                                      \
	X(DISK_WRITE, UNIT_DISK_WRITE, "write to a file")                              \
	X(DISK_SYNC, UNIT_DISK_SYNC, "sync of a file")                                 \
	X(DISK_FULL, UNIT_DISK_FULL, "write to a full disk")
enum fault_kind {
#define X(name, how, text) FAULT_##name,
	FAULTS(X)
#undef X
		FAULT_KINDS
};

/* The n-th of its kind; the store is a faulty one, around one on files where those
 * fail. */
struct fault {
	enum fault_kind kind;
	long nth;
};

static inline const char *fault_text(const struct fault *f)
{
	static const char *const texts[] = {
#define X(name, how, text) text,
		FAULTS(X)
#undef X
	};
	static char line[64];
	snprintf(line, sizeof line, "%s %ld", texts[f->kind], f->nth);
	return line;
}

static inline bool fault_is_of_files(enum fault_kind kind)
{
	return kind >= FAULT_DISK_NAME;
}

static inline void fault_arm(const struct fault *f, struct store *store)
{
	static const int how[] = {
#define X(name, how, text) how,
		FAULTS(X)
#undef X
	};
	if (fault_is_of_files(f->kind))
		unit_disk_fail((enum unit_disk_fault)how[f->kind], f->nth);
	else if (f->kind == FAULT_ALLOCATION)
		unit_malloc_fail(f->nth);
	else
		store_faulty_arm(store, (uint64_t)f->nth, (char)how[f->kind]);
}

/* Nothing fails any more. True if it has come. */
static inline bool fault_disarm(const struct fault *f, struct store *store)
{
	if (fault_is_of_files(f->kind))
		return !unit_disk_stop();
	if (f->kind == FAULT_ALLOCATION)
		return !unit_malloc_stop();
	return store_faulty_arm(store, 0, 'b') >= (uint64_t)f->nth;
}

/* The store that a faulty one is put around: in memory, or in a folder. */
static inline struct store_options fault_options(enum fault_kind kind,
						 const char *folder)
{
	return fault_is_of_files(kind)
		       ? (struct store_options){.backend = "lmdb",
						.directory = folder,
						.map_size = UINT64_C(16) << 20}
		       : (struct store_options){.backend = "memory"};
}

#endif
