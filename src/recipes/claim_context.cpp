#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "data/long_context.h"
#include "eval/by_position.h"
#include "eval/evaluate.h"
#include "models/context_extension.h"
#include "recipes/claims.h"
#include "recipes/run_report.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<double> kDepths{0, 0.25, 0.5, 0.75, 1};
constexpr int64_t kRowsOfCell = 8, kPrograms = 8;
constexpr int64_t kLearnSteps = 300, kExtendSteps = 50, kTokensOfStep = 4096;
constexpr double kLearnRate = 0.5, kExtendRate = 0.1;  // of the base's

struct Lengths {
  int64_t original, middle, longest;
  std::vector<int64_t> all() const { return {original, middle, longest}; }
};

/// Rows to learn from: three needles of any depth and length up to the limit, then a program.
Result<Path> write_lessons(const Path& file, uint64_t seed, int64_t longest, int64_t n) {
  std::string text;
  for (int64_t i = 0; i < n; ++i) {
    const bool is_program = i % 4 == 3;
    const int64_t shortest = is_program ? std::min<int64_t>(96, longest) : 32;
    LongRequest request{.seed = seed, .is_test = false, .index = i};
    request.length = longest - (longest - shortest) * (i % 7) / 12;
    request.depth = static_cast<double>(i % 11) / 10;
    R1_TRY(const LongProblem p, is_program ? make_long_program(request, count_words)
                                           : make_needle(request, count_words));
    text += Json{{"prompt", p.prompt}, {"completion", p.completion}, {"answer", p.answer}}.dump();
    text += "\n";
  }
  R1_RETURN_IF_ERROR(write_text_atomic(file, text));
  return file;
}

/// Held-out problems of one length.
Result<std::vector<Problem>> test_problems(uint64_t seed, int64_t length, bool programs) {
  std::vector<Problem> problems;
  for (const double depth : programs ? std::vector<double>{0} : kDepths) {
    for (int64_t i = 0; i < (programs ? kPrograms : kRowsOfCell); ++i) {
      const LongRequest request{.seed = seed, .length = length, .depth = depth, .index = i};
      R1_TRY(const LongProblem p, programs ? make_long_program(request, count_words)
                                           : make_needle(request, count_words));
      Problem problem;
      problem.id = p.id;
      problem.messages = {{.role = "user", .content = p.prompt}};
      problem.is_chat = true;
      problem.answer = p.answer;
      problem.columns = {{"length", std::to_string(length)}, {"depth", fmt::format("{}", depth)}};
      problems.push_back(std::move(problem));
    }
  }
  return problems;
}

/// A model folder with another config.json; the weights are the same file.
Result<Path> with_config(const Path& from, const Path& to, const std::string& config_json,
                         int64_t positions) {
  std::error_code error;
  std::filesystem::remove_all(to, error);
  R1_RETURN_IF_ERROR(make_folder(to));
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    const Path target = to / entry.path().filename();
    if (entry.path().extension() == ".safetensors") {
      std::filesystem::create_hard_link(entry.path(), target, error);
      if (!error) continue;
    }
    std::filesystem::copy(entry.path(), target, error);
    if (error) return fail("{}: {}", target.string(), error.message());
  }
  R1_RETURN_IF_ERROR(write_text_atomic(to / "config.json", config_json));
  R1_TRY(const std::string tokenizer, read_text(to / "tokenizer_config.json"));
  R1_RETURN_IF_ERROR(write_text_atomic(to / "tokenizer_config.json",
                                       extend_tokenizer_config(tokenizer, positions)));
  return to;
}

Result<Path> extended(const Path& from, const Path& to, int64_t positions) {
  R1_TRY(const std::string config, read_text(from / "config.json"));
  R1_TRY(const std::string json,
         extend_config(config, {.rope_scaling = "yarn", .max_position_embeddings = positions}));
  return with_config(from, to, json, positions);
}

/// More positions and nothing else: what happens without an extension.
Result<Path> stretched(const Path& from, const Path& to, int64_t positions) {
  R1_TRY(const std::string config, read_text(from / "config.json"));
  Json json = Json::parse(config);
  json["max_position_embeddings"] = positions;
  return with_config(from, to, json.dump(2), positions);
}

