// r1 run: a pipeline killed in every stage ends with the bytes of one that was left alone, and the
// recipe for models and data of one's own runs through.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "cli/program.h"

namespace r1 {
namespace {

/// All kinds of stages, none of them longer than a second.
constexpr const char* kRecipe = R"(
title = "all kinds"
output_dir = "unused"
seed = 3
[compute]
threads = 1

[[stage]]
name = "base"
verb = "pretrain"
max_steps = 120
save_steps = 10
tokens_per_step = 256
[stage.new_model]
d_model = 16
n_layers = 1
n_heads = 2
n_kv_heads = 2
head_dim = 8
d_ff = 32

[[stage]]
name = "rows"
verb = "data"
split = "cold_start"
n = 6000

[[stage]]
name = "math"
verb = "data math"
n = 2500

[[stage]]
name = "cold"
verb = "sft"
model = "@base"
data = "@rows"
max_steps = 80
save_steps = 0
learning_rate = 1e-3

[[stage]]
name = "zero"
verb = "rl"
model = "@cold"
max_steps = 12
save_steps = 4
num_generations = 4
train_batch_size = 4
max_completion_length = 32
reward_funcs = ["last_digit_language"]
learning_rate = 1e-3
eval_steps = 6
eval_limit = 8

[[stage]]
name = "reject"
verb = "sample"
model = "@zero"
limit = 60
samples = 2
max_tokens = 32
filters = []
save_every = 3
mix = "@rows"
mix_count = 10

[[stage]]
name = "pairs"
verb = "data"
split = "preferences"
n = 3500

[[stage]]
name = "helpful"
verb = "reward train"
model = "@base"
data = "@pairs"
max_steps = 60
save_steps = 10

[[stage]]
name = "distilled"
verb = "distill"
method = "traces"
teacher = "@zero"
model = "@base"
max_steps = 30
save_steps = 10
[stage.sample]
limit = 60
samples = 2
max_tokens = 32
filters = []
save_every = 3

[[stage]]
name = "evaluation"
verb = "eval"
models = ["@base", "@zero", "@distilled"]
limit = 64
samples = 4
max_tokens = 48
)";

/// What has to be there before the process is killed: a file in the stage's folder, that long.
struct Progress {
  const char* stage;
  const char* file;  // "": as soon as the stage begins
  int lines;
};

constexpr Progress kProgress[] = {
    {"base", "checkpoints/step-20", 0},  // a folder
    {"rows", "", 0},
    {"math", "", 0},
    {"cold", "metrics.jsonl", 20},  // it has no checkpoint yet
    {"zero", "metrics.jsonl", 6},
    {"reject", "rows.jsonl.samples.jsonl", 10},
    {"pairs", "", 0},
    {"helpful", "metrics.jsonl", 25},
    {"distilled", "traces.jsonl.samples.jsonl", 10},  // while the teacher writes
    {"distilled", "metrics.jsonl", 15},               // while the student learns
    {"evaluation", "", 0},
};

bool is_reached(const Path& folder, const Progress& p) {
  const Path stage = folder / p.stage;
  if (!std::filesystem::exists(stage.string() + ".json")) return false;
  if (slurp(stage.string() + ".json").find("\"is_done\": false") == std::string::npos) return false;
  if (!*p.file) return true;
  if (p.lines == 0) return std::filesystem::exists(stage / p.file);
  const std::string text = slurp(stage / p.file);
  return std::count(text.begin(), text.end(), '\n') >= p.lines;
}

bool is_done(const Path& folder, const std::string& stage) {
  return slurp(folder / (stage + ".json")).find("\"is_done\": true") != std::string::npos;
}

/// Every product, by its name in the folder: weights, rows, metrics, samples, figures.
std::map<std::string, std::string> products(const Path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = std::filesystem::relative(entry.path(), folder).string();
    const std::string file = entry.path().filename().string();
    const bool counts = file == "model.safetensors" || file == "rows.jsonl" ||
                        file == "eval.json" || file == "traces.jsonl" || file == "metrics.jsonl" ||
                        file == "samples.jsonl";
    const bool is_timing = name.find("timing/") != std::string::npos;
    if (entry.is_regular_file() && counts && !is_timing) files[name] = slurp(entry.path());
  }
  // the summary is all figures, then what they took
  const std::string summary = slurp(folder / "summary.json");
  const size_t timing = summary.find("\"total_seconds\"");
  EXPECT_NE(timing, std::string::npos);
  files["summary.json"] = summary.substr(0, timing);
  return files;
}

