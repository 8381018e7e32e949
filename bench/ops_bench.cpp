// Row-wise ops at the shapes of the quickstart model (C 96, F 256, V 69) and of a 0.5B model (C
// 896, F 4864, V 151936): time a row, and bytes a second of what must move.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/adamw.h"
#include "kernels/cross_entropy.h"
#include "kernels/pointwise.h"
#include "kernels/rmsnorm.h"
#include "kernels/sampling.h"
#include "tensor/arena.h"

namespace r1 {
namespace {

ThreadPool& pool_of(int n_threads) {
  static std::vector<std::unique_ptr<ThreadPool>> pools(usable_cores() + 1);
  if (!pools[n_threads]) pools[n_threads] = std::make_unique<ThreadPool>(n_threads);
  return *pools[n_threads];
}

/// What one benchmark needs: its memory, and how it is launched.
struct Bench {
  Launch launch;
  Arena arena;

  explicit Bench(int n_threads) : launch{default_backend().value(), &pool_of(n_threads)} {}

  Tensor normals(int64_t rows, int64_t cols, float scale = 1.0f) {
    Tensor x = arena.f32({rows, cols});
    Rng rng(1, rows + cols);
    std::array<float, 100003> pattern;
    for (float& value : pattern) value = scale * rng.normal();
    for (int64_t i = 0; i < x.numel(); ++i) x.f32()[i] = pattern[i % pattern.size()];
    return x;
  }
};

using Op = std::function<void()>;

/// make(bench, N, width) sets up the op and says how it runs.
void add(const std::string& name, std::pair<int64_t, int64_t> shape, int64_t bytes,
         const std::function<Op(Bench&, int64_t, int64_t)>& make) {
  const auto [N, width] = shape;
  const int cores = usable_cores();
  for (int n_threads = 1; n_threads <= cores; n_threads += std::max(1, cores - 1)) {
    const std::string full = fmt::format("{}/{}x{}/threads:{}", name, N, width, n_threads);
    benchmark::RegisterBenchmark(
        full.c_str(),
        [=, N = N, width = width](benchmark::State& state) {
          Bench bench(n_threads);
          const Op op = make(bench, N, width);
          op();
          for (auto _ : state) op();
          const auto rows = static_cast<double>(state.iterations() * N);
          state.counters["s/row"] =
              benchmark::Counter(rows, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
          state.counters["B/s"] = benchmark::Counter(rows * static_cast<double>(bytes) / N,
                                                     benchmark::Counter::kIsRate);
        })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

void add_norms(int64_t N, int64_t C) {
  const int64_t size = 4 * N * C;
  add("rmsnorm_forward", {N, C}, 2 * size, [](Bench& b, int64_t n, int64_t c) -> Op {
    const Tensor x = b.normals(n, c), w = b.normals(1, c), y = b.normals(n, c), r = b.normals(1, n);
    return [=, &b] { rmsnorm_forward(b.launch, y, r, x, w, 1e-6f); };
  });
  add("rmsnorm_backward", {N, C}, 4 * size, [](Bench& b, int64_t n, int64_t c) -> Op {
    const Tensor x = b.normals(n, c), w = b.normals(1, c), dy = b.normals(n, c);
    const Tensor dx = b.normals(n, c), dw = b.normals(1, c), r = b.normals(1, n);
    return [=, &b] { rmsnorm_backward(b.launch, dx, dw, dy, x, r, w); };
  });
}

void add_pointwise(int64_t N, int64_t C, int64_t F, int64_t D) {
  add("swiglu_forward", {N, F}, 12 * N * F, [](Bench& b, int64_t n, int64_t f) -> Op {
    const Tensor gate = b.normals(n, f, 3.0f), up = b.normals(n, f), y = b.normals(n, f);
    return [=, &b] { swiglu_forward(b.launch, y, gate, up); };
  });
  add("swiglu_backward", {N, F}, 20 * N * F, [](Bench& b, int64_t n, int64_t f) -> Op {
    const Tensor gate = b.normals(n, f, 3.0f), up = b.normals(n, f), dy = b.normals(n, f);
    const Tensor dgate = b.normals(n, f), dup = b.normals(n, f);
    return [=, &b] { swiglu_backward(b.launch, dgate, dup, dy, gate, up); };
  });
  add("rope", {N, C}, 8 * N * C, [D](Bench& b, int64_t n, int64_t c) -> Op {
    const Tensor x = b.normals(n, c), positions = b.arena.i32({n});
    Tensor cos = b.normals(n, D / 2), sin = b.normals(n, D / 2);
    for (int64_t i = 0; i < n; ++i) positions.i32()[i] = static_cast<int32_t>(i);
    for (int64_t i = 0; i < cos.numel(); ++i) {  // a true turn: the bench applies it many times
      cos.f32()[i] = 0.8f;
      sin.f32()[i] = 0.6f;
    }
    return [=, &b] { rope(b.launch, x, positions.i32(), cos, sin, false); };
  });
}

void add_cross_entropy(int64_t N, int64_t V) {
  struct Parts {
    Tensor logits, out, targets, scale;
  };
  auto parts = [](Bench& b, int64_t n, int64_t v) {
    Parts p{b.normals(n, v, 2.0f), b.normals(4, n), b.arena.i32({n}), b.normals(1, n)};
    for (int64_t i = 0; i < n; ++i) p.targets.i32()[i] = static_cast<int32_t>(i % v);
    for (int64_t i = 0; i < n; ++i) p.scale.f32()[i] = 1.0f;
    return p;
  };
  auto row = [](Tensor x, int64_t i) { return x.slice_rows(i, i + 1); };
  add("cross_entropy_forward", {N, V}, 4 * N * V, [=](Bench& b, int64_t n, int64_t v) -> Op {
    const Parts p = parts(b, n, v);
    return [=, &b] {
      cross_entropy_forward(b.launch, row(p.out, 0), row(p.out, 1), row(p.out, 2), p.logits,
                            p.targets.i32(), p.scale.f32());
    };
  });
  add("cross_entropy_backward", {N, V}, 8 * N * V, [=](Bench& b, int64_t n, int64_t v) -> Op {
    const Parts p = parts(b, n, v);
    return [=, &b] {
      cross_entropy_backward(b.launch, p.logits, p.targets.i32(), p.scale.f32(), row(p.out, 0),
                             row(p.out, 1), row(p.out, 2), row(p.out, 3));
    };
  });
}

void add_sampling(int64_t N, int64_t V, float spread) {
  struct Filter {
    const char* name;
    int32_t top_k;
    float top_p, min_p;
  };
  for (const Filter f : {Filter{"", 0, 1.0f, 0.0f},
                         {"_top_p", 0, 0.95f, 0.0f},
                         {"_top_k", 50, 1.0f, 0.0f},
                         {"_min_p", 0, 1.0f, 0.05f}}) {
    const std::string name = fmt::format("sample{}_spread{:.0f}", f.name, spread);
    add(name, {N, V}, 4 * N * V, [=](Bench& b, int64_t n, int64_t v) -> Op {
      const Tensor logits = b.normals(n, v, spread), tokens = b.arena.i32({n});
      std::vector<SampleRow> rows(n);
      for (int64_t i = 0; i < n; ++i) {
        rows[i].top_k = f.top_k;
        rows[i].top_p = f.top_p;
        rows[i].min_p = f.min_p;
        rows[i].stream = static_cast<uint64_t>(i);
      }
      return [=, &b]() mutable {
        ++rows[0].position;
        sample_rows(b.launch, tokens.i32(), logits, rows.data());
      };
    });
  }
}

void add_adamw(int64_t size) {
  add("adamw_step", {1, size}, 28 * size, [](Bench& b, int64_t, int64_t n) -> Op {
    const Tensor w = b.normals(1, n), m = b.normals(1, n), g = b.normals(1, n);
    const Tensor v = b.arena.zeros(Dtype::kF32, {1, n});
    const AdamWStep s{1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 1.5f, 1.5f, 1.0f};
    return [=, &b] { adamw_step(b.launch, w, m, v, g, s); };
  });
  add("sum_of_squares", {1, size}, 4 * size, [](Bench& b, int64_t, int64_t n) -> Op {
    const Tensor x = b.normals(1, n);
    return [=, &b] { benchmark::DoNotOptimize(sum_of_squares(b.launch, x)); };
  });
}

const bool added = [] {
  add_norms(1024, 96);
  add_norms(1024, 896);
  add_pointwise(1024, 96, 256, 24);
  add_pointwise(1024, 896, 4864, 64);
  add_cross_entropy(1024, 69);
  add_cross_entropy(16, 151936);
  add_sampling(1024, 69, 2.0f);
  add_sampling(8, 151936, 2.0f);
  add_sampling(8, 151936, 0.0f);
  add_adamw(400000);
  add_adamw(16 << 20);
  return true;
}();

}  // namespace
}  // namespace r1
