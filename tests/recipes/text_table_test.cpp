#include "recipes/text_table.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

TEST(TextTable, AlignsTextLeftAndFiguresRight) {
  const std::vector<TextRow> rows{{"model", "n"}, {"é", "10.5"}, {"r1", ""}};
  EXPECT_EQ(text_table(rows, 1, false), "model     n\né      10.5\nr1\n");
}

TEST(TextTable, MarkdownHasARuleBelowTheNames) {
  EXPECT_EQ(text_table({{"model", "n"}, {"a", "1"}}, 1, true),
            "| model |   n |\n| --- | ---: |\n| a     |   1 |\n");
}

TEST(Wrapped, BreaksAtBlanksAndKeepsThose) {
  EXPECT_EQ(wrapped("holds   one ± two three", 15, 3), "holds   one ±\n   two three");
  EXPECT_EQ(wrapped("longerthanitall b", 5, 1), "longerthanitall\n b");
  EXPECT_EQ(wrapped("", 5, 1), "");
}

}  // namespace
}  // namespace r1
