#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace r1 {
namespace {

thread_local bool inside_loop = false;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

int usable_cores() {
  cpu_set_t set;
  int cores = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = std::max(1, CPU_COUNT(&set));
  std::ifstream quota("/sys/fs/cgroup/cpu.max");
  std::string limit;
  double period = 0;
  if (quota >> limit >> period && limit != "max" && period > 0) {
    cores = std::min(cores, std::max(1, static_cast<int>(std::ceil(std::stod(limit) / period))));
  }
  return cores;
}

ThreadPool::ThreadPool(int n_threads) : n_threads_(std::max(1, n_threads)) {
  spins_ = n_threads_ > usable_cores() ? 0 : 20000;
  for (int worker = 1; worker < n_threads_; ++worker) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  loop_.fetch_add(1);
  loop_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::do_share(int64_t share) {
  const int64_t begin = n_ * share / n_shares_, end = n_ * (share + 1) / n_shares_;
  try {
    if (begin < end) function_(self_, begin, end);
  } catch (...) {
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
}

/// Tickets run up to n_threads - 1; a loop of fewer shares begins further on. So a late thread can
/// tell from the ticket alone, without reading the loop, that nothing is left.
void ThreadPool::take_shares(uint32_t loop) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (true) {
    const int64_t share = static_cast<int64_t>(ticket & 0xFFFFFFFF);
    if (static_cast<uint32_t>(ticket >> 32) != loop || share >= n_threads_) return;
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
    do_share(share - (n_threads_ - n_shares_));  // the loop stays until this share is done
    if (n_left_.fetch_sub(1, std::memory_order_acq_rel) == 1) n_left_.notify_one();
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void ThreadPool::run(int64_t n, int64_t grain, Function function, void* self) {
  if (n <= 0) return;
  const int64_t n_shares = std::clamp<int64_t>(n / grain, 1, n_threads_);
  if (n_shares <= 1 || inside_loop) return function(self, 0, n);
  function_ = function;
  self_ = self;
  n_ = n;
  n_shares_ = n_shares;
  n_left_.store(n_shares, std::memory_order_relaxed);
  const uint32_t loop = loop_.load(std::memory_order_relaxed) + 1;
  ticket_.store(uint64_t{loop} << 32 | static_cast<uint64_t>(n_threads_ - n_shares),
                std::memory_order_release);
  loop_.store(loop, std::memory_order_release);
  loop_.notify_all();
  inside_loop = true;
  take_shares(loop);
  inside_loop = false;
  for (int spin = 0; n_left_.load(std::memory_order_acquire) != 0; ++spin) {
    if (spin < spins_) {
      pause();
    } else {
      const int64_t left = n_left_.load(std::memory_order_acquire);
      if (left != 0) n_left_.wait(left, std::memory_order_acquire);
    }
  }
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::work() {
  inside_loop = true;
  uint32_t seen = 0;
  while (true) {
    for (int spin = 0; loop_.load(std::memory_order_acquire) == seen; ++spin) {
      if (spin < spins_) {
        pause();
      } else {
        loop_.wait(seen, std::memory_order_acquire);
      }
    }
    seen = loop_.load(std::memory_order_acquire);
    if (stop_.load()) return;
    take_shares(seen);
  }
}

}  // namespace r1
