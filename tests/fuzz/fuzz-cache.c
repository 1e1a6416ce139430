/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a template from MIM or from the cache on disk: under a hash that is
 * not theirs they are refused, under their own they compile or say why not. */
#include "agent/templates.h"
#include "base/crypto.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	uint8_t hash[CRYPTO_SHA256_LEN];
	char hex[2 * CRYPTO_SHA256_LEN + 1];
	struct error err = {0};
	static bool ready;
	if (!ready)
		ready = crypto_init();
	crypto_sha256(bytes, hash);
	crypto_hex(hex, hash, sizeof hash);
	struct template *t = templates_compile(bytes, str_of(hex), &err);
	if (t == NULL && err.kind == ERROR_NONE)
		abort();
	if (t != NULL && template_memory(t) == 0)
		abort();
	template_free(t);
	hex[5] = hex[5] == 'a' ? 'b' : 'a';
	if (templates_compile(bytes, str_of(hex), &err) != NULL)
		abort();
	return 0;
}
