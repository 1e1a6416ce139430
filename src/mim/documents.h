/* SPDX-License-Identifier: Apache-2.0 */
/* The documents that a tenant's campaigns are kept in, as JSON, each written and read
 * here only (store.h "Documents"):
 *   VERSION   campaign/0000000003  what was imported: never changes once `ready`
 *   CAMPAIGN  campaign             its state: what pause, activate, recall change
 *   LOAD      0123456789abcdef     recipient rows of one load
 *   SETTING   kill                 the tenant's kill switch
 * Writers add to a buffer and return buf_ok(). Readers copy into the arena; on failure
 * the error is CORRUPT (or MEMORY) with the JSON pointer, as nobody else writes these.
 */
#ifndef INLAY_MIM_DOCUMENTS_H
#define INLAY_MIM_DOCUMENTS_H

#include "base/buf.h"
#include "model/campaign.h"
#include "model/snapshot.h"

#define DOCUMENT_KILL_ID "kill"

struct version_document {
	/* with the hashes and variables of its templates, by variant */
	struct campaign campaign;
	struct str bundle_sha256; /* 64 hex, of bundle.json */
	struct str import;        /* id of the import that loaded it */
	uint64_t load;            /* its recipient rows; 0: none (everyone) */
	uint64_t rows, rejected;  /* of recipients.csv */
	int64_t imported_ms;
	bool ready; /* loaded whole: may be activated */
};
/* Id of the document: absent without memory. */
struct str version_document_id(struct arena *a, struct str campaign, uint32_t version);
bool version_document_write(struct buf *out, const struct version_document *d);
bool version_document_parse(struct str body, struct arena *a,
			    struct version_document *out, struct error *err);

struct campaign_document {
	struct campaign_state state;
	uint32_t newest_version; /* highest ever imported; a lower one is refused */
	/* definition to show and to recall by: the active version, or the last that
	 * was, or the newest that is staged; 0: no version is ready yet */
	uint32_t shown_version;
	/* the highest version that an import began to load, and that import's id: a
	 * lower one waits for its end; 0 and absent: none yet */
	uint32_t claimed_version;
	struct str claimed_by;
};
bool campaign_document_write(struct buf *out, const struct campaign_document *d);
bool campaign_document_parse(struct str body, struct arena *a,
			     struct campaign_document *out, struct error *err);
const char *campaign_status_name(enum campaign_status s);
const char *recall_scope_name(enum recall_scope s);

#define LOAD_STATES(X)                                                                 \
	X(LOADING, "loading")   /* rows are being written; dead if its import is */    \
	X(COMPLETE, "complete") /* all rows are there */                               \
	X(DEAD, "dead")         /* to be swept */
enum load_state {
#define X(name, text) LOAD_##name,
	LOAD_STATES(X)
#undef X
		LOAD_STATES_COUNT
};
struct load_document {
	struct str campaign;
	struct str sha256; /* 64 hex, of the recipients file as it lies in the bundle */
	struct str content; /* 64 hex: which of its rows were taken, and for whom */
	struct str import;
	const struct str *columns; /* behind `user`, in the order of row values */
	size_t n_columns;
	uint64_t rows;
	int64_t created_ms;
	enum load_state state;
};
#define LOAD_ID_LEN CRYPTO_HEX64_LEN
void load_document_id(uint64_t load, char out[LOAD_ID_LEN + 1]);
bool load_document_id_parse(struct str id, uint64_t *load);
bool load_document_write(struct buf *out, const struct load_document *d);
bool load_document_parse(struct str body, struct arena *a, struct load_document *out,
			 struct error *err);

struct kill_document {
	enum kill_switch scope;
	int64_t changed_ms;
};
bool kill_document_write(struct buf *out, const struct kill_document *d);
bool kill_document_parse(struct str body, struct arena *a, struct kill_document *out,
			 struct error *err);
const char *kill_switch_name(enum kill_switch k);

#endif
