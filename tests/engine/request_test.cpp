// What one request asks for: sampling settings, the ways to end, and what is refused.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/engine.h"
#include "models/model_io.h"
#include "models/tiny_model.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

class EngineRequest : public testing::Test {
 protected:
  Request request(std::vector<int32_t> prompt, int64_t max_tokens) {
    Request r;
    r.prompt = std::move(prompt);
    r.max_tokens = max_tokens;
    r.params.seed = 9;
    r.on_done = [this](Completed&& c) { done_.push_back(std::move(c)); };
    return r;
  }
  /// The first sample of a request.
  Completed complete(Request r) {
    done_.clear();
    const auto queued = engine_.submit(std::move(r));
    EXPECT_TRUE(queued) << queued.error().message;
    engine_.run();
    return done_.empty() ? Completed{} : done_[0];
  }
  std::string refusal(Request r) {
    const auto queued = engine_.submit(std::move(r));
    return queued ? "accepted" : queued.error().message;
  }
  /// Logits of the token after `tokens`, without the engine.
  Floats next_logits(const std::vector<int32_t>& tokens) {
    Bench bench;
    PackedRows packed({static_cast<int64_t>(tokens.size())});
    packed.tokens = tokens;
    const std::vector<int32_t> last{static_cast<int32_t>(tokens.size()) - 1};
    return floats_of(
        model_->logits(bench.ctx, model_->forward(bench.ctx, packed.rows(), nullptr), last));
  }

  std::unique_ptr<Transformer> model_ = random_model(tiny_config(), Dtype::kF32, best_launch());
  Engine engine_{*model_, Dtype::kF32, {4, 32, 0, 0}, best_launch()};
  std::vector<Completed> done_;
  const std::vector<int32_t> prompt_{1, 40, 7, 7, 20};
};

TEST_F(EngineRequest, GreedyTakesTheLargestLogitAndReportsItsPlainLogp) {
  Request r = request(prompt_, 12);
  r.params.temperature = 0.0f;
  const Completed c = complete(r);
  std::vector<int32_t> tokens = prompt_;
  for (size_t t = 0; t < c.tokens.size(); ++t) {
    const Floats z = next_logits(tokens);
    EXPECT_EQ(c.tokens[t], std::max_element(z.begin(), z.end()) - z.begin());
    double sum = 0;
    for (float x : z) sum += std::exp(static_cast<double>(x));
    EXPECT_NEAR(c.logp[t], z[c.tokens[t]] - std::log(sum), 1e-5);
    tokens.push_back(c.tokens[t]);
  }
}

TEST_F(EngineRequest, LogpIsThatOfTheTemperatureBeforeTheCutoffs) {
  Request r = request(prompt_, 12);
  r.params.temperature = 2.0f;
  r.params.top_k = 3;
  r.params.repetition_penalty = 1.5f;
  const Completed c = complete(r);
  std::vector<int32_t> tokens = prompt_;
  for (size_t t = 0; t < c.tokens.size(); ++t) {
    const Floats z = next_logits(tokens);
    double sum = 0;
    for (float x : z) sum += std::exp(x / 2.0);
    EXPECT_NEAR(c.logp[t], z[c.tokens[t]] / 2.0 - std::log(sum), 1e-5);
    tokens.push_back(c.tokens[t]);
  }
}

