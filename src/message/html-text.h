/* SPDX-License-Identifier: Apache-2.0 */
/* A readable text/plain of an HTML mail: paragraphs and headings with a blank
 * line between, lists with "-" or numbers, links as "text <address>", images as
 * their alt text. What is hidden (display:none, <head>, <style>, comments) stays
 * hidden. Pure; any bytes are taken. */
#ifndef INLAY_MESSAGE_HTML_TEXT_H
#define INLAY_MESSAGE_HTML_TEXT_H

#include "base/buf.h"

/* Adds lines ended by "\n". False only when `out` is full or out of memory. */
bool html_to_text(struct str html, struct buf *out);

#endif