/// Fine-tunes on lessons up to a length; the folder of the result. A finished run is kept.
Result<Path> learn(const ClaimsConfig& config, const Path& model, const Path& folder, uint64_t seed,
                   int64_t length, int64_t steps, double rate) {
  if (config.resume && std::filesystem::exists(folder / "final" / "config.json"))
    return folder / "final";
  SftConfig c;
  c.model = model.string();
  c.train = config.base.train;
  c.train.output_dir = folder.string();
  c.train.overwrite = true;
  c.train.seed = seed;
  c.train.max_steps = steps;
  c.train.learning_rate = rate;
  c.train.lr_scheduler_type = "linear";
  c.train.min_lr_ratio = 0.1;
  c.train.warmup_steps = std::min<int64_t>(10, steps);
  c.train.save_steps = 0;
  c.train.micro_batch_tokens = std::max(config.base.train.micro_batch_tokens, length);
  c.train_batch_size = std::max<int64_t>(1, kTokensOfStep / length);
  Path lessons = folder;
  lessons += ".jsonl";
  R1_TRY(lessons, write_lessons(lessons, seed, length, steps * c.train_batch_size));
  c.data = lessons.string();
  const auto done = sft(c);
  if (!done) return fail_with(done.error().with(folder.string()));
  R1_TRY([[maybe_unused]] const Path page, write_run_report(folder, ""));
  return Path(done->model);
}

/// Accuracy on problems of one length.
struct Measured {
  std::vector<PositionAccuracy> needles;
  double needle = 0, program = 0;
};

Result<Measured> measure(const Path& folder, const Machine& machine, uint64_t seed,
                         int64_t length) {
  R1_TRY(const LoadedModel loaded, load_model(folder, {.dtype = "auto"}, machine.launch()));
  R1_TRY(const Chat chat, Chat::open(folder, loaded.model->config()));
  EvalConfig eval;
  eval.samples = 1;
  eval.sampling.temperature = 0;
  eval.engine.max_sequences = 8;
  Measured measured;
  for (const bool programs : {false, true}) {
    eval.max_tokens = programs ? length : 8;
    R1_TRY(const auto problems, test_problems(seed, length, programs));
    R1_TRY(const Evaluated e,
           evaluate(*loaded.model, chat, problems, eval, loaded.model->dtype(), machine.launch()));
    (programs ? measured.program : measured.needle) = e.summary.pass_at_1;
    if (!programs) measured.needles = accuracy_by_position(problems, e.episodes);
  }
  return measured;
}

/// One model: its name in the table, and what it got at each length it has, a seed each.
struct Model {
  std::string name;
  std::vector<std::vector<double>> needle, program;  // [length][seed]
  std::vector<PositionAccuracy> last;                // by depth, of the longest, summed over seeds
};

/// The folders that are compared, in the order of the table.
Result<std::vector<Path>> train_all(const ClaimsConfig& config, const Trial& base,
                                    const Lengths& n) {
  const double rate = config.base.train.learning_rate;
  const int64_t learn_steps = std::min(kLearnSteps, config.steps);
  const int64_t extend_steps = std::min(kExtendSteps, config.steps);
  const auto folder = [&](const char* name) {
    return base.folder.parent_path() / fmt::format("{}-{}", name, base.seed);
  };
  R1_TRY(const Path learned, learn(config, base.folder / "final", folder("lessons"), base.seed,
                                   n.original, learn_steps, kLearnRate * rate));
  R1_TRY(const Path as_is, stretched(learned, folder("positions-alone"), n.longest));
  R1_TRY(const Path yarn, extended(learned, folder("yarn-untrained"), n.longest));
  R1_TRY(const Path first, extended(learned, folder("start-middle"), n.middle));
  R1_TRY(const Path middle, learn(config, first, folder("middle"), base.seed, n.middle,
                                  extend_steps, kExtendRate * rate));
  R1_TRY(const Path second, extended(middle, folder("start-longest"), n.longest));
  R1_TRY(const Path longest, learn(config, second, folder("longest"), base.seed, n.longest,
                                   extend_steps, kExtendRate * rate));
  return std::vector<Path>{as_is, yarn, middle, longest};
}

Chart by_depth(const std::string& title, const std::vector<PositionAccuracy>& cells) {
  Chart chart{.title = title, .x_label = "depth of the needle", .y_label = "found"};
  chart.y_min = 0, chart.y_max = 1, chart.percent = true;
  Series series{.name = "YaRN, two phases"};
  for (const PositionAccuracy& c : cells) series.points.emplace_back(c.depth, c.accuracy());
  chart.series = {series};
  return chart;
}

}  // namespace

