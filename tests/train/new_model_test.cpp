// [new_model]: what each architecture makes of it, and what is refused.
#include "train/new_model.h"

#include <gtest/gtest.h>

#include "models/family.h"

namespace r1 {
namespace {

NewModel v3() {
  NewModel shape;
  shape.architecture = "deepseek_v3";
  return shape;
}

Result<ModelConfig> made(const NewModel& shape) { return new_model_config(shape, 70, 1, 2); }

std::string refusal(const NewModel& shape) {
  const auto config = made(shape);
  return config ? "accepted" : config.error().message;
}

TEST(NewModel, ByDefaultIsTheQuickstartsDenseBase) {
  const auto c = made({});
  ASSERT_TRUE(c);
  EXPECT_EQ(c->architecture, "LlamaForCausalLM");
  EXPECT_EQ(c->head_dim, 16);
  EXPECT_FALSE(c->is_mla());
  EXPECT_EQ(c->moe.routing.n_experts, 0);
}

TEST(NewModel, OfEachFamilyReadsBackAsItWasWritten) {
  for (const char* name : {"llama", "qwen3", "deepseek_v2", "deepseek_v3"}) {
    NewModel shape;
    shape.architecture = name;
    shape.q_lora_rank = 24;
    shape.n_group = 4, shape.topk_group = 2;
    if (shape.architecture == "deepseek_v2") {
      shape.scoring_func = "softmax";
      shape.norm_topk_prob = false;
    }
    const auto c = made(shape);
    ASSERT_TRUE(c) << c.error().message;
    const auto family = find_family(c->architecture);
    ASSERT_TRUE(family);
    const std::string json = (*family)->write_config(*c, "float32");
    const auto again = read_model_config(json);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ((*family)->write_config(*again, "float32"), json);
  }
}

TEST(NewModel, DescribesLatentAttentionAndExperts) {
  NewModel shape = v3();
  shape.first_k_dense_replace = 2;
  const auto c = made(shape);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->architecture, "DeepseekV3ForCausalLM");
  EXPECT_EQ(c->head_dim, 24);
  EXPECT_EQ(c->n_kv_heads, 6);
  EXPECT_EQ(c->mla.kv_lora_rank, 32);
  EXPECT_EQ(c->moe.routing.n_experts, 8);
  EXPECT_EQ(c->moe.shared_d_ff, 128);
  EXPECT_TRUE(c->moe.correction_bias);
  EXPECT_EQ(c->moe.sparse, (std::vector<bool>{false, false, true}));
  shape.n_routed_experts = 0;
  EXPECT_EQ(made(shape)->moe.routing.n_experts, 0);
}

TEST(NewModel, RefusesWhatCannotBeBuiltAndNamesTheField) {
  const auto with = [](auto change) {
    NewModel shape = v3();
    change(shape);
    return refusal(shape);
  };
  const auto expect = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(with([](NewModel& m) { m.architecture = "gpt"; }), "new_model.architecture is 'gpt'");
  expect(with([](NewModel& m) { m.kv_lora_rank = 0; }), "new_model.kv_lora_rank is 0");
  expect(with([](NewModel& m) { m.q_lora_rank = -1; }), "new_model.q_lora_rank is -1");
  expect(with([](NewModel& m) { m.qk_rope_head_dim = 7; }), "new_model.qk_rope_head_dim is 7");
  expect(with([](NewModel& m) { m.qk_nope_head_dim = 0; }), "new_model.qk_nope_head_dim is 0");
  expect(with([](NewModel& m) { m.v_head_dim = 0; }), "new_model.v_head_dim is 0");
  expect(with([](NewModel& m) { m.n_routed_experts = -8; }), "new_model.n_routed_experts is -8");
  expect(with([](NewModel& m) { m.num_experts_per_tok = 9; }), "from 1 to 8");
  expect(with([](NewModel& m) { m.n_shared_experts = -1; }), "new_model.n_shared_experts is -1");
  expect(with([](NewModel& m) { m.moe_intermediate_size = 0; }), "moe_intermediate_size is 0");
  expect(with([](NewModel& m) { m.first_k_dense_replace = 4; }), "from 0 to 3");
  expect(with([](NewModel& m) { m.moe_layer_freq = 2; }), "new_model.moe_layer_freq is 2");
  expect(with([](NewModel& m) { m.n_group = 3; }), "new_model.n_group is 3");
  expect(with([](NewModel& m) { m.n_group = 8; }), "a group is judged by two");
  expect(with([](NewModel& m) { m.topk_group = 2; }), "new_model.topk_group is 2");
  expect(with([](NewModel& m) { m.n_group = 4, m.num_experts_per_tok = 4; }), "groups of 2 hold");
  expect(with([](NewModel& m) { m.scoring_func = "relu"; }), "it is sigmoid or softmax");
  expect(with([](NewModel& m) { m.scoring_func = "softmax"; }), "deepseek_v3 has sigmoid");
  expect(with([](NewModel& m) { m.architecture = "deepseek_v2"; }), "deepseek_v2 has softmax");
  expect(with([](NewModel& m) { m.routed_scaling_factor = 0; }), "routed_scaling_factor is 0");
  expect(with([](NewModel& m) { m.num_nextn_predict_layers = 17; }), "from 0 to 16");
  expect(with([](NewModel& m) { m.n_layers = 0; }), "new_model.n_layers is 0");
  expect(with([](NewModel& m) { m.d_model = 0; }), "hidden_size is 0");
}

}  // namespace
}  // namespace r1
