// Damaged checkpoints, broken data, folders that cannot be written, a full disk, diverging numbers:
// each is one clear error, and what was saved before still loads.
#include <functional>

#include "cli/program.h"

namespace r1 {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// The tiny model with one file changed.
std::string error_of_changed(const std::string& file,
                             const std::function<std::string(std::string)>& change) {
  const Scratch scratch;
  std::filesystem::copy(tiny_model(), scratch / "m");
  spill(scratch / "m" / file, change(slurp(scratch / "m" / file)));
  return must_fail({"generate", "--model", (scratch / "m").string(), "--ids", "1,2"});
}

TEST(Hostile, TruncatedWeightsNameTheFile) {
  const size_t size = slurp(tiny_model() / "model.safetensors").size();
  for (const size_t kept : {size_t{0}, size_t{5}, size_t{100}, size / 2, size - 1}) {
    const auto cut = [&](const std::string& bytes) { return bytes.substr(0, kept); };
    EXPECT_HAS(error_of_changed("model.safetensors", cut), "model.safetensors") << kept;
  }
}

TEST(Hostile, EveryFlippedBitOfTheHeaderLengthIsRefused) {
  for (int bit = 0; bit < 64; bit += 3) {
    const auto flip = [&](std::string bytes) {
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      return bytes;
    };
    EXPECT_HAS(error_of_changed("model.safetensors", flip), "model.safetensors") << bit;
  }
}

TEST(Hostile, FlippedBitsOfTheHeaderTextNeverCrash) {
  const std::string bytes = slurp(tiny_model() / "model.safetensors");
  const Scratch scratch;
  std::filesystem::copy(tiny_model(), scratch / "m");
  for (size_t at = 8; at < 400; at += 23) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    spill(scratch / "m" / "model.safetensors", changed);
    const Outcome outcome = run_r1(
        {"generate", "--model", (scratch / "m").string(), "--ids", "1,2", "--max_tokens", "1"});
    EXPECT_EQ(outcome.signal, 0) << at;
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 1) << at;
  }
}

TEST(Hostile, MissingAndMisshapenTensorsAreNamed) {
  const std::string missing = error_of_changed("model.safetensors", [](const std::string& bytes) {
    return replaced(bytes, "model.norm.weight", "model.nurm.weight");
  });
  EXPECT_HAS(missing, "missing: model.norm.weight");
  EXPECT_HAS(missing, "unexpected: model.nurm.weight");
  const std::string misshapen = error_of_changed("config.json", [](const std::string& text) {
    return replaced(text, "\"intermediate_size\": 32", "\"intermediate_size\": 48");
  });
  EXPECT_HAS(misshapen, "mlp.gate_proj.weight");
  EXPECT_HAS(misshapen, "(48, 16)");
}

TEST(Hostile, BrokenConfigAndTokenizerAreNamed) {
  EXPECT_HAS(error_of_changed("config.json", [](const std::string&) { return "{"; }),
             "config.json");
  EXPECT_HAS(error_of_changed("config.json",
                              [](const std::string& text) {
                                return replaced(text, "LlamaForCausalLM", "LlamoForCausalLM");
                              }),
             "LlamoForCausalLM");
  const Scratch scratch;
  std::filesystem::copy(tiny_model(), scratch / "m");
  spill(scratch / "m" / "tokenizer.json", "{\"model\": 3}");
  EXPECT_HAS(must_fail({"generate", "--model", (scratch / "m").string(), "--prompt", "8"}),
             "tokenizer.json");
  EXPECT_HAS(must_fail({"generate", "--model", (scratch / "none").string()}),
             "no such model folder");
}

TEST(Hostile, BrokenLineIsNamedByNumberOrSkipped) {
  const Scratch scratch;
  const std::string file = (scratch / "d.jsonl").string();
  spill(file,
        "{\"prompt\":\"8 a + 4 ?\",\"answer\":\"2\"}\n{\"prompt\":\n{\"prompt\":\"9 "
        "?\",\"answer\":9}\n");
  const auto args = [&](const char* run) {
    return Args{"rl",
                "--model",
                tiny_model().string(),
                "--data",
                file,
                "--max_steps",
                "1",
                "--num_generations",
                "2",
                "--train_batch_size",
                "2",
                "--output_dir",
                (scratch / run).string()};
  };
  const std::string error = must_fail(args("a"));
  EXPECT_HAS(error, "d.jsonl:2");
  EXPECT_HAS(error, "--skip_bad_lines");
  must_run(args("a") + Args{"--skip_bad_lines"});  // the failed start left no run behind
}

