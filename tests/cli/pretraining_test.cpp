// Corpora, validation and longer contexts as a user types them.
#include "cli/program.h"

namespace r1 {
namespace {

TEST(DataTokenize, MakesATokenFileThatPretrainingReads) {
  const Scratch scratch;
  const auto file = [&](const char* name) { return (scratch / name).string(); };
  const std::string tiny = tiny_model().string();
  must_run({"data", "--split", "corpus", "--n", "60", "--output", file("a.jsonl")});
  must_run({"data", "--split", "corpus", "--n", "20", "--seed", "1", "--output", file("b.jsonl")});
  const std::string said = must_run({"data", "tokenize", "--model", tiny, "--data", file("a.jsonl"),
                                     "--output", file("a.tokens")});
  EXPECT_HAS(said, "60 documents");
  EXPECT_HAS(said, "bytes a token");
  must_run({"data", "tokenize", "--model", "builtin:last_digit", "--data", file("a.jsonl"),
            "--output", file("c.tokens")});
  EXPECT_EQ(slurp(file("a.tokens")), slurp(file("c.tokens")));

  const Args train{"pretrain",      "--model",      tiny, "--max_steps", "2",  "--eval_data",
                   file("b.jsonl"), "--eval_steps", "1",  "--ema_decay", "0.9"};
  must_run(train + Args{"--data", file("a.tokens"), "--output_dir", file("run")});
  EXPECT_HAS(slurp(scratch / "run" / "metrics.jsonl"), "\"eval_bpb\"");
  must_run({"generate", "--model", (scratch / "run" / "final_ema").string(), "--prompt", "8 a"});

  std::string bytes = slurp(file("a.tokens"));
  spill(file("cut.tokens"), bytes.substr(0, bytes.size() - 1));
  EXPECT_HAS(must_fail(train + Args{"--data", file("cut.tokens"), "--output_dir", file("r2")}),
             "cut.tokens: the file does not end");
  bytes.replace(16, 8, "ffffffff");
  spill(file("other.tokens"), bytes);
  EXPECT_HAS(must_fail(train + Args{"--data", file("other.tokens"), "--output_dir", file("r3")}),
             "another tokenizer");
}

TEST(DataTokenize, NamesWhatIsMissing) {
  const Scratch scratch;
  const std::string out = (scratch / "x.tokens").string();
  EXPECT_HAS(must_fail({"data", "tokenize"}), "model is not set");
  EXPECT_HAS(must_fail({"data", "tokenize", "--model", "builtin:last_digit", "--data",
                        (scratch / "absent").string(), "--output", out}),
             "no such file or folder");
  spill(scratch / "bad.jsonl", "{\"text\": \"8 a\"}\n{\"text\": 7}\n");
  const Args bad{"data",     "tokenize",
                 "--model",  "builtin:last_digit",
                 "--data",   (scratch / "bad.jsonl").string(),
                 "--output", out};
  EXPECT_HAS(must_fail(bad), "bad.jsonl:2");
  EXPECT_FALSE(std::filesystem::exists(out));  // whole or not at all
  must_run(bad + Args{"--skip_bad_lines"});
  EXPECT_TRUE(std::filesystem::exists(out));
}

TEST(LongContext, AModelIsExtendedAndTestedByPosition) {
  const Scratch scratch;
  const auto file = [&](const char* name) { return (scratch / name).string(); };
  must_run({"data", "program", "--lengths", "300,512", "--n", "6", "--split", "train", "--form",
            "corpus", "--output", file("long.jsonl")});
  must_run({"pretrain", "--model", tiny_model().string(), "--data", file("long.jsonl"),
            "--rope_scaling", "yarn", "--max_position_embeddings", "512", "--max_steps", "2",
            "--output_dir", file("run")});
  const std::string model = (scratch / "run" / "final").string();
  EXPECT_HAS(slurp(scratch / "run" / "final" / "config.json"), "\"yarn\"");

  must_run({"data", "needle", "--lengths", "64,512", "--depths", "0,1", "--n", "2", "--output",
            file("needle.jsonl")});
  const Args eval{"eval", "--data", file("needle.jsonl"), "--samples", "1", "--max_tokens", "4"};
  const std::string after = must_run(eval + Args{"--model", model, "--json", file("out.json")});
  EXPECT_HAS(after, "length \\ depth       0       1");
  EXPECT_HAS(after, "\n           512 ");
  EXPECT_HAS(slurp(file("out.json")), "\"by_position\"");
  const std::string before = must_run(eval + Args{"--model", tiny_model().string()});
  EXPECT_HAS(before, "\n            64 ");
  EXPECT_EQ(before.find("\n           512 "), std::string::npos);  // beyond its positions
  EXPECT_HAS(must_fail({"pretrain", "--rope_scaling", "yarn", "--output_dir", file("new")}),
             "--model DIR");
}

}  // namespace
}  // namespace r1
