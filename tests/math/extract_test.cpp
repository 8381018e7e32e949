#include "math/extract.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

std::string found(std::string_view text, const MathOptions& options = {}) {
  const Extraction extraction = extract_answers(text, options, false);
  return extraction.candidates.empty() ? "" : extraction.candidates[0];
}

TEST(ExtractAnswers, TheLastBalancedBoxComesFirst) {
  EXPECT_EQ(found("\\boxed{1} was wrong. The answer is 3, so \\boxed{\\frac{1}{2}}."),
            "\\frac{1}{2}");
  EXPECT_EQ(found("\\fbox{4}"), "4");
  EXPECT_EQ(found("\\boxed{a \\text{ if } \\{b\\}}"), "a \\text{ if } \\{b\\}");
  EXPECT_EQ(found("\\boxed{5} and then \\boxed{6"), "5");
}

TEST(ExtractAnswers, ABoxThatNeverClosesIsTruncation) {
  const Extraction extraction = extract_answers("so it is 7: \\boxed{7", {}, false);
  EXPECT_TRUE(extraction.is_truncated);
  EXPECT_TRUE(extraction.candidates.empty());
}

TEST(ExtractAnswers, NeighbouringBoxesAreOneListUnlessTakenBack) {
  EXPECT_EQ(found("\\boxed{1} and \\boxed{2}"), "1, 2");
  EXPECT_EQ(found("\\boxed{1}, \\boxed{2}, or \\boxed{3}"), "1, 2, 3");
  EXPECT_EQ(found("\\boxed{1}, but wait, that and this is wrong: \\boxed{2}"), "2");
  EXPECT_EQ(found("\\boxed{5}\n**Answer** \\boxed{5}"), "5");
}

TEST(ExtractAnswers, TheThoughtNeverCounts) {
  EXPECT_EQ(found("<think>\\boxed{1}</think>The answer is 2."), "2");
  EXPECT_EQ(found("<think>\\boxed{1}</think> I do not know"), "I do not know");
  EXPECT_EQ(found("<think>\\boxed{1}"), "");
  EXPECT_EQ(found("<think>\\boxed{1}", {.skip_thought = false}), "1");
}

TEST(ExtractAnswers, TagsThenPhrasesThenTheLastNumber) {
  EXPECT_EQ(found("The answer is 3. <answer> 4 </answer>"), "4");
  EXPECT_EQ(found("First 9. The answer is 42 because 17 is odd"), "42");
  EXPECT_EQ(found("**Final answer:** $x = 3$"), "$x = 3$");
  EXPECT_EQ(found("He pays 3 * 4 = 12.\n#### 12"), "12");
  EXPECT_EQ(found("3 + 4 = <<3+4=7>>7\nA: 7"), "7");
  EXPECT_EQ(found("3 and 4 make 7 apples in all"), "7");
  EXPECT_EQ(found("so $x+y = 10$ gives $x = 4$ for now"), "x = 4");
  EXPECT_EQ(found("it costs -$1,234.50 in all"), "-$1,234.50");
  EXPECT_EQ(found("no numbers here at all, sorry about that, there is nothing to say in this "
                  "text, none whatsoever, and it goes on"),
            "");
  EXPECT_EQ(found("AB2C"), "AB2C");
}

TEST(ExtractAnswers, TheOrderCanBeChosen) {
  const std::string text = "\\boxed{1} <answer>2</answer> the answer is 3.";
  EXPECT_EQ(found(text, {.extract = "answer_is,boxed"}), "3");
  EXPECT_EQ(found(text, {.extract = "answer_tag"}), "2");
  EXPECT_EQ(found("only 7", {.extract = "boxed"}), "");
  EXPECT_TRUE(is_known_order("last, boxed"));
  EXPECT_FALSE(is_known_order("boxed,"));
  EXPECT_FALSE(is_known_order("guess"));
}

TEST(ChoiceLetter, IsTheOneThatIsNamed) {
  EXPECT_EQ(choice_letter("The answer is for sure D, it can't be A or B"), 'D');
  EXPECT_EQ(choice_letter("D. it can't be A or B"), 'D');
  EXPECT_EQ(choice_letter("(C)"), 'C');
  EXPECT_EQ(choice_letter("nothing"), '\0');
  EXPECT_TRUE(is_choice("\\text{(B)}"));
  EXPECT_TRUE(is_choice("C. Cecile"));
  EXPECT_FALSE(is_choice("Cecile"));
  EXPECT_FALSE(is_choice("A + B"));
}

}  // namespace
}  // namespace r1
