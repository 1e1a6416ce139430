/* SPDX-License-Identifier: Apache-2.0 */
/* What every request to somebody else's server has in common: HTTP and HTTPS only, no
 * redirect and no proxy of the environment, certificates verified, and no connection
 * to an address that it may not have. */
#ifndef INLAY_NET_OUTGOING_H
#define INLAY_NET_OUTGOING_H

#include "net/address.h"

#include <curl/curl.h>

/* Of one request; must stay where it is until that has ended. */
struct outgoing {
	const char *ca_file;                    /* NULL: those of the system */
	const struct address_networks *allowed; /* besides public ones */
	bool restricted; /* to addresses that are public or allowed */
	bool refused;    /* out: one of the host's addresses, perhaps not all */
	char error[CURL_ERROR_SIZE]; /* out: "" if libcurl has nothing to say */
};

/* What a user is told when `refused` is why nothing came. */
#define OUTGOING_REFUSED "has no address that is public or in inlay.net.allow"

/* Options of a handle that is new or was reset. */
void outgoing_prepare(CURL *easy, struct outgoing *o);

/* False without memory, or if the line is longer than OUTGOING_HEADER_MAX: then
 * nothing was added. */
#define OUTGOING_HEADER_MAX (8 * 1024)
bool outgoing_add_line(struct curl_slist **headers, const char *line);
bool outgoing_add_header(struct curl_slist **headers, const char *name,
			 struct str value);

/* Why it failed, in words. */
const char *outgoing_why(const struct outgoing *o, CURLcode code);

#endif
