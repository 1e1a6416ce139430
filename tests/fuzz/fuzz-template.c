/* SPDX-License-Identifier: Apache-2.0 */
/* A template document of any bytes; what is accepted becomes a message with
 * hostile values, whose header no value may have left. */
#include "base/crypto.h"
#include "message/mime.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mustache_value lookup(const void *ctx, struct str name)
{
	(void)ctx;
	if (name.p[0] == 'u')
		return (struct mustache_value){MUSTACHE_TEXT,
					       STR("https://x.example/\r\n<\"&")};
	return (struct mustache_value){MUSTACHE_TEXT,
				       STR("v\r\nBcc: evil@example.org\r\n\r\n<x>")};
}

/* Lines end with CRLF, and none of the header begins with what a value has put
 * there. */
static void check(struct str message)
{
	const char *end = memmem(message.p, message.n, "\r\n\r\n", 4);
	if (end == NULL)
		abort();
	struct str header = str_slice(message, 0, (size_t)(end - message.p));
	if (memmem(header.p, header.n, "\nBcc", 4) != NULL)
		abort();
	for (size_t i = 0; i < message.n; i++)
		if ((message.p[i] == '\n' && (i == 0 || message.p[i - 1] != '\r')) ||
		    (message.p[i] == '\r' &&
		     (i + 1 == message.n || message.p[i + 1] != '\n')))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mime_envelope envelope = {
		.to = STR_INIT("ann@example.org"),
		.instance = STR_INIT("0123456789abcdef0123456789abcdef"),
		.proof = STR_INIT("ff"),
		.domain = STR_INIT("example.org"),
		.label = STR_INIT("Ad"),
	};
	static bool ready;
	struct mustache_values values = {lookup, NULL};
	struct error_list errors;
	if (!ready) {
		mime_init();
		ready = crypto_init();
	}
	error_list_init(&errors, 10);
	struct template *t =
		template_parse((struct str){(const char *)data, size}, &errors);
	if (t == NULL && error_list_empty(&errors))
		abort();
	if (t != NULL) {
		struct template_parts parts;
		struct buf out;
		size_t dates[MIME_N_DATES];
		struct error err = {0};
		template_parts_init(&parts);
		buf_init(&out, MIME_MAX_MESSAGE);
		if (mime_build(t, &values, &envelope, &parts, &out, dates, &err))
			check(buf_str(&out));
		else if (err.kind == ERROR_NONE)
			abort();
		buf_free(&out);
		template_parts_free(&parts);
		template_free(t);
	}
	error_list_free(&errors);
	return 0;
}
