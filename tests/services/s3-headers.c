/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of a signed request, for asking a real store whether it takes them:
 *
 *   s3-headers 2|4 ACCESS SECRET REGION METHOD HOST KEY DATE [NAME=VALUE]...
 *
 * KEY is "bucket/key" (path style), not encoded; NAME=VALUE are the query; DATE is in
 * seconds since 1970. No body. First the target, then the headers, one a line. */
#include "base/clock.h"
#include "base/crypto.h"
#include "net/s3-sign.h"

#include <stdio.h>

#define FIXED_WORDS 9
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static size_t read_query(char **words, size_t n, struct s3_pair *out)
{
	size_t i = 0;
	for (; i < n && i < S3_PAIRS_MAX; i++) {
		struct str word = str_of(words[i]);
		size_t at = str_find_char(word, '=');
		out[i].name = str_slice(word, 0, at);
		out[i].value = at < word.n ? str_slice(word, at + 1, word.n)
					   : (struct str){NULL, 0};
	}
	return i;
}

int main(int argc, char **argv)
{
	struct s3_pair query[S3_PAIRS_MAX], headers[3];
	char date4[S3_DATE_LEN + 1], date2[CLOCK_RFC5322_LEN + 1];
	struct buf path, line, authorization;
	uint64_t seconds;
	if (argc < FIXED_WORDS || !crypto_init() ||
	    !str_to_u64(str_of(argv[8]), UINT32_MAX, &seconds))
		return 2;
	bool v4 = argv[1][0] == '4';
	const struct s3_keys keys = {str_of(argv[2]), str_of(argv[3]), str_of(argv[4])};
	s3_date(date4, (int64_t)seconds * 1000);
	clock_format_rfc5322(date2, (int64_t)seconds * 1000);
	headers[0] = (struct s3_pair){STR("host"), str_of(argv[6])};
	headers[1] = v4 ? (struct s3_pair){STR("x-amz-date"), str_of(date4)}
			: (struct s3_pair){STR("date"), str_of(date2)};
	headers[2] = (struct s3_pair){STR("x-amz-content-sha256"), STR(EMPTY_SHA256)};
	buf_init(&path, S3_SIGN_MAX);
	buf_init(&line, S3_SIGN_MAX);
	buf_init(&authorization, S3_SIGN_MAX);
	s3_key_write(&path, str_of(argv[7]));
	struct s3_request r = {
		.method = str_of(argv[5]),
		.path = buf_str(&path),
		.query = query,
		.n_query = read_query(argv + FIXED_WORDS, (size_t)(argc - FIXED_WORDS),
				      query),
		.headers = headers,
		.n_headers = v4 ? 3 : 2,
	};
	bool ok = s3_query_write(&line, query, r.n_query) &&
		  (v4 ? s3_sign_v4 : s3_sign_v2)(&authorization, &r, &keys);
	if (ok) {
		printf("%.*s%s%.*s\n", STR_ARG(r.path), r.n_query > 0 ? "?" : "",
		       STR_ARG(buf_str(&line)));
		for (size_t i = 0; i < r.n_headers; i++)
			printf("%.*s: %.*s\n", STR_ARG(headers[i].name),
			       STR_ARG(headers[i].value));
		printf("authorization: %.*s\n", STR_ARG(buf_str(&authorization)));
	}
	buf_free(&path);
	buf_free(&line);
	buf_free(&authorization);
	return ok ? 0 : 1;
}
