/* SPDX-License-Identifier: Apache-2.0 */
#include "net/s3-answer.h"

#include "base/uri.h"

#include <expat.h>
#include <limits.h>

#define PATH_MAX_LEN 128
#define DEPTH_MAX 16
#define OBJECTS_FIRST 64

static const struct {
	const char *root;
	enum s3_answer_kind kind;
} kinds[] = {
	{"Error", S3_ANSWER_ERROR},
	{"ListBucketResult", S3_ANSWER_LIST},
	{"InitiateMultipartUploadResult", S3_ANSWER_UPLOAD},
	{"CompleteMultipartUploadResult", S3_ANSWER_COMPLETE},
};

/* What is between two lists' entries. */
struct entry {
	struct str key, size;
};

struct reading {
	XML_Parser parser;
	struct arena *arena;
	struct s3_answer *out;
	struct error *err;
	bool failed;
	char path[PATH_MAX_LEN]; /* "ListBucketResult/Contents/Key" */
	size_t path_n, depth;
	size_t ends[DEPTH_MAX]; /* of the path, one element up */
	char text[S3_TEXT_MAX];
	size_t text_n;
	bool encoded; /* keys and markers, as in a URL */
	struct str truncated, encoding;
	struct entry entry;
	size_t room; /* of objects */
};

/* Where a text goes. */
#define OF(member) offsetof(struct reading, member), false
#define OUT(member) offsetof(struct s3_answer, member), true
static const struct {
	const char *path;
	size_t offset;
	bool in_answer;
} texts[] = {
	{"Error/Code", OUT(code)},
	{"Error/Message", OUT(message)},
	{"Error/Region", OUT(region)},
	{"Error/Endpoint", OUT(endpoint)},
	{"InitiateMultipartUploadResult/UploadId", OUT(upload_id)},
	{"CompleteMultipartUploadResult/ETag", OUT(etag)},
	{"ListBucketResult/NextContinuationToken", OUT(token)},
	{"ListBucketResult/NextMarker", OUT(marker)},
	{"ListBucketResult/IsTruncated", OF(truncated)},
	{"ListBucketResult/EncodingType", OF(encoding)},
	{"ListBucketResult/Contents/Key", OF(entry.key)},
	{"ListBucketResult/Contents/Size", OF(entry.size)},
};

/* Why it is not read ------------------------------------------------------------*/

static void stop(struct reading *r, enum error_kind kind, const char *why)
{
	if (!r->failed)
		error_set(r->err, kind, "", "its answer %s", why);
	r->failed = true;
	XML_StopParser(r->parser, XML_FALSE);
}

static void no_memory(struct reading *r)
{
	if (!r->failed)
		error_set(r->err, ERROR_MEMORY, "", "no memory for an answer");
	r->failed = true;
	XML_StopParser(r->parser, XML_FALSE);
}

/* Elements -----------------------------------------------------------------------*/

static struct str path_of(const struct reading *r)
{
	return (struct str){r->path, r->path_n};
}

/* "s3:Key" is Key. */
static struct str local_name(const char *name)
{
	struct str all = str_of(name);
	size_t colon = str_find_char(all, ':');
	return colon < all.n ? str_slice(all, colon + 1, all.n) : all;
}

/* What is too long for a path is nothing that we look for. */
static void step_down(struct reading *r, struct str name)
{
	size_t slash = r->path_n > 0;
	r->ends[r->depth++] = r->path_n;
	if (name.n + slash > PATH_MAX_LEN - r->path_n)
		name = STR("?");
	if (name.n + slash > PATH_MAX_LEN - r->path_n)
		return;
	if (slash)
		r->path[r->path_n++] = '/';
	memcpy(r->path + r->path_n, name.p, name.n);
	r->path_n += name.n;
}

static void begin(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = ctx;
	struct str local = local_name(name);
	(void)attributes;
	if (r->failed)
		return;
	if (r->depth == DEPTH_MAX) {
		stop(r, ERROR_SYNTAX, "is nested too deep");
		return;
	}
	if (r->depth == 0)
		for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
			if (str_eqz(local, kinds[i].root))
				r->out->kind = kinds[i].kind;
	step_down(r, local);
	r->text_n = 0;
	if (str_eqz(path_of(r), "ListBucketResult/Contents"))
		r->entry = (struct entry){{NULL, 0}, {NULL, 0}};
}

static void take_text(void *ctx, const XML_Char *text, int n)
{
	struct reading *r = ctx;
	if (r->failed)
		return;
	if ((size_t)n > sizeof r->text - r->text_n) {
		stop(r, ERROR_SYNTAX, "has a text that is too long");
		return;
	}
	memcpy(r->text + r->text_n, text, (size_t)n);
	r->text_n += (size_t)n;
}

