/* SPDX-License-Identifier: Apache-2.0 */
/* inlay bundle put: a bundle of a directory goes into a bucket, its manifest last, as
 * who imports it expects. Asks the S3 store itself, not the middleware. */
#include "base/crypto.h"
#include "cli/bundle-dir.h"
#include "cli/document.h"
#include "cli/session.h"
#include "model/tenant-json.h"
#include "net/object-store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_MS 60000
#define PIECE 65536

struct putting {
	struct session *s;
	struct bundle_dir dir;
	struct bundle bundle;
	const struct data_source *source;
	struct object_store *objects;
	struct str prefix;
	uint64_t bytes;
	struct error_list *errors;
};

/* Where to ------------------------------------------------------------------------*/

static bool check_source(struct putting *p, const char *file)
{
	const struct data_source *d = p->source;
	if (d == NULL)
		return error_list_add(p->errors, ERROR_NOT_FOUND, "",
				      "%s has no such data source", file);
	if (d->authorization == AUTHORIZATION_DIRECTORY)
		return error_list_add(
			p->errors, ERROR_UNPROCESSABLE, "",
			"data source %.*s is a directory: copy the bundle "
			"there, its " BUNDLE_MANIFEST " last",
			STR_ARG(d->id));
	if (str_eqz(d->secret_key, TENANT_SECRET_MASK))
		return error_list_add(p->errors, ERROR_UNPROCESSABLE, "",
				      "the secret key in %s is a mask: put the key "
				      "itself there",
				      file);
	return true;
}

/* The list of `inlay datasource set`. */
static bool read_source(struct putting *p, const struct args *a)
{
	const char *file = a->positional[2];
	const char *id = a->value[OPTION_DATA_SOURCE];
	struct tenant *t = arena_make(p->s->arena, struct tenant);
	struct buf text;
	struct error err;
	json_t *list = NULL;
	if (t == NULL)
		return error_list_add(p->errors, ERROR_MEMORY, "", "no memory");
	bool ok = document_read(file, &text, &list, &err) ||
		  error_list_add_error(p->errors, &err);
	ok = ok && tenant_parse_data_sources(list, p->s->arena, t, p->errors);
	json_decref(list);
	buf_free(&text);
	if (ok)
		p->source = id != NULL ? tenant_data_source(t, str_of(id))
				       : tenant_default_data_source(t);
	return ok && check_source(p, file);
}

static bool open_bucket(struct putting *p)
{
	struct error err;
	struct object_s3_settings settings = data_source_s3(p->source);
	settings.ca_file = getenv("INLAY_CA_FILE");
	settings.timeout_ms = TIMEOUT_MS;
	p->objects = object_store_s3(&settings, &err);
	return p->objects != NULL || error_list_add_error(p->errors, &err);
}

/* What ---------------------------------------------------------------------------*/

static bool add_bytes(void *ctx, struct str bytes, struct error *err)
{
	struct buf *out = ctx;
	return buf_add_str(out, bytes) ||
	       error_set(err, ERROR_TOO_LARGE, "", "is too large");
}

static bool read_manifest(struct putting *p)
{
	const struct bundle_source from = bundle_dir_source(&p->dir);
	struct error err;
	struct buf text;
	buf_init(&text, BUNDLE_MANIFEST_MAX);
	bool ok = from.read(from.ctx, STR(BUNDLE_MANIFEST), add_bytes, &text, &err);
	if (!ok) {
		bundle_error_in(&err, STR(BUNDLE_MANIFEST));
		error_list_add_error(p->errors, &err);
	}
	ok = ok && bundle_parse(buf_str(&text), p->s->arena, &p->bundle, p->errors);
	buf_free(&text);
	return ok;
}

static bool hash_file(int fd, uint8_t out[CRYPTO_SHA256_LEN], struct error *err)
{
	char piece[PIECE];
	struct crypto_sha256_state state;
	off_t at = 0;
	crypto_sha256_start(&state);
	for (;;) {
		ssize_t n = pread(fd, piece, sizeof piece, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, "", errno, "cannot be read");
		if (n == 0)
			break;
		crypto_sha256_add(&state, (struct str){piece, (size_t)n});
		at += n;
	}
	crypto_sha256_end(&state, out);
	return true;
}

/* A file that is not what the manifest says would fail the import. f NULL: it is the
 * manifest, which was read before. */
static bool check_file(const struct putting *p, int fd, const struct bundle_file *f,
		       struct error *err)
{
	uint8_t sum[CRYPTO_SHA256_LEN];
	const uint8_t *want = f != NULL ? f->sha256 : p->bundle.sha256;
	if (!hash_file(fd, sum, err))
		return false;
	return memcmp(sum, want, sizeof sum) == 0 ||
	       error_set(err, ERROR_UNPROCESSABLE, "",
			 f != NULL ? "is not what " BUNDLE_MANIFEST
				     " says: inlay bundle build writes that anew"
				   : "has changed meanwhile");
}

/* f NULL: the manifest. */
static bool put_file(struct putting *p, struct str name, const struct bundle_file *f)
{
	struct error err;
	struct buf key;
	struct stat st;
	buf_init(&key, OBJECT_KEY_MAX + 2);
	int fd = bundle_dir_file(&p->dir, name, &err);
	bool ok = fd >= 0 && check_file(p, fd, f, &err) &&
		  data_source_key(p->source, p->prefix, name, &key, &err) &&
		  object_s3_write(p->objects, buf_str(&key), fd, &err);
	if (!ok) {
		bundle_error_in(&err, name);
		error_list_add_error(p->errors, &err);
	}
	if (ok && fstat(fd, &st) == 0)
		p->bytes += (uint64_t)st.st_size;
	if (fd >= 0)
		close(fd);
	buf_free(&key);
	return ok;
}

static bool put_all(struct putting *p)
{
	bool ok = true;
	for (size_t i = 0; ok && i < p->bundle.n_files; i++)
		ok = put_file(p, p->bundle.files[i].name, &p->bundle.files[i]);
	return ok && put_file(p, STR(BUNDLE_MANIFEST), NULL);
}

bool run_bundle_put(struct session *s, const struct args *a, struct error_list *errors)
{
	struct putting p = {
		.s = s, .prefix = str_of(a->positional[1]), .errors = errors};
	struct error err;
	if (!object_key_check(p.prefix, &err))
		return error_list_add(errors, ERROR_USAGE, "", "the prefix %s",
				      err.message);
	if (!bundle_dir_open(&p.dir, a->positional[0], &err))
		return error_list_add_error(errors, &err);
	bool ok = read_source(&p, a) && read_manifest(&p) && open_bucket(&p) &&
		  put_all(&p);
	object_store_close(p.objects);
	bundle_dir_close(&p.dir);
	return ok && session_say(s, errors,
				 "%zu files with %llu bytes put into bucket %.*s; "
				 "inlay import %.*s imports them",
				 p.bundle.n_files + 1, (unsigned long long)p.bytes,
				 STR_ARG(p.source->bucket), STR_ARG(p.prefix));
}
