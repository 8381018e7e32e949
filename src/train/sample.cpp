#include "train/sample.h"

#include <algorithm>
#include <optional>

#include "base/fields.h"
#include "base/log.h"
#include "data/last_digit.h"
#include "train/few_shot.h"
#include "train/rewrite.h"
#include "train/sample_journal.h"
#include "train/sample_rows.h"
#include "train/sample_select.h"
#include "train/sample_source.h"

namespace r1 {
namespace {

constexpr int64_t kBuiltInProblems = 256, kSamplesAtOnce = 512;

Result<std::vector<Problem>> read_all(const SampleConfig& config) {
  std::vector<Problem> problems;
  if (config.data == kLastDigitData) {
    const int64_t n = config.limit > 0 ? config.limit : kBuiltInProblems;
    for (int64_t i = 0; i < n; ++i)
      problems.push_back(last_digit_problem(config.seed, /*test=*/false, i));
    return problems;
  }
  R1_TRY(problems, read_problems(config.data, config.columns));
  if (config.limit > 0 && config.limit < std::ssize(problems))
    problems.resize(static_cast<size_t>(config.limit));
  return problems;
}

/// All that decides what is drawn and how it is judged, as a hash: not what is mixed in later, nor
/// how fast it goes.
Result<std::string> hash_of_run(SampleConfig config, const std::string& weights_sha256) {
  const SampleConfig usual;
  config.output.clear();
  config.mix = usual.mix;
  config.mix_share = usual.mix_share;
  config.mix_count = usual.mix_count;
  config.save_every = usual.save_every;
  config.overwrite = usual.overwrite;
  config.concurrency = usual.concurrency;
  config.retries = usual.retries;
  config.timeout_s = usual.timeout_s;
  config.prices = usual.prices;
  config.compute = usual.compute;
  config.engine = usual.engine;
  config.rewrite.concurrency = usual.rewrite.concurrency;
  config.rewrite.retries = usual.rewrite.retries;
  config.rewrite.timeout_s = usual.rewrite.timeout_s;
  config.rewrite.prices = usual.rewrite.prices;
  std::string text = to_toml(list_fields(config)) + weights_sha256;
  for (const std::string& file : {config.data, config.few_shot, config.rewrite.prompt_file}) {
    if (file.empty() || file == kLastDigitData) continue;
    R1_TRY(const MappedFile mapped, MappedFile::open(file));
    text += checksum(mapped.bytes());
  }
  return sha256(std::as_bytes(std::span(text)));
}

/// Draws and judges one block of problems after the other.
class Sampler {
 public:
  Sampler(const SampleConfig& config, const Machine& machine, SampleSource& source,
          QualityFilters filters)
      : config_(config),
        pool_(*machine.launch().pool),
        source_(source),
        filters_(std::move(filters)) {}

  Result<void> open_helpers() {
    if (!config_.few_shot.empty()) {
      R1_TRY(shots_, FewShot::open(config_.few_shot, config_.n_shots, config_.seed));
    }
    if (config_.rewrite.model.empty()) return {};
    QualityConfig before = filters_.config();
    before.filters = config_.rewrite.filters;
    before.score_reward.clear();
    R1_TRY(before_, QualityFilters::make(before));
    R1_TRY(rewriter_, Rewriter::open(config_.rewrite, config_.output + ".rewrite.cost.json",
                                     config_.overwrite));
    return {};
  }

  Result<std::vector<JudgedProblem>> block(std::span<const Problem> problems, int64_t first) {
    const Timer timer;
    std::vector<Problem> asked(problems.begin(), problems.end());
    if (shots_) {
      for (size_t i = 0; i < asked.size(); ++i)
        asked[i] = with_shots(problems[i], first + static_cast<int64_t>(i));
    }
    R1_TRY(std::vector<DrawnText> drawn, source_.draw(asked, first));
    CHECK(std::ssize(drawn) == std::ssize(problems) * config_.samples, "{} completions",
          drawn.size());
    std::vector<JudgedProblem> judged(problems.size());
    for (size_t i = 0; i < drawn.size(); ++i) {
      const size_t p = i / static_cast<size_t>(config_.samples);
      DrawnText& d = drawn[i];
      judged[p].samples.push_back({static_cast<int>(i % static_cast<size_t>(config_.samples)),
                                   std::move(d.text),
                                   "",
                                   d.finished,
                                   d.opens_think,
                                   d.n_tokens,
                                   {}});
    }
    judge(problems, judged, before_ ? *before_ : filters_);
    if (rewriter_) R1_RETURN_IF_ERROR(rewrite(problems, judged));
    const double share = timer.seconds() / static_cast<double>(problems.size());
    for (size_t p = 0; p < problems.size(); ++p) {
      judged[p].id = problems[p].id;
      judged[p].seconds = share;
    }
    return judged;
  }

