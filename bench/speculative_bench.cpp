// One conversation with and without speculation, on a random DeepSeek-V3 of about 20M weights.
#include <benchmark/benchmark.h>

#include <chrono>

#include "base/random.h"
#include "engine/engine.h"

namespace r1 {
namespace {

ModelConfig small_v3() {
  ModelConfig c;
  c.architecture = "DeepseekV3ForCausalLM";
  c.vocab_size = 4096;
  c.d_model = 256;
  c.n_layers = 8;
  c.n_heads = c.n_kv_heads = 8;
  c.mla = {.q_lora_rank = 0,
           .kv_lora_rank = 64,
           .qk_nope_head_dim = 32,
           .qk_rope_head_dim = 16,
           .v_head_dim = 32};
  c.head_dim = 48;
  c.d_ff = 704;
  c.moe.routing.n_experts = 16;
  c.moe.routing.top_k = 2;
  c.moe.routing.scoring = Routing::Scoring::kSigmoid;
  c.moe.routing.group_score = Routing::GroupScore::kTopTwo;
  c.moe.routing.norm_topk_prob = true;
  c.moe.d_ff = 160;
  c.moe.shared_d_ff = 160;
  c.moe.correction_bias = true;
  c.moe.sparse.assign(static_cast<size_t>(c.n_layers), true);
  c.moe.sparse[0] = false;
  c.max_positions = 1024;
  c.tie_word_embeddings = true;
  c.n_mtp_layers = 1;
  return c;
}

/// Seconds of 200 new tokens after a prompt of 30.
double seconds_of(Engine& engine, uint64_t stream) {
  Request request;
  Rng rng(7, stream);
  for (int i = 0; i < 30; ++i) request.prompt.push_back(static_cast<int32_t>(rng.below(4096)));
  request.streams = {stream};
  request.max_tokens = 200;
  const auto start = std::chrono::steady_clock::now();
  CHECK(engine.submit(std::move(request)).has_value(), "refused");
  engine.run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// ratio: tokens/s against those without speculation, on the same text. The less the words differ
/// (their embeddings' std), the more guesses stand, since the model and its module draw with the
/// same random numbers: acceptance says how many.
void OneStream(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const Launch launch{*default_backend(), &pool};
  Transformer model(small_v3(), Dtype::kF32, StoreUse::kTraining, {}, true);
  model.init(0, 0, static_cast<float>(state.range(2)) / 1000.0f);
  model.refresh(launch);
  Engine plain(model, Dtype::kF32, {.max_sequences = 1, .prefill_chunk = 64}, launch);
  Engine engine(model, Dtype::kF32,
                {.max_sequences = 1, .prefill_chunk = 64, .speculate = state.range(1)}, launch);
  double with = 0, without = 0, n_tokens = 0;
  uint64_t stream = 0;
  for (auto _ : state) {
    state.PauseTiming();
    without += seconds_of(plain, stream);
    state.ResumeTiming();
    with += seconds_of(engine, stream++);
    n_tokens += 200;
  }
  state.counters["tok/s"] = n_tokens / with;
  state.counters["plain_tok/s"] = n_tokens / without;
  state.counters["ratio"] = without / with;
  state.counters["acceptance"] = engine.stats().acceptance_rate();
}
BENCHMARK(OneStream)
    ->ArgNames({"threads", "speculate", "std_permille"})
    ->ArgsProduct({{1, 2}, {1, 2, 3}, {10, 50}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace r1
