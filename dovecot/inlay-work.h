/* SPDX-License-Identifier: Apache-2.0 */
/* All work on the mailbox: lock, own handle of INBOX, synchronise, look, save or
 * expunge, synchronise, let go. The client's own handle is never touched, so what was
 * done appears in its next synchronisation as if somebody else had done it. */
#ifndef INLAY_WORK_H
#define INLAY_WORK_H

#include "inlay-session.h"

/* Finds where our files of this user's INBOX are, if that is not known yet. */
bool inlay_work_find_paths(struct inlay_session *session);
/* Opens INBOX once and makes the ledger, so that the first trigger, which will put in
 * a message, finds both. What cannot be done now is done, or complained of, then. */
void inlay_work_prepare(struct inlay_session *session);
/* Makes own and measure of the session good enough for an OPEN; scans if it must.
 * False: not now (the lock is held, or the mailbox has an error). */
bool inlay_work_look(struct inlay_session *session, struct mailbox *box);
/* Is there anything to carry out, or any withdrawal? */
bool inlay_work_is_there(const struct inlay_session *session, bool withdrawals_only);
/* Carries out what the agent has answered or pushed. What is not possible now is kept
 * for the next time. False: there is something, and another has the lock. With
 * withdrawals_only a message is not saved, but refused if its withdrawal is behind it
 * in the list; any other waits. */
bool inlay_work(struct inlay_session *session, bool withdrawals_only);
/* At logout: refuses what was never carried out, because another session had the lock
 * whenever this one could, so that MIM may give it to the next opening at once. */
void inlay_work_give_back(struct inlay_session *session);

#endif
