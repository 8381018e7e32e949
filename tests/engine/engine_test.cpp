// Scheduling never changes what is sampled: chunks, slots, pages, preemption, sharing, threads,
// backends.
#include "engine/engine.h"

#include <algorithm>
#include <map>

#include "models/tiny_model.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

using Done = std::map<std::pair<int64_t, int>, Completed>;

std::vector<int32_t> prompt_of(int64_t n, int64_t seed) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<int32_t>((i * i + 7 * i * seed + 3 * seed) % 69));
  return tokens;
}

Request request_of(int64_t id, std::vector<int32_t> prompt, int64_t max_tokens,
                   std::vector<uint64_t> streams = {}) {
  Request r;
  r.id = id;
  r.prompt = std::move(prompt);
  r.max_tokens = max_tokens;
  r.streams = streams.empty() ? std::vector<uint64_t>{static_cast<uint64_t>(1000 + id)}
                              : std::move(streams);
  r.params.seed = 42;
  return r;
}

/// Runs requests to their end and gathers every sample once.
Done run_all(Engine& engine, std::vector<Request> requests) {
  Done done;
  for (Request& r : requests) {
    r.on_done = [&done](Completed&& c) {
      const auto key = std::pair(c.request, c.sample);
      EXPECT_TRUE(done.emplace(key, std::move(c)).second) << "finished twice";
    };
    const auto queued = engine.submit(std::move(r));
    EXPECT_TRUE(queued) << queued.error().message;
  }
  engine.run();
  return done;
}

void expect_same(const Done& a, const Done& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [key, x] : a) {
    const Completed& y = b.at(key);
    SCOPED_TRACE("request " + std::to_string(key.first) + " sample " + std::to_string(key.second));
    ASSERT_EQ(x.tokens, y.tokens);
    ASSERT_TRUE(equal_bits(x.logp, y.logp));
    ASSERT_EQ(x.reason, y.reason);
  }
}

/// Takes every page: an engine whose pages all came back can hold as many long prompts as it has
/// room for.
void expect_all_pages_free(Engine& engine, int64_t n_sequences) {
  const int64_t before = engine.stats().n_preempted;
  std::vector<Request> requests;
  for (int64_t i = 0; i < n_sequences; ++i)
    requests.push_back(request_of(i, prompt_of(engine.max_length() - 2, i), 2));
  EXPECT_EQ(run_all(engine, std::move(requests)).size(), static_cast<size_t>(n_sequences));
  EXPECT_EQ(engine.stats().n_preempted, before);
}

std::vector<Request> mixed_requests() {
  std::vector<Request> requests;
  const int64_t lengths[] = {1, 63, 64, 65, 128, 5, 17};
  for (int64_t i = 0; i < 7; ++i) {
    Request r = request_of(i, prompt_of(lengths[i], i + 1), 70);
    r.params.temperature = i % 2 ? 1.3f : 0.8f;
    if (i == 3) r.params.temperature = 0.0f;
    if (i == 4) r.params.top_k = 20, r.params.top_p = 0.9f;
    if (i == 5) r.params.min_p = 0.05f, r.params.repetition_penalty = 1.3f;
    if (i == 6) r.streams = {7, 8, 9, 10};
    if (i == 1) r.streams = {11, 12, 13};
    if (i == 0) r.stop_tokens = {3, 4, 5, 6};
    requests.push_back(std::move(r));
  }
  return requests;
}

