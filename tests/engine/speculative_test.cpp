// Speculation changes no token and no bit of a log-probability: slots, chunks, pages, preemption,
// groups, sampling settings, stops and limits; and its guesses are the module's.
#include "engine/speculative.h"

#include "engine/runs.h"
#include "kernels/sampling.h"
#include "models/tiny_v3.h"

namespace r1 {
namespace {

EngineConfig config_of(int64_t slots, int64_t chunk, int64_t pages, int64_t speculate) {
  return {.max_sequences = slots,
          .prefill_chunk = chunk,
          .n_pages = pages,
          .max_length = 0,
          .speculate = speculate};
}

Done plainly(const Transformer& model, Dtype kv, std::vector<Request> requests) {
  Engine engine(model, kv, config_of(64, 256, 0, 0), best_launch());
  return run_all(engine, std::move(requests));
}

TEST(Speculative, SlotsChunksPagesPreemptionAndThreadsChangeNoBit) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    const auto model = random_v3(tiny_v3_config(), dtype, best_launch());
    const Done expected = plainly(*model, dtype, mixed_requests());
    for (int64_t n : {1, 2, 3}) {
      EngineStats sum;
      for (int64_t slots : {1, 3, 64}) {
        for (int64_t chunk : {1, 5, 256}) {
          const int64_t pages = chunk == 5 ? 0 : 4;
          SCOPED_TRACE(
              fmt::format("{} drafts, {} slots, chunk {}, {} pages", n, slots, chunk, pages));
          const int threads = 1 + static_cast<int>((slots + chunk) % 2);
          Engine engine(*model, dtype, config_of(slots, chunk, pages, n), best_launch(threads));
          expect_same(expected, run_all(engine, mixed_requests()));
          expect_all_pages_free(engine, 1);
          sum.n_drafted += engine.stats().n_drafted;
          sum.n_accepted += engine.stats().n_accepted;
          sum.n_preempted += engine.stats().n_preempted;
        }
      }
      EXPECT_GT(sum.n_accepted, 0);
      EXPECT_GT(sum.n_drafted, sum.n_accepted);
      EXPECT_GT(sum.n_preempted, 0);
    }
  }
}

TEST(Speculative, NoSeedOrSamplingSettingChangesABit) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  std::vector<Request> requests;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    for (float temperature : {0.0f, 0.3f, 1.0f, 4.0f}) {
      for (float top_p : {0.5f, 0.95f, 1.0f}) {
        const int64_t id = static_cast<int64_t>(requests.size());
        Request r = request_of(id, prompt_of(3 + id, id + 1), 20);
        r.params.seed = seed;
        r.params.temperature = temperature;
        r.params.top_p = top_p;
        if (id % 3 == 0) r.params.repetition_penalty = 1.5f;
        if (id % 4 == 0) r.params.top_k = 10;
        requests.push_back(std::move(r));
      }
    }
  }
  const Done expected = plainly(*model, Dtype::kF32, requests);
  for (int64_t n : {1, 3}) {
    Engine engine(*model, Dtype::kF32, config_of(8, 64, 0, n), best_launch());
    expect_same(expected, run_all(engine, requests));
  }
}

TEST(Speculative, TheAbsorbedFormSpeculatesInItsOwnBits) {
  ModelConfig config = tiny_v3_config();
  config.mla.absorbed = true;
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    const auto model = random_v3(config, dtype, best_launch());
    Engine engine(*model, dtype, config_of(3, 5, 5, 2), best_launch());
    expect_same(plainly(*model, dtype, mixed_requests()), run_all(engine, mixed_requests()));
    EXPECT_GT(engine.stats().n_accepted, 0);
  }
}

TEST(Speculative, ASecondModuleOrADenseLayerChangesNothingOfThis) {
  ModelConfig config = tiny_v3_config(2);
  config.moe = {};
  config.mla.q_lora_rank = 8;
  const auto model = random_v3(config, Dtype::kF32, best_launch());
  Engine engine(*model, Dtype::kF32, config_of(4, 32, 0, 2), best_launch());
  expect_same(plainly(*model, Dtype::kF32, mixed_requests()), run_all(engine, mixed_requests()));
}

/// What the module guesses after tokens[0 … i + 1], for every i, from one pass over all tokens.
std::vector<int32_t> guesses(const Transformer& model, const std::vector<int32_t>& tokens,
                             const Request& request) {
  Bench bench;
  const int64_t n = static_cast<int64_t>(tokens.size()) - 1;
  PackedRows packed({n});
  packed.tokens.assign(tokens.begin(), tokens.end() - 1);
  Tensor h = model.forward(bench.ctx, packed.rows(), nullptr);
  packed.tokens.assign(tokens.begin() + 1, tokens.end());
  Tensor x = model.head().norm.forward(bench.ctx, h, nullptr);
  x = model.mtp_forward(bench.ctx, packed.rows(), 0, x, nullptr);
  std::vector<int32_t> rows, drawn(n);
  std::vector<SampleRow> settings;
  for (int32_t i = 0; i < n; ++i) {
    rows.push_back(i);
    settings.push_back({.temperature = request.params.temperature,
                        .seed = request.params.seed,
                        .stream = request.streams[0],
                        .position = i + 2});
  }
  Tensor logits = model.logits(bench.ctx, x, rows, &model.mtp()[0].norm);
  sample_rows(bench.ctx.launch, drawn.data(), logits, settings.data());
  return drawn;
}

