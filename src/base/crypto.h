/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, MACs, sealed secrets and their text forms, on libsodium. Call
 * crypto_init() once per process before anything else. */
#ifndef INLAY_BASE_CRYPTO_H
#define INLAY_BASE_CRYPTO_H

#include "base/buf.h"
#include "base/error.h"

#define CRYPTO_SHA256_LEN 32
#define CRYPTO_KEY_LEN 32 /* tenant keys, master key: 256 random bits */

bool crypto_init(void);
void crypto_random(void *out, size_t n);

/* FIPS 180-4 */
void crypto_sha256(struct str data, uint8_t out[CRYPTO_SHA256_LEN]);
struct crypto_sha256_state {
	_Alignas(16) unsigned char opaque[128];
};
void crypto_sha256_start(struct crypto_sha256_state *st);
void crypto_sha256_add(struct crypto_sha256_state *st, struct str data);
void crypto_sha256_end(struct crypto_sha256_state *st, uint8_t out[CRYPTO_SHA256_LEN]);

/* RFC 2104 with SHA-256, key of any length. Each part of `parts` goes in with
 * its length before it (u32 big-endian), so that ("ab","c") and ("a","bc")
 * differ; the first part is the domain string. */
void crypto_mac_parts(struct str key, const struct str *parts, size_t n_parts,
		      uint8_t out[CRYPTO_SHA256_LEN]);
/* Plain RFC 2104 HMAC-SHA256 of one message. */
void crypto_hmac_sha256(struct str key, struct str msg, uint8_t out[CRYPTO_SHA256_LEN]);
/* BLAKE2b (RFC 7693) with 16 bytes of output, unkeyed. */
void crypto_blake2b_128(struct str data, uint8_t out[16]);
/* The same under a key, of parts as in crypto_mac_parts: for draws, of which there are
 * many and whose values nobody outside sees. */
void crypto_draw_parts(const uint8_t key[CRYPTO_KEY_LEN], const struct str *parts,
		       size_t n_parts, uint8_t out[16]);

/* SipHash-2-4 of 128 bits: to know again, within one process, what was seen before,
 * under a key that was drawn at its start. */
#define CRYPTO_AGAIN_LEN 16
void crypto_again(const uint8_t key[CRYPTO_AGAIN_LEN], struct str data,
		  uint8_t out[CRYPTO_AGAIN_LEN]);

/* XChaCha20-Poly1305, random nonce in front of the sealed text. */
#define CRYPTO_SEAL_OVERHEAD 40
bool crypto_seal(const uint8_t key[CRYPTO_KEY_LEN], struct str aad, struct str plain,
		 struct buf *out);
/* False when it was not sealed with this key and aad. */
bool crypto_open(const uint8_t key[CRYPTO_KEY_LEN], struct str aad, struct str sealed,
		 struct buf *out);

/* In constant time for equal lengths. */
bool crypto_equal(const void *a, const void *b, size_t n);
void crypto_wipe(void *p, size_t n);

/* Lower-case hex: 2n characters and a NUL. */
void crypto_hex(char *out, const void *data, size_t n);
/* Exactly 2n hex digits (either case); false on anything else. */
bool crypto_unhex(struct str hex, void *out, size_t n);
/* A number as 16 digits, and back. */
#define CRYPTO_HEX64_LEN 16
void crypto_hex64(uint64_t number, char out[CRYPTO_HEX64_LEN + 1]);
bool crypto_unhex64(struct str hex, uint64_t *number);
/* base64url without padding (RFC 4648 section 5). */
bool crypto_base64url(struct buf *out, struct str data);
bool crypto_unbase64url(struct buf *out, struct str text);
/* Standard base64 with padding (RFC 4648 section 4). */
bool crypto_base64(struct buf *out, struct str data);
bool crypto_unbase64(struct buf *out, struct str text);

#endif