  const CostMeter* rewrite_cost() const { return rewriter_ ? rewriter_->cost() : nullptr; }

 private:
  void judge(std::span<const Problem> problems, std::vector<JudgedProblem>& judged,
             const QualityFilters& filters) const {
    std::vector<Ask> asks;
    for (size_t p = 0; p < judged.size(); ++p) {
      for (const JudgedSample& s : judged[p].samples)
        asks.push_back({&problems[p], {s.text, s.finished, s.opens_think, s.n_tokens}});
    }
    std::vector<QualityOutcome> outcomes = filters.check_all(asks, pool_);
    size_t i = 0;
    for (JudgedProblem& problem : judged) {
      for (JudgedSample& s : problem.samples) s.outcome = std::move(outcomes[i++]);
    }
  }

  /// As many examples as leave room for the answer.
  Problem with_shots(const Problem& problem, int64_t index) {
    int n = shots_->n_shots();
    Problem asked = shots_->ask(problem, index, source_.has_template(), n);
    while (n > 0 && !source_.has_room(asked))
      asked = shots_->ask(problem, index, source_.has_template(), --n);
    if (n < shots_->n_shots() && n_short_++ == 0) {
      log_warn("few_shot: {} has room for {} examples, not {}, and others may have less, too",
               problem.id, n, shots_->n_shots());
    }
    return asked;
  }

  /// The first different ones of each problem are rewritten and judged again.
  Result<void> rewrite(std::span<const Problem> problems, std::vector<JudgedProblem>& judged) {
    std::vector<Rewriter::Draft> drafts;
    std::vector<JudgedSample*> chosen;
    const Dedupe dedupe = parse_dedupe(config_.dedupe).value();
    for (size_t p = 0; p < judged.size(); ++p) {
      Different different(dedupe, config_.near_duplicate);
      int n = 0;
      for (JudgedSample& s : judged[p].samples) {
        if (!s.outcome.kept()) continue;
        const bool has_room = config_.max_per_problem == 0 || n < config_.max_per_problem;
        if (!has_room || !different.add(s.text)) {
          s.outcome.dropped_by = "not_rewritten";
          s.outcome.reason = has_room ? "a duplicate" : "enough of this problem";
          continue;
        }
        ++n;
        drafts.push_back({&problems[p], s.text});
        chosen.push_back(&s);
      }
    }
    R1_TRY(const auto texts, rewriter_->rewrite(drafts, config_.seed, pool_));
    std::vector<Ask> asks;
    std::vector<JudgedSample*> rewritten;
    for (size_t i = 0; i < texts.size(); ++i) {
      JudgedSample& s = *chosen[i];
      if (!texts[i]) {
        s.outcome.dropped_by = "rewrite";
        s.outcome.reason = texts[i].error().message;
        continue;
      }
      s.original = std::exchange(s.text, *texts[i]);
      asks.push_back({drafts[i].problem, {s.text, true, false, source_.count_tokens(s.text)}});
      rewritten.push_back(&s);
    }
    std::vector<QualityOutcome> outcomes = filters_.check_all(asks, pool_);
    for (size_t i = 0; i < rewritten.size(); ++i) {
      rewritten[i]->outcome = std::move(outcomes[i]);
      std::string& name = rewritten[i]->outcome.dropped_by;
      if (!name.empty()) name.insert(0, "rewritten_");
    }
    return {};
  }

