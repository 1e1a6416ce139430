/* SPDX-License-Identifier: Apache-2.0 */
/* What an S3 store answers, or who stands in its place: it is XML of bounded depth and
 * size, or an error; what is read of it is UTF-8; and whatever it says of regions and
 * of errors ends in a host within the endpoint's domain and in a printable sentence. */
#include "net/s3-answer.h"
#include "net/s3-place.h"
#include "net/s3-refusal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_list(const struct s3_answer *a)
{
	must(a->n_objects <= S3_LIST_MAX);
	for (size_t i = 0; i < a->n_objects; i++)
		must(str_is_utf8(a->objects[i].key) && a->objects[i].size <= INT64_MAX);
	must(a->marker.p == NULL || str_is_utf8(a->marker));
	must(a->kind == S3_ANSWER_LIST || a->n_objects == 0);
}

static void check_place(const struct s3_answer *a)
{
	static const struct str domain = STR_INIT(".example.org");
	static const struct s3_place_given given = {.endpoint =
							    STR_INIT("s3.example.org"),
						    .bucket = STR_INIT("bucket"),
						    .amazon = true};
	struct s3_place place;
	must(s3_place_set(&place, &given, NULL));
	s3_place_move(&place, a->region);
	must(str_ends(str_of(place.host), domain));
	must(str_starts(str_of(place.host), STR("bucket.s3.")));
}

static void check_refusal(const struct s3_answer *a, long status)
{
	struct error err = {.kind = ERROR_NONE};
	const struct s3_refusal r = {.status = status,
				     .code = a->code,
				     .message = a->message,
				     .region = a->region,
				     .endpoint = a->endpoint,
				     .host = STR("host"),
				     .bucket = STR("bucket"),
				     .key = STR("key"),
				     .own_region = STR("here")};
	s3_refusal_passes(&r);
	s3_refusal_of_signature(&r);
	must(!s3_refusal_words(&r, &err));
	must(err.kind != ERROR_NONE && str_is_utf8(str_of(err.message)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct s3_answer a;
	struct error err = {.kind = ERROR_NONE};
	struct arena *arena = arena_new(16 << 20);
	must(arena != NULL);
	if (s3_answer_parse(arena, (struct str){(const char *)data, size}, &a, &err)) {
		check_list(&a);
		check_place(&a);
		check_refusal(&a, (long)(200 + size % 400));
	} else {
		must(err.kind == ERROR_SYNTAX || err.kind == ERROR_MEMORY);
	}
	arena_free(arena);
	return 0;
}
