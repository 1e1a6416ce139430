/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's manifest, bundle.json (contracts.md §5): the campaign and the list of
 * the files that go with it. JSON in, validated with all errors at once, and out.
 * Pure; the files themselves are looked at by model/bundle-check.h.
 *
 * The place of an error names the file, and behind "#" the JSON pointer or behind
 * ":" the line in it: "bundle.json#/campaign/id", "recipients.csv.gz:12". */
#ifndef INLAY_MODEL_BUNDLE_H
#define INLAY_MODEL_BUNDLE_H

#include "model/campaign-json.h"

#define BUNDLE_SCHEMA "inlay.bundle/1"
#define BUNDLE_MANIFEST "bundle.json"
#define BUNDLE_MANIFEST_MAX (512 * 1024)
#define BUNDLE_FILES_MAX 1000
#define BUNDLE_RECIPIENTS "recipients.csv"
#define BUNDLE_FILE_NAME_MAX 128
#define BUNDLE_FILE_BYTES_MAX (INT64_C(64) << 30)
/* Recipients: columns besides `user`, bytes of a value and of all in a row. */
#define BUNDLE_COLUMNS_MAX 100
#define BUNDLE_VALUE_MAX (16 * 1024)
#define BUNDLE_ROW_MAX (32 * 1024)

enum bundle_file_kind {
	BUNDLE_FILE_TEMPLATE,   /* templates/{name}.json */
	BUNDLE_FILE_RECIPIENTS, /* recipients.csv[.gz|.zst] */
};

struct bundle_file {
	struct str name; /* as in the manifest, relative to the prefix */
	enum bundle_file_kind kind;
	uint8_t sha256[CRYPTO_SHA256_LEN]; /* of the file as it lies there */
	uint64_t bytes;                    /* likewise: compressed */
	bool has_rows;
	uint64_t rows; /* without the header row */
};

struct bundle {
	struct campaign campaign;
	struct bundle_file *files;
	size_t n_files;
	uint8_t sha256[CRYPTO_SHA256_LEN]; /* of bundle.json */
};

/* Text goes to the arena. False when errors were added. The campaign's templates and
 * the recipients must be in the list of files, and nothing else. */
bool bundle_parse(struct str json, struct arena *arena, struct bundle *out,
		  struct error_list *errors);
/* As bundle_parse reads it; the campaign is given as its own JSON text. */
void bundle_put_json(struct json_writer *w, struct str campaign,
		     const struct bundle_file *files, size_t n_files);

/* NULL if the bundle has none. */
const struct bundle_file *bundle_recipients(const struct bundle *b);
const struct bundle_file *bundle_template(const struct bundle *b, struct str name);
/* What a file of this name would be; false if no bundle has such a file. */
bool bundle_file_kind(struct str name, enum bundle_file_kind *kind);
/* Puts the file's name before the place of an error in it: "/id" becomes
 * "bundle.json#/id", "line 12" becomes "bundle.json:12". */
void bundle_error_in(struct error *err, struct str file);

#endif