TEST(Hostile, RowsThatCannotBeUsedAreCountedAndLeftOut) {
  const Scratch scratch;
  const std::string file = (scratch / "d.jsonl").string();
  std::string long_prompt;
  for (int i = 0; i < 400; ++i) long_prompt += "8 ";
  spill(file, "{\"prompt\":\"8 a + 4 ?\",\"answer\":\"2\"}\n{\"prompt\":\"9 ?\"}\n{\"prompt\":\"" +
                  long_prompt + "\",\"answer\":\"1\"}\n");
  const Outcome outcome =
      run_r1({"rl", "--model", tiny_model().string(), "--data", file, "--max_steps", "1",
              "--num_generations", "2", "--train_batch_size", "2", "--output_dir",
              (scratch / "a").string()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_HAS(outcome.err, "2 of 3 rows left out");
  EXPECT_HAS(outcome.err, "no reference answer (--answer_column): 1, first d.jsonl:2");
  EXPECT_HAS(outcome.err, "longer than a context of 256 tokens: 1, first d.jsonl:3");
  const std::string error =
      must_fail({"pretrain", "--model", tiny_model().string(), "--data", file, "--max_steps", "1",
                 "--output_dir", (scratch / "b").string()});
  EXPECT_HAS(error, "--completion_column");
}

TEST(Hostile, FolderBelowAFileCannotBeWritten) {
  const Scratch scratch;
  spill(scratch / "file", "");
  EXPECT_HAS(must_fail(pretrain_args(scratch / "file" / "run", 1)), "choose another folder");
  EXPECT_HAS(must_fail({"data", "--n", "2", "--output", (scratch / "no" / "d.jsonl").string()}),
             "does not exist");
}

TEST(Hostile, RunIsNotOverwrittenUnaskedNorItsModelDeleted) {
  const Scratch scratch;
  must_run(pretrain_args(scratch / "run", 1));
  EXPECT_HAS(must_fail(pretrain_args(scratch / "run", 1)), "--resume");
  const Args own{"--model", (scratch / "run" / "final").string(), "--overwrite"};
  EXPECT_HAS(must_fail(pretrain_args(scratch / "run", 1) + own), "would delete the model");
  EXPECT_TRUE(std::filesystem::exists(scratch / "run" / "final" / "model.safetensors"));
}

/// A run with a good checkpoint at step 2.
void make_run(const Path& run) { must_run(pretrain_args(run, 2) + Args{"--save_steps", "2"}); }

TEST(Hostile, FullDiskIsOneErrorAndTheLastCheckpointGoesOn) {
  const Scratch scratch;
  make_run(scratch / "run");
  const Args more = pretrain_args(scratch / "run", 4) + Args{"--resume", "--save_steps", "1"};
  const std::string error = must_fail(more, {.file_bytes = 8000});
  EXPECT_HAS(error, "safetensors");
  EXPECT_HAS(error, "larger than");
  const Path saved = scratch / "run" / "checkpoints" / "step-2";
  must_run({"generate", "--model", saved.string(), "--ids", "1,2"});
  must_run(more);
  must_run(pretrain_args(scratch / "whole", 4));
  EXPECT_EQ(slurp(scratch / "run" / "final" / "model.safetensors"),
            slurp(scratch / "whole" / "final" / "model.safetensors"));
}

TEST(Hostile, DivergingLossStopsBeforeTheUpdateAndNamesTheStep) {
  const Scratch scratch;
  make_run(scratch / "run");
  const Path saved = scratch / "run" / "checkpoints" / "step-2" / "model.safetensors";
  const std::string before = slurp(saved);
  const Args more = pretrain_args(scratch / "run", 9) + Args{"--resume", "--save_steps", "100"};
  const std::string error = must_fail(more + Args{"--learning_rate", "1e30"});
  EXPECT_HAS(error, "step ");
  EXPECT_HAS(error, "data {\"decay_from\"");
  EXPECT_HAS(error, "not finite");
  EXPECT_HAS(error, "go on from step 2 with --resume");
  EXPECT_EQ(slurp(saved), before);
  must_run(more);
}

TEST(Hostile, DivergingPolicyStopsToo) {
  const Scratch scratch;
  const std::string error = must_fail(
      {"rl", "--model", tiny_model().string(), "--max_steps", "9", "--num_generations", "4",
       "--train_batch_size", "4", "--reward_funcs", "last_digit_language", "--reward_weights", "1",
       "--learning_rate", "1e30", "--output_dir", (scratch / "run").string()});
  EXPECT_HAS(error, "not finite");
  EXPECT_HAS(error, "last_digit/train/");
  EXPECT_HAS(error, "--overwrite");
}

TEST(Hostile, DamagedCheckpointIsPassedOver) {
  const Scratch scratch;
  must_run(pretrain_args(scratch / "whole", 6));
  must_run(pretrain_args(scratch / "run", 4) + Args{"--save_steps", "2"});
  const Path newest = scratch / "run" / "checkpoints" / "step-4" / "model.safetensors";
  std::string bytes = slurp(newest);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  spill(newest, bytes);
  const Outcome resumed = run_r1(pretrain_args(scratch / "run", 6) + Args{"--resume"});
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_HAS(resumed.err, "passed over");
  EXPECT_HAS(resumed.err, "from step 2");
  EXPECT_EQ(slurp(scratch / "run" / "final" / "model.safetensors"),
            slurp(scratch / "whole" / "final" / "model.safetensors"));
}

}  // namespace
}  // namespace r1
