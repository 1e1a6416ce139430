/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/document.h"

#include <errno.h>
#include <stdio.h>

#define PIECE 65536

static bool read_all(FILE *f, const char *path, struct buf *text, struct error *err)
{
	for (;;) {
		char *room = buf_reserve(text, PIECE);
		if (room == NULL)
			return text->state == BUF_NOMEM
				       ? error_set(err, ERROR_MEMORY, "",
						   "out of memory")
				       : error_set(err, ERROR_TOO_LARGE, "",
						   "%s is larger than %u MiB", path,
						   DOCUMENT_MAX_BYTES >> 20);
		size_t n = fread(room, 1, PIECE, f);
		buf_commit(text, n);
		if (ferror(f))
			return error_set_errno(err, "", errno, "cannot read %s", path);
		if (n < PIECE && feof(f))
			return true;
	}
}

bool document_read(const char *path, struct buf *text, json_t **value,
		   struct error *err)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	FILE *f = standard ? stdin : fopen(path, "re");
	json_error_t e;
	/* the last piece is asked for whole */
	buf_init(text, DOCUMENT_MAX_BYTES + PIECE);
	if (f == NULL)
		return errno == ENOENT ? error_set(err, ERROR_NOT_FOUND, "",
						   "there is no file %s", path)
				       : error_set_errno(err, "", errno,
							 "cannot open %s", path);
	bool ok = read_all(f, name, text, err);
	if (!standard)
		fclose(f);
	if (!ok)
		return false;
	struct str body = buf_str(text);
	json_t *v = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &e);
	if (v == NULL)
		return error_set(err, ERROR_SYNTAX, "", "%s is not JSON: line %d: %s",
				 name, e.line, e.text);
	if (value != NULL)
		*value = v;
	else
		json_decref(v);
	return true;
}
