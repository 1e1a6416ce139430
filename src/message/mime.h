/* SPDX-License-Identifier: Apache-2.0 */
/* The finished message (RFC 5322, MIME) of a template, a user's variables and an
 * envelope: what the agent hands to the plugin, and what a preview shows. Pure:
 * the same input gives the same bytes. */
#ifndef INLAY_MESSAGE_MIME_H
#define INLAY_MESSAGE_MIME_H

#include "message/template.h"

#define MIME_MAX_MESSAGE (1024 * 1024)
#define MIME_MAX_URL 900 /* bytes of the unsubscribe address */
#define MIME_N_DATES 2

/* Call once in a process before the first mime_build (GMime's own tables). After
 * it, mime_build may be called by several threads. GLib, which GMime stands on,
 * ends the process when memory is out; all else here reports it. */
void mime_init(void);

struct mime_envelope {
	struct str to;       /* the user's address (address_of_user) */
	struct str instance; /* letters, digits, - and _ only, as is proof */
	struct str proof;
	struct str domain;      /* of the Message-ID */
	struct str node;        /* the host that the Received line names; absent:
				   the domain */
	struct str label;       /* "Anzeige": in front of Subject and From; or absent */
	struct str unsubscribe; /* https address of one click (RFC 8058), or absent */
	int64_t date_ms;        /* of Received and Date */
};

/* Adds the message with CRLF lines to `out`, whose maximum should be
 * MIME_MAX_MESSAGE. dates: byte offsets, in `out`, of the two fixed-width dates
 * (CLOCK_RFC5322_LEN bytes: of the top Received and of Date), which may be
 * overwritten by another of the same form. On error `out` may hold a part. */
bool mime_build(const struct template *t, const struct mustache_values *row,
		const struct mime_envelope *envelope, struct template_parts *scratch,
		struct buf *out, size_t dates[MIME_N_DATES], struct error *err);

#endif
