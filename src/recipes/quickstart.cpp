#include "recipes/quickstart.h"

#include <cmath>
#include <fstream>

#include "data/last_digit.h"
#include "recipes/presets.h"
#include "recipes/report.h"
#include "train/supervised.h"

namespace r1 {
namespace {

constexpr int64_t kValidationFirst = 1'000'000;  // held-out problems that only draw the curves
constexpr int kCards = 3;

EvalConfig eval_config(const QuickstartConfig& config, int samples) {
  EvalConfig eval;
  eval.samples = samples;
  eval.max_tokens = config.zero.max_completion_length;
  eval.reward_funcs = config.zero.reward_funcs;
  eval.engine = config.zero.engine;
  eval.sampling.seed = config.seed;
  return eval;
}

/// One evaluated stage as a row of the table.
StageRow make_row(const std::string& name, const EvalSummary& s, const StageReport& stage) {
  StageRow row;
  row.name = name;
  row.pass_at_1 = s.pass_at_1;
  row.pass_at_1_stderr = s.pass_at_1_stderr;
  row.cons_at_16 = s.cons_at_k;
  row.pass_at_16 = s.pass_at_k.rbegin()->second;
  row.mean_length = s.mean_length;
  row.format_rate = s.format_rate;
  row.truncated_rate = s.truncated_rate;
  row.steps = stage.steps;
  row.tokens = stage.tokens;
  row.seconds = stage.seconds;
  return row;
}

/// What the validation problems show over the RL steps.
class Curves {
 public:
  Curves(const QuickstartConfig& config)
      : config_(config),
        problems_(held_out_last_digit_problems(config.seed, kValidationFirst, 64)) {
    for (int i = 0; i < kCards; ++i) {
      cards_.push_back({problems_[i].messages.back().content, problems_[i].answer, {}});
    }
  }

  Result<Metrics> measure(int64_t step, const Transformer& model, const Chat& chat,
                          const Machine& machine) {
    R1_TRY(const Evaluated e, evaluate(model, chat, problems_, eval_config(config_, 8),
                                       model.dtype(), machine.launch()));
    const EvalSummary& s = e.summary;
    const double x = static_cast<double>(step);
    accuracy_.points.emplace_back(x, s.pass_at_1);
    accuracy_.errors.push_back(s.pass_at_1_stderr);
    majority_.points.emplace_back(x, s.cons_at_k);
    length_.points.emplace_back(x, s.mean_length);
    format_.points.emplace_back(x, s.format_rate);
    if (step == 0 || step == config_.zero.train.max_steps || step == middle()) add_cards(step, e);
    return Metrics{{"eval/pass@1", s.pass_at_1},
                   {"eval/pass@1_stderr", s.pass_at_1_stderr},
                   {"eval/cons@8", s.cons_at_k},
                   {"eval/format_rate", s.format_rate},
                   {"eval/mean_length", s.mean_length}};
  }

  std::vector<Chart> charts() const {
    return {{.title = "Accuracy over RL steps",
             .x_label = "RL step",
             .y_label = "held-out problems solved",
             .series = {accuracy_, majority_},
             .y_min = 0,
             .y_max = 1,
             .percent = true},
            {.title = "Response length over RL steps",
             .x_label = "RL step",
             .y_label = "tokens",
             .series = {length_},
             .y_min = 0},
            {.title = "Format over RL steps",
             .x_label = "RL step",
             .y_label = "well-formed responses",
             .series = {format_},
             .y_min = 0,
             .y_max = 1,
             .percent = true}};
  }
  const std::vector<SampleCard>& cards() const { return cards_; }

 private:
  int64_t middle() const {
    const int64_t every = std::max<int64_t>(1, config_.zero.eval_steps);
    return config_.zero.train.max_steps / 2 / every * every;
  }
  void add_cards(int64_t step, const Evaluated& e) {
    for (int i = 0; i < kCards; ++i) {
      const Episode& episode = e.episodes[static_cast<size_t>(i) * 8];
      cards_[i].answers.push_back({fmt::format("step {}", step), episode.text,
                                   episode.score.parts[0].second >= 1,
                                   episode.score.parts[1].second >= 1, episode.score.value});
    }
  }

