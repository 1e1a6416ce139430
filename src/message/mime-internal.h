/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a message that GMime writes: address and subject headers, the
 * template's own headers, and the body. */
#ifndef INLAY_MESSAGE_MIME_INTERNAL_H
#define INLAY_MESSAGE_MIME_INTERNAL_H

#include "message/mime.h"

struct mime_content {
	struct str from_name; /* with the label; may be empty */
	struct str from_address;
	struct str reply_to_name;
	struct str reply_to_address; /* absent: no Reply-To */
	struct str to;
	struct str subject;
	const struct template_parts *parts; /* headers, text, html */
	const char *boundary;
};

bool mime_write_content(const struct mime_content *content, struct buf *out,
			struct error *err);

#endif
