#include "cli/program.h"

namespace r1 {
namespace {

Path golden(const std::string& name) { return Path(R1_SOURCE_DIR) / "tests/golden" / name; }

TEST(MergeVerb, MixesModelsIntoOneThatGenerates) {
  const Scratch scratch;
  const std::string tiny = tiny_model().string();
  for (const Args& method : {Args{"--weights", "0.7", "0.3"}, Args{"--method", "slerp"}}) {
    const std::string out = (scratch / method.back()).string();
    EXPECT_HAS(must_run(Args{"merge", "--models", tiny, tiny, "--output_dir", out} + method), out);
    must_run({"generate", "--model", out, "--prompt", "> 1 + 2 ?", "--max_tokens", "4"});
    EXPECT_EQ(slurp(Path(out) / "tokenizer.json"), slurp(Path(tiny) / "tokenizer.json"));
  }
}

TEST(MergeVerb, UpcyclesQwen3) {
  const Scratch scratch;
  const std::string out = (scratch / "moe").string();
  const Args args{
      "merge",   "--model", golden("qwen3").string(), "--method", "upcycle", "--experts", "3",
      "--top_k", "2",       "--output_dir",           out};
  must_run(args);
  const std::string text = must_run({"inspect", out});
  EXPECT_HAS(text, "Qwen3MoeForCausalLM");
  EXPECT_HAS(text, "2 of 3 experts");
  EXPECT_HAS(must_fail(args), "--force");
  must_run(args + Args{"--force"});
}

TEST(MergeVerb, RefusesWithOneErrorThatSaysTheRemedy) {
  const Scratch scratch;
  const std::string out = (scratch / "out").string(), llama = golden("llama").string();
  EXPECT_HAS(must_fail({"merge", "--output_dir", out}), "--models A B");
  EXPECT_HAS(must_fail({"merge", "--model", llama, "--output_dir", out}), "--adapter");
  EXPECT_HAS(must_fail({"merge", "--models", llama, llama}), "--output_dir");
  EXPECT_HAS(must_fail({"merge", "--models", llama, llama, "--output_dir", llama, "--force"}),
             "is an input");
  EXPECT_HAS(must_fail({"merge", "--models", llama, golden("qwen3").string(), "--output_dir", out}),
             "only equal models");
  EXPECT_HAS(must_fail({"merge", "--model", llama, "--method", "upcycle", "--output_dir", out}),
             "LlamaForCausalLM cannot be upcycled");
  EXPECT_HAS(must_fail({"merge", "--model", llama, "--method", "ties", "--output_dir", out}),
             "unknown method 'ties'");
  EXPECT_HAS(must_fail({"merge", "--models", llama, llama, "--weights", "1", "--output_dir", out}),
             "1 weights for 2 models");
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace r1
