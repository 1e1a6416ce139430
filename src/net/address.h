/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses may be connected to on behalf of somebody who is not trusted: those
 * of the public internet, and networks that the operator allows (inlay.net.allow).
 * Pure. */
#ifndef INLAY_NET_ADDRESS_H
#define INLAY_NET_ADDRESS_H

#include "base/error.h"

#include <sys/socket.h>

#define ADDRESS_NETWORKS_MAX 64

/* IPv4 as IPv4-mapped IPv6: ::ffff:10.0.0.0/104 */
struct address_network {
	uint8_t b[16];
	unsigned bits;
};
struct address_networks {
	struct address_network items[ADDRESS_NETWORKS_MAX];
	size_t n;
};

/* "10.0.0.0/8", "fd00::/8", or one address; bits behind the prefix must be 0. */
bool address_network_parse(struct str text, struct address_network *out,
			   struct error *err);
bool address_is_in(const struct address_networks *all, const struct sockaddr *a);
/* In none of the special-purpose registries of IANA (RFC 6890), no multicast; an
 * IPv6 address that carries an IPv4 one is judged by that, too. False for any other
 * family. */
bool address_is_public(const struct sockaddr *a);

#endif
