// A fixed team of threads that share one loop at a time; which thread does what never changes a
// result.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <type_traits>
#include <vector>

namespace r1 {

/// Threads spin briefly for the next loop, then sleep. Whoever is free takes the next share, the
/// caller too, so a core that is busy elsewhere delays nobody. One caller at a time; a loop inside
/// a loop runs inline.
class ThreadPool {
 public:
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return n_threads_; }

  /// body(begin, end) on contiguous shares of 0 … n-1; a share is never smaller than grain.
  template <class Body>
  void parallel_for(int64_t n, int64_t grain, Body&& body) {
    using Type = std::remove_reference_t<Body>;
    run(
        n, grain < 1 ? 1 : grain,
        [](void* self, int64_t begin, int64_t end) { (*static_cast<Type*>(self))(begin, end); },
        const_cast<std::remove_const_t<Type>*>(&body));
  }

 private:
  using Function = void (*)(void*, int64_t, int64_t);
  void run(int64_t n, int64_t grain, Function function, void* self);
  void work();
  void take_shares(uint32_t loop);
  void do_share(int64_t share);

  int n_threads_;
  int spins_;
  std::vector<std::thread> threads_;
  std::atomic<uint64_t> ticket_{0};  // number of the loop << 32 | its next free share
  std::atomic<uint32_t> loop_{0};    // a new value means: a new loop is there
  std::atomic<int64_t> n_left_{0};   // shares of the loop that are not done
  std::atomic<bool> stop_{false};
  // the loop; constant while any of its shares is not done
  Function function_ = nullptr;
  void* self_ = nullptr;
  int64_t n_ = 0, n_shares_ = 0;
  std::atomic<bool> failed_{false};  // a share threw: the caller throws it on, once all are done
  std::exception_ptr failure_;
};

/// Cores this process may use (affinity mask and cgroup quota), at least 1.
int usable_cores();

}  // namespace r1
