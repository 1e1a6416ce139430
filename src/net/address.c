/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define TEXT_MAX 64
#define MAPPED_BITS 96

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool parse_address(const char *text, uint8_t out[16], bool *is_v4)
{
	memcpy(out, mapped, sizeof mapped);
	*is_v4 = inet_pton(AF_INET, text, out + 12) == 1;
	return *is_v4 || inet_pton(AF_INET6, text, out) == 1;
}

static bool tail_is_zero(const struct address_network *n)
{
	for (unsigned bit = n->bits; bit < 128; bit++)
		if ((n->b[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return false;
	return true;
}

bool address_network_parse(struct str text, struct address_network *out,
			   struct error *err)
{
	char address[TEXT_MAX];
	bool is_v4 = false;
	size_t slash = str_find_char(text, '/');
	uint64_t bits = 0;
	bool ok = slash < sizeof address;
	if (ok) {
		memcpy(address, text.p != NULL ? text.p : "", slash);
		address[slash] = '\0';
		ok = memchr(address, '\0', slash) == NULL &&
		     parse_address(address, out->b, &is_v4);
	}
	uint64_t most = is_v4 ? 32 : 128;
	ok = ok && (slash == text.n ? (bits = most, true)
				    : str_to_u64(str_slice(text, slash + 1, text.n),
						 most, &bits));
	out->bits = (unsigned)bits + (is_v4 ? MAPPED_BITS : 0);
	if (ok && tail_is_zero(out))
		return true;
	return error_set(err, ERROR_BAD_VALUE, "",
			 "\"%.*s\" is no network like 10.0.0.0/8 or fd00::/8",
			 STR_ARG(text));
}

/* Of AF_INET as mapped. */
static bool bytes_of(const struct sockaddr *a, uint8_t out[16])
{
	if (a->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, a, sizeof v4);
		memcpy(out, mapped, sizeof mapped);
		memcpy(out + 12, &v4.sin_addr, 4);
		return true;
	}
	if (a->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, a, sizeof v6);
		memcpy(out, &v6.sin6_addr, 16);
		return true;
	}
	return false;
}

static bool is_in(const uint8_t *network, unsigned bits, const uint8_t *b)
{
	size_t whole = bits / 8;
	if (memcmp(network, b, whole) != 0)
		return false;
	return bits % 8 == 0 ||
	       ((network[whole] ^ b[whole]) >> (8 - bits % 8) & 0xff) == 0;
}

bool address_is_in(const struct address_networks *all, const struct sockaddr *a)
{
	uint8_t b[16];
	if (!bytes_of(a, b))
		return false;
	for (size_t i = 0; i < all->n; i++)
		if (is_in(all->items[i].b, all->items[i].bits, b))
			return true;
	return false;
}

struct special {
	uint8_t b[8]; /* the rest is 0 */
	unsigned bits;
};
/* IANA IPv4 Special-Purpose Address Registry, 224.0.0.0/4 and 240.0.0.0/4 */
static const struct special special_v4[] = {
	{{0}, 8},
	{{10}, 8},
	{{100, 64}, 10},
	{{127}, 8},
	{{169, 254}, 16},
	{{172, 16}, 12},
	{{192, 0, 0}, 24},
	{{192, 0, 2}, 24},
	{{192, 31, 196}, 24},
	{{192, 52, 193}, 24},
	{{192, 88, 99}, 24},
	{{192, 168}, 16},
	{{192, 175, 48}, 24},
	{{198, 18}, 15},
	{{198, 51, 100}, 24},
	{{203, 0, 113}, 24},
	{{224}, 3},
};
/* Inside of 2000::/3, which alone is global unicast: the IPv6 registry. */
static const struct special special_v6[] = {
	{{0x20, 0x01}, 23},                   /* protocol assignments, Teredo */
	{{0x20, 0x01, 0x0d, 0xb8}, 32},       /* documentation */
	{{0x3f, 0xff}, 20},                   /* documentation, RFC 9637 */
	{{0x26, 0x20, 0, 0x4f, 0x80, 0}, 48}, /* AS112 */
};

static bool is_public_v4(const uint8_t *b)
{
	for (size_t i = 0; i < sizeof special_v4 / sizeof *special_v4; i++)
		if (is_in(special_v4[i].b, special_v4[i].bits, b))
			return false;
	return true;
}

bool address_is_public(const struct sockaddr *a)
{
	static const uint8_t global[1] = {0x20}, nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t six_to_four[2] = {0x20, 0x02};
	uint8_t b[16];
	if (!bytes_of(a, b))
		return false;
	if (is_in(mapped, MAPPED_BITS, b) || is_in(nat64, 96, b))
		return is_public_v4(b + 12);
	if (is_in(six_to_four, 16, b))
		return is_public_v4(b + 2);
	if (!is_in(global, 3, b))
		return false;
	for (size_t i = 0; i < sizeof special_v6 / sizeof *special_v6; i++)
		if (is_in(special_v6[i].b, special_v6[i].bits, b))
			return false;
	return true;
}
