#include <gtest/gtest.h>

#include "recipes/html.h"
#include "recipes/markup.h"
#include "recipes/page.h"

namespace r1 {
namespace {

std::string page_with(const std::string& problem, const std::string& answer) {
  const SampleCard card{problem, "7", {{"step 0", answer, true, true, 1.5}}};
  return open_page("t", "t", "t", "t") + section("samples", "Samples", sample_cards({card})) +
         close_page();
}

TEST(SampleCards, HostileTextStaysText) {
  const std::string evil = "<script>alert(1)</script>\"'&<think>";
  const std::string page = page_with(evil, evil);
  EXPECT_EQ(markup_fault(page), "");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)"), std::string::npos);
  const std::string binary("\x00\xFF\xC0\x1b[31m</style>", 14);
  EXPECT_EQ(markup_fault(page_with(binary, binary)), "");
}

TEST(SampleCards, DimTheThoughtOnly) {
  const std::string page = page_with("p", "<think> a </think> <answer> 7 </answer>");
  EXPECT_NE(
      page.find("<span class=\"thought\">&lt;think&gt; a &lt;/think&gt;</span> &lt;answer&gt;"),
      std::string::npos);
}

TEST(SampleCards, LongTextsAreCut) {
  const std::string page =
      page_with("p", std::string(200000, 'x') + "</think>" + std::string(200000, '&'));
  EXPECT_EQ(markup_fault(page), "");
  EXPECT_LT(page.size(), 40000u);
}

}  // namespace
}  // namespace r1