/// [DeepSeek-V3, section 4.3 and figure 8]
Result<Finding> claim_context(const ClaimsConfig& config) {
  const int64_t original = config.base.new_model.max_positions;
  const Lengths lengths{original, 4 * original, 16 * original};
  R1_TRY(const auto trials, run_trials(config, "context", {{"base", [](PretrainConfig&) {}}}));
  R1_TRY(const Machine machine, Machine::open(config.base.train.compute));
  std::vector<Model> models{{fmt::format("{} positions, stretched", original), {}, {}, {}},
                            {"YaRN, not trained further", {}, {}, {}},
                            {fmt::format("YaRN to {}, trained", lengths.middle), {}, {}, {}},
                            {fmt::format("YaRN to {}, trained", lengths.longest), {}, {}, {}}};
  for (const Trial& base : trials[0]) {
    R1_TRY(const auto folders, train_all(config, base, lengths));
    for (size_t m = 0; m < models.size(); ++m) {
      models[m].needle.resize(3), models[m].program.resize(3);
      for (size_t l = 0; l < 3; ++l) {
        if (m == 2 && l == 2) continue;  // has fewer positions
        log_info("claim context: seed {}, {}, {} tokens", base.seed, models[m].name,
                 lengths.all()[l]);
        R1_TRY(const Measured got, measure(folders[m], machine, base.seed, lengths.all()[l]));
        models[m].needle[l].push_back(got.needle);
        models[m].program[l].push_back(got.program);
        if (l < 2) continue;
        if (models[m].last.empty())
          models[m].last = got.needles;
        else
          for (size_t i = 0; i < got.needles.size(); ++i) {
            models[m].last[i].n_samples += got.needles[i].n_samples;
            models[m].last[i].n_right += got.needles[i].n_right;
          }
      }
    }
  }
  Finding f;
  f.claim =
      "two short phases with YaRN extend the context 32 times, and needles are found at every "
      "depth (V3, section 4.3)";
  f.columns = {"model"};
  for (const char* task : {"needle", "program"})
    for (const int64_t n : lengths.all()) f.columns.push_back(fmt::format("{}, {}", task, n));
  Chart chart{.title = "Needles found by length", .x_label = "tokens", .y_label = "found"};
  chart.y_min = 0, chart.y_max = 1, chart.percent = true;
  for (const Model& m : models) {
    std::vector<std::string> row{m.name};
    Series series{.name = m.name};
    for (const auto* task : {&m.needle, &m.program}) {
      for (size_t l = 0; l < 3; ++l) {
        const auto& values = (*task)[l];
        row.push_back(values.empty() ? "–" : spread_of(values).text(3));
        if (task == &m.needle && !values.empty()) {
          series.points.emplace_back(static_cast<double>(lengths.all()[l]), spread_of(values).mean);
        }
      }
    }
    f.rows.push_back(row);
    chart.series.push_back(series);
  }
  const double before = spread_of(models[0].needle[0]).mean;
  const double after = spread_of(models[3].needle[2]).mean;
  f.holds = before > 0.2 && after > 0.9 * before;  // a guess is right once in ten
  f.verdict = fmt::format(
      "after both phases {:.3f} of the needles are found at {} tokens, and {:.3f} were at {} "
      "before; without an extension {:.3f} are at {}.",
      after, lengths.longest, before, original, spread_of(models[0].needle[2]).mean,
      lengths.longest);
  f.notes = {
      fmt::format("{} needles of each length, {} at each of five depths, greedy; guessing a digit "
                  "finds 0.1. Training rows and test rows are drawn apart.",
                  kRowsOfCell * std::ssize(kDepths), kRowsOfCell),
      fmt::format("The base learns needles and programs up to {} tokens for {} steps of {} tokens "
                  "with loss on the answers, then each phase has {} steps.",
                  original, std::min(kLearnSteps, config.steps), kTokensOfStep,
                  std::min(kExtendSteps, config.steps)),
      fmt::format("A program is run line by line: {} of each length, right if the last digit is.",
                  kPrograms)};
  f.charts = {
      chart, by_depth(fmt::format("Found at {} tokens by depth", lengths.longest), models[3].last)};
  return f;
}

}  // namespace r1
