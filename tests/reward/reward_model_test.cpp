// The reward that a model gives: what it reads, how its score becomes a reward, and what it
// refuses.
#include "reward/reward_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/scratch.h"
#include "data/last_digit.h"
#include "models/family.h"
#include "models/model_io.h"
#include "reward/registry.h"
#include "reward/scored_part.h"

namespace r1 {
namespace {

constexpr const char* kThinkTemplate =
    "{% for m in messages %}{% if m.role == 'user' %}<user> {{ m.content }}{% else %} <assistant> "
    "{{ m.content }} <eos>{% endif %}{% endfor %}{% if add_generation_prompt %} <assistant> "
    "<think>\n{% endif %}";

/// A folder with a random model of the built-in task that scores.
class RewardModelTest : public testing::Test {
 protected:
  Scratch scratch_;
  ThreadPool pool_{2};
  Path folder() const { return scratch_ / "rm"; }

  static ModelConfig shape() {
    ModelConfig c;
    c.vocab_size = 72;
    c.d_model = 24;
    c.n_layers = 2;
    c.n_heads = 2;
    c.n_kv_heads = 1;
    c.head_dim = 12;
    c.d_ff = 40;
    c.max_positions = 64;
    c.eos_token_ids = {1};
    return c;
  }

  /// part: what config.json says; template_text: another chat template.
  void write(std::optional<ScoredPart> part = {}, const char* template_text = nullptr) {
    const Launch launch{*default_backend(), &pool_};
    ModelConfig c = shape();
    std::string config = scorer_config(kLlama.write_config(c, "float32"));
    if (part) config = write_scored_part(config, *part);
    std::string words = last_digit_tokenizer_config_json();
    if (template_text) {
      auto json = nlohmann::json::parse(words);
      json["chat_template"] = template_text;
      words = json.dump();
    }
    c.n_labels = 1;
    Transformer model(c, Dtype::kF32, StoreUse::kTraining);
    model.init(7, 0.3f, 0.5f);
    model.refresh(launch);
    ASSERT_TRUE(save_model(folder(), model,
                           {{"config.json", config},
                            {"tokenizer.json", last_digit_tokenizer_json()},
                            {"tokenizer_config.json", words}}));
  }

