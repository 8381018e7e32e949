// r1_bench: says what the machine can do at most, then runs the benchmarks against it.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "base/processor.h"
#include "base/thread_pool.h"
#include "kernels/backend.h"
#include "kernels/peak.h"
#include "tensor/arena.h"

namespace r1 {
namespace {

struct Bandwidth {
  double read, copy;  // GB/s; copy counts bytes read and bytes written
};

template <class Body>
double median_seconds(Body body) {
  std::vector<double> seconds(7);
  for (double& s : seconds) {
    const auto start = std::chrono::steady_clock::now();
    body();
    s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

/// 256 MiB in large pages, far beyond any cache here.
Bandwidth measure_bandwidth(ThreadPool& pool) {
  constexpr int64_t kBytes = int64_t{256} << 20, kWords = kBytes / 8;
  std::byte *from = allocate_pages(kBytes), *to = allocate_pages(kBytes);
  std::memset(from, 1, kBytes);
  std::memset(to, 1, kBytes);
  const auto* words = reinterpret_cast<const uint64_t*>(from);
  const double read = median_seconds([&] {
    pool.parallel_for(kWords, 1, [&](int64_t begin, int64_t end) {
      benchmark::DoNotOptimize(std::accumulate(words + begin, words + end, uint64_t{0}));
    });
  });
  const double copy = median_seconds([&] {
    pool.parallel_for(kBytes, 1, [&](int64_t begin, int64_t end) {
      std::memcpy(to + begin, from + begin, end - begin);
    });
  });
  free_pages(from, kBytes);
  free_pages(to, kBytes);
  return {kBytes / read * 1e-9, 2 * kBytes / copy * 1e-9};
}

void print_machine(Backend backend) {
  const int cores = usable_cores();
  fmt::print("machine    {}, {} cores\nbackend    {}\n", processor_name(), cores,
             backend_name(backend));
  fmt::print("FMA peak   {:.0f} GFLOP/s on 1 core\n", measure_fma_peak(backend, 0.5));
  for (int n_threads = 1; n_threads <= cores; n_threads += std::max(1, cores - 1)) {
    ThreadPool pool(n_threads);
    const Bandwidth bandwidth = measure_bandwidth(pool);
    fmt::print("memory     {:.1f} GB/s read, {:.1f} GB/s copy with {} threads\n", bandwidth.read,
               bandwidth.copy, n_threads);
  }
}

}  // namespace
}  // namespace r1

int main(int argc, char** argv) {
  const auto backend = r1::default_backend();
  if (!backend) {
    fmt::print(stderr, "{}\n", backend.error().message);
    return 1;
  }
  // Medians of five unless the caller asks for something else: later flags win.
  std::vector<std::string> flags{"--benchmark_repetitions=5", "--benchmark_min_time=0.05",
                                 "--benchmark_display_aggregates_only=true"};
  std::vector<char*> arguments{argv[0]};
  for (std::string& flag : flags) arguments.push_back(flag.data());
  for (int i = 1; i < argc; ++i) arguments.push_back(argv[i]);
  int n_arguments = static_cast<int>(arguments.size());
  benchmark::Initialize(&n_arguments, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(n_arguments, arguments.data())) return 1;
  r1::print_machine(*backend);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
