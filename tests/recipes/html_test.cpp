#include "recipes/html.h"

#include <gtest/gtest.h>

#include <cmath>

namespace r1 {
namespace {

TEST(Html, EscapesMarkup) {
  EXPECT_EQ(escape_html("<script>alert(\"1\" & '2')</script>"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;");
  EXPECT_EQ(escape_html("naïve → 数学 😀"), "naïve → 数学 😀");
  EXPECT_EQ(escape_html("a\tb\nc"), "a\tb\nc");
}

TEST(Html, ProseKeepsNumbersWithTheirUnits) {
  EXPECT_EQ(escape_prose("a < 96.7 ± 0.3 % and 2 × 3 points"),
            "a &lt; 96.7&nbsp;±&nbsp;0.3&nbsp;% and 2&nbsp;× 3&nbsp;points");
}

TEST(Html, ReplacesWhatIsNotUtf8) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(escape_html(std::string("a\0b\x1b\x7f", 5)), "a" + bad + "b" + bad + bad);
  EXPECT_EQ(escape_html("\xFFx"), bad + "x");
  EXPECT_EQ(escape_html("\xC0\xBC"), bad + bad);            // overlong <
  EXPECT_EQ(escape_html("\xED\xA0\x80"), bad + bad + bad);  // surrogate
  EXPECT_EQ(escape_html("\xF4\x90\x80\x80"), bad + bad + bad + bad);
  EXPECT_EQ(escape_html("x\xE2\x82"), "x" + bad + bad);  // torn at the end
  EXPECT_EQ(escape_html("\xE2<"), bad + "&lt;");
}

TEST(Html, CutsAtCodePoints) {
  EXPECT_EQ(text_columns("größe"), 5u);
  EXPECT_EQ(cut_text("größe", 5), "größe");
  EXPECT_EQ(cut_text("größe", 4), "grö…");
  EXPECT_EQ(cut_text("größe", 1), "…");
  EXPECT_EQ(cut_text("größe", 0), "");
}

TEST(Html, WritesNumbersForPeople) {
  EXPECT_EQ(percent_text(0.0723), "7.2 %");
  EXPECT_EQ(percent_text(0.954, 0), "95 %");
  EXPECT_EQ(percent_text(NAN), "–");
  const std::pair<double, const char*> cases[] = {
      {0, "0"},       {0.954, "0.954"},       {70.62, "70.6"}, {1.5, "1.5"},       {2, "2"},
      {123.4, "123"}, {9999, "9999"},         {12000, "12k"},  {4.1e6, "4.1M"},    {7e-4, "7e-4"},
      {-2.5, "-2.5"}, {1.25e-12, "1.25e-12"}, {3e9, "3G"},     {1e30, "1.00e+30"}, {INFINITY, "–"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(compact_text(value), text);
}

}  // namespace
}  // namespace r1
