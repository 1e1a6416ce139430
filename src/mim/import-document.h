/* SPDX-License-Identifier: Apache-2.0 */
/* The document of an import (collection IMPORT): what was asked for, how far it is,
 * what went wrong. The API shows it as docs/openapi.yaml says; stored, it also holds
 * what a new attempt after a crash needs. */
#ifndef INLAY_MIM_IMPORT_DOCUMENT_H
#define INLAY_MIM_IMPORT_DOCUMENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* They follow each other in this order; DONE or FAILED is the end. */
#define IMPORT_PHASES(X)                                                               \
	X(WAITING, "waiting")                                                          \
	X(READING, "reading") /* and checking */                                       \
	X(SORTING, "sorting")                                                          \
	X(LOADING, "loading")                                                          \
	X(ACTIVATING, "activating")                                                    \
	X(DONE, "done")                                                                \
	X(FAILED, "failed")
enum import_phase {
#define X(name, text) IMPORT_##name,
	IMPORT_PHASES(X)
#undef X
		IMPORT_PHASES_COUNT
};
const char *import_phase_name(enum import_phase p);

enum import_kind {
	IMPORT_CAMPAIGN,
	IMPORT_USERS,
};

#define IMPORT_ERRORS_MAX 100
#define IMPORT_DOCUMENT_MAX (256 * 1024)

struct import_document {
	struct str id;
	enum import_kind kind;
	enum import_phase phase;
	struct str prefix;      /* below the data source's own, without a final "/" */
	struct str data_source; /* id */
	bool activate;
	struct str campaign; /* absent until bundle.json is read */
	uint32_t version;
	bool unchanged;
	int64_t created_ms, finished_ms;
	uint64_t rows_read, rows_accepted, rows_rejected, rows_loaded;
	uint64_t rows_total; /* with has_total */
	bool has_total;
	uint64_t bytes_read, bytes_total; /* 0: not known */
	uint64_t rows_per_second;         /* of the phase; 0: not known */
	int64_t time_left_ms;             /* 0: not known */
	/* stored only */
	bool service; /* the token had the right "service" */
	struct str by;
	uint32_t attempts;
};

/* Places of row errors are "recipients.csv:12"; of problems JSON pointers in
 * bundle.json ("/campaign/id"), or "templates/a.json#/html". NULL: none. */
bool import_document_write(struct buf *out, const struct import_document *d,
			   const struct error_list *row_errors,
			   const struct error_list *problem);
/* What was asked for and the phase; figures stay as of before. CORRUPT on failure. */
bool import_document_parse(struct str body, struct arena *a,
			   struct import_document *out, struct error *err);
/* The part of a stored document that the API shows. */
bool import_document_shown(struct str body, struct str *shown, struct arena *a,
			   struct error *err);

#endif
