/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/secrets.h"

#include "mim/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "1:"
#define KEY_TEXT_LEN (2 * CRYPTO_KEY_LEN)
#define FINGERPRINT_LEN (2 * CRYPTO_SHA256_LEN)
#define FINGERPRINT_ID STR("key")
#define TENANT_KEY_ID STR("tenant-key")

/* Sealing ------------------------------------------------------------------------*/

static bool add_place(struct buf *aad, const struct secret_place *p)
{
	buf_add_str(aad, p->tenant);
	buf_add_char(aad, '|');
	buf_add_str(aad, str_of(p->list));
	buf_add_char(aad, '|');
	buf_add_str(aad, p->id);
	buf_add_char(aad, '|');
	return buf_add_str(aad, str_of(p->field));
}

bool secret_seal(const struct master_key *key, const struct secret_place *place,
		 struct str plain, struct buf *out)
{
	struct buf aad, sealed;
	buf_init(&aad, 512);
	buf_init(&sealed, plain.n + CRYPTO_SEAL_OVERHEAD);
	bool ok = add_place(&aad, place) &&
		  crypto_seal(key->key, buf_str(&aad), plain, &sealed) &&
		  buf_printf(out, FORMAT "%s:", key->id) &&
		  crypto_base64url(out, buf_str(&sealed));
	buf_free(&aad);
	buf_free(&sealed);
	return ok;
}

bool secret_open(const struct master_key *key, const struct secret_place *place,
		 struct str text, struct buf *out, struct error *err)
{
	struct buf aad, sealed;
	const size_t head = sizeof FORMAT - 1 + MASTER_KEY_ID_LEN;
	if (text.n <= head || !str_starts(text, STR(FORMAT)) || text.p[head] != ':')
		return error_set(err, ERROR_CORRUPT, "",
				 "a stored secret of %.*s is "
				 "not sealed",
				 STR_ARG(place->tenant));
	if (!str_eqz(str_slice(text, sizeof FORMAT - 1, head), key->id))
		return error_set(err, ERROR_CORRUPT, "",
				 "a stored secret of %.*s is sealed with another key "
				 "(%.*s)",
				 STR_ARG(place->tenant), MASTER_KEY_ID_LEN,
				 text.p + sizeof FORMAT - 1);
	buf_init(&aad, 512);
	buf_init(&sealed, text.n);
	bool ok = add_place(&aad, place) &&
		  crypto_unbase64url(&sealed, str_slice(text, head + 1, text.n)) &&
		  crypto_open(key->key, buf_str(&aad), buf_str(&sealed), out);
	bool has_memory = aad.state != BUF_NOMEM && sealed.state != BUF_NOMEM &&
			  out->state != BUF_NOMEM;
	buf_free(&aad);
	buf_free(&sealed);
	if (!ok)
		error_set(err, has_memory ? ERROR_CORRUPT : ERROR_MEMORY, "",
			  "a stored secret of %.*s cannot be opened%s (%s %.*s)",
			  STR_ARG(place->tenant), has_memory ? "" : ": no memory",
			  place->list, STR_ARG(place->id));
	return ok;
}

/* Files --------------------------------------------------------------------------*/

static bool write_all(int fd, struct str text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text = str_slice(text, (size_t)n, text.n);
	}
	return true;
}