TEST_F(EngineRequest, CutoffsKeepOnlyTheLikeliestTokens) {
  const Floats z = next_logits(prompt_);
  std::vector<int32_t> order(z.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return z[a] > z[b]; });
  double total = 0;
  for (float x : z) total += std::exp(static_cast<double>(x));
  const auto seen = [&](auto set) {
    Request r = request(prompt_, 1);
    r.streams.clear();
    for (uint64_t s = 0; s < 300; ++s) r.streams.push_back(s);
    set(r.params);
    complete(r);
    std::set<int32_t> tokens;
    for (const Completed& c : done_) tokens.insert(c.tokens.begin(), c.tokens.end());
    return tokens;
  };
  const auto first = [&](size_t n) {
    return std::set<int32_t>(order.begin(), order.begin() + static_cast<int64_t>(n));
  };
  EXPECT_EQ(seen([](SamplingParams& p) { p.top_k = 2; }), first(2));
  EXPECT_EQ(seen([](SamplingParams& p) { p.top_k = 1; }), first(1));
  size_t n_mass = 0, n_likely = 0;
  for (double mass = 0; mass < 0.2; ++n_mass)
    mass += std::exp(static_cast<double>(z[order[n_mass]])) / total;
  while (z[order[n_likely]] >= z[order[0]] + std::log(0.6)) ++n_likely;
  EXPECT_EQ(seen([](SamplingParams& p) { p.top_p = 0.2f; }), first(n_mass));
  EXPECT_EQ(seen([](SamplingParams& p) { p.min_p = 0.6f; }), first(n_likely));
  EXPECT_GT(seen([](SamplingParams&) {}).size(), n_mass + n_likely);
  EXPECT_EQ(seen([](SamplingParams& p) { p.temperature = 1e-5f; }), first(1));
}

TEST_F(EngineRequest, ARepetitionPenaltyAvoidsWhatWasSeen) {
  Request r = request(prompt_, 40);
  r.params.temperature = 0.0f;
  r.params.repetition_penalty = 1e6f;
  const Completed c = complete(r);
  std::vector<int32_t> all = prompt_;
  for (int32_t token : c.tokens) {
    const Floats z = next_logits(all);
    const bool was_seen = std::count(all.begin(), all.end(), token) > 0;
    const bool others_are_negative = std::none_of(z.begin(), z.end(), [&](const float& x) {
      const auto id = static_cast<int32_t>(&x - z.data());
      return x > 0 && std::count(all.begin(), all.end(), id) == 0;
    });
    EXPECT_TRUE(!was_seen || others_are_negative);
    all.push_back(token);
  }
}

TEST_F(EngineRequest, EndsAtAStopTokenWhichItKeeps) {
  const Completed free = complete(request(prompt_, 20));
  ASSERT_EQ(free.tokens.size(), 20u);
  EXPECT_EQ(free.reason, FinishReason::kLength);
  Request r = request(prompt_, 20);
  r.stop_tokens = {free.tokens[6]};
  const Completed stopped = complete(r);
  const auto end = std::find(free.tokens.begin(), free.tokens.end(), free.tokens[6]) + 1;
  EXPECT_EQ(stopped.tokens, std::vector<int32_t>(free.tokens.begin(), end));
  EXPECT_EQ(stopped.logp.size(), stopped.tokens.size());
  EXPECT_EQ(stopped.reason, FinishReason::kStop);
  EXPECT_STREQ(finish_reason_name(stopped.reason), "stop");
}

TEST_F(EngineRequest, EndsWhereTheContextEnds) {
  const Completed c = complete(request(std::vector<int32_t>(250, 3), 100));
  EXPECT_EQ(c.tokens.size(), 6u);  // 256 positions
  EXPECT_EQ(c.reason, FinishReason::kLength);
}

TEST_F(EngineRequest, OnTokenSeesEachTokenAndFalseEndsThatSampleOnly) {
  Request r = request(prompt_, 10);
  r.streams = {1, 2};
  std::vector<std::vector<int32_t>> heard(2);
  std::vector<Floats> logp(2);
  r.on_token = [&](int sample, int32_t token, float p) {
    heard[sample].push_back(token);
    logp[sample].push_back(p);
    return sample == 1 || heard[0].size() < 3;
  };
  complete(r);
  ASSERT_EQ(done_.size(), 2u);
  for (const Completed& c : done_) {
    EXPECT_EQ(c.tokens, heard[c.sample]);
    EXPECT_TRUE(equal_bits(c.logp, logp[c.sample]));
    EXPECT_EQ(c.tokens.size(), c.sample == 0 ? 3u : 10u);
    EXPECT_EQ(c.reason, c.sample == 0 ? FinishReason::kStop : FinishReason::kLength);
  }
}

