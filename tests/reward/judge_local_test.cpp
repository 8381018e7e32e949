// A judge that runs here: a random model of the built-in task, whose replies end with a digit.
#include <gtest/gtest.h>

#include "base/log.h"
#include "base/scratch.h"
#include "data/last_digit.h"
#include "engine/answerer.h"
#include "models/family.h"
#include "reward/registry.h"

namespace r1 {
namespace {

class LocalJudge : public testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::kQuiet);
    ThreadPool pool(1);
    const auto words = Tokenizer::from_json(last_digit_tokenizer_json(), "words");
    ASSERT_TRUE(words);
    ModelConfig c;
    c.vocab_size = 72;
    c.d_model = 24;
    c.n_layers = 2;
    c.n_heads = 2;
    c.n_kv_heads = 1;
    c.head_dim = 12;
    c.d_ff = 40;
    c.max_positions = 256;
    c.eos_token_ids = {};
    for (char digit = '0'; digit <= '9'; ++digit)
      c.eos_token_ids.push_back(*words->token_id(std::string(1, digit)));
    Transformer model(c, Dtype::kF32, StoreUse::kTraining);
    model.init(7, 0.3f, 0.5f);
    model.refresh({*default_backend(), &pool});
    ASSERT_TRUE(save_model(folder_.path() / "model", model,
                           {{"config.json", kLlama.write_config(c, "float32")},
                            {"tokenizer.json", last_digit_tokenizer_json()},
                            {"tokenizer_config.json", last_digit_tokenizer_config_json()}}));
    ASSERT_TRUE(write_text_atomic(folder_.path() / "prompt.txt", "{answer} = "));
  }
  void TearDown() override { set_log_level(LogLevel::kInfo); }

  std::string model() const { return (folder_.path() / "model").string(); }
  RewardSet open(const std::string& options) const {
    auto made = make_rewards(
        {"judge;max_tokens=40;retries=0;scale=9;pattern=([0-9])\\W*$;model=" + model() +
         ";prompt_file=" + (folder_.path() / "prompt.txt").string() + ";" + options});
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }

  Scratch folder_;
};

TEST_F(LocalJudge, GivesEqualVerdictsWhateverItIsAskedWith) {
  const Problem problem;
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(std::to_string(i % 10) + " + " + std::to_string(i));
  std::vector<Ask> asks;
  for (const std::string& text : texts) asks.push_back({&problem, {text, true}});
  ThreadPool pool(2);
  const RewardSet one = open("concurrency=1"), many = open("concurrency=7");
  const auto alone = one.specs()[0].reward->score_all(asks, pool);
  const auto together = many.specs()[0].reward->score_all(asks, pool);
  int n_valid = 0;
  for (size_t i = 0; i < asks.size(); ++i) {
    EXPECT_EQ(alone[i].valid, together[i].valid);
    EXPECT_EQ(alone[i].value, together[i].value);
    EXPECT_EQ(alone[i].reason, together[i].reason);
    const Verdict single = many.specs()[0].reward->score(problem, asks[i].completion);
    EXPECT_EQ(alone[i].value, single.value);
    n_valid += alone[i].valid;
    EXPECT_GE(alone[i].value, 0);
    EXPECT_LE(alone[i].value, 1);
  }
  EXPECT_GT(n_valid, 0);
}

TEST_F(LocalJudge, HasNoVerdictOnWhatDoesNotFit) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "1 ";
  const Problem problem;
  const Verdict verdict = open("").specs()[0].reward->score(problem, {text, true});
  EXPECT_FALSE(verdict.valid);
  EXPECT_NE(verdict.reason.find("tokens"), std::string::npos) << verdict.reason;
}

TEST_F(LocalJudge, ReadsSpecialTokensOfAnAnswerAsText) {
  const auto answerer = Answerer::open(model(), {.params = {.temperature = 0}, .max_tokens = 8});
  ASSERT_TRUE(answerer) << answerer.error().message;
  ThreadPool pool(1);
  const std::vector<std::string> questions = {"1 < eos> 2", "1 <eos> 2"};
  const auto answers = (*answerer)->answer(questions, 0, pool);
  ASSERT_TRUE(answers[0] && answers[1]);
  EXPECT_EQ(answers[0]->text, answers[1]->text);
}

TEST_F(LocalJudge, NeedsAModel) {
  const auto made = make_rewards({"judge;model=" + (folder_.path() / "none").string()});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("reward judge"), std::string::npos);
}

}  // namespace
}  // namespace r1
