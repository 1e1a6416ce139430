/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger as it could lie on a disk. What is taken in must be found again, and one
 * record an instance; what one of them says of the file's name is believed. */
#include "../../dovecot/inlay-ledger.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inlay_ledger ledger;
	unsigned char bytes[INLAY_RECORD_SIZE];

	inlay_ledger_init(&ledger);
	inlay_ledger_fold(&ledger, data, size);
	unsigned int count = array_count(&ledger.records);
	if (count + ledger.bad > ledger.lines || ledger.lines > ledger.room ||
	    ledger.room != size / sizeof(bytes))
		abort();
	for (unsigned int i = 0; i < count; i++) {
		struct inlay_record *record = array_idx_modifiable(&ledger.records, i);
		struct inlay_record back;
		if (inlay_ledger_by_instance(&ledger, record->instance) != record)
			abort();
		inlay_record_encode(record, bytes);
		if (!inlay_record_decode(bytes, &back) || back.named != record->named)
			abort();
		if (record->named && !ledger.settled)
			abort();
	}
	inlay_ledger_free(&ledger);
	return 0;
}