TEST(Run, KilledInEveryStageItEndsWithTheSameBytes) {
  const Scratch scratch;
  spill(scratch / "recipe.toml", kRecipe);
  const Path out = scratch / "out";
  const Args run{"run", (scratch / "recipe.toml").string(), "--output_dir", out.string()};
  must_run(run);
  const auto whole = products(out);
  ASSERT_GE(whole.size(), 14u);
  std::filesystem::remove_all(out);
  for (const Progress& p : kProgress) {
    const Outcome killed = run_r1(run, {.kill_when = [&] { return is_reached(out, p); }});
    EXPECT_EQ(killed.signal, SIGKILL) << p.stage << killed.err;
    EXPECT_FALSE(is_done(out, p.stage)) << p.stage;
  }
  must_run(run);
  const auto pieces = products(out);
  for (const auto& [name, bytes] : whole) {
    ASSERT_TRUE(pieces.contains(name)) << name;
    EXPECT_TRUE(bytes == pieces.at(name)) << name << " differs";
  }
  EXPECT_EQ(whole.size(), pieces.size());
  EXPECT_HAS(run_r1(run).err, "nothing to do");
}

const char* kEvaluated[] = {"zero", "cold", "reason", "sft", "r1", "distilled", "student-rl"};

/// Every stage of the recipe made its product, and the evaluation saw every model.
void expect_whole_story(const Path& out) {
  for (const std::string stage : kEvaluated)
    EXPECT_TRUE(std::filesystem::exists(out / stage / "final" / "model.safetensors")) << stage;
  for (const std::string stage : {"helpful", "harmless"})
    EXPECT_TRUE(std::filesystem::exists(out / stage / "final" / "model.safetensors")) << stage;
  for (const std::string stage : {"cold-rows", "reject", "pairs"})
    EXPECT_FALSE(slurp(out / stage / "rows.jsonl").empty()) << stage;
  const std::string figures = slurp(out / "evaluation" / "eval.json");
  for (const std::string stage : kEvaluated) EXPECT_HAS(figures, "\"" + stage);
}

std::string own_recipe() { return (Path(R1_SOURCE_DIR) / "recipes" / "r1-own.toml").string(); }

Args tiny_numbers(const Path& model, const Path& data, const Path& test) {
  std::string variables = "model=" + model.string();
  variables += ",data=" + data.string() + ",test=" + test.string();
  variables += ",steps=2,epochs=0.02,prompts=2,group=2,length=12,limit=6,filters=[],problems=2";
  variables += ",eval_samples=2,cold_n=200,levels=[1],student_rl=true,rl_rate=1e-4";
  return {"--variables", variables};
}

TEST(Run, TheRecipeForAnyModelRunsEveryStage) {
  const Scratch scratch;
  const auto rows = [&](const char* split, const char* n) {
    const Path file = scratch / (std::string(split) + ".jsonl");
    must_run({"data", "--split", split, "--n", n, "--output", file.string()});
    return file;
  };
  const Path train = rows("train", "40"), test = rows("test", "10"),
             cold = rows("cold_start", "90");
  Args args{"run", own_recipe(), "--output_dir", (scratch / "out").string()};
  args = args + tiny_numbers(tiny_model(), train, test);
  args.back() += ",cold=" + cold.string();
  const std::string planned = must_run(args + Args{"--dry_run"});
  EXPECT_HAS(planned, "2 steps of 2 x 2 completions");
  EXPECT_HAS(planned, "together: at most about");
  EXPECT_FALSE(std::filesystem::exists(scratch / "out"));
  must_run(args);
  expect_whole_story(scratch / "out");
}

TEST(Run, ARealCheckpointAndGradeSchoolMathRunEveryStage) {
  const char* shared = std::getenv("R1_SHARED_DATA");
  const Path data = shared ? shared : "";
  if (!shared || !std::filesystem::exists(data / "models/stories260K/hf"))
    GTEST_SKIP() << "set R1_SHARED_DATA to run this with stories260K and GSM8K";
  const Scratch scratch;
  Args args{"run", own_recipe(), "--output_dir", (scratch / "out").string()};
  args = args + tiny_numbers(data / "models/stories260K/hf", data / "gsm8k/train.jsonl",
                             data / "gsm8k/test_first660.jsonl");
  must_run(args);
  expect_whole_story(scratch / "out");
}

TEST(Run, MistakesAreToldBeforeTheFirstStage) {
  const Scratch scratch;
  spill(scratch / "a.toml",
        "output_dir = \"x\"\n[[stage]]\nname = \"a\"\nverb = \"data\"\n"
        "[[stage]]\nname = \"b\"\nverb = \"sft\"\nmodle = \"m\"\n");
  EXPECT_HAS(must_fail({"run", (scratch / "a.toml").string(), "--dry_run"}), "stage b");
  EXPECT_HAS(must_fail({"run", (scratch / "a.toml").string()}), "did you mean 'model'");
  EXPECT_HAS(must_fail({"run", own_recipe(), "--variables", "steps=2,modell=x"}), "modell");
}

}  // namespace
}  // namespace r1
