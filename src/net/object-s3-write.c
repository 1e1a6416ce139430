/* SPDX-License-Identifier: Apache-2.0 */
/* Files become objects: in one piece, or in parts ("Uploading and copying objects using
 * multipart upload" of the S3 user guide), which become an object by the last call. */
#include "base/crypto.h"
#include "net/s3-client.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_MIN ((uint64_t)16 << 20)
#define PARTS_MAX 10000
#define MIB ((uint64_t)1 << 20)
#define COMPLETE_MAX ((size_t)PARTS_MAX * (S3_ETAG_MAX + 128) + 1024)
#define ARENA_MAX (2 * S3_ANSWER_MAX)
#define NUMBER_MAX 24
#define MD5_LEN 16

struct upload {
	struct s3_client *c;
	struct str key;
	int fd;
	uint64_t size, part;
	char *bytes; /* of one part */
	struct arena *arena;
	struct str id;
	struct buf parts; /* the document that makes one object of them */
	struct buf sums;  /* MD5 of each, if that is what the ETags are */
	struct error *err;
};

static bool no_memory(const struct upload *u)
{
	return error_set(u->err, ERROR_MEMORY, "", "no memory for an upload");
}

static bool read_part(const struct upload *u, uint64_t at, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t r = pread(u->fd, u->bytes + done, n - done, (off_t)(at + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_set_errno(u->err, "", errno, "cannot read");
		if (r == 0)
			return error_set(u->err, ERROR_CONFLICT, "",
					 "has become shorter while it was read");
		done += (size_t)r;
	}
	return true;
}

/* Calls --------------------------------------------------------------------------*/

struct ask {
	const char *method;
	const struct s3_pair *query;
	size_t n_query;
	struct str body;
	struct s3_answer *said;
	bool once; /* whatever comes of it */
	/* out, each may be NULL */
	char *etag; /* of S3_ETAG_MAX */
	int64_t *length;
	unsigned *times;
};

static bool call(const struct upload *u, const struct ask *a, struct error *err)
{
	struct s3_exchange x;
	s3_exchange_init(&x, u->c);
	x.method = str_of(a->method);
	x.key = u->key;
	x.query = a->query;
	x.n_query = a->n_query;
	x.body = a->body;
	if (a->once)
		x.tries = 1;
	bool ok = s3_call(u->c, &x, u->arena, a->said, err);
	if (a->etag != NULL)
		memcpy(a->etag, x.etag, sizeof x.etag);
	if (a->length != NULL)
		*a->length = x.length;
	if (a->times != NULL)
		*a->times = x.times;
	s3_exchange_free(&x);
	return ok;
}

static bool put_whole(const struct upload *u)
{
	const struct ask a = {.method = "PUT", .body = {u->bytes, (size_t)u->size}};
	return read_part(u, 0, (size_t)u->size) && call(u, &a, u->err);
}

static bool begin(struct upload *u)
{
	static const struct s3_pair query[] = {{STR_INIT("uploads"), {NULL, 0}}};
	struct s3_answer said = {.kind = S3_ANSWER_OTHER};
	const struct ask a = {
		.method = "POST", .query = query, .n_query = 1, .said = &said};
	if (!call(u, &a, u->err))
		return false;
	u->id = said.upload_id;
	return (said.kind == S3_ANSWER_UPLOAD && u->id.n > 0) ||
	       error_set(u->err, ERROR_UNPROCESSABLE, "",
			 "%s does not take uploads in parts", u->c->place.host);
}

static struct str unquoted(struct str etag)
{
	bool quoted =
		etag.n >= 2 && str_starts(etag, STR("\"")) && str_ends(etag, STR("\""));
	return quoted ? str_slice(etag, 1, etag.n - 1) : etag;
}

/* An ETag is what stands in the header, with its quotes; in XML they may stand so. */
static bool note_part(struct upload *u, unsigned number, const char *etag)
{
	uint8_t sum[MD5_LEN];
	bool good = etag[0] != '\0';
	for (const char *c = etag; *c != '\0'; c++)
		good = good && *c != '<' && *c != '&' && *c != '>';
	if (!good)
		return error_set(u->err, ERROR_UNPROCESSABLE, "",
				 "%s answers an ETag that is none", u->c->place.host);
	if (crypto_unhex(unquoted(str_of(etag)), sum, sizeof sum))
		buf_add(&u->sums, sum, sizeof sum);
	return buf_printf(&u->parts,
			  "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>",
			  number, etag) ||
	       no_memory(u);
}

static bool put_part(struct upload *u, unsigned number, uint64_t at)
{
	char text[NUMBER_MAX], etag[S3_ETAG_MAX];
	uint64_t left = u->size - at;
	size_t n = (size_t)(left < u->part ? left : u->part);
	snprintf(text, sizeof text, "%u", number);
	const struct s3_pair query[] = {{STR("partNumber"), str_of(text)},
					{STR("uploadId"), u->id}};
	const struct ask a = {.method = "PUT",
			      .query = query,
			      .n_query = 2,
			      .body = {u->bytes, n},
			      .etag = etag};
	return read_part(u, at, n) && call(u, &a, u->err) && note_part(u, number, etag);
}

static bool put_parts(struct upload *u)
{
	unsigned number = 0;
	for (uint64_t at = 0; at < u->size; at += u->part)
		if (!put_part(u, ++number, at))
			return false;
	return true;
}

/* The ETag of an object of parts is the MD5 of their MD5s and their number; where it is
 * something else nothing is known. */
static bool is_ours(const struct upload *u, struct str etag)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char want[2 * EVP_MAX_MD_SIZE + 16];
	unsigned n = 0;
	size_t parts = (size_t)((u->size + u->part - 1) / u->part);
	if (!buf_ok(&u->sums) || u->sums.n != parts * MD5_LEN ||
	    EVP_Digest(u->sums.p, u->sums.n, md, &n, EVP_md5(), NULL) != 1)
		return false;
	crypto_hex(want, md, n);
	snprintf(want + 2 * n, 16, "-%zu", parts);
	return str_eqz(unquoted(etag), want);
}

