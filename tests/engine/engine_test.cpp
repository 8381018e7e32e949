// Scheduling never changes what is sampled: chunks, slots, pages, preemption, sharing, threads,
// backends.
#include "engine/engine.h"

#include "engine/runs.h"
#include "models/tiny_model.h"

namespace r1 {
namespace {

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
