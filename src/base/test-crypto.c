/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"
#include "base/unit.h"

static void published_vectors(void **state)
{
	(void)state;
	uint8_t out[32];
	char hex[65];
	crypto_sha256(STR("abc"), out); /* FIPS 180-4 example */
	crypto_hex(hex, out, 32);
	assert_string_equal(
		hex,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	/* RFC 4231 test case 2 */
	crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
	crypto_hex(hex, out, 32);
	assert_string_equal(
		hex,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	/* RFC 4231 test case 6: a key longer than the block */
	char key[131];
	memset(key, 0xaa, sizeof key);
	crypto_hmac_sha256(
		(struct str){key, sizeof key},
		STR("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	crypto_hex(hex, out, 32);
	assert_string_equal(
		hex,
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void parts_do_not_run_together(void **state)
{
	(void)state;
	uint8_t a[32], b[32];
	crypto_mac_parts(STR("k"), (struct str[]){STR("ab"), STR("c")}, 2, a);
	crypto_mac_parts(STR("k"), (struct str[]){STR("a"), STR("bc")}, 2, b);
	assert_memory_not_equal(a, b, 32);
	uint8_t key[CRYPTO_KEY_LEN] = {1}, other[CRYPTO_KEY_LEN] = {2};
	const struct str one[] = {STR("ab"), STR("c")}, two[] = {STR("a"), STR("bc")};
	crypto_draw_parts(key, one, 2, a);
	crypto_draw_parts(key, two, 2, b);
	assert_memory_not_equal(a, b, 16);
	crypto_draw_parts(other, one, 2, b);
	assert_memory_not_equal(a, b, 16);
	crypto_draw_parts(key, one, 2, b);
	assert_memory_equal(a, b, 16);
}

static void a_sealed_secret_opens_with_its_key_and_place_only(void **state)
{
	(void)state;
	uint8_t key[32], other[32];
	struct buf sealed, plain;
	crypto_random(key, sizeof key);
	crypto_random(other, sizeof other);
	buf_init(&sealed, 1000);
	buf_init(&plain, 1000);
	assert_true(crypto_seal(key, STR("t|list|a|key"), STR("secret"), &sealed));
	assert_int_equal(sealed.n, 6 + CRYPTO_SEAL_OVERHEAD);
	assert_false(crypto_open(other, STR("t|list|a|key"), buf_str(&sealed), &plain));
	assert_false(crypto_open(key, STR("t|list|b|key"), buf_str(&sealed), &plain));
	assert_true(crypto_open(key, STR("t|list|a|key"), buf_str(&sealed), &plain));
	assert_str(buf_str(&plain), "secret");
	for (size_t n = 0; n < sealed.n; n++) {
		buf_clear(&plain);
		assert_false(crypto_open(key, STR("t|list|a|key"),
					 str_slice(buf_str(&sealed), 0, n), &plain));
	}
	buf_free(&sealed);
	buf_free(&plain);
}

static void text_forms_are_strict(void **state)
{
	(void)state;
	struct buf b;
	uint8_t out[4];
	buf_init(&b, 100);
	assert_true(crypto_base64url(&b, STR("\xff\xfe!")));
	assert_str(buf_str(&b), "__4h");
	buf_clear(&b);
	assert_true(crypto_unbase64url(&b, STR("__4h")));
	assert_str(buf_str(&b), "\xff\xfe!");
	buf_clear(&b);
	assert_false(crypto_unbase64url(&b, STR("__4=")));
	buf_clear(&b);
	assert_true(crypto_base64(&b, STR("a")));
	assert_str(buf_str(&b), "YQ==");
	uint64_t number;
	char text[CRYPTO_HEX64_LEN + 1];
	crypto_hex64(UINT64_C(0x0123456789abcdef), text);
	assert_string_equal(text, "0123456789abcdef");
	assert_true(crypto_unhex64(STR("fedcba9876543210"), &number));
	assert_true(number == UINT64_C(0xfedcba9876543210));
	assert_false(crypto_unhex64(STR("fedcba987654321"), &number));
	assert_true(crypto_unhex(STR("00fFaB10"), out, 4));
	assert_memory_equal(out, "\x00\xff\xab\x10", 4);
	assert_false(crypto_unhex(STR("00ff"), out, 4));
	assert_false(crypto_unhex(STR("00ffab1g"), out, 4));
	assert_false(crypto_unhex(STR("00ffab1000"), out, 4));
	buf_free(&b);
}

static int start(void **state)
{
	(void)state;
	return crypto_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(parts_do_not_run_together),
		cmocka_unit_test(a_sealed_secret_opens_with_its_key_and_place_only),
		cmocka_unit_test(text_forms_are_strict),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
