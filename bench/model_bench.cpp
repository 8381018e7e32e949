// The quickstart model as a whole: sampling 64 sequences and one training step.
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "engine/engine.h"
#include "kernels/peak.h"
#include "train/learner.h"

namespace r1 {
namespace {

ModelConfig quickstart_model() {
  ModelConfig c;
  c.vocab_size = 70;
  c.d_model = 96;
  c.n_layers = 3;
  c.n_heads = 6;
  c.n_kv_heads = 2;
  c.head_dim = 16;
  c.d_ff = 256;
  c.max_positions = 256;
  c.rope_theta = 1000;
  c.tie_word_embeddings = true;
  return c;
}

std::vector<int32_t> random_tokens(int64_t n, uint64_t stream) {
  Rng rng(7, stream);
  std::vector<int32_t> tokens(n);
  for (int32_t& t : tokens) t = static_cast<int32_t>(rng.below(69));
  return tokens;
}

/// Tokens/s, and the share of what the machine's cores can multiply and add.
void report(benchmark::State& state, double n_tokens, double flops, const Launch& launch) {
  static const double peak = measure_fma_peak(launch.backend, 0.5) * 1e9;
  state.counters["tok/s"] = benchmark::Counter(n_tokens, benchmark::Counter::kIsRate);
  state.counters["of_peak"] =
      benchmark::Counter(flops / (peak * launch.pool->size()), benchmark::Counter::kIsRate);
}

/// 64 prompts of 25 tokens, 100 new tokens each, temperature 1; prefill is part of the time.
void Sample64(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const Launch launch{*default_backend(), &pool};
  Transformer model(quickstart_model(), Dtype::kF32, StoreUse::kTraining);
  model.init(0, 0, 0.05f);
  model.refresh(launch);
  Engine engine(model, state.range(1) ? Dtype::kBF16 : Dtype::kF32,
                EngineConfig{.max_sequences = 64}, launch);
  const FlopCount flops = count_flops(model.config());
  double n_tokens = 0;
  uint64_t round = 0;
  for (auto _ : state) {
    for (int i = 0; i < 64; ++i) {
      Request request;
      request.prompt = random_tokens(25, i);
      request.streams = {round * 64 + i};
      request.max_tokens = 100;
      if (!engine.submit(std::move(request))) state.SkipWithError("refused");
    }
    engine.run();
    n_tokens += 6400;
    ++round;
  }
  report(state, n_tokens, n_tokens * (1.25 * flops.per_token + 75 * flops.per_token_and_key),
         launch);
}
BENCHMARK(Sample64)
    ->ArgNames({"threads", "kv_bf16"})
    ->ArgsProduct({{1, 2}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// Forward, backward and AdamW on sequences of 60 … 110 tokens, packed; all tokens are real ones.
void TrainStep(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const Launch launch{*default_backend(), &pool};
  Transformer model(quickstart_model(), Dtype::kF32, StoreUse::kTraining);
  model.init(0, 0, 0.05f);
  model.refresh(launch);
  Learner learner(model, AdamWConfig{}, Dtype::kF32, false, launch);
  std::vector<TokenSequence> sequences(state.range(1));
  std::vector<const TokenSequence*> views;
  double mean_length = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const int64_t length = 60 + static_cast<int64_t>(i * 37 % 51);
    sequences[i].tokens = random_tokens(length + 1, i);
    sequences[i].weights.assign(length + 1, 1.0f);
    views.push_back(&sequences[i]);
    mean_length += static_cast<double>(length) / static_cast<double>(sequences.size());
  }
  const Batch batch(views);
  const double n_rows = static_cast<double>(batch.n_rows());
  double n_tokens = 0;
  for (auto _ : state) {
    const auto done = learner.accumulate(batch, 1.0f, [&](const TokenView& t) {
      for (float& d : t.dlogp) d = static_cast<float>(-1.0 / n_rows);
    });
    if (!done || !learner.step(1e-4f)) state.SkipWithError("diverged");
    n_tokens += n_rows;
  }
  report(state, n_tokens, count_flops(model.config()).train(n_tokens, mean_length), launch);
}
BENCHMARK(TrainStep)
    ->ArgNames({"threads", "sequences"})
    ->ArgsProduct({{1, 2}, {12, 48}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace r1
