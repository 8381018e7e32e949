// r1 tokenizer as a user runs it.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace r1 {
namespace {

/// A vocabulary learned from a few lines, made once.
const std::string& learned() {
  static const Scratch scratch;
  static const std::string folder = [] {
    spill(scratch / "a.jsonl",
          "{\"text\": \"low lower lowest\"}\n{\"text\": \"new newer\", \"n\": 1}\n");
    spill(scratch / "b.txt", "low new low new\n");
    const std::string made = (scratch / "made").string();
    must_run({"tokenizer", "train", "--data",
              (scratch / "a.jsonl").string() + "," + (scratch / "b.txt").string(), "--vocab_size",
              "270", "--special_tokens", "<|end|>", "--output_dir", made});
    return made;
  }();
  return folder;
}

TEST(TokenizerVerb, TextToIdsAndBack) {
  const std::string ids = must_run({"tokenizer", "encode", "low <|end|>new", "--model", learned()});
  EXPECT_EQ(must_run({"tokenizer", "decode", ids, "--model", learned(), "--no-skip_special"}),
            "low <|end|>new\n");
  EXPECT_EQ(must_run({"tokenizer", "encode", "--special", "--model", learned(), "low <|end|>new"}),
            ids);
  EXPECT_EQ(must_run({"tokenizer", "decode", "--model", learned(), "--file", "-"}, {.input = ids}),
            "low new\n");
  EXPECT_EQ(must_run({"tokenizer", "encode", "--model", learned(), "--file", "-"},
                     {.input = "low <|end|>new"}),
            ids);
}

TEST(TokenizerVerb, UntrustedTextHasNoSpecialTokens) {
  const auto encode = [](const Args& more) {
    return nlohmann::json::parse(
        must_run(Args{"tokenizer", "encode", "<|end|>", "--model", learned(), "--json"} + more));
  };
  EXPECT_EQ(encode({})["ids"], nlohmann::json({0}));
  EXPECT_EQ(encode({"--no-trusted"})["tokens"].back(), ">");
}

TEST(TokenizerVerb, CompareSaysWhereTwoDiffer) {
  const Scratch scratch;
  const std::string file = (scratch / "text").string(), other = (scratch / "other").string();
  spill(file, "new low");
  EXPECT_EQ(must_run({"tokenizer", "compare", learned(), learned(), "--file", file}).substr(0, 6),
            "equal:");
  must_run({"tokenizer", "train", "--data", file, "--vocab_size", "257", "--output_dir", other});
  EXPECT_HAS(must_fail({"tokenizer", "compare", learned(), other, "--file", file}), "byte 0");
}

TEST(TokenizerVerb, RefusesWithARemedy) {
  const Scratch scratch;
  const std::string bad = (scratch / "bad.jsonl").string(), out = (scratch / "out").string();
  spill(bad, "{\"text\": \"a\"}\n{\"question\": \"b\"}\n");
  const Args train = {"tokenizer", "train", "--output_dir", out, "--data"};
  EXPECT_HAS(must_fail(train + Args{bad}), "line 2");
  EXPECT_HAS(must_fail(train + Args{bad}), "--columns");
  EXPECT_HAS(must_fail(train + Args{out + ".txt"}), "No such file");
  EXPECT_HAS(must_fail({"tokenizer", "encode", "x"}), "--model DIR");
  EXPECT_HAS(must_fail({"tokenizer", "encode", "--model", learned()}), "--file");
  EXPECT_HAS(must_fail({"tokenizer", "decode", "7,x", "--model", learned()}), "'x'");
  EXPECT_HAS(must_fail({"tokenizer", "encod"}), "'encode'");
  must_run(train + Args{bad, "--columns", "question,text", "--vocab_size", "260"});
}

TEST(TokenizerVerb, HelpTeachesEachAction) {
  EXPECT_HAS(must_run({"tokenizer", "--help"}), "tokenizer train");
  for (const char* action : {"encode", "decode", "train", "compare"}) {
    EXPECT_HAS(must_run({"tokenizer", action, "--help"}), std::string("r1 tokenizer ") + action);
  }
}

}  // namespace
}  // namespace r1
