// Threads that each compute sequences of their own change no bit of what one thread computes.
#include "engine/side_by_side.h"

#include "engine/runs.h"
#include "models/tiny_model.h"
#include "models/tiny_v3.h"

namespace r1 {
namespace {

/// 45 samples: prompts of many lengths, two groups.
std::vector<Request> many_requests() {
  std::vector<Request> requests = mixed_requests();
  for (int64_t i = 7; i < 40; ++i) {
    requests.push_back(request_of(i, prompt_of(1 + (i * 13) % 40, i), 5 + i % 30));
  }
  return requests;
}

void expect_equal_bits(const ModelConfig& config) {
  const auto model = random_model(config, Dtype::kF32, best_launch());
  ASSERT_TRUE(SideBySide::suits(*model));
  Done expected;
  for (int threads : {1, 2, 3}) {
    SCOPED_TRACE(fmt::format("{} threads", threads));
    Engine engine(*model, Dtype::kF32, {40, 64, 0, 0}, best_launch(threads));
    const Done done = run_all(engine, many_requests());
    if (expected.empty()) expected = done;
    expect_same(expected, done);
  }
}

TEST(SideBySide, ADenseModelSamplesTheBitsOfOneThread) { expect_equal_bits(tiny_config()); }

TEST(SideBySide, LatentAttentionAndExpertsToo) { expect_equal_bits(tiny_v3_config()); }

/// One row for each of n sequences, at position 0 of a page of its own.
class SideBySideForward : public testing::Test {
 protected:
  SideBySideForward() : model_(random_model(tiny_config(), Dtype::kF32, best_launch())) {}

  /// Rows of sequences with so many tokens each; returns the bytes the threads used of their own.
  size_t bytes_after(const std::vector<int64_t>& n_rows, int threads) {
    KvPages pages(*model_, Dtype::kF32, 64);
    RowBatch batch;
    std::vector<std::vector<int32_t>> tables;
    for (size_t b = 0; b < n_rows.size(); ++b) tables.push_back({pages.take()});
    batch.clear();
    for (size_t b = 0; b < n_rows.size(); ++b) {
      for (int64_t p = 0; p < n_rows[b]; ++p) batch.add(static_cast<int32_t>(5 + b), p);
      batch.close(tables[b]);
    }
    Bench bench(best_launch(threads));
    SideBySide side_by_side(*model_);
    const Rows rows = batch.rows(pages);
    const Tensor h = side_by_side.forward(bench.ctx, rows);
    const Floats together = floats_of(model_->forward(bench.ctx, rows, nullptr));
    EXPECT_TRUE(equal_bits(together, floats_of(h)));
    return side_by_side.peak_bytes();
  }

  std::unique_ptr<Transformer> model_;
};

TEST_F(SideBySideForward, SharesManySequences) {
  EXPECT_GT(bytes_after(std::vector<int64_t>(16, 1), 2), 0u);
  EXPECT_GT(bytes_after({9, 1, 1, 7, 6, 8, 2, 2}, 2), 0u);
  EXPECT_GT(bytes_after(std::vector<int64_t>(31, 1), 3), 0u);
}

TEST_F(SideBySideForward, KeepsTogetherWhatIsFewOrUneven) {
  EXPECT_EQ(bytes_after(std::vector<int64_t>(15, 1), 2), 0u);  // 8 rows a thread
  EXPECT_EQ(bytes_after({40, 1, 1, 1}, 2), 0u);                // one sequence has most
  EXPECT_EQ(bytes_after(std::vector<int64_t>(16, 1), 1), 0u);
}

}  // namespace
}  // namespace r1
