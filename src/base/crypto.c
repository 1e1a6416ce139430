/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include <assert.h>
#include <sodium.h>

static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct crypto_sha256_state),
	      "the opaque state is too small");
static_assert(CRYPTO_AGAIN_LEN == crypto_shorthash_siphashx24_BYTES,
	      "SipHash of 128 bits");
static_assert(CRYPTO_AGAIN_LEN == crypto_shorthash_siphashx24_KEYBYTES,
	      "and a key of as many");
static_assert(CRYPTO_SEAL_OVERHEAD == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
					      crypto_aead_xchacha20poly1305_ietf_ABYTES,
	      "nonce and tag");

static const unsigned char *bytes(struct str s)
{
	return (const unsigned char *)(s.p != NULL ? s.p : "");
}

bool crypto_init(void)
{
	return sodium_init() >= 0;
}

void crypto_random(void *out, size_t n)
{
	randombytes_buf(out, n);
}

void crypto_sha256(struct str data, uint8_t out[CRYPTO_SHA256_LEN])
{
	crypto_hash_sha256(out, bytes(data), data.n);
}

static crypto_hash_sha256_state *state_of(struct crypto_sha256_state *st)
{
	return (crypto_hash_sha256_state *)(void *)st->opaque;
}

void crypto_sha256_start(struct crypto_sha256_state *st)
{
	crypto_hash_sha256_init(state_of(st));
}

void crypto_sha256_add(struct crypto_sha256_state *st, struct str data)
{
	crypto_hash_sha256_update(state_of(st), bytes(data), data.n);
}

void crypto_sha256_end(struct crypto_sha256_state *st, uint8_t out[CRYPTO_SHA256_LEN])
{
	crypto_hash_sha256_final(state_of(st), out);
}

static void put_length(unsigned char out[4], struct str part)
{
	assert(part.n <= UINT32_MAX);
	for (size_t i = 0; i < 4; i++)
		out[i] = (unsigned char)(part.n >> (24 - 8 * i));
}

void crypto_mac_parts(struct str key, const struct str *parts, size_t n_parts,
		      uint8_t out[CRYPTO_SHA256_LEN])
{
	crypto_auth_hmacsha256_state st;
	unsigned char len[4];
	crypto_auth_hmacsha256_init(&st, bytes(key), key.n);
	for (size_t i = 0; i < n_parts; i++) {
		put_length(len, parts[i]);
		crypto_auth_hmacsha256_update(&st, len, sizeof len);
		crypto_auth_hmacsha256_update(&st, bytes(parts[i]), parts[i].n);
	}
	crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(&st, sizeof st);
}

void crypto_hmac_sha256(struct str key, struct str msg, uint8_t out[CRYPTO_SHA256_LEN])
{
	crypto_auth_hmacsha256_state st;
	crypto_auth_hmacsha256_init(&st, bytes(key), key.n);
	crypto_auth_hmacsha256_update(&st, bytes(msg), msg.n);
	crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(&st, sizeof st);
}

void crypto_blake2b_128(struct str data, uint8_t out[16])
{
	crypto_generichash(out, 16, bytes(data), data.n, NULL, 0);
}

void crypto_draw_parts(const uint8_t key[CRYPTO_KEY_LEN], const struct str *parts,
		       size_t n_parts, uint8_t out[16])
{
	crypto_generichash_state st;
	unsigned char len[4];
	crypto_generichash_init(&st, key, CRYPTO_KEY_LEN, 16);
	for (size_t i = 0; i < n_parts; i++) {
		put_length(len, parts[i]);
		crypto_generichash_update(&st, len, sizeof len);
		crypto_generichash_update(&st, bytes(parts[i]), parts[i].n);
	}
	crypto_generichash_final(&st, out, 16);
	sodium_memzero(&st, sizeof st);
}

void crypto_again(const uint8_t key[CRYPTO_AGAIN_LEN], struct str data,
		  uint8_t out[CRYPTO_AGAIN_LEN])
{
	crypto_shorthash_siphashx24(out, bytes(data), data.n, key);
}