TEST_F(EngineRequest, CancelInTheMiddleEndsAllItsSamplesAndNoOther) {
  const Completed alone = complete(request(prompt_, 30));
  for (int n_steps : {0, 1, 2, 8}) {  // waiting, in the prompt, just forked, decoding
    done_.clear();
    Request doomed = request(std::vector<int32_t>(50, 2), 30), other = request(prompt_, 30);
    doomed.id = 1;
    doomed.streams = {1, 2, 3, 4, 5, 6};
    other.id = 2;
    ASSERT_TRUE(engine_.submit(doomed));
    ASSERT_TRUE(engine_.submit(other));
    for (int i = 0; i < n_steps; ++i) engine_.step();
    engine_.cancel(1);
    engine_.cancel(77);  // nobody's
    EXPECT_EQ(done_.size(), 6u);
    for (const Completed& c : done_) {
      EXPECT_EQ(c.request, 1);
      EXPECT_EQ(c.reason, FinishReason::kCancelled);
    }
    engine_.run();
    ASSERT_EQ(done_.size(), 7u);
    EXPECT_EQ(done_[6].tokens, alone.tokens);
    EXPECT_TRUE(equal_bits(done_[6].logp, alone.logp));
  }
}

TEST_F(EngineRequest, CancelFromACallbackEndsTheRequestAfterItsBatch) {
  const Completed alone = complete(request(prompt_, 12));
  done_.clear();
  Request doomed = request(std::vector<int32_t>(20, 2), 30), other = request(prompt_, 12);
  doomed.id = 1;
  doomed.streams = {1, 2, 3};
  int n_tokens = 0;
  doomed.on_token = [&](int, int32_t, float) {
    if (++n_tokens == 4) engine_.cancel(1);
    return true;
  };
  other.id = 2;
  ASSERT_TRUE(engine_.submit(doomed));
  ASSERT_TRUE(engine_.submit(other));
  engine_.run();
  ASSERT_EQ(done_.size(), 4u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(done_[i].reason, FinishReason::kCancelled);
  EXPECT_EQ(done_[3].tokens, alone.tokens);
}

TEST_F(EngineRequest, AnEndMaySubmitTheNextRequest) {
  Request second = request({2, 3}, 4);
  second.id = 2;
  Request first = request(prompt_, 4);
  first.on_done = [&](Completed&& c) {
    done_.push_back(std::move(c));
    EXPECT_TRUE(engine_.submit(second));
  };
  complete(first);
  ASSERT_EQ(done_.size(), 2u);
  EXPECT_EQ(done_[1].request, 2);
}

TEST_F(EngineRequest, RefusesPromptsThatAreEmptyTooLongOrOutsideTheVocabulary) {
  EXPECT_EQ(refusal(request({}, 4)), "the prompt has no tokens");
  EXPECT_EQ(refusal(request(std::vector<int32_t>(256, 1), 4)),
            "the prompt has 256 tokens; at most 255 fit in a context of 256");
  EXPECT_EQ(refusal(request({1, 69}, 4)), "token 69 is outside the vocabulary of 69");
  EXPECT_EQ(refusal(request({-1}, 4)), "token -1 is outside the vocabulary of 69");
  EXPECT_FALSE(engine_.step());
  EXPECT_EQ(complete(request(std::vector<int32_t>(255, 1), 4)).tokens.size(), 1u);
}

TEST(Published, Stories260KSampledGreedilyWritesItsStory) {
  const char* data = std::getenv("R1_SHARED_DATA");
  const Path folder = Path(data ? data : "") / "models" / "stories260K";
  if (!data || !std::filesystem::exists(folder / "expected.json")) {
    GTEST_SKIP() << "set R1_SHARED_DATA to a folder with models/stories260K";
  }
  const auto loaded = load_model(folder / "hf", {.dtype = "auto"}, best_launch());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto expected = nlohmann::json::parse(read_text(folder / "expected.json").value());
  auto ids = expected["ids"].get<std::vector<int32_t>>();
  ids.erase(ids.begin());
  Engine engine(*loaded->model, Dtype::kF32, {}, best_launch());
  Request r;
  r.prompt = {1};
  r.max_tokens = 200;
  r.params.temperature = 0.0f;
  std::vector<int32_t> tokens;
  r.on_done = [&](Completed&& c) { tokens = c.tokens; };
  ASSERT_TRUE(engine.submit(r));
  engine.run();
  EXPECT_EQ(tokens, ids);
}

}  // namespace
}  // namespace r1
