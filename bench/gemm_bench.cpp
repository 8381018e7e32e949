// Matrix products: GFLOP/s, the share of what this program measures as the cores' peak, and GB/s of
// weights.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/gemm.h"
#include "kernels/peak.h"
#include "tensor/arena.h"
#include "tensor/quant.h"

namespace r1 {
namespace {

/// dx: with a second copy of the weights, packed for it. frozen_dx: from the forward panels.
enum class Pass { kForward, kInputGradient, kFrozenInputGradient, kWeightGradient, kPack };
const char* pass_name(Pass pass) {
  switch (pass) {
    case Pass::kForward:
      return "forward";
    case Pass::kInputGradient:
      return "dx";
    case Pass::kFrozenInputGradient:
      return "frozen_dx";
    case Pass::kWeightGradient:
      return "dw";
    case Pass::kPack:
      return "pack";
  }
  return "?";
}

double peak_gflops(Backend backend) {
  static std::map<Backend, double> peaks;
  if (!peaks.contains(backend)) peaks[backend] = measure_fma_peak(backend, 0.3);
  return peaks[backend];
}

/// Everything a linear layer (N, K) on M rows needs.
struct Layer {
  Arena arena;
  Tensor x, y, w, dw;
  std::vector<std::byte> rows;  // w as the panels' type has it
  PackedMatrix forward, input_gradient;

  Layer(const Launch& launch, Pass pass, Dtype dtype, int64_t M, int64_t K, int64_t N) {
    x = random(M, K);
    y = random(M, N);
    w = random(N, K);
    rows.resize(N * row_bytes(dtype, K));
    for (int64_t n = 0; n < N; ++n) write_row(dtype, n);
    forward = {arena.alloc(Dtype::kF32, {packed_bytes(K, N, dtype) / 4}).data, dtype, K, N};
    pack(launch.backend);
    if (pass == Pass::kWeightGradient) dw = random(N, K);
    if (pass == Pass::kInputGradient) {
      const Tensor memory = arena.f32({packed_bytes(N, K, Dtype::kF32) / 4});
      input_gradient = {memory.data, Dtype::kF32, N, K};
      gemm_pack(launch, input_gradient, w, false);
    }
  }
  void pack(Backend backend) {
    for (int64_t first = 0; first < forward.N; first += kPanel) {
      const std::byte* from = rows.data() + first * row_bytes(forward.dtype, forward.K);
      const int64_t n = std::min(kPanel, forward.N - first);
      gemm_pack_panel(backend, forward, first / kPanel, from, n);
    }
  }