  const QuickstartConfig& config_;
  std::vector<Problem> problems_;
  Series accuracy_{.name = "pass@1"}, majority_{.name = "majority of 8", .dashed = true};
  Series length_{.name = "mean length"}, format_{.name = "format"};
  std::vector<SampleCard> cards_;
};

Result<EvalSummary> final_eval(const QuickstartConfig& config, const std::string& folder,
                               const std::string& name, const std::vector<Problem>& problems,
                               const Launch& launch) {
  R1_TRY(const LoadedModel loaded, load_model(folder, {.dtype = "auto"}, launch));
  R1_TRY(const Chat chat, Chat::open(folder, loaded.model->config()));
  Progress progress("evaluate " + name, static_cast<int64_t>(problems.size()) * config.n_samples);
  R1_TRY(const Evaluated e,
         evaluate(*loaded.model, chat, problems, eval_config(config, config.n_samples),
                  loaded.model->dtype(), launch,
                  [&](int64_t done, int64_t) { progress.update(done, "completions"); }));
  progress.finish();
  return e.summary;
}

Report make_report(const QuickstartConfig& config, const std::vector<StageRow>& rows,
                   const Curves& curves, const StageReport& base, const SummaryFields& fields) {
  Report report;
  report.title = "R1-Zero in miniature";
  report.subtitle =
      "A small model learns to reason by reinforcement learning alone: right answers and the "
      "format are rewarded, and it finds that writing its work out pays.";
  report.machine = fields.machine;
  report.command = fields.command;
  report.headlines = compare_stages(rows[0], rows[1], fields.total_seconds);
  report.charts = curves.charts();
  report.charts.push_back(
      {.title = "One answer, or the majority of 16",
       .x_label = "",
       .y_label = "held-out problems solved",
       .series = {{.name = "pass@1", .points = {{0, rows[0].pass_at_1}, {1, rows[1].pass_at_1}}},
                  {.name = "cons@16",
                   .points = {{0, rows[0].cons_at_16}, {1, rows[1].cons_at_16}}}},
       .y_min = 0,
       .y_max = 1,
       .percent = true,
       .categories = {rows[0].name, rows[1].name}});
  report.stages = rows;
  report.samples = curves.cards();
  report.facts = {{"task", "last-digit programs: 4 to 9 steps of arithmetic, last digit kept"},
                  {"held-out problems",
                   fmt::format("{} problems × {} samples, temperature 1, none seen in training",
                               config.n_problems, config.n_samples)},
                  {"seed", std::to_string(config.seed)},
                  {"base", fmt::format("{} steps, {} tokens; quality gate {}", base.steps,
                                       human_count(static_cast<double>(base.tokens)),
                                       base.gate_met ? "met" : "not met")},
                  {"RL", fmt::format("GRPO, {} prompts × {} completions a step, learning rate {}",
                                     config.zero.train_batch_size, config.zero.num_generations,
                                     config.zero.train.learning_rate)},
                  {"reward", "accuracy 1.0 + format 0.5, both by rule"},
                  {"version", fields.version}};
  report.notes = {
      "The curves are measured on 64 other held-out problems, 8 samples each; the table on the "
      "problems named above. Nothing in a run is chosen by them.",
      "Part of the rise is format: only answers inside the tags can score. The rest is that the "
      "model writes its work out, and writes it without slips.",
      "Sampler and trainer log-probabilities were compared at every first update: the ratio was "
      "exactly 1."};
  if (!base.gate_met)
    report.notes.push_back("The base did not meet its quality gate within the step limit.");
  const std::string zero = config.output_dir + "/zero/final";
  report.next = {
      {"r1 chat --model " + zero, "give it a program of your own: 8 a + 4 b - 5 c * 7 d + 8 ?"},
      {"r1 eval --model " + zero + " --samples 16",
       "the table again, on other problems with --seed 1"},
      {"r1 rl --model DIR --data FILE.jsonl --output_dir runs/mine",
       "the same on your model and data"}};
  return report;
}

}  // namespace

std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

QuickstartConfig::QuickstartConfig() {
  base = v3_tiny();
  base.train.save_steps = 0;
  TrainingArguments& z = zero.train;
  zero.reward_funcs = {"accuracy_strict", "format"};
  zero.reward_weights = {1.0, 0.5};
  zero.eval_steps = 10;
  z.learning_rate = 1e-3;
  z.lr_scheduler_type = "linear";
  z.warmup_steps = 3;
  z.max_steps = 50;
  z.save_steps = 0;
}

Result<std::string> quickstart(QuickstartConfig config, const std::string& version,
                               const std::string& command, bool colour) {
  const Timer timer;
  config.base.train.output_dir = config.output_dir + "/base";
  config.zero.train.output_dir = config.output_dir + "/zero";
  config.base.train.seed = config.zero.train.seed = config.seed;
  config.base.train.overwrite = config.zero.train.overwrite = true;
  config.zero.model = config.base.train.output_dir + "/final";
  config.zero.train.compute = config.base.train.compute;
  R1_RETURN_IF_ERROR(make_folder(config.output_dir));

  log_info("1/3 base: learns to imitate worked and unworked answers, slips included");
  R1_TRY(const StageReport base, pretrain(config.base));
  log_info("2/3 R1-Zero: pure reinforcement learning from rule rewards");
  Curves curves(config);
  R1_TRY(const StageReport zero, grpo(config.zero, [&](int64_t step, const Transformer& model,
                                                       const Chat& chat, const Machine& machine) {
           return curves.measure(step, model, chat, machine);
         }));
  log_info("3/3 evaluation on {} held-out problems, {} samples each", config.n_problems,
           config.n_samples);
  std::vector<StageRow> rows;
  SummaryFields fields;
  {
    R1_TRY(const Machine machine, Machine::open(config.base.train.compute));
    const std::vector<Problem> problems =
        held_out_last_digit_problems(config.seed, 0, config.n_problems);
    R1_TRY(const EvalSummary before,
           final_eval(config, base.model, "base", problems, machine.launch()));
    R1_TRY(const EvalSummary after,
           final_eval(config, zero.model, "R1-Zero", problems, machine.launch()));
    rows = {make_row("base", before, base), make_row("R1-Zero", after, zero)};
    fields.machine = fmt::format("{}, {} threads, {}", processor_name(), machine.threads(),
                                 backend_name(machine.backend()));
  }
  fields.seed = config.seed;
  fields.version = version;
  fields.command = command;
  fields.total_seconds = timer.seconds();
  fields.extra["gate_met"] = base.gate_met;
  const Path folder = config.output_dir;
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "summary.json", summary_json(rows, fields)));
  R1_RETURN_IF_ERROR(write_text_atomic(
      folder / "report.html", render_report(make_report(config, rows, curves, base, fields))));
  return fmt::format(
      "\n{}\n{} in all; pictures: {}\ntry: r1 chat --model {}\n     > 8 a + 4 b - 5 c * 7 d + 8 "
      "?\n",
      render_terminal_table(rows, colour), human_seconds(fields.total_seconds),
      (folder / "report.html").string(), zero.model);
}

}  // namespace r1
