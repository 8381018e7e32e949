#include "train/forecast.h"

#include <gtest/gtest.h>

#include "models/family.h"
#include "models/plan_shape.h"
#include "models/published.h"

namespace r1 {
namespace {

ModelConfig config_of(const std::string& json) { return read_model_config(json).value(); }

ModelConfig tiny() {
  return config_of(R"({"architectures": ["LlamaForCausalLM"], "vocab_size": 32, "hidden_size": 16,
    "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32})");
}

TEST(Forecast, TwoSlicesSayWhatTheWholeTakes) {
  // A layer takes 2 s, all else 3 s: 5 s with one layer, 9 s with three.
  SlicePair pair{5, 9, 2, 2.0 / 9};
  pair.layers = 10;
  EXPECT_DOUBLE_EQ(whole_seconds(pair), 3 + 10 * 2);
  pair.words = 4;  // four times the vocabulary of the slices
  EXPECT_DOUBLE_EQ(whole_seconds(pair), 3 * 4 + 10 * 2);
  pair.tokens = 8;  // eight times the tokens
  EXPECT_DOUBLE_EQ(whole_seconds(pair), 8 * (12 + 20));
  pair.longer = 1.5;  // longer sequences
  EXPECT_DOUBLE_EQ(whole_seconds(pair), 8 * (12 + 30));
}

TEST(Forecast, LayersOfTheOtherKindCountByTheirCost) {
  // A sparse layer takes 2 s, a dense one half of that, all else 3 s; each slice has one dense
  // layer.
  SlicePair pair{3 + 2 + 1, 3 + 2 * 3 + 1, 2, 2.0 / 10};
  pair.layers = 58;
  pair.other = 3;
  pair.other_in_slice = 1;
  pair.other_cost = 0.5;
  EXPECT_DOUBLE_EQ(whole_seconds(pair), 3 + 58 * 2 + 3 * 1);
}

TEST(Forecast, NoiseShiftsTheShareOfALayerOnlySoFar) {
  SlicePair free{5, 4, 2, 0.25};  // the larger slice was faster
  free.layers = 10;
  EXPECT_DOUBLE_EQ(whole_seconds(free), (4 - 3 * 0.8) + 10 * 0.8);
  SlicePair dear{1, 9, 2, 0.25};
  dear.layers = 10;
  EXPECT_DOUBLE_EQ(whole_seconds(dear), (9 - 3 * 2.7) + 10 * 2.7);
}

TEST(Forecast, SlicesKeepWidthsAndLoseLayersWordsAndMtp) {
  const ModelConfig v3 = config_of(published_config("deepseek-v3").value());
  const ModelConfig slice = slice_of(v3, 1, 2, 100);
  EXPECT_EQ(slice.n_layers, 3);
  EXPECT_EQ(slice.vocab_size, 100);
  EXPECT_EQ(slice.n_mtp_layers, 0);
  EXPECT_EQ(slice.d_model, v3.d_model);
  EXPECT_FALSE(slice.is_sparse(0));
  EXPECT_TRUE(slice.is_sparse(1));
  EXPECT_TRUE(slice.is_sparse(2));
  EXPECT_EQ(ModelShape(slice).blocks[2].total(), 11'507'286'272);
  const ModelConfig dense = slice_of(tiny(), 1, 0, 100);
  EXPECT_EQ(dense.n_layers, 1);
  EXPECT_EQ(dense.vocab_size, 32);
}

TEST(Forecast, ATinyModelIsRunWholeAndALargerOneInSlices) {
  const Machine machine = Machine::open({.threads = 1}).value();
  StepPlan plan{tiny()};
  plan.tokens = plan.length = plan.args.micro_batch_tokens = 32;
  const auto whole = forecast_step(plan, machine.launch(), 0.3);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_NE(whole->slice.find("the whole model"), std::string::npos) << whole->slice;
  EXPECT_GT(whole->gemm_rate, 0);
  EXPECT_GT(whole->bandwidth, 0);
  EXPECT_GT(whole->seconds(), 0);

  plan.config.n_layers = 500;  // not within a thousandth of a second
  const auto slices = forecast_step(plan, machine.launch(), 0.001);
  ASSERT_TRUE(slices) << slices.error().message;
  EXPECT_EQ(slices->is_bound, slices->slice.empty());
  EXPECT_GT(slices->seconds(), whole->seconds());
}

TEST(Forecast, PlannedFlopsAreThoseOfTheLearner) {
  for (const char* name : {"deepseek-v2-lite", "deepseek-67b", "qwen2.5-72b"}) {
    const ModelConfig config = config_of(published_config(name).value());
    const FlopCount learner = count_flops(config);
    const ModelShape shape(config);
    EXPECT_EQ(learner.per_token, shape.flops.matrices()) << name;
    EXPECT_EQ(learner.per_token_and_key, shape.flops.per_key) << name;
  }
}

}  // namespace
}  // namespace r1
