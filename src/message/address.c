/* SPDX-License-Identifier: Apache-2.0 */
#include "message/address.h"

#define LOCAL_MAX 64 /* RFC 5321 section 4.5.3.1.1 */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* atext of RFC 5322 section 3.2.3 */
static bool is_atom_char(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_atom(struct str s)
{
	if (s.n == 0 || s.n > LOCAL_MAX || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_atom_char(s.p[i]) &&
		    (s.p[i] != '.' || (i > 0 && s.p[i - 1] == '.')))
			return false;
	return true;
}

bool address_is_domain(struct str domain)
{
	struct str label;
	if (domain.n == 0 || domain.n > 253 || domain.p[domain.n - 1] == '.')
		return false;
	while (str_next_part(&domain, '.', &label)) {
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_alnum(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return true;
}

/* Index of the last "@", or s.n. */
static size_t last_at(struct str s)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '@')
			return i - 1;
	return s.n;
}

struct str address_domain(struct str address)
{
	size_t at = last_at(address);
	return at < address.n ? str_slice(address, at + 1, address.n) : (struct str){0};
}

bool address_is_valid(struct str address)
{
	size_t at = last_at(address);
	return address.n <= ADDRESS_MAX && at < address.n &&
	       is_dot_atom(str_slice(address, 0, at)) &&
	       address_is_domain(address_domain(address));
}

/* quoted-string of RFC 5322 section 3.2.4, ASCII only */
static bool add_quoted(struct buf *out, struct str local)
{
	if (local.n == 0 || local.n > LOCAL_MAX)
		return false;
	for (size_t i = 0; i < local.n; i++)
		if (local.p[i] < ' ' || local.p[i] > '~')
			return false;
	buf_add_char(out, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, local.p[i]);
	}
	return buf_add_char(out, '"');
}

bool address_of_user(struct str user, struct str default_domain, struct buf *out,
		     struct error *err)
{
	size_t at = last_at(user);
	struct str local = str_slice(user, 0, at);
	struct str domain = at < user.n ? address_domain(user) : default_domain;
	if (domain.n == 0)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "the user name has no domain, and there is no default "
				 "domain");
	if (!address_is_domain(domain))
		return error_set(err, ERROR_BAD_VALUE, "",
				 "what follows the @ of the user name is no domain");
	/* "=?" may begin an encoded word, which a quoted string cannot hold */
	if (is_dot_atom(local) && memmem(local.p, local.n, "=?", 2) == NULL) {
		buf_add_str(out, local);
	} else if (!add_quoted(out, local)) {
		return error_set(err, ERROR_BAD_VALUE, "",
				 "the user name cannot be the local part of an "
				 "address");
	}
	buf_add_char(out, '@');
	if (!buf_add_str(out, domain))
		return error_set(err, ERROR_TOO_LARGE, "", "the address is too long");
	return true;
}
