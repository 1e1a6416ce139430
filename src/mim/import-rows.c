/* SPDX-License-Identifier: Apache-2.0 */
/* First pass over the recipients: whom does each row mean, can it be rendered; those
 * that are taken go to the sort. */
#include "mim/import-internal.h"
#include "mim/settings.h"
#include "mim/sync.h"
#include "mim/user-find.h"

#include <errno.h>
#include <sys/stat.h>

#define ROW_ARENA_MAX (4u << 20)
#define PATH_SIZE 4096

struct resolving {
	struct import_job *job;
	struct arena *arena; /* of one row */
	struct buf bytes;    /* of one row, for the sort */
	bool has_erased;     /* anybody was ever erased: look at each */
	struct str user_key; /* of the row under way */
	bool has_profile;
	struct user_record record; /* read when a variable is looked up in it */
	struct error failed;       /* to read it: the next row stops */
};

static enum bundle_verdict stop(struct error *reason, const struct error *err)
{
	*reason = *err;
	return BUNDLE_ROW_STOP;
}

static enum bundle_verdict reject(struct error *reason, enum error_kind kind,
				  const char *message)
{
	error_set(reason, kind, "", "%s", message);
	return BUNDLE_ROW_REJECTED;
}

/* The user key of a user of this name. */
static bool own_key(struct resolving *r, struct str user, struct str *key,
		    struct error *err)
{
	/* also of a hashed tenant: 64 hex digits are a key but for their case */
	*key = user_key_from_name(r->arena, user, false, (struct str){NULL, 0});
	return key->p != NULL || error_set(err, ERROR_MEMORY, "", "no memory");
}

/* User name, then userId, e-mail, alias. *key is absent if nobody is meant. */
static bool resolve(struct resolving *r, struct str user, struct str own,
		    struct str *key, struct error *err)
{
	struct store_db *db = r->job->tenant->db;
	if (!sync_user_resolve(db, own, r->arena, key, err))
		return false;
	if (key->p != NULL && str_eq(*key, own))
		return true;
	/* the folded name is no user's key; what it is otherwise is not asked for */
	return str_eq(own, user) || sync_user_resolve(db, user, r->arena, key, err);
}

static enum bundle_verdict open_row(void *ctx, const struct bundle_row *row,
				    struct error *reason)
{
	struct resolving *r = ctx;
	struct import_job *j = r->job;
	const struct tenant *t = j->config->tenant;
	struct str own, found;
	struct error err = {0};
	bool erased = false;
	const struct bundle_check *c = j->check;
	arena_reset(r->arena);
	r->has_profile = false;
	if (r->failed.kind != ERROR_NONE)
		return stop(reason, &r->failed);
	if (import_stops(j) ||
	    !import_tick(j, c->rows_read, c->bytes_read, j->doc.bytes_total, &err))
		return stop(reason, &err);
	if (t->hashed_email_addresses && !user_key_is_hash(row->user))
		return reject(reason, ERROR_BAD_VALUE,
			      "user must be 64 hex digits: the tenant knows users by "
			      "their hash only");
	if (!own_key(r, row->user, &own, &err) ||
	    !resolve(r, row->user, own, &found, &err))
		return stop(reason, &err);
	if (found.p == NULL && !t->accept_unknown_users)
		return reject(reason, ERROR_NOT_FOUND, "no user is known by this name");
	r->user_key = found.p != NULL ? found : own;
	if (r->has_erased &&
	    !user_is_suppressed(j->tenant, r->user_key, r->arena, &erased, &err))
		return stop(reason, &err);
	if (erased)
		return reject(reason, ERROR_NOT_FOUND, "the user was erased");
	return BUNDLE_ROW_TAKEN;
}

static bool is_attribute(void *ctx, struct str name)
{
	const struct resolving *r = ctx;
	return schema_attribute(&r->job->schema, name) != NULL;
}

static struct str attribute(void *ctx, struct str name)
{
	struct resolving *r = ctx;
	if (!r->has_profile && !sync_user_read(r->job->tenant->db, r->user_key, NULL, 0,
					       r->arena, &r->record, &r->failed))
		r->record = (struct user_record){.known = false};
	r->has_profile = true;
	const struct attribute *a = user_attribute(&r->record.profile, name);
	return r->record.known && a != NULL ? a->value : (struct str){NULL, 0};
}

static enum bundle_verdict take_row(void *ctx, const struct bundle_row *row,
				    struct error *reason)
{
	struct resolving *r = ctx;
	struct import_job *j = r->job;
	struct extsort_record record = {.number = row->line};
	uint8_t line[8];
	struct error err = {0};
	store_sort_key(r->user_key, record.key);
	for (size_t i = 0; i < sizeof line; i++)
		line[i] = (uint8_t)(row->line >> (8 * i));
	crypto_sha256_add(&j->taken,
			  (struct str){(const char *)record.key, sizeof record.key});
	crypto_sha256_add(&j->taken, (struct str){(const char *)line, sizeof line});
	buf_clear(&r->bytes);
	/* the key is kept in front of the values, for the sort's key is a hash */
	if (!import_encode(&r->bytes, &r->user_key, 1) ||
	    !import_encode(&r->bytes, row->values, row->n_values)) {
		error_set(&err, ERROR_MEMORY, "", "no memory");
		return stop(reason, &err);
	}
	record.bytes = buf_str(&r->bytes);
	return extsort_add(j->sort, &record, &err) ? BUNDLE_ROW_TAKEN
						   : stop(reason, &err);
}

static bool find_erased(struct resolving *r, struct error *err)
{
	struct store_document_list list;
	if (!sync_document_list(r->job->tenant->db, STORE_SUPPRESS, STR(""), STR(""), 1,
				false, r->arena, &list, err))
		return false;
	r->has_erased = list.n > 0;
	return true;
}

static bool read_all(struct import_job *j, struct resolving *r, struct error *err)
{
	uint8_t sha256[CRYPTO_SHA256_LEN];
	const struct bundle_source source = {j, import_read_file};
	const struct bundle_rows_sink sink = {r, is_attribute, open_row, attribute,
					      take_row};
	if (!find_erased(r, err))
		return false;
	crypto_sha256_start(&j->taken);
	if (!bundle_check_rows(j->check, &source, &sink))
		return false;
	if (r->failed.kind != ERROR_NONE) {
		*err = r->failed;
		return false;
	}
	crypto_sha256_end(&j->taken, sha256);
	crypto_hex(j->content, sha256, sizeof sha256);
	return true;
}

bool import_open_sort(struct import_job *j, struct error *err)
{
	char directory[PATH_SIZE];
	const struct settings *s = j->mim->settings;
	if (!mim_settings_path(s, "inlay.import.temp-directory", directory,
			       sizeof directory))
		return error_set(err, ERROR_INTERNAL, "", "a path is too long");
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return error_set_errno(err, "", errno, "cannot make %s", directory);
	j->sort = extsort_new(directory, (size_t)settings_int(s, "inlay.import.memory"),
			      err);
	return j->sort != NULL;
}

bool import_read_rows(struct import_job *j)
{
	struct error err = {0};
	struct resolving r = {.job = j, .arena = arena_new(ROW_ARENA_MAX)};
	buf_init(&r.bytes, EXTSORT_RECORD_MAX);
	bool ok = r.arena != NULL || error_set(&err, ERROR_MEMORY, "", "no memory");
	ok = ok && import_open_sort(j, &err) && read_all(j, &r, &err);
	if (err.kind != ERROR_NONE)
		import_fail(j, &err);
	buf_free(&r.bytes);
	arena_free(r.arena);
	return ok;
}
