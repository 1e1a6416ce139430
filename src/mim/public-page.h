/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of the public listener: plain HTML without scripts, images, cookies or
 * anything from elsewhere. Pure. */
#ifndef INLAY_MIM_PUBLIC_PAGE_H
#define INLAY_MIM_PUBLIC_PAGE_H

#include "base/buf.h"
#include "net/http-server.h"

#define PUBLIC_PAGE_MAX 8192
#define PUBLIC_PAGE_TYPE "text/html; charset=utf-8"

/* X(NAME, title, text, has the button). %s of the text: what, from whom. */
#define PUBLIC_PAGES(X)                                                                \
	X(ASK, "Unsubscribe", "Do you want to receive no more messages of this kind?", \
	  true)                                                                        \
	X(DONE, "Unsubscribed", "You will receive no more messages of this kind.",     \
	  false)                                                                       \
	X(NOT_FOUND, "Not found",                                                      \
	  "This link is not complete. Please copy the whole link from the message.",   \
	  false)                                                                       \
	X(BAD_REQUEST, "Bad request", "This is not how this page can be called.",      \
	  false)                                                                       \
	X(LATER, "Please try again", "This did not work. Please try again later.",     \
	  false)
enum public_page {
#define X(name, title, text, button) PUBLIC_##name,
	PUBLIC_PAGES(X)
#undef X
};

struct public_names {
	struct str sender, purpose;
};

/* names may be NULL. */
bool public_page_write(struct buf *out, enum public_page page,
		       const struct public_names *names);
/* Nothing cached, nothing loaded, no referrer, no framing. */
extern const struct http_header public_page_headers[];
extern const size_t public_page_n_headers;

#endif
