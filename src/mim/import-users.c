/* SPDX-License-Identifier: Apache-2.0 */
/* The course of an import of users: the file is read and checked whole, sorted by
 * user, then merged into what is known of each. Taken up again after a crash it comes
 * to the same end: what is known already is not added twice. */
#include "mim/import-users-internal.h"
#include "mim/settings.h"
#include "mim/sync.h"
#include "mim/user-find.h"
#include "model/csv-table.h"
#include "model/unpack.h"

#include <inttypes.h>
#include <stdio.h>

#define ROW_ARENA_MAX (4u << 20)
#define NAME_MAX_BYTES 255

static const char *const file_names[] = {"users.csv", "users.csv.gz", "users.csv.zst"};

struct users_reading {
	struct import_job *job;
	struct users_import *users;
	struct csv_table *table;
	struct unpack *unpack;
	struct arena *arena; /* of one row */
	struct buf bytes;
	bool has_erased;
};

void import_reject_line(struct import_job *j, const struct users_import *u,
			uint64_t line, const struct error *reason)
{
	char where[sizeof reason->where];
	snprintf(where, sizeof where, "%.*s:%" PRIu64, STR_ARG(u->file), line);
	j->doc.rows_rejected++;
	error_list_add(&j->row_errors, reason->kind, where, "%s", reason->message);
}

/* Reading ------------------------------------------------------------------------*/

static bool header(void *ctx, const struct str *names, size_t n, struct error *err)
{
	struct users_reading *r = ctx;
	struct import_job *j = r->job;
	const struct users_csv_rules rules = {
		.schema = &j->schema,
		.hashed = j->config->tenant->hashed_email_addresses,
		.latest_ms = j->doc.created_ms,
		.source = j->doc.id,
	};
	struct error_list errors;
	struct str *copy = arena_array(j->arena, n, sizeof *copy);
	if (copy == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	for (size_t i = 1; i < n; i++)
		copy[i - 1] = arena_str(j->arena, names[i]);
	if (arena_failed(j->arena))
		return error_set(err, ERROR_MEMORY, "", "no memory");
	error_list_init(&errors, IMPORT_ERRORS_MAX);
	bool ok = users_csv_columns(copy, n - 1, &rules, j->arena, &r->users->csv,
				    &errors);
	for (size_t i = 0; i < errors.n; i++) {
		bundle_error_in(&errors.items[i], r->users->file);
		import_fail(j, &errors.items[i]);
	}
	error_list_free(&errors);
	/* the list says it all: *err stays empty */
	return ok;
}

/* The user key of a row, or why there is none. */
static bool key_of(struct users_reading *r, struct str user, struct str *key,
		   struct error *err)
{
	bool hashed = r->job->config->tenant->hashed_email_addresses;
	if (hashed && !user_key_is_hash(user))
		return error_set(
			err, ERROR_BAD_VALUE, "",
			"user must be 64 hex digits: the tenant knows users by "
			"their hash only");
	for (size_t i = 0; i < user.n; i++)
		if ((unsigned char)user.p[i] <= ' ' || user.p[i] == 0x7f)
			return error_set(err, ERROR_BAD_VALUE, "",
					 "user must hold no blanks");
	if (user.n == 0 || user.n > NAME_MAX_BYTES)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "user must have 1 to %d bytes", NAME_MAX_BYTES);
	*key = user_key_from_name(r->arena, user, false, (struct str){NULL, 0});
	return key->p != NULL || error_set(err, ERROR_MEMORY, "", "no memory");
}

static bool check_row(struct users_reading *r, const struct str *fields,
		      struct str *key, struct error *err)
{
	struct user_change change;
	bool erased = false;
	if (!key_of(r, fields[0], key, err) ||
	    !users_csv_row(&r->users->csv, fields + 1, r->arena, &change, err))
		return false;
	if (r->has_erased &&
	    !user_is_suppressed(r->job->tenant, *key, r->arena, &erased, err))
		return false;
	return !erased || error_set(err, ERROR_NOT_FOUND, "", "the user was erased");
}

/* The key is kept in front of the values, for the sort's key is a hash. */
static bool keep_row(struct users_reading *r, struct str key, const struct str *fields,
		     uint64_t line, struct error *err)
{
	struct extsort_record record = {.number = line};
	store_sort_key(key, record.key);
	buf_clear(&r->bytes);
	if (!import_encode(&r->bytes, &key, 1) ||
	    !import_encode(&r->bytes, fields + 1, r->users->csv.n_columns))
		return error_set(err, ERROR_MEMORY, "", "no memory");
	record.bytes = buf_str(&r->bytes);
	return extsort_add(r->job->sort, &record, err);
}

/* A fault of the row, not of ours. */
static bool is_the_row_s(const struct error *err)
{
	return err->kind == ERROR_BAD_VALUE || err->kind == ERROR_NOT_FOUND;
}