static bool sync_directory_of(const char *path)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	if (n >= sizeof dir)
		return false;
	memcpy(dir, path, n);
	dir[n] = '\0';
	int fd = open(slash == NULL ? "."
		      : n == 0      ? "/"
				    : dir,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

bool secret_file_write(const char *path, struct str text, bool replace,
		       struct error *err)
{
	if (replace && unlink(path) != 0 && errno != ENOENT)
		return error_set_errno(err, path, errno, "cannot replace the file");
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set_errno(err, path, errno, "cannot make the file");
	bool ok = write_all(fd, text) && fsync(fd) == 0;
	int why = errno;
	close(fd);
	if (!ok) {
		unlink(path);
		return error_set_errno(err, path, why, "cannot write the file");
	}
	if (!sync_directory_of(path))
		return error_set_errno(err, path, errno,
				       "cannot make the file durable");
	return true;
}

enum key_file {
	KEY_FILE_OK,
	KEY_FILE_ABSENT,
	KEY_FILE_BAD,
};

static enum key_file read_key(const char *path, struct master_key *out,
			      struct error *err)
{
	char text[KEY_TEXT_LEN + 2];
	struct stat st;
	enum key_file result = KEY_FILE_BAD;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return KEY_FILE_ABSENT;
	if (fd < 0) {
		error_set_errno(err, path, errno, "cannot read the master key");
		return KEY_FILE_BAD;
	}
	ssize_t n = read(fd, text, sizeof text);
	if (n < 0 || fstat(fd, &st) != 0)
		error_set_errno(err, path, errno, "cannot read the master key");
	else if ((st.st_mode & 077) != 0)
		error_set(err, ERROR_USAGE, path,
			  "the master key must be readable by its owner only: "
			  "chmod 600 %s",
			  path);
	else if (!crypto_unhex(str_trim((struct str){text, (size_t)n}), out->key,
			       CRYPTO_KEY_LEN))
		error_set(err, ERROR_USAGE, path,
			  "this is no master key: 64 hex digits are expected");
	else
		result = KEY_FILE_OK;
	crypto_wipe(text, sizeof text);
	close(fd);
	return result;
}

static bool make_key(const char *path, struct master_key *out, struct error *err)
{
	char text[KEY_TEXT_LEN + 2];
	crypto_random(out->key, sizeof out->key);
	crypto_hex(text, out->key, sizeof out->key);
	text[KEY_TEXT_LEN] = '\n';
	bool ok = secret_file_write(path, (struct str){text, KEY_TEXT_LEN + 1}, false,
				    err);
	crypto_wipe(text, sizeof text);
	return ok;
}

/* The master key -----------------------------------------------------------------*/

static void fingerprint(const struct master_key *key, char out[FINGERPRINT_LEN + 1])
{
	uint8_t mac[CRYPTO_SHA256_LEN];
	const struct str parts[] = {STR("inlay master key fingerprint")};
	crypto_mac_parts((struct str){(const char *)key->key, sizeof key->key}, parts,
			 1, mac);
	crypto_hex(out, mac, sizeof mac);
}

static bool is_empty(struct store_db *system, enum store_collection c,
		     struct arena *arena, bool *empty, struct error *err)
{
	struct store_document_list list;
	if (!sync_document_list(system, c, STR(""), STR(""), 1, false, arena, &list,
				err))
		return false;
	*empty = *empty && list.n == 0;
	return true;
}

/* Puts the fingerprint, unless another process was first: then it must be the same. */
static bool claim(struct store_db *system, const char *path, struct str print,
		  struct arena *arena, struct error *err)
{
	struct store_document doc;
	if (sync_document_put(system, STORE_SYSTEM, FINGERPRINT_ID, print, STORE_ABSENT,
			      NULL, err))
		return true;
	if (err->kind != ERROR_CONFLICT ||
	    !sync_document_get(system, STORE_SYSTEM, FINGERPRINT_ID, arena, &doc, err))
		return false;
	if (doc.revision == 0 || !str_eq(doc.body, print))
		return error_set(err, ERROR_USAGE, path,
				 "another process made another key at the same time");
	return true;
}

static bool open_key(const char *path, struct store_db *system, struct master_key *out,
		     struct arena *arena, struct error *err)
{
	struct store_document doc;
	char print[FINGERPRINT_LEN + 3]; /* as a JSON string: in quotes */
	bool empty = true;

	if (!sync_document_get(system, STORE_SYSTEM, FINGERPRINT_ID, arena, &doc, err))
		return false;
	bool claimed = doc.revision != 0;
	enum key_file file = read_key(path, out, err);
	if (file == KEY_FILE_BAD)
		return false;
	if (!claimed && (!is_empty(system, STORE_TENANT, arena, &empty, err) ||
			 !is_empty(system, STORE_TOKEN, arena, &empty, err)))
		return false;
	if (file == KEY_FILE_ABSENT && (claimed || !empty))
		return error_set(
			err, ERROR_USAGE, path,
			"the store's secrets are sealed with a master key that "
			"is not here: copy the file from the machine or backup "
			"that has it to %s",
			path);
	if (file == KEY_FILE_ABSENT && !make_key(path, out, err))
		return false;
	print[0] = '"';
	fingerprint(out, print + 1);
	memcpy(out->id, print + 1, MASTER_KEY_ID_LEN);
	out->id[MASTER_KEY_ID_LEN] = '\0';
	memcpy(print + 1 + FINGERPRINT_LEN, "\"", 2);
	if (!claimed)
		return claim(system, path, str_of(print), arena, err);
	if (!str_eqz(doc.body, print))
		return error_set(err, ERROR_USAGE, path,
				 "this is not the master key of this store: copy the "
				 "file whose key has the fingerprint %.*s... to %s",
				 MASTER_KEY_ID_LEN,
				 doc.body.n > 1 ? doc.body.p + 1 : "", path);
	return true;
}

bool master_key_open(const char *path, struct store_db *system, struct master_key *out,
		     struct error *err)
{
	struct arena *arena = arena_new(1 << 16);
	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for the master key");
	bool ok = open_key(path, system, out, arena, err);
	arena_free(arena);
	return ok;
}

/* The tenant key -----------------------------------------------------------------*/

static bool read_tenant_key(const struct master_key *master,
			    const struct secret_place *place, struct str body,
			    struct tenant_key *out, struct error *err)
{
	struct buf plain;
	buf_init(&plain, CRYPTO_KEY_LEN);
	/* the body is a JSON string without escapes */
	bool ok =
		body.n > 2 &&
		secret_open(master, place, str_slice(body, 1, body.n - 1), &plain, err);
	if (ok && plain.n == sizeof out->b)
		memcpy(out->b, plain.p, sizeof out->b);
	else if (ok || body.n <= 2)
		ok = error_set(err, ERROR_CORRUPT, "",
			       "the key of tenant %.*s is of "
			       "the wrong length",
			       STR_ARG(place->tenant));
	if (plain.p != NULL)
		crypto_wipe(plain.p, plain.n);
	buf_free(&plain);
	return ok;
}

static bool open_tenant_key(const struct master_key *master, struct store_db *db,
			    const struct secret_place *place, struct arena *arena,
			    struct tenant_key *out, struct error *err)
{
	struct store_document doc;
	struct buf body;
	if (!sync_document_get(db, STORE_SETTING, TENANT_KEY_ID, arena, &doc, err))
		return false;
	if (doc.revision != 0)
		return read_tenant_key(master, place, doc.body, out, err);
	buf_init(&body, 512);
	crypto_random(out->b, sizeof out->b);
	const struct str plain = {(const char *)out->b, sizeof out->b};
	bool is_sealed = buf_add_char(&body, '"') &&
			 secret_seal(master, place, plain, &body) &&
			 buf_add_char(&body, '"');
	bool ok = is_sealed ? sync_document_put(db, STORE_SETTING, TENANT_KEY_ID,
						buf_str(&body), STORE_ABSENT, NULL, err)
			    : error_set(err, ERROR_MEMORY, "", "no memory for a key");
	buf_free(&body);
	if (!ok && err->kind == ERROR_CONFLICT && /* another process was first */
	    sync_document_get(db, STORE_SETTING, TENANT_KEY_ID, arena, &doc, err))
		ok = read_tenant_key(master, place, doc.body, out, err);
	return ok;
}

bool tenant_key_open(const struct master_key *master, struct store_db *db,
		     struct str tenant, struct tenant_key *out, struct error *err)
{
	const struct secret_place place = {tenant, "setting", TENANT_KEY_ID, "key"};
	struct arena *arena = arena_new(1 << 16);
	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for the tenant key");
	bool ok = open_tenant_key(master, db, &place, arena, out, err);
	arena_free(arena);
	return ok;
}