TEST(Speculative, AGuessIsWhatOnePassOverTheWholeTextGives) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  for (int64_t n_prompt : {1, 2, 63, 64, 65}) {
    Request request = request_of(0, prompt_of(n_prompt, 4), 90);
    request.params.temperature = 2.0f;
    Engine engine(*model, Dtype::kF32, config_of(1, 7, 0, 1), best_launch());
    const Done done = run_all(engine, {request});
    std::vector<int32_t> tokens = request.prompt;
    const auto& drawn = done.at({0, 0}).tokens;
    tokens.insert(tokens.end(), drawn.begin(), drawn.end());
    const std::vector<int32_t> guessed = guesses(*model, tokens, request);
    int64_t n_drafted = 0, n_accepted = 0;
    const size_t end = tokens.size();
    for (size_t i = request.prompt.size() + 1; i < end; ++i) {  // the first token has no guess
      if (end - i < 2) break;                                   // the last one needs none
      ++n_drafted;
      if (guessed[i - 2] == tokens[i]) ++n_accepted, ++i;  // and the one after comes with it
    }
    EXPECT_EQ(engine.stats().n_drafted, n_drafted) << n_prompt;
    EXPECT_EQ(engine.stats().n_accepted, n_accepted) << n_prompt;
    EXPECT_GT(n_accepted, 0);
  }
}

TEST(Speculative, GuessesDependOnTheTextAlone) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kBF16, best_launch());
  int64_t n_accepted = -1;
  for (int64_t slots : {1, 64}) {
    // pages for all: where they run short, fewer guesses are made
    Engine engine(*model, Dtype::kBF16, config_of(slots, slots, 100, 2), best_launch());
    run_all(engine, mixed_requests());
    if (n_accepted < 0) n_accepted = engine.stats().n_accepted;
    EXPECT_EQ(engine.stats().n_accepted, n_accepted);
  }
}

TEST(Speculative, LimitsOfTokensAndPositionsHold) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  for (int64_t max_tokens : {1, 2, 3, 500}) {
    for (int64_t max_length : {64, 65, 0}) {
      EngineConfig config = config_of(2, 16, 0, 3), plain = config_of(2, 16, 0, 0);
      config.max_length = plain.max_length = max_length;
      std::vector<Request> requests{request_of(0, prompt_of(40, 1), max_tokens, {1, 2}),
                                    request_of(1, prompt_of(63, 2), max_tokens)};
      Engine expected(*model, Dtype::kF32, plain, best_launch());
      Engine engine(*model, Dtype::kF32, config, best_launch());
      expect_same(run_all(expected, requests), run_all(engine, requests));
    }
  }
}

TEST(Speculative, TokensComeInOrderAndNoneAfterAStop) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  Request request = request_of(0, prompt_of(10, 3), 60);
  request.params.temperature = 3.0f;
  const std::vector<int32_t> all = plainly(*model, Dtype::kF32, {request}).at({0, 0}).tokens;
  for (size_t end : {1, 2, 7, 30}) {
    for (bool by_callback : {false, true}) {
      std::vector<int32_t> seen;
      Request r = request;
      if (!by_callback) r.stop_tokens = {all[end - 1]};
      r.on_token = [&](int, int32_t token, float) {
        seen.push_back(token);
        return !by_callback || seen.size() < end;
      };
      Engine engine(*model, Dtype::kF32, config_of(1, 64, 0, 3), best_launch());
      const Completed done = run_all(engine, {r}).at({0, 0});
      const auto first = std::find(all.begin(), all.end(), all[end - 1]) - all.begin() + 1;
      const size_t n = by_callback ? end : static_cast<size_t>(first);
      EXPECT_EQ(done.tokens, std::vector<int32_t>(all.begin(), all.begin() + n));
      EXPECT_EQ(seen, done.tokens);
      EXPECT_EQ(done.reason, FinishReason::kStop);
    }
  }
}

TEST(Speculative, ARequestMayBeCancelledFromItsCallback) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  Engine engine(*model, Dtype::kF32, config_of(4, 64, 0, 3), best_launch());
  std::vector<Request> requests{request_of(0, prompt_of(10, 3), 60, {1, 2, 3}),
                                request_of(1, prompt_of(5, 3), 60)};
  requests[0].on_token = [&, n = 0](int, int32_t, float) mutable {
    if (++n == 10) engine.cancel(0);
    return true;
  };
  const Done done = run_all(engine, requests);
  EXPECT_EQ(done.at({0, 0}).reason, FinishReason::kCancelled);
  EXPECT_EQ(done.at({1, 0}).tokens.size(), 60u);
  expect_all_pages_free(engine, 4);
}

std::string refusal(const Transformer& model, int64_t speculate) {
  const auto valid = config_of(4, 64, 0, speculate).validate(model);
  return valid ? "accepted" : valid.error().message;
}

TEST(Speculative, WhatCannotSpeculateIsRefusedWithTheReason) {
  const Transformer v3(tiny_v3_config(), Dtype::kF32, StoreUse::kPlan, {}, true);
  const Transformer without(tiny_v3_config(), Dtype::kF32, StoreUse::kPlan);
  const Transformer llama(tiny_config(), Dtype::kF32, StoreUse::kPlan, {}, true);
  EXPECT_EQ(refusal(v3, 16), "accepted");
  EXPECT_EQ(refusal(llama, 0), "accepted");
  EXPECT_NE(refusal(v3, -1).find("speculate is -1"), std::string::npos);
  EXPECT_NE(refusal(v3, 17).find("from 0 (off) to 16"), std::string::npos);
  EXPECT_NE(refusal(llama, 2).find("num_nextn_predict_layers of its config.json is absent"),
            std::string::npos);
  EXPECT_NE(refusal(without, 2).find("its weights hold none"), std::string::npos);
}

}  // namespace
}  // namespace r1
