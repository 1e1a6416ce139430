/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-rank.h"

#include "inlay-date.h"

/* INTERNALDATEs of the highest UIDs. */
static unsigned int newest_dates(struct mailbox *box, unsigned int wanted,
				 uint32_t except, time_t *dates)
{
	unsigned int count = 0;
	struct mailbox_transaction_context *t = mailbox_transaction_begin(
		box, MAILBOX_TRANSACTION_FLAG_NO_CACHE_DEC, __func__);
	struct mail *mail = mail_alloc(t, MAIL_FETCH_RECEIVED_DATE, NULL);

	for (uint32_t seq = mail_index_view_get_messages_count(box->view);
	     seq > 0 && count < wanted; seq--) {
		mail_set_seq(mail, seq);
		if (mail->uid != except &&
		    mail_get_received_date(mail, &dates[count]) == 0)
			count++;
	}
	mail_free(&mail);
	/* what was learned of the messages goes into Dovecot's cache, or does not */
	(void)mailbox_transaction_commit(&t);
	return count;
}

time_t inlay_rank_date(struct mailbox *box, uint32_t rank, uint32_t except, time_t now)
{
	time_t dates[INLAY_RANK_MAX + INLAY_RANK_MARGIN];

	i_assert(rank > 0 && rank <= INLAY_RANK_MAX);
	unsigned int count = newest_dates(box, rank + INLAY_RANK_MARGIN, except, dates);
	return inlay_date_of_rank(dates, count, rank, now);
}
