#include "models/plan_layout.h"

#include <gtest/gtest.h>

#include "models/family.h"
#include "models/published.h"

namespace r1 {
namespace {

const ModelShape& v3() {
  static const ModelShape shape(read_model_config(published_config("deepseek-v3").value()).value());
  return shape;
}

/// Four layers of width 8: attention 4 x 64, mlp 3 x 8 x 16 = 384, norms 16; words 2 x 32 x 8.
const ModelShape& small() {
  static const ModelShape shape(
      read_model_config(R"({"architectures": ["LlamaForCausalLM"], "vocab_size": 32,
        "hidden_size": 8, "num_hidden_layers": 4, "num_attention_heads": 2,
        "num_key_value_heads": 2, "intermediate_size": 16})")
          .value());
  return shape;
}

Layout v3_layout() {
  Layout l;
  l.gpus = 2048, l.pp = 16, l.ep = 64;
  l.schedule = Schedule::kDualPipe;
  l.dtype = PlanDtype::kFP8;
  l.moment_bytes = 2;
  l.batch = 15360;
  return l;
}

std::string refusal(const Layout& layout, const ModelShape& shape) {
  const auto checked = check_layout(layout, shape);
  EXPECT_FALSE(checked.has_value());
  return checked ? "" : checked.error().message;
}

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(PlanLayout, FillsInDataParallelism) {
  const auto l = check_layout(v3_layout(), v3());
  ASSERT_TRUE(l) << l.error().message;
  EXPECT_EQ(l->dp, 128);
  EXPECT_EQ(l->n_micro_batches(), 120);
}

TEST(PlanLayout, RefusesWhatDoesNotDivideAndSaysWhatWould) {
  Layout l = v3_layout();
  l.pp = 24;
  EXPECT_SAYS(refusal(l, v3()), "2048 GPUs do not divide by pp 24 x tp 1 = 24; 2040 or 2064");
  l = v3_layout(), l.ep = 48;
  EXPECT_SAYS(refusal(l, v3()), "256 experts do not divide by it; 32 or 64 would");
  l = v3_layout(), l.ep = 256;
  EXPECT_SAYS(refusal(l, v3()), "the 128 devices of one stage");
  l = v3_layout(), l.tp = 3;
  EXPECT_SAYS(refusal(l, v3()), "128 heads do not divide by it; 2 or 4 would");
  l = v3_layout(), l.pp = 64;
  EXPECT_SAYS(refusal(l, v3()), "the model has 62 blocks");
  l = v3_layout(), l.dp = 100;
  EXPECT_SAYS(refusal(l, v3()), "are 1600 GPUs, not 2048; leave dp away or set it to 128");
  l = v3_layout(), l.batch = 15000;
  EXPECT_SAYS(refusal(l, v3()), "128 does not divide it; 14976 would");
  l = v3_layout(), l.batch = 128 * 7;
  EXPECT_SAYS(refusal(l, v3()), "7 micro-batches in a pipe; DualPipe needs an even number");
  l = v3_layout(), l.gpus = 15, l.pp = 15, l.ep = 1, l.batch = 0;
  EXPECT_SAYS(refusal(l, v3()), "needs an even number: 14 or 16");
  l = {}, l.ep = 2, l.gpus = 2;
  EXPECT_SAYS(refusal(l, small()), "the model has no experts");
  for (int64_t* field : {&l.gpus, &l.pp, &l.ep, &l.tp, &l.length, &l.micro_batch}) {
    l.ep = 1;
    const int64_t was = *field;
    for (const int64_t wrong : {int64_t{0}, int64_t{-1}, int64_t{1} << 40}) {
      *field = wrong;
      EXPECT_SAYS(refusal(l, small()), "it must be from 1");
    }
    *field = was;
  }
}

TEST(PlanLayout, OneDeviceHoldsEveryParameterOnce) {
  Layout l;
  l.dtype = PlanDtype::kF32;
  l.length = 16;
  const StageMemory memory = heaviest_stage(small(), check_layout(l, small()).value());
  const int64_t n = 4 * (4 * 64 + 384 + 16) + 2 * 32 * 8 + 8;
  EXPECT_EQ(small().total(), n);
  EXPECT_EQ(memory.bytes.parameters, n);
  EXPECT_EQ(memory.bytes.weights, 4.0 * n);
  EXPECT_EQ(memory.bytes.masters, 0);
  EXPECT_EQ(memory.bytes.moments, 8.0 * n);
  EXPECT_EQ(memory.bytes.gradients, 4.0 * n);
  EXPECT_EQ(memory.blocks, "embedding, layers 0-3, head");
}

TEST(PlanLayout, StagesShareBlocksAndDevicesShareTheOptimizer) {
  Layout l;
  l.gpus = 8, l.pp = 4, l.length = 16;
  const StageMemory one = heaviest_stage(small(), check_layout(l, small()).value());
  const double n = 4 * 64 + 384 + 16 + 32 * 8;  // a block and the embedding, or the head and a norm
  EXPECT_EQ(one.bytes.weights, 2 * n);
  EXPECT_EQ(one.bytes.masters, 4 * n / 2);  // dp 2
  EXPECT_EQ(one.bytes.moments, 8 * n / 2);
  EXPECT_EQ(one.bytes.gradients, 4 * n);
  l.zero = 3;
  const StageMemory all = heaviest_stage(small(), check_layout(l, small()).value());
  EXPECT_EQ(all.bytes.weights, n);
  EXPECT_EQ(all.bytes.gradients, 2 * n);
  l.zero = 0;
  EXPECT_EQ(heaviest_stage(small(), check_layout(l, small()).value()).bytes.moments, 8 * n);
}

TEST(PlanLayout, TensorParallelismDividesHeadsColumnsAndWordsButNotNorms) {
  Layout l;
  l.gpus = l.tp = 2, l.length = 16;
  const StageMemory memory = heaviest_stage(small(), check_layout(l, small()).value());
  EXPECT_EQ(memory.bytes.parameters, 4 * ((4 * 64 + 384) / 2 + 16) + 32 * 8 + 8);
}

TEST(PlanLayout, ExpertParallelismDividesExpertsAlone) {
  Layout l = v3_layout();
  l.schedule = Schedule::k1F1B;
  l.gpus = 64, l.pp = 1, l.batch = 0;
  const StageMemory memory = heaviest_stage(v3(), check_layout(l, v3()).value());
  const int64_t experts = 59 * 256 * int64_t{44'040'192};
  EXPECT_EQ(memory.bytes.parameters, v3().total() + v3().mtp_total() - experts + experts / 64);
}

TEST(PlanLayout, DualPipeHoldsTwoStagesAndTheWordsOnce) {
  const auto l = check_layout(v3_layout(), v3()).value();
  const StageMemory memory = heaviest_stage(v3(), l);
  EXPECT_EQ(memory.blocks, "embedding, layers 0-3 and layers 59-60, MTP, head");
  int64_t n = v3().embedding + v3().head + v3().final_norm;
  for (const int i : {0, 1, 2, 3, 59, 60}) {
    const BlockCount& b = v3().blocks[static_cast<size_t>(i)];
    n += b.total() - b.experts + b.experts / 64;
  }
  n += v3().mtp.total() - v3().mtp.experts + v3().mtp.experts / 64;
  EXPECT_EQ(memory.bytes.parameters, n);
  EXPECT_LT(memory.bytes.total(), 80e9);  // it ran on such devices
}

TEST(PlanLayout, RecomputingMoreKeepsLess) {
  Layout l = v3_layout();
  double last = 1e30;
  for (const Recompute r : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
    const double bytes = activation_bytes(v3().config, l, true, r);
    EXPECT_LT(bytes, last);
    last = bytes;
  }
  EXPECT_EQ(last, 2 * 7168);
}

TEST(PlanLayout, BubblesAreThoseOfTheReportsTable) {
  const auto l = check_layout(v3_layout(), v3()).value();
  const auto all = bubbles(l);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].idle, 15 * 3);  // (PP - 1)(F + B)
  EXPECT_EQ(all[1].idle, 15 * 1);  // (PP - 1)(F + B - 2W)
  EXPECT_EQ(all[2].idle, 7 * 2);   // (PP/2 - 1)(F&B + B - 3W)
  EXPECT_EQ(all[0].share, 45.0 / (45 + 360));
  EXPECT_EQ(all[2].copies, 2);
  EXPECT_EQ(all[2].in_flight, 17);
  Layout odd = l;
  odd.pp = 15;
  EXPECT_EQ(bubbles(odd).size(), 2u);
}

TEST(PlanLayout, AdviceIsALayoutThatFits) {
  Layout l = v3_layout();
  l.recompute = Recompute::kNone;
  l = check_layout(l, v3()).value();
  ASSERT_GT(heaviest_stage(v3(), l).bytes.total(), 80e9);
  EXPECT_EQ(advise(v3(), l, 80e9), "--recompute full");
  EXPECT_SAYS(advise(v3(), check_layout(Layout{}, v3()).value(), 80e9), "--gpus ");
  EXPECT_EQ(advise(v3(), l, 1000), "");
}

}  // namespace
}  // namespace r1
