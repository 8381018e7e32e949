// From episodes to what the update needs, and from data rows to token sequences.
#include "train/rollout.h"

#include <cmath>

#include "checkpoint/fixtures.h"
#include "train/examples.h"

namespace r1 {
namespace {

Episode episode(double reward, int64_t n_tokens, bool finished = true, bool valid = true) {
  Episode e;
  e.prompt = {7, 8};
  e.tokens.assign(n_tokens, 9);
  e.logp.assign(n_tokens, -0.5f);
  e.finished = finished;
  e.score.value = reward;
  e.score.valid = valid;
  e.score.parts = {{"format", reward}};
  return e;
}

class MakeRollout : public testing::Test {
 protected:
  Rollout make(const std::vector<Episode>& episodes) {
    const auto rules = RolloutRules::of(config_);
    EXPECT_TRUE(ok(rules));
    Rollout rollout = collect_rollout(episodes, config_, rewards_, *rules);
    for (Trajectory& t : rollout.trajectories) {
      t.reference.assign(t.old_logp.size(), reference_);
    }
    weigh_rollout(rollout, *rules, config_.max_completion_length);
    return rollout;
  }
  static std::vector<float> advantages(const Rollout& r) {
    std::vector<float> all;
    for (const Trajectory& t : r.trajectories) all.push_back(t.advantage[0]);
    return all;
  }
  double metric(const Rollout& r, const std::string& name) const {
    for (const auto& [key, value] : r.metrics) {
      if (key == name) return value;
    }
    ADD_FAILURE() << "no metric " << name;
    return 0;
  }
  static GrpoConfig groups_of_two() {
    GrpoConfig c;
    c.num_generations = 2;
    c.loss_type = "grpo";
    c.scale_rewards = "none";
    return c;
  }
  GrpoConfig config_ = groups_of_two();
  RewardSet rewards_ = make_rewards({"format"}).value();
  float reference_ = -0.5f;
};

TEST_F(MakeRollout, DropsGroupsWithoutVarianceWhenNothingPullsToAReference) {
  const std::vector<Episode> episodes{episode(1, 3), episode(0, 5), episode(1, 4), episode(1, 4)};
  Rollout r = make(episodes);
  ASSERT_EQ(r.trajectories.size(), 2u);
  EXPECT_EQ(advantages(r), (std::vector<float>{0.5f, -0.5f}));
  EXPECT_EQ(r.trajectories[0].sequence.tokens, (std::vector<int32_t>{7, 8, 9, 9, 9}));
  EXPECT_EQ(r.trajectories[0].sequence.weights, (std::vector<float>{0, 0, 1, 1, 1}));
  EXPECT_EQ(r.trajectories[1].advantage, (std::vector<float>(5, -0.5f)));
  EXPECT_EQ(r.trajectories[1].episode, 1u);
  EXPECT_EQ(r.n_informative, 1);
  EXPECT_FLOAT_EQ(r.trajectories[1].weight, 1.0f / (2 * 5));
  EXPECT_EQ(r.n_tokens, 2 * 4 + 16);
  EXPECT_EQ(metric(r, "reward"), 0.75);
  EXPECT_EQ(metric(r, "frac_reward_zero_std"), 0.5);
  EXPECT_EQ(metric(r, "completions/mean_length"), 4.0);
  EXPECT_EQ(metric(r, "completions/max_length"), 5.0);
  EXPECT_EQ(metric(r, "rewards/format/mean"), 0.75);
  config_.beta = 0.01;  // the penalty acts on them too
  EXPECT_EQ(make(episodes).trajectories.size(), 4u);
}

TEST_F(MakeRollout, LeavesOutWhatHasNoVerdictOrWasCut) {
  const std::vector<Episode> episodes{episode(1, 3), episode(0, 5, true, false), episode(1, 4),
                                      episode(0, 4, false)};
  Rollout r = make(episodes);
  ASSERT_EQ(r.trajectories.size(), 2u);  // the group with one verdict has no variance
  EXPECT_EQ(advantages(r), (std::vector<float>{0.5f, -0.5f}));
  EXPECT_EQ(r.trajectories[0].episode, 2u);
  EXPECT_DOUBLE_EQ(metric(r, "completions/clipped_ratio"), 0.25);
  config_.mask_truncated_completions = true;
  EXPECT_TRUE(make(episodes).trajectories.empty());
}

TEST_F(MakeRollout, DynamicSamplingTakesAFullBatchOfGroupsWithSignal) {
  config_.dynamic_sampling = true;
  config_.train_batch_size = 1;
  config_.beta = 0.01;  // even then a group without variance makes room for another
  const std::vector<Episode> episodes{episode(1, 3), episode(1, 3), episode(1, 2),
                                      episode(0, 2), episode(0, 4), episode(1, 4)};
  const Rollout r = make(episodes);
  ASSERT_EQ(r.trajectories.size(), 2u);
  EXPECT_EQ(r.trajectories[0].episode, 2u);
  EXPECT_DOUBLE_EQ(metric(r, "reward"), 4.0 / 6);  // of all that was sampled
  EXPECT_TRUE(is_informative(std::span(episodes).subspan(2, 2), config_));
  EXPECT_FALSE(is_informative(std::span(episodes).subspan(0, 2), config_));
}

TEST_F(MakeRollout, TooFewInformativeGroupsAreNoUpdate) {
  const std::vector<Episode> episodes{episode(1, 3), episode(0, 5), episode(1, 4), episode(1, 4)};
  config_.min_informative_groups = 1;
  EXPECT_EQ(make(episodes).trajectories.size(), 2u);
  config_.min_informative_groups = 2;
  EXPECT_TRUE(make(episodes).trajectories.empty());
}

TEST_F(MakeRollout, RlooComparesWithTheOthers) {
  config_.advantage_estimator = "rloo";
  config_.num_generations = 3;
  const std::vector<Episode> episodes{episode(1, 1), episode(0, 1), episode(2, 1)};
  EXPECT_EQ(advantages(make(episodes)), (std::vector<float>{0.0f, -1.5f, 1.5f}));
  // ln π_old − ln π_ref = −0.5 + 1.5 = 1 a token: beta 0.1 takes 0.1 L from each reward
  config_.beta = 0.1;
  config_.use_kl_in_reward = true;
  reference_ = -1.5f;
  const auto penalised = advantages(make({episode(1, 5), episode(0, 5), episode(2, 15)}));
  EXPECT_NEAR(penalised[0], 0.5 - (-0.5 + 0.5) / 2, 1e-6);
  EXPECT_NEAR(penalised[1], -0.5 - (0.5 + 0.5) / 2, 1e-6);
}

TEST_F(MakeRollout, ReinforcePlusPlusWhitensOverTheTokensOfTheBatch) {
  config_.advantage_estimator = "reinforce_plus_plus";
  const std::vector<Episode> episodes{episode(1, 3), episode(-1, 1), episode(1, 1), episode(1, 1)};
  const Rollout r = make(episodes);  // five times 1, once -1: mean 2/3, var (5/9 + 25/9) / 5
  ASSERT_EQ(r.trajectories.size(), 4u);
  const double deviation = std::sqrt((5 / 9.0 + 25 / 9.0) / 5);
  EXPECT_NEAR(r.trajectories[0].advantage[2], (1 - 2 / 3.0) / deviation, 1e-5);
  EXPECT_NEAR(r.trajectories[1].advantage[0], (-1 - 2 / 3.0) / deviation, 1e-5);
  config_.advantage_estimator = "reinforce_plus_plus_baseline";  // 1·3, -1, 0, 0
  const Rollout b = make(episodes);
  const double mean = 2.0 / 6, var = (3 * 4 / 9.0 + 16 / 9.0 + 2 / 9.0) / 5;
  EXPECT_NEAR(b.trajectories[0].advantage[0], (1 - mean) / std::sqrt(var), 1e-5);
  EXPECT_NEAR(b.trajectories[2].advantage[0], -mean / std::sqrt(var), 1e-5);
}

TEST_F(MakeRollout, ReinforcePlusPlusTakesThePenaltyFromEachTokensReturn) {
  config_.advantage_estimator = "reinforce_plus_plus";
  config_.beta = 0.1;
  config_.use_kl_in_reward = true;
  reference_ = -1.5f;
  const Rollout r = make({episode(1, 3), episode(1, 3)});  // returns 0.7, 0.8, 0.9
  const double deviation = std::sqrt(4 * 0.01 / 5);
  EXPECT_NEAR(r.trajectories[0].advantage[0], -0.1 / deviation, 1e-4);
  EXPECT_NEAR(r.trajectories[0].advantage[1], 0, 1e-4);
  EXPECT_NEAR(r.trajectories[1].advantage[2], 0.1 / deviation, 1e-4);
}

TEST_F(MakeRollout, NamesTheRewardOfEachTypeOfPrompt) {
  std::vector<Episode> episodes{episode(1, 3), episode(0, 3), episode(1, 3), episode(1, 3)};
  episodes[0].type = episodes[1].type = "math";
  episodes[2].type = episodes[3].type = "general";
  const Rollout r = make(episodes);
  EXPECT_EQ(metric(r, "reward/math"), 0.5);
  EXPECT_EQ(metric(r, "reward/general"), 1.0);
}

class Examples : public testing::Test {
 protected:
  Examples() {
    write_bytes(folder_.path / "tokenizer.json", last_digit_tokenizer_json());
    write_bytes(folder_.path / "tokenizer_config.json", last_digit_tokenizer_config_json());
    ModelConfig config;
    config.vocab_size = 70;
    auto chat = Chat::open(folder_.path, config);
    EXPECT_TRUE(ok(chat));
    chat_.emplace(std::move(*chat));
  }
  TestFolder folder_;
  std::optional<Chat> chat_;
};

TEST_F(Examples, OnlyTheCompletionOfADocumentCarriesLoss) {
  const TokenSequence s = document_example(chat_->tokenizer(), {"<bos> 4", "+ 5 <eos>"});
  ASSERT_EQ(s.tokens.size(), 5u);
  EXPECT_EQ(s.weights, (std::vector<float>{0, 0, 1, 1, 1}));
  EXPECT_EQ(s.tokens[0], *chat_->tokenizer().token_id("<bos>"));
  EXPECT_EQ(s.tokens[4], *chat_->tokenizer().eos_id());
}

TEST_F(Examples, AnAnswerEndsWithTheEndToken) {
  Problem problem;
  problem.messages = {{"user", "4 a + 5 ?"}};
  problem.completion = "answer 9";
  const auto s = answer_example(*chat_, problem);
  ASSERT_TRUE(ok(s));
  const auto prompt = chat_->prompt(problem.messages);
  ASSERT_TRUE(ok(prompt));
  ASSERT_EQ(s->tokens.size(), prompt->size() + 3);
  EXPECT_EQ(s->tokens.back(), *chat_->tokenizer().eos_id());
  for (size_t t = 0; t < s->tokens.size(); ++t)
    EXPECT_EQ(s->weights[t], t < prompt->size() ? 0.0f : 1.0f);
}

TEST_F(Examples, EveryTurnOfTheAssistantCarriesLossWhenAskedFor) {
  const std::string turns =
      "{% for m in messages %}{{ '<bos> ' if m.role == 'user' else '' }}{{ m.content }}"
      "{{ ' <eos> ' if m.role == 'assistant' else ' ' }}{% endfor %}";
  write_bytes(folder_.path / "chat_template.jinja", turns);
  ModelConfig config;
  config.vocab_size = 70;
  const auto chat = Chat::open(folder_.path, config);
  ASSERT_TRUE(ok(chat));
  Problem problem;
  problem.messages = {{"user", "4 a"}, {"assistant", "9"}, {"user", "5 b"}};
  problem.completion = "answer 8";
  const auto s = conversation_example(*chat, problem);
  ASSERT_TRUE(ok(s));
  const Tokenizer& tokenizer = chat->tokenizer();
  std::string learned;
  for (size_t t = 0; t < s->tokens.size(); ++t) {
    if (s->weights[t] > 0) learned += std::string(tokenizer.token(s->tokens[t])) + " ";
  }
  EXPECT_EQ(learned, "9 <eos> answer 8 <eos> ");
  EXPECT_EQ(s->tokens.size(), 3 + 2 + 3 + 3u);
}

}  // namespace
}  // namespace r1
