/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <curl/curl.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define NO_CONTENT 204
#define CONNECT_TIMEOUT_S 5L
/* Longer than mimd's own deadline, so that its answer says what was slow. */
#define CALL_TIMEOUT_S 120L
#define TOKEN_MAX 512

struct client {
	CURL *curl;
	struct curl_slist *headers;
	char *url; /* without a final slash */
	char *token_file;
	char reason[CURL_ERROR_SIZE];
};

static bool read_token(FILE *f, const char *path, char token[TOKEN_MAX + 1],
		       struct error *err)
{
	struct stat st;
	if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode))
		return error_set(err, ERROR_USAGE, "", "%s is not a file", path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		fprintf(stderr,
			"inlay: warning: others may read %s; chmod 600 prevents it\n",
			path);
	size_t n = fread(token, 1, TOKEN_MAX + 1, f);
	struct str line = str_trim((struct str){token, n > TOKEN_MAX ? TOKEN_MAX : n});
	if (n > TOKEN_MAX || line.n == 0)
		return error_set(err, ERROR_USAGE, "", "%s holds no token", path);
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] <= ' ' || line.p[i] > '~')
			return error_set(err, ERROR_USAGE, "",
					 "%s holds more than a token in one line",
					 path);
	memmove(token, line.p, line.n);
	token[line.n] = '\0';
	return true;
}

static bool load_token(const char *path, char token[TOKEN_MAX + 1], struct error *err)
{
	FILE *f = fopen(path, "re");
	if (f == NULL && (errno == ENOENT || errno == EACCES))
		return error_set(err, ERROR_UNAUTHORIZED, "",
				 "cannot read the token file %s: %s; mimd writes its "
				 "first admin token when it is started first, and its "
				 "log says where; --token-file or INLAY_TOKEN_FILE "
				 "names another file",
				 path, strerror(errno));
	if (f == NULL)
		return error_set_errno(err, "", errno, "cannot open %s", path);
	bool ok = read_token(f, path, token, err);
	fclose(f);
	return ok;
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct reply *r = ctx;
	return buf_add(&r->body, data, size * n) ? size * n : 0;
}

static bool add_header(struct client *c, const char *line)
{
	struct curl_slist *list = curl_slist_append(c->headers, line);
	if (list != NULL)
		c->headers = list;
	return list != NULL;
}

static bool set_up(struct client *c, const char *token)
{
	char authorization[TOKEN_MAX + 32];
	snprintf(authorization, sizeof authorization, "Authorization: Bearer %s",
		 token);
	bool ok = add_header(c, authorization) &&
		  add_header(c, "Content-Type: application/json") &&
		  add_header(c, "Accept: application/json, application/problem+json") &&
		  add_header(c, "Expect:");
	explicit_bzero(authorization, sizeof authorization);
	return ok && curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->reason) == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers) == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take_body) == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https") == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_PROXY, "") == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_FOLLOWLOCATION, 0L) == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_PATH_AS_IS, 1L) == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L) == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "inlay") == 0 &&
	       curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S) ==
		       0 &&
	       curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, CALL_TIMEOUT_S) == 0;
}

/* The token over http to another machine can be read on the way. */
static void warn_of_plain_text(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL;
	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    strcmp(scheme, "http") == 0 && strcmp(host, "localhost") != 0 &&
	    strncmp(host, "127.", 4) != 0 && strcmp(host, "[::1]") != 0)
		fprintf(stderr,
			"inlay: warning: the token goes to %s unencrypted; use https\n",
			host);
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
}

struct client *client_new(const char *url, const char *token_file, struct error *err)
{
	char token[TOKEN_MAX + 1];
	if (!str_starts(str_of(url), STR("http://")) &&
	    !str_starts(str_of(url), STR("https://"))) {
		error_set(err, ERROR_USAGE, "",
			  "the URL %s must begin with http:// or https://", url);
		return NULL;
	}
	if (!load_token(token_file, token, err))
		return NULL;
	warn_of_plain_text(url);
	struct client *c = calloc(1, sizeof *c);
	if (c != NULL) {
		c->curl = curl_easy_init();
		c->url = strdup(url);
		c->token_file = strdup(token_file);
	}
	bool ok = c != NULL && c->curl != NULL && c->url != NULL &&
		  c->token_file != NULL && set_up(c, token);
	explicit_bzero(token, sizeof token);
	if (!ok) {
		error_set(err, ERROR_MEMORY, "", "no memory for the HTTP client");
		client_free(c);
		return NULL;
	}
	for (size_t n = strlen(c->url); n > 0 && c->url[n - 1] == '/'; n--)
		c->url[n - 1] = '\0';
	return c;
}