static void keep_text(struct reading *r)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!str_eqz(path_of(r), texts[i].path))
			continue;
		char *base = texts[i].in_answer ? (char *)r->out : (char *)r;
		struct str *to = (struct str *)(void *)(base + texts[i].offset);
		*to = arena_str(r->arena, (struct str){r->text, r->text_n});
		if (to->p == NULL)
			no_memory(r);
		return;
	}
}

static struct s3_object *room_for_one(struct reading *r)
{
	struct s3_answer *a = r->out;
	if (a->n_objects == r->room) {
		size_t room = r->room == 0 ? OBJECTS_FIRST : 2 * r->room;
		struct s3_object *more = arena_array(r->arena, room, sizeof *more);
		if (more == NULL)
			return NULL;
		if (r->room > 0)
			memcpy(more, a->objects, r->room * sizeof *more);
		a->objects = more;
		r->room = room;
	}
	return &a->objects[a->n_objects];
}

static void keep_entry(struct reading *r)
{
	uint64_t size;
	if (r->out->n_objects == S3_LIST_MAX) {
		stop(r, ERROR_SYNTAX, "lists more objects than were asked for");
		return;
	}
	struct s3_object *o = room_for_one(r);
	if (o == NULL) {
		no_memory(r);
		return;
	}
	if (r->entry.key.n == 0 ||
	    !str_to_u64(str_trim(r->entry.size), INT64_MAX, &size)) {
		stop(r, ERROR_SYNTAX, "lists an object without key or size");
		return;
	}
	o->key = r->entry.key;
	o->size = size;
	r->out->n_objects++;
}

static void end(void *ctx, const XML_Char *name)
{
	struct reading *r = ctx;
	(void)name;
	if (r->failed)
		return;
	keep_text(r);
	if (str_eqz(path_of(r), "ListBucketResult/Contents"))
		keep_entry(r);
	r->path_n = r->ends[--r->depth];
	r->text_n = 0;
}

/* Entities come with one; nobody needs them here. */
static void document_type(void *ctx, const XML_Char *name, const XML_Char *system,
			  const XML_Char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	stop(ctx, ERROR_SYNTAX, "has a document type");
}

/* The whole ----------------------------------------------------------------------*/

/* Keys and markers, if they stand there as in a URL. A key that is not UTF-8 is none
 * that could be asked for: it is left out. */
static bool decode_all(struct reading *r)
{
	struct s3_answer *a = r->out;
	size_t n = 0;
	bool ok =
		a->marker.p == NULL || uri_decode_form(r->arena, a->marker, &a->marker);
	for (size_t i = 0; i < a->n_objects; i++)
		if (uri_decode_form(r->arena, a->objects[i].key, &a->objects[i].key))
			a->objects[n++] = a->objects[i];
	a->n_objects = n;
	if (arena_failed(r->arena))
		return error_set(r->err, ERROR_MEMORY, "", "no memory for an answer");
	return ok || error_set(r->err, ERROR_SYNTAX, "",
			       "its list goes on at a key that is not UTF-8");
}

static bool finish_list(struct reading *r)
{
	struct s3_answer *a = r->out;
	a->more = str_eqz(str_trim(r->truncated), "true");
	if (str_eqz(r->encoding, "url") && !decode_all(r))
		return false;
	if (a->marker.n == 0 && a->n_objects > 0)
		a->marker = a->objects[a->n_objects - 1].key;
	return true;
}

static bool parse(struct reading *r, struct str xml)
{
	/* blanks keep a connection up while an upload is completed */
	xml = str_trim(xml);
	if (xml.n > S3_ANSWER_MAX || xml.n > INT_MAX)
		return error_set(r->err, ERROR_SYNTAX, "", "its answer is too long");
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, begin, end);
	XML_SetCharacterDataHandler(r->parser, take_text);
	XML_SetStartDoctypeDeclHandler(r->parser, document_type);
	if (XML_Parse(r->parser, xml.p, (int)xml.n, 1) != XML_STATUS_OK) {
		enum XML_Error e = XML_GetErrorCode(r->parser);
		if (r->failed)
			return false;
		return e == XML_ERROR_NO_MEMORY ? error_set(r->err, ERROR_MEMORY, "",
							    "no memory for an answer")
						: error_set(r->err, ERROR_SYNTAX, "",
							    "its answer is no XML: %s",
							    XML_ErrorString(e));
	}
	struct s3_answer *a = r->out;
	a->code = str_trim(a->code);
	a->region = str_trim(a->region);
	return !r->failed && (a->kind != S3_ANSWER_LIST || finish_list(r));
}

bool s3_answer_parse(struct arena *arena, struct str xml, struct s3_answer *out,
		     struct error *err)
{
	struct reading r = {.arena = arena, .out = out, .err = err};
	*out = (struct s3_answer){.kind = S3_ANSWER_OTHER};
	r.parser = XML_ParserCreate(NULL);
	if (r.parser == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for an answer");
	bool ok = parse(&r, xml);
	XML_ParserFree(r.parser);
	return ok;
}