bool crypto_seal(const uint8_t key[CRYPTO_KEY_LEN], struct str aad, struct str plain,
		 struct buf *out)
{
	const size_t nonce_len = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
	unsigned char *p =
		(unsigned char *)buf_reserve(out, plain.n + CRYPTO_SEAL_OVERHEAD);
	if (p == NULL)
		return false;
	unsigned long long n = 0;
	randombytes_buf(p, nonce_len);
	crypto_aead_xchacha20poly1305_ietf_encrypt(p + nonce_len, &n, bytes(plain),
						   plain.n, bytes(aad), aad.n, NULL, p,
						   key);
	buf_commit(out, nonce_len + (size_t)n);
	return true;
}

bool crypto_open(const uint8_t key[CRYPTO_KEY_LEN], struct str aad, struct str sealed,
		 struct buf *out)
{
	const size_t nonce_len = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
	if (sealed.n < CRYPTO_SEAL_OVERHEAD)
		return false;
	unsigned char *p =
		(unsigned char *)buf_reserve(out, sealed.n - CRYPTO_SEAL_OVERHEAD);
	unsigned long long n = 0;
	if (p == NULL ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(
		    p, &n, NULL, bytes(sealed) + nonce_len, sealed.n - nonce_len,
		    bytes(aad), aad.n, bytes(sealed), key) != 0)
		return false;
	buf_commit(out, (size_t)n);
	return true;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void crypto_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

void crypto_hex(char *out, const void *data, size_t n)
{
	sodium_bin2hex(out, 2 * n + 1, data, n);
}

bool crypto_unhex(struct str hex, void *out, size_t n)
{
	size_t got = 0;
	return hex.n == 2 * n &&
	       sodium_hex2bin(out, n, hex.p, hex.n, NULL, &got, NULL) == 0 && got == n;
}

void crypto_hex64(uint64_t number, char out[CRYPTO_HEX64_LEN + 1])
{
	uint8_t b[CRYPTO_HEX64_LEN / 2];
	for (size_t i = 0; i < sizeof b; i++)
		b[i] = (uint8_t)(number >> (56 - 8 * i));
	crypto_hex(out, b, sizeof b);
}

bool crypto_unhex64(struct str hex, uint64_t *number)
{
	uint8_t b[CRYPTO_HEX64_LEN / 2];
	uint64_t v = 0;
	if (!crypto_unhex(hex, b, sizeof b))
		return false;
	for (size_t i = 0; i < sizeof b; i++)
		v = v << 8 | b[i];
	*number = v;
	return true;
}

static bool encode(struct buf *out, struct str data, int variant)
{
	if (data.n > SIZE_MAX / 2)
		return false;
	size_t size = sodium_base64_encoded_len(data.n, variant); /* with its NUL */
	char *p = buf_reserve(out, size);
	if (p == NULL)
		return false;
	sodium_bin2base64(p, size, bytes(data), data.n, variant);
	buf_commit(out, size - 1);
	return true;
}

static bool decode(struct buf *out, struct str text, int variant)
{
	size_t n = 0;
	unsigned char *p = (unsigned char *)buf_reserve(out, text.n / 4 * 3 + 3);
	if (p == NULL || sodium_base642bin(p, text.n / 4 * 3 + 3, text.p, text.n, NULL,
					   &n, NULL, variant) != 0)
		return false;
	buf_commit(out, n);
	return true;
}

bool crypto_base64url(struct buf *out, struct str data)
{
	return encode(out, data, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool crypto_unbase64url(struct buf *out, struct str text)
{
	return decode(out, text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool crypto_base64(struct buf *out, struct str data)
{
	return encode(out, data, sodium_base64_VARIANT_ORIGINAL);
}

bool crypto_unbase64(struct buf *out, struct str text)
{
	return decode(out, text, sodium_base64_VARIANT_ORIGINAL);
}
