/* SPDX-License-Identifier: Apache-2.0 */
/* Mail addresses (RFC 5322 section 3.4.1, the part of it that is in use). */
#ifndef INLAY_MESSAGE_ADDRESS_H
#define INLAY_MESSAGE_ADDRESS_H

#include "base/buf.h"
#include "base/error.h"

#define ADDRESS_MAX 254 /* RFC 5321 section 4.5.3.1.3, without the brackets */

/* local@domain with a dot-atom of ASCII on the left and a host name on the right
 * (international domains in their xn-- form). */
bool address_is_valid(struct str address);
/* A host name: labels of letters, digits and hyphens, 253 bytes at most. */
bool address_is_domain(struct str domain);
/* The part behind the last "@", or absent. */
struct str address_domain(struct str address);

/* Makes the address of a mail system's user: `user` as it is if it is one, else
 * with a quoted local part if that makes it one, and with "@default_domain" if
 * it has no domain (default_domain may be absent). False when no address can be
 * made of it. */
bool address_of_user(struct str user, struct str default_domain, struct buf *out,
		     struct error *err);

#endif
