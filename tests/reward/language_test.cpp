#include "reward/language.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "reward/detect_language.h"
#include "reward/prose.h"
#include "reward/registry.h"

namespace r1 {
namespace {

constexpr const char* kEnglish =
    "First we add the two numbers and then we divide the sum by three.";
constexpr const char* kChinese = "首先我们把这两个数字加起来，然后把总和除以三，得到最后的答案。";
constexpr const char* kFrench = "Nous devons d'abord calculer la somme puis la diviser par trois.";

double share(const std::string& prompt, const std::string& text, const std::string& options = "",
             bool opens_think = false) {
  const auto rewards = make_rewards({"language" + options});
  EXPECT_TRUE(rewards) << rewards.error().message;
  Problem problem;
  problem.messages.resize(1);
  problem.messages[0] = {};
  problem.messages[0].role = "user";
  problem.messages[0].content = prompt;
  return rewards->score(problem, {text, true, opens_think}).value;
}
std::string thinks(const std::string& thought) {
  return "<think>" + thought + "</think> \\boxed{7}";
}

TEST(Language, IsTheShareOfThePromptsLanguageInTheThought) {
  EXPECT_EQ(share(kEnglish, thinks(kEnglish)), 1);
  EXPECT_EQ(share(kChinese, thinks(kChinese)), 1);
  EXPECT_EQ(share(kFrench, thinks(kFrench)), 1);
  EXPECT_EQ(share(kEnglish, thinks(kChinese)), 0);
  EXPECT_EQ(share(kChinese, thinks(kEnglish)), 0);
  EXPECT_LT(share(kEnglish, thinks(kFrench)), 0.2);
  EXPECT_EQ(share(kEnglish, thinks(kEnglish) + kChinese), 1);  // the answer is not asked
  EXPECT_LT(share(kEnglish, thinks(kEnglish) + kChinese, ";where=text"), 0.5);
  EXPECT_EQ(share(kEnglish, std::string(kEnglish) + "</think> 7", "", true), 1);
}

TEST(Language, CountsWordsAndChineseCharacters) {
  EXPECT_DOUBLE_EQ(share(kEnglish, thinks("we add the numbers 数字")), 4.0 / 6);
  EXPECT_DOUBLE_EQ(share(kChinese, thinks("我们加 numbers")), 3.0 / 4);
  EXPECT_EQ(share(kChinese, thinks("设 x 为 AB 的长度，求 y。")), 1);  // names of variables
}

TEST(Language, AimsAtAFixedTarget) {
  EXPECT_EQ(share(kEnglish, thinks(kChinese), ";target=zh"), 1);
  EXPECT_EQ(share(kChinese, thinks(kEnglish), ";target=en"), 1);
  EXPECT_FALSE(make_rewards({"language;target=klingon"}));
  EXPECT_FALSE(make_rewards({"language;where=there"}));
}

TEST(Language, IgnoresCodeAndLatexButNothingHidesThere) {
  EXPECT_EQ(share(kChinese, thinks(std::string(kChinese) +
                                   " `return value` $\\text{then}$ "
                                   "```python\nfor value in values: print(value)\n``` "
                                   "\\begin{align}left &= right\\end{align}")),
            1);
  EXPECT_EQ(share(kEnglish, thinks(std::string("$\\text{") + kChinese + "}$")), 0);
  EXPECT_EQ(share(kEnglish, thinks("```\n1 + 2\n```")), 0);
  EXPECT_EQ(share(kEnglish, "no thought at all"), 0);
}

TEST(Language, DoesNotTakeLookAlikeLettersForItsOwn) {
  EXPECT_EQ(share(kEnglish, thinks("thе wаit sіnce hоw")), 0);  // Cyrillic in them
}

TEST(Language, IsFastOnHostileText) {
  const Timer timer;
  for (const char* piece :
       {"\\(", "$", "`", "```", "\\begin{", "\\[", "$$", "\xFF", "é", "中", "\\"}) {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += piece;
    share(kEnglish, "<think>" + text);
  }
  EXPECT_LT(timer.seconds(), 4.0);
}

TEST(LanguageOf, KnowsLongTextsByCld2AndShortOnesByScript) {
  EXPECT_EQ(language_of(kEnglish), "en");
  EXPECT_EQ(language_of(kFrench), "fr");
  EXPECT_EQ(language_of("什么"), "zh");
  EXPECT_EQ(language_of("Why?"), "en");
  EXPECT_EQ(language_of("1 + 1 = ?"), "");
}

TEST(Prose, KeepsEveryByteInItsPlace) {
  const std::string text = "a `b c` \\frac{x}{y} $5 and\n no 中 $中 x$ https://a.b/c d";
  const std::string prose = without_code_and_latex(text);
  EXPECT_EQ(prose.size(), text.size());
  EXPECT_EQ(prose,
            "a" + std::string(12, ' ') + "{x}{y} $5 and\n no 中  中" + std::string(18, ' ') + "d");
}

TEST(LastDigitLanguage, StrictlyNeedsAnEnglishWord) {
  EXPECT_EQ(last_digit_language({}, {"8 9", true}, {}).value, 1);
  EXPECT_EQ(last_digit_language({}, {"8 9", true}, {false, true}).value, 0);
  EXPECT_EQ(last_digit_language({}, {"so 9", true}, {false, true}).value, 1);
}

}  // namespace
}  // namespace r1
