/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of mimd as a damaged store could hold them: imports and tenants, the first
 * byte says which. What is read can be written, and that is read again. */
#include "base/crypto.h"
#include "mim/import-document.h"
#include "mim/secrets.h"
#include "mim/tenant-document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void import(struct str body, struct arena *a)
{
	struct import_document d, again;
	struct error err = {0};
	struct str shown;
	struct buf out;
	if (!import_document_shown(body, &shown, a, &err))
		must(err.kind != ERROR_NONE);
	error_clear(&err);
	if (!import_document_parse(body, a, &d, &err)) {
		must(err.kind != ERROR_NONE);
		return;
	}
	buf_init(&out, 2 * IMPORT_DOCUMENT_MAX);
	must(import_document_write(&out, &d, NULL, NULL));
	must(import_document_parse(buf_str(&out), a, &again, &err));
	must(again.kind == d.kind && again.phase == d.phase && str_eq(again.id, d.id) &&
	     str_eq(again.prefix, d.prefix) && again.attempts == d.attempts);
	must(import_document_shown(buf_str(&out), &shown, a, &err));
	buf_free(&out);
}

static void tenant(struct str body, struct arena *a)
{
	static const struct master_key key = {{5}, "0123456789abcdef"};
	struct tenant t, again;
	struct error err = {0};
	struct buf out;
	if (!tenant_document_parse(body, &key, a, &t, &err)) {
		must(err.kind != ERROR_NONE);
		return;
	}
	buf_init(&out, 2 * TENANT_DOCUMENT_MAX);
	must(tenant_document_write(&out, &key, &t, &err));
	must(tenant_document_parse(buf_str(&out), &key, a, &again, &err));
	must(str_eq(again.id, t.id));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	if (!ready)
		ready = crypto_init();
	if (size == 0)
		return 0;
	struct str body = {(const char *)data + 1, size - 1};
	struct arena *a = arena_new(16 << 20);
	must(a != NULL);
	if (data[0] % 2 == 0)
		import(body, a);
	else
		tenant(body, a);
	arena_free(a);
	return 0;
}
