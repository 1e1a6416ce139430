/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of short texts: addresses, times, durations, ids, hex, keys of objects,
 * numbers. The first byte chooses. What is taken reads back from what is written. */
#include "base/clock.h"
#include "message/address.h"
#include "model/id.h"
#include "net/object-store.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void address(struct str text)
{
	char room[1024];
	struct buf out = {.p = room, .cap = sizeof room, .max = sizeof room};
	struct error err = {0};
	struct str domain = address_domain(text);
	if (address_is_valid(text))
		must(address_is_domain(domain) && domain.n < text.n);
	/* whatever the user's name: an address is one line of visible ASCII */
	if (!address_of_user(text, STR("mail.example"), &out, &err)) {
		must(err.kind != ERROR_NONE);
		return;
	}
	must(out.n > 0 && address_is_domain(address_domain(buf_str(&out))));
	for (size_t i = 0; i < out.n; i++)
		must(out.p[i] >= ' ' && out.p[i] <= '~');
	if (address_is_valid(text) && memmem(text.p, text.n, "=?", 2) == NULL)
		must(str_eq(buf_str(&out), text));
}

typedef bool parse_fn(struct str s, int64_t *value, struct error *err);
typedef bool format_fn(struct buf *out, int64_t value);

static void time_or_duration(struct str text, parse_fn *parse, format_fn *format)
{
	char room[64];
	struct buf out = {.p = room, .cap = sizeof room, .max = sizeof room};
	struct error err = {0};
	int64_t value, again;
	if (!parse(text, &value, &err)) {
		must(err.kind != ERROR_NONE);
		return;
	}
	must(value >= 0 && value <= CLOCK_MAX_MS && format(&out, value));
	must(parse(buf_str(&out), &again, &err) && again == value);
}

static void id(struct str text)
{
	struct id16 id;
	char written[ID_TEXT_LEN + 1];
	if (id16_parse(text, &id)) {
		id16_text(id, written);
		must(str_ieq(str_of(written), text));
	}
	must(!user_key_is_hash(text) || text.n == 64);
}

static void hex(struct str text)
{
	uint8_t bytes[64];
	char written[2 * sizeof bytes + 1];
	size_t n = text.n / 2;
	if (n > sizeof bytes || !crypto_unhex(text, bytes, n))
		return;
	crypto_hex(written, bytes, n);
	must(str_ieq(str_of(written), text));
}

static void key(struct str text)
{
	struct error err = {0};
	struct str part, rest = text;
	if (!object_key_check(text, &err)) {
		must(err.kind != ERROR_NONE);
		return;
	}
	must(str_is_utf8(text) && text.n <= OBJECT_KEY_MAX);
	must(text.n == 0 || text.p[0] != '/');
	while (str_next_part(&rest, '/', &part))
		must(!str_eqz(part, "..") && !str_eqz(part, "."));
}

static void number(struct str text)
{
	char room[32];
	struct buf out = {.p = room, .cap = sizeof room, .max = sizeof room};
	uint64_t value, again;
	if (!str_to_u64(text, UINT64_MAX, &value))
		return;
	must(buf_add_u64(&out, value));
	must(str_to_u64(buf_str(&out), value, &again) && again == value);
	must(value == 0 || !str_to_u64(text, value - 1, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str text = {(const char *)data + 1, size - 1};
	switch (data[0] % 7) {
	case 0:
		address(text);
		break;
	case 1:
		time_or_duration(text, clock_parse_rfc3339, clock_format_rfc3339);
		break;
	case 2:
		time_or_duration(text, clock_parse_duration, clock_format_duration);
		break;
	case 3:
		id(text);
		break;
	case 4:
		hex(text);
		break;
	case 5:
		key(text);
		break;
	default:
		number(text);
		break;
	}
	return 0;
}
