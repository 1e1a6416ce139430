/* SPDX-License-Identifier: Apache-2.0 */
#include "message/html-text.h"

#include "base/unit.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void makes_readable_text(void **state)
{
	(void)state;
	static const struct {
		const char *html, *want;
	} e[] = {
		{"", ""},
		{"plain", "plain\n"},
		{"<p>one\n  two</p><p>three</p>", "one two\n\nthree\n"},
		{"<h1>Title</h1>text", "Title\n\ntext\n"},
		{"a<br>b<br/><br>c", "a\nb\n\nc\n"},
		{"a&nbsp;&amp;&uuml;&shy;b", "a &\xC3\xBC"
					     "b\n"},
		{"<a href=\"https://x.example/?a=1&amp;b=2\">Shop</a>.",
		 "Shop <https://x.example/?a=1&b=2>.\n"},
		{"<a href=\"https://x.example\">https://x.example</a>",
		 "https://x.example\n"},
		{"<a href=\"mailto:a@b.org\">a@b.org</a>", "a@b.org\n"},
		{"<a href=\"mailto:a@b.org\">write</a>", "write <a@b.org>\n"},
		{"<a href=\"#top\">top</a> <a name=x>y</a>", "top y\n"},
		{"<ul><li>one</li><li>two<ul><li>deep</ul></li></ul>end",
		 "- one\n- two\n  - deep\n\nend\n"},
		{"<ol><li>a<li>b</ol>", "1. a\n2. b\n"},
		{"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
		 "a b\nc\n"},
		{"<pre>a\nb</pre>", "a\nb\n"},
		{"<img src=x alt=\"A &amp; B\"><img src=y>", "A & B\n"},
		{"a<hr>b", "a\n\n----------------------------------------\n\nb\n"},
		{"<head><title>t</title><style>p{}</style></head><body>b</body>",
		 "b\n"},
		{"<div style=\"color:red; DISPLAY : none\">h<div>i</div>j</div>k",
		 "k\n"},
		{"<p hidden>h</p>k", "k\n"},
		{"<!--[if mso]><p>word</p><![endif]-->a<script>x<y</script>", "a\n"},
		{"a <b>b</b><i>c</i> , d", "a bc , d\n"},
		{"</p></ul></ol></a></li>x", "x\n"},
	};
	for (size_t i = 0; i < COUNT(e); i++) {
		struct buf out;
		buf_init(&out, 1000);
		assert_true(html_to_text(str_of(e[i].html), &out));
		assert_str(buf_str(&out), e[i].want);
		buf_free(&out);
	}
}

static void says_when_the_text_does_not_fit(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 3);
	assert_false(html_to_text(STR("<p>abc</p>"), &out));
	assert_int_equal(out.state, BUF_FULL);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_readable_text),
		cmocka_unit_test(says_when_the_text_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