  Chat chat() const { return Chat::open(folder(), shape()).value(); }
  std::string text_of(const std::vector<Message>& prompt, const std::string& response,
                      ScoredPart part) const {
    const Chat words = chat();
    return words.tokenizer().decode(scored_tokens(words, prompt, response, part).value(), false);
  }
  std::unique_ptr<const Reward> make(const std::string& options = "") const {
    auto settings = parse_reward("reward_model;model=" + folder().string() + options, {});
    auto reward = make_reward_model(settings.value());
    EXPECT_TRUE(reward) << reward.error().message;
    return reward ? std::move(*reward) : nullptr;
  }
  std::string refusal(const std::string& options) const {
    auto settings = parse_reward("reward_model" + options, {});
    const auto reward = make_reward_model(settings.value());
    return reward ? "made" : reward.error().message;
  }
};

const std::vector<Message> kAsked = {{.role = "user", .content = "8 a + 4 ?"}};
constexpr const char* kResponse = "<think> so a + 4 = 2 </think> <answer> 2 </answer>";

Problem asked() {
  Problem problem;
  problem.messages = kAsked;
  return problem;
}

TEST_F(RewardModelTest, ReadsTheWholeResponseOrTheSummary) {
  write();
  EXPECT_EQ(text_of(kAsked, kResponse, ScoredPart::kResponse),
            "<bos> <user> 8 a + 4 ? <assistant> <think> so a + 4 = 2 </think> <answer> 2 </answer> "
            "<eos>");
  EXPECT_EQ(text_of(kAsked, kResponse, ScoredPart::kSummary),
            "<bos> <user> 8 a + 4 ? <assistant> <answer> 2 </answer> <eos>");
  // never closed: nothing was said
  EXPECT_EQ(text_of(kAsked, "<think> so a", ScoredPart::kSummary),
            "<bos> <user> 8 a + 4 ? <assistant> <eos>");
  EXPECT_EQ(text_of(kAsked, "2 <eos>", ScoredPart::kResponse),
            "<bos> <user> 8 a + 4 ? <assistant> 2 <eos>");
  EXPECT_EQ(text_of({}, "so 2", ScoredPart::kResponse), "so 2 <eos>");
}

TEST_F(RewardModelTest, DoesNotRepeatTheThinkOfATemplate) {
  write({}, kThinkTemplate);
  EXPECT_EQ(
      text_of(kAsked, kResponse, ScoredPart::kResponse),
      "<user> 8 a + 4 ? <assistant> <think> so a + 4 = 2 </think> <answer> 2 </answer> <eos>");
  EXPECT_EQ(text_of(kAsked, kResponse, ScoredPart::kSummary),
            "<user> 8 a + 4 ? <assistant> <answer> 2 </answer> <eos>");
  EXPECT_EQ(text_of(kAsked, "so </think> 2", ScoredPart::kSummary),
            "<user> 8 a + 4 ? <assistant> 2 <eos>");
}

TEST_F(RewardModelTest, ScoresEqualBitsAloneAndTogether) {
  write();
  const Problem problem = asked();
  std::vector<std::string> texts;
  for (int n = 0; n < 40; ++n) texts.push_back(std::string(kResponse) + std::string(n % 7, ' '));
  for (int n = 0; n < 40; ++n) {
    for (int i = 0; i < n % 5; ++i) texts[n] += " so 3";
  }
  std::vector<Ask> asks;
  for (const std::string& text : texts) asks.push_back({&problem, {text, true}});
  const auto reward = make();
  const auto all = reward->score_all(asks, pool_);
  const auto few = make(";max_tokens=50")->score_all(asks, pool_);
  bool differ = false;
  for (size_t i = 0; i < asks.size(); ++i) {
    ASSERT_TRUE(all[i].valid) << all[i].reason;
    EXPECT_EQ(all[i].value, reward->score(problem, asks[i].completion).value);
    EXPECT_EQ(all[i].value, few[i].value);
    differ = differ || all[i].value != all[0].value;
  }
  EXPECT_TRUE(differ);
}

TEST_F(RewardModelTest, ShiftsSqueezesAndClips) {
  write();
  const Problem problem = asked();
  const Completion completion{kResponse, true};
  const double raw = make()->score(problem, completion).value;
  ASSERT_NE(raw, 0);
  const auto with = [&](const char* options) {
    return make(options)->score(problem, completion).value;
  };
  EXPECT_DOUBLE_EQ(with(";mean=1;std=2"), (raw - 1) / 2);
  EXPECT_DOUBLE_EQ(with(";sigmoid=true"), 1 / (1 + std::exp(-raw)));
  EXPECT_DOUBLE_EQ(std::abs(with(";std=1e-6;clip=0.5")), 0.5);
}

TEST_F(RewardModelTest, HasNoVerdictOnWhatItCannotRead) {
  write();
  const auto reward = make();
  std::string text = "so";
  for (int i = 0; i < 100; ++i) text += " 3";
  const Problem problem = asked();
  const Verdict longer = reward->score(problem, {text, true});
  EXPECT_FALSE(longer.valid);
  EXPECT_NE(longer.reason.find("the reward model reads 64"), std::string::npos);
  EXPECT_FALSE(reward->can_judge(Problem{}));
  EXPECT_FALSE(reward->score(Problem{}, {"2", true}).valid);
  EXPECT_TRUE(reward->can_judge(problem));
}

TEST_F(RewardModelTest, ReadsThePartThatItWasTrainedOn) {
  write(ScoredPart::kSummary);
  const Problem problem = asked();
  const auto reward = make();
  const double value = reward->score(problem, {kResponse, true}).value;
  EXPECT_EQ(value, reward->score(problem, {"<think> 9 </think> <answer> 2 </answer>", true}).value);
  const std::string model = ";model=" + folder().string();
  EXPECT_NE(refusal(model + ";part=response").find("trained on the summary"), std::string::npos);
  EXPECT_EQ(refusal(model + ";part=summary"), "made");
}

TEST_F(RewardModelTest, RefusesWithARemedy) {
  EXPECT_NE(refusal("").find("model is not set"), std::string::npos);
  EXPECT_NE(refusal(";model=" + (scratch_ / "none").string()).find("no such model"),
            std::string::npos);
  write();
  const std::string model = ";model=" + folder().string();
  EXPECT_NE(refusal(model + ";std=0").find("std"), std::string::npos);
  EXPECT_NE(refusal(model + ";clip=-1").find("clip"), std::string::npos);
  EXPECT_NE(refusal(model + ";part=half").find("response or summary"), std::string::npos);
  EXPECT_NE(refusal(model + ";what=1").find("what"), std::string::npos);
  std::ofstream(folder() / "config.json") << kLlama.write_config(shape(), "float32");
  EXPECT_NE(refusal(model).find("r1 reward train"), std::string::npos);
}

}  // namespace
}  // namespace r1
