/* SPDX-License-Identifier: Apache-2.0 */
/* HTML of any bytes to text, and the other readers of HTML. */
#include "message/html-text.h"
#include "message/html.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str html = {(const char *)data, size};
	struct buf out, back;
	buf_init(&out, 1024 * 1024);
	buf_init(&back, 1024 * 1024);
	html_to_text(html, &out);
	if (html_body_start(html) > size)
		abort();
	html_url_allowed(str_slice(html, 0, size / 2), str_slice(html, size / 2, size));
	/* what is escaped reads back as it was */
	buf_clear(&out);
	if (html_escape(&out, html) && html_unescape(&back, buf_str(&out)) &&
	    memchr(data, '\0', size) == NULL && !str_eq(buf_str(&back), html))
		abort();
	buf_free(&out);
	buf_free(&back);
	return 0;
}
