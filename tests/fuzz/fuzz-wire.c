/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as they could come from the other end of the socket. What decodes must
 * encode again, and to bytes that decode. */
#include "wire/wire.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_frame frame, again;
	struct str rest = {(const char *)data, size};
	size_t length;

	for (;;) {
		enum wire_status status = wire_frame_find(rest, &length);
		if (status == WIRE_SKIP) {
			rest = str_slice(rest, length, rest.n);
			continue;
		}
		if (status != WIRE_OK)
			return 0;
		struct str one = str_slice(rest, 0, length);
		rest = str_slice(rest, length, rest.n);
		if (wire_frame_decode(one, &frame) != WIRE_OK)
			continue;
		struct buf out;
		buf_init(&out, 2 * WIRE_FRAME_MAX);
		if (wire_frame_encode(&out, &frame) != WIRE_OK ||
		    wire_frame_decode(buf_str(&out), &again) != WIRE_OK)
			abort();
		buf_free(&out);
	}
}
