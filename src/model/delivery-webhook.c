/* SPDX-License-Identifier: Apache-2.0 */
/* Standard Webhooks 1.0.0, symmetric signatures. */
#include "base/json.h"
#include "model/delivery.h"

#include <assert.h>
#include <stdio.h>

/* "Symmetric signing keys: between 24 and 64 bytes" */
#define KEY_LEAST 24
#define KEY_MOST 64

bool webhook_key(struct buf *out, struct str secret, struct error *err)
{
	size_t prefix = sizeof WEBHOOK_SECRET_PREFIX - 1;
	if (str_starts(secret, STR(WEBHOOK_SECRET_PREFIX)) &&
	    crypto_unbase64(out, str_slice(secret, prefix, secret.n)) &&
	    out->n >= KEY_LEAST && out->n <= KEY_MOST)
		return true;
	if (out->state == BUF_NOMEM)
		return error_set(err, ERROR_MEMORY, "", "no memory for a secret");
	return error_set(err, ERROR_BAD_VALUE, "",
			 "a webhook's secret is \"" WEBHOOK_SECRET_PREFIX
			 "\" and base64 of %d to %d random bytes",
			 KEY_LEAST, KEY_MOST);
}

static void put_event(struct json_writer *w, const struct delivery *d)
{
	json_put_object(w);
	json_put_key(w, STR("id"));
	json_put_hex(w, d->id.b, ID_LEN);
	json_kv_string(w, "campaignId", d->campaign);
	json_kv_string(w, "userId", d->user);
	json_kv_string(w, "eventType", d->event_type);
	json_kv_time(w, "timestamp", d->at_ms);
	json_put_key(w, STR("instanceId"));
	json_put_hex(w, d->instance.b, ID_LEN);
	json_put_object_end(w);
}

bool webhook_body(struct buf *out, const struct delivery *events, size_t n)
{
	struct json_writer w;
	char type[80];
	assert(n > 0);
	int64_t newest_ms = events[0].at_ms;
	for (size_t i = 1; i < n; i++)
		if (events[i].at_ms > newest_ms)
			newest_ms = events[i].at_ms;
	snprintf(type, sizeof type, "inlay.%.*s", STR_ARG(events[0].event_type));
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_string(&w, "type", str_of(type));
	json_kv_time(&w, "timestamp", newest_ms);
	json_put_key(&w, STR("data"));
	json_put_object(&w);
	json_put_key(&w, STR("events"));
	json_put_array(&w);
	for (size_t i = 0; i < n; i++)
		put_event(&w, &events[i]);
	json_put_array_end(&w);
	json_put_object_end(&w);
	json_put_object_end(&w);
	return buf_ok(out);
}

void webhook_id(char out[WEBHOOK_ID_LEN + 1], const struct delivery *events, size_t n)
{
	struct crypto_sha256_state st;
	uint8_t hash[CRYPTO_SHA256_LEN];
	crypto_sha256_start(&st);
	for (size_t i = 0; i < n; i++)
		crypto_sha256_add(&st,
				  (struct str){(const char *)events[i].id.b, ID_LEN});
	crypto_sha256_end(&st, hash);
	memcpy(out, "msg_", 4);
	crypto_hex(out + 4, hash, ID_LEN);
}

bool webhook_signature(struct buf *out, struct str key, struct str id, int64_t time_s,
		       struct str body)
{
	uint8_t mac[CRYPTO_SHA256_LEN];
	struct buf signed_text;
	buf_init(&signed_text, id.n + body.n + 32);
	buf_printf(&signed_text, "%.*s.%lld.", STR_ARG(id), (long long)time_s);
	bool ok = buf_add_str(&signed_text, body);
	if (ok) {
		crypto_hmac_sha256(key, buf_str(&signed_text), mac);
		ok = buf_add_str(out, STR("v1,")) &&
		     crypto_base64(out, (struct str){(const char *)mac, sizeof mac});
	}
	buf_free(&signed_text);
	return ok;
}