 private:
  static BlockFormat format(Dtype dtype) {
    return dtype == Dtype::kQ8_0 ? BlockFormat::kQ8_0 : BlockFormat::kQ4_0;
  }
  static int64_t row_bytes(Dtype dtype, int64_t K) {
    return is_quantised(dtype) ? K / 32 * block_bytes(format(dtype)) : K * dtype_size(dtype);
  }
  void write_row(Dtype dtype, int64_t n) {
    const int64_t K = w.cols();
    std::byte* to = rows.data() + n * row_bytes(dtype, K);
    if (is_quantised(dtype)) return quantize(format(dtype), w.row(n), to, K);
    if (dtype == Dtype::kF32) {
      std::memcpy(to, w.row(n), K * sizeof(float));
      return;
    }
    for (int64_t k = 0; k < K; ++k) {
      const float value = w.row(n)[k];
      const uint16_t half = dtype == Dtype::kBF16 ? f32_to_bf16(value) : f32_to_f16(value);
      std::memcpy(to + 2 * k, &half, sizeof half);
    }
  }
  Tensor random(int64_t n_rows, int64_t n_cols) {
    Tensor t = arena.f32({n_rows, n_cols});
    Rng rng(1, 1);
    for (int64_t i = 0; i < t.numel(); ++i) {
      t.f32()[i] = static_cast<float>(rng.next() >> 8) * 0x1p-23f - 1.0f;
    }
    return t;
  }
};

void run(const Launch& launch, Layer& layer, Pass pass) {
  switch (pass) {
    case Pass::kForward:
      return gemm(launch, layer.y, layer.x, layer.forward, false);
    case Pass::kInputGradient:
      return gemm(launch, layer.x, layer.y, layer.input_gradient, false);
    case Pass::kFrozenInputGradient:
      return gemm_transposed(launch, layer.x, layer.y, layer.forward, false);
    case Pass::kWeightGradient:
      return gemm_weight_gradient(launch, layer.dw, layer.y, layer.x);
    case Pass::kPack:
      return layer.pack(launch.backend);
  }
}

struct Shape {
  int64_t M, K, N;
};

void measure(benchmark::State& state, Pass pass, Dtype dtype, Shape shape, int n_threads) {
  ThreadPool pool(n_threads);
  const Launch launch{default_backend().value(), &pool};
  const double peak = peak_gflops(launch.backend) * n_threads;
  Layer layer(launch, pass, dtype, shape.M, shape.K, shape.N);
  run(launch, layer, pass);
  for (auto _ : state) run(launch, layer, pass);
  using benchmark::Counter;
  const auto runs = static_cast<double>(state.iterations());
  const auto bytes = 1e-9 * static_cast<double>(packed_bytes(shape.K, shape.N, dtype));
  state.counters["weights_GB/s"] = Counter(bytes * runs, Counter::kIsRate);
  if (pass == Pass::kPack) return;
  const double flops = 2e-9 * static_cast<double>(shape.M * shape.K * shape.N) * runs;
  state.counters["GFLOP/s"] = Counter(flops, Counter::kIsRate);
  state.counters["of_peak"] = Counter(flops / peak, Counter::kIsRate);
}

void add(Pass pass, Dtype dtype, Shape shape) {
  const int cores = usable_cores();
  for (int n_threads = 1; n_threads <= cores; n_threads += std::max(1, cores - 1)) {
    const std::string type = dtype == Dtype::kF32 ? "" : fmt::format("_{}", dtype_name(dtype));
    const std::string name = fmt::format("gemm_{}{}/M{}_K{}_N{}/threads:{}", pass_name(pass), type,
                                         shape.M, shape.K, shape.N, n_threads);
    auto* one = benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      measure(state, pass, dtype, shape, n_threads);
    });
    one->Unit(benchmark::kMicrosecond);
    if (n_threads > 1) one->UseRealTime();  // one thread: its own time, whoever else is busy
    if (pass == Pass::kPack) break;         // packs on the caller's thread
  }
}

constexpr Dtype kEveryType[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kQ8_0, Dtype::kQ4_0};

const bool registered = [] {
  const std::pair<int64_t, int64_t> quickstart[] = {
      {96, 96}, {96, 288}, {96, 256}, {256, 96}, {96, 69}};
  const std::pair<Pass, Dtype> passes[] = {{Pass::kForward, Dtype::kF32},
                                           {Pass::kForward, Dtype::kBF16},
                                           {Pass::kInputGradient, Dtype::kF32},
                                           {Pass::kWeightGradient, Dtype::kF32}};
  for (auto [pass, dtype] : passes) {
    for (int64_t M : {64, 512, 4096}) {
      for (auto [K, N] : quickstart) add(pass, dtype, {M, K, N});
    }
  }
  for (Pass pass : {Pass::kInputGradient, Pass::kWeightGradient}) {
    add(pass, Dtype::kF32, {512, 1024, 1024});
  }
  for (Dtype dtype : kEveryType) {
    for (auto [K, N] : {std::pair<int64_t, int64_t>{1024, 1024}, {896, 4864}, {4096, 14336}}) {
      for (int64_t M : {1, 4, 8, 32, 512}) {
        if (K < 4096 || M == 1) add(Pass::kForward, dtype, {M, K, N});
      }
      for (int64_t M : {64, 512}) {
        if (K < 4096) add(Pass::kFrozenInputGradient, dtype, {M, K, N});
      }
    }
    add(Pass::kPack, dtype, {1, 896, 4864});
  }
  return true;
}();

}  // namespace
}  // namespace r1
