/* SPDX-License-Identifier: Apache-2.0 */
#include "net/s3-place.h"

#include "net/s3-sign.h"

#include <stdio.h>

#define AMAZON_DOMAIN "amazonaws.com"

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool is_region(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_label_char(s.p[i]))
			return false;
	return s.n > 0 && s.n <= S3_REGION_MAX;
}

/* A name that can stand in a host ("Bucket naming rules"). */
static bool is_host_name(struct str bucket)
{
	if (bucket.n < 3 || bucket.n > 63 || bucket.p[0] == '.' || bucket.p[0] == '-')
		return false;
	for (size_t i = 0; i < bucket.n; i++)
		if (!is_label_char(bucket.p[i]) && bucket.p[i] != '.')
			return false;
	return is_label_char(bucket.p[bucket.n - 1]) && bucket.p[bucket.n - 1] != '-';
}

/* host[:port], an address, or [v6]:port */
static bool is_authority(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_label_char(str_lower_char(s.p[i])) && s.p[i] != '.' &&
		    s.p[i] != ':' && s.p[i] != '[' && s.p[i] != ']')
			return false;
	return s.n > 0;
}

/* A bucket cannot stand before "127.0.0.1" or "[::1]". */
static bool is_address(struct str authority)
{
	struct str host = str_slice(authority, 0, str_find_char(authority, ':'));
	for (size_t i = 0; i < host.n; i++)
		if ((host.p[i] < '0' || host.p[i] > '9') && host.p[i] != '.')
			return host.p[i] == '[';
	return true;
}

/* Hosts of regions ---------------------------------------------------------------*/

/* "s3.region.domain" cut up; `domain` may begin with "dualstack." and has no region. */
struct regional {
	struct str domain;
	bool dualstack;
};

static const struct str service = STR_INIT("s3.");
static const struct str dualstack = STR_INIT("dualstack.");

static struct str without(struct str s, struct str prefix)
{
	return str_starts(s, prefix) ? str_slice(s, prefix.n, s.n) : s;
}

static bool is_amazons(struct str domain)
{
	return str_eqz(domain, AMAZON_DOMAIN) || str_eqz(domain, AMAZON_DOMAIN ".cn");
}

/* Without the label of a region, if it is this one. */
static struct str without_region(struct str rest, struct str region)
{
	bool is = str_starts(rest, region) && rest.n > region.n &&
		  rest.p[region.n] == '.' && region.n > 0;
	return is ? str_slice(rest, region.n + 1, rest.n) : rest;
}

/* One that a label can stand before without becoming somebody else's. */
static bool is_domain(struct str s)
{
	struct str host = str_slice(s, 0, str_find_char(s, ':'));
	return str_eqz(host, "localhost") || str_find_char(host, '.') < host.n;
}

static bool cut_up(const struct s3_place *p, struct str other, struct regional *r)
{
	struct str rest = str_of(p->base);
	if (!str_starts(rest, service))
		return false;
	rest = without(rest, service);
	r->dualstack = str_starts(rest, dualstack);
	rest = without(rest, dualstack);
	struct str behind = str_slice(rest, str_find_char(rest, '.') + 1, rest.n);
	if (is_amazons(behind))
		r->domain = behind; /* whatever region it is */
	else
		r->domain =
			without_region(without_region(rest, str_of(p->region)), other);
	return is_domain(r->domain);
}

static void set_host(struct s3_place *p)
{
	struct str bucket = str_of(p->bucket);
	/* a certificate for *.s3.domain is for one label more, not for two */
	p->virtual_host = p->moves && is_host_name(bucket) &&
			  !is_address(str_of(p->base)) &&
			  !(p->https && str_find_char(bucket, '.') < bucket.n);
	snprintf(p->host, sizeof p->host, "%s%s%s", p->virtual_host ? p->bucket : "",
		 p->virtual_host ? "." : "", p->base);
}

bool s3_place_move(struct s3_place *p, struct str region)
{
	char base[2 * S3_HOST_MAX];
	struct regional r;
	if (!is_region(region))
		return false;
	int n = p->moves && cut_up(p, region, &r)
			? snprintf(base, sizeof base, "s3.%s%.*s.%.*s",
				   r.dualstack ? "dualstack." : "", STR_ARG(region),
				   STR_ARG(r.domain))
			: snprintf(base, sizeof base, "%s", p->base);
	if (n < 0 || (size_t)n >= sizeof p->base ||
	    (str_eqz(region, p->region) && str_eqz(str_of(base), p->base)))
		return false;
	memcpy(p->base, base, (size_t)n + 1);
	memcpy(p->region, region.p, region.n);
	p->region[region.n] = '\0';
	set_host(p);
	return true;
}

/* What was given -----------------------------------------------------------------*/

static bool put(char *to, size_t size, struct str s)
{
	if (s.n >= size)
		return false;
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return true;
}

static bool set_base(struct s3_place *p, struct str endpoint)
{
	static const struct str http = STR_INIT("http://"),
				https = STR_INIT("https://");
	p->https = !str_starts(endpoint, http);
	endpoint = without(without(endpoint, http), https);
	if (str_ends(endpoint, STR("/")))
		endpoint.n--;
	struct str port = p->https ? STR(":443") : STR(":80");
	if (str_ends(endpoint, port))
		endpoint.n -= port.n; /* libcurl does not send it */
	return is_authority(endpoint) && put(p->base, sizeof p->base, endpoint);
}

/* Amazon's own of the region, where no endpoint is given. */
static bool set_amazon(struct s3_place *p)
{
	int n = snprintf(p->base, sizeof p->base, "s3.%s." AMAZON_DOMAIN "%s",
			 p->region,
			 str_starts(str_of(p->region), STR("cn-")) ? ".cn" : "");
	p->https = true;
	return n > 0 && (size_t)n < sizeof p->base;
}

bool s3_place_set(struct s3_place *p, const struct s3_place_given *given,
		  struct error *err)
{
	struct str region =
		given->region.n > 0 ? given->region : STR(S3_DEFAULT_REGION);
	*p = (struct s3_place){.moves = given->amazon};
	if (!put(p->region, sizeof p->region, region))
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "the region is too long");
	if (given->bucket.n == 0 || !put(p->bucket, sizeof p->bucket, given->bucket))
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "the bucket's name must have 1 to %d bytes",
				 S3_BUCKET_MAX);
	bool none = given->amazon && given->endpoint.n == 0;
	if (!(none ? is_region(region) && set_amazon(p) : set_base(p, given->endpoint)))
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 none ? "the region is none"
				      : "the endpoint must be a host, perhaps with "
					"scheme and port, and no path");
	set_host(p);
	return true;
}

/* Parts of a URL -----------------------------------------------------------------*/

bool s3_place_path(const struct s3_place *p, struct str key, struct buf *out)
{
	if (!p->virtual_host)
		s3_key_write(out, str_of(p->bucket));
	if (key.n > 0)
		s3_key_write(out, key);
	else if (p->virtual_host)
		buf_add_char(out, '/');
	return buf_ok(out);
}

bool s3_place_resource(const struct s3_place *p, struct buf *out)
{
	return !p->virtual_host || s3_key_write(out, str_of(p->bucket));
}

bool s3_place_root(const struct s3_place *p, struct buf *out)
{
	buf_add_str(out, p->https ? STR("https://") : STR("http://"));
	return buf_add_str(out, str_of(p->host));
}
