// Matrix products: GFLOP/s, the share of what this program measures as the cores' peak, and GB/s of
// weights.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/gemm.h"
#include "kernels/peak.h"
#include "tensor/arena.h"

namespace r1 {
namespace {

enum class Pass { kForward, kForwardBf16, kInputGradient, kWeightGradient };
const char* pass_name(Pass pass) {
  switch (pass) {
    case Pass::kForward:
      return "forward";
    case Pass::kForwardBf16:
      return "forward_bf16";
    case Pass::kInputGradient:
      return "dx";
    case Pass::kWeightGradient:
      return "dw";
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
  Tensor x, y, w, w_bf16, dw;
  PackedMatrix forward, forward_bf16, input_gradient;

  Layer(const Launch& launch, int64_t M, int64_t K, int64_t N) {
    x = random(M, K);
    y = random(M, N);
    w = random(N, K);
    dw = random(N, K);
    w_bf16 = arena.alloc(Dtype::kBF16, {N, K});
    for (int64_t i = 0; i < w.numel(); ++i) w_bf16.u16()[i] = f32_to_bf16(w.f32()[i]);
    forward = packed(launch, w, K, N, true);
    forward_bf16 = packed(launch, w_bf16, K, N, true);
    input_gradient = packed(launch, w, N, K, false);
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
  PackedMatrix packed(const Launch& launch, Tensor from, int64_t K, int64_t N, bool transposed) {
    Tensor memory = arena.alloc(Dtype::kBF16, {packed_bytes(K, N, from.dtype) / 2});
    const PackedMatrix b{memory.data, from.dtype, K, N};
    gemm_pack(launch, b, from, transposed);
    return b;
  }
};

void run(const Launch& launch, Layer& layer, Pass pass) {
  switch (pass) {
    case Pass::kForward:
      return gemm(launch, layer.y, layer.x, layer.forward, false);
    case Pass::kForwardBf16:
      return gemm(launch, layer.y, layer.x, layer.forward_bf16, false);
    case Pass::kInputGradient:
      return gemm(launch, layer.x, layer.y, layer.input_gradient, false);
    case Pass::kWeightGradient:
      return gemm_weight_gradient(launch, layer.dw, layer.y, layer.x);
  }
}

void measure(benchmark::State& state, Pass pass, int64_t M, int64_t K, int64_t N, int n_threads) {
  ThreadPool pool(n_threads);
  const Launch launch{default_backend().value(), &pool};
  const double peak = peak_gflops(launch.backend) * n_threads;
  Layer layer(launch, M, K, N);
  run(launch, layer, pass);
  for (auto _ : state) run(launch, layer, pass);
  const auto flops = 2e-9 * static_cast<double>(M * K * N * state.iterations());
  const double bytes = 1e-9 * (pass == Pass::kForwardBf16 ? 2.0 : 4.0) * static_cast<double>(K * N);
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(flops, Counter::kIsRate);
  state.counters["of_peak"] = Counter(flops / peak, Counter::kIsRate);
  state.counters["weights_GB/s"] =
      Counter(bytes * static_cast<double>(state.iterations()), Counter::kIsRate);
}

void add(Pass pass, int64_t M, int64_t K, int64_t N) {
  const int cores = usable_cores();
  for (int n_threads = 1; n_threads <= cores; n_threads += std::max(1, cores - 1)) {
    const std::string name =
        fmt::format("gemm_{}/M{}_K{}_N{}/threads:{}", pass_name(pass), M, K, N, n_threads);
    auto* one = benchmark::RegisterBenchmark(
        name.c_str(), [=](benchmark::State& state) { measure(state, pass, M, K, N, n_threads); });
    one->Unit(benchmark::kMicrosecond);
    if (n_threads > 1) one->UseRealTime();  // one thread: its own time, whoever else is busy
  }
}

const bool registered = [] {
  const std::pair<int64_t, int64_t> quickstart[] = {
      {96, 96}, {96, 288}, {96, 256}, {256, 96}, {96, 69}};
  const Pass passes[] = {Pass::kForward, Pass::kForwardBf16, Pass::kInputGradient,
                         Pass::kWeightGradient};
  for (Pass pass : passes) {
    add(pass, 512, 1024, 1024);
    for (int64_t M : {64, 512, 4096}) {
      for (auto [K, N] : quickstart) add(pass, M, K, N);
    }
  }
  for (Pass pass : {Pass::kForward, Pass::kForwardBf16}) {
    for (int64_t M : {1, 4, 8}) {
      add(pass, M, 1024, 1024);
      add(pass, M, 896, 4864);
    }
  }
  return true;
}();

}  // namespace
}  // namespace r1
