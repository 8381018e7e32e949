// Requests for tests, and what came of them.
#pragma once

#include <map>

#include "engine/engine.h"
#include "nn/fixtures.h"

namespace r1 {

using Done = std::map<std::pair<int64_t, int>, Completed>;

inline std::vector<int32_t> prompt_of(int64_t n, int64_t seed) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<int32_t>((i * i + 7 * i * seed + 3 * seed) % 69));
  return tokens;
}

inline Request request_of(int64_t id, std::vector<int32_t> prompt, int64_t max_tokens,
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
inline Done run_all(Engine& engine, std::vector<Request> requests) {
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

inline void expect_same(const Done& a, const Done& b) {
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
inline void expect_all_pages_free(Engine& engine, int64_t n_sequences) {
  const int64_t before = engine.stats().n_preempted;
  std::vector<Request> requests;
  for (int64_t i = 0; i < n_sequences; ++i)
    requests.push_back(request_of(i, prompt_of(engine.max_length() - 2, i), 2));
  EXPECT_EQ(run_all(engine, std::move(requests)).size(), static_cast<size_t>(n_sequences));
  EXPECT_EQ(engine.stats().n_preempted, before);
}

/// Prompts around the size of a page; every kind of sampling; groups; stop tokens.
inline std::vector<Request> mixed_requests() {
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

}  // namespace r1