/* Is the object that there is now the one of these parts? */
static bool is_there(const struct upload *u)
{
	struct error ignored;
	char etag[S3_ETAG_MAX];
	int64_t length;
	const struct ask a = {.method = "HEAD", .etag = etag, .length = &length};
	return call(u, &a, &ignored) && length == (int64_t)u->size &&
	       is_ours(u, str_of(etag));
}

static bool complete(struct upload *u)
{
	struct s3_answer said = {.kind = S3_ANSWER_OTHER};
	const struct s3_pair query[] = {{STR("uploadId"), u->id}};
	unsigned times = 0;
	buf_add_str(&u->parts, STR("</CompleteMultipartUpload>"));
	if (!buf_ok(&u->parts))
		return no_memory(u);
	const struct ask a = {.method = "POST",
			      .query = query,
			      .n_query = 1,
			      .body = buf_str(&u->parts),
			      .said = &said,
			      .times = &times};
	/* whose answer was lost, and is asked again, knows no such upload any more */
	if (!call(u, &a, u->err))
		return u->err->kind == ERROR_CONFLICT && times > 1 && is_there(u);
	return said.kind == S3_ANSWER_COMPLETE ||
	       error_set(u->err, ERROR_UNPROCESSABLE, "",
			 "%s does not say that the upload is complete",
			 u->c->place.host);
}

/* Parts cost what objects do. If this fails, too, a rule of the bucket that deletes
 * unfinished uploads is what is left. */
static void abandon(const struct upload *u)
{
	struct error ignored;
	const struct s3_pair query[] = {{STR("uploadId"), u->id}};
	const struct ask a = {
		.method = "DELETE", .query = query, .n_query = 1, .once = true};
	call(u, &a, &ignored);
}

static bool put_in_parts(struct upload *u)
{
	if (!begin(u))
		return false;
	buf_add_str(&u->parts, STR("<CompleteMultipartUpload>"));
	bool ok = put_parts(u) && complete(u);
	if (!ok)
		abandon(u);
	return ok;
}

/* The whole ----------------------------------------------------------------------*/

static uint64_t part_size(uint64_t size)
{
	uint64_t least = (size + PARTS_MAX - 1) / PARTS_MAX;
	return least <= PART_MIN ? PART_MIN : (least + MIB - 1) / MIB * MIB;
}

bool object_s3_write(struct object_store *s, struct str key, int fd, struct error *err)
{
	struct upload u = {.c = s3_client_of(s), .key = key, .fd = fd, .err = err};
	struct stat st;
	if (!object_key_check(key, err))
		return false;
	if (fstat(fd, &st) != 0)
		return error_set_errno(err, "", errno, "cannot read");
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_UNPROCESSABLE, "", "is not a file");
	u.size = (uint64_t)st.st_size;
	u.part = part_size(u.size);
	u.arena = arena_new(ARENA_MAX);
	u.bytes = malloc((size_t)(u.size < u.part ? u.size + 1 : u.part));
	buf_init(&u.parts, COMPLETE_MAX);
	buf_init(&u.sums, (size_t)PARTS_MAX * MD5_LEN);
	bool ok = (u.arena != NULL && u.bytes != NULL) || no_memory(&u);
	ok = ok && (u.size <= u.part ? put_whole(&u) : put_in_parts(&u));
	buf_free(&u.parts);
	buf_free(&u.sums);
	free(u.bytes);
	arena_free(u.arena);
	return ok;
}