TEST(Engine, SlotsChunksPagesPreemptionAndThreadsChangeNoBit) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    const auto model = random_model(tiny_config(), dtype, best_launch());
    Done expected;
    int64_t n_preempted = 0;
    for (int64_t slots : {1, 3, 64}) {
      for (int64_t chunk : {1, 5, 256}) {
        const int threads = 1 + static_cast<int>((slots + chunk) % 2);
        for (int64_t pages : {0, 4}) {
          SCOPED_TRACE(fmt::format("{} slots, chunk {}, {} pages", slots, chunk, pages));
          Engine engine(*model, dtype, {slots, chunk, pages, 0}, best_launch(threads));
          const Done done = run_all(engine, mixed_requests());
          EXPECT_EQ(done.size(), 12u);
          if (expected.empty()) expected = done;
          expect_same(expected, done);
          if (pages == 4 && slots > 1) {
            EXPECT_GT(engine.stats().n_preempted, 0);
          }
          n_preempted += engine.stats().n_preempted;
          expect_all_pages_free(engine, 1);
        }
      }
    }
    EXPECT_GT(n_preempted, 0);
  }
}

TEST(Engine, EveryBackendSamplesTheSameBits) {
  ModelConfig config = tiny_config();
  config.d_model = 16, config.d_ff = 24, config.n_layers = 2, config.n_heads = 2,
  config.n_kv_heads = 1;
  const auto model = random_model(config, Dtype::kBF16, best_launch());
  Done expected;
  for (Backend backend : available_backends()) {
    SCOPED_TRACE(backend_name(backend));
    Engine engine(*model, Dtype::kBF16, {4, 32, 0, 0}, {backend, test_pool(2)});
    const Done done = run_all(engine, {request_of(0, prompt_of(60, 1), 20, {1, 2, 3}),
                                       request_of(1, prompt_of(9, 2), 20)});
    if (expected.empty()) expected = done;
    expect_same(expected, done);
  }
}

TEST(Engine, AGroupSamplesWhatSeparateRequestsSample) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  for (int64_t n_prompt : {1, 63, 64, 65, 128}) {
    Engine shared(*model, Dtype::kF32, {8, 256, 0, 0}, best_launch());
    Engine apart(*model, Dtype::kF32, {8, 256, 0, 0}, best_launch());
    const Done group = run_all(shared, {request_of(0, prompt_of(n_prompt, 3), 10, {5, 6, 7, 8})});
    EXPECT_EQ(shared.stats().n_shared_pages, 3 * (n_prompt / 64));
    EXPECT_EQ(shared.stats().n_prefill + shared.stats().n_decode,
              n_prompt + 4 * 9);  // the prompt once
    std::vector<Request> requests;
    for (uint64_t s : {5, 6, 7, 8})
      requests.push_back(request_of(static_cast<int64_t>(s) - 5, prompt_of(n_prompt, 3), 10, {s}));
    const Done single = run_all(apart, std::move(requests));
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(group.at({0, i}).tokens, single.at({i, 0}).tokens);
      EXPECT_TRUE(equal_bits(group.at({0, i}).logp, single.at({i, 0}).logp));
    }
    EXPECT_NE(group.at({0, 0}).tokens, group.at({0, 1}).tokens);
    expect_all_pages_free(shared, 8);
  }
}

TEST(Engine, TwoHundredSamplesPassThroughEightSlots) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  std::vector<uint64_t> streams;
  for (uint64_t i = 0; i < 200; ++i) streams.push_back(i);
  Engine engine(*model, Dtype::kF32, {8, 64, 12, 128}, best_launch());
  const Done done = run_all(engine, {request_of(0, prompt_of(40, 1), 30, streams)});
  ASSERT_EQ(done.size(), 200u);
  for (const auto& [key, c] : done) {
    EXPECT_EQ(c.tokens.size(), 30u);
    EXPECT_EQ(c.reason, FinishReason::kLength);
  }
  Engine wide(*model, Dtype::kF32, {200, 64, 0, 128}, best_launch());
  expect_same(done, run_all(wide, {request_of(0, prompt_of(40, 1), 30, streams)}));
  expect_all_pages_free(engine, 6);
}

TEST(Engine, AnEngineThatWasUsedSamplesTheSameAgain) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  Engine engine(*model, Dtype::kF32, {3, 16, 5, 0}, best_launch());
  const Done first = run_all(engine, mixed_requests());
  expect_same(first, run_all(engine, mixed_requests()));
}

}  // namespace
}  // namespace r1
