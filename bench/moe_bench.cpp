// What experts cost: the products of a mixture beside one product as large, and a training step of
// a V3 in miniature beside one of a dense model with as many active weights. Both sides take turns
// within one benchmark, so that a busy neighbour slows both.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <functional>

#include "base/log.h"
#include "base/random.h"
#include "train/expert_balance.h"
#include "train/new_model.h"

namespace r1 {
namespace {

/// Medians of two bodies that take turns. One thread counts its own time, whoever else is busy.
struct Pair {
  const ThreadPool& pool;
  Timer timer = {};
  std::vector<double> first = {}, second = {};

  double now() const {
    return pool.size() > 1 ? timer.seconds() : static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  }
  void time(const std::function<void()>& a, const std::function<void()>& b) {
    const double begin = now();
    a();
    const double middle = now();
    b();
    first.push_back(middle - begin);
    second.push_back(now() - middle);
  }
  static double median(std::vector<double> x) {
    std::nth_element(x.begin(), x.begin() + std::ssize(x) / 2, x.end());
    return x[x.size() / 2];
  }
};

/// Experts' matrices (E of (N, K)) with rows spread over them at random, and one matrix for all.
struct Grouped {
  Arena arena;
  std::vector<PackedMatrix> b;
  Tensor x, y, dw;
  std::vector<GemmJob> jobs;
  std::vector<GradientJob> gradients;

  Grouped(const Launch& launch, int64_t E, int64_t M, int64_t K, int64_t N) {
    x = random(M, K), y = random(M, N), dw = random(E * N, K);
    Rng rng(3, 1);
    std::vector<int64_t> offsets(E + 1, 0);
    for (int64_t m = 0; m < M; ++m) ++offsets[rng.below(static_cast<uint64_t>(E)) + 1];
    for (int64_t e = 0; e < E; ++e) offsets[e + 1] += offsets[e];
    for (int64_t e = 0; e < E; ++e) {
      const Tensor memory = arena.f32({packed_bytes(K, N, Dtype::kF32) / 4});
      b.push_back({memory.data, Dtype::kF32, K, N});
      gemm_pack(launch, b.back(), dw.slice_rows(e * N, (e + 1) * N), true);
    }
    for (int64_t e = 0; e < E; ++e) {
      const Tensor xs = x.slice_rows(offsets[e], offsets[e + 1]);
      const Tensor ys = y.slice_rows(offsets[e], offsets[e + 1]);
      if (xs.rows() == 0) continue;
      jobs.push_back({ys, xs, &b[e]});
      gradients.push_back({dw.slice_rows(e * N, (e + 1) * N), ys, xs});
    }
  }

 private:
  Tensor random(int64_t rows, int64_t cols) {
    Tensor t = arena.f32({rows, cols});
    Rng rng(1, 1);
    for (int64_t i = 0; i < t.numel(); ++i) {
      t.f32()[i] = static_cast<float>(rng.next() >> 8) * 0x1p-23f - 1.0f;
    }
    return t;
  }
};

/// of_dense: the rate of the experts' products over that of one product with the same rows.
void GroupedGemm(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const Launch launch{*default_backend(), &pool};
  const bool is_gradient = state.range(1) != 0;
  const int64_t E = state.range(2), M = state.range(3), K = state.range(4), N = state.range(5);
  Grouped grouped(launch, E, M, K, N);
  Pair pair{pool};
  for (auto _ : state) {
    if (is_gradient) {
      const Tensor dw = grouped.dw.slice_rows(0, N);
      pair.time([&] { gemm_weight_gradient_each(launch, grouped.gradients); },
                [&] { gemm_weight_gradient(launch, dw, grouped.y, grouped.x); });
    } else {
      pair.time([&] { gemm_each(launch, grouped.jobs); },
                [&] { gemm(launch, grouped.y, grouped.x, grouped.b[0], false); });
    }
  }
  const double experts = Pair::median(pair.first), dense = Pair::median(pair.second);
  state.counters["GFLOP/s"] = 2e-9 * static_cast<double>(M * K * N) / experts;
  state.counters["of_dense"] = dense / experts;
}
BENCHMARK(GroupedGemm)
    ->ArgNames({"threads", "dw", "E", "M", "K", "N"})
    ->ArgsProduct({{1, 2}, {0, 1}, {8}, {2048}, {96}, {80}})    // v3-tiny: into an expert
    ->ArgsProduct({{1, 2}, {0, 1}, {8}, {2048}, {80}, {96}})    // and out of it
    ->ArgsProduct({{1, 2}, {0, 1}, {32}, {8192}, {256}, {96}})  // v3-small
    ->ArgsProduct({{1, 2}, {0, 1}, {32}, {8192}, {96}, {256}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

/// A model that learns on random words.
struct Trainee {
  std::unique_ptr<Transformer> model;
  std::unique_ptr<Learner> learner;

  Trainee(const NewModel& shape, const Launch& launch) {
    model = std::make_unique<Transformer>(*new_model_config(shape, 70, 1, 2), Dtype::kF32,
                                          StoreUse::kTraining);
    model->init(0, 0, 0.05f);
    model->refresh(launch);
    learner = std::make_unique<Learner>(*model, AdamWConfig{}, Dtype::kF32, false, launch);
  }
  void step(const Batch& batch) {
    const float share = -1.0f / static_cast<float>(batch.n_rows());
    const auto done = learner->accumulate(batch, 1.0f, [&](const TokenView& t) {
      for (float& d : t.dlogp) d = share;
    });
    CHECK(done && learner->step(1e-4f), "diverged");
  }
};

/// of_dense: time of a step with experts over that of the dense model; active: weights that a token
/// meets, over those of the dense model.
void MoeTrainStep(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const Launch launch{*default_backend(), &pool};
  NewModel sparse, equal;
  sparse.architecture = "deepseek_v3";
  equal.d_ff = 272;  // the quickstart's dense base and 16 more, for as many active weights
  Trainee dense(equal, launch), experts(sparse, launch);
  std::vector<TokenSequence> sequences(static_cast<size_t>(state.range(1)));
  std::vector<const TokenSequence*> views;
  for (size_t i = 0; i < sequences.size(); ++i) {
    Rng rng(7, i);
    for (size_t t = 0; t < 61 + i * 37 % 51; ++t) {
      sequences[i].tokens.push_back(static_cast<int32_t>(rng.below(69)));
    }
    sequences[i].weights.assign(sequences[i].tokens.size(), 1.0f);
    views.push_back(&sequences[i]);
  }
  const Batch batch(views);
  const ExpertBalance balance = *ExpertBalance::open({}, *experts.model);
  Pair pair{pool};
  for (auto _ : state) {
    pair.time(
        [&] {
          balance.begin_step(*experts.learner, batch.n_rows());
          experts.step(batch);
          move_biases(*experts.model, experts.learner->experts().last, balance.bias_speed(0));
        },
        [&] { dense.step(batch); });
  }
  const double with = Pair::median(pair.first), without = Pair::median(pair.second);
  state.counters["moe_ms"] = 1e3 * with;
  state.counters["dense_ms"] = 1e3 * without;
  state.counters["of_dense"] = with / without;
  state.counters["active"] =
      count_flops(experts.model->config()).per_token / count_flops(dense.model->config()).per_token;
}
BENCHMARK(MoeTrainStep)
    ->ArgNames({"threads", "sequences"})
    ->ArgsProduct({{1, 2}, {12, 24}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace r1