void client_free(struct client *c)
{
	if (c == NULL)
		return;
	curl_easy_cleanup(c->curl);
	curl_slist_free_all(c->headers);
	free(c->url);
	free(c->token_file);
	free(c);
}

static bool fail(const struct client *c, CURLcode code, const struct reply *reply,
		 struct error_list *errors)
{
	const char *why = c->reason[0] != '\0' ? c->reason : curl_easy_strerror(code);
	switch (code) {
	case CURLE_URL_MALFORMAT:
		return error_list_add(errors, ERROR_USAGE, "",
				      "%s is not a URL that one can call", c->url);
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return error_list_add(
			errors, ERROR_UNAVAILABLE, "",
			"cannot connect to %s (%s); is mimd running? \"systemctl "
			"status mail-injection-middleware\" tells, its server.port "
			"says where it listens; --url or INLAY_URL names another",
			c->url, why);
	case CURLE_OPERATION_TIMEDOUT:
		return error_list_add(errors, ERROR_TIMEOUT, "",
				      "%s did not answer in time (%s); what was asked "
				      "may have been done",
				      c->url, why);
	case CURLE_OUT_OF_MEMORY:
		return error_list_add(errors, ERROR_MEMORY, "", "out of memory");
	case CURLE_WRITE_ERROR:
		return error_list_add(errors,
				      reply->body.state == BUF_NOMEM ? ERROR_MEMORY
								     : ERROR_TOO_LARGE,
				      "", "the answer of %s is larger than %u MiB",
				      c->url, REPLY_MAX_BYTES >> 20);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
		return error_list_add(errors, ERROR_UNAVAILABLE, "",
				      "no trusted TLS connection to %s: %s", c->url,
				      why);
	default:
		return error_list_add(errors, ERROR_IO, "", "the call of %s failed: %s",
				      c->url, why);
	}
}

static void take_type(CURL *curl, struct reply *r)
{
	const char *given = NULL;
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &given);
	struct str type = str_of(given);
	type = str_trim(str_slice(type, 0, str_find_char(type, ';')));
	size_t n = type.n < sizeof r->type ? type.n : sizeof r->type - 1;
	for (size_t i = 0; i < n; i++)
		r->type[i] = str_lower_char(type.p[i]);
	r->type[n] = '\0';
}

/* False: it says that it is JSON, but it is not. */
static bool take_json(struct reply *r, json_error_t *e)
{
	if (!str_ends(str_of(r->type), STR("json")))
		return true;
	struct str body = buf_str(&r->body);
	r->json = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, e);
	return r->json != NULL;
}

bool client_call(struct client *c, const char *method, const char *path,
		 struct str body, struct reply *reply, struct error_list *errors)
{
	struct buf url;
	buf_init(&url, 8192);
	buf_add_str(&url, str_of(c->url));
	buf_add_str(&url, str_of(path));
	const char *text = buf_cstr(&url);
	reply_free(reply);
	c->reason[0] = '\0';
	if (text == NULL) {
		buf_free(&url);
		return error_list_add(errors, ERROR_TOO_LARGE, "",
				      "the path of the call is too long");
	}
	bool sends = body.p != NULL;
	/* a POST without Content-Length is refused by strict servers */
	bool empty_post = !sends && strcmp(method, "POST") == 0;
	CURL *h = c->curl;
	bool ok = curl_easy_setopt(h, CURLOPT_URL, text) == 0 &&
		  curl_easy_setopt(h, CURLOPT_HTTPGET, 1L) == 0 &&
		  (!(sends || empty_post) ||
		   (curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
				     (curl_off_t)body.n) == 0 &&
		    curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS, sends ? body.p : "") ==
			    0)) &&
		  curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method) == 0 &&
		  curl_easy_setopt(h, CURLOPT_WRITEDATA, reply) == 0;
	CURLcode code = ok ? curl_easy_perform(h) : CURLE_OUT_OF_MEMORY;
	buf_free(&url);
	if (code != CURLE_OK)
		return fail(c, code, reply, errors);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &reply->status);
	take_type(h, reply);
	bool good = reply->status >= 200 && reply->status < 300;
	json_error_t e;
	bool readable = take_json(reply, &e);
	if (!good)
		reply_errors(reply, c->url, c->token_file, errors);
	else if (!readable)
		error_list_add(errors, ERROR_INTERNAL, "",
			       "%s answered with JSON that cannot be read: %s", c->url,
			       e.text);
	else if (reply->json == NULL && reply->status != NO_CONTENT)
		readable =
			error_list_add(errors, ERROR_INTERNAL, "",
				       "%s answered with status %ld and no JSON; is it "
				       "mimd that listens there?",
				       c->url, reply->status);
	return good && readable;
}