static bool row(void *ctx, const struct str *fields, uint64_t line, struct error *err)
{
	struct users_reading *r = ctx;
	struct import_job *j = r->job;
	struct str key;
	arena_reset(r->arena);
	if (import_stops(j))
		return error_set(err, ERROR_UNAVAILABLE, "", "the middleware stops");
	j->doc.rows_read++;
	if (!import_tick(j, j->doc.rows_read, 0, 0, err))
		return false;
	if (check_row(r, fields, &key, err)) {
		j->doc.rows_accepted++;
		return keep_row(r, key, fields, line, err);
	}
	if (!is_the_row_s(err))
		return false;
	import_reject_line(j, r->users, line, err);
	error_clear(err);
	return true;
}

static bool bad_row(void *ctx, uint64_t line, size_t fields, size_t columns,
		    struct error *err)
{
	struct users_reading *r = ctx;
	struct error reason;
	(void)err;
	r->job->doc.rows_read++;
	error_set(&reason, ERROR_SYNTAX, "", "has %zu fields, the header has %zu",
		  fields, columns);
	import_reject_line(r->job, r->users, line, &reason);
	return true;
}

static bool take_unpacked(void *ctx, struct str bytes, struct error *err)
{
	struct users_reading *r = ctx;
	return csv_table_feed(r->table, bytes, err);
}

static bool take_packed(void *ctx, struct str bytes, struct error *err)
{
	struct users_reading *r = ctx;
	r->job->doc.bytes_read += bytes.n;
	return unpack_feed(r->unpack, bytes, err);
}

static bool read_file(struct users_reading *r, struct error *err)
{
	const struct csv_limits limits = {.max_fields = USERS_CSV_COLUMNS_MAX,
					  .max_field = BUNDLE_VALUE_MAX,
					  .max_record = BUNDLE_ROW_MAX};
	const struct csv_table_handler handler = {r, header, row, bad_row};
	struct str file = r->users->file;
	r->table = csv_table_new(STR("user"), &limits, &handler);
	r->unpack = unpack_new(unpack_kind_of(file), BUNDLE_FILE_BYTES_MAX,
			       take_unpacked, r);
	bool ok = r->table != NULL && r->unpack != NULL;
	if (!ok)
		error_set(err, ERROR_MEMORY, "", "no memory");
	ok = ok && import_read_file(r->job, file, take_packed, r, err) &&
	     unpack_end(r->unpack, err) && csv_table_end(r->table, err);
	unpack_free(r->unpack);
	csv_table_free(r->table);
	return ok;
}

/* Whichever of the three names is there. */
static bool read_any(struct users_reading *r, struct error *err)
{
	/* who may not list a bucket is not told what is not there */
	struct error forbidden = {.kind = ERROR_NONE};
	for (size_t i = 0; i < sizeof file_names / sizeof *file_names; i++) {
		error_clear(err);
		r->users->file = str_of(file_names[i]);
		if (read_file(r, err))
			return true;
		if (err->kind == ERROR_FORBIDDEN && forbidden.kind == ERROR_NONE)
			forbidden = *err;
		if (err->kind != ERROR_NOT_FOUND && err->kind != ERROR_FORBIDDEN)
			break;
	}
	if (forbidden.kind != ERROR_NONE) {
		*err = forbidden;
		r->users->file = str_of(file_names[0]);
	}
	if (err->kind == ERROR_NOT_FOUND) {
		r->users->file = str_of(file_names[0]);
		error_set(err, ERROR_NOT_FOUND, "",
			  "is missing, also with .gz and .zst");
	}
	bundle_error_in(err, r->users->file);
	return false;
}

static bool find_erased(struct users_reading *r, struct error *err)
{
	struct store_document_list list;
	if (!sync_document_list(r->job->tenant->db, STORE_SUPPRESS, STR(""), STR(""), 1,
				false, r->arena, &list, err))
		return false;
	r->has_erased = list.n > 0;
	return true;
}

static bool read_users(struct import_job *j, struct users_import *u)
{
	struct error err = {0};
	struct users_reading r = {
		.job = j, .users = u, .arena = arena_new(ROW_ARENA_MAX)};
	buf_init(&r.bytes, EXTSORT_RECORD_MAX);
	bool ok = r.arena != NULL || error_set(&err, ERROR_MEMORY, "", "no memory");
	ok = ok && import_open_sort(j, &err) && find_erased(&r, &err) &&
	     read_any(&r, &err);
	if (!ok && err.kind != ERROR_NONE)
		import_fail(j, &err);
	buf_free(&r.bytes);
	arena_free(r.arena);
	j->doc.has_total = true;
	j->doc.rows_total = j->doc.rows_read;
	return ok && import_check_rejected(j);
}

bool import_users(struct import_job *j)
{
	struct users_import u = {.file = str_of(file_names[0])};
	struct error err = {0};
	if (!import_enter(j, IMPORT_READING, &err))
		return import_fail(j, &err);
	if (!read_users(j, &u))
		return false;
	if (!import_enter(j, IMPORT_SORTING, &err))
		return import_fail(j, &err);
	if (!import_count_twins(j, u.file))
		return false;
	if (!import_enter(j, IMPORT_LOADING, &err))
		return import_fail(j, &err);
	return import_write_users(j, &u, &err) || import_fail(j, &err);
}
