/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one object of an S3 store, as an import does, and keeps nothing of it.
 *
 *   bench-s3 ENDPOINT BUCKET KEY ACCESS-KEY SECRET-KEY
 *
 * Prints {"bytes":N,"us":N}. */
#include "base/clock.h"
#include "base/crypto.h"
#include "net/object-store.h"

#include <stdio.h>

static bool take(void *ctx, struct str bytes, struct error *err)
{
	uint64_t *n = ctx;
	(void)err;
	*n += bytes.n;
	return true;
}

int main(int argc, char **argv)
{
	struct error err = {0};
	uint64_t bytes = 0;
	if (argc != 6 || !crypto_init()) {
		fprintf(stderr, "bench-s3: five words are due\n");
		return 2;
	}
	const struct object_s3_settings settings = {.endpoint = str_of(argv[1]),
						    .bucket = str_of(argv[2]),
						    .access_key = str_of(argv[4]),
						    .secret_key = str_of(argv[5]),
						    .timeout_ms = 60000};
	struct object_store *s = object_store_s3(&settings, &err);
	int64_t began = clock_mono_us();
	if (s == NULL || !object_store_read(s, str_of(argv[3]), take, &bytes, &err)) {
		fprintf(stderr, "bench-s3: %s\n", err.message);
		object_store_close(s);
		return 1;
	}
	printf("{\"bytes\":%llu,\"us\":%lld}\n", (unsigned long long)bytes,
	       (long long)(clock_mono_us() - began));
	object_store_close(s);
	return 0;
}
