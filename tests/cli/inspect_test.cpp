#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace r1 {
namespace {

Path golden(const std::string& name) { return Path(R1_SOURCE_DIR) / "tests/golden" / name; }

TEST(InspectVerb, ShowsShapePartsTypesMemoryAndTensors) {
  const std::string text = must_run({"inspect", golden("qwen3_moe").string()});
  for (const char* part :
       {"Qwen3MoeForCausalLM", "experts", "per token", "router", "stored", "F32", "memory to run",
        "weights in q4_0", "memory to train", "LoRA r 16 over q8_0", "no chat template",
        "model.layers.{0-1}.self_attn.q_norm.weight"}) {
    EXPECT_HAS(text, part);
  }
}

TEST(InspectVerb, JsonSaysTheSameToPrograms) {
  const auto json = nlohmann::json::parse(
      must_run({"inspect", "--json", golden("qwen2").string(), "--tensors"}), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["config"]["architectures"][0], "Qwen2ForCausalLM");
  EXPECT_EQ(json["parameters"]["total"], json["stored"]["elements"]);
  int64_t bytes = 0, listed = 0;
  for (const auto& type : json["stored"]["dtypes"]) bytes += type["bytes"].get<int64_t>();
  for (const auto& tensor : json["tensors"]) listed += tensor["bytes"].get<int64_t>();
  EXPECT_EQ(bytes, listed);
  EXPECT_GT(json["memory"]["kv_cache_per_1000_tokens"]["bf16"], 0);
}

TEST(InspectVerb, FilterAndTensorsListNamesOneByOne) {
  const std::string text =
      must_run({"inspect", golden("qwen3").string(), "--tensors", "--filter", "q_norm"});
  EXPECT_HAS(text, "model.layers.0.self_attn.q_norm.weight");
  EXPECT_HAS(text, "model.layers.1.self_attn.q_norm.weight");
  EXPECT_EQ(text.find("up_proj"), std::string::npos);
}

TEST(InspectVerb, ReadsOneFileAConfigAloneAndATrainedModel) {
  EXPECT_HAS(must_run({"inspect", golden("llama/model.safetensors").string()}), "elements");
  EXPECT_HAS(must_run({"inspect", golden("llama/config.json").string()}), "no weights here");
  EXPECT_HAS(must_run({"inspect", tiny_model().string()}), "tokenizer       ");
}

TEST(InspectVerb, ReadsWhatConvertWrote) {
  const Scratch scratch;
  const std::string gguf = (scratch / "tiny.gguf").string();
  must_run({"convert", tiny_model().string(), gguf, "--dtype", "f16"});
  const std::string text = must_run({"inspect", gguf});
  EXPECT_HAS(text, "GGUF file");
  EXPECT_HAS(text, "F16");
  EXPECT_HAS(text, "model.embed_tokens.weight");
}

TEST(InspectVerb, HostileFilesAreOneError) {
  const Scratch scratch;
  EXPECT_HAS(must_fail({"inspect"}), "give a model");
  EXPECT_HAS(must_fail({"inspect", (scratch / "nowhere").string()}), "no such file or folder");
  EXPECT_HAS(must_fail({"inspect", scratch.path().string()}), "neither config.json");
  const std::string whole = slurp(golden("llama/model.safetensors"));
  spill(scratch / "cut.safetensors", whole.substr(0, whole.size() / 2));
  EXPECT_HAS(must_fail({"inspect", (scratch / "cut.safetensors").string()}), "cut.safetensors");
  spill(scratch / "a.gguf", "GGUF\x03");
  EXPECT_HAS(must_fail({"inspect", (scratch / "a.gguf").string()}), "a.gguf");
  spill(scratch / "config.json", "{\"architectures\": [\"MambaForAll\"]}");
  EXPECT_HAS(must_fail({"inspect", scratch.path().string()}), "MambaForAll");
  spill(scratch / "config.json", "{}}");
  EXPECT_HAS(must_fail({"inspect", (scratch / "config.json").string()}), "config.json");
}

}  // namespace
}  // namespace r1
