// Attention in training (forward, backward) and in decoding: GFLOP/s over the causal half, share of
// the cores' peak, and GB/s of keys and values.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "kernels/peak.h"
#include "tensor/arena.h"

namespace r1 {
namespace {

enum class Pass { kDecode, kForward, kBackward };

struct Shape {
  Pass pass;
  int64_t B, shortest, longest, H, Hkv, D;
  Dtype dtype;
};

double peak_gflops(Backend backend) {
  static std::map<Backend, double> peaks;
  if (!peaks.contains(backend)) peaks[backend] = measure_fma_peak(backend, 0.3);
  return peaks[backend];
}

/// Sequences of lengths spread over a range, their pages filled with keys and values.
struct Batch {
  Arena arena;
  std::vector<int32_t> offsets{0}, positions, table;
  KvView cache;
  Tensor q, o, d_o, dq, dk, dv, lse;
  double pairs = 0;  // of a query row and a key it sees, per head
  std::byte* pages;
  int64_t page_bytes;

  Batch(const Launch& launch, const Shape& s) {
    cache = {.dtype = s.dtype, .n_kv_heads = s.Hkv, .head_dim = s.D};
    cache.max_pages = (s.longest + kPageSize - 1) / kPageSize;
    cache.page_stride = cache.page_bytes();
    page_bytes = s.B * cache.max_pages * cache.page_stride;
    pages = cache.base = allocate_pages(page_bytes);
    table.resize(s.B * cache.max_pages);
    std::iota(table.begin(), table.end(), 0);
    cache.page_table = table.data();
    fill(launch, s);
    if (s.pass == Pass::kDecode) keep_last_rows();
    for (int32_t position : positions) pairs += position + 1;
    const int64_t N = view().N;
    for (Tensor* t : {&q, &o, &d_o, &dq}) *t = random(N, s.H * s.D);
    dk = random(N, s.Hkv * s.D);
    dv = random(N, s.Hkv * s.D);
    lse = random(N, s.H);
  }
  ~Batch() { free_pages(pages, page_bytes); }
  BatchView view() const {
    return {static_cast<int64_t>(positions.size()), static_cast<int64_t>(offsets.size()) - 1,
            offsets.data(), positions.data()};
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
  void fill(const Launch& launch, const Shape& s) {
    for (int64_t b = 0; b < s.B; ++b) {
      const int64_t length = s.shortest + (s.longest - s.shortest) * (b * 7 % s.B) / s.B;
      for (int64_t t = 0; t < length; ++t) positions.push_back(static_cast<int32_t>(t));
      offsets.push_back(static_cast<int32_t>(positions.size()));
    }
    const Tensor k = random(view().N, s.Hkv * s.D), v = random(view().N, s.Hkv * s.D);
    attention_write(launch, cache, view(), k, v);
  }
  void keep_last_rows() {
    std::vector<int32_t> last;
    for (size_t b = 1; b < offsets.size(); ++b) last.push_back(positions[offsets[b] - 1]);
    positions = last;
    std::iota(offsets.begin(), offsets.end(), 0);
  }
};

void measure(benchmark::State& state, const Shape& s, int n_threads) {
  ThreadPool pool(n_threads);
  const Launch launch{default_backend().value(), &pool};
  const double peak = peak_gflops(launch.backend) * n_threads;
  Batch b(launch, s);
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.D));
  const auto forward = [&] {
    attention_forward(launch, b.o, b.lse, b.q, b.cache, b.view(), s.H, scale);
  };
  const auto backward = [&] {
    attention_backward(launch, b.dq, b.dk, b.dv, b.d_o, b.o, b.lse, b.q, b.cache, b.view(), s.H,
                       scale);
  };
  forward();
  if (s.pass == Pass::kBackward) {
    for (auto _ : state) backward();
  } else {
    for (auto _ : state) forward();
  }
  const auto n = static_cast<double>(state.iterations());
  const double products = s.pass == Pass::kBackward ? 5 : 2;
  const double flops = 2e-9 * products * b.pairs * static_cast<double>(s.H * s.D) * n;
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(flops, Counter::kIsRate);
  state.counters["of_peak"] = Counter(flops / peak, Counter::kIsRate);
  if (s.pass == Pass::kDecode) {
    const auto bytes = static_cast<double>(2 * s.Hkv * s.D * dtype_size(s.dtype));
    state.counters["kv_GB/s"] = Counter(1e-9 * b.pairs * bytes * n, Counter::kIsRate);
  }
}

void add(const Shape& s) {
  const char* names[] = {"decode", "forward", "backward"};
  const int cores = usable_cores();
  for (int n_threads = 1; n_threads <= cores; n_threads += std::max(1, cores - 1)) {
    const std::string name = fmt::format("attention_{}_{}/B{}_T{}to{}_H{}_Hkv{}_D{}/threads:{}",
                                         names[static_cast<int>(s.pass)], dtype_name(s.dtype), s.B,
                                         s.shortest, s.longest, s.H, s.Hkv, s.D, n_threads);
    auto* one = benchmark::RegisterBenchmark(
        name.c_str(), [=](benchmark::State& state) { measure(state, s, n_threads); });
    one->Unit(benchmark::kMicrosecond);
    if (n_threads > 1) one->UseRealTime();  // one thread: its own time, whoever else is busy
  }
}

const bool registered = [] {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    add({Pass::kDecode, 256, 20, 150, 3, 3, 32, dtype});
    add({Pass::kDecode, 256, 20, 150, 6, 2, 16, dtype});
    add({Pass::kDecode, 64, 20, 150, 8, 2, 64, dtype});
    add({Pass::kDecode, 64, 100, 500, 8, 2, 128, dtype});
  }
  for (Pass pass : {Pass::kForward, Pass::kBackward}) {
    add({pass, 64, 60, 130, 3, 3, 32, Dtype::kF32});
    add({pass, 64, 60, 130, 6, 2, 16, Dtype::kF32});
    add({pass, 16, 60, 130, 8, 2, 64, Dtype::kF32});
    add({pass, 8, 256, 257, 8, 2, 128, Dtype::kF32});
  }
  return true;
}();

}  // namespace
}  // namespace r1