  const SampleConfig& config_;
  ThreadPool& pool_;
  SampleSource& source_;
  QualityFilters filters_;
  std::optional<QualityFilters> before_;
  std::optional<FewShot> shots_;
  std::optional<Rewriter> rewriter_;
  int64_t n_short_ = 0;  // problems with fewer examples
};

Result<void> sample_all(const SampleConfig& config, const std::vector<Problem>& problems,
                        Sampler& sampler, SampleJournal& journal) {
  const int64_t n = std::ssize(problems);
  // What a server has answered is paid for: little is lost when it stops answering.
  const int64_t at_once = config.url.empty() ? kSamplesAtOnce : 4 * config.concurrency;
  const int64_t block =
      config.save_every > 0 ? config.save_every : std::max<int64_t>(1, at_once / config.samples);
  Progress progress("sample", n * config.samples);
  int64_t n_passed = 0;
  for (int64_t first = std::ssize(journal.problems()); first < n; first += block) {
    const auto size = static_cast<size_t>(std::min(block, n - first));
    R1_TRY(std::vector<JudgedProblem> judged,
           sampler.block(std::span(problems).subspan(static_cast<size_t>(first), size), first));
    for (const JudgedProblem& problem : judged) {
      for (const JudgedSample& s : problem.samples) n_passed += s.outcome.kept();
    }
    R1_RETURN_IF_ERROR(journal.add(std::move(judged)));
    progress.update((first + static_cast<int64_t>(size)) * config.samples,
                    fmt::format("{} passed", n_passed));
  }
  progress.finish();
  return {};
}

/// What dropped most of them, with an example.
void warn_of_none(const SampleReport& report, const std::vector<JudgedProblem>& problems) {
  const auto n_of = [](const auto& dropped) {  // others of a problem are no reason
    return dropped.first == "not_rewritten" ? 0 : dropped.second;
  };
  const auto most =
      std::max_element(report.dropped.begin(), report.dropped.end(),
                       [&](const auto& a, const auto& b) { return n_of(a) < n_of(b); });
  for (const JudgedProblem& problem : problems) {
    for (const JudgedSample& s : problem.samples) {
      if (s.outcome.dropped_by != most->first) continue;
      return log_warn("no completion passed; {} dropped {} of {}, such as sample {} of {}: {}",
                      most->first, most->second, report.n_samples, s.sample, problem.id,
                      s.outcome.reason);
    }
  }
}

}  // namespace

Result<void> SampleConfig::validate() const {
  if (model.model.empty()) return fail("model is not set: r1 sample --model DIR --output X.jsonl");
  if (output.empty()) return fail("output is not set: r1 sample --model DIR --output X.jsonl");
  if (samples < 1) return fail("samples is {}; it must be at least 1", samples);
  if (max_per_problem < 0) return fail("max_per_problem is {}; 0 keeps all", max_per_problem);
  if (max_tokens < 1) return fail("max_tokens is {}; it must be at least 1", max_tokens);
  if (save_every < 0) return fail("save_every is {}; 0 lets the program choose", save_every);
  if (!(near_duplicate > 0 && near_duplicate <= 1))
    return fail("near_duplicate is {}; it is a share above 0, at most 1", near_duplicate);
  if (!(mix_share >= 0 && mix_share < 1))
    return fail("mix_share is {}; it is a share below 1", mix_share);
  if (mix_count < 0) return fail("mix_count is {}", mix_count);
  if (mix.empty() != (mix_share == 0 && mix_count == 0))
    return fail("mix needs mix_share or mix_count, and these need mix");
  if (mix_share > 0 && mix_count > 0) return fail("mix_share and mix_count are both set");
  if (concurrency < 1) return fail("concurrency is {}; it must be at least 1", concurrency);
  R1_RETURN_IF_ERROR(parse_dedupe(dedupe));
  return {};
}

Result<SampleReport> rejection_sample(SampleConfig config) {
  if (config.data == kLastDigitData && config.quality.correct_reward == "accuracy")
    config.quality.correct_reward = "accuracy_strict";
  R1_RETURN_IF_ERROR(config.validate());
  R1_TRY(QualityFilters filters, QualityFilters::make(config.quality));
  R1_TRY(std::vector<Problem> problems, read_all(config));
  R1_TRY(const Machine machine, Machine::open(config.compute));
  R1_TRY(const std::unique_ptr<SampleSource> source,
         config.url.empty() ? open_local_source(config, machine) : open_remote_source(config));
  if (!config.few_shot.empty() && !source->has_template() && config.stop.empty())
    config.stop = {kNextQuestion};
  R1_TRY(problems, source->usable(std::move(problems), filters));
  R1_TRY(const std::string run, hash_of_run(config, source->weights_sha256()));
  R1_TRY(SampleJournal journal,
         SampleJournal::open(config.output + ".samples.jsonl", run, config.overwrite));
  Sampler sampler(config, machine, *source, std::move(filters));
  R1_RETURN_IF_ERROR(sampler.open_helpers());
  R1_RETURN_IF_ERROR(sample_all(config, problems, sampler, journal));
  R1_TRY(SampleRows rows,
         write_sample_rows(config, problems, journal.problems(), source->weights_sha256()));
  if (const CostMeter* meter = source->cost()) {
    rows.report.usage = meter->total();
    rows.report.cost = meter->cost();
  }
  if (const CostMeter* meter = sampler.rewrite_cost()) {
    rows.report.rewrite_usage = meter->total();
    rows.report.rewrite_cost = meter->cost();
  }
  R1_RETURN_IF_ERROR(write_text_atomic(config.output, rows.text));
  R1_RETURN_IF_ERROR(write_text_atomic(config.output + ".summary.json",
                                       sample_report_to_json(rows.report) + "\n"));
  if (rows.report.n_passed == 0) warn_of_none(rows.report, journal.problems());
  return std::move(rows.report);
}

}  // namespace r1
